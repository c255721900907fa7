package intake_test

import (
	"strings"
	"testing"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

func TestTextsThatNobodyCanReadAreNamed(t *testing.T) {
	t.Parallel()
	in := func(text string) *syncv1.Verdict {
		return &syncv1.Verdict{English: "fine", Changes: []*syncv1.FieldChange{{Field: "a"}, {Field: "b", Kept: text}}}
	}
	for _, good := range []string{"", "浴室柜 80cm", "two\nlines\r\n\tand a tab", "👍🏽", "e\u0301"} {
		if err := intake.Readable(in(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"\x00", "a\x1b[2Jb", "\x7f", "\u0085", strings.Repeat("x", 1000) + "\x01"} {
		err := intake.Readable(in(bad))
		if fault.CodeOf(err) != fault.TextUnprintable || !strings.Contains(err.Error(), "kept") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
