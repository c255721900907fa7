package load

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

func TestAPageIsReadAsItsMessageSays(t *testing.T) {
	t.Parallel()
	a := change.Entry{Entity: change.Entity{Kind: 10, ID: uuid.UUID{1}}, Seq: 4, Body: []byte("one")}
	b := change.Entry{Entity: change.Entity{Kind: 11, ID: uuid.UUID{2}}, Seq: 5, Body: []byte("two")}
	gone := change.Entry{Entity: change.Entity{Kind: 11, ID: uuid.UUID{3}}, Seq: 6, Removed: true}
	wire := func(e change.Entry) *syncv1.Entry {
		return &syncv1.Entry{Kind: uint32(e.Kind), Id: e.ID[:], Sequence: uint64(e.Seq), Removed: e.Removed, Body: e.Body}
	}
	raw, err := proto.Marshal(&syncv1.PullResponse{
		Cursor: []byte("here"), LastSequence: 9,
		Feeds: []*syncv1.FeedDelta{
			{Feed: "tech:x", Reset_: true, Entries: []*syncv1.Entry{wire(a), wire(gone)}},
			{Feed: "org:x", Packs: [][]byte{pack.Encode([]change.Entry{b})}},
		},
		Checkpoint: &syncv1.Checkpoint{Feeds: []*syncv1.FeedState{{Feed: "tech:x", Sequence: 6, Digest: 77, Count: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var p page
	keep := func(_ string, kind change.Kind) bool { return kind == 11 }
	if err := (codec{keep}).Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	if string(p.cursor) != "here" || !p.final || p.lastSeq != 9 || p.count != 3 {
		t.Errorf("%+v", p)
	}
	if want := (feedPart{"tech:x", true, 1, change.DigestOf(a.Entity, 4)}); p.feeds[0] != want {
		t.Errorf("%+v, want %+v", p.feeds[0], want)
	}
	if want := (feedPart{"org:x", false, 1, change.DigestOf(b.Entity, 5)}); p.feeds[1] != want {
		t.Errorf("%+v, want %+v", p.feeds[1], want)
	}
	if p.heads[0] != (feedHead{"tech:x", 77, 1}) {
		t.Errorf("%+v", p.heads)
	}
	if len(p.entries) != 2 || !p.entries[0].Removed || p.entries[1].Feed != "org:x" ||
		!bytes.Equal(p.entries[1].Body, b.Body) {
		t.Errorf("%+v", p.entries)
	}
}

func FuzzPage(f *testing.F) {
	raw, err := proto.Marshal(&syncv1.PullResponse{
		Cursor: []byte{1},
		Feeds:  []*syncv1.FeedDelta{{Feed: "a", Entries: []*syncv1.Entry{{Kind: 1, Id: make([]byte, 16)}}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{0x0a, 0x02, 0x1a, 0xff})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = codec{func(string, change.Kind) bool { return true }}.Unmarshal(b, &page{}) // an error or a page, never a panic
	})
}
