package foreign

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"fanfare/config"
)

// plan gathers the file to be written.
type plan struct {
	settings []config.Setting
	apps     []keys
	notes    []string // about settings that were not carried over and have no place in the file
	lost     int      // keys that were not carried over
	servers  []string // that were read
}

// keys are those of an app.
type keys struct {
	id, key string
	more    int    // further keys
	from    string // its path in what was read
}

func (p *plan) set(path string, value any, remark string) {
	p.settings = append(p.settings, config.Setting{Path: path, Value: value, Remark: remark})
}

// lose adds a comment that says why a key was not carried over: at a path of
// fanfare, or at the head of the file if path is "".
func (p *plan) lose(path, key, why string) {
	p.lost++
	text := key + " is not carried over: " + why
	if path == "" {
		p.notes = append(p.notes, text)
		return
	}
	p.settings = append(p.settings, config.Setting{Path: path, Comments: []string{text}})
}

// number carries over a number. If it is out of fanfare's bounds, the nearest
// bound is set, with a comment.
func (p *plan) number(path string, o *options, from string, scale, low, high float64) {
	v, ok := o.value(from)
	if !ok {
		return
	}
	n, ok := asNumber(v)
	if !ok {
		p.lose(above(path), o.from(from), notANumber(v))
		return
	}
	n = math.Floor(n * scale)
	within := bounded(n, low, high)
	if float64(within) != n {
		p.comment(path, fmt.Sprintf("%s is %.0f; fanfare accepts %.0f to %.0f.", o.from(from), n, low, high))
	}
	p.set(path, within, o.from(from))
}

// limit carries over a limit. A negative value means no limit.
func (p *plan) limit(path string, o *options, from string) {
	v, ok := o.value(from)
	if !ok {
		return
	}
	n, ok := asNumber(v)
	switch {
	case !ok:
		p.lose(above(path), o.from(from), notANumber(v))
	case n < 0:
		p.set(path, 0, o.from(from)+": no limit")
	default:
		p.set(path, int(min(n, math.MaxInt32)), o.from(from))
	}
}

// duration carries over a duration that is given as a number of units.
func (p *plan) duration(path string, o *options, from string, unit, low, high time.Duration) {
	v, ok := o.value(from)
	if !ok {
		return
	}
	n, ok := asNumber(v)
	if !ok {
		p.lose(above(path), o.from(from), notANumber(v))
		return
	}
	given := time.Duration(min(n*float64(unit), float64(math.MaxInt64/2)))
	d := max(low, min(high, given))
	if d != given {
		p.comment(path, fmt.Sprintf("%s is %s; fanfare accepts %s to %s.", o.from(from), given, low, high))
	}
	p.set(path, d, o.from(from))
}

func notANumber(v any) string {
	if v == any(computed{}) {
		return computedByPHP
	}
	return "it is not a number."
}

const computedByPHP = "PHP computes it, and the import does not run PHP. Write the value here."

func (p *plan) comment(path, text string) {
	p.settings = append(p.settings, config.Setting{Path: path, Comments: []string{text}})
}

// above returns the path of the element or group that contains a key.
func above(path string) string {
	if i := strings.LastIndexByte(path, '.'); i > 0 {
		return path[:i]
	}
	return ""
}

// app adds an app and returns its path. If there is an app with this id, app adds
// the key to it, unless an app has that key, and returns "".
func (p *plan) app(id, key, secret, remark string) (path string) {
	if i := slices.IndexFunc(p.apps, func(a keys) bool { return a.id == id }); i >= 0 {
		if p.hasKey(key) {
			return ""
		}
		at := fmt.Sprintf("apps.%d.keys.%d", i, p.apps[i].more)
		p.apps[i].more++
		p.set(at+".key", key, remark)
		p.set(at+".secret", secret, "")
		return ""
	}
	path = fmt.Sprintf("apps.%d", len(p.apps))
	p.apps = append(p.apps, keys{id: id, key: key})
	p.set(path+".id", id, remark)
	p.set(path+".key", key, "")
	p.set(path+".secret", secret, "")
	return path
}

// hasKey reports whether any app has the key.
func (p *plan) hasKey(key string) bool {
	return slices.ContainsFunc(p.settings, func(s config.Setting) bool {
		return s.Value == any(key) && strings.HasSuffix(s.Path, ".key")
	})
}

// loseRest adds a comment on every option that was not carried over. reason
// returns the reason for a path, or "" for no comment.
func (p *plan) loseRest(o *options, place func(path string) string, reason func(path string) string) {
	said := map[string]bool{}
	for _, path := range o.left() {
		why := reason(path)
		if o.values[path] == any(computed{}) && why == unknown {
			why = computedByPHP
		}
		if key := o.from(path); why != "" && !said[key] {
			said[key] = true
			p.lose(place(path), key, why)
		}
	}
}

// unknown is the reason for a key that the other server does not have.
const unknown = "the key is unknown."

// reasons say why keys are not carried over, by the beginning of their paths. A *
// matches any one part of a path.
type reasons []struct{ path, why string }

func (r reasons) of(path string) string {
	parts := strings.Split(path, ".")
	for _, it := range r {
		want := strings.Split(it.path, ".")
		if len(want) <= len(parts) && slices.EqualFunc(want, parts[:len(want)], func(w, p string) bool { return w == "*" || w == p }) {
			return it.why
		}
	}
	return unknown
}
