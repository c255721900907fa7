package ticket_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// extras is what the customer's page shows.
func (d *door) extras() (e ticket.Extras) {
	d.t.Helper()
	d.do(func(tx *postgres.Tx) error {
		p, err := d.tickets.ProgressOf(d.t.Context(), tx, d.ticket)
		e = p.Extras
		return err
	})
	return e
}

func (d *door) approves(hash []byte, want fault.Code) {
	d.t.Helper()
	err := d.try(func(tx *postgres.Tx) error { return d.tickets.CustomerApproves(d.t.Context(), tx, d.ticket, hash) })
	if fault.CodeOf(err) != want {
		d.t.Errorf("approved: %v, want %q", err, want)
	}
}

func TestTheCustomersApprovalCountsAsASignature(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.signs() // terms over ¥0.00
	d.adds(ladder, 2)
	shown := d.extras()
	if !shown.MayApprove || len(shown.Lines) != 1 || shown.Lines[0].GetSum().GetMinor() != 16000 {
		t.Fatalf("the page shows %+v", shown)
	}
	d.completes(change.Rejected, agreement.ChargesNotAgreed)
	d.approves(shown.Hash, "")
	events := len(d.chainHolds(d.ticket))
	d.approves(shown.Hash, "") // another tab
	if n := len(d.chainHolds(d.ticket)); n != events {
		t.Errorf("approved twice: %d events more", n-events)
	}
	if e := d.extras(); !d.agreed(ladder) || e.Open || e.MayApprove {
		t.Errorf("approved, and the page shows %+v", e)
	}
	d.completes(change.Applied, "")
	d.counted(ladder)
	d.approves(shown.Hash, "")
}

func TestAnApprovalCoversExactlyWhatWasShown(t *testing.T) {
	t.Parallel()
	d, ladder, pipe := newDoor(t), uuid.New(), uuid.New()
	d.signs()
	d.approves(make([]byte, 32), fault.Conflict) // nothing is charged
	d.adds(ladder, 1)
	before := d.extras()
	d.adds(pipe, 1)
	d.approves(before.Hash, fault.Conflict)
	if d.agreed(ladder) {
		t.Error("a list that is no longer true was approved")
	}
	d.approves(d.extras().Hash, "")
	if _, err := d.db.Owner.Exec(t.Context(), `UPDATE ticket_charge SET quantity = 2 WHERE id = $1`, ladder); err != nil {
		t.Fatal(err)
	}
	if e := d.extras(); !e.MayApprove {
		t.Errorf("a line was altered, and the approval holds: %+v", e)
	}
	d.completes(change.Rejected, agreement.ChargesNotAgreed)
}

func TestNothingIsApprovedOnACanceledTicket(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.signs()
	d.adds(uuid.New(), 1)
	shown := d.extras()
	d.do(func(tx *postgres.Tx) error { return d.tickets.Cancel(t.Context(), tx, d.ticket, "x", "system:test") })
	if d.extras().MayApprove {
		t.Error("the page offers to approve")
	}
	d.approves(shown.Hash, fault.StateForbids)
}
