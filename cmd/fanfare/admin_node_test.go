package main

import (
	"strconv"
	"testing"

	"fanfare/config"
)

// A page of the apps of a large server is made without the work of all the
// others for each.
func TestAdminApps_OptionsOfAPage_CostByThePage(t *testing.T) {
	cfg := config.Defaults()
	cfg.Apps = nil
	for i := range 10_000 {
		app := config.DefaultApp()
		app.ID, app.Secret = "app-"+strconv.Itoa(i), "hunter2"
		cfg.Apps = append(cfg.Apps, app)
	}
	view := adminApps{&server{cfg: &cfg}, config.NewDocuments(&cfg)}
	ids := []string{"gone"}
	for i := range 100 {
		ids = append(ids, "app-"+strconv.Itoa(i*7))
	}
	var got map[string]map[string]any
	each := testing.AllocsPerRun(1, func() { got = view.Options(ids) }) / float64(len(ids))
	if each > 100 {
		t.Errorf("%.0f allocations for an app", each)
	}
	if len(got["app-7"]) == 0 || got["app-7"]["secret"] != nil || got["gone"] != nil || got["app-1"] != nil {
		t.Errorf("got %v", got)
	}
}
