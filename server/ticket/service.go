package ticket

import (
	"context"
	"slices"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Service is the office's calls about tickets. It calls the rooms above tickets, which Tickets itself may not.
type Service struct {
	Tickets    *Tickets
	Dispatcher Dispatcher
	Orders     Orders
}

var _ officev1connect.TicketServiceHandler = (*Service)(nil)

// Who may do what, by the grants that lie over the ticket; app.Access says the same of the calls.
var (
	readers = []identity.Role{
		identity.Dispatcher, identity.Supervisor, identity.Finance,
		identity.Dealer, identity.Admin,
	}
	actors    = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}
	approvers = []identity.Role{identity.Supervisor, identity.Admin}
)

// deed is an act of the office on a ticket within the caller's reach.
type deed struct {
	tx    *postgres.Tx
	who   identity.Identity
	reach Reach
	id    uuid.UUID
	actor string
}

// change runs an act of the office on a ticket within the caller's reach by these roles and returns the ticket's row.
func (s *Service) change(
	ctx context.Context, roles []identity.Role, id []byte, do func(d deed) error,
) (*officev1.TicketSummary, error) {
	who, reach, err := identity.Acting(ctx, roles...)
	if err != nil {
		return nil, err
	}
	d := deed{who: who, reach: reach, id: uuid.UUID(id), actor: ByUser(who.User)}
	var out *officev1.TicketSummary
	err = s.Tickets.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		d.tx = tx
		if err := s.Tickets.within(ctx, tx, d.id, reach); err != nil {
			return err
		}
		if err := do(d); err != nil {
			return err
		}
		out, err = s.Tickets.Summary(ctx, tx, d.id)
		return err
	})
	return out, err
}

// relate tells whether the caller may relate a ticket to these things. See People.
func (s *Service) relate(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, reach Reach, ends ...identity.End,
) error {
	return s.Tickets.people.Relate(ctx, tx, who, reach, ends...)
}

// within tells whether a ticket lies within a reach; NotFound when not, for a stranger learns nothing.
func (r *Tickets) within(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reach Reach) error {
	if reach.All {
		return nil
	}
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return err
	}
	return reach.Existing("ticket", j.t.places()...)
}

// ListTickets implements TicketService.
func (s *Service) ListTickets(
	ctx context.Context, req *connect.Request[officev1.ListTicketsRequest],
) (*connect.Response[officev1.ListTicketsResponse], error) {
	who, reach, err := identity.Acting(ctx, readers...)
	if err != nil {
		return nil, err
	}
	m := req.Msg
	f := Filter{
		TechnicianID: idOf(m.TechnicianId), RegionID: idOf(m.RegionId), Unassigned: m.Unassigned,
		NeedsDetails: m.NeedsDetails, Unassignable: m.Unassignable, Limit: int(m.Limit), After: idOf(m.After),
		Reach: reach,
	}
	for _, st := range m.States {
		f.States = append(f.States, state.Ticket(st))
	}
	out := &officev1.ListTicketsResponse{}
	err = s.Tickets.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		out.Tickets, err = s.Tickets.List(ctx, tx, f)
		return err
	})
	return respond(out, err)
}

// GetTicket implements TicketService.
func (s *Service) GetTicket(
	ctx context.Context, req *connect.Request[officev1.GetTicketRequest],
) (*connect.Response[officev1.GetTicketResponse], error) {
	who, reach, err := identity.Acting(ctx, readers...)
	if err != nil {
		return nil, err
	}
	var out *officev1.GetTicketResponse
	err = s.Tickets.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		j, err := s.Tickets.look(ctx, tx, uuid.UUID(req.Msg.Id))
		if err != nil {
			return err
		}
		places := j.t.places()
		if err := reach.Existing("ticket", places...); err != nil {
			return err
		}
		// Who arranges this ticket's visits calls its customer.
		if out, err = j.answer(ctx, who.For(actors...).Any(places...)); err != nil || j.t.OrderID == nil {
			return err
		}
		out.CustomerProposals, err = s.Orders.ProposalsOf(ctx, tx, *j.t.OrderID)
		return err
	})
	return respond(out, err)
}

// ProposeAssignment implements TicketService.
func (s *Service) ProposeAssignment(
	ctx context.Context, req *connect.Request[officev1.ProposeAssignmentRequest],
) (*connect.Response[officev1.ProposeAssignmentResponse], error) {
	who, reach, err := identity.Acting(ctx, actors...)
	if err != nil {
		return nil, err
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 10
	}
	var found []score.Candidate
	err = s.Tickets.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		id := uuid.UUID(req.Msg.Id)
		if err := s.Tickets.within(ctx, tx, id, reach); err != nil {
			return err
		}
		found, err = s.Dispatcher.Propose(ctx, tx, id, limit)
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
func (s *Service) AssignTicket(
	ctx context.Context, req *connect.Request[officev1.AssignTicketRequest],
) (*connect.Response[officev1.AssignTicketResponse], error) {
	m := req.Msg
	t, err := s.change(ctx, actors, m.Id, func(d deed) error {
		end := identity.End{Field: "technician_id", Kind: identity.ScopeSelf, ID: uuid.UUID(m.TechnicianId)}
		if err := s.relate(ctx, d.tx, d.who, d.reach, end); err != nil {
			return err
		}
		scheduled, err := s.scheduled(ctx, d, m.GetScheduled())
		if err != nil {
			return err
		}
		return s.Tickets.Assign(ctx, d.tx, AssignRequest{
			TicketID: d.id, TechnicianID: end.ID, Scheduled: scheduled, Actor: d.actor, Way: "office",
			Reason: m.Reason, ReasonZH: "由调度指派", ReasonEN: "assigned by the office",
		})
	})
	return respond(&officev1.AssignTicketResponse{Ticket: t}, err)
}

// AutoAssign implements TicketService.
func (s *Service) AutoAssign(
	ctx context.Context, req *connect.Request[officev1.AutoAssignRequest],
) (*connect.Response[officev1.AutoAssignResponse], error) {
	who, reach, err := identity.Acting(ctx, actors...)
	if err != nil {
		return nil, err
	}
	region := idOf(req.Msg.RegionId)
	switch {
	case region != uuid.Nil:
		err = s.Tickets.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
			return s.relate(ctx, tx, who, reach, identity.End{Field: "region_id", Kind: identity.ScopeRegion, ID: region})
		})
	case !reach.All:
		err = fault.New(fault.Forbidden, "region_id: name a region of yours")
	}
	if err != nil {
		return nil, err
	}
	limit := int(req.Msg.Limit)
	if limit == 0 {
		limit = 200
	}
	result, err := s.Dispatcher.Auto(ctx, who.Org, limit, region, ByUser(who.User))
	out := &officev1.AutoAssignResponse{Assigned: uint32(result.Assigned)}
	for _, u := range result.Unfit {
		out.Unassignable = append(out.Unassignable, &officev1.Unassignable{Id: u.Job[:], Reason: nobody(u.Why)})
	}
	return respond(out, err)
}

// PoolTicket implements TicketService.
func (s *Service) PoolTicket(
	ctx context.Context, req *connect.Request[officev1.PoolTicketRequest],
) (*connect.Response[officev1.PoolTicketResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.Id, func(d deed) error {
		end := identity.End{Field: "team_id", Kind: identity.ScopeTeam, ID: uuid.UUID(req.Msg.TeamId)}
		if err := s.relate(ctx, d.tx, d.who, d.reach, end); err != nil {
			return err
		}
		return s.Tickets.Offer(ctx, d.tx, d.id, end.ID, d.actor)
	})
	return respond(&officev1.PoolTicketResponse{Ticket: t}, err)
}

// RescheduleTicket implements TicketService.
func (s *Service) RescheduleTicket(
	ctx context.Context, req *connect.Request[officev1.RescheduleTicketRequest],
) (*connect.Response[officev1.RescheduleTicketResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.Id, func(d deed) error {
		scheduled, err := s.scheduled(ctx, d, req.Msg.GetScheduled())
		if err != nil {
			return err
		}
		return s.Tickets.Reschedule(ctx, d.tx, d.id, scheduled, req.Msg.Reason, d.actor)
	})
	return respond(&officev1.RescheduleTicketResponse{Ticket: t}, err)
}

// scheduled reads the appointment that the office gives a ticket. Where that is refused, a ticket that does not exist
// is NotFound all the same.
func (s *Service) scheduled(ctx context.Context, d deed, w *typesv1.Window) (state.Window, error) {
	span, refused := windowFrom(w, "scheduled", d.tx.Now())
	if refused != nil {
		if _, err := s.Tickets.look(ctx, d.tx, d.id); err != nil {
			return span, err
		}
	}
	return span, refused
}

// CancelTicket implements TicketService.
func (s *Service) CancelTicket(
	ctx context.Context, req *connect.Request[officev1.CancelTicketRequest],
) (*connect.Response[officev1.CancelTicketResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.Id, func(d deed) error {
		return s.Tickets.Cancel(ctx, d.tx, d.id, req.Msg.Reason, d.actor)
	})
	return respond(&officev1.CancelTicketResponse{Ticket: t}, err)
}

// SetTicketContact implements TicketService. A clerk fills in what a ticket of his shop lacks.
func (s *Service) SetTicketContact(
	ctx context.Context, req *connect.Request[officev1.SetTicketContactRequest],
) (*connect.Response[officev1.SetTicketContactResponse], error) {
	who, reach, err := identity.Acting(ctx, append(slices.Clone(actors), identity.Clerk)...)
	if err != nil {
		return nil, err
	}
	m, id := req.Msg, uuid.UUID(req.Msg.GetId())
	phone, err := phoneNumber(m.GetCustomerPhone())
	if err != nil {
		return nil, err
	}
	c := Contact{
		Name: m.GetCustomerName(), Phone: phone, Address: m.GetAddress(), Region: idOf(m.GetRegionId()),
		Confirmed: m.GetConfirmed(),
	}
	if p := m.GetPosition(); p != nil {
		c.At = &score.Point{Latitude: p.GetLatitude(), Longitude: p.GetLongitude()}
	}
	office := who.For(actors...)
	out := &officev1.SetTicketContactResponse{}
	err = s.Tickets.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		c := c
		if err := s.Tickets.within(ctx, tx, id, reach); err != nil {
			return err
		}
		// What is not there is within reach of the whole company, and not_found when it is looked for.
		if office.All {
			if _, err := s.Tickets.look(ctx, tx, id); err != nil {
				return err
			}
		}
		arranges, err := s.Tickets.Reaches(ctx, tx, office, id)
		if err != nil {
			return err
		}
		c.OnlyMissing = !arranges
		if c.OnlyMissing && (c.Confirmed || c.Region != uuid.Nil) {
			return fault.New(fault.Forbidden, "the office confirms it and says which region it is")
		}
		if c.Region != uuid.Nil {
			if err := s.relate(ctx, tx, who, office,
				identity.End{Field: "region_id", Kind: identity.ScopeRegion, ID: c.Region}); err != nil {
				return err
			}
		}
		if err := s.Tickets.SetContact(ctx, tx, id, c, ByUser(who.User)); err != nil {
			return err
		}
		out.Ticket, err = s.Tickets.Summary(ctx, tx, id)
		return err
	})
	return respond(out, err)
}

// MarkNoShow implements TicketService.
func (s *Service) MarkNoShow(
	ctx context.Context, req *connect.Request[officev1.MarkNoShowRequest],
) (*connect.Response[officev1.MarkNoShowResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.GetId(), func(d deed) error {
		return s.Tickets.NoShow(ctx, d.tx, d.id, req.Msg.GetReason(), d.actor)
	})
	return respond(&officev1.MarkNoShowResponse{Ticket: t}, err)
}

// HoldTicket implements TicketService.
func (s *Service) HoldTicket(
	ctx context.Context, req *connect.Request[officev1.HoldTicketRequest],
) (*connect.Response[officev1.HoldTicketResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.Id, func(d deed) error {
		return s.Tickets.Hold(ctx, d.tx, d.id, req.Msg.Reason, d.actor)
	})
	return respond(&officev1.HoldTicketResponse{Ticket: t}, err)
}

// ResumeTicket implements TicketService.
func (s *Service) ResumeTicket(
	ctx context.Context, req *connect.Request[officev1.ResumeTicketRequest],
) (*connect.Response[officev1.ResumeTicketResponse], error) {
	t, err := s.change(ctx, actors, req.Msg.Id, func(d deed) error {
		return s.Tickets.Resume(ctx, d.tx, d.id, d.actor)
	})
	return respond(&officev1.ResumeTicketResponse{Ticket: t}, err)
}

// ApproveTicket implements TicketService.
func (s *Service) ApproveTicket(
	ctx context.Context, req *connect.Request[officev1.ApproveTicketRequest],
) (*connect.Response[officev1.ApproveTicketResponse], error) {
	t, err := s.change(ctx, approvers, req.Msg.Id, func(d deed) error {
		return s.Tickets.Approve(ctx, d.tx, d.id, d.actor)
	})
	return respond(&officev1.ApproveTicketResponse{Ticket: t}, err)
}

// ReworkTicket implements TicketService. The row returned is that of the rework ticket.
func (s *Service) ReworkTicket(
	ctx context.Context, req *connect.Request[officev1.ReworkTicketRequest],
) (*connect.Response[officev1.ReworkTicketResponse], error) {
	out := &officev1.ReworkTicketResponse{}
	_, err := s.change(ctx, approvers, req.Msg.Id, func(d deed) error {
		opened, err := s.Tickets.Rework(ctx, d.tx, d.id, uuid.UUID(req.Msg.ReworkId), req.Msg.Reason, d.actor)
		if err != nil {
			return err
		}
		out.Ticket, err = s.opened(ctx, d.tx, d.reach, "rework_id", opened)
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
