package app

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/explain"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Each room has its own words for tickets. These types say what the room of tickets knows in the words of one room.

// proofTickets are proof.Tickets.
type proofTickets struct{ *ticket.Tickets }

func (t proofTickets) AdmitProof(
	ctx context.Context, tx *postgres.Tx, m change.Mutation, visit uuid.UUID, shown proto.Message,
) (proof.Admission, intake.Result, bool, error) {
	ad, result, ok, err := t.Admit(ctx, tx, m, visit, shown)
	return proof.Admission{Ticket: ad.TicketID, Holder: ad.HolderID}, result, ok, err
}

func (t proofTickets) ProofTrail(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, kind string, fact map[string]string,
) error {
	return t.Trail(ctx, tx, id, kind, ticket.BySystem("proof"), fact)
}

// orderTickets are order.Tickets.
type orderTickets struct{ *ticket.Tickets }

func (t orderTickets) Open(ctx context.Context, tx *postgres.Tx, o order.Opening) (uuid.UUID, error) {
	opened, err := t.Tickets.Open(ctx, tx, requestOf(o))
	return opened.TicketID, err
}

// OpenUnknown opens a ticket of which nobody has said yet what it is for.
func (t orderTickets) OpenUnknown(
	ctx context.Context, tx *postgres.Tx, s scanned.Purchase, c order.Customer, actor string,
) (uuid.UUID, bool, error) {
	opened, err := t.Tickets.Open(ctx, tx, ticket.OpenRequest{
		ID: s.Ticket, Source: s.Source, SourceKey: s.Ticket.String(), Actor: actor, ProductName: "待确认 To be confirmed",
		Customer: ticket.Customer{Name: c.Name, Phone: c.Phone, Address: c.Address, Language: c.Language},
		StoreID:  s.Store, Wanted: state.Window{From: s.WantedEarliest, To: s.WantedUntil},
	})
	return opened.TicketID, opened.Existing, err
}

func requestOf(o order.Opening) ticket.OpenRequest {
	q := ticket.OpenRequest{
		ID: o.Ticket, Source: "order", SourceKey: o.Key, Actor: o.Actor, ProductID: idOf(o.Product.GetId()),
		ProductName: o.Product.GetName().GetZh(),
		Customer: ticket.Customer{
			ID: o.Customer.ID, Name: o.Customer.Name, Phone: o.Customer.Phone,
			Address: o.Customer.Address, VIP: o.Customer.VIP, Language: o.Customer.Language,
		},
		UnitID: o.Unit, Serial: o.Serial, PurchasedAt: o.OrderedAt, OrderID: o.Order, OrderNumber: o.OrderNumber,
		StoreID: o.Store, RegionID: o.Region, Wanted: state.Window{From: o.WantedFrom, To: o.WantedTo},
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency_URGENCY_NORMAL,
	}
	if o.Rush {
		q.Urgency = fieldv1.Urgency_URGENCY_RUSH
	}
	// A shop that gives customers by its own number reaches them itself; a scan's only stands for the ticket.
	q.Customer.NoPhone = o.Customer.Phone == "" && o.Customer.Ref != "" && o.Customer.Ref != o.Ticket.String()
	q.Bulk, q.Unconfirmed = o.Bulk, o.Unconfirmed
	if o.Customer.At != nil {
		q.Customer.At = &score.Point{Latitude: o.Customer.At.Latitude, Longitude: o.Customer.At.Longitude}
	}
	return q
}

// explainTickets are explain.Tickets.
type explainTickets struct{ *ticket.Tickets }

func (t explainTickets) Job(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (explain.Job, error) {
	s, err := t.StoryOf(ctx, tx, id)
	j := explain.Job{
		ID: s.ID, Number: s.Number, Canceled: s.State == state.Canceled, Holder: s.Holder, HolderName: s.HolderName,
		Pool: s.Pool, Archived: s.Archived,
	}
	for _, p := range s.Spans {
		j.Spans = append(j.Spans, explain.Span(p))
	}
	for _, e := range s.Events {
		j.Events = append(j.Events, explain.Event(e))
	}
	return j, err
}
