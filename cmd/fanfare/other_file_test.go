package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestReload_AnotherConfigurationFile_IsWarnedOf(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "c.sock")
	text := fmt.Sprintf("%s}\ncontrol_socket: %q\n", oneApp, socket)
	serves, other := writeFile(t, text), writeFile(t, text)
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(serves, link); err != nil {
		t.Fatal(err)
	}
	f := command(t, nil, "serve", "--config", serves, "--listen=127.0.0.1:0", "--metrics-listen=")
	f.launch()
	f.line(0, "msg=serving")
	for file, want := range map[string]string{
		serves: "",
		link:   "",
		other:  fmt.Sprintf("warning: this command checked %s, but the running server reads %s\n", other, serves),
	} {
		var warnings bytes.Buffer
		cmd := newCommand()
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetErr(&warnings)
		cmd.SetArgs([]string{"reload", "--config", file})
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Errorf("reload with %s: %v", file, err)
		}
		if got := warnings.String(); got != want {
			t.Errorf("reload with %s prints\n%q, want\n%q", file, got, want)
		}
	}
}

func TestOtherFile_OfAServerWithoutOne(t *testing.T) {
	none := ""
	for _, c := range []struct {
		checked string
		servers *string
		want    string
	}{
		{"", &none, ""},
		{"a.yaml", nil, ""}, // an older server does not name its file
		{"a.yaml", &none, "this command checked a.yaml, but the running server has no configuration file"},
	} {
		if got := otherFile(c.checked, c.servers); got != c.want {
			t.Errorf("otherFile(%q) = %q, want %q", c.checked, got, c.want)
		}
	}
}
