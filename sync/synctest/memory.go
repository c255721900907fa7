// Package synctest proves the engine: a store in memory, a phone that speaks the protocol, and a suite of
// properties that every store must hold, over a toy trade of counters and pairs.
package synctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Memory is a store in memory: one transaction at a time, each on a copy that replaces the state at commit.
type Memory struct {
	mu    sync.Mutex
	state memory
	now   func() time.Time
	// generations counts outside of what a backup brings back.
	generations byte
}

type memory struct {
	generation change.Generation
	heads      map[change.FeedID]feed.Head
	entries    map[feed.Ref]change.Entry
	written    map[feed.Ref]time.Time
	follows    map[change.User][]change.FeedID
	devices    map[change.Device]memoryDevice
	records    []intake.Record
	items      map[uuid.UUID]Item
}

type memoryDevice struct {
	last       uint64
	generation change.Generation
}

func (m memory) clone() memory {
	m.heads, m.entries, m.follows = maps.Clone(m.heads), maps.Clone(m.entries), maps.Clone(m.follows)
	m.written = maps.Clone(m.written)
	m.devices, m.items, m.records = maps.Clone(m.devices), maps.Clone(m.items), slices.Clip(m.records)
	return m
}

// NewMemory returns an empty store.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, generations: 1, state: memory{
		written:    map[feed.Ref]time.Time{},
		generation: change.Generation{1}, heads: map[change.FeedID]feed.Head{}, entries: map[feed.Ref]change.Entry{},
		follows: map[change.User][]change.FeedID{}, devices: map[change.Device]memoryDevice{}, items: map[uuid.UUID]Item{},
	}}
}

// MemoryTx is a transaction of a Memory.
type MemoryTx struct {
	memory
	batch feed.Batch
	now   time.Time
}

// errDoomed is what a deferred constraint says at the commit.
var errDoomed = errors.New("synctest: a constraint forbids this item")

func (m memory) valid() error {
	for _, i := range m.items {
		if i.Doomed {
			return errDoomed
		}
	}
	return nil
}

// Transact implements intake.Store.
func (m *Memory) Transact(ctx context.Context, _ change.Org, fn func(*MemoryTx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := &MemoryTx{memory: m.state.clone(), now: m.now()}
	if err := fn(tx); err != nil {
		return err
	}
	if _, err := tx.batch.Flush(ctx, tx); err != nil {
		return err
	}
	if err := tx.valid(); err != nil {
		return err
	}
	m.state = tx.memory
	return nil
}

// Transient implements intake.Store.
func (m *Memory) Transient(err error) bool { return errors.Is(err, errTransient) }

var errTransient = errors.New("synctest: the connection broke")

// Holders implements feed.Tx.
func (t *MemoryTx) Holders(_ context.Context, entities []change.Entity) (out []feed.Ref, _ error) {
	for ref, e := range t.entries {
		if !e.Removed && slices.Contains(entities, ref.Entity) {
			out = append(out, ref)
		}
	}
	return out, nil
}

// Lock implements feed.Tx.
func (t *MemoryTx) Lock(_ context.Context, feeds []change.FeedID, refs []feed.Ref) ([]feed.Head, []feed.Held, error) {
	if !slices.IsSortedFunc(feeds, change.FeedID.Compare) {
		return nil, nil, fmt.Errorf("synctest: feeds are not locked in order: %v", feeds)
	}
	heads := make([]feed.Head, len(feeds))
	for i, f := range feeds {
		heads[i] = t.heads[f]
		heads[i].Feed = f
	}
	var held []feed.Held
	for _, ref := range refs {
		if e, ok := t.entries[ref]; ok && !e.Removed {
			held = append(held, feed.Held{Ref: ref, Seq: e.Seq, Size: len(e.Body)})
		}
	}
	return heads, held, nil
}

// Append implements feed.Tx.
func (t *MemoryTx) Append(_ context.Context, heads []feed.Head, writes []feed.Write) error {
	for _, h := range heads {
		t.heads[h.Feed] = h
	}
	for _, w := range writes {
		ref := feed.Ref{Feed: w.Feed, Entity: w.Entry.Entity}
		t.entries[ref], t.written[ref] = w.Entry, t.now
	}
	return nil
}

// Open implements intake.Tx.
func (t *MemoryTx) Open(
	_ context.Context, d change.Device, from, to uint64, ids []uuid.UUID,
) (uint64, bool, []intake.Record, intake.Held, error) {
	dev, ok := t.devices[d]
	if !ok {
		if t.generation == (change.Generation{1}) { // else a backup may have forgotten it
			dev.generation = t.generation
		}
	}
	var known []intake.Record
	for _, r := range t.records {
		own := r.Mutation.Device == d && r.Mutation.Seq >= from && r.Mutation.Seq <= to
		if own || (!r.Duplicate && slices.Contains(ids, r.Mutation.ID)) {
			known = append(known, r)
		}
	}
	var held intake.Held
	for _, r := range t.records { // in their order; nothing is decided here
		if _, ok := held[r.Subject]; !ok && r.Subject != uuid.Nil && r.Mutation.Device == d {
			if held == nil {
				held = intake.Held{}
			}
			held[r.Subject] = r.Mutation.ID
		}
	}
	return dev.last, dev.generation != t.generation, known, held, nil
}

// Savepoint implements intake.Tx.
func (t *MemoryTx) Savepoint(_ context.Context, fn func() error) error {
	before, mark := t.memory.clone(), t.batch.Mark()
	err := fn()
	if err == nil {
		err = t.valid()
	}
	if err != nil {
		t.memory = before
		t.batch.Reset(mark)
	}
	return err
}

// Kept implements intake.Tx; nobody decides here.
func (t *MemoryTx) Kept(_ context.Context, d change.Device, evidence bool) (k intake.Kept, _ error) {
	for _, r := range t.records {
		refused := r.Duplicate || r.Verdict.Code == fault.MutationTooLarge || r.Verdict.Code == fault.MutationIDReused
		if r.Mutation.Device == d && (r.Verdict.Outcome == change.Parked || evidence && refused) {
			k.Count++
			k.Bytes += int64(len(r.Mutation.Args))
		}
	}
	return k, nil
}

// Save implements intake.Tx.
func (t *MemoryTx) Save(_ context.Context, d change.Device, last uint64, records []intake.Record) error {
	t.devices[d] = memoryDevice{last: last, generation: t.generation}
	t.records = append(t.records, records...)
	return nil
}

// Collect forgets the tombstones older than before.
func (m *Memory) Collect(_ context.Context, _ change.Org, before time.Time) (gone int64, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = m.state.clone()
	for ref, e := range m.state.entries {
		if e.Removed && m.state.written[ref].Before(before) {
			h := m.state.heads[ref.Feed]
			h.Floor = max(h.Floor, e.Seq)
			m.state.heads[ref.Feed] = h
			delete(m.state.entries, ref)
			gone++
		}
	}
	return gone, nil
}

// NewGeneration declares a lost history.
func (m *Memory) NewGeneration(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.generations++
	m.state.generation[0] = m.generations
	return nil
}

// Backup implements Store: a commit replaces the state's maps and changes none of them.
func (m *Memory) Backup(context.Context, change.Org) (func(context.Context) error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.state
	return func(context.Context) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.state = kept
		return nil
	}, nil
}

// Items implements Store.
func (m *Memory) Items(context.Context, change.Org) ([]Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.state.items)), nil
}

// Parked implements Store.
func (m *Memory) Parked(context.Context, change.Org) (out []change.Mutation, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.state.records {
		if r.Verdict.Outcome == change.Parked && !r.Duplicate {
			out = append(out, r.Mutation)
		}
	}
	return out, nil
}

// Snapshot implements feed.Reader.
func (m *Memory) Snapshot(
	_ context.Context, _ change.Org, d change.Device, u change.User, fn func(feed.Snapshot) error,
) error {
	m.mu.Lock()
	snap := memorySnapshot{m.state, d, u, m.now()}
	m.mu.Unlock()
	return fn(snap)
}

// memorySnapshot needs no copy: a commit replaces the state's maps and changes none of them.
type memorySnapshot struct {
	memory
	device change.Device
	user   change.User
	at     time.Time
}

// State implements feed.Snapshot.
func (s memorySnapshot) State(context.Context) (feed.State, error) {
	st := feed.State{Generation: s.generation, LastSeq: s.devices[s.device].last, At: s.at}
	for _, f := range slices.SortedFunc(slices.Values(s.follows[s.user]), change.FeedID.Compare) {
		h := s.heads[f]
		h.Feed = f
		st.Heads = append(st.Heads, h)
	}
	return st, nil
}

// Entries implements feed.Snapshot.
func (s memorySnapshot) Entries(_ context.Context, r feed.Range, limit int) ([]change.Entry, bool, error) {
	var all []change.Entry
	for ref, e := range s.entries {
		if ref.Feed == r.Head.Feed && e.Seq > r.After && !(e.Removed && e.Seq <= r.Base) {
			e.Body = bytes.Clone(e.Body)
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b change.Entry) int { return int(a.Seq - b.Seq) })
	for i, e := range all {
		if limit -= len(e.Body) + feed.EntryOverhead; limit < 0 && i > 0 {
			return all[:i], false, nil
		}
	}
	return all, true, nil
}
