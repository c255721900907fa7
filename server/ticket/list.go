package ticket

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket/chain"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Filter narrows a list of tickets.
type Filter struct {
	States       []state.Ticket
	TechnicianID uuid.UUID
	RegionID     uuid.UUID
	Unassigned   bool
	// NeedsDetails lists those that lack what a visit needs, Unassignable those for which the rules found nobody.
	NeedsDetails, Unassignable bool
	// Reach limits what the caller may see; the zero value is nothing.
	Reach Reach
	// After continues behind this ticket; zero begins with the newest.
	After uuid.UUID
	// Limit is at most 200; 0 means 50.
	Limit int
}

// Reach is how far a caller sees: everything, or the tickets of some regions and stores, and those that the
// technicians of some teams have or may claim.
type Reach = identity.Reach

// places is where a ticket stands: its region, its shop, and the teams that have it or may claim it. The shop and the
// teams count by themselves, not by their regions: a ticket for a customer of region A that was bought in a shop of B
// is A's and the shop's, and not B's.
func (t *row) places() []identity.Place {
	var out []identity.Place
	if t.RegionID != nil {
		out = append(out, identity.Place{Kind: identity.ScopeRegion, ID: *t.RegionID})
	}
	if t.StoreID != nil {
		out = append(out, identity.Place{Kind: identity.ScopeStore, ID: *t.StoreID})
	}
	for _, team := range t.TeamIDs {
		out = append(out, identity.Place{Kind: identity.ScopeTeam, ID: team})
	}
	return out
}

// List returns tickets newest first.
func (r *Tickets) List(ctx context.Context, tx *postgres.Tx, f Filter) ([]*officev1.TicketSummary, error) {
	where := []string{"org_id = $1"}
	args := []any{tx.OrgID()}
	add := func(format string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(format, "?", fmt.Sprintf("$%d", len(args))))
	}
	if len(f.States) > 0 {
		states := make([]int16, len(f.States))
		for i, s := range f.States {
			states[i] = int16(s)
		}
		add("state = ANY (?)", states)
	}
	if f.TechnicianID != uuid.Nil {
		add("technician_id = ?", f.TechnicianID)
	}
	if f.RegionID != uuid.Nil {
		add("region_id = ?", f.RegionID)
	}
	if f.Unassigned {
		where = append(where, "technician_id IS NULL")
	}
	if f.NeedsDetails {
		where = append(where, "needs <> '{}' AND state IN (1, 2, 5)")
	}
	if f.Unassignable {
		where = append(where, "unassigned IS NOT NULL AND technician_id IS NULL AND pool_team_id IS NULL AND state IN (1, 2)")
	}
	if !f.Reach.All {
		var within []string
		for _, part := range []struct {
			format string
			ids    []uuid.UUID
		}{
			{"region_id = ANY ($%d)", f.Reach.Regions},
			{"store_id = ANY ($%d)", f.Reach.Stores},
			{"team_ids && $%d", f.Reach.Teams},
		} {
			if len(part.ids) > 0 {
				args = append(args, part.ids)
				within = append(within, fmt.Sprintf(part.format, len(args)))
			}
		}
		if len(within) == 0 {
			return nil, nil
		}
		where = append(where, "("+strings.Join(within, " OR ")+")")
	}
	if f.After != uuid.Nil {
		add("(opened_at, id) < (SELECT opened_at, id FROM ticket WHERE org_id = $1 AND id = ?)", f.After)
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	args = append(args, min(f.Limit, 200))
	rows, err := tx.Query(ctx, `SELECT `+rowColumns+` FROM ticket WHERE `+strings.Join(where, " AND ")+
		fmt.Sprintf(` ORDER BY opened_at DESC, id DESC LIMIT $%d`, len(args)), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(c pgx.CollectableRow) (*officev1.TicketSummary, error) {
		t, err := pgx.RowToStructByName[row](c)
		return t.summary(), err
	})
}

func (t *row) summary() *officev1.TicketSummary {
	return &officev1.TicketSummary{
		Id: t.ID[:], Number: t.Number, State: fieldv1.TicketState(t.State), VisitState: fieldv1.VisitState(t.VisitState),
		Urgency: wireUrgency(t.Urgency), ProductName: t.ProductName, CustomerName: t.CustomerName, Area: t.Area,
		TechnicianId: idBytes(t.TechnicianID), TechnicianName: t.TechnicianName,
		Scheduled: windowWire(t.ScheduledFrom, t.ScheduledTo),
		OpenedAt:  timestamppb.New(t.OpenedAt), ChangedAt: timestamppb.New(t.ChangedAt), TeamId: idBytes(t.PoolTeamID),
		Needs: t.Needs, Unassigned: t.whyNobody(),
	}
}

// Get returns everything of a ticket. The customer's phone number is masked unless full is set.
func (r *Tickets) Get(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, reach Reach, full bool,
) (*officev1.GetTicketResponse, error) {
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if !reach.Any(j.t.places()...) {
		return nil, fault.New(fault.NotFound, "ticket")
	}
	return j.answer(ctx, full)
}

// answer is everything of a ticket, for whoever may see it.
func (j *job) answer(ctx context.Context, full bool) (*officev1.GetTicketResponse, error) {
	tx, id := j.tx, j.t.ID
	a, err := j.attach(ctx)
	if err != nil {
		return nil, err
	}
	out := &officev1.GetTicketResponse{Ticket: j.ticketWire(a)}
	if !full {
		out.Ticket.Customer.Phone = MaskPhone(out.Ticket.Customer.Phone)
	}
	for _, v := range j.visits {
		out.Visits = append(out.Visits, j.visitWire(v, a))
	}
	links, err := Events(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	out.ChainIntact = chain.Verify(id, links, chain.Hash(j.t.EventHash)) == nil
	for _, l := range links {
		out.Events = append(out.Events, &officev1.TicketEvent{
			Sequence: uint64(l.Seq), Kind: l.Kind, DeviceTime: timestamppb.New(l.DeviceTime),
			ServerTime: timestamppb.New(l.ServerTime),
			Actor:      l.Actor, Payload: string(l.Payload), PreviousHash: l.Previous[:], Hash: l.Hash[:],
		})
	}
	if out.Assignments, err = assignments(ctx, tx, id); err != nil {
		return nil, err
	}
	out.Needs, out.Unassigned = j.t.Needs, j.t.whyNobody()
	if out.Rating, err = rating(ctx, tx, id); err != nil {
		return nil, err
	}
	out.Proofs, err = j.tickets.proofs.OfTicket(ctx, tx, id)
	return out, err
}

// Events reads a ticket's chain, in order.
func Events(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) ([]chain.Link, error) {
	rows, err := tx.Query(ctx, `SELECT seq, kind, device_time, server_time, actor, payload, previous_hash, hash
		FROM ticket_event
		WHERE org_id = $1 AND ticket_id = $2 ORDER BY seq`, tx.OrgID(), ticket)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(c pgx.CollectableRow) (chain.Link, error) {
		l := chain.Link{Ticket: ticket}
		var payload string
		var previous, hash []byte
		err := c.Scan(&l.Seq, &l.Kind, &l.DeviceTime, &l.ServerTime, &l.Actor, &payload, &previous, &hash)
		l.Payload = []byte(payload)
		copy(l.Previous[:], previous)
		copy(l.Hash[:], hash)
		return l, err
	})
}

func assignments(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) ([]*officev1.Assignment, error) {
	rows, err := tx.Query(ctx, `SELECT technician_id, valid_from, valid_to, reason_zh, reason_en FROM ticket_assignment
		WHERE org_id = $1 AND ticket_id = $2 ORDER BY valid_from, id`, tx.OrgID(), ticket)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(c pgx.CollectableRow) (*officev1.Assignment, error) {
		var who uuid.UUID
		var since time.Time
		var until *time.Time
		reason := &typesv1.Label{}
		err := c.Scan(&who, &since, &until, &reason.Zh, &reason.En)
		return &officev1.Assignment{
			TechnicianId: who[:], Since: timestamppb.New(since), Until: timeWire(until),
			Reason: reason,
		}, err
	})
}

// Summary is one ticket as a row of a list; NotFound when there is none.
func (r *Tickets) Summary(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*officev1.TicketSummary, error) {
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return j.t.summary(), nil
}

// Progress is how far a job is, for its customer: no more than he may know.
type Progress struct {
	Number      string
	State       state.Ticket
	ProductName string
	// ProductID is of the catalogue, zero when nobody knows it.
	ProductID uuid.UUID
	Booked    time.Time
	// Scheduled, Accepted, Traveling, OnSite, Completed are zero until then.
	Scheduled, Accepted, Traveling, OnSite, Completed time.Time
	// TechnicianID is who is coming, once he has accepted; zero before.
	TechnicianID   uuid.UUID
	TechnicianName string
	Arrival        state.Window
	// Wanted is what the customer asked for.
	Wanted state.Window
	// MayChange: the customer may cancel it or ask for another time. MayRate: may say how it was.
	MayChange, MayRate bool
	// Extras are what the customer is asked to agree to.
	Extras Extras
	// Stars is what was said of it, 0 until then.
	Stars   int
	UnitID  uuid.UUID
	StoreID uuid.UUID
}

// ProgressOf tells how far a ticket is.
func (r *Tickets) ProgressOf(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Progress, error) {
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return Progress{}, err
	}
	t := &j.t
	p := Progress{
		Number: t.Number, State: t.State, ProductName: t.ProductName, Booked: t.OpenedAt,
		Arrival:   window(t.ArrivalFrom, t.ArrivalTo),
		ProductID: value(t.ProductID), UnitID: value(t.UnitID), StoreID: value(t.StoreID),
	}
	p.Wanted, p.MayChange = window(t.WantedFrom, t.WantedTo), j.mayChange()
	said, rated, err := r.RatingOf(ctx, tx, id)
	if err != nil {
		return Progress{}, err
	}
	p.Stars = said.Stars
	if p.Extras, err = j.extras(ctx); err != nil {
		return Progress{}, err
	}
	if v := j.current(); v != nil && v.FinishedAt != nil && (t.State == state.Completed || t.State == state.Closed) {
		p.MayRate = !rated && tx.Now().Sub(*v.FinishedAt) <= RatingFor || rated && tx.Now().Sub(said.At) <= RatingOpen
	}
	if p.Arrival.IsZero() {
		p.Arrival = window(t.ScheduledFrom, t.ScheduledTo)
	}
	if v := j.current(); v != nil && v.TechnicianID != nil && v.State != state.VisitCanceled &&
		v.State != state.VisitDeclined {
		p.Scheduled = v.CreatedAt
		p.Accepted, p.Traveling, p.OnSite = value(v.AcceptedAt), value(v.TravelingAt), value(v.ArrivedAt)
		if t.State == state.Completed || t.State == state.Closed {
			p.Completed = value(v.FinishedAt)
		}
		if v.AcceptedAt != nil {
			p.TechnicianID, p.TechnicianName = value(v.TechnicianID), t.TechnicianName
		}
	}
	return p, nil
}

// OpenOfUnit finds the open ticket of a unit as its store sees it; NotFound when there is none.
func (r *Tickets) OpenOfUnit(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (*officev1.TicketSummary, error) {
	rows, err := tx.Query(ctx, `SELECT `+rowColumns+` FROM ticket
		WHERE org_id = $1 AND unit_id = $2 AND state IN (1, 2, 3, 5)`, tx.OrgID(), unit)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "ticket")
	}
	return all[0].summary(), nil
}

// HistoryOfUnit lists the jobs of a unit, newest first.
func (r *Tickets) HistoryOfUnit(
	ctx context.Context, tx *postgres.Tx, unit uuid.UUID, limit int,
) ([]*fieldv1.HistoryItem, error) {
	rows, err := tx.Query(ctx, `SELECT number, state, opened_at, product_name FROM ticket
		WHERE org_id = $1 AND unit_id = $2 ORDER BY opened_at DESC LIMIT $3`, tx.OrgID(), unit, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(c pgx.CollectableRow) (*fieldv1.HistoryItem, error) {
		h := &fieldv1.HistoryItem{}
		var s int16
		var at time.Time
		err := c.Scan(&h.Number, &s, &at, &h.Summary)
		h.State, h.At = fieldv1.TicketState(s), timestamppb.New(at)
		return h, err
	})
}
