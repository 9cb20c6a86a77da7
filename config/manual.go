package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Manual is docs/configuration.md: the rules of the file in prose, then a
// table of every key with its environment variable, flag and default.
func Manual() []byte {
	var b strings.Builder
	b.WriteString(manualHead)
	fields := schema()
	d := Defaults()
	root := reflect.ValueOf(&d).Elem()

	b.WriteString("## Server\n\n")
	writeTable(&b, fields, root, "")
	for _, f := range fields {
		if f.isLeaf() {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", f.key, cell(f.doc))
		writeSection(&b, f, root.Field(f.index), f.key)
	}
	return []byte(b.String())
}

// writeSection writes the table of a group or list and then those inside it.
func writeSection(b *strings.Builder, f *field, v reflect.Value, path string) {
	if f.kind == kindList {
		path += ".0"
		if v.Len() > 0 {
			v = v.Index(0)
		} else {
			v = newElement(v.Type().Elem())
		}
	}
	writeTable(b, f.fields, v, path)
	for _, inner := range f.fields {
		if inner.isLeaf() {
			continue
		}
		p := join(path, inner.key)
		fmt.Fprintf(b, "\n### %s\n\n%s\n\n", generic(p), cell(inner.doc))
		writeSection(b, inner, v.Field(inner.index), p)
	}
}

func writeTable(b *strings.Builder, fields []*field, v reflect.Value, path string) {
	b.WriteString("| key | default | what it does | variable, flag |\n|---|---|---|---|\n")
	for _, f := range fields {
		if !f.isLeaf() {
			continue
		}
		p := join(path, f.key)
		set := "`" + variable(p) + "`"
		if f.flag != "" {
			set += " `--" + f.flag + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s%s%s | %s |\n", generic(p), defaultCell(f, v.Field(f.index)), cell(f.doc), f.bounds(), f.restartNote(), set)
	}
}

func defaultCell(f *field, v reflect.Value) string {
	if f.required() {
		return "required"
	}
	return "`" + f.text(v) + "`"
}

// bounds says in words what a value may be, where the tag holds it to that.
func (f *field) bounds() string {
	switch {
	case len(f.oneof) > 0:
		return " One of `" + strings.Join(f.oneof, "`, `") + "`."
	case f.min != "" && f.max != "":
		return fmt.Sprintf(" From %s to %s.", f.min, f.max)
	case f.min != "" && f.min != "0":
		return fmt.Sprintf(" At least %s.", f.min)
	}
	return ""
}

// generic writes a path for any element of a list: apps[].limits.
func generic(path string) string { return strings.ReplaceAll(path, ".0", "[]") }

// cell keeps a text from breaking a Markdown table or becoming emphasis.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`).Replace(text)
}

const manualHead = `# Configuration

<!-- Made from config/*.go by ` + "`make docs`" + `; a test holds the two together. -->

` + "`fanfare serve --config config.yaml`" + ` reads one YAML (or JSON) file; without ` + "`--config`" + `, the one that the variable ` + "`FANFARE_CONFIG`" + ` names.
If there is no file and nothing names an app, fanfare serves the demo app: id ` + "`app-id`, key `app-key`, secret `app-secret`" + `. Everyone
knows that secret, so it is right for a laptop and wrong for anything that others can reach.

| command | does |
|---|---|
| ` + "`fanfare config init FILE`" + ` | writes a file to begin with: every key with its default ([config.yaml](../config.yaml)) and a new app |
| ` + "`fanfare import FILE…`" + ` | makes a file of the configuration of Reverb, soketi or Pusher ([moving.md](moving.md)) |
| ` + "`fanfare config check --config FILE`" + ` | says what is wrong, and warns of what is surely a mistake |
| ` + "`fanfare config print --config FILE`" + ` | prints what is in force and where each value was set, secrets masked; ` + "`--defaults`" + ` prints the defaults |
| ` + "`fanfare keys new`" + ` | prints a new app as a file; with ` + "`--entry`" + `, to go below ` + "`apps:`" + ` of a file that has some |

A flag wins over an environment variable, a variable over the file, the file over the default.

- **Environment.** The variable of a key is ` + "`FANFARE_`" + ` and the path of the key in capitals, with underscores for dots: ` + "`FANFARE_METRICS_LISTEN`" + `.
  Elements of a list are counted from 0: ` + "`FANFARE_APPS_0_KEY`, `FANFARE_APPS_1_LIMITS_MAX_CONNECTIONS`" + `. The number after the last element of
  the file's list adds an element. ` + "`FANFARE_APP_ID`, `FANFARE_APP_KEY` and `FANFARE_APP_SECRET`" + ` are short for those of the first app.
  Lists of texts are written with commas, ` + "`headers`" + ` as a JSON object. An empty variable is a value: ` + "`FANFARE_METRICS_LISTEN=`" + ` turns
  metrics off. A variable that names no key gets a warning.
- **Secrets from files.** Each variable can end with ` + "`_FILE`" + ` and then names a file that holds the value, as Docker and Kubernetes mount
  secrets: ` + "`FANFARE_APP_SECRET_FILE=/run/secrets/app-secret`" + `. Line ends behind the value do not count. Every reload reads the file again. A key that is set both
  ways is refused.
- **Variables in the file.** A value may name variables of any name: ` + "`secret: ${CHAT_SECRET}`, `listen: \":${PORT:-6001}\"`" + `. Behind ` + "`:-`" + ` stands what counts
  where the variable is not set or empty; without it, a variable that is not set is a mistake. What the variable holds is taken as the text of the value,
  never as YAML; for a list of texts it has commas. ` + "`$${`" + ` stands for ` + "`${`" + `. Within braces (` + "`{secret: \"${CHAT_SECRET}\"}`" + `) YAML wants quotes around it.
- **Apps.** An app that a file, a variable or a flag begins must have its own id, key and secret.
- **Durations** carry a unit: ` + "`500ms`, `30s`, `5m`, `1h30m`" + `. A plain number is refused, because other servers read it as seconds or
  as milliseconds; only ` + "`0`" + ` needs no unit.
- **Sizes in bytes** are plain numbers; ` + "`memory_limit`" + ` takes the notation of ` + "`GOMEMLIMIT`" + ` (` + "`512MiB`" + `).
- **Texts** are taken as they are, but for ` + "`${NAME}`" + ` in the file. Quotes that belong to the value, as ` + "`docker --env-file`" + ` leaves them, and names of
  variables in forms that nothing replaces, such as ` + "`$SECRET`" + `, are refused.
- **Mistakes** stop the start: unknown keys, wrong types, missing secrets, values out of bounds, keys that contradict each other. All are
  listed at once in the order of lines, each with its line, its key and what would be right. What works and is surely not meant gets a
  warning.
- **Reload.** ` + "`fanfare reload`" + ` and SIGHUP have the server read the file again. Keys marked **Needs a restart** keep their value
  until then.

` + "```" + `
$ fanfare config check --config broken.yaml
fanfare: the configuration is not usable:
  broken.yaml:2: apps[0].secret: is missing; ` + "`fanfare keys new`" + ` makes a key and its secret
  broken.yaml:3: apps[0].secert: unknown key; did you mean apps[0].secret?
  broken.yaml:4: apps[0].limits.max_event_bytes: "10k" is not a whole number
` + "```" + `

`
