package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Trail writes what another room did to a thing of a ticket, a verified photo say, into the ticket's trail, and
// locks the ticket. It changes nothing of the ticket but that.
func (r *Tickets) Trail(
	ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, kind, actor string, what map[string]string,
) error {
	j, err := r.lock(ctx, tx, ticket)
	if err != nil {
		return err
	}
	f := make(fact, len(what))
	for k, v := range what {
		f[k] = v
	}
	if err := j.event(kind, actor, time.Time{}, f); err != nil {
		return err
	}
	return j.save(ctx)
}

// Lock locks a ticket's row until the end of the transaction; NotFound when there is none.
func (r *Tickets) Lock(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error {
	tag, err := tx.Exec(ctx, `SELECT FROM ticket WHERE org_id = $1 AND id = $2 FOR UPDATE`, tx.OrgID(), ticket)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.NotFound, "ticket")
	}
	return err
}

// Met tells whether a technician stood at the customer's door on one of these tickets.
func (r *Tickets) Met(
	ctx context.Context, tx *postgres.Tx, technician uuid.UUID, tickets []uuid.UUID,
) (met bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM visit
		WHERE org_id = $1 AND ticket_id = ANY ($2) AND technician_id = $3 AND arrived_at IS NOT NULL)`,
		tx.OrgID(), tickets, technician).Scan(&met)
	return met, err
}

// LockAll locks the rows of tickets, named by their ids or by their visits', in the order of their ids. Those that
// are not there are left out.
func (r *Tickets) LockAll(ctx context.Context, tx *postgres.Tx, tickets, visits []uuid.UUID) error {
	if len(visits) > 0 {
		rows, err := tx.Query(ctx, `SELECT ticket_id FROM visit
			WHERE org_id = $1 AND id = ANY ($2::uuid[])`, tx.OrgID(), visits)
		if err != nil {
			return err
		}
		of, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		tickets = append(tickets[:len(tickets):len(tickets)], of...)
	}
	if len(tickets) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM ticket WHERE org_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id
		FOR UPDATE`, tx.OrgID(), tickets)
	return err
}

// Ends tells whom these visits pay when they are completed, and which units they are for. Each is named once.
func (r *Tickets) Ends(
	ctx context.Context, tx *postgres.Tx, visits []uuid.UUID,
) (technicians, units []uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		SELECT coalesce(array_agg(DISTINCT v.technician_id) FILTER (WHERE v.technician_id IS NOT NULL), '{}'),
			coalesce(array_agg(DISTINCT t.unit_id) FILTER (WHERE t.unit_id IS NOT NULL), '{}')
		FROM visit v JOIN ticket t ON t.org_id = v.org_id AND t.id = v.ticket_id
		WHERE v.org_id = $1 AND v.id = ANY ($2::uuid[])`, tx.OrgID(), visits).Scan(&technicians, &units)
	return technicians, units, err
}
