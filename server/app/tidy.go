package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// scansKept is how long it is noted who scanned which code.
	scansKept = 90 * 24 * time.Hour
	// tidiedAtOnce bounds one transaction that takes finished work off phones.
	tidiedAtOnce = 100
)

// Tidied is what a round took away.
type Tidied struct {
	// Finished tickets, notices and decisions left the phones, and so many earning Lines.
	Finished, Lines int64
	// Scans are notes of scans and old forms that were forgotten.
	Scans int64
	// Tombstones are removals that every phone which has called within the days kept has heard of.
	Tombstones int64
}

// Tidy takes what is old off the phones of an org and collects tombstones, in short transactions. Parts that fail hold
// up no others.
func (a *App) Tidy(ctx context.Context, org change.Org) (t Tidied, err error) {
	store := a.Rooms.Store
	company, err := a.Rooms.Account.OrgByID(ctx, uuid.UUID(org))
	if err != nil {
		return t, err
	}
	days := a.config.FinishedDays
	if company.FinishedDays > 0 {
		days = company.FinishedDays
	}
	var failed []error
	t.Finished, err = a.inParts(ctx, org, func(tx *postgres.Tx) (int64, error) {
		old := tx.Now().AddDate(0, 0, -days)
		tickets, err := a.Rooms.Ticket.Archive(ctx, tx, old, tidiedAtOnce)
		if err != nil {
			return 0, err
		}
		decisions, err := a.Rooms.Delta.Untell(ctx, tx, old, tidiedAtOnce)
		return int64(tickets + decisions), err
	})
	failed = append(failed, err)
	t.Lines, err = store.Expire(ctx, org, a.Rooms.Pay.Lines())
	failed = append(failed, err)
	t.Scans, err = a.inParts(ctx, org, func(tx *postgres.Tx) (int64, error) {
		before := tx.Now().Add(-scansKept)
		requests, err := a.Rooms.Booking.Forget(ctx, tx, before)
		if err != nil {
			return 0, err
		}
		scans, err := a.Rooms.Code.Forget(ctx, tx, before)
		return requests + scans, err
	})
	failed = append(failed, err)
	t.Tombstones, err = store.Collect(ctx, org, a.config.Now().AddDate(0, 0, -a.config.TombstoneDays))
	failed = append(failed, err)
	a.tidied.add(t)
	if t != (Tidied{}) {
		a.config.Log.InfoContext(ctx, "tidied", "org", company.Slug, "finished", t.Finished, "lines", t.Lines, "scans",
			t.Scans, "tombstones", t.Tombstones)
	}
	return t, errors.Join(failed...)
}

// inParts repeats a bounded transaction until it finds nothing left to do.
func (a *App) inParts(
	ctx context.Context, org change.Org, part func(*postgres.Tx) (int64, error),
) (sum int64, err error) {
	for {
		var n int64
		err := a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) (err error) {
			n, err = part(tx)
			return err
		})
		sum += n
		if err != nil || n == 0 {
			return sum, err
		}
	}
}
