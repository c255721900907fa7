package pack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
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

// jobs are entries whose fields are of different kinds: digits, words, times, chance.
func jobs(n int) (out []change.Entry) {
	r := rand.New(rand.NewPCG(7, 7))
	words := []string{"热水器", "油烟机", "智能马桶", "客户要求上门前电话", "gate code", "电梯限重"}
	for i := range n {
		e := change.Entry{Seq: change.Seq(i + 1)}
		e.Kind = 10
		binary.BigEndian.PutUint64(e.ID[:], r.Uint64())
		b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType),
			fmt.Sprintf("JD%012d%012d", r.IntN(1e12), r.IntN(1e12)))
		var text strings.Builder
		for range 1 + r.IntN(6) {
			text.WriteString(words[r.IntN(len(words))])
		}
		b = protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), text.String())
		b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), 1_780_000_000+r.Uint64N(1e6))
		e.Body = protowire.AppendFixed64(protowire.AppendTag(b, 4, protowire.Fixed64Type), r.Uint64())
		out = append(out, e)
	}
	return out
}

func TestPacksOfManyBlocksComeOutByteForByte(t *testing.T) {
	t.Parallel()
	for _, n := range []int{100, 400, 6000} { // one block, some blocks, and as many as are searched longer
		want := jobs(n)
		got, err := Decode(Encode(want))
		if err != nil {
			t.Fatal(err)
		}
		same(t, want, got)
	}
}
