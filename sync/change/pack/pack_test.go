package pack

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, want, got []change.Entry,
) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Entity != w.Entity || g.Seq != w.Seq || g.Removed != w.Removed || !bytes.Equal(g.Body, w.Body) {
			t.Fatalf("entry %d: %+v, want %+v", i, g, w)
		}
	}
}

// body draws a message, or something that only looks like one.
func body(t *rapid.T, depth int) []byte {
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		return rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
	}
	var b []byte
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		n := protowire.Number(rapid.IntRange(1, 40).Draw(t, "number"))
		switch rapid.IntRange(0, 4).Draw(t, "type") {
		case 0:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), rapid.Uint64().Draw(t, "varint"))
		case 1:
			b = protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), rapid.Uint64().Draw(t, "fixed64"))
		case 2:
			b = protowire.AppendFixed32(protowire.AppendTag(b, n, protowire.Fixed32Type), rapid.Uint32().Draw(t, "fixed32"))
		case 3:
			v := rapid.SampledFrom([]string{"", "T-26112300017", "热水器", "16 bytes exactly"}).Draw(t, "string")
			b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
		default:
			var inner []byte
			if depth < 10 {
				inner = body(t, depth+1)
			}
			b = protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), inner)
		}
	}
	return b
}

func TestWhatIsPackedComesOutByteForByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := feed(t)
		got, err := Decode(Encode(want))
		if err != nil {
			t.Fatal(err)
		}
		same(t, want, got)
	})
}

func TestBodiesThatAreNoMessagesOrNotInShortestFormStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, b := range [][]byte{
		{},
		{0},
		{0x08, 0x80, 0x00},
		{0x0a, 0x85, 0x00, 1, 2, 3, 4, 5},
		{0x0b, 0x0c},
		{0x88, 0x00, 1},
		bytes.Repeat([]byte{0x0a}, 3),
	} {
		want := []change.Entry{
			{Entity: change.Entity{Kind: 7, ID: uuid.UUID{1}}, Seq: 1, Body: b},
			{Entity: change.Entity{Kind: 7, ID: uuid.UUID{2}}, Seq: 2, Body: []byte{8, 1}},
		}
		got, err := Decode(Encode(want))
		if err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		same(t, want, got)
	}
}

func TestAFewBytesCannotClaimMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	// Twenty entries of one body of a megabyte, which is named once.
	big := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), make([]byte, 1<<20))
	var many []change.Entry
	for i := range 20 {
		many = append(many,
			change.Entry{Entity: change.Entity{Kind: 1, ID: uuid.UUID{byte(i), byte(i >> 8)}}, Seq: change.Seq(i), Body: big})
	}
	if _, err := Decode(Encode(many)); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(nil))
	f.Add(
		Encode([]change.Entry{
			{Entity: change.Entity{Kind: 10, ID: uuid.UUID{1}}, Seq: 9, Body: []byte{8, 1, 18, 3, 8, 1, 0}},
			{Entity: change.Entity{Kind: 3}, Seq: 10, Removed: true},
		}))
	f.Add([]byte{Version, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := Decode(b)
		if err != nil {
			if fault.CodeOf(err) != fault.InvalidArgument {
				t.Fatal(err)
			}
			return
		}
		again, err := Decode(Encode(entries))
		if err != nil {
			t.Fatal(err)
		}
		same(t, entries, again)
	})
}

func TestHeadsAreEntriesWithoutBodies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := feed(t)
		got, err := Heads(Encode(want))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].Body = nil
		}
		same(t, want, got)
	})
}
