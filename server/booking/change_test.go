package booking_test

import (
	"context"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestOnlyATicketsOwnCodeChangesIt(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	for name, err := range map[string]error{
		"cancel": w.Booking.Cancel(context.Background(), entry, ""),
		"reschedule": w.Booking.Reschedule(context.Background(), entry, codetest.Morning.Add(time.Hour),
			codetest.Morning.Add(2*time.Hour)),
		"rate": w.Booking.Rate(context.Background(), entry, 5, ""),
	} {
		if fault.CodeOf(err) != token.CodeUnknown {
			t.Errorf("%s by a shop's code: %v", name, err)
		}
	}
}

func TestAWishTellsAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	all := booking.Wish{Phone: "call me", Earliest: codetest.Morning}.Problems(codetest.Morning)
	if len(all) != 4 { // name, phone, address, wanted
		t.Errorf("%v", all)
	}
}
