package code_test

import (
	"context"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestOnlyATicketsOwnCodeChangesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, entry := w.issue(token.Entry, w.shop, 0)
	for name, err := range map[string]error{
		"cancel":     w.Cancel(context.Background(), entry, ""),
		"reschedule": w.Reschedule(context.Background(), entry, morning.Add(time.Hour), morning.Add(2*time.Hour)),
		"rate":       w.Rate(context.Background(), entry, 5, ""),
	} {
		if fault.CodeOf(err) != fault.CodeUnknown {
			t.Errorf("%s by a shop's code: %v", name, err)
		}
	}
}

func TestAWishTellsAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	all := code.Wish{Phone: "call me", Earliest: morning}.Problems(morning)
	if len(all) != 4 { // name, phone, address, wanted
		t.Errorf("%v", all)
	}
}
