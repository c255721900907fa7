package change

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Generation marks one history of the database. It changes when the database is restored from a backup, so
// that a cursor of the lost history is recognised.
type Generation [8]byte

// Position is how far a device has read one feed.
type Position struct {
	// Seq is the newest sequence read.
	Seq Seq
	// Base is the head of the feed when the device began to read it from nothing; 0 once Seq has passed it.
	// What was removed up to Base never reached the device, so it needs no tombstone from there.
	Base Seq
	// Pending says that pages of this feed were sent since the last checkpoint.
	Pending bool
}

// Cursor is how far a device has read its feeds. Devices hold it as opaque bytes.
type Cursor struct {
	Generation Generation
	Feeds      map[FeedID]Position
}

// MaxCursorFeeds bounds what a cursor may name.
const MaxCursorFeeds = 256

const cursorVersion = 1

// Encode gives the cursor's bytes: version, generation, count, per feed (in order) kind, key, seq, base, pending,
// and a CRC-32 over all that. The same cursor always gives the same bytes.
func (c Cursor) Encode() []byte {
	feeds := make([]FeedID, 0, len(c.Feeds))
	for f := range c.Feeds {
		feeds = append(feeds, f)
	}
	slices.SortFunc(feeds, FeedID.Compare)
	b := make([]byte, 0, 16+len(feeds)*32)
	b = append(b, cursorVersion)
	b = append(b, c.Generation[:]...)
	b = binary.AppendUvarint(b, uint64(len(feeds)))
	for _, f := range feeds {
		p := c.Feeds[f]
		b = append(b, byte(len(f.Kind)))
		b = append(b, f.Kind...)
		b = append(b, f.Key[:]...)
		b = binary.AppendUvarint(b, uint64(p.Seq))
		rest := uint64(p.Base) << 1
		if p.Pending {
			rest |= 1
		}
		b = binary.AppendUvarint(b, rest)
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// DecodeCursor reads a cursor's bytes; no bytes are the cursor of a device that holds nothing. A cursor is no
// authority: whatever it claims, only the feeds that the device follows are read. Other bytes than Encode's
// give CursorMalformed.
func DecodeCursor(b []byte) (Cursor, error) {
	c := Cursor{Feeds: map[FeedID]Position{}}
	if len(b) == 0 {
		return c, nil
	}
	bad := func(why string) (Cursor, error) { return Cursor{}, fault.New(fault.CursorMalformed, "%s", why) }
	if len(b) < 1+8+1+4 || b[0] != cursorVersion {
		return bad("version")
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return bad("checksum")
	}
	copy(c.Generation[:], body[1:9])
	r := body[9:]
	uvarint := func() (uint64, bool) {
		v, n := binary.Uvarint(r)
		if n <= 0 || v > 1<<62 {
			return 0, false
		}
		r = r[n:]
		return v, true
	}
	n, ok := uvarint()
	if !ok || n > MaxCursorFeeds {
		return bad("feeds")
	}
	for range n {
		if len(r) < 1 || len(r) < 1+int(r[0])+16 {
			return bad("length")
		}
		kind := string(r[1 : 1+int(r[0])])
		key, _ := uuid.FromBytes(r[1+len(kind) : 1+len(kind)+16])
		r = r[1+len(kind)+16:]
		seq, ok1 := uvarint()
		rest, ok2 := uvarint()
		f := FeedID{Kind: kind, Key: key}
		if _, dup := c.Feeds[f]; !ok1 || !ok2 || dup || !validKind(kind) {
			return bad("feed")
		}
		c.Feeds[f] = Position{Seq: Seq(seq), Base: Seq(rest >> 1), Pending: rest&1 == 1}
	}
	if len(r) != 0 {
		return bad("length")
	}
	return c, nil
}
