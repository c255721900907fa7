package ticket_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// as is a context of somebody of the world's company.
func (w *world) as(grants ...identity.Grant) context.Context {
	return identity.With(w.t.Context(), identity.Identity{Org: uuid.UUID(w.org), User: uuid.New()}.Holding(grants...))
}

func TestOfficeCallsByRoleAndScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	mine, other := uuid.New(), uuid.New()
	p := w.technician("a")
	here := w.open(func(q *ticket.OpenRequest) { q.RegionID = mine })
	w.pass(time.Second)
	there := w.open(func(q *ticket.OpenRequest) { q.RegionID = other })
	grant := func(r identity.Role, kind identity.ScopeKind, id uuid.UUID) identity.Grant {
		return identity.Grant{Role: r, Scope: kind, ID: id}
	}
	for name, c := range map[string]struct {
		ctx       context.Context
		list      int
		get, hold fault.Code // of the ticket here
		away      fault.Code // hold of the ticket there
	}{
		"nobody": {t.Context(), 0, fault.Unauthenticated, fault.Unauthenticated, fault.Unauthenticated},
		"technician": {
			w.as(grant(identity.Technician, identity.ScopeSelf, uuid.Nil)), 0, fault.Forbidden,
			fault.Forbidden, fault.Forbidden,
		},
		"clerk": {
			w.as(grant(identity.Clerk, identity.ScopeStore, uuid.New())), 0, fault.Forbidden,
			fault.Forbidden, fault.Forbidden,
		},
		"dealer": {
			w.as(grant(identity.Dealer, identity.ScopeRegion, mine)), 1, "",
			fault.Forbidden, fault.Forbidden,
		},
		"finance": {
			w.as(grant(identity.Finance, identity.ScopeOrg, uuid.Nil)), 2, "",
			fault.Forbidden, fault.Forbidden,
		},
		"regional dispatcher": {w.as(grant(identity.Dispatcher, identity.ScopeRegion, mine)), 1, "", "", fault.NotFound},
		"foreign dispatcher": {
			w.as(grant(identity.Dispatcher, identity.ScopeRegion, uuid.New())), 0, fault.NotFound,
			fault.NotFound, fault.NotFound,
		},
		"leader of another team": {
			w.as(grant(identity.Supervisor, identity.ScopeTeam, uuid.New())), 0, fault.NotFound,
			fault.NotFound, fault.NotFound,
		},
		"admin": {w.as(grant(identity.Admin, identity.ScopeOrg, uuid.Nil)), 2, "", "", ""},
	} {
		list, err := s.ListTickets(c.ctx, connect.NewRequest(&officev1.ListTicketsRequest{}))
		if err == nil && len(list.Msg.GetTickets()) != c.list {
			t.Errorf("%s lists %d", name, len(list.Msg.GetTickets()))
		}
		got, err := s.GetTicket(c.ctx, connect.NewRequest(&officev1.GetTicketRequest{Id: b(here.TicketID)}))
		if fault.CodeOf(err) != c.get {
			t.Errorf("%s gets: %v", name, err)
		}
		if err == nil && (got.Msg.GetTicket().GetCustomer().GetPhone() == "13812340001") != (c.hold == "") {
			t.Errorf("%s sees the phone number %s", name, got.Msg.GetTicket().GetCustomer().GetPhone())
		}
		for id, want := range map[uuid.UUID]fault.Code{here.TicketID: c.hold, there.TicketID: c.away} {
			_, err = s.HoldTicket(c.ctx, connect.NewRequest(&officev1.HoldTicketRequest{Id: b(id), Reason: "x"}))
			if fault.CodeOf(err) != want {
				t.Errorf("%s holds: %v", name, err)
			}
			if err == nil {
				if _, err := s.ResumeTicket(c.ctx, connect.NewRequest(&officev1.ResumeTicketRequest{Id: b(id)})); err != nil {
					t.Errorf("%s resumes: %v", name, err)
				}
			}
			_, err = s.AssignTicket(c.ctx, connect.NewRequest(&officev1.AssignTicketRequest{Id: b(id), TechnicianId: b(p.user)}))
			if fault.CodeOf(err) != want {
				t.Errorf("%s assigns: %v", name, err)
			}
		}
	}
}

func TestALeaderSeesWhatTheTeamHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	leader := w.as(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeTeam, ID: w.team})
	p := w.technician("a")
	given, pooled := w.open(nil), w.open(nil)
	w.open(nil) // nobody's
	w.assign(given.TicketID, p)
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Offer(t.Context(), tx, pooled.TicketID, w.team, ticket.BySystem("test"))
	})
	list, err := s.ListTickets(leader, connect.NewRequest(&officev1.ListTicketsRequest{}))
	if err != nil || len(list.Msg.GetTickets()) != 2 {
		t.Errorf("the leader lists %v: %v", list, err)
	}
	if _, err := s.GetTicket(leader, connect.NewRequest(&officev1.GetTicketRequest{Id: b(given.TicketID)})); err != nil {
		t.Error(err)
	}
}

func TestListsPageNewestFirstAndFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	ctx := w.as(identity.Grant{Role: identity.Admin, Scope: identity.ScopeOrg})
	p := w.technician("a")
	var ids []uuid.UUID
	for range 7 {
		w.pass(time.Second)
		ids = append(ids, w.open(nil).TicketID)
	}
	var seen []uuid.UUID
	var after []byte
	for {
		page, err := s.ListTickets(ctx, connect.NewRequest(&officev1.ListTicketsRequest{Limit: 3, After: after}))
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Msg.GetTickets()) == 0 {
			break
		}
		for _, row := range page.Msg.GetTickets() {
			seen = append(seen, uuid.UUID(row.GetId()))
			after = row.GetId()
		}
	}
	for i := range ids {
		if len(seen) != len(ids) || seen[i] != ids[len(ids)-1-i] {
			t.Fatalf("paged %v", seen)
		}
	}
	w.assign(ids[0], p)
	count := func(m *officev1.ListTicketsRequest) int {
		page, err := s.ListTickets(ctx, connect.NewRequest(m))
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Msg.GetTickets())
	}
	if n := count(&officev1.ListTicketsRequest{TechnicianId: b(p.user)}); n != 1 {
		t.Errorf("of the technician: %d", n)
	}
	if n := count(&officev1.ListTicketsRequest{Unassigned: true}); n != 6 {
		t.Errorf("unassigned: %d", n)
	}
	if n := count(
		&officev1.ListTicketsRequest{States: []fieldv1.TicketState{fieldv1.TicketState_TICKET_STATE_CLOSED}}); n != 0 {
		t.Errorf("closed: %d", n)
	}
	if n := count(&officev1.ListTicketsRequest{RegionId: b(uuid.New())}); n != 0 {
		t.Errorf("of a region: %d", n)
	}
}

func TestTheOfficeOpensReschedulesPoolsAndCancels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	ctx := w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg})
	p := w.technician("a")
	id := uuid.New()
	open := &officev1.OpenTicketRequest{
		Id: b(id), ProductId: b(w.product), CustomerName: "赵先生", CustomerPhone: "13900001111",
		Address: "12 Nanjing Road, Shanghai",
		Urgency: fieldv1.Urgency_URGENCY_RUSH,
	}
	first, err := s.OpenTicket(ctx, connect.NewRequest(open))
	if err != nil || first.Msg.GetExisting() || first.Msg.GetTicket().GetArea() != "Nanjing Road, Shanghai" {
		t.Fatalf("got %v %v", first, err)
	}
	again, err := s.OpenTicket(ctx, connect.NewRequest(open))
	if err != nil || !again.Msg.GetExisting() {
		t.Errorf("opened twice: %v", err)
	}
	window := func(from, to time.Duration) *typesv1.Window {
		return &typesv1.Window{Earliest: timestamppb.New(nine.Add(from)), Latest: timestamppb.New(nine.Add(to))}
	}
	assigned, err := s.AssignTicket(ctx,
		connect.NewRequest(&officev1.AssignTicketRequest{
			Id: b(id), TechnicianId: b(p.user),
			Scheduled: window(1*time.Hour, 2*time.Hour),
		}))
	if err != nil || assigned.Msg.GetTicket().GetVisitState() != fieldv1.VisitState_VISIT_STATE_DISPATCHED ||
		assigned.Msg.GetTicket().GetTechnicianName() != "a" {
		t.Fatalf("got %v %v", assigned, err)
	}
	_, err = s.RescheduleTicket(ctx,
		connect.NewRequest(&officev1.RescheduleTicketRequest{Id: b(id), Scheduled: window(2*time.Hour, time.Hour)}))
	if fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a window that ends before it begins: %v", err)
	}
	_, err = s.RescheduleTicket(ctx,
		connect.NewRequest(&officev1.RescheduleTicketRequest{
			Id: b(id), Scheduled: window(3*time.Hour, 4*time.Hour),
			Reason: "客户要求",
		}))
	if err != nil {
		t.Fatal(err)
	}
	v := &fieldv1.Visit{}
	w.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT, uuid.UUID(w.get(id).GetVisits()[0].GetId()), w.tech(p), v)
	if !v.GetScheduled().GetEarliest().AsTime().Equal(nine.Add(3 * time.Hour)) {
		t.Errorf("the phone shows %v", v.GetScheduled())
	}
	if _, err := s.PoolTicket(ctx, connect.NewRequest(&officev1.PoolTicketRequest{Id: b(id), TeamId: b(w.team)})); err !=
		nil {
		t.Fatal(err)
	}
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, id, w.tech(p), nil) ||
		!w.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET, id, feedID("team", w.team), nil) {
		t.Error("the ticket is not in the pool alone")
	}
	if _, err := s.CancelTicket(ctx, connect.NewRequest(&officev1.CancelTicketRequest{Id: b(id), Reason: "退货"})); err !=
		nil {
		t.Fatal(err)
	}
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET, id, feedID("team", w.team), nil) {
		t.Error("a cancelled ticket is in the pool")
	}
	p.does("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(id)}, w.clock(), rejected, fault.StateForbids)
	judge := w.as(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeOrg})
	if _, err := s.ApproveTicket(ctx, connect.NewRequest(&officev1.ApproveTicketRequest{Id: b(id)})); fault.CodeOf(err) !=
		fault.Forbidden {
		t.Errorf("a dispatcher approves: %v", err)
	}
	_, err = s.ApproveTicket(judge, connect.NewRequest(&officev1.ApproveTicketRequest{Id: b(id)}))
	if fault.CodeOf(err) != fault.StateForbids {
		t.Errorf("approved a cancelled ticket: %v", err)
	}
	_, err = s.ReworkTicket(judge,
		connect.NewRequest(&officev1.ReworkTicketRequest{Id: b(id), ReworkId: b(uuid.New()), Reason: "x"}))
	if fault.CodeOf(err) != fault.StateForbids {
		t.Errorf("reworked a cancelled ticket: %v", err)
	}
	var notices int
	if err := w.db.Owner.QueryRow(t.Context(), `SELECT count(*) FROM ticket_notice
		WHERE technician_id = $1`, p.user).Scan(&notices); err != nil || notices != 3 {
		t.Errorf("%d notices, want assigned, rescheduled, reassigned_away: %v", notices, err)
	}
	w.chainHolds(id)
}

func TestAutomaticAssignmentFollowsTheRulesAndKeepsItsReasons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	near, full, unskilled := w.technician("近"), w.technician("满"), w.technician("无证")
	people := score.Point{Latitude: 31.2304, Longitude: 121.4737}
	far := score.Point{Latitude: 31.1, Longitude: 121.2}
	board := dispatch.New(w.tickets.Store, staff{others{w}, []score.Technician{
		{ID: near.user, Name: "近", Skills: []string{"gas"}, Home: &people, Capacity: 2},
		{ID: full.user, Name: "远", Skills: []string{"gas"}, Home: &far, Capacity: 1},
		{ID: unskilled.user, Name: "无证", Home: &people, Capacity: 9},
	}}, w.tickets)
	s := w.service()
	s.Dispatcher = board
	ctx := w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg})
	var ids []uuid.UUID
	for range 4 {
		ids = append(ids, w.open(nil).TicketID)
	}
	proposed, err := s.ProposeAssignment(ctx, connect.NewRequest(&officev1.ProposeAssignmentRequest{Id: b(ids[0])}))
	if err != nil {
		t.Fatal(err)
	}
	c := proposed.Msg.GetCandidates()
	if len(c) != 3 || uuid.UUID(c[0].GetTechnicianId()) != near.user || c[2].GetExcluded().GetZh() != "缺少技能：gas" ||
		len(c[0].GetReasons()) == 0 {
		t.Errorf("proposed %v", c)
	}
	done, err := s.AutoAssign(ctx, connect.NewRequest(&officev1.AutoAssignRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	if done.Msg.GetAssigned() != 3 || len(done.Msg.GetUnassignable()) != 1 ||
		done.Msg.GetUnassignable()[0].GetReason().GetEn() == "" {
		t.Errorf("assigned %v", done.Msg)
	}
	byTech := map[uuid.UUID]int{}
	for _, id := range ids {
		got := w.get(id)
		if as := got.GetAssignments(); len(as) == 1 {
			byTech[uuid.UUID(as[0].GetTechnicianId())]++
			if as[0].GetReason().GetZh() == "" || as[0].GetReason().GetEn() == "" {
				t.Errorf("no reason: %v", as[0])
			}
		}
		w.chainHolds(id)
	}
	if byTech[near.user] != 2 || byTech[full.user] != 1 {
		t.Errorf("given %v", byTech)
	}
	var next int
	err = w.db.Owner.QueryRow(t.Context(), `SELECT count(*) FROM ticket_assignment
		WHERE way = 'auto' AND jsonb_array_length(score->'next') = 2
		AND score->'best'->'reasons'->0->>'code' IS NOT NULL`).Scan(&next)
	if err != nil || next != 3 {
		t.Errorf("%d choices kept with their reasons: %v", next, err)
	}
	again, err := s.AutoAssign(ctx, connect.NewRequest(&officev1.AutoAssignRequest{}))
	if err != nil || again.Msg.GetAssigned() != 0 || len(again.Msg.GetUnassignable()) != 1 {
		t.Errorf("a second round: %v %v", again, err)
	}
}

func TestOldTicketsLeaveThePhoneAndStayInTheOffice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	at := w.pass(time.Hour)
	p.work(visit, at)
	p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at, applied, "")
	now := w.pass(40 * 24 * time.Hour)
	var left int
	archive := func() {
		w.do(func(tx *postgres.Tx) (err error) {
			left, err = w.tickets.Archive(t.Context(), tx, now.Add(-30*24*time.Hour), 100)
			return err
		})
	}
	archive()
	if left != 2 || w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(p), nil) ||
		w.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT, visit, w.tech(p), nil) {
		t.Errorf("%d left the phone", left)
	}
	w.is(o.TicketID, state.Completed)
	archive()
	if left != 0 {
		t.Errorf("%d left again", left)
	}
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Trail(t.Context(), tx, o.TicketID, "proof.verified",
			ticket.BySystem("proof"), map[string]string{"proof": "1"})
	})
	w.chainHolds(o.TicketID)
	// A note that comes a season later is still kept.
	p.does("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(o.TicketID), Text: "迟到"}, at, applied, "")
	if n := len(w.get(o.TicketID).GetTicket().GetNotes()); n != 1 {
		t.Errorf("%d notes", n)
	}
}

func TestTemplatesGrowByVersionsAndTicketsKeepTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.open(nil)
	var second *fieldv1.Template
	w.do(func(tx *postgres.Tx) (err error) {
		next := &fieldv1.Template{Key: "heater", Name: w.template.GetName(), Steps: w.template.GetSteps()[:1]}
		if second, err = w.tickets.PutTemplate(t.Context(), tx, next); err != nil {
			return err
		}
		same, err := w.tickets.PutTemplate(t.Context(), tx, second)
		if err == nil && same.GetVersion() != 2 {
			t.Errorf("a repeat made version %d", same.GetVersion())
		}
		return err
	})
	later := w.open(nil)
	if got := w.get(o.TicketID).GetTicket().GetTemplateId(); string(got) != string(w.template.GetId()) {
		t.Error("an open ticket changed its template")
	}
	if got := w.get(later.TicketID).GetTicket().GetTemplateId(); string(got) != string(second.GetId()) {
		t.Error("a new ticket has an old template")
	}
	for _, id := range [][]byte{w.template.GetId(), second.GetId()} {
		if !w.holds(fieldv1.EntityKind_ENTITY_KIND_TEMPLATE, uuid.UUID(id), feedID("org", uuid.UUID(w.org)), nil) {
			t.Error("a version is missing on the phones")
		}
	}
	w.do(func(tx *postgres.Tx) error {
		_, err := w.tickets.PutReason(t.Context(), tx,
			&fieldv1.Reason{Key: "too_far", Use: "decline", Name: &typesv1.Label{Zh: "太远", En: "Too far"}})
		if err != nil {
			return err
		}
		templates, err := w.tickets.ListTemplates(t.Context(), tx)
		if err != nil {
			return err
		}
		reasons, err := w.tickets.ListReasons(t.Context(), tx)
		if len(templates) != 1 || templates[0].GetVersion() != 2 || len(reasons) != 1 {
			t.Errorf("the catalogue has %v, %v", templates, reasons)
		}
		return err
	})
	err := w.try(func(tx *postgres.Tx) error {
		_, err := w.tickets.PutReason(t.Context(), tx,
			&fieldv1.Reason{Key: "Too Far", Use: "decline", Name: &typesv1.Label{Zh: "太远"}})
		return err
	})
	if fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a bad key: %v", err)
	}
}
