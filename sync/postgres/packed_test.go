package postgres_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// pages reads a user's feeds to the end and returns the entries, by whatever form they came, and how many packs.
func pages(t *testing.T, s *postgres.Store, r feed.Request) (entries []change.Entry, packs int, cursor change.Cursor) {
	t.Helper()
	for {
		page, err := feed.Read(t.Context(), s, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deltas {
			for _, b := range d.Packs {
				in, err := pack.Decode(b)
				if err != nil {
					t.Fatal(err)
				}
				entries, packs = append(entries, in...), packs+1
			}
			entries = append(entries, d.Entries...)
		}
		r.Cursor = page.Cursor
		if page.Final {
			return entries, packs, page.Cursor
		}
	}
}

func TestPackedPagesHoldWhatPlainPagesHold(t *testing.T) {
	t.Parallel()
	org, user := change.Org(uuid.New()), change.User(uuid.New())
	f := change.FeedID{Kind: "tech", Key: uuid.UUID(user)}
	for _, shared := range []*feed.Shared{nil, {MaxBytes: 4 << 20}} {
		s := &postgres.Store{Pool: pgtest.New(t).App, Now: time.Now, Shared: shared}
		ids := make([]uuid.UUID, 1200)
		err := s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
			for i := range ids {
				ids[i] = uuid.Must(uuid.NewV7())
				body := bytes.Repeat(fmt.Appendf(nil, "\x12\x05%05d\x08\x07", i), 1+i%70)
				tx.Place(change.Kind(1+i%3), ids[i], feed.Placement{Feed: f, Body: body})
			}
			return tx.Subscribe(t.Context(), user, f)
		})
		if err != nil {
			t.Fatal(err)
		}
		r := feed.Request{Org: org, Device: change.Device(uuid.New()), User: user, MaxBytes: 100 << 10}
		compare := func() change.Cursor {
			t.Helper()
			plain, none, end := pages(t, s, r)
			r.Packed = true
			packed, some, same := pages(t, s, r)
			r.Packed = false
			if none != 0 || some < 2 || len(plain) != len(packed) || !bytes.Equal(end.Encode(), same.Encode()) {
				t.Fatalf("%d and %d packs, %d and %d entries", none, some, len(plain), len(packed))
			}
			for i, e := range plain {
				p := packed[i]
				if e.Entity != p.Entity || e.Seq != p.Seq || e.Removed != p.Removed || !bytes.Equal(e.Body, p.Body) {
					t.Fatalf("entry %d: %+v and %+v", i, e, p)
				}
			}
			return end
		}
		r.Cursor = compare()
		// Removals travel in packs, too.
		err = s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
			for i, id := range ids {
				if i%2 == 0 {
					tx.Place(change.Kind(1+i%3), id)
				} else {
					tx.Place(change.Kind(1+i%3), id, feed.Placement{Feed: f, Body: bytes.Repeat([]byte{8, 1}, 300)})
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		compare()
		// A short part comes as it is.
		r.Cursor, r.Packed = compare(), true
		if err := s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
			tx.Place(2, ids[1], feed.Placement{Feed: f, Body: []byte{8, 2}})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if entries, packs, _ := pages(t, s, r); packs != 0 || len(entries) != 1 {
			t.Errorf("%d packs, %d entries", packs, len(entries))
		}
	}
}
