package pack

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// idLen is what an entry's id takes in a Builder's data, in front of its body.
const idLen = 16

// Builder gathers the entries of a pack. Its zero value is empty; after Reset it gathers another pack in the same
// memory.
type Builder struct {
	data []byte
	// heads has kind and removal, as a pack has them.
	heads, seqs []uint64
	// ends says where an entry's body ends in data; the next one's id begins there.
	ends []uint32
}

// Add takes a copy of an entry. All together must not be more than MaxBytes.
func (b *Builder) Add(e change.Entry) {
	head := uint64(uint32(e.Kind)) << 1
	b.data = append(b.data, e.ID[:]...)
	if e.Removed {
		head |= 1
	} else {
		b.data = append(b.data, e.Body...)
	}
	b.heads, b.seqs = append(b.heads, head), append(b.seqs, uint64(e.Seq))
	b.ends = append(b.ends, uint32(len(b.data)))
}

// Reset forgets the entries.
func (b *Builder) Reset() {
	b.data, b.heads, b.seqs, b.ends = b.data[:0], b.heads[:0], b.seqs[:0], b.ends[:0]
}

// Len is how many entries were added.
func (b *Builder) Len() int { return len(b.heads) }

// Entries gives what was added, in memory of its own.
func (b *Builder) Entries() []change.Entry {
	data := append([]byte(nil), b.data...)
	out := make([]change.Entry, b.Len())
	begin := uint32(0)
	for i := range out {
		body := begin + idLen
		e := &out[i]
		e.Kind, e.ID, e.Seq = change.Kind(b.heads[i]>>1), uuid.UUID(data[begin:body]), change.Seq(b.seqs[i])
		if e.Removed = b.heads[i]&1 == 1; !e.Removed {
			e.Body = data[body:b.ends[i]:b.ends[i]]
		}
		begin = b.ends[i]
	}
	return out
}

// Pack packs the entries. The Builder may only be Reset afterwards.
func (b *Builder) Pack() []byte {
	w := writers.Get().(*writer)
	w.data = b.data
	defer func() {
		b.data = w.data
		w.reset()
		if cap(w.plain) <= keptBytes {
			writers.Put(w)
		}
	}()
	w.plain = binary.AppendUvarint(w.plain, uint64(b.Len()))
	w.ints(b.heads)
	w.ints(b.seqs)
	ids := w.take(0)
	begin := uint32(0)
	for _, end := range b.ends {
		ids.spans = append(ids.spans, span{begin, begin + idLen})
		begin = end
	}
	w.bytes(ids.spans)
	for _, kind := range b.kinds() {
		bodies := w.take(0)
		begin := uint32(0)
		for i, end := range b.ends {
			if b.heads[i] == kind {
				bodies.spans = append(bodies.spans, span{begin + idLen, end})
			}
			begin = end
		}
		w.field(bodies.spans, 0)
	}
	return w.close()
}

// kinds lists the heads of entries that have bodies, in the order of their first.
func (b *Builder) kinds() []uint64 {
	var kinds []uint64
next:
	for _, h := range b.heads {
		if h&1 == 1 {
			continue
		}
		for _, k := range kinds {
			if k == h {
				continue next
			}
		}
		kinds = append(kinds, h)
	}
	return kinds
}
