package httpapi_test

import (
	"net/http"
	"testing"

	"fanfare/internal/testkit"
	"fanfare/sockets"
)

func TestRelieve_WhileDescriptorsAreShort_ConnectionsEndWithTheirAnswer(t *testing.T) {
	roads(t, func(t *testing.T, portable bool) {
		srv := testkit.Start(t, testkit.Options{Sockets: sockets.Config{Portable: portable}})
		for _, short := range []bool{true, false} {
			srv.API.Relieve(short)
			if res := srv.Get(t, "/channels"); res.Status != http.StatusOK || res.Close != short {
				t.Errorf("short %v: answered %d, and it ends: %v", short, res.Status, res.Close)
			}
		}
	})
}
