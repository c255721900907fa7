// Package pack puts many entries of a feed into few bytes, and gets the very same bytes out of them. Entity bodies are
// protobuf messages of few kinds, so it takes them apart by fields without knowing their schema, keeps what belongs to
// one field together as a column, and compresses the columns with zstd: what all tickets have in common is then said
// once, and what is random (hashes, ids) is not searched for repetitions. docs/PROTOCOL.md describes the format.
package pack

import (
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Version is the first byte of a pack.
const Version = 1

// MaxBytes bounds what one pack may hold when taken apart: bodies, and 32 bytes for each entry.
const MaxBytes = 16 << 20

// maxDepth bounds how deep messages are taken apart; what lies deeper stays as it is.
const maxDepth = 8

// Encode packs entries, which must not be more than MaxBytes together.
func Encode(entries []change.Entry) []byte {
	var b Builder
	for i := range entries {
		b.Add(entries[i])
	}
	return b.Pack()
}

// kindsOf lists the kinds that have bodies, in the order of their first.
func kindsOf(entries []change.Entry) []change.Kind {
	var kinds []change.Kind
next:
	for i := range entries {
		if entries[i].Removed {
			continue
		}
		for _, k := range kinds {
			if k == entries[i].Kind {
				continue next
			}
		}
		kinds = append(kinds, entries[i].Kind)
	}
	return kinds
}

// Decode gives back the entries. Other bytes than Encode's give InvalidArgument, and never take more memory than a few
// times MaxBytes.
func Decode(b []byte) (entries []change.Entry, err error) {
	r, err := open(b)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if entries, err = r.heads(); err != nil {
		return nil, err
	}
	left := MaxBytes - len(entries)*32
	for _, k := range kindsOf(entries) {
		count := 0
		for i := range entries {
			if entries[i].Kind == k && !entries[i].Removed {
				count++
			}
		}
		f := r.field(count, 0)
		if r.err != nil {
			return nil, r.err
		}
		if err := f.fill(entries, k, &left); err != nil {
			return nil, err
		}
	}
	if len(r.plain) != 0 || len(r.noise) != 0 {
		return nil, malformed("length")
	}
	return entries, nil
}

// Heads gives the entries without their bodies, for who only counts what came: a fraction of Decode's work. It checks
// that the bytes are whole, not that bodies could be made of them.
func Heads(b []byte) ([]change.Entry, error) {
	r, err := open(b)
	if err != nil {
		return nil, err
	}
	defer r.close()
	return r.heads()
}

// heads takes off what a pack says of its entries before their bodies.
func (r *reader) heads() ([]change.Entry, error) {
	n := r.uvarint()
	if n > MaxBytes/32 {
		r.fail("count")
	}
	if r.err != nil {
		return nil, r.err
	}
	kinds, seqs, ids := r.ints(int(n)), r.ints(int(n)), r.bytes(int(n))
	if r.err != nil {
		return nil, r.err
	}
	entries := make([]change.Entry, n)
	for i := range entries {
		e := &entries[i]
		if kinds[i]>>1 > 1<<31-1 || seqs[i] > 1<<62 || len(ids.at(i)) != 16 {
			return nil, malformed("entry")
		}
		e.Kind, e.Removed, e.Seq = change.Kind(kinds[i]>>1), kinds[i]&1 == 1, change.Seq(seqs[i])
		e.ID = uuid.UUID(ids.at(i))
	}
	return entries, nil
}

func malformed(what string) error { return fault.New(fault.InvalidArgument, "pack: %s", what) }
