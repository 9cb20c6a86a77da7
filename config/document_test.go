package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fill gives every key below v a value that is not its default.
func fill(fields []*field, v reflect.Value, n *int) {
	for _, f := range fields {
		*n++
		place := v.Field(f.index)
		switch f.kind {
		case kindGroup:
			fill(f.fields, place, n)
		case kindList:
			place.Set(reflect.Append(place, newElement(place.Type().Elem())))
			fill(f.fields, place.Index(0), n)
		case kindNumber:
			place.SetInt(place.Int() + int64(*n))
		case kindSwitch:
			place.SetBool(!place.Bool())
		case kindDuration:
			place.SetInt(place.Int() + int64(time.Duration(*n)*time.Second))
		case kindTexts:
			place.Set(reflect.ValueOf([]string{fmt.Sprint("one", *n), "two"}))
		case kindTable:
			place.Set(reflect.ValueOf(map[string]string{"X-N": fmt.Sprint(*n)}))
		default:
			place.SetString(fmt.Sprint("text", *n))
		}
	}
}

// What the store and the API hold is every option there is: one that is added to
// App is in its document without more.
func TestDocuments_EveryOptionComesBack(t *testing.T) {
	d := NewDocuments(&Config{})
	app := defaultApp()
	n := 0
	fill(d.fields, reflect.ValueOf(&app).Elem(), &n)
	if n < 40 {
		t.Fatalf("only %d keys", n)
	}
	got := defaultApp()
	if err := d.Apply(&got, d.Write(&app)); err != nil {
		t.Fatalf("%v\n%s", err, d.Write(&app))
	}
	want := app
	want.ID, want.Key, want.Secret, want.Keys = "", "", "", nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("another app comes back (-written +read):\n%s", diff)
	}
	got = defaultApp()
	if err := d.Apply(&got, encode(d.WriteAll(&app, true))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(app, got); diff != "" {
		t.Errorf("another app comes back of all keys (-written +read):\n%s", diff)
	}
	shown := string(encode(d.WriteAll(&app, false)))
	for _, secret := range []string{app.Secret, app.Keys[0].Secret, app.Webhooks[0].Headers["X-N"]} {
		if strings.Contains(shown, `"`+secret+`"`) {
			t.Errorf("%q is shown: %s", secret, shown)
		}
	}
}

func TestDocuments_DefaultsAreNotWritten(t *testing.T) {
	d := NewDocuments(&Config{})
	app := defaultApp()
	app.ID, app.Key, app.Secret = "1", "k", "s"
	if got := string(d.Write(&app)); got != "{}" {
		t.Errorf("an app of defaults is %s", got)
	}
}

func TestDocuments_ApplyMergesGroupsAndReplacesLists(t *testing.T) {
	d := NewDocuments(&Config{})
	app := defaultApp()
	app.Limits.MaxConnections, app.AllowedOrigins = 7, []string{"a.example", "b.example"}
	if err := d.Apply(&app, []byte(`{"limits":{"max_channels":3,"max_event_bytes":null},"allowed_origins":["c.example"],"cache_ttl":"5m"}`)); err != nil {
		t.Fatal(err)
	}
	want := defaultApp()
	want.Limits.MaxConnections, want.Limits.MaxChannels, want.AllowedOrigins, want.CacheTTL = 7, 3, []string{"c.example"}, 5*time.Minute
	if diff := cmp.Diff(want, app); diff != "" {
		t.Error(diff)
	}
}

func TestDocuments_ErrorsNameTheKey(t *testing.T) {
	d := NewDocuments(&Config{})
	for doc, want := range map[string]string{
		`{"limits":{"max_event_bytes":"10k"}}`:        "limits.max_event_bytes",
		`{"limits":{"max_event_bytes":0}}`:            "limits.max_event_bytes",
		`{"limits":3}`:                                "limits",
		`{"client_event":true}`:                       "did you mean client_events?",
		`{"enabled":"yes"}`:                           "write true",
		`{"cache_ttl":5}`:                             "has no unit",
		`{"allowed_origins":"*"}`:                     "allowed_origins",
		`{"allowed_origins":["https://a.example/"]}`:  "allowed_origins[0]",
		`{"webhooks":[{"url":"ftp://x"}]}`:            "webhooks[0].url",
		`{"webhooks":[{"url":"https://x/********"}]}`: "instead of the value",
		`{"enabled":true} {}`:                         "JSON object",
		`[]`:                                          "must hold keys",
		`{"keys":[{"key":"k","secret":"other"}]}`:     "already a key of the app",
		`{"secret":"k"}`:                              "which every client knows",
	} {
		app := defaultApp()
		app.ID, app.Key, app.Secret = "1", "k", "s"
		err := d.Apply(&app, []byte(doc))
		if err == nil {
			err = d.Check(&app)
		}
		var problems *Error
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want … %s", doc, err, want)
		}
	}
}
