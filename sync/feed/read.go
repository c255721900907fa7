package feed

import (
	"context"
	"slices"
	"time"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Page sizes in bytes of bodies.
const (
	DefaultPageBytes = 256 << 10
	MaxPageBytes     = 4 << 20
)

// Request asks for what changed for a device since a cursor.
type Request struct {
	Org    change.Org
	Device change.Device
	User   change.User
	Cursor change.Cursor
	// MaxBytes bounds the bodies of the page; 0 means DefaultPageBytes. One larger entity still comes.
	MaxBytes int
	// Reset names feeds to be sent anew, because the device's digest did not agree.
	Reset []change.FeedID
	// Packed: the device reads packs, so that long parts may come as such.
	Packed bool
}

// State is what a snapshot says before any entry is read.
type State struct {
	Generation change.Generation
	// Heads are those of the feeds that the user follows, in ascending order. A feed that nothing was ever
	// written to has a zero head.
	Heads []Head
	// LastSeq is the highest sequence of the device's mutations with a verdict.
	LastSeq uint64
	// Unsent is what the device last reported of itself.
	Unsent uint32
	// Rights is the version of what the user follows and the devices may do; it only grows. 0 where nobody counts.
	Rights change.Seq
	At     time.Time
}

// Range is a part of a feed, after After up to its head. Tombstones up to Base are of no interest.
type Range struct {
	Generation change.Generation
	Head       Head
	After      change.Seq
	Base       change.Seq
}

// Snapshot is one unchanging view of a store.
type Snapshot interface {
	State(ctx context.Context) (State, error)
	// Entries reads a range in ascending sequence, at least one entry if there is one and then until the bytes
	// (bodies plus overhead) would pass max. done says that the range holds no more.
	Entries(ctx context.Context, r Range, max int) (entries []change.Entry, done bool, err error)
}

// Packer is a Snapshot that hands out long ranges packed.
type Packer interface {
	// Packed is like Entries, with packs instead of entries when that is worth it.
	Packed(ctx context.Context, r Range, max int) (Part, error)
}

// PackFrom is how many bytes of entries are worth a pack.
const PackFrom = 8 << 10

// Part is a part of a feed: its entries, or the same as packs, in ascending sequence.
type Part struct {
	Entries []change.Entry
	Packs   [][]byte
	// Last is the newest sequence in it, Size the bytes of its bodies plus overhead.
	Last change.Seq
	Size int
	// Done says that the range holds no more.
	Done bool
}

// PartOf is the part that has these entries.
func PartOf(entries []change.Entry, done bool) Part {
	p := Part{Entries: entries, Done: done}
	for i := range entries {
		p.Size += len(entries[i].Body) + EntryOverhead
		p.Last = entries[i].Seq
	}
	return p
}

// Reader opens snapshots.
type Reader interface {
	// Snapshot calls fn with a view of the org as the given device may read it.
	Snapshot(ctx context.Context, org change.Org, device change.Device, user change.User, fn func(Snapshot) error) error
}

// Delta is the part of a page that belongs to one feed.
type Delta struct {
	Feed change.FeedID
	// Reset says to forget all that the feed held first.
	Reset   bool
	Entries []change.Entry
	// Packs are instead of Entries, see sync/change/pack.
	Packs [][]byte
}

// Page is one answer. The device shows it when it has all pages up to the one with Final set.
type Page struct {
	Deltas  []Delta
	Dropped []change.FeedID
	Cursor  change.Cursor
	// Changed says that Cursor differs from the one that was sent.
	Changed bool
	// Final: the device now holds everything up to Heads, which lists the feeds that changed in this round.
	Final   bool
	Heads   []Head
	LastSeq uint64
	// Unsent is what the device had last reported before.
	Unsent uint32
	At     time.Time
	// Whole is what the device will hold in the end, on the pages of a round that began with nothing at all.
	Whole Size
}

// Read returns the next page. Each page is read at a snapshot of its own and goes on from where the cursor
// says; the last page of a round is the one whose snapshot holds nothing more in any feed, so that whatever
// one transaction wrote to several feeds is complete when the device shows it.
func Read(ctx context.Context, r Reader, req Request) (Page, error) {
	var page Page
	err := r.Snapshot(ctx, req.Org, req.Device, req.User, func(s Snapshot) error {
		state, err := s.State(ctx)
		if err != nil {
			return err
		}
		page, err = Answer(ctx, s, state, req)
		return err
	})
	return page, err
}

// Few is how many changes a device may be behind for its answer to count as short.
const Few = 64

// Short tells whether what the device lacks is no more than a few entries, and of feeds that it goes on reading.
func (r Request) Short(state State) bool {
	lacks := change.Seq(0)
	for _, head := range state.Heads {
		pos, reset := begin(r, state.Generation, head.Head)
		if lacks += head.Seq - pos.Seq; reset && head.Seq > 0 || lacks > Few {
			return false
		}
	}
	return true
}

// Answer gives the next page out of a snapshot whose state was read already.
func Answer(ctx context.Context, s Snapshot, state State, req Request) (Page, error) {
	left := req.PageBytes()
	page := Page{
		Final: true, LastSeq: state.LastSeq, Unsent: state.Unsent, At: state.At,
		Cursor: change.Cursor{Generation: state.Generation, Feeds: make(map[change.FeedID]change.Position, len(state.Heads))},
	}
	page.Changed = req.Cursor.Generation != state.Generation
	for _, head := range state.Heads {
		pos, reset := begin(req, state.Generation, head.Head)
		delta := Delta{Feed: head.Feed, Reset: reset}
		if pos.Seq < head.Seq && left > 0 {
			part, err := partOf(ctx, s, Range{Generation: state.Generation, Head: head, After: pos.Seq, Base: pos.Base},
				left, req.Packed)
			if err != nil {
				return Page{}, err
			}
			delta.Entries, delta.Packs = part.Entries, part.Packs
			left -= part.Size
			switch {
			case part.Done:
				pos.Seq = head.Seq
			case part.Size > 0:
				pos.Seq = part.Last
			}
			pos.Pending = true
		}
		if pos.Seq >= pos.Base {
			pos.Base = 0
		}
		if pos.Seq < head.Seq {
			page.Final = false
		}
		if delta.Reset || len(delta.Entries)+len(delta.Packs) > 0 {
			page.Deltas = append(page.Deltas, delta)
			pos.Pending = true
		}
		page.Cursor.Feeds[head.Feed] = pos
	}
	if len(page.Deltas) > 0 && req.FromNothing(state) {
		page.Whole = SizeOf(state.Heads)
	}
	page.finish(req, state)
	return page, nil
}

func partOf(ctx context.Context, s Snapshot, r Range, limit int, packed bool) (Part, error) {
	if p, ok := s.(Packer); ok && packed {
		return p.Packed(ctx, r, limit)
	}
	entries, done, err := s.Entries(ctx, r, limit)
	return PartOf(entries, done), err
}

// begin says where to read a feed from: where the cursor stands, or from nothing when the device never had
// the feed, asks for it anew, or holds a position that this history of the database cannot continue.
func begin(req Request, g change.Generation, head change.Head) (pos change.Position, reset bool) {
	pos, known := req.Cursor.Feeds[head.Feed]
	switch {
	case !known, req.Cursor.Generation != g, slices.Contains(req.Reset, head.Feed):
	case pos.Seq > head.Seq: // ahead of the feed: the database went back in time
	case max(pos.Seq, pos.Base) < head.Floor: // may have missed a removal
	default:
		return pos, false
	}
	return change.Position{Base: head.Seq}, true
}

// finish closes a page: what was dropped, and at a checkpoint the heads of what changed in the round.
func (p *Page) finish(req Request, state State) {
	for f := range req.Cursor.Feeds {
		if _, follows := p.Cursor.Feeds[f]; !follows {
			p.Dropped = append(p.Dropped, f)
		}
	}
	slices.SortFunc(p.Dropped, change.FeedID.Compare)
	if p.Final {
		for _, head := range state.Heads {
			pos := p.Cursor.Feeds[head.Feed]
			if pos.Pending {
				p.Heads = append(p.Heads, head)
				pos.Pending = false
				p.Cursor.Feeds[head.Feed] = pos
			}
		}
	}
	p.Changed = p.Changed || len(p.Dropped) > 0 || len(p.Cursor.Feeds) != len(req.Cursor.Feeds)
	for f, pos := range p.Cursor.Feeds {
		p.Changed = p.Changed || req.Cursor.Feeds[f] != pos
	}
}
