package config

import (
	"errors"
	"strings"
	"testing"
)

const someHash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

func TestAdmin_WhereItMayListen(t *testing.T) {
	token := "tokens: [{name: ops, hash: " + someHash + "}]"
	for _, tt := range []struct{ text, problem string }{
		{`admin: {listen: ""}`, ""},
		{`admin: {listen: "127.0.0.1:6003"}`, ""},
		{`admin: {listen: "[::1]:6003"}`, ""},
		{`admin: {listen: "localhost:6003"}`, ""},
		{`admin: {listen: "127.0.0.1:6003", behind_proxy: true}`, "admin.tokens"},
		{`admin: {listen: "127.0.0.1:6003", behind_proxy: true, ` + token + `}`, ""},
		{`admin: {listen: ":6003", tls: {cert_file: c, key_file: k}}`, "admin.tokens"},
		{`admin: {listen: ":6003", behind_proxy: true}`, "admin.tokens"},
		{`admin: {listen: "0.0.0.0:6003", ` + token + `}`, "admin.tls.cert_file"},
		{`admin: {listen: "10.0.0.1:6003", ` + token + `, behind_proxy: true}`, ""},
		{`admin: {listen: "10.0.0.1:6003", ` + token + `, tls: {cert_file: c, key_file: k}}`, ""},
		{`admin: {listen: "10.0.0.1:6003", ` + token + `, tls: {cert_file: c}}`, "admin.tls.key_file"},
		{"tls: {cert_file: c, key_file: k}\n" + `admin: {listen: "10.0.0.1:6003", ` + token + `}`, ""},
		{`admin: {listen: "127.0.0.1:6001"}`, "admin.listen"},
		{`admin: {listen: "127.0.0.1:9601"}`, "admin.listen"},
		{`admin: {tokens: [{name: ops, hash: hunter2}]}`, "admin.tokens.0.hash"},
		{`admin: {tokens: [{name: ops}]}`, "admin.tokens.0.hash"},
		{`admin: {tokens: [{hash: ` + someHash + `}]}`, "admin.tokens.0.name"},
		{`admin: {tokens: [{name: "a b", hash: ` + someHash + `}]}`, "admin.tokens.0.name"},
		{`admin: {tokens: [{name: ops, role: root, hash: ` + someHash + `}]}`, "admin.tokens.0.role"},
		{`admin: {tokens: [{name: a, hash: ` + someHash + `}, {name: b, hash: ` + strings.ToUpper(someHash) + `}]}`, "admin.tokens.1.hash"},
	} {
		_, err := Load(write(t, tt.text+"\napps: [{id: a, key: k, secret: s}]\n"), nil, nil)
		var e *Error
		switch {
		case tt.problem == "" && err != nil:
			t.Errorf("%s: %v", tt.text, err)
		case tt.problem == "":
		case !errors.As(err, &e) || len(e.Problems) != 1 || !strings.Contains(err.Error(), display(tt.problem)):
			t.Errorf("%s: got %v, want a problem of %s alone", tt.text, err, tt.problem)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("a token may be in %v", err)
		}
	}
}

func TestAdmin_TokensByEnvironment_HaveTheLeastRole(t *testing.T) {
	c, err := Load("", nil, []string{"FANFARE_ADMIN_TOKENS_0_NAME=ops", "FANFARE_ADMIN_TOKENS_0_HASH=" + someHash})
	if err != nil || len(c.Admin.Tokens) != 1 || c.Admin.Tokens[0] != (AdminToken{"ops", someHash, "read"}) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestMasked_HasNoSecretAndNoApp(t *testing.T) {
	c := load(t, "admin: {tokens: [{name: ops, hash: "+someHash+"}]}\ncluster: {redis: {password: hunter2}}\napps:\n  - {id: a, key: k, secret: hunter2, webhooks: [{url: 'https://a.example/hunter2'}]}\n")
	values, err := c.Masked()
	if err != nil || values["apps"] != nil || values["listen"] != ":6001" {
		t.Errorf("got %v, %v", values, err)
	}
	app := NewDocuments(c).WriteAll(&c.Apps[0], false)
	if app["key"] != "k" || app["client_events"] != true {
		t.Errorf("got %v", app)
	}
	for _, v := range []any{values, app} {
		if text := strings.ToLower(strings.Join(textsOf(v), " ")); strings.Contains(text, "hunter2") || strings.Contains(text, someHash) {
			t.Errorf("a secret is in %s", text)
		}
	}
}

// textsOf are all texts in a value.
func textsOf(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			list = append(list, textsOf(inner)...)
		}
	case []any:
		for _, inner := range v {
			list = append(list, textsOf(inner)...)
		}
	case string:
		list = append(list, v)
	}
	return list
}
