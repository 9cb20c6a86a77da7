package ledger

import "testing"

func TestSubject_TextAndBack(t *testing.T) {
	for _, s := range []Subject{room, news, anna, {User, "1", "a/b"}, {Channel, "", ""}} {
		if got, ok := ParseSubject(s.String()); got != s || !ok {
			t.Errorf("%v became %q, and that %v %t", s, s.String(), got, ok)
		}
	}
	for _, text := range []string{"", "c", "capp", "\xffapp/a"} {
		if got, ok := ParseSubject(text); ok {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
