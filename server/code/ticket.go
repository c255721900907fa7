package code

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/fault"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// TicketChanged is called in the transaction that makes or changes a ticket, by whoever holds the ticket's row lock.
// It keeps which ticket a unit has in work, and the shop's feed of open tickets. Calling it twice does no harm.
func (r *Room) TicketChanged(ctx context.Context, tx *postgres.Tx, t TicketView) error {
	if err := noteTicket(ctx, tx, t); err != nil {
		return err
	}
	if t.Store == uuid.Nil || !InWork(t.State) {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET), t.ID)
		return nil
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(openTicketMessage(t))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET), t.ID, feed.Placement{Feed: storeFeed(t.Store), Body: body})
	return nil
}

// noteTicket keeps unit_ticket, and the unit's state when its ticket is completed.
func noteTicket(ctx context.Context, tx *postgres.Tx, t TicketView) error {
	if t.Unit == uuid.Nil {
		return nil
	}
	var closed any
	if !InWork(t.State) {
		closed = tx.Now()
	}
	// A ticket that was made past this room for a unit that has one in work is not noted: the first stays the unit's.
	tag, err := tx.Exec(ctx, `
		INSERT INTO unit_ticket (org_id, ticket_id, unit_id, opened_at, closed_at)
		SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT FROM unit WHERE org_id = $1 AND unit_id = $3)
		ON CONFLICT DO NOTHING`, tx.OrgID(), t.ID, t.Unit, t.OpenedAt, closed)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		// Reopened, while another was opened meanwhile: again the first stays.
		_, err = tx.Exec(ctx, `
			UPDATE unit_ticket SET closed_at = $3 WHERE org_id = $1 AND ticket_id = $2 AND (closed_at IS NULL) <> ($3::timestamptz IS NULL)
				AND ($3::timestamptz IS NOT NULL OR NOT EXISTS (SELECT FROM unit_ticket o WHERE o.org_id = $1
					AND o.unit_id = unit_ticket.unit_id AND o.closed_at IS NULL))`,
			tx.OrgID(), t.ID, closed)
		if err != nil {
			return err
		}
	}
	if t.State != fieldv1.TicketState_TICKET_STATE_COMPLETED {
		return nil
	}
	u, ok, err := lockUnit(ctx, tx, t.Unit)
	if err != nil || !ok || u.State == Installed || u.State == Scrapped {
		return err
	}
	u.State = Installed
	return saveUnit(ctx, tx, u)
}

// openTicketOf is the ticket in work for a unit, or zero.
func openTicketOf(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (uuid.UUID, error) {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `SELECT ticket_id FROM unit_ticket WHERE org_id = $1 AND unit_id = $2 AND closed_at IS NULL`,
		tx.OrgID(), unit).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	return id, err
}

// ticketsOf are all tickets that a unit ever had, newest first.
func ticketsOf(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT ticket_id FROM unit_ticket WHERE org_id = $1 AND unit_id = $2 ORDER BY opened_at DESC, ticket_id DESC LIMIT 20`,
		tx.OrgID(), unit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func openTicketMessage(t TicketView) *storev1.OpenTicket {
	m := &storev1.OpenTicket{
		Id: t.ID[:], Number: t.Number, State: t.State, ProductName: t.Product.In("zh"),
		CustomerName: t.CustomerName, CustomerPhone: t.CustomerPhone, OpenedAt: stamp(t.OpenedAt),
	}
	if t.Unit != uuid.Nil {
		m.UnitId = t.Unit[:]
	}
	return m
}
