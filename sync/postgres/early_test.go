package postgres_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// first is a device at the beginning of its first download: a key, and three jobs of two entities with 50 KB each.
type first struct {
	*postgres.Store
	feed.Request
	wanted feed.Wanted
}

func beginning(t *testing.T) *first {
	t.Helper()
	f := &first{
		Store:   &postgres.Store{Pool: pgtest.New(t).App, Now: time.Now},
		Request: feed.Request{Org: change.Org(uuid.New()), Device: change.Device(uuid.New()), User: change.User(uuid.New())},
		wanted:  feed.Wanted{Kinds: []change.Kind{9}},
	}
	f.follow(t, "tech", func(tx *postgres.Tx, in change.FeedID) {
		tx.Place(9, uuid.New(), feed.Placement{Feed: in, Body: []byte("key")})
		for range 3 {
			job := []change.Entity{{Kind: 1, ID: uuid.New()}, {Kind: 2, ID: uuid.New()}}
			f.wanted.Groups = append(f.wanted.Groups, job)
			for _, e := range job {
				tx.Place(e.Kind, e.ID, feed.Placement{Feed: in, Body: bytes.Repeat([]byte("x"), 50<<10)})
			}
		}
	})
	return f
}

// follow gives the user a feed that fill fills.
func (f *first) follow(t *testing.T, kind string, fill func(tx *postgres.Tx, in change.FeedID)) {
	t.Helper()
	in := change.FeedID{Kind: kind, Key: uuid.New()}
	err := f.Transact(t.Context(), f.Org, func(tx *postgres.Tx) error {
		fill(tx, in)
		follows := []change.FeedID{in}
		for known := range f.Cursor.Feeds {
			follows = append(follows, known)
		}
		return tx.Subscribe(t.Context(), f.User, follows...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// early asks for the early part: the number of keys, and of entities of jobs. asked tells whether the rooms were.
func (f *first) early(t *testing.T) (keys, jobs int, asked bool) {
	t.Helper()
	early, worth, err := f.Early(t.Context(), f.Request, func(context.Context, *postgres.Tx) (feed.Wanted, error) {
		asked = true
		return f.wanted, nil
	})
	if err != nil || worth != asked {
		t.Fatalf("worth %v, asked %v: %v", worth, asked, err)
	}
	for _, d := range early.Deltas {
		for _, e := range d.Entries {
			if e.Kind == 9 {
				keys++
			} else {
				jobs++
			}
		}
	}
	return keys, jobs, asked
}

func (f *first) page(t *testing.T) feed.Page {
	t.Helper()
	page, err := feed.Read(t.Context(), f, f.Request)
	if err != nil {
		t.Fatal(err)
	}
	f.Cursor = page.Cursor
	return page
}

func TestTheEarlyPartHasNoMoreThanItsBytesAndNoJobInPart(t *testing.T) {
	t.Parallel()
	f := beginning(t)
	for _, c := range []struct{ wished, jobs int }{
		{0, 2}, // two of them in 256 KiB
		{1, 2}, // small pages make the early part no smaller: what is needed first is some tens of KB
		{299 << 10, 2},
		{301 << 10, 0}, // the whole fits
	} {
		f.MaxBytes = c.wished
		keys, jobs, asked := f.early(t)
		if jobs != 2*c.jobs || asked != (c.jobs > 0) || asked && keys != 1 {
			t.Errorf("pages of %d: %d keys and %d entities of jobs, asked %v", c.wished, keys, jobs, asked)
		}
	}
	// A job that does not fit ends the early part, though one that is less urgent would fit.
	f.MaxBytes = 0
	f.wanted.Groups = [][]change.Entity{
		append(f.wanted.Groups[0], append(f.wanted.Groups[1], f.wanted.Groups[2]...)...),
		{f.wanted.Groups[2][0]},
	}
	if keys, jobs, _ := f.early(t); keys != 1 || jobs != 0 {
		t.Errorf("%d keys, %d entities of jobs", keys, jobs)
	}
}

func TestNothingIsEarlyAfterTheFirstCheckpoint(t *testing.T) {
	t.Parallel()
	f := beginning(t)
	f.MaxBytes = 60 << 10
	for pages := 0; ; pages++ {
		if _, _, asked := f.early(t); !asked {
			t.Fatalf("nothing early after %d pages of the first download", pages)
		}
		if f.page(t).Final {
			break
		}
	}
	if _, _, asked := f.early(t); asked {
		t.Error("early after the first checkpoint")
	}
	// Nor in a later round that is long, be it for a feed that the device did not have yet.
	f.follow(t, "org", func(tx *postgres.Tx, in change.FeedID) {
		for range 4 {
			tx.Place(3, uuid.New(), feed.Placement{Feed: in, Body: bytes.Repeat([]byte("x"), 50<<10)})
		}
	})
	for final := false; !final; final = f.page(t).Final {
		if _, _, asked := f.early(t); asked {
			t.Error("early in a later round")
		}
	}
}
