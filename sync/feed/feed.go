// Package feed keeps feeds: it appends entity states in the transaction that changes them and reads what
// changed since a cursor, at one snapshot. It works on any store that implements Tx and Reader.
package feed

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Placement puts an entity into one feed, with the bytes that the feed's readers may keep.
type Placement struct {
	Feed change.FeedID
	Body []byte
	// kept says that the feed holds this very body already; see Batch.Keep.
	kept bool
}

// Ref names an entity in a feed.
type Ref struct {
	Feed   change.FeedID
	Entity change.Entity
}

// Held is a live entry that a feed holds now.
type Held struct {
	Ref
	Seq change.Seq
	// Size is the length of the body.
	Size int
}

// Write is one entry to store.
type Write struct {
	Feed  change.FeedID
	Entry change.Entry
}

// Head is the end of a feed with what the writer also keeps of it.
type Head struct {
	change.Head
	// Bytes is the sum of the lengths of the live bodies.
	Bytes int64
}

// Tx is what a store's open transaction offers for writing feeds. It is bound to one org.
type Tx interface {
	// Holders returns the feeds that hold the entities, live.
	Holders(ctx context.Context, entities []change.Entity) ([]Ref, error)
	// Lock locks the heads of the feeds, given in ascending order, until the transaction ends, makes those
	// that do not exist, and then reads which of the refs are live. The heads come back in the given order.
	Lock(ctx context.Context, feeds []change.FeedID, refs []Ref) ([]Head, []Held, error)
	// Append stores the entries, replacing earlier ones of the same ref, and the new heads.
	Append(ctx context.Context, heads []Head, writes []Write) error
}

// Batch collects placements within one transaction, to be flushed at its end: so each feed gets its sequence
// numbers under its lock, locks are taken once, last and in order, and what was placed twice is written once.
type Batch struct {
	log []placed
}

type placed struct {
	entity change.Entity
	in     []Placement
}

// Place declares in which feeds an entity stands from now on, and as what. Feeds that held it and are not
// named lose it, so leaving is as sure as coming; no placement at all removes it everywhere.
//
// The caller must hold a lock that orders the changes of this entity (the row lock on a ticket, say): else a
// feed that another transaction adds meanwhile is not seen.
func (b *Batch) Place(e change.Entity, in ...Placement) {
	b.log = append(b.log, placed{entity: e, in: in})
}

// Placed tells whether the entity has been placed, also if nowhere.
func (b *Batch) Placed(e change.Entity) bool {
	return slices.ContainsFunc(b.log, func(p placed) bool { return p.entity == e })
}

// Entities are those that have been placed, each once and in order.
func (b *Batch) Entities() []change.Entity {
	out := make([]change.Entity, len(b.log))
	for i, p := range b.log {
		out[i] = p.entity
	}
	slices.SortFunc(out, compareEntities)
	return slices.Compact(out)
}

// Keep compares what was placed with the bodies that stand in the feeds, and returns what Flush would change, in
// order. What is the same already will not be written, so that no phone fetches it again. bodies must hold all live
// entries of Entities, read while the caller's locks hold them still.
func (b *Batch) Keep(bodies map[Ref][]byte) []Difference {
	want := b.want()
	var out []Difference
	for ref, stands := range bodies {
		if in, ok := want[ref.Entity]; ok && !slices.ContainsFunc(in, func(p Placement) bool { return p.Feed == ref.Feed }) {
			out = append(out, Difference{Ref: ref, Stands: stands, Stray: true})
		}
	}
	b.log = b.log[:0]
	for e, in := range want {
		in = slices.Clone(in)
		for i, p := range in {
			stands, ok := bodies[Ref{p.Feed, e}]
			in[i].kept = ok && bytes.Equal(stands, p.Body)
			if !in[i].kept {
				out = append(out, Difference{Ref: Ref{p.Feed, e}, Stands: stands, Should: p.Body, Missing: !ok})
			}
		}
		b.log = append(b.log, placed{entity: e, in: in})
	}
	slices.SortFunc(out, func(a, b Difference) int { return compareRefs(a.Ref, b.Ref) })
	return out
}

// Difference is an entry that is not as it should be: it stands and should not (Stray), it should stand and does not
// (Missing), or else its body is another one.
type Difference struct {
	Ref
	Stands, Should []byte
	Stray, Missing bool
}

// Mark and Reset let a savepoint take back what was placed after it.
func (b *Batch) Mark() int { return len(b.log) }

// Reset forgets everything placed after the mark.
func (b *Batch) Reset(mark int) { b.log = b.log[:mark] }

// Flush writes what was placed and returns the new heads of the feeds that changed. It must be the last thing
// that the transaction does before it commits.
func (b *Batch) Flush(ctx context.Context, tx Tx) ([]Head, error) {
	want := b.want()
	b.log = nil
	if len(want) == 0 {
		return nil, nil
	}
	entities := make([]change.Entity, 0, len(want))
	for e := range want {
		entities = append(entities, e)
	}
	slices.SortFunc(entities, compareEntities)
	holders, err := tx.Holders(ctx, entities)
	if err != nil {
		return nil, err
	}

	writes := make(map[Ref]change.Entry, len(holders)+len(entities))
	for _, ref := range holders {
		writes[ref] = change.Entry{Entity: ref.Entity, Removed: true}
	}
	for e, in := range want {
		for _, p := range in {
			if ref := (Ref{p.Feed, e}); p.kept {
				delete(writes, ref)
			} else {
				writes[ref] = change.Entry{Entity: e, Body: p.Body}
			}
		}
	}
	refs := make([]Ref, 0, len(writes))
	for ref := range writes {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, compareRefs)
	feeds := make([]change.FeedID, 0, 4)
	for _, ref := range refs {
		if n := len(feeds); n == 0 || feeds[n-1] != ref.Feed {
			feeds = append(feeds, ref.Feed)
		}
	}
	if len(feeds) == 0 {
		return nil, nil
	}
	heads, held, err := tx.Lock(ctx, feeds, refs)
	if err != nil {
		return nil, err
	}
	return number(ctx, tx, refs, writes, heads, held)
}

// want is what was placed last of each entity.
func (b *Batch) want() map[change.Entity][]Placement {
	want := make(map[change.Entity][]Placement, len(b.log))
	for _, p := range b.log {
		want[p.entity] = p.in
	}
	return want
}

// number gives the entries their sequence numbers and keeps digest, count and size of each head in step.
func number(
	ctx context.Context, tx Tx, refs []Ref, writes map[Ref]change.Entry, heads []Head, held []Held,
) ([]Head, error) {
	live := make(map[Ref]Held, len(held))
	for _, h := range held {
		live[h.Ref] = h
	}
	out := make([]Write, 0, len(refs))
	i := 0
	for _, ref := range refs {
		for heads[i].Feed != ref.Feed {
			i++
		}
		head, e := &heads[i], writes[ref]
		old, was := live[ref]
		if e.Removed && !was {
			continue
		}
		head.Seq++
		e.Seq = head.Seq
		if was {
			head.Digest -= change.DigestOf(e.Entity, old.Seq)
			head.Live--
			head.Bytes -= int64(old.Size)
		}
		if !e.Removed {
			head.Digest += change.DigestOf(e.Entity, e.Seq)
			head.Live++
			head.Bytes += int64(len(e.Body))
		}
		out = append(out, Write{ref.Feed, e})
	}
	if len(out) == 0 {
		return nil, nil
	}
	return heads, tx.Append(ctx, heads, out)
}

func compareRefs(a, b Ref) int {
	return cmp.Or(a.Feed.Compare(b.Feed), compareEntities(a.Entity, b.Entity))
}

func compareEntities(a, b change.Entity) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.Compare(a.ID[:], b.ID[:]))
}
