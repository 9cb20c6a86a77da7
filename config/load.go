package config

import (
	"maps"
	"reflect"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Load reads the configuration: defaults, over them the file, over it the
// environment, over that the flags. file may be "" for none, flags nil; env
// has the form of os.Environ. Without a file there is one app with the
// defaults people know, with a file only the apps it lists.
//
// The error is an *Error that lists every problem, or says why the file could
// not be read.
func Load(file string, flags *pflag.FlagSet, env []string) (*Config, error) {
	cfg := Defaults()
	r := newReport()
	merged := newLayer()
	if file != "" {
		cfg.Apps = nil
		fromFile, err := readFile(file, r)
		if err != nil {
			return nil, err
		}
		merged = fromFile
	}
	fromEnv, warnings := readEnv(env, r)
	maps.Copy(merged.values, fromEnv.values)
	for path, n := range fromEnv.lengths {
		merged.lengths[path] = max(merged.lengths[path], n)
	}

	fields, root := schema(), reflect.ValueOf(&cfg).Elem()
	growForFlags(fields, flags, merged)
	grow(fields, root, "", func(path string) int { return merged.lengths[path] })

	// Paths are viper's keys as a whole: with its usual "." it would split
	// them, and find nothing of a list.
	v := viper.NewWithOptions(viper.KeyDelimiter("\x00"))
	if err := v.MergeConfigMap(merged.values); err != nil {
		return nil, err
	}
	walk(fields, root, "", func(path string, f *field, place reflect.Value) {
		bindFlag(v, path, f, flags, r)
		raw := v.Get(path)
		if raw == nil {
			f.check(path, place, r)
			return
		}
		if err := f.set(place, raw); err != nil {
			r.add(path, err.Error())
			return
		}
		f.check(path, place, r)
	})
	checkTogether(&cfg, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	cfg.Warnings = warnings
	return &cfg, nil
}

// growForFlags makes the first app exist when --app-key or its like is given.
func growForFlags(fields []*field, flags *pflag.FlagSet, l layer) {
	if flags == nil {
		return
	}
	for _, f := range find(fields, "apps").fields {
		if f.flag != "" && flags.Changed(f.flag) {
			l.lengths["apps"] = max(l.lengths["apps"], 1)
		}
	}
}

// bindFlag lets the flag of a key, if it was given, override the rest. Flags of
// an app mean the first.
func bindFlag(v *viper.Viper, path string, f *field, flags *pflag.FlagSet, r *report) {
	if flags == nil || f.flag == "" || !flags.Changed(f.flag) || !meantByFlag(path) {
		return
	}
	if err := v.BindPFlag(path, flags.Lookup(f.flag)); err != nil {
		r.add(path, err.Error())
		return
	}
	r.sources[path] = "--" + f.flag
}

// meantByFlag tells whether a flag means the key at path: of several apps, only
// the first.
func meantByFlag(path string) bool {
	return !strings.HasPrefix(path, "apps.") || strings.HasPrefix(path, "apps.0.")
}
