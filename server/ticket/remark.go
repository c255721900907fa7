package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Remark adds a note to a ticket in whatever state it is, for the customer (author says so) or the office. An empty
// text adds nothing.
func (r *Tickets) Remark(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, text, author, actor string) error {
	text = clip(text, 2000)
	if text == "" {
		return nil
	}
	j, err := r.lock(ctx, tx, ticket)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	j.write(`INSERT INTO ticket_note (org_id, id, ticket_id, text, author_id, author, device_time, server_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, tx.OrgID(), id, j.t.ID, text, uuid.Nil, clip(author, 100), tx.Now())
	if err := j.event("ticket.remarked", actor, time.Time{}, fact{"id": id, "text": text}); err != nil {
		return err
	}
	return j.save(ctx)
}
