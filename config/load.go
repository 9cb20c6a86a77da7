package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Load reads the configuration. Flags override the environment, the environment
// overrides the file, and the file overrides the defaults. file may be empty
// and flags nil; env has the form of os.Environ. Values in the file may refer
// to variables, and variables that end with _FILE name files, which Load reads
// too. Without a file, and if no source names an app, the configuration has the
// demo app; otherwise it has only the apps that are named.
//
// The error is an *Error that lists every problem, or says why the file could
// not be read.
func Load(file string, flags *pflag.FlagSet, env []string) (*Config, error) {
	cfg := Defaults()
	r := newReport()
	merged := newLayer()
	variables := newEnvironment(env)
	if file != "" {
		if inQuotes(file) {
			return nil, fmt.Errorf("the name of the file, %s, begins and ends with a quote that is part of it, as docker --env-file leaves it; write it without quotes", file)
		}
		fromFile, err := readFile(file, variables, r)
		if err != nil {
			return nil, err
		}
		merged = fromFile
	}
	inFile := maps.Clone(merged.lengths)
	fromEnv := readEnv(env, inFile, r)
	maps.Copy(merged.values, fromEnv.values)
	for path, n := range fromEnv.lengths {
		merged.lengths[path] = max(merged.lengths[path], n)
	}
	fields, root := schema(), reflect.ValueOf(&cfg).Elem()
	readFlags(fields, flags, merged, inFile, r)
	if file != "" || merged.lengths["apps"] > 0 {
		cfg.Apps, cfg.DemoApp = nil, false
	}
	closeGaps(merged, inFile, r)
	for _, p := range r.unknown {
		if variables.named[p.Source] {
			continue // the file refers to it
		}
		if cfg.DemoApp && meansApp(p.Source) { // a typing error must not start the demo app, whose secret is public
			r.problems = append(r.problems, p)
		} else {
			r.warnings = append(r.warnings, p)
		}
	}
	grow(fields, root, "", func(path string) int { return merged.lengths[path] })

	// The whole path is one key of viper. With the usual delimiter "." viper
	// would split it, and find no element of a list.
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00"))
	for path, value := range merged.values { // MergeConfigMap compares each key with all
		v.SetDefault(path, value)
	}
	walk(fields, root, "", func(path string, f *field, place reflect.Value) {
		if err := bindFlag(v, path, f, flags); err != nil {
			r.add(path, err.Error())
		}
		if raw := v.Get(path); raw != nil {
			if !f.checkWritten(path, raw, r) {
				return
			}
			if err := f.set(place, raw); err != nil {
				r.add(path, err.Error())
				return
			}
		}
		f.check(path, place, r)
	})
	if cfg.Store.InDatabase() {
		if !cfg.DemoApp {
			cfg.FileApps = cfg.Apps
		}
		cfg.Apps, cfg.DemoApp = nil, false
	}
	checkTogether(&cfg, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	findDoubts(&cfg, r)
	byLine(r.warnings)
	for _, w := range r.warnings {
		cfg.Warnings = append(cfg.Warnings, w.String())
	}
	cfg.sources = r.sources
	return &cfg, nil
}

// readFlags notes which keys the flags set. Flags of an app apply to the first
// app, and add it if there is none.
func readFlags(fields []*field, flags *pflag.FlagSet, l layer, inFile map[string]int, r *report) {
	if flags == nil {
		return
	}
	note := func(path string, fields []*field) {
		for _, f := range fields {
			if f.isLeaf() && f.flag != "" && flags.Changed(f.flag) {
				r.begin(join(path, f.key), "--"+f.flag, inFile)
				if path == "apps.0" {
					l.lengths["apps"] = max(l.lengths["apps"], 1)
				}
			}
		}
	}
	note("", fields)
	for _, f := range fields {
		switch f.kind {
		case kindGroup:
			note(f.key, f.fields)
		case kindList:
			note(f.key+".0", f.fields)
		}
	}
}

// bindFlag lets the flag of a key, if it was given, override the other sources.
// Flags of an app apply to the first app.
func bindFlag(v *viper.Viper, path string, f *field, flags *pflag.FlagSet) error {
	if flags == nil || f.flag == "" || !flags.Changed(f.flag) || !meantByFlag(path) {
		return nil
	}
	return v.BindPFlag(path, flags.Lookup(f.flag))
}

// meantByFlag reports whether a flag applies to the key at path: of several apps,
// only to the first.
func meantByFlag(path string) bool {
	return !strings.HasPrefix(path, "apps.") || strings.HasPrefix(path, "apps.0.")
}

// closeGaps refuses list elements whose index is past the end of the list, such
// as apps[5] after apps[1]: the apps between them would have no id.
func closeGaps(l layer, inFile map[string]int, r *report) {
	for _, list := range slices.Sorted(maps.Keys(l.lengths)) {
		begun := func(i int) bool { return r.begun[join(list, strconv.Itoa(i))] != "" }
		end, next := l.lengths[list], inFile[list]
		for next < end && begun(next) {
			next++
		}
		l.lengths[list] = next
		for i := next; i < end; i++ {
			if begun(i) {
				r.add(join(list, strconv.Itoa(i)), fmt.Sprintf("%s is missing before it; number the elements from 0 without gaps", display(join(list, strconv.Itoa(next)))))
			}
		}
	}
}
