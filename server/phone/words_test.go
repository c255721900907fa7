package phone

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

func TestAVisitThatCameIsNotSaidToHaveBeenUnknown(t *testing.T) {
	t.Parallel()
	state := func(s fieldv1.VisitState) []byte {
		b, err := proto.Marshal(&fieldv1.Visit{State: s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var out bytes.Buffer
	p := &Phone{Console: Console{Out: &out, Now: func() time.Time { return time.Unix(0, 0) }}, lang: "en", zone: time.UTC}
	c := offline.Changed{After: state(fieldv1.VisitState_VISIT_STATE_DISPATCHED)}
	c.Kind = offline.Kind(kindVisit)
	p.change(c)
	c.Before, c.After = c.After, state(fieldv1.VisitState_VISIT_STATE_ACCEPTED)
	p.change(c)
	if want := "00:00:00 visit dispatched\n00:00:00 visit Dispatched → Accepted\n"; out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
}

func TestWordsOfStrangersDoNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"王女士\tA\nB":                      "王女士\tA\nB",
		"\x1b[31mred\x1b[0m":             "\x1b[31mred\x1b[0m",
		"a\x1b]0;title\x07b\x00\x1b[2Jc": "a]0;titleb[2Jc",
		"\u009b2Jx\r":                    "2Jx",
	} {
		if got := Harmless(in); got != want {
			t.Errorf("Harmless(%q) = %q, want %q", in, got, want)
		}
	}
}
