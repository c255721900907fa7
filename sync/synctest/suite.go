package synctest

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Store is what a store under test implements.
type Store[T intake.Tx] interface {
	intake.Store[T]
	feed.Reader
	Trade[T]
	// Collect forgets tombstones older than before.
	Collect(ctx context.Context, org change.Org, before time.Time) (int64, error)
	// NewGeneration declares that the database was restored.
	NewGeneration(ctx context.Context) error
	// Backup keeps the org as it is now; restore puts it back.
	Backup(ctx context.Context, org change.Org) (restore func(context.Context) error, err error)
	// Items are all items as they are committed, and Parked the mutations that wait for a person.
	Items(ctx context.Context, org change.Org) ([]Item, error)
	Parked(ctx context.Context, org change.Org) ([]change.Mutation, error)
}

// World is a store with one org, its people and their items.
type World[T intake.Tx] struct {
	Store  Store[T]
	Intake *intake.Intake[T]
	Org    change.Org
	// Now is the office's clock.
	Now time.Time
}

// All is the feed that everybody follows.
var All = change.FeedID{Kind: "org", Key: uuid.UUID{1}}

// Pool is the feed of what anybody may claim.
var Pool = change.FeedID{Kind: "team", Key: uuid.UUID{2}}

// NewWorld wraps a store.
func NewWorld[T intake.Tx](s Store[T]) *World[T] {
	w := &World[T]{Store: s, Org: change.Org(uuid.New()), Now: time.Date(2026, 11, 11, 7, 0, 0, 0, time.UTC)}
	w.Intake = &intake.Intake[T]{
		Store: s, Mutators: Mutators[T](s), MaxAhead: 10 * time.Minute, Now: func() time.Time { return w.Now },
		Signer:   change.Ed25519Signer{KeyID: "test", Key: ed25519.NewKeyFromSeed(make([]byte, 32))},
		Panicked: func(change.Mutation, any, []byte) {},
	}
	return w
}

// Hire makes a phone for a new user who follows their own feed and All.
func (w *World[T]) Hire(t testing.TB) *Phone {
	t.Helper()
	p := NewPhone(change.User(uuid.New()))
	w.Office(t, func(tx T) error {
		return w.Store.Subscribe(t.Context(), tx, p.User, FeedOf(uuid.UUID(p.User)), All)
	})
	return p
}

// Office runs a transaction of the office.
func (w *World[T]) Office(t testing.TB, fn func(T) error) {
	t.Helper()
	if err := w.Store.Transact(t.Context(), w.Org, fn); err != nil {
		t.Fatal(err)
	}
}

// Give makes an item (or hands it over) by the office's hand.
func (w *World[T]) Give(t testing.TB, item uuid.UUID, to change.User) {
	t.Helper()
	w.Office(t, func(tx T) error {
		return Change(t.Context(), w.Store, tx, item, func(i *Item) { i.Holder = uuid.UUID(to) })
	})
}

// Item reads an item as the office sees it.
func (w *World[T]) Item(t testing.TB, id uuid.UUID) (item Item) {
	t.Helper()
	w.Office(t, func(tx T) (err error) {
		item, err = w.Store.Item(t.Context(), tx, id)
		return err
	})
	return item
}

// Sync lets a phone push all and pull to a checkpoint.
func (w *World[T]) Sync(t testing.TB, p *Phone) {
	t.Helper()
	if err := Sync(t.Context(), p, w.Intake, w.Store, w.Org); err != nil {
		t.Fatal(err)
	}
}

func (w *World[T]) take(ctx context.Context, p *Phone, ms ...change.Mutation) ([]change.Verdict, error) {
	return w.Intake.Take(ctx, intake.Push{Org: w.Org, Device: p.Device, User: p.User, Mutations: ms})
}

// Suite runs the scenarios that every store must hold. open returns a fresh store.
func Suite[T intake.Tx](t *testing.T, open func(testing.TB) Store[T]) {
	scenarios := map[string]func(*testing.T, *World[T]){
		"a retry gets the first verdict back":                   retry[T],
		"a gap is refused and names what is expected":           gap[T],
		"a number used for another mutation is refused":         reused[T],
		"an id that was used for something else is rejected":    otherWork[T],
		"a mutation that fails in any way holds nobody up":      poison[T],
		"an unknown or future-dated mutation is parked":         parked[T],
		"an oversized mutation is rejected":                     oversized[T],
		"the same id from another phone has one effect":         handedOver[T],
		"two phones of one person work side by side":            twoPhones[T],
		"what is given away leaves the phone":                   givenAway[T],
		"a feed that is followed no longer is dropped":          dropped[T],
		"what one transaction wrote appears together":           together[T],
		"a cursor ahead of its feed resets that feed alone":     ahead[T],
		"a cursor older than the tombstones resets its feed":    tooOld[T],
		"a first sync outlives a collection of tombstones":      collected[T],
		"a restored database gets again what phones still hold": restored[T],
		"a device that the database never heard of goes on":     unknown[T],
		"an app that does not say what it holds is believed":    silent[T],
		"an app that is too old keeps its queue":                tooOldApp[T],
		"a phone's own feed is sent anew when it asks":          repaired[T],
		"a no-op pull returns nothing and changes no cursor":    noop[T],
		"a device without rights still hands in its evidence":   evidence[T],
		"evidence stops at a quota and loses nothing":           evidenceFull[T],
		"undecided work stops at a quota of its own":            undecidedFull[T],
		"evidence sent from many sides at once keeps its quota": evidenceAtOnce[T],
		"nothing but the phone's own feeds is ever sent":        foreign[T],
		"work that comes again gets all of its first verdict":   verdictAgain[T],
		"a backlog of several transactions gets all verdicts":   backlog[T],
		"a gap of a phone that has pruned is refused, too":      gapOfPruned[T],
		"a cut beside a mutation that fails parks no good work": cutWhileCareful[T],
		"evidence of a retired kind is handed in, too":          oldEvidence[T],
	}
	for name, run := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, NewWorld(open(t)))
		})
	}
}

func wantOutcome(t *testing.T, v change.Verdict, o change.Outcome, code fault.Code) {
	t.Helper()
	if v.Outcome != o || v.Code != code {
		t.Fatalf("mutation %d: %s %q, want %s %q", v.Seq, v.Outcome, v.Code, o, code)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("error %v, want %s", err, code)
	}
}
