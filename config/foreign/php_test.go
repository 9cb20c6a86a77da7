package foreign

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fanfare/internal/testkit/deadline"
)

func TestReadPHP(t *testing.T) {
	vars := map[string]string{"ON": "true", "NO": "(null)", "PORT": "81", "EMPTY": ""}
	for text, want := range map[string]any{
		`[]`:                                     []any{},
		`['a', "b\n", 'it\'s', 'c\d']`:           []any{"a", "b\n", "it's", `c\d`},
		`array(1, -2.5, 10_000)`:                 []any{1.0, -2.5, 10000.0},
		`['a' => true, 'b' => NULL, 3 => 'c']`:   map[string]any{"a": true, "b": nil, "3": "c"},
		"[ // one\n 1, # two\n /* three, */ 2,]": []any{1.0, 2.0},
		`env('PORT', 80)`:                        "81",
		`env('NONE', 80)`:                        80.0,
		`env('NONE')`:                            nil,
		`env('ON')`:                              true,
		`env('NO', 'x')`:                         nil,
		`(int) env('PORT')`:                      "81",
		`env('NONE', 'https') === 'https'`:       true,
		`env('PORT') !== '81'`:                   false,
		`env('NONE') ?? 'else'`:                  "else",
		`env('EMPTY') ?: 'else'`:                 "else",
		`'a'.env('PORT').'b'`:                    "a81b",
		`(env('NONE', 'x'))`:                     "x",
		`explode(',', env('NONE', 'a,b'))`:       []any{"a", "b"},
		`"of $x"`:                                computed{},
		`Str::slug(env('APP_NAME'), '_')`:        computed{},
		`$x ? [1, 2] : 3`:                        computed{},
		`\env('PORT')`:                           "81",
		`[Foo::class => 1, 'a' => fn () => [1, 2], 'b' => function () { return ','; }, 'c' => 2]["d"]`: computed{},
	} {
		got, err := readPHP("<?php\nuse A\\Returned;\nreturn "+text+";\n", func(name string) (string, bool) {
			value, ok := vars[name]
			return value, ok
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, unwrapped(got), cmp.AllowUnexported(computed{})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// unwrapped leaves out where values come from.
func unwrapped(v any) any {
	v = plain(v)
	if list, ok := v.([]any); ok {
		for i := range list {
			list[i] = unwrapped(list[i])
		}
	}
	return v
}

// What cannot be read in the middle of an array leaves the rest as it is.
func TestReadPHP_WhatPHPComputes_IsPassedOver(t *testing.T) {
	got, err := readPHP(`<?php return ['a' => fn () => [1, 2], 'b' => function () { return ','; }, 'c' => $x['y'](1, 2), Foo::class => 9, 'd' => new Foo(1), 'e' => 2];`, func(string) (string, bool) { return "", false })
	table, ok := got.(map[string]any)
	if err != nil || !ok || table["e"] != 2.0 || table["b"] != any(computed{}) || table["c"] != any(computed{}) || table["d"] != any(computed{}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Files as large as are read, which take long to read for who looks twice at what
// they hold.
func TestReadPHP_LargeFiles(t *testing.T) {
	for name, text := range map[string]string{
		"texts without an end": strings.Repeat(`\'`, MaxFile/2),
		"both kinds":           strings.Repeat(`\'\"`, MaxFile/4),
		"a long sum":           "return 'a'" + strings.Repeat(".'a'", MaxFile/4) + ";",
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = readPHP("<?php "+text, func(string) (string, bool) { return "", false })
		}()
		select {
		case <-done:
		case <-time.After(deadline.Long):
			t.Fatalf("%s: it is still being read", name)
		}
	}
}
