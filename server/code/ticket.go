package code

import (
	"context"

	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// TicketCompleted is called in the transaction that completes a ticket: its unit is installed from now on, and leaves
// the shop's feed.
func (r *Room) TicketCompleted(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error {
	t, ok, err := r.Hooks.Ticket(ctx, tx, ticket)
	if err != nil || !ok || t.Unit == uuid.Nil {
		return err
	}
	u, ok, err := lockUnit(ctx, tx, t.Unit)
	if err != nil || !ok || u.State == Installed || u.State == Scrapped {
		return err
	}
	u.State = Installed
	return saveUnit(ctx, tx, u)
}

// openTicketMessage is the ticket without its customer.
func openTicketMessage(t TicketView) *storev1.OpenTicket {
	m := &storev1.OpenTicket{
		Id: t.ID[:], Number: t.Number, State: t.State, ProductName: t.Product.In("zh"), OpenedAt: stamp(t.OpenedAt),
	}
	if t.Unit != uuid.Nil {
		m.UnitId = t.Unit[:]
	}
	return m
}
