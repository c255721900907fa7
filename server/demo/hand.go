package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Hand makes the day move: orders come in, technicians accept, travel, arrive, finish with photos and signature,
// claim from the pools, the office approves. Technicians act through the real intake and the real uploads, like
// phones; the visitors' technicians are left alone.
type Hand struct {
	Rooms app.Rooms
	Org   uuid.UUID
	Log   *slog.Logger
	// Pause waits between two actions; nil waits four seconds, more or less. An error ends the run.
	Pause func(ctx context.Context) error

	random *rand.Rand
	staff  map[uuid.UUID]int
	people []tech
	phones map[uuid.UUID]*phone
}

// Run acts until ctx ends. What goes wrong is logged and tried again later: a demonstration does not stop.
func (h *Hand) Run(ctx context.Context) {
	h.begin()
	for {
		pause := h.Pause
		if pause == nil {
			pause = h.breathe
		}
		if pause(ctx) != nil {
			return
		}
		if err := h.Act(ctx); err != nil && ctx.Err() == nil {
			h.Log.WarnContext(ctx, "the demo's hand", "error", err)
		}
	}
}

func (h *Hand) breathe(ctx context.Context) error {
	t := time.NewTimer(2*time.Second + time.Duration(h.random.IntN(4000))*time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (h *Hand) begin() {
	if h.random != nil {
		return
	}
	h.random = rand.New(rand.NewPCG(seed, uint64(h.Rooms.Store.Now().UnixNano()))) //nolint:gosec // invented, not secret
	h.people, h.staff, h.phones = staff(), map[uuid.UUID]int{}, map[uuid.UUID]*phone{}
	for n, t := range h.people {
		h.staff[t.id] = n
	}
}

// Act does one thing.
func (h *Hand) Act(ctx context.Context) error {
	h.begin()
	switch n := h.random.IntN(100); {
	case n < 18:
		return h.order(ctx)
	case n < 28:
		return h.approve(ctx)
	case n < 40:
		return h.claim(ctx)
	default:
		return h.advance(ctx)
	}
}

// order takes a new order in; its ticket goes to the pool, to somebody by the rules, or waits.
func (h *Hand) order(ctx context.Context) error {
	now := h.Rooms.Store.Now()
	region := h.random.IntN(len(regions))
	p := purchase(daySource, "N"+uuid.NewString()[:13], now, region, h.random.IntN(len(classes)), h.random)
	p.WantedFrom = now.Truncate(time.Hour).Add(time.Duration(1+h.random.IntN(4)) * time.Hour)
	p.WantedTo = p.WantedFrom.Add(2 * time.Hour)
	lot := h.random.IntN(10)
	err := h.within(ctx, func(tx *postgres.Tx) error {
		t, err := h.Rooms.Order.Take(ctx, tx, p)
		if err != nil || lot > 3 {
			return err
		}
		return h.Rooms.Ticket.Offer(ctx, tx, t.Lines[0].Tickets[0], teamOf(region, lot*len(regions)), actor)
	})
	if err != nil || lot <= 3 || lot == 9 {
		return err
	}
	_, err = h.Rooms.Dispatch.Auto(ctx, h.Org, 3, id("region", regions[region].key), actor)
	return err
}

// approve accepts the oldest completed ticket of those listed.
func (h *Hand) approve(ctx context.Context) error {
	list, err := h.list(ctx, state.Completed)
	if err != nil || len(list) == 0 {
		return err
	}
	return h.within(ctx, func(tx *postgres.Tx) error {
		return h.Rooms.Ticket.Approve(ctx, tx, uuid.UUID(list[len(list)-1].GetId()), "user:"+id("user", "super").String())
	})
}

// claim lets a technician take a ticket out of a pool. Pools of the visitors' teams are touched rarely.
func (h *Hand) claim(ctx context.Context) error {
	list, err := h.list(ctx, state.New)
	if err != nil {
		return err
	}
	h.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, t := range list {
		if len(t.GetTeamId()) == 0 || len(t.GetTechnicianId()) > 0 {
			continue
		}
		for n, who := range h.people {
			team := teamOf(who.region, n)
			if team != uuid.UUID(t.GetTeamId()) || who.guest || h.random.IntN(3) > 0 || who.region < guests &&
				h.random.IntN(5) > 0 {
				continue
			}
			return h.does(ctx, who.id, func(p *phone) error {
				return p.do("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: t.GetId()}, h.Rooms.Store.Now())
			})
		}
	}
	return nil
}

// advance brings one technician's job one step further.
func (h *Hand) advance(ctx context.Context) error {
	list, err := h.list(ctx, state.New, state.InProgress)
	if err != nil {
		return err
	}
	h.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if h.random.IntN(3) > 0 { // mostly what was begun is brought on, so that jobs are finished all the time
		slices.SortStableFunc(list,
			func(a, b *officev1.TicketSummary) int { return int(b.GetVisitState()) - int(a.GetVisitState()) })
	}
	for _, t := range list {
		who, err := uuid.FromBytes(t.GetTechnicianId())
		if err != nil {
			continue // nobody has it
		}
		n, ours := h.staff[who]
		if !ours || h.people[n].guest || !slices.Contains(moving, t.GetVisitState()) {
			continue
		}
		return h.step(ctx, who, t)
	}
	return nil
}

// moving are the states that a technician brings on.
var moving = []fieldv1.VisitState{
	fieldv1.VisitState_VISIT_STATE_DISPATCHED, fieldv1.VisitState_VISIT_STATE_ACCEPTED,
	fieldv1.VisitState_VISIT_STATE_TRAVELING, fieldv1.VisitState_VISIT_STATE_ON_SITE,
}

func (h *Hand) step(ctx context.Context, who uuid.UUID, t *officev1.TicketSummary) error {
	var full *officev1.GetTicketResponse
	err := h.Rooms.Store.Read(ctx, change.Org(h.Org), func(tx *postgres.Tx) (err error) {
		full, err = h.Rooms.Ticket.Get(ctx, tx, uuid.UUID(t.GetId()), ticket.Reach{All: true}, true)
		return err
	})
	if err != nil || len(full.GetVisits()) == 0 {
		return err
	}
	visit := full.GetVisits()[len(full.GetVisits())-1]
	v, now := visit.GetId(), h.Rooms.Store.Now()
	switch visit.GetState() {
	case fieldv1.VisitState_VISIT_STATE_DISPATCHED:
		return h.does(ctx, who, func(p *phone) error {
			if h.random.IntN(20) == 0 {
				return p.do("visit.decline", &fieldv1.VisitDecline{VisitId: v, Reason: "schedule_full"}, now)
			}
			return p.do("visit.accept", &fieldv1.VisitAccept{VisitId: v}, now)
		})
	case fieldv1.VisitState_VISIT_STATE_ACCEPTED:
		return h.does(ctx, who, func(p *phone) error { return p.do("visit.travel", &fieldv1.VisitTravel{VisitId: v}, now) })
	case fieldv1.VisitState_VISIT_STATE_TRAVELING:
		return h.does(ctx, who, func(p *phone) error {
			return p.do("visit.arrive", &fieldv1.VisitArrive{VisitId: v, Position: full.GetTicket().GetCustomer().GetPosition()},
				now)
		})
	case fieldv1.VisitState_VISIT_STATE_ON_SITE:
		return h.finish(ctx, who, full, uuid.UUID(v))
	}
	return nil
}

// finish fills in the checklist, takes the photos, collects the signature, completes, and sends the photos.
func (h *Hand) finish(ctx context.Context, who uuid.UUID, full *officev1.GetTicketResponse, visit uuid.UUID) error {
	class := -1
	for n, c := range classes {
		if cid := id("class", c.key); string(cid[:]) == string(full.GetTicket().GetClassId()) {
			class = n
		}
	}
	if class < 0 {
		return nil // of a class that a visitor made: theirs to finish
	}
	now := h.Rooms.Store.Now()
	j := job{visit: visit, class: class}
	photos := []photo{}
	for _, step := range []struct {
		key  string
		kind fieldv1.ProofKind
	}{{"plate", fieldv1.ProofKind_PROOF_KIND_SERIAL_PLATE}, {"after", fieldv1.ProofKind_PROOF_KIND_AFTER}} {
		s, err := snap(step.key, step.kind, h.random)
		if err != nil {
			return err
		}
		photos = append(photos, s)
	}
	err := h.does(ctx, who, func(p *phone) error {
		if err := p.answers(j, h.random, now); err != nil {
			return err
		}
		if err := p.extras(j, h.random, now); err != nil {
			return err
		}
		for _, s := range photos {
			if err := p.do("proof.attach", s.manifest(visit), now); err != nil {
				return err
			}
		}
		if err := p.sign(j, full.GetTicket().GetCustomer().GetName(), h.random, now); err != nil {
			return err
		}
		return p.do("visit.complete", &fieldv1.VisitComplete{VisitId: visit[:]}, now)
	})
	if err != nil {
		return err
	}
	for _, s := range photos {
		if err := s.send(ctx, h.Rooms, h.Org, who); err != nil {
			return err
		}
	}
	return nil
}

// does lets a technician's phone queue something and push it. A verdict against him is part of the play: somebody
// was faster, or the office changed the job meanwhile.
func (h *Hand) does(ctx context.Context, who uuid.UUID, queue func(*phone) error) error {
	p := h.phones[who]
	if p == nil {
		p = newPhone(h.Rooms, h.Org, who)
		h.phones[who] = p
	}
	if err := queue(p); err != nil {
		return err
	}
	problems, err := p.push(ctx)
	if err != nil {
		delete(h.phones, who) // a new phone next time: nobody knows what of the queue arrived
		return err
	}
	if len(problems) > 0 {
		return fault.New(fault.Conflict, "%s", fmt.Sprint(problems))
	}
	return nil
}

func (h *Hand) list(ctx context.Context, states ...state.Ticket) (list []*officev1.TicketSummary, err error) {
	err = h.Rooms.Store.Read(ctx, change.Org(h.Org), func(tx *postgres.Tx) error {
		list, err = h.Rooms.Ticket.List(ctx, tx, ticket.Filter{States: states, Limit: 200, Reach: ticket.Reach{All: true}})
		return err
	})
	return list, err
}

func (h *Hand) within(ctx context.Context, fn func(*postgres.Tx) error) error {
	return h.Rooms.Store.Transact(ctx, change.Org(h.Org), fn)
}
