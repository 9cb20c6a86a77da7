package apps

import (
	"slices"
	"testing"
)

func ids(r *Registry) (ids []string) {
	for _, app := range r.All() {
		ids = append(ids, app.ID)
	}
	return ids
}

func with(id string, keys ...string) App {
	app := App{ID: id}
	for _, key := range keys {
		app.Keys = append(app.Keys, Key{Key: key, Secret: "s"})
	}
	return app
}

func TestRegistry_Change_IsSeenAtOnce_AndLeavesOthersAlone(t *testing.T) {
	r, err := NewRegistry([]App{with("b", "kb"), with("d", "kd", "kd2"), with("f", "kf")})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := r.ByID("b")
	// A key moves from an app to another, one app is new in the middle, one at the end.
	if err := r.Change([]App{with("d", "kd2"), with("g", "kg"), with("c", "kd")}, []string{"f", "unknown"}); err != nil {
		t.Fatal(err)
	}
	if got := ids(r); !slices.Equal(got, []string{"b", "c", "d", "g"}) {
		t.Error(got)
	}
	if after, _ := r.ByID("b"); after != before {
		t.Error("an app that did not change is another")
	}
	for key, id := range map[string]string{"kb": "b", "kd": "c", "kd2": "d", "kg": "g"} {
		if app, ok := r.ByKey(key); !ok || app.ID != id {
			t.Errorf("key %s: %+v", key, app)
		}
	}
	if _, ok := r.ByKey("kf"); ok {
		t.Error("a removed app is found by its key")
	}
}

func TestRegistry_Change_WithAMistake_ChangesNothing(t *testing.T) {
	r, err := NewRegistry([]App{with("a", "ka"), with("b", "kb")})
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string][]App{
		"a key of another app": {with("c", "kb")},
		"an id twice":          {with("c", "kc"), with("c", "kc2")},
		"a key twice":          {with("c", "kc"), with("d", "kc")},
		"no key":               {with("a")},
	} {
		if err := r.Change(wrong, []string{"a"}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if app, ok := r.ByKey("ka"); !ok || app.ID != "a" || !slices.Equal(ids(r), []string{"a", "b"}) {
		t.Errorf("%v, %+v", ids(r), app)
	}
}
