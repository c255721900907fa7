package load

import (
	"bytes"
	"errors"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

// Entry is one entry of a page, in the feed that it came by.
type Entry struct {
	change.Entry
	Feed string
}

// page is what a light phone wants of a PullResponse. It is read off the wire without making messages of
// entries whose bodies nobody looks at.
type page struct {
	feeds   []feedPart
	cursor  []byte
	final   bool
	heads   []feedHead
	lastSeq uint64
	// entries are those that the phone's keep asked for.
	entries []Entry
	// count is of all entries.
	count int
}

// event is what a light phone wants of a WatchResponse.
type event struct {
	goodbye *syncv1.Goodbye
	poke    bool
	// page is what the poke carries, with the name of the cursor that it goes on from; nil for none.
	page  *page
	after []byte
}

// feedPart sums up the entries of one feed in a page.
type feedPart struct {
	feed   string
	reset  bool
	live   int64
	digest change.Digest
}

// feedHead is what a checkpoint says of a feed.
type feedHead struct {
	feed   string
	digest change.Digest
	live   int64
}

// codec is Connect's protobuf codec that reads pages in its own way.
type codec struct {
	keep keeps
}

// keeps tells which entries are wanted with their body.
type keeps func(feed string, kind change.Kind) bool

// Name implements connect.Codec.
func (codec) Name() string { return "proto" }

// Marshal implements connect.Codec.
func (codec) Marshal(m any) ([]byte, error) { return proto.Marshal(m.(proto.Message)) }

// Unmarshal implements connect.Codec.
func (c codec) Unmarshal(b []byte, m any) error {
	switch m := m.(type) {
	case *page:
		return m.read(b, c.keep)
	case *event:
		return m.read(b, c.keep)
	}
	return proto.Unmarshal(b, m.(proto.Message))
}

func (e *event) read(b []byte, keep keeps) error {
	*e = event{}
	return fields(b, func(n protowire.Number, _ uint64, sub []byte) error {
		switch n {
		case 1:
			e.poke = true
			return fields(sub, func(n protowire.Number, _ uint64, sub []byte) error {
				switch n {
				case 2:
					e.page = &page{}
					return e.page.read(sub, keep)
				case 3:
					e.after = bytes.Clone(sub)
				}
				return nil
			})
		case 3:
			e.goodbye = &syncv1.Goodbye{}
			return proto.Unmarshal(sub, e.goodbye)
		}
		return nil
	})
}

func (p *page) read(b []byte, keep keeps) error {
	*p = page{}
	return fields(b, func(n protowire.Number, v uint64, sub []byte) error {
		switch n {
		case 1:
			return p.delta(sub, keep)
		case 3:
			p.cursor = bytes.Clone(sub)
		case 4:
			p.final = true
			return fields(sub, func(n protowire.Number, _ uint64, state []byte) error {
				if n != 1 {
					return nil
				}
				return p.head(state)
			})
		case 5:
			p.lastSeq = v
		}
		return nil
	})
}

func (p *page) head(b []byte) error {
	var h feedHead
	err := fields(b, func(n protowire.Number, v uint64, sub []byte) error {
		switch n {
		case 1:
			h.feed = string(sub)
		case 3:
			h.digest = change.Digest(v)
		case 4:
			h.live = int64(v)
		}
		return nil
	})
	p.heads = append(p.heads, h)
	return err
}

func (p *page) delta(b []byte, keep keeps) error {
	var part feedPart
	if err := fields(b, func(n protowire.Number, v uint64, sub []byte) error {
		switch n {
		case 1:
			part.feed = string(sub)
		case 2:
			part.reset = v != 0
		}
		return nil
	}); err != nil {
		return err
	}
	take := func(e change.Entry) {
		p.count++
		if !e.Removed {
			part.live++
			part.digest += change.DigestOf(e.Entity, e.Seq)
		}
		if keep != nil && keep(part.feed, e.Kind) {
			e.Body = bytes.Clone(e.Body)
			p.entries = append(p.entries, Entry{Entry: e, Feed: part.feed})
		}
	}
	err := fields(b, func(n protowire.Number, _ uint64, sub []byte) error {
		switch n {
		case 3:
			e, err := entry(sub)
			if err != nil {
				return err
			}
			take(e)
		case 4:
			entries, err := unpack(part.feed, sub, keep)
			if err != nil {
				return err
			}
			for _, e := range entries {
				take(e)
			}
		}
		return nil
	})
	p.feeds = append(p.feeds, part)
	return err
}

// unpack makes bodies only where somebody wants one.
func unpack(feed string, b []byte, keep func(string, change.Kind) bool) ([]change.Entry, error) {
	heads, err := pack.Heads(b)
	if err != nil || keep == nil {
		return heads, err
	}
	for i := range heads {
		if !heads[i].Removed && keep(feed, heads[i].Kind) {
			return pack.Decode(b)
		}
	}
	return heads, nil
}

func entry(b []byte) (e change.Entry, err error) {
	err = fields(b, func(n protowire.Number, v uint64, sub []byte) (err error) {
		switch n {
		case 1:
			e.Kind = change.Kind(v)
		case 2:
			e.ID, err = uuid.FromBytes(sub)
		case 3:
			e.Seq = change.Seq(v)
		case 4:
			e.Removed = v != 0
		case 5:
			e.Body = sub
		}
		return err
	})
	return e, err
}

var errWire = errors.New("not a message of the sync protocol")

// fields calls fn for each field of a message: v for numbers, sub for what has a length. Unknown fields are
// passed over by whoever asks.
func fields(b []byte, fn func(n protowire.Number, v uint64, sub []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errWire
		}
		b = b[size:]
		var v uint64
		var sub []byte
		switch kind {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, size = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			sub, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, kind, b)
		}
		if size < 0 {
			return errWire
		}
		b = b[size:]
		if err := fn(n, v, sub); err != nil {
			return err
		}
	}
	return nil
}
