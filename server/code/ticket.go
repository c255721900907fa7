package code

import (
	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
)

// openTicketMessage is the ticket without its customer.
func openTicketMessage(t Ticket) *storev1.OpenTicket {
	m := &storev1.OpenTicket{
		Id: t.ID[:], Number: t.Number, State: t.State, ProductName: t.ProductName, OpenedAt: stamp(t.OpenedAt),
	}
	if t.Unit != uuid.Nil {
		m.UnitId = t.Unit[:]
	}
	return m
}
