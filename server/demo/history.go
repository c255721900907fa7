package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// seed decides all that is drawn by lot.
const seed = 20261123

// history tells the days before the first, each the way it would have happened: orders come in, the office assigns,
// technicians work without a network and push in the evening, the office approves.
type history struct {
	demo   *Demo
	first  time.Time
	random *rand.Rand
	staff  []tech
	phones map[uuid.UUID]*phone
	next   map[string]int // whose turn it is, by region and class
}

func newHistory(d *Demo, first time.Time) *history {
	return &history{
		demo: d, first: first, random: rand.New(rand.NewPCG(seed, 0)), staff: staff(), //nolint:gosec // invented, not secret
		phones: map[uuid.UUID]*phone{}, next: map[string]int{},
	}
}

func pastNumber(day, n int) string { return fmt.Sprintf("H%02d-%03d", day+1, n+1) }

// work is one job of a day.
type work struct {
	purchase order.Purchase
	tech     tech
	class    int
	begin    time.Time
	ticket   uuid.UUID
	visit    uuid.UUID
	fails    bool
	draw     uint64 // the job's own lot
}

// day makes one day and returns how many tickets it has.
func (h *history) day(ctx context.Context, day int) (int, error) {
	d := h.demo
	date := h.first.AddDate(0, 0, day)
	list := make([]*work, d.PerDay)
	busy := map[uuid.UUID]int{}
	for n := range list {
		w := &work{class: h.random.IntN(len(classes)), draw: h.random.Uint64(), fails: h.random.IntN(30) == 0}
		region := n % len(regions)
		w.tech = h.turn(region, w.class)
		w.begin = date.Add(8*time.Hour + time.Duration(busy[w.tech.id])*150*time.Minute +
			time.Duration(h.random.IntN(40))*time.Minute)
		busy[w.tech.id]++
		w.purchase = purchase(pastSource, pastNumber(day, n),
			date.AddDate(0, 0, -1).Add(time.Duration(9*60+h.random.IntN(600))*time.Minute), region, w.class, h.random)
		w.purchase.WantedFrom, w.purchase.WantedTo = w.begin, w.begin.Add(3*time.Hour)
		list[n] = w
	}
	d.clock.set(date.Add(6 * time.Hour))
	if err := d.within(ctx, func(tx *postgres.Tx) error { return h.morning(ctx, tx, list) }); err != nil {
		return 0, err
	}
	d.clock.set(date.Add(23 * time.Hour))
	if err := h.evening(ctx, list); err != nil {
		return 0, err
	}
	// Of the last two days much waits for its approval yet.
	approve := func(n int) bool { return day < d.Days-2 || n%3 == 0 }
	return len(list), d.within(ctx, func(tx *postgres.Tx) error {
		for n, w := range list {
			if w.fails || !approve(n) {
				continue
			}
			if err := d.rooms.Ticket.Approve(ctx, tx, w.ticket, "user:"+id("user", "super").String()); err != nil &&
				fault.CodeOf(err) != fault.StateForbids {
				return err
			}
		}
		_, err := d.rooms.Ticket.Archive(ctx, tx, d.clock.Now().AddDate(0, 0, -3), 1000)
		return err
	})
}

// turn is whose turn it is among those of a region who can do a class.
func (h *history) turn(region, class int) tech {
	var able []tech
	for _, t := range h.staff {
		if t.region == region && t.can(classes[class]) {
			able = append(able, t)
		}
	}
	key := fmt.Sprint(region, "/", len(able), able[0].id)
	h.next[key]++
	return able[h.next[key]%len(able)]
}

// morning takes the orders in and assigns their tickets.
func (h *history) morning(ctx context.Context, tx *postgres.Tx, list []*work) error {
	rooms := h.demo.rooms
	for _, w := range list {
		t, err := rooms.Order.Take(ctx, tx, w.purchase)
		if err != nil {
			return err
		}
		w.ticket = t.Lines[0].Tickets[0]
		full, err := rooms.Ticket.Get(ctx, tx, w.ticket, ticket.Reach{All: true}, false)
		if err != nil {
			return err
		}
		if len(full.GetVisits()) == 0 { // else a call that was broken off has come this far
			err = rooms.Ticket.Assign(ctx, tx, ticket.AssignRequest{
				TicketID: w.ticket, TechnicianID: w.tech.id, Scheduled: state.Window{From: w.begin, To: w.begin.Add(2 * time.Hour)},
				Actor: "user:" + id("user", "dispatch").String(),
				Way:   "office", ReasonZH: "技能匹配，同大区，当日有空", ReasonEN: "has the skills, same region, free that day",
			})
			if err != nil {
				return err
			}
			if full, err = rooms.Ticket.Get(ctx, tx, w.ticket, ticket.Reach{All: true}, false); err != nil {
				return err
			}
		}
		w.visit = firstVisit(full)
	}
	return nil
}

// firstVisit is the one that the technician of the past worked through.
func firstVisit(t *officev1.GetTicketResponse) uuid.UUID {
	for _, v := range t.GetVisits() {
		if v.GetOrdinal() == 1 {
			return uuid.UUID(v.GetId())
		}
	}
	return uuid.Nil
}

// evening pushes what the technicians did all day without a network.
func (h *history) evening(ctx context.Context, list []*work) error {
	at := map[uuid.UUID][]*work{}
	var order []uuid.UUID
	for _, w := range list {
		if at[w.tech.id] == nil {
			order = append(order, w.tech.id)
		}
		at[w.tech.id] = append(at[w.tech.id], w)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for _, t := range order {
		p := h.phones[t]
		if p == nil {
			p = pastPhone(h.demo.rooms, h.demo.org.ID, t)
			h.phones[t] = p
		}
		g.Go(func() error {
			for _, w := range at[t] {
				if err := w.done(p); err != nil {
					return err
				}
			}
			problems, err := p.push(ctx)
			if err == nil && len(problems) > 0 {
				err = fault.New(fault.Internal, "the demo's history does not fit the rules: %s", problems[0])
			}
			return err
		})
	}
	return g.Wait()
}

// done queues what a technician did on a job, from accepting to the signature.
func (w *work) done(p *phone) error {
	r := rand.New(rand.NewPCG(seed, w.draw)) //nolint:gosec // invented, not secret
	j := job{visit: w.visit, class: w.class}
	v := w.visit[:]
	begin := w.begin
	if err := p.do("visit.accept", &fieldv1.VisitAccept{VisitId: v}, begin.Add(-time.Hour)); err != nil {
		return err
	}
	if err := p.do("visit.travel", &fieldv1.VisitTravel{VisitId: v},
		begin.Add(-time.Duration(15+r.IntN(20))*time.Minute)); err != nil {
		return err
	}
	if err := p.do("visit.arrive", &fieldv1.VisitArrive{VisitId: v}, begin); err != nil {
		return err
	}
	if w.fails {
		return p.do("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: v, Reason: "site_not_ready", Note: "水电未通"},
			begin.Add(15*time.Minute))
	}
	spent := time.Duration(classes[w.class].minutes) * time.Minute * time.Duration(60+r.IntN(60)) / 100
	if err := p.answers(j, r, begin.Add(spent/2)); err != nil {
		return err
	}
	if err := p.extras(j, r, begin.Add(spent*2/3)); err != nil {
		return err
	}
	if err := p.sign(j, w.purchase.Customer.Name, r, begin.Add(spent-time.Minute)); err != nil {
		return err
	}
	return p.do("visit.complete", &fieldv1.VisitComplete{VisitId: v}, begin.Add(spent))
}
