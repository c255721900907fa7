package synctest

import (
	"fmt"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Converged compares what a phone shows with what its feeds hold.
func Converged[T intake.Tx](t testing.TB, w *World[T], p *Phone) error {
	return w.Store.Snapshot(t.Context(), w.Org, p.Device, p.User, func(s feed.Snapshot) error {
		state, err := s.State(t.Context())
		if err != nil {
			return err
		}
		if len(state.Heads) != len(p.shown) {
			return fmt.Errorf("phone shows %d feeds of %d", len(p.shown), len(state.Heads))
		}
		for _, h := range state.Heads {
			entries, _, err := s.Entries(t.Context(), feed.Range{Head: h, Base: h.Seq}, 1<<30)
			if err != nil {
				return err
			}
			if len(entries) != len(p.shown[h.Feed]) {
				return fmt.Errorf("phone shows %d entries of %d in %s", len(p.shown[h.Feed]), len(entries), h.Feed)
			}
			for _, e := range entries {
				if got := p.shown[h.Feed][e.Entity]; got.Seq != e.Seq || string(got.Body) != string(e.Body) {
					return fmt.Errorf("phone shows %s, feed holds %s", got.Body, e.Body)
				}
			}
		}
		return nil
	})
}
