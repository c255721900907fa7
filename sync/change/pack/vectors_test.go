package pack

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/conformance"
)

// feed draws what a feed may hold.
func feed(t *rapid.T) (out []change.Entry) {
	pool := [][]byte{body(t, 0), body(t, 0), body(t, 0)}
	seq := change.Seq(0)
	for range rapid.IntRange(0, 120).Draw(t, "entries") {
		seq += change.Seq(rapid.Int64Range(1, 1<<40).Draw(t, "step"))
		e := change.Entry{Seq: seq, Removed: rapid.IntRange(0, 5).Draw(t, "removed") == 0}
		e.Kind = change.Kind(rapid.Int32Range(1, 4).Draw(t, "kind"))
		binary.BigEndian.PutUint64(e.ID[8:], rapid.Uint64().Draw(t, "id"))
		if !e.Removed {
			if e.Body = pool[int(e.Kind)%3]; rapid.Bool().Draw(t, "own") {
				e.Body = body(t, 0)
			}
		}
		out = append(out, e)
	}
	return out
}

// TestThePacksOfTheVectorsHoldTheirEntries reads what clients in other languages read, too. DOORSTEP_UPDATE_GOLDEN=1
// writes the file anew.
func TestThePacksOfTheVectorsHoldTheirEntries(t *testing.T) {
	t.Parallel()
	if os.Getenv("DOORSTEP_UPDATE_GOLDEN") != "" {
		write(t)
		return // what is embedded is what was before
	}
	var v conformance.Packs
	if err := conformance.Vectors("pack", &v); err != nil || len(v.Cases) == 0 || len(v.Refused) == 0 {
		t.Fatal(err)
	}
	for _, c := range v.Cases {
		var want []change.Entry
		for _, e := range c.Entries {
			want = append(want, change.Entry{
				Entity: change.Entity{Kind: change.Kind(e.Kind), ID: uuid.MustParse(e.ID)}, Seq: change.Seq(e.Sequence),
				Removed: e.Removed, Body: e.Body,
			})
		}
		got, err := Decode(c.Pack)
		if err != nil {
			t.Fatal(err)
		}
		same(t, want, got)
	}
	for _, b := range v.Refused {
		if _, err := Decode(b); err == nil {
			t.Errorf("%x is taken for a pack", b)
		}
	}
}

func write(t *testing.T) {
	t.Helper()
	v := conformance.Packs{Says: "Section 10. cases: what a pack stands for, byte for byte. refused: what is no pack. " +
		"Bytes are base64, 64-bit numbers are decimal strings."}
	var feeds [][]change.Entry
	for seed := range 8 {
		feeds = append(feeds, rapid.Custom(feed).Example(seed))
	}
	feeds = append(feeds, jobs(120)) // of several blocks
	for _, entries := range feeds {
		c := conformance.Pack{Pack: Encode(entries)}
		for _, e := range entries {
			c.Entries = append(c.Entries, conformance.PackEntry{
				Kind: uint32(e.Kind), ID: e.ID.String(), Sequence: uint64(e.Seq),
				Removed: e.Removed, Body: e.Body,
			})
		}
		v.Cases = append(v.Cases, c)
		if n := len(c.Pack); n > 40 {
			v.Refused = append(v.Refused, c.Pack[:n/2], append(bytes.Clone(c.Pack), 0))
		}
	}
	v.Refused = append(v.Refused, []byte{}, []byte{1}, []byte{2, 0}, []byte{1, 5, 1, 2})
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../conformance/vectors/pack.json", append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
