package pack

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// What a builder, and the writers that all share, held before must not show in what they make next.
func TestABuilderThatIsUsedAgainPacksAsANewOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var used Builder
		var packs [][]byte
		var feeds [][]change.Entry
		for range 2 {
			entries := feed(t)
			for i := range entries {
				used.Add(entries[i])
			}
			same(t, entries, used.Entries())
			packs, feeds = append(packs, used.Pack()), append(feeds, entries)
			used.Reset()
		}
		for i, p := range packs { // looked at last: making one must not write into the one before
			if !bytes.Equal(p, Encode(feeds[i])) {
				t.Fatalf("pack %d differs from one made anew", i)
			}
		}
	})
}

func TestABuilderTakesCopies(t *testing.T) {
	t.Parallel()
	body := []byte{8, 1}
	var b Builder
	b.Add(change.Entry{Entity: change.Entity{Kind: 1}, Seq: 1, Body: body})
	entries := b.Entries()
	body[1] = 2
	b.Reset()
	b.Add(change.Entry{Entity: change.Entity{Kind: 2}, Seq: 2, Body: body})
	if e := entries[0]; e.Kind != 1 || e.Seq != 1 || !bytes.Equal(e.Body, []byte{8, 1}) {
		t.Errorf("got %+v", e)
	}
}
