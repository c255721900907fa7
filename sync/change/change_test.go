package change_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestCursorComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := change.Cursor{Feeds: map[change.FeedID]change.Position{}}
		copy(c.Generation[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "generation"))
		for range rapid.IntRange(0, 20).Draw(t, "feeds") {
			f := change.FeedID{Kind: rapid.StringMatching(`[a-z]{1,16}`).Draw(t, "kind")}
			copy(f.Key[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
			c.Feeds[f] = change.Position{
				Seq:     change.Seq(rapid.Int64Range(0, 1<<60).Draw(t, "seq")),
				Base:    change.Seq(rapid.Int64Range(0, 1<<60).Draw(t, "base")),
				Pending: rapid.Bool().Draw(t, "pending"),
			}
		}
		got, err := change.DecodeCursor(c.Encode())
		if err != nil || got.Generation != c.Generation || len(got.Feeds) != len(c.Feeds) {
			t.Fatalf("got %+v (%v), want %+v", got, err, c)
		}
		for f, p := range c.Feeds {
			if got.Feeds[f] != p {
				t.Fatalf("feed %s: got %+v, want %+v", f, got.Feeds[f], p)
			}
		}
	})
}

func TestCursorRefusesAnyChangedByte(t *testing.T) {
	t.Parallel()
	c := change.Cursor{Generation: change.Generation{1}, Feeds: map[change.FeedID]change.Position{
		{Kind: "tech", Key: uuid.UUID{5}}: {Seq: 300, Base: 7},
	}}
	b := c.Encode()
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 0x40
		if _, err := change.DecodeCursor(changed); fault.CodeOf(err) != fault.CursorMalformed {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add([]byte{})
	f.Add(change.Cursor{}.Encode())
	f.Add(change.Cursor{Feeds: map[change.FeedID]change.Position{{Kind: "org"}: {Seq: 1}}}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := change.DecodeCursor(b)
		if err != nil {
			if fault.CodeOf(err) != fault.CursorMalformed {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := change.DecodeCursor(c.Encode())
		if err != nil || len(again.Feeds) != len(c.Feeds) {
			t.Fatalf("%v: %+v", err, c)
		}
	})
}

// The values stand in docs/PROTOCOL.md; a client in any language must reach the same.
func TestDigestAndReceiptAreThoseOfTheProtocol(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0192f0c1-2345-7abc-8def-0123456789ab")
	if got := change.DigestOf(change.Entity{Kind: 10, ID: id}, 42); got != 0xcfc7e48d989c59fd {
		t.Errorf("digest %#x", uint64(got))
	}
	m := change.Mutation{Device: change.Device(id), Seq: 3, ID: id, Kind: "visit.accept", Args: []byte("x")}
	v := change.Verdict{Outcome: change.Applied}
	v.At = v.At.AddDate(2025, 10, 10)
	want := `doorstep receipt 1
org 0192f0c1-2345-7abc-8def-0123456789ab
device 0192f0c1-2345-7abc-8def-0123456789ab
sequence 3
id 0192f0c1-2345-7abc-8def-0123456789ab
kind visit.accept
args 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
outcome applied
at 1794355200000000
`
	if got := string(change.ReceiptText(change.Org(id), m, v)); got != want {
		t.Errorf("receipt text\n%swant\n%s", got, want)
	}
}

func FuzzParseFeedID(f *testing.F) {
	f.Add("tech:0192f0c1-2345-7abc-8def-0123456789ab")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := change.ParseFeedID(s); err == nil {
			if again, err := change.ParseFeedID(id.String()); err != nil || again != id {
				t.Fatalf("%q: %v %v", s, again, err)
			}
		}
	})
}
