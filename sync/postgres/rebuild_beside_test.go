package postgres_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// toys is how the toy trade's items come from its table.
var toys = postgres.Projection{
	Name: "toys", Kinds: []change.Kind{synctest.ItemKind},
	Roots: func(context.Context, *postgres.Tx) (string, error) {
		return `SELECT id FROM toy WHERE org_id = $1`, nil
	},
	Place: func(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
		rows, err := tx.Query(ctx, `SELECT item FROM toy WHERE org_id = $1 AND id = ANY ($2)
			ORDER BY id`+tx.RowLock(), tx.OrgID(), ids)
		if err != nil {
			return err
		}
		items, err := pgx.CollectRows(rows, pgx.RowTo[synctest.Item])
		for _, i := range items {
			in, err := synctest.Placements(i)
			if err != nil {
				return err
			}
			tx.Place(synctest.ItemKind, i.ID, in...)
		}
		return err
	},
}

// TestARebuildBesideWritersLosesNothing has an older version leave feeds that are wrong in every way, and then rebuilds
// them, twice at once, while phones and office work on the same items.
func TestARebuildBesideWritersLosesNothing(t *testing.T) {
	t.Parallel()
	store := open(t)
	s := store.(toyStore).Store
	w := synctest.NewWorld(store)
	var phones []*synctest.Phone
	var items []uuid.UUID
	for range 4 {
		phones = append(phones, w.Hire(t))
	}
	someone := func() change.User { return phones[rand.IntN(len(phones))].User }
	any := func() uuid.UUID { return items[rand.IntN(len(items))] }
	for range 160 {
		items = append(items, uuid.Must(uuid.NewV7()))
		w.Give(t, items[len(items)-1], someone())
	}
	for _, p := range phones {
		w.Sync(t, p)
	}
	w.Office(t, func(tx *postgres.Tx) error { // the older version
		for n, id := range items {
			var in []feed.Placement
			if n%3 > 0 { // else it stands nowhere
				in = append(in, feed.Placement{Feed: synctest.FeedOf(uuid.UUID(someone())), Body: []byte(`{"version":0}`)})
			}
			tx.Place(synctest.ItemKind, id, in...)
			tx.Place(synctest.ItemKind, uuid.New(), feed.Placement{Feed: synctest.All, Body: []byte(`{"version":0}`)})
		}
		return nil
	})

	worked := make(chan struct{})
	over := make(chan struct{})
	var work, rebuilding sync.WaitGroup
	working := func() bool {
		select {
		case <-over:
			return false
		case worked <- struct{}{}:
			return true
		}
	}
	for _, p := range phones {
		work.Go(func() {
			for working() {
				p.Do([]string{"add", "pair", "give"}[rand.IntN(3)],
					synctest.Args{Item: any(), Other: any(), Holder: uuid.UUID(someone())}, w.Now)
				if err := synctest.Sync(t.Context(), p, w.Intake, w.Store, w.Org); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Go(func() {
		for working() {
			for _, id := range []uuid.UUID{any(), uuid.Must(uuid.NewV7())} {
				holder, shared := uuid.UUID(someone()), rand.IntN(2) == 0
				err := w.Store.Transact(t.Context(), w.Org, func(tx *postgres.Tx) error {
					return synctest.Change(t.Context(), w.Store, tx,
						id, func(i *synctest.Item) { i.Holder, i.Shared = holder, shared })
				})
				if err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 2 {
		rebuilding.Go(func() {
			_, err := s.Rebuild(t.Context(), w.Org, toys, "2", func(postgres.Progress) {
				for range 2 * len(phones) { // others work between any two steps
					<-worked
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	rebuilding.Wait()
	close(over)
	work.Wait()

	if _, err := s.Verify(t.Context(), w.Org, toys, func(d feed.Difference) { t.Errorf("%+v", d) }, nil); err != nil {
		t.Error(err)
	}
	if _, err := s.VerifyHeads(t.Context(), w.Org, func(d postgres.HeadDifference) { t.Errorf("%+v", d) }); err != nil {
		t.Error(err)
	}
	for _, p := range phones {
		w.Sync(t, p)
		if err := synctest.Converged(t, w, p); err != nil {
			t.Error(err)
		}
		if p.Resets > 0 {
			t.Errorf("%d feeds were sent anew", p.Resets)
		}
	}
}
