package ticket

import (
	"context"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// OpenTicket implements TicketService. A caller of regions and shops only must name one of theirs.
func (s *Service) OpenTicket(
	ctx context.Context, req *connect.Request[officev1.OpenTicketRequest],
) (*connect.Response[officev1.OpenTicketResponse], error) {
	who, reach, err := identity.Acting(ctx, actors...)
	if err != nil {
		return nil, err
	}
	m := req.Msg
	phone, err := phoneNumber(m.GetCustomerPhone())
	if err != nil {
		return nil, err
	}
	wanted, err := windowFrom(m.GetWanted(), "wanted", s.Tickets.Store.Now())
	if err != nil {
		return nil, err
	}
	q := OpenRequest{
		ID: uuid.UUID(m.Id), Source: "office", SourceKey: uuid.UUID(m.Id).String(), Actor: ByUser(who.User),
		BusinessType: m.BusinessType, Urgency: m.Urgency, ProductID: uuid.UUID(m.ProductId), StoreID: idOf(m.StoreId),
		RegionID: idOf(m.RegionId),
		Customer: Customer{Name: m.CustomerName, Phone: phone, Address: m.Address, VIP: m.Vip}, Wanted: wanted,
	}
	if p := m.Position; p != nil {
		q.Customer.At = &score.Point{Latitude: p.Latitude, Longitude: p.Longitude}
	}
	var ends []identity.End
	if q.StoreID != uuid.Nil {
		ends = append(ends, identity.End{Field: "store_id", Kind: identity.ScopeStore, ID: q.StoreID})
	}
	if q.RegionID != uuid.Nil {
		ends = append(ends, identity.End{Field: "region_id", Kind: identity.ScopeRegion, ID: q.RegionID})
	}
	if len(ends) == 0 && !reach.All {
		return nil, fault.New(fault.Forbidden, "region_id or store_id: name a region or a shop of yours")
	}
	out := &officev1.OpenTicketResponse{}
	err = s.Tickets.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		if err := s.relate(ctx, tx, who, reach, ends...); err != nil {
			return err
		}
		opened, err := s.Tickets.Open(ctx, tx, q)
		if err != nil {
			return err
		}
		out.Existing = opened.Existing
		out.Ticket, err = s.opened(ctx, tx, reach, "id", opened)
		return err
	})
	return respond(out, err)
}

// opened is the row of a ticket that was just opened, or that was there already: then only for who may see it.
func (s *Service) opened(
	ctx context.Context, tx *postgres.Tx, reach Reach, field string, o Opened,
) (*officev1.TicketSummary, error) {
	j, err := s.Tickets.look(ctx, tx, o.TicketID)
	if err != nil {
		return nil, err
	}
	if o.Existing {
		if err := reach.Existing(field, j.t.places()...); err != nil {
			return nil, err
		}
	}
	return j.t.summary(), nil
}
