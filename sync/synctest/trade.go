package synctest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// ItemKind is the toy trade's only kind of entity.
const ItemKind change.Kind = 7

// Item is the toy trade's only thing: a counter that somebody holds. A zero Holder holds it nowhere.
type Item struct {
	ID      uuid.UUID `json:"id"`
	Holder  uuid.UUID `json:"holder"`
	Count   int       `json:"count"`
	Version int       `json:"version"`
}

// Args are the arguments of all the toy trade's mutations.
type Args struct {
	Item   uuid.UUID `json:"item"`
	Other  uuid.UUID `json:"other"`
	Holder uuid.UUID `json:"holder"`
}

// Encode gives the bytes of the arguments.
func (a Args) Encode() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // two UUIDs
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
func Change[T intake.Tx](ctx context.Context, tr Trade[T], tx T, id uuid.UUID, fn func(*Item), also ...change.FeedID) error {
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
	body, err := json.Marshal(item)
	if err != nil {
		return err
	}
	var in []feed.Placement
	if item.Holder != uuid.Nil {
		in = append(in, feed.Placement{Feed: FeedOf(item.Holder), Body: body})
	}
	for _, f := range also {
		in = append(in, feed.Placement{Feed: f, Body: body})
	}
	tr.Place(tx, change.Entity{Kind: ItemKind, ID: id}, in...)
	return nil
}

var errPoison = errors.New("synctest: poison")

// Mutators are the toy trade's mutations:
//
//	add     counts the item up by one; rejected when the user does not hold it
//	give    hands the item to another holder
//	pair    counts two items up, in whatever feeds they are, in one transaction
//	panic, fail, refuse, void    go wrong in every way, after having written
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
	up := func(i *Item) { i.Count++ }
	spoil := func(after func() (intake.Result, error)) intake.Mutator[T] {
		return on(func(ctx context.Context, tx T, _ change.Mutation, a Args) (intake.Result, error) {
			if err := Change(ctx, tr, tx, a.Item, func(i *Item) { i.Count += 1_000_000 }); err != nil {
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
			return intake.Done(), Change(ctx, tr, tx, a.Item, up)
		}),
		"give": on(func(ctx context.Context, tx T, _ change.Mutation, a Args) (intake.Result, error) {
			return intake.Done(), Change(ctx, tr, tx, a.Item, func(i *Item) { i.Holder = a.Holder })
		}),
		"pair": on(func(ctx context.Context, tx T, _ change.Mutation, a Args) (intake.Result, error) {
			if err := Change(ctx, tr, tx, a.Item, up); err != nil {
				return intake.Result{}, err
			}
			return intake.Done(), Change(ctx, tr, tx, a.Other, up)
		}),
		"panic":  spoil(func() (intake.Result, error) { panic("poison") }),
		"fail":   spoil(func() (intake.Result, error) { return intake.Result{}, errPoison }),
		"refuse": spoil(func() (intake.Result, error) { return intake.Result{}, fault.New(fault.StateForbids, "") }),
		"void":   spoil(func() (intake.Result, error) { return intake.Result{}, nil }),
	}
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
