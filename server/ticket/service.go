package ticket

import (
	"context"
	"slices"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/fault"
	officev1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/internal/gen/doorstep/office/v1/officev1connect"
	typesv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Service is the office's calls about tickets.
type Service struct{ Room *Room }

var _ officev1connect.TicketServiceHandler = (*Service)(nil)

var (
	readers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Finance, identity.Dealer, identity.Admin}
	actors  = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}
)

// reach is how far a caller's roles go.
func reach(who identity.Identity, roles []identity.Role) Reach {
	var r Reach
	for _, g := range who.Grants {
		for _, role := range roles {
			if g.Role != role {
				continue
			}
			switch g.Scope {
			case identity.ScopeOrg:
				r.All = true
			case identity.ScopeRegion:
				r.Regions = append(r.Regions, g.ID)
			case identity.ScopeStore:
				r.Stores = append(r.Stores, g.ID)
			case identity.ScopeTeam:
				r.Teams = append(r.Teams, g.ID)
			case identity.ScopeSelf:
			}
		}
	}
	return r
}

// change runs an act of the office on a ticket within the caller's reach and returns the ticket's row.
func (s *Service) change(ctx context.Context, id []byte, do func(tx *postgres.Tx, id uuid.UUID, actor string) error) (*officev1.TicketSummary, error) {
	who, err := identity.Require(ctx, actors...)
	if err != nil {
		return nil, err
	}
	r, ticket := reach(who, actors), uuid.UUID(id)
	var out *officev1.TicketSummary
	err = s.Room.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		if err := s.Room.within(ctx, tx, ticket, r); err != nil {
			return err
		}
		if err := do(tx, ticket, ByUser(who.User)); err != nil {
			return err
		}
		out, err = s.Room.Summary(ctx, tx, ticket)
		return err
	})
	return out, err
}

// within tells whether a ticket lies within a reach; NotFound when not, for a stranger learns nothing.
func (r *Room) within(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reach Reach) error {
	if reach.All {
		return nil
	}
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return err
	}
	if !reach.holds(&j.t) {
		return fault.New(fault.NotFound, "ticket")
	}
	return nil
}

// ListTickets implements TicketService.
func (s *Service) ListTickets(ctx context.Context, req *connect.Request[officev1.ListTicketsRequest]) (*connect.Response[officev1.ListTicketsResponse], error) {
	who, err := identity.Require(ctx, readers...)
	if err != nil {
		return nil, err
	}
	m := req.Msg
	f := Filter{
		TechnicianID: idOf(m.TechnicianId), RegionID: idOf(m.RegionId), Unassigned: m.Unassigned, NeedsDetails: m.NeedsDetails, Unassignable: m.Unassignable, Limit: int(m.Limit), After: idOf(m.After),
		Reach: reach(who, readers),
	}
	for _, st := range m.States {
		f.States = append(f.States, state.Ticket(st))
	}
	out := &officev1.ListTicketsResponse{}
	err = s.Room.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		out.Tickets, err = s.Room.List(ctx, tx, f)
		return err
	})
	return respond(out, err)
}

// GetTicket implements TicketService.
func (s *Service) GetTicket(ctx context.Context, req *connect.Request[officev1.GetTicketRequest]) (*connect.Response[officev1.GetTicketResponse], error) {
	who, err := identity.Require(ctx, readers...)
	if err != nil {
		return nil, err
	}
	var out *officev1.GetTicketResponse
	err = s.Room.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		out, err = s.Room.Get(ctx, tx, uuid.UUID(req.Msg.Id), reach(who, readers), who.Has(actors...))
		return err
	})
	return respond(out, err)
}

// OpenTicket implements TicketService.
func (s *Service) OpenTicket(ctx context.Context, req *connect.Request[officev1.OpenTicketRequest]) (*connect.Response[officev1.OpenTicketResponse], error) {
	who, err := identity.Require(ctx, actors...)
	if err != nil {
		return nil, err
	}
	m := req.Msg
	q := OpenRequest{
		ID: uuid.UUID(m.Id), Source: "office", SourceKey: uuid.UUID(m.Id).String(), Actor: ByUser(who.User),
		BusinessType: m.BusinessType, Urgency: m.Urgency, ProductID: uuid.UUID(m.ProductId), StoreID: idOf(m.StoreId), RegionID: idOf(m.RegionId),
		Customer: Customer{Name: m.CustomerName, Phone: m.CustomerPhone, Address: m.Address, VIP: m.Vip}, Wanted: windowFrom(m.Wanted),
	}
	if p := m.Position; p != nil {
		q.Customer.At = &score.Point{Latitude: p.Latitude, Longitude: p.Longitude}
	}
	if r := reach(who, actors); !r.All && !r.holds(&row{RegionID: some(q.RegionID), StoreID: some(q.StoreID)}) {
		return nil, fault.New(fault.Forbidden, "")
	}
	out := &officev1.OpenTicketResponse{}
	err = s.Room.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		opened, err := s.Room.Open(ctx, tx, q)
		if err != nil {
			return err
		}
		out.Existing = opened.Existing
		out.Ticket, err = s.Room.Summary(ctx, tx, opened.TicketID)
		return err
	})
	return respond(out, err)
}

// ProposeAssignment implements TicketService.
func (s *Service) ProposeAssignment(ctx context.Context, req *connect.Request[officev1.ProposeAssignmentRequest]) (*connect.Response[officev1.ProposeAssignmentResponse], error) {
	who, err := identity.Require(ctx, actors...)
	if err != nil {
		return nil, err
	}
	if s.Room.Propose == nil {
		return nil, fault.New(fault.Unavailable, "")
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 10
	}
	var found []score.Candidate
	err = s.Room.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		id := uuid.UUID(req.Msg.Id)
		if err := s.Room.within(ctx, tx, id, reach(who, actors)); err != nil {
			return err
		}
		found, err = s.Room.Propose(ctx, tx, id, limit)
		return err
	})
	out := &officev1.ProposeAssignmentResponse{}
	for _, p := range found {
		c := &officev1.Candidate{TechnicianId: p.Technician[:], Name: p.Name, Score: p.Score, DistanceKm: p.DistanceKM}
		for _, r := range p.Reasons {
			c.Reasons = append(c.Reasons, reason(r))
		}
		if p.Excluded != nil {
			c.Excluded = reason(*p.Excluded)
		}
		out.Candidates = append(out.Candidates, c)
	}
	return respond(out, err)
}

func nobody(r score.Reason) *typesv1.Label {
	zh, en := r.Nobody()
	return &typesv1.Label{Zh: zh, En: en}
}

func reason(r score.Reason) *typesv1.Label {
	zh, en := r.Words()
	return &typesv1.Label{Zh: zh, En: en}
}

// AssignTicket implements TicketService.
func (s *Service) AssignTicket(ctx context.Context, req *connect.Request[officev1.AssignTicketRequest]) (*connect.Response[officev1.AssignTicketResponse], error) {
	m := req.Msg
	t, err := s.change(ctx, m.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Assign(ctx, tx, AssignRequest{
			TicketID: id, TechnicianID: uuid.UUID(m.TechnicianId), Scheduled: windowFrom(m.Scheduled), Actor: actor, Way: "office",
			Reason: m.Reason, ReasonZH: "由调度指派", ReasonEN: "assigned by the office",
		})
	})
	return respond(&officev1.AssignTicketResponse{Ticket: t}, err)
}

// AutoAssign implements TicketService.
func (s *Service) AutoAssign(ctx context.Context, req *connect.Request[officev1.AutoAssignRequest]) (*connect.Response[officev1.AutoAssignResponse], error) {
	who, err := identity.Require(ctx, actors...)
	if err != nil {
		return nil, err
	}
	region := idOf(req.Msg.RegionId)
	if r := reach(who, actors); !r.All && !r.holds(&row{RegionID: some(region)}) {
		return nil, fault.New(fault.Forbidden, "")
	}
	if s.Room.AutoAssign == nil {
		return nil, fault.New(fault.Unavailable, "")
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 200
	}
	result, err := s.Room.AutoAssign(ctx, who.Org, limit, region, ByUser(who.User))
	out := &officev1.AutoAssignResponse{Assigned: uint32(result.Assigned)}
	for _, u := range result.Unfit {
		out.Unassignable = append(out.Unassignable, &officev1.Unassignable{Id: u.Job[:], Reason: nobody(u.Why)})
	}
	return respond(out, err)
}

// PoolTicket implements TicketService.
func (s *Service) PoolTicket(ctx context.Context, req *connect.Request[officev1.PoolTicketRequest]) (*connect.Response[officev1.PoolTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Offer(ctx, tx, id, uuid.UUID(req.Msg.TeamId), actor)
	})
	return respond(&officev1.PoolTicketResponse{Ticket: t}, err)
}

// RescheduleTicket implements TicketService.
func (s *Service) RescheduleTicket(ctx context.Context, req *connect.Request[officev1.RescheduleTicketRequest]) (*connect.Response[officev1.RescheduleTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Reschedule(ctx, tx, id, windowFrom(req.Msg.Scheduled), req.Msg.Reason, actor)
	})
	return respond(&officev1.RescheduleTicketResponse{Ticket: t}, err)
}

// CancelTicket implements TicketService.
func (s *Service) CancelTicket(ctx context.Context, req *connect.Request[officev1.CancelTicketRequest]) (*connect.Response[officev1.CancelTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Cancel(ctx, tx, id, req.Msg.Reason, actor)
	})
	return respond(&officev1.CancelTicketResponse{Ticket: t}, err)
}

// SetTicketContact implements TicketService. A clerk fills in what a ticket of his shop lacks.
func (s *Service) SetTicketContact(ctx context.Context, req *connect.Request[officev1.SetTicketContactRequest]) (*connect.Response[officev1.SetTicketContactResponse], error) {
	who, err := identity.Require(ctx, append(slices.Clone(actors), identity.Clerk)...)
	if err != nil {
		return nil, err
	}
	m, id := req.Msg, uuid.UUID(req.Msg.GetId())
	c := Contact{Name: m.GetCustomerName(), Phone: m.GetCustomerPhone(), Address: m.GetAddress(), Region: idOf(m.GetRegionId()), Confirmed: m.GetConfirmed()}
	if p := m.GetPosition(); p != nil {
		c.At = &score.Point{Latitude: p.GetLatitude(), Longitude: p.GetLongitude()}
	}
	office, counter := reach(who, actors), reach(who, []identity.Role{identity.Clerk})
	out := &officev1.SetTicketContactResponse{}
	err = s.Room.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		c := c
		err := s.Room.within(ctx, tx, id, office)
		if fault.CodeOf(err) == fault.NotFound {
			err, c.OnlyMissing = s.Room.within(ctx, tx, id, counter), true
		}
		if err != nil {
			return err
		}
		if c.OnlyMissing && (c.Confirmed || c.Region != uuid.Nil) {
			return fault.New(fault.Forbidden, "the office confirms it and says which region it is")
		}
		if c.Region != uuid.Nil {
			if !office.holds(&row{RegionID: &c.Region}) {
				return fault.New(fault.Forbidden, "region_id")
			}
			if s.Room.RegionName != nil {
				if _, _, err := s.Room.RegionName(ctx, tx, c.Region); err != nil {
					return err
				}
			}
		}
		if err := s.Room.SetContact(ctx, tx, id, c, ByUser(who.User)); err != nil {
			return err
		}
		out.Ticket, err = s.Room.Summary(ctx, tx, id)
		return err
	})
	return respond(out, err)
}

// MarkNoShow implements TicketService.
func (s *Service) MarkNoShow(ctx context.Context, req *connect.Request[officev1.MarkNoShowRequest]) (*connect.Response[officev1.MarkNoShowResponse], error) {
	t, err := s.change(ctx, req.Msg.GetId(), func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.NoShow(ctx, tx, id, req.Msg.GetReason(), actor)
	})
	return respond(&officev1.MarkNoShowResponse{Ticket: t}, err)
}

// HoldTicket implements TicketService.
func (s *Service) HoldTicket(ctx context.Context, req *connect.Request[officev1.HoldTicketRequest]) (*connect.Response[officev1.HoldTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Hold(ctx, tx, id, req.Msg.Reason, actor)
	})
	return respond(&officev1.HoldTicketResponse{Ticket: t}, err)
}

// ResumeTicket implements TicketService.
func (s *Service) ResumeTicket(ctx context.Context, req *connect.Request[officev1.ResumeTicketRequest]) (*connect.Response[officev1.ResumeTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Resume(ctx, tx, id, actor)
	})
	return respond(&officev1.ResumeTicketResponse{Ticket: t}, err)
}

// ApproveTicket implements TicketService.
func (s *Service) ApproveTicket(ctx context.Context, req *connect.Request[officev1.ApproveTicketRequest]) (*connect.Response[officev1.ApproveTicketResponse], error) {
	t, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		return s.Room.Approve(ctx, tx, id, actor)
	})
	return respond(&officev1.ApproveTicketResponse{Ticket: t}, err)
}

// ReworkTicket implements TicketService. The row returned is that of the rework ticket.
func (s *Service) ReworkTicket(ctx context.Context, req *connect.Request[officev1.ReworkTicketRequest]) (*connect.Response[officev1.ReworkTicketResponse], error) {
	out := &officev1.ReworkTicketResponse{}
	_, err := s.change(ctx, req.Msg.Id, func(tx *postgres.Tx, id uuid.UUID, actor string) error {
		opened, err := s.Room.Rework(ctx, tx, id, uuid.UUID(req.Msg.ReworkId), req.Msg.Reason, actor)
		if err != nil {
			return err
		}
		out.Ticket, err = s.Room.Summary(ctx, tx, opened.TicketID)
		return err
	})
	return respond(out, err)
}

func respond[T any](m *T, err error) (*connect.Response[T], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(m), nil
}

// idOf reads an id that may be absent: anything but 16 bytes is none.
func idOf(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil
	}
	return id
}
