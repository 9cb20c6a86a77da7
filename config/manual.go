package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Manual returns the reference pages that are generated from the code, by file
// name: how the configuration works, the keys of the server, and the keys of an
// app.
func Manual() map[string][]byte {
	var index, server, app strings.Builder
	fields := schema()
	d := Defaults()
	root := reflect.ValueOf(&d).Elem()

	server.WriteString(serverHead)
	app.WriteString(appHead)
	server.WriteString("## Server\n\n")
	writeTable(&server, fields, root, "")
	index.WriteString("| section | what it holds |\n|---|---|\n| [top level](" + serverPage + "#server) | The listener for clients and the control socket. |\n")
	for _, f := range fields {
		if f.isLeaf() {
			continue
		}
		b, page := &server, serverPage
		if f.key == "apps" {
			b, page = &app, appPage
		}
		fmt.Fprintf(&index, "| [`%s`](%s#%s) | %s |\n", f.key, page, f.key, cell(f.doc))
		fmt.Fprintf(b, "\n## %s\n\n%s\n\n", f.key, cell(f.doc))
		writeSection(b, f, root.Field(f.index), f.key)
	}
	return map[string][]byte{
		"configuration.md": []byte(manualHead + index.String()),
		serverPage:         []byte(server.String()),
		appPage:            []byte(app.String()),
	}
}

const (
	serverPage = "configuration-server.md"
	appPage    = "configuration-apps.md"
)

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

// bounds returns the bounds in the tag as a sentence, or "".
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

// generic returns a path with [] for the indexes of lists: apps[].limits.
func generic(path string) string { return strings.ReplaceAll(path, ".0", "[]") }

// cell escapes the characters that a Markdown table reads as columns or emphasis.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`).Replace(text)
}

const manualHead = `# Configuration

> **For** operators. **Answers:** how do I configure fanfare, in which order do file, environment and flags apply, and where is each key explained?

<!-- Written from config/*.go by ` + "`" + `make docs` + "`" + `; a test compares the two. -->

` + "`" + `fanfare serve --config config.yaml` + "`" + ` reads one YAML or JSON file. Without ` + "`" + `--config` + "`" + ` it reads the file named by the environment variable ` + "`" + `FANFARE_CONFIG` + "`" + `.
A minimal file holds one app:

` + "`" + `` + "`" + `` + "`" + `yaml
apps:
  - id: "1001"                       # used in API paths
    key: 3f9a1c0d5e7b2846a1d0        # public: every page contains it
    secret: ${CHAT_SECRET}           # private: only your servers know it
` + "`" + `` + "`" + `` + "`" + `

Without a file and without an app in the environment or the flags, fanfare serves the demo app: id ` + "`" + `app-id` + "`" + `, key ` + "`" + `app-key` + "`" + `, secret ` + "`" + `app-secret` + "`" + `. Everyone knows that
secret. Use the demo app on your own machine only.

| command | what it does |
|---|---|
| ` + "`" + `fanfare config init FILE` + "`" + ` | writes a new file with every key at its default ([config.yaml](../config.yaml)) and one new app |
| ` + "`" + `fanfare import FILE…` + "`" + ` | converts the configuration of Reverb, soketi or Pusher ([moving.md](moving.md)) |
| ` + "`" + `fanfare config check --config FILE` + "`" + ` | lists the errors in a file, and warns of likely mistakes |
| ` + "`" + `fanfare config print --config FILE` + "`" + ` | prints the effective values and where each was set, with secrets masked; ` + "`" + `--defaults` + "`" + ` prints the defaults |
| ` + "`" + `fanfare keys new` + "`" + ` | prints a file with a new app; with ` + "`" + `--entry` + "`" + `, an entry to append below ` + "`" + `apps:` + "`" + ` |

## Order

A flag overrides an environment variable. A variable overrides the file. The file overrides the default.

## Values

- **Durations** need a unit: ` + "`" + `500ms` + "`" + `, ` + "`" + `30s` + "`" + `, ` + "`" + `5m` + "`" + `, ` + "`" + `1h30m` + "`" + `. A plain number is refused, because other servers read it as seconds or as milliseconds. Only ` + "`" + `0` + "`" + ` needs no unit.
- **Sizes** are plain numbers of bytes. ` + "`" + `memory_limit` + "`" + ` uses the notation of ` + "`" + `GOMEMLIMIT` + "`" + ` (` + "`" + `512MiB` + "`" + `).
- **Texts** are used as written. In the file, ` + "`" + `${NAME}` + "`" + ` is replaced (see below). Two forms are refused: quotes inside a value, as ` + "`" + `docker --env-file` + "`" + ` leaves them, and ` + "`" + `$SECRET` + "`" + `
  without braces, which nothing replaces.
- **Apps.** Each app needs its own id, key and secret, wherever it is configured.

## Environment variables

- The variable of a key is ` + "`" + `FANFARE_` + "`" + ` and the path of the key in capitals, with underscores for dots: ` + "`" + `FANFARE_METRICS_LISTEN` + "`" + `.
- Elements of a list are counted from 0: ` + "`" + `FANFARE_APPS_0_KEY` + "`" + `, ` + "`" + `FANFARE_APPS_1_LIMITS_MAX_CONNECTIONS` + "`" + `. The number after the last element of the file's list adds an element.
- ` + "`" + `FANFARE_APP_ID` + "`" + `, ` + "`" + `FANFARE_APP_KEY` + "`" + ` and ` + "`" + `FANFARE_APP_SECRET` + "`" + ` set the first app.
- Separate lists of texts with commas. Write ` + "`" + `headers` + "`" + ` as a JSON object.
- An empty variable sets an empty value: ` + "`" + `FANFARE_METRICS_LISTEN=` + "`" + ` turns metrics off.
- A variable that matches no key causes a warning.

## Secrets in files

Append ` + "`" + `_FILE` + "`" + ` to any variable to read the value from a file, as Docker and Kubernetes mount secrets: ` + "`" + `FANFARE_APP_SECRET_FILE=/run/secrets/app-secret` + "`" + `. Trailing line breaks are
removed. Every reload reads the file again. Setting a key in both ways is an error.

## Variables in the file

A value may refer to any environment variable: ` + "`" + `secret: ${CHAT_SECRET}` + "`" + `, ` + "`" + `listen: ":${PORT:-6001}"` + "`" + `.

- The text after ` + "`" + `:-` + "`" + ` is used if the variable is unset or empty. Without ` + "`" + `:-` + "`" + `, an unset variable is an error.
- The content of the variable becomes the text of the value. It is never parsed as YAML. For a list of texts, separate the elements with commas.
- Write ` + "`" + `$${` + "`" + ` for a literal ` + "`" + `${` + "`" + `. Inside YAML braces, quote the value: ` + "`" + `{secret: "${CHAT_SECRET}"}` + "`" + `.

## Errors and warnings

The server does not start with unknown keys, wrong types, missing secrets, values out of range or keys that contradict each other. All errors are listed together, in the order of the
file. Each names its line, its key and the remedy. A configuration that works but is probably a mistake causes a warning.

` + "`" + `` + "`" + `` + "`" + `
$ fanfare config check --config broken.yaml
fanfare: the configuration is invalid:
  broken.yaml:2: apps[0].secret: is missing; ` + "`" + `fanfare keys new` + "`" + ` makes a key and its secret
  broken.yaml:3: apps[0].secert: unknown key; did you mean apps[0].secret?
  broken.yaml:4: apps[0].limits.max_event_bytes: "10k" is not a whole number
` + "`" + `` + "`" + `` + "`" + `

## Reload

` + "`" + `fanfare reload` + "`" + ` and the signal SIGHUP make the server read the file again ([reload.md](reload.md)). Keys marked **Needs a restart** keep their value until the next start.

## Where each key is explained

`

const serverHead = `# Configuration of the server

> **For** operators. **Answers:** what does each key of the server do, what is its default, and which variable and flag set it?

<!-- Written from config/*.go by ` + "`" + `make docs` + "`" + `; a test compares the two. -->

[configuration.md](configuration.md) explains how file, environment and flags work together. The keys of an app are in [configuration-apps.md](configuration-apps.md).

`

const appHead = `# Configuration of apps

> **For** operators. **Answers:** what does each key of an app do, what is its default, and which variable and flag set it?

<!-- Written from config/*.go by ` + "`" + `make docs` + "`" + `; a test compares the two. -->

[configuration.md](configuration.md) explains how file, environment and flags work together. Apps can also be kept in a database ([apps.md](apps.md)); the keys are the same there.
`
