package booking

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Cancel implements Public.
func (r *Bookings) Cancel(ctx context.Context, scanned, reason string) error {
	return r.ofTicket(ctx,
		scanned, func(tx *postgres.Tx, ticket uuid.UUID) error { return r.tickets.Cancel(ctx, tx, ticket, reason) })
}

// Reschedule implements Public.
func (r *Bookings) Reschedule(ctx context.Context, scanned string, earliest, latest time.Time) error {
	if err := checkWanted(earliest, latest, r.Now()); err != nil {
		return err
	}
	if latest.IsZero() {
		return fault.New(fault.InvalidArgument, "wanted: a window has two ends in order")
	}
	return r.ofTicket(ctx, scanned, func(tx *postgres.Tx, ticket uuid.UUID) error {
		return r.tickets.Reschedule(ctx, tx, ticket, earliest, latest)
	})
}

// Rate implements Public.
func (r *Bookings) Rate(ctx context.Context, scanned string, stars int, comment string) error {
	return r.ofTicket(ctx, scanned, func(tx *postgres.Tx, ticket uuid.UUID) error {
		return r.tickets.Rate(ctx, tx, ticket, stars, comment)
	})
}

// Approve implements Public.
func (r *Bookings) Approve(ctx context.Context, scanned string, hash []byte) error {
	return r.ofTicket(ctx,
		scanned, func(tx *postgres.Tx, ticket uuid.UUID) error { return r.tickets.Approve(ctx, tx, ticket, hash) })
}

// ofTicket does something to the ticket whose own code this is. Every other code is unknown.
func (r *Bookings) ofTicket(
	ctx context.Context, scanned string, do func(tx *postgres.Tx, ticket uuid.UUID) error,
) error {
	org, err := r.codes.Tenant(ctx, scanned)
	if err != nil {
		return err
	}
	return r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		t, err := r.codes.Identify(ctx, tx, scanned)
		if err != nil {
			return err
		}
		if t.Kind != token.Ticket {
			return errUnknown("not the code of a ticket")
		}
		return do(tx, t.ID)
	})
}
