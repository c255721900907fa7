package ticket

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Extras are the parts and surcharges of a ticket, as its customer sees them. There are none where the company does not
// ask for the customer's agreement.
type Extras struct {
	Lines []*fieldv1.SignedLine
	// Hash binds the ticket, the lines and their sums (agreement.Hash).
	Hash []byte
	// Open: some line has not been agreed to as it is. MayApprove: and the customer may still do so.
	Open, MayApprove bool
}

// extras reads what the customer is asked to agree to.
func (j *job) extras(ctx context.Context) (Extras, error) {
	at, err := j.attach(ctx)
	if err != nil || len(at.charges) == 0 {
		return Extras{}, err
	}
	asked, _, err := j.asked(ctx)
	if err != nil || !asked {
		return Extras{}, err
	}
	var e Extras
	for _, c := range at.charges {
		e.Lines = append(e.Lines,
			agreement.Line(c.ID[:], c.Kind, c.PriceItemID[:], c.Name, uint32(c.Quantity), moneyWire(c.UnitPrice)))
		e.Open = e.Open || len(at.agreed[c.ID]) == 0
	}
	e.Hash = agreement.Hash(j.t.ID[:], e.Lines)
	switch j.t.State {
	case state.New, state.InProgress, state.OnHold:
		e.MayApprove = e.Open
	}
	return e, nil
}

// CustomerApproves keeps the customer's agreement to exactly the parts and surcharges whose Extras.Hash was shown; it
// counts as a signature's does, and what alters a line voids it. Approved again is nothing. Errors: Conflict where the
// ticket charges something else by now, StateForbids where the job is over, RateLimited.
func (r *Tickets) CustomerApproves(ctx context.Context, tx *postgres.Tx, id uuid.UUID, hash []byte) error {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	e, err := j.extras(ctx)
	switch {
	case err != nil:
		return err
	case len(e.Lines) == 0 || !bytes.Equal(e.Hash, hash):
		return fault.New(fault.Conflict, "charges")
	case !e.Open:
		return nil
	case !e.MayApprove:
		return fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	if err := j.often(ctx, "ticket.charges_approved"); err != nil {
		return err
	}
	// The same content has the same approval.
	approval := uuid.NewSHA1(id, e.Hash)
	covers := j.cover(approval, e.Lines, true)
	if err := j.event("ticket.charges_approved",
		ByCustomer, j.tx.Now(), fact{"approval": approval, "covers": covers, "content_hash": e.Hash}); err != nil {
		return err
	}
	if err := j.notify(value(j.t.TechnicianID), "charges_approved", "客户已同意加收费用",
		"the customer has approved the extras"); err != nil {
		return err
	}
	return j.save(ctx)
}
