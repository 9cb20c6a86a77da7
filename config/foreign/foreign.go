package foreign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fanfare/config"
)

// The servers whose configuration can be converted, as Input.From names them.
const (
	Reverb = "reverb"
	Soketi = "soketi"
	Pusher = "pusher"
)

// Servers lists the values of Input.From.
func Servers() []string { return []string{Reverb, Soketi, Pusher} }

// File is a configuration file to convert.
type File struct {
	Name string // as the user wrote it
	Text string
}

// Input is the configuration to convert.
type Input struct {
	Files []File
	Env   []string // variables in the form of os.Environ; nil for none
	From  string   // one of Servers, to ignore settings of the others; "" accepts all
	ID    string   // id for keys of Pusher that come without the id of their app
}

// Result is the converted configuration.
type Result struct {
	Text    []byte   // contents of the new file
	Servers []string // display names of the servers whose settings were found
	Apps    int
	Lost    int // number of settings that were not converted; comments in the file give the reasons
}

// MaxFile is the maximum size of a file, in bytes.
const MaxFile = 4 << 20

// Read converts in. It fails if a file belongs to none of the servers, or if
// there is nothing to convert. No error contains a value.
func Read(in Input) (*Result, error) {
	vars, trees, err := in.open()
	if err != nil {
		return nil, err
	}
	p := &plan{}
	if err := in.carry(p, vars, trees); err != nil {
		return nil, err
	}
	if len(p.servers) == 0 {
		return nil, errors.New("found no configuration of " + in.wanted() + ": no SOKETI_, REVERB_ or PUSHER_APP_ variables, and none of their files")
	}
	text, err := config.Compose(p.head(in), p.settings)
	if err != nil {
		return nil, err
	}
	slices.Sort(p.servers)
	return &Result{Text: text, Servers: slices.Compact(p.servers), Apps: len(p.apps), Lost: p.lost}, nil
}

func (in Input) wanted() string {
	if in.From != "" {
		return in.From
	}
	return "Reverb, soketi or Pusher"
}

func (in Input) reads(server string) bool { return in.From == "" || in.From == server }

// tree is the parsed content of a JSON or PHP file.
type tree struct {
	name string
	v    any
}

// open reads the files. Variables of a later file override those of an earlier
// one, and both override those of the environment.
func (in Input) open() (vars map[string]string, trees []tree, err error) {
	vars = map[string]string{}
	for _, pair := range in.Env {
		name, value, _ := strings.Cut(pair, "=")
		vars[name] = value
	}
	var later []File
	for _, f := range in.Files {
		text := strings.TrimSpace(strings.TrimPrefix(f.Text, "\ufeff"))
		switch {
		case len(f.Text) > MaxFile:
			return nil, nil, fmt.Errorf("%s: is larger than %d bytes", f.Name, MaxFile)
		case text == "":
			return nil, nil, fmt.Errorf("%s: is empty", f.Name)
		case strings.HasPrefix(text, "<?"):
			later = append(later, f) // it may read variables of any file
		case text[0] == '{' || text[0] == '[':
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				return nil, nil, fmt.Errorf("%s: is not valid JSON%s", f.Name, jsonPlace(text, err))
			}
			trees = append(trees, tree{f.Name, v})
		default:
			if err := readVariables(f.Text, vars); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	for _, f := range later {
		v, err := readPHP(f.Text, func(name string) (string, bool) { value, ok := vars[name]; return value, ok })
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		trees = append(trees, tree{f.Name, v})
	}
	return vars, trees, nil
}

// jsonPlace returns the line of an error in JSON, without repeating its text.
func jsonPlace(text string, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	return fmt.Sprintf(" (line %d)", 1+strings.Count(text[:min(int(syntax.Offset), len(text))], "\n"))
}

// kind returns the server that a tree configures, "" for none. "broadcasting" is Laravel's
// config/broadcasting.php.
func (t tree) kind() string {
	if m, ok := t.v.(map[string]any); ok {
		apps, _ := m["apps"].(map[string]any)
		switch {
		case m["servers"] != nil, apps != nil && (apps["apps"] != nil || apps["provider"] != nil):
			return Reverb
		case m["connections"] != nil:
			return "broadcasting"
		case isPusher(m):
			return Pusher
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if isSoketiOption(key) {
				return Soketi
			}
		}
		return ""
	}
	if isPusher(t.v) {
		return Pusher
	}
	return ""
}

// carry converts all settings into p.
func (in Input) carry(p *plan, vars map[string]string, trees []tree) error {
	env := func(name string) (string, bool) { value, ok := vars[name]; return value, ok }
	none := func(string) (string, bool) { return "", false }
	standard := newOptions()
	standard.put("", "", reverbDefaults(none))
	soketi, reverbFile := newOptions(), false
	for _, t := range trees {
		kind := t.kind()
		switch {
		case kind == "":
			return fmt.Errorf("%s: is not a configuration of Reverb or soketi, and contains no keys of a Pusher app", t.name)
		case kind == Reverb && in.reads(Reverb):
			o := newOptions()
			o.put("", "", t.v)
			p.reverb(o, standard)
			reverbFile = true
		case kind == Soketi && in.reads(Soketi):
			for _, key := range slices.Sorted(maps.Keys(t.v.(map[string]any))) {
				soketi.add(key, "", t.v.(map[string]any)[key])
			}
		case kind == Pusher && in.reads(Pusher):
			if err := p.keysOf(t.v, in.ID); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		case kind == "broadcasting" && in.reads(Pusher):
			if err := p.broadcasting(t.v); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	if in.reads(Soketi) {
		unknown := soketi.addVariables(vars)
		if len(soketi.values) > 0 || len(unknown) > 0 {
			p.soketi(soketi, unknown)
		}
	}
	pusherApp, hasPusher := pusherVariables(vars)
	hasReverb := !reverbFile && hasPrefixed(vars, "REVERB_")
	if in.From == "" && hasReverb && hasPusher { // Laravel names the one that it uses
		switch cmp.Or(vars["BROADCAST_CONNECTION"], vars["BROADCAST_DRIVER"]) {
		case Reverb:
			hasPusher = false
		case Pusher:
			hasReverb = false
		}
	}
	if in.reads(Reverb) && hasReverb {
		o := newOptions()
		o.put("", "", reverbDefaults(env))
		p.reverb(o, standard)
	}
	if in.reads(Pusher) && hasPusher {
		return p.keysOf(pusherApp, in.ID)
	}
	return nil
}

func hasPrefixed(vars map[string]string, prefix string) bool {
	for name, value := range vars {
		if strings.HasPrefix(name, prefix) && value != "" {
			return true
		}
	}
	return false
}

func (p *plan) keysOf(v any, id string) error {
	p.servers = append(p.servers, "Pusher")
	return p.pusher(v, id)
}

// broadcasting carries over the apps that Laravel publishes to.
func (p *plan) broadcasting(v any) error {
	connections, _ := v.(map[string]any)["connections"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(connections)) {
		if m, ok := connections[name].(map[string]any); ok && isKeys(m) {
			if err := p.keysOf(m, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// head is what stands at the top of the file.
func (p *plan) head(in Input) []string {
	var from []string
	for _, f := range in.Files {
		from = append(from, strings.Map(printable, f.Name))
	}
	if len(from) == 0 || in.Env != nil {
		from = append(from, "the environment")
	}
	head := []string{
		"fanfare configuration, imported from " + strings.Join(from, ", ") + ". Keys that are not set have their defaults. `fanfare config print` shows all effective values, and docs/configuration.md explains each key.",
	}
	if slices.Contains(p.servers, "Reverb") {
		head = append(head, "REVERB_HOST, REVERB_PORT and REVERB_SCHEME are the address at which Laravel and browsers reach the server. They stay in .env.")
	}
	return append(head, p.notes...)
}
