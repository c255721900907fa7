package conformance_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/conformance"
)

func TestTheServersDigestsAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	var v conformance.Digests
	if err := conformance.Vectors("digest", &v); err != nil || len(v.Entries) == 0 || len(v.Feeds) == 0 {
		t.Fatal(v, err)
	}
	for _, e := range v.Entries {
		got := change.DigestOf(change.Entity{Kind: change.Kind(e.Kind), ID: uuid.MustParse(e.ID)}, change.Seq(e.Sequence))
		if uint64(got) != e.Digest {
			t.Errorf("%+v: %d", e, got)
		}
	}
	for _, f := range v.Feeds {
		var sum uint64
		for _, i := range f.Entries {
			sum += v.Entries[i].Digest
		}
		if sum != f.Digest || len(f.Entries) != f.Count {
			t.Errorf("%+v: %d", f, sum)
		}
	}
}

func TestTheServersReceiptsAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	var v conformance.Receipts
	if err := conformance.Vectors("receipt", &v); err != nil || len(v.Cases) == 0 {
		t.Fatal(v, err)
	}
	outcomes := map[string]change.Outcome{}
	for o := change.Applied; o <= change.Parked; o++ {
		outcomes[o.String()] = o
	}
	for _, c := range v.Cases {
		text := change.ReceiptText(change.Org(uuid.MustParse(c.Org)),
			change.Mutation{
				Device: change.Device(uuid.MustParse(c.Device)), Seq: c.Sequence, ID: uuid.MustParse(c.ID),
				Kind: c.Kind, Args: c.Args,
			},
			change.Verdict{Outcome: outcomes[c.Outcome], At: time.UnixMicro(c.At)})
		if string(text) != c.Text {
			t.Errorf("text\n%s\nwant\n%s", text, c.Text)
		}
		if !ed25519.Verify(v.Key, text, c.Signature) {
			t.Errorf("the signature does not hold for\n%s", text)
		}
	}
}

func TestEveryScenarioReadsAndSaysSomething(t *testing.T) {
	t.Parallel()
	all, err := conformance.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		looks := 0
		for _, step := range s.Steps {
			if _, known := s.Phones[step.Phone]; step.Phone != "" && !known {
				t.Errorf("%s: no phone %q", s.Name, step.Phone)
			}
			if step.Shows != nil || step.Shown != nil || step.Verdicts != nil || step.Unsent != nil || step.Files != nil {
				looks++
			}
		}
		if s.Says == "" || looks == 0 {
			t.Errorf("%s asserts nothing", s.Name)
		}
	}
}
