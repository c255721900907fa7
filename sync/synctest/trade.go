package synctest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// The toy trade's kinds of entities.
const (
	ItemKind    change.Kind = 7
	AccountKind change.Kind = 8
)

// Item is the toy trade's only thing: a counter that somebody holds, or an account of the toy ledger. A zero
// Holder holds it nowhere, unless it lies in the pool.
type Item struct {
	ID      uuid.UUID `json:"id"`
	Holder  uuid.UUID `json:"holder"`
	Count   int       `json:"count"`
	Version int       `json:"version"`
	// Pool: anybody may claim it; the pool's feed shows no more than that it is there.
	Pool bool `json:"pool,omitempty"`
	// Shared: everybody's feed shows it as well.
	Shared bool `json:"shared,omitempty"`
	// Done and paid, once.
	Done bool `json:"done,omitempty"`
	// Account: Count is a balance.
	Account bool `json:"account,omitempty"`
	// Doomed: a store refuses to commit it, as a deferred constraint does.
	Doomed bool `json:"doomed,omitempty"`
	// Log has the label of each mutation that had an effect on the item, in order, each ended by a space.
	Log string `json:"log,omitempty"`
}

// Label is how an item's log names a mutation.
func Label(id uuid.UUID) string { return hex.EncodeToString(id[11:]) }

// Price is what one finished item pays.
const Price = 132_50

// Account is the id of a user's account in the toy ledger; that of uuid.Nil is the office's.
func Account(user uuid.UUID) uuid.UUID {
	user[0] ^= 0xac
	return user
}

// Args are the arguments of all the toy trade's mutations.
type Args struct {
	Item   uuid.UUID `json:"item"`
	Other  uuid.UUID `json:"other"`
	Holder uuid.UUID `json:"holder"`
	// Seen is the version that the person saw.
	Seen int `json:"seen,omitempty"`
}

// Encode gives the bytes of the arguments.
func (a Args) Encode() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // UUIDs and a number
	}
	return b
}

// Trade is where the toy trade keeps its items, and how it reaches the store under test.
type Trade[T intake.Tx] interface {
	// Item locks an item until the transaction ends; absent ones come back zero.
	Item(ctx context.Context, tx T, id uuid.UUID) (Item, error)
	PutItem(ctx context.Context, tx T, i Item) error
	Place(tx T, e change.Entity, in ...feed.Placement)
	Subscribe(ctx context.Context, tx T, u change.User, feeds ...change.FeedID) error
}

// FeedOf is the feed of a holder. Feed "all" stands for what everybody follows.
func FeedOf(holder uuid.UUID) change.FeedID { return change.FeedID{Kind: "tech", Key: holder} }

// Change reads an item, lets fn alter it, writes it and places it: on its holder's feed and on the feeds given.
func Change[T intake.Tx](
	ctx context.Context, tr Trade[T], tx T, id uuid.UUID, fn func(*Item), also ...change.FeedID,
) error {
	item, err := tr.Item(ctx, tx, id)
	if err != nil {
		return err
	}
	item.ID = id
	fn(&item)
	item.Version++
	if err := tr.PutItem(ctx, tx, item); err != nil {
		return err
	}
	in, err := Placements(item)
	if err != nil {
		return err
	}
	for _, f := range also {
		body, err := json.Marshal(item)
		if err != nil {
			return err
		}
		in = append(in, feed.Placement{Feed: f, Body: body})
	}
	tr.Place(tx, item.entity(), in...)
	return nil
}

func (i Item) entity() change.Entity {
	if i.Account {
		return change.Entity{Kind: AccountKind, ID: i.ID}
	}
	return change.Entity{Kind: ItemKind, ID: i.ID}
}

// Placements is where an item stands and as what: all that decides it is in the item.
func Placements(i Item) (in []feed.Placement, err error) {
	body, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	if i.Holder != uuid.Nil {
		in = append(in, feed.Placement{Feed: FeedOf(i.Holder), Body: body})
	}
	if i.Shared {
		in = append(in, feed.Placement{Feed: All, Body: body})
	}
	if i.Pool {
		masked, err := json.Marshal(Item{ID: i.ID, Version: i.Version, Pool: true})
		if err != nil {
			return nil, err
		}
		in = append(in, feed.Placement{Feed: Pool, Body: masked})
	}
	return in, nil
}

var errPoison = errors.New("synctest: poison")

// Mutators are the toy trade's mutations:
//
//	add     counts the item up by one; rejected when the user does not hold it
//	give    hands the item to another holder
//	pair    counts two items up, in whatever feeds they are, in one transaction
//	note    writes on the item; merged when it has another version than the person saw
//	claim   takes the item out of the pool; rejected when somebody was faster
//	finish  ends the item and pays the user for it; rejected when it is another's or has ended
//	panic, fail, refuse, void, doom    go wrong in every way, after having written
func Mutators[T intake.Tx](tr Trade[T]) map[string]intake.Mutator[T] {
	on := func(fn func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error)) intake.Mutator[T] {
		return func(ctx context.Context, tx T, m change.Mutation) (intake.Result, error) {
			var a Args
			if json.Unmarshal(m.Args, &a) != nil {
				return intake.Park(fault.MutationMalformed, ""), nil //nolint:nilerr // parked: the verdict says so
			}
			return fn(ctx, tx, m, a)
		}
	}
	mark := func(i *Item, m change.Mutation) { i.Log += Label(m.ID) + " " }
	up := func(m change.Mutation) func(*Item) {
		return func(i *Item) { i.Count++; mark(i, m) }
	}
	spoil := func(after func() (intake.Result, error)) intake.Mutator[T] {
		return on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			if err := Change(ctx, tr, tx, a.Item, func(i *Item) {
				i.Count += 1_000_000
				i.Doomed = m.Kind == "doom"
				mark(i, m)
			}); err != nil {
				return intake.Result{}, err
			}
			return after()
		})
	}
	return map[string]intake.Mutator[T]{
		"add": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			item, err := tr.Item(ctx, tx, a.Item)
			if err != nil {
				return intake.Result{}, err
			}
			if item.Holder != uuid.UUID(m.User) {
				return intake.Reject(fault.NotAssigned, ""), nil
			}
			return intake.Done(), Change(ctx, tr, tx, a.Item, up(m))
		}),
		"give": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			return intake.Done(), Change(ctx, tr, tx, a.Item, func(i *Item) {
				i.Holder, i.Pool = a.Holder, false
				mark(i, m)
			})
		}),
		"pair": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			if a.Other == a.Item { // twice, by one effect
				return intake.Done(), Change(ctx, tr, tx, a.Item, func(i *Item) { i.Count++; up(m)(i) })
			}
			if err := Change(ctx, tr, tx, a.Item, up(m)); err != nil {
				return intake.Result{}, err
			}
			return intake.Done(), Change(ctx, tr, tx, a.Other, up(m))
		}),
		"note": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (result intake.Result, err error) {
			err = Change(ctx, tr, tx, a.Item, func(i *Item) {
				result = intake.Done()
				if i.Version != a.Seen {
					result = intake.MergedWith(change.FieldChange{
						Field: "version", Yours: strconv.Itoa(a.Seen),
						Kept: strconv.Itoa(i.Version),
					})
				}
				mark(i, m)
			})
			return result, err
		}),
		"claim": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			item, err := tr.Item(ctx, tx, a.Item)
			if err != nil {
				return intake.Result{}, err
			}
			if !item.Pool {
				return intake.Reject(fault.Conflict, ""), nil
			}
			return intake.Done(), Change(ctx, tr, tx, a.Item, func(i *Item) {
				i.Holder, i.Pool = uuid.UUID(m.User), false
				mark(i, m)
			})
		}),
		"finish": on(func(ctx context.Context, tx T, m change.Mutation, a Args) (intake.Result, error) {
			return finish(ctx, tr, tx, m, a.Item)
		}),
		"doom":   spoil(func() (intake.Result, error) { return intake.Done(), nil }),
		"panic":  spoil(func() (intake.Result, error) { panic("poison") }),
		"fail":   spoil(func() (intake.Result, error) { return intake.Result{}, errPoison }),
		"refuse": spoil(func() (intake.Result, error) { return intake.Result{}, fault.New(fault.StateForbids, "") }),
		"void":   spoil(func() (intake.Result, error) { return intake.Result{}, nil }),
	}
}

// finish ends an item and posts what it pays: as much to the user's account as is taken from the office's.
func finish[T intake.Tx](
	ctx context.Context, tr Trade[T], tx T, m change.Mutation, id uuid.UUID,
) (intake.Result, error) {
	item, err := tr.Item(ctx, tx, id)
	if err != nil {
		return intake.Result{}, err
	}
	if item.Holder != uuid.UUID(m.User) || item.Done {
		return intake.Reject(fault.StateForbids, ""), nil
	}
	if err := Change(ctx, tr, tx, id, func(i *Item) {
		i.Done = true
		i.Log += Label(m.ID) + " "
	}); err != nil {
		return intake.Result{}, err
	}
	for _, post := range []struct {
		user uuid.UUID
		sum  int
	}{{uuid.Nil, -Price}, {uuid.UUID(m.User), Price}} {
		if err := Change(ctx, tr, tx, Account(post.user), func(i *Item) {
			i.Account, i.Holder = true, post.user
			i.Count += post.sum
			i.Log += Label(m.ID) + " "
		}); err != nil {
			return intake.Result{}, err
		}
	}
	return intake.Done(), nil
}

// Item implements Trade.
func (m *Memory) Item(_ context.Context, tx *MemoryTx, id uuid.UUID) (Item, error) {
	return tx.items[id], nil
}

// PutItem implements Trade.
func (m *Memory) PutItem(_ context.Context, tx *MemoryTx, i Item) error {
	tx.items[i.ID] = i
	return nil
}

// Place implements Trade.
func (m *Memory) Place(tx *MemoryTx, e change.Entity, in ...feed.Placement) { tx.batch.Place(e, in...) }

// Subscribe implements Trade.
func (m *Memory) Subscribe(_ context.Context, tx *MemoryTx, u change.User, feeds ...change.FeedID) error {
	tx.follows[u] = feeds
	return nil
}
