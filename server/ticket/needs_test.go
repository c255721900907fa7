package ticket_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// dispatches gives the world a board of these technicians, all of one region and with the skill.
func (w *world) dispatches(phones ...*phone) *dispatch.Board {
	people := score.Point{Latitude: 31.2304, Longitude: 121.4737}
	var who staff
	who.others = others{w}
	for _, p := range phones {
		who.list = append(who.list, score.Technician{ID: p.user, Skills: []string{"gas"}, Home: &people})
	}
	return dispatch.New(w.tickets.Store, who, w.tickets)
}

// staff are the technicians whom dispatch may choose from.
type staff struct {
	others
	list []score.Technician
}

func (s staff) Candidates(context.Context, *postgres.Tx, uuid.UUID) ([]score.Technician, error) {
	return s.list, nil
}

// listens notes which tickets begin to wait.
func (w *world) listens() *[]uuid.UUID {
	var mu sync.Mutex
	heard := &[]uuid.UUID{}
	w.waits = func(id uuid.UUID) {
		mu.Lock()
		defer mu.Unlock()
		*heard = append(*heard, id)
	}
	return heard
}

func (w *world) auto(b *dispatch.Board) score.Round {
	w.t.Helper()
	r, err := b.Auto(w.t.Context(), uuid.UUID(w.org), 100, uuid.Nil, ticket.BySystem("dispatch"))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) listed(q *officev1.ListTicketsRequest) []*officev1.TicketSummary {
	w.t.Helper()
	res, err := w.service().ListTickets(w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}),
		connect.NewRequest(q))
	if err != nil {
		w.t.Fatal(err)
	}
	return res.Msg.GetTickets()
}

func TestATicketThatNobodyCanVisitIsGivenToNobodyUntilItIsComplete(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lose  func(*ticket.OpenRequest)
		needs []string
		add   *officev1.SetTicketContactRequest
	}{
		"no name": {
			func(q *ticket.OpenRequest) { q.Customer.Name = " " },
			[]string{"name"},
			&officev1.SetTicketContactRequest{CustomerName: "王"},
		},
		"no phone": {
			func(q *ticket.OpenRequest) { q.Customer.Phone = "" },
			[]string{"phone"},
			&officev1.SetTicketContactRequest{CustomerPhone: "13812340001"},
		},
		"no address": {
			func(q *ticket.OpenRequest) { q.Customer.Address = "" },
			[]string{"address"},
			&officev1.SetTicketContactRequest{Address: "人民大道200号"},
		},
		"nothing": {
			func(q *ticket.OpenRequest) { q.Customer = ticket.Customer{} },
			[]string{"name", "phone", "address"},
			&officev1.SetTicketContactRequest{CustomerName: "王", CustomerPhone: "13812340001", Address: "人民大道200号"},
		},
		"unconfirmed": {
			func(q *ticket.OpenRequest) { q.Unconfirmed = true },
			[]string{"confirmation"},
			&officev1.SetTicketContactRequest{Confirmed: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			heard, p := w.listens(), w.technician("a")
			board, region := w.dispatches(p), uuid.New()
			id := w.open(func(q *ticket.OpenRequest) { q.RegionID = region; tc.lose(q) }).TicketID
			if err := w.try(func(tx *postgres.Tx) error {
				return w.tickets.Assign(t.Context(), tx,
					ticket.AssignRequest{TicketID: id, TechnicianID: p.user, Actor: "user:x", Way: "office"})
			}); fault.CodeOf(err) != ticket.NeedsDetails {
				t.Errorf("assigned: %v", err)
			}
			if err := w.try(
				func(tx *postgres.Tx) error { return w.tickets.Offer(t.Context(), tx, id, w.team, "user:x") }); fault.CodeOf(err) !=
				ticket.NeedsDetails {
				t.Errorf("pooled: %v", err)
			}
			if r := w.auto(board); r.Assigned != 0 || len(r.Unfit) != 0 || len(*heard) != 0 {
				t.Errorf("the rules: %+v, heard %v", r, *heard)
			}
			if l := w.listed(&officev1.ListTicketsRequest{NeedsDetails: true}); len(l) != 1 ||
				!slices.Equal(l[0].GetNeeds(), tc.needs) {
				t.Errorf("listed %v", l)
			}
			tc.add.Id = b(id)
			s := w.service()
			if _, err := s.SetTicketContact(w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}),
				connect.NewRequest(tc.add)); err != nil {
				t.Fatal(err)
			}
			if len(*heard) != 1 || len(w.listed(&officev1.ListTicketsRequest{NeedsDetails: true})) != 0 {
				t.Errorf("heard %v", *heard)
			}
			if r := w.auto(board); r.Assigned != 1 {
				t.Errorf("it did not go on: %+v", r)
			}
			w.chainHolds(id)
		})
	}
}

func TestAClerkFillsInWhatIsMissingAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shop := uuid.New()
	id := w.open(func(q *ticket.OpenRequest) { q.StoreID, q.Customer.Phone = shop, "" }).TicketID
	s := w.service()
	clerk := w.as(identity.Grant{Role: identity.Clerk, Scope: identity.ScopeStore, ID: shop})
	for name, c := range map[string]struct {
		ctx  context.Context
		q    *officev1.SetTicketContactRequest
		want fault.Code
	}{
		"another name":    {clerk, &officev1.SetTicketContactRequest{CustomerName: "李"}, fault.Forbidden},
		"another address": {clerk, &officev1.SetTicketContactRequest{Address: "别处"}, fault.Forbidden},
		"a region":        {clerk, &officev1.SetTicketContactRequest{RegionId: b(uuid.New())}, fault.Forbidden},
		"a confirmation":  {clerk, &officev1.SetTicketContactRequest{Confirmed: true}, fault.Forbidden},
		"another shop's": {
			w.as(identity.Grant{Role: identity.Clerk, Scope: identity.ScopeStore, ID: uuid.New()}),
			&officev1.SetTicketContactRequest{CustomerPhone: "13812340002"}, fault.NotFound,
		},
		"a foreign region": {
			w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeRegion, ID: uuid.New()}),
			&officev1.SetTicketContactRequest{CustomerPhone: "13812340002"}, fault.NotFound,
		},
		"no phone number":  {clerk, &officev1.SetTicketContactRequest{CustomerPhone: "12"}, fault.InvalidArgument},
		"the phone number": {clerk, &officev1.SetTicketContactRequest{CustomerPhone: "13812340002"}, ""},
	} {
		c.q.Id = b(id)
		if _, err := s.SetTicketContact(c.ctx, connect.NewRequest(c.q)); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c := w.get(id).GetTicket().GetCustomer(); c.GetPhone() != "13812340002" || c.GetName() != "王女士" {
		t.Errorf("%v", c)
	}
}

func TestACorrectedAddressReachesTheTechnicianWithoutTheOldPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	id := w.open(nil).TicketID
	w.assign(id, p)
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.SetContact(t.Context(), tx, id, ticket.Contact{Address: "南京路1号"}, "user:x")
	})
	var got fieldv1.Ticket
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, id, w.tech(p), &got) || got.GetCustomer().GetAddress() != "南京路1号" ||
		got.GetCustomer().GetPosition() != nil {
		t.Errorf("the phone holds %v", got.GetCustomer())
	}
}

func TestWhatIsGivenBackIsTakenUpByTheRulesAndNotByTheSameTechnician(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(w *world, id, visit uuid.UUID, p *phone){
		"declined": func(w *world, _, visit uuid.UUID, p *phone) {
			p.does("visit.decline", &fieldv1.VisitDecline{VisitId: b(visit), Reason: "ill"}, w.clock(), applied, "")
		},
		"did not come": func(w *world, id, visit uuid.UUID, p *phone) {
			p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, w.clock(), applied, "")
			_, err := w.service().MarkNoShow(w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}),
				connect.NewRequest(&officev1.MarkNoShowRequest{Id: b(id), Reason: "客户来电：没有人来"}))
			if err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			heard, first, second := w.listens(), w.technician("a"), w.technician("b")
			region := uuid.New()
			id := w.open(func(q *ticket.OpenRequest) { q.RegionID = region }).TicketID
			visit := w.assign(id, first)
			w.pass(time.Minute)
			back(w, id, visit, first)
			if len(*heard) != 2 || (*heard)[1] != id {
				t.Errorf("heard %v", *heard)
			}
			if r := w.auto(w.dispatches(first)); r.Assigned != 0 || len(r.Unfit) != 1 || r.Unfit[0].Why.Code != score.Declined {
				t.Errorf("only he is there: %+v", r)
			}
			l := w.listed(&officev1.ListTicketsRequest{Unassignable: true})
			if len(l) != 1 || l[0].GetUnassigned().GetEn() != "no technician in Zhejiang can go: declined, or did not come" {
				t.Errorf("listed %v", l)
			}
			if r := w.auto(w.dispatches(first, second)); r.Assigned != 1 {
				t.Errorf("somebody else: %+v", r)
			}
			got := w.get(id)
			if who := got.GetVisits()[1].GetTechnicianId(); uuid.UUID(who) != second.user || got.GetUnassigned() != nil {
				t.Errorf("%v has it, %v", who, got.GetUnassigned())
			}
			if len(w.listed(&officev1.ListTicketsRequest{Unassignable: true})) != 0 {
				t.Error("it is listed still")
			}
			w.chainHolds(id)
		})
	}
}

func TestANoShowIsOfAVisitThatHasNotReachedTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	id := w.open(nil).TicketID
	noShow := func() error {
		return w.try(func(tx *postgres.Tx) error { return w.tickets.NoShow(t.Context(), tx, id, "x", "user:x") })
	}
	if err := noShow(); fault.CodeOf(err) != fault.StateForbids {
		t.Errorf("nobody was to come: %v", err)
	}
	visit := w.assign(id, p)
	at := w.pass(time.Minute)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, at, applied, "")
	p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, at, applied, "")
	if err := noShow(); fault.CodeOf(err) != fault.StateForbids {
		t.Errorf("he is at the door: %v", err)
	}
}

func TestTwoReplicasAssignATicketOnceAndLeaveOneAtWorkToItsDispatcher(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, c := w.technician("a"), w.technician("c")
	board, region := w.dispatches(a), uuid.New()
	var ids []uuid.UUID
	for range 30 {
		ids = append(ids, w.open(func(q *ticket.OpenRequest) { q.RegionID = region }).TicketID)
	}
	var wg sync.WaitGroup
	err := w.try(func(tx *postgres.Tx) error {
		// A dispatcher is about to give the first to somebody else.
		if err := w.tickets.Assign(t.Context(), tx,
			ticket.AssignRequest{TicketID: ids[0], TechnicianID: c.user, Actor: "user:x", Way: "office"}); err != nil {
			return err
		}
		for range 3 {
			wg.Go(func() {
				if _, err := board.Give(t.Context(), uuid.UUID(w.org), ids, "system:dispatch"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait() // the rules wait for nobody
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.auto(board)
	for i, id := range ids {
		as := w.get(id).GetAssignments()
		want := a.user
		if i == 0 {
			want = c.user
		}
		if len(as) != 1 || uuid.UUID(as[0].GetTechnicianId()) != want {
			t.Errorf("%d: %v", i, as)
		}
	}
}
