package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is the text of a file of the tree.
func source(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.Join(path...)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows are the cells of the tables in a text, without their heads.
func rows(text string) (all [][]string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if strings.HasPrefix(line, "|--") { // the line before is the head
			all = all[:len(all)-1]
			continue
		}
		all = append(all, cells)
	}
	return all
}

// quoted are the texts in backquotes of the first cells of a section's rows.
func quoted(t *testing.T, page, heading string, cell int) (all []string) {
	t.Helper()
	for _, cells := range rows(section(t, page, heading)) {
		if cell < len(cells) && strings.HasPrefix(cells[cell], "`") {
			name, _, _ := strings.Cut(cells[cell][1:], "`")
			all = append(all, name)
		}
	}
	return all
}

// same reports what is in one of two lists only.
func same(t *testing.T, what string, page, code []string) {
	t.Helper()
	if len(code) == 0 {
		t.Fatalf("%s: nothing was found in the code: it is not read right", what)
	}
	for _, name := range code {
		if !slices.Contains(page, name) {
			t.Errorf("%s: %s is in the code and not on the page", what, name)
		}
	}
	for _, name := range page {
		if !slices.Contains(code, name) {
			t.Errorf("%s: %s is on the page and not in the code", what, name)
		}
	}
}

// firsts are the first groups of all that a pattern finds.
func firsts(pattern, text string) (all []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestSpec_DefaultLimitsAreThoseOfTheCode(t *testing.T) {
	_, body, _ := strings.Cut(source(t, "apps", "app.go"), "func DefaultLimits() Limits {")
	body, _, _ = strings.Cut(body, "\n}")
	var code, page []string
	for _, m := range regexp.MustCompile(`(?m)^\t+(\w+): +([^,]+),$`).FindAllStringSubmatch(body, -1) {
		code = append(code, fmt.Sprintf("limits.%s = %d", snake(m[1]), value(t, "apps", m[2])))
	}
	for _, cells := range rows(section(t, "limits.md", "Limits")) {
		if key := strings.Trim(cells[2], "`"); strings.HasPrefix(key, "limits.") {
			page = append(page, key+" = "+cells[1])
		}
	}
	same(t, "limits", page, code)
}

// snake writes a field's name as the configuration does.
func snake(name string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
}

func TestSpec_FixedLimitsAreThoseOfTheCode(t *testing.T) {
	found := 0
	for _, cells := range rows(section(t, "limits.md", "Limits")) {
		folder, name, ok := strings.Cut(strings.Trim(cells[2], "`"), ".")
		if !ok || folder == "limits" {
			continue
		}
		found++
		want := strconv.FormatInt(value(t, folder, name), 10)
		if said, ok := strings.CutSuffix(cells[1], " s"); ok {
			want, cells[1] = strconv.FormatFloat(float64(value(t, folder, name))/1e9, 'f', -1, 64), said
		}
		if cells[1] != want {
			t.Errorf("the page says %s for %s.%s, which is %s", cells[1], folder, name, want)
		}
	}
	if found < 20 {
		t.Errorf("found %d constants: the table is not read right", found)
	}
}

// Those of RFC 6455 that the server closes with, as the library calls them.
var standardCodes = map[string]string{
	"StatusNormalClosure": "1000", "StatusProtocolError": "1002", "StatusUnsupportedData": "1003",
	"StatusInvalidFramePayloadData": "1007", "StatusMessageTooBig": "1009",
}

func TestSpec_CodesAreThoseOfTheCode(t *testing.T) {
	var closes, errors []string
	for _, code := range firsts(codeConst.String(), source(t, "pusherproto", "codes.go")) {
		switch {
		case code == "0":
			errors = append(errors, "null")
		case code < "4300":
			closes = append(closes, code)
		default:
			errors = append(errors, code)
		}
	}
	text := sources(t)
	for _, name := range firsts(`ws\.(Status\w+)`, text) {
		code, ok := standardCodes[name]
		switch {
		case name == "StatusCode": // a conversion
		case !ok:
			t.Errorf("the code %s is not known here", name)
		case !slices.Contains(closes, code):
			closes = append(closes, code)
		}
	}
	column := func(page, heading string) (all []string) {
		for _, cells := range rows(section(t, page, heading)) {
			if regexp.MustCompile(`^(?:\d{4}|null)$`).MatchString(cells[0]) {
				all = append(all, cells[0])
			}
		}
		return all
	}
	same(t, "close codes", column("websocket.md", "Close codes"), closes)
	same(t, "codes of errors", column("limits.md", "Event names"), errors)
}

func TestSpec_EventNamesAreThoseOfTheCode(t *testing.T) {
	same(t, "event names", quoted(t, "limits.md", "Event names", 0),
		firsts(`(?m)^\tEvent\w+ += "([^"]+)"`, source(t, "pusherproto", "codes.go")))
	same(t, "events of webhooks", quoted(t, "webhooks.md", "Events", 0),
		firsts(`channels\.\w+: +"([a-z_]+)"`, source(t, "webhooks", "filter.go")))
}

func TestSpec_EndpointsAreThoseOfTheCode(t *testing.T) {
	text := source(t, "httpapi", "routes.go")
	paths := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += ((?:\w+ \+ )?"[^"]*")`).FindAllStringSubmatch(text, -1) {
		paths[m[1]] = pathOf(paths, m[2])
	}
	methods := map[string]string{"reads": "GET", "posts": "POST", "deletes": "DELETE"}
	var code, page []string
	for _, m := range regexp.MustCompile(`r\.handle\((\w+|\[\]string\{[^}]*\}), ([^,]+), `).FindAllStringSubmatch(text, -1) {
		if m[2] == "socketPath" { // another page has it
			continue
		}
		method := methods[m[1]]
		if method == "" {
			method = "GET"
		}
		code = append(code, method+" "+pathOf(paths, m[2]))
	}
	for _, cells := range rows(section(t, "http-api.md", "Endpoints")) {
		page = append(page, cells[0]+" "+strings.Trim(cells[1], "`"))
	}
	same(t, "endpoints", page, code)
	same(t, "actions of sessions over HTTP", quoted(t, "http-fallback.md", "Requests", 0),
		firsts(`(?m)^\t\t"/(xhr\w*)":`, withConstants(source(t, "httpapi", "fallback.go"))))
}

// withConstants writes the texts of a file's constants wherever their names are.
func withConstants(text string) string {
	for _, m := range regexp.MustCompile(`(?m)^(?:const |\t)(\w+) += ("[^"]+")$`).FindAllStringSubmatch(text, -1) {
		text = regexp.MustCompile(`\b`+m[1]+`\b`).ReplaceAllLiteralString(text, m[2])
	}
	return text
}

// pathOf reads a path that is a constant, a text or both.
func pathOf(constants map[string]string, expression string) string {
	whole := ""
	for part := range strings.SplitSeq(expression, "+") {
		part = strings.TrimSpace(part)
		if text, ok := strings.CutPrefix(part, `"`); ok {
			whole += strings.TrimSuffix(text, `"`)
		} else {
			whole += constants[part]
		}
	}
	return whole
}

func TestSpec_StatusesAreThoseOfTheCode(t *testing.T) {
	listed := regexp.MustCompile(`countedStatuses = \[\.\.\.\]int\{0, ([^}]*)\}`).FindStringSubmatch(source(t, "httpapi", "requestcounts.go"))
	if listed == nil {
		t.Fatal("requestcounts.go has no list of statuses")
	}
	var page []string
	for _, cells := range rows(section(t, "http-api.md", "Status codes")) {
		page = append(page, cells[0])
	}
	same(t, "statuses", page, strings.Split(listed[1], ", "))
}

func TestSpec_HeadersAreThoseOfTheCode(t *testing.T) {
	text := withConstants(source(t, "httpapi", "fallback.go"))
	names := slices.Concat(quoted(t, "http-fallback.md", "CORS", 0), quoted(t, "http-fallback.md", "Lines", 0))
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) < 3 || name[0] < 'A' || name[0] > 'Z' }) // a line's kind
	same(t, "headers of sessions over HTTP", names, firsts(`header\.(?:Set|Add)\("([^"]+)"`, text))
	for _, heading := range []string{"CORS", "Lines"} {
		for _, cells := range rows(section(t, "http-fallback.md", heading)) {
			name, said := strings.Trim(cells[0], "`"), strings.Trim(cells[1], "`")
			fixed := "`"+said+"`" == cells[1]
			if fixed && slices.Contains(names, name) && !strings.Contains(text, fmt.Sprintf("(%q, %q)", name, said)) {
				t.Errorf("the page says %s: %s, which the code does not", name, said)
			}
		}
	}
	names = slices.DeleteFunc(quoted(t, "webhooks.md", "Request", 0), func(name string) bool { return name[0] == '{' }) // a body
	same(t, "headers of webhooks", names,
		firsts(`(?:req\.Header\.Set\(|setUnlessThere\(req\.Header, )"([^"]+)"`, source(t, "webhooks", "client.go")))
}
