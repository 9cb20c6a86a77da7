package config

import (
	"reflect"

	"github.com/spf13/pflag"
)

// AddFlags registers the flags of the common keys; Load reads them.
func AddFlags(set *pflag.FlagSet) {
	d := Defaults()
	walk(schema(), reflect.ValueOf(&d).Elem(), "", func(_ string, f *field, v reflect.Value) {
		switch {
		case f.flag == "":
		case f.kind == kindSwitch:
			set.Bool(f.flag, v.Bool(), f.doc)
		default:
			set.String(f.flag, plain(f, v), f.doc)
		}
	})
}

// plain is the value as it would be typed after a flag.
func plain(f *field, v reflect.Value) string {
	if f.kind == kindText {
		return v.String()
	}
	return f.text(v)
}
