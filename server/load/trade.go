package load

import (
	"sync"

	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
)

// Nothing is the trade of phones that only read.
type Nothing struct{}

// Keep implements Trade.
func (Nothing) Keep(string, change.Kind) bool { return false }

// Arrive implements Trade.
func (Nothing) Arrive(*Phone, Entry) (Mark, bool) { return Mark{}, false }

// Next implements Trade.
func (Nothing) Next(*Phone, int) []Mutation { return nil }

const (
	visitKind = change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT)
	poolKind  = change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET)
)

// Visits is the trade of technicians at work: each takes up the visits given to him, travels, arrives, and then
// goes on a break and comes back for as long as the load wants. Each step is a real change of status, with its
// trail, its SLA and its entries.
type Visits struct {
	mu     sync.Mutex
	phones map[int]*rounds
}

// rounds are a phone's visits in turn.
type rounds struct {
	visits []visit
	turn   int
}

type visit struct {
	id    Mark
	state fieldv1.VisitState
}

// Keep implements Trade.
func (*Visits) Keep(_ string, kind change.Kind) bool { return kind == visitKind }

// Arrive implements Trade. A phone that works alone on its visits knows their state better than the office, so
// only what is new is learnt.
func (t *Visits) Arrive(p *Phone, e Entry) (Mark, bool) {
	if e.Removed {
		return Mark{}, false
	}
	var v fieldv1.Visit
	if proto.Unmarshal(e.Body, &v) != nil {
		return Mark{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phones == nil {
		t.phones = map[int]*rounds{}
	}
	r := t.phones[p.N]
	if r == nil {
		r = &rounds{}
		t.phones[p.N] = r
	}
	for _, known := range r.visits {
		if known.id == e.ID {
			return Mark{}, false
		}
	}
	r.visits = append(r.visits, visit{e.ID, v.GetState()})
	return Mark{}, false
}

// Next implements Trade.
func (t *Visits) Next(p *Phone, n int) (out []Mutation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.phones[p.N]
	if r == nil {
		return nil
	}
	for range n {
		for range r.visits {
			v := &r.visits[r.turn%len(r.visits)]
			r.turn++
			if m, ok := v.step(); ok {
				out = append(out, m)
				break
			}
		}
	}
	return out
}

// step is the next thing to do on a visit; none on one that is over.
func (v *visit) step() (Mutation, bool) {
	id := v.id[:]
	var kind string
	var args proto.Message
	switch v.state {
	case fieldv1.VisitState_VISIT_STATE_DISPATCHED:
		kind, args, v.state = "visit.accept", &fieldv1.VisitAccept{VisitId: id}, fieldv1.VisitState_VISIT_STATE_ACCEPTED
	case fieldv1.VisitState_VISIT_STATE_ACCEPTED:
		kind, args, v.state = "visit.travel", &fieldv1.VisitTravel{VisitId: id}, fieldv1.VisitState_VISIT_STATE_TRAVELING
	case fieldv1.VisitState_VISIT_STATE_TRAVELING:
		kind, args, v.state = "visit.arrive", &fieldv1.VisitArrive{VisitId: id}, fieldv1.VisitState_VISIT_STATE_ON_SITE
	case fieldv1.VisitState_VISIT_STATE_ON_SITE:
		kind, args, v.state = "visit.break", &fieldv1.VisitBreak{VisitId: id}, fieldv1.VisitState_VISIT_STATE_ON_BREAK
	case fieldv1.VisitState_VISIT_STATE_ON_BREAK:
		kind, args, v.state = "visit.resume", &fieldv1.VisitResume{VisitId: id}, fieldv1.VisitState_VISIT_STATE_ON_SITE
	default:
		return Mutation{}, false
	}
	b, err := proto.Marshal(args)
	return Mutation{Kind: kind, Args: b}, err == nil
}

// Claims is the trade of a team that takes tickets out of its pool: each claim is seen by every phone of the team.
type Claims struct {
	// Phones is how many see each claim.
	Phones int

	mu   sync.Mutex
	free []Mark
	seen map[Mark]bool
}

// Keep implements Trade.
func (*Claims) Keep(_ string, kind change.Kind) bool { return kind == poolKind }

// Arrive implements Trade: a ticket that left the pool is the sign of its claim.
func (t *Claims) Arrive(_ *Phone, e Entry) (Mark, bool) {
	if e.Removed {
		return e.ID, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[Mark]bool{}
	}
	if !t.seen[e.ID] {
		t.seen[e.ID] = true
		t.free = append(t.free, e.ID)
	}
	return Mark{}, false
}

// Next implements Trade.
func (t *Claims) Next(_ *Phone, n int) (out []Mutation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for ; n > 0 && len(t.free) > 0; n-- {
		id := t.free[0]
		t.free = t.free[1:]
		b, err := proto.Marshal(&fieldv1.ClaimPoolTicket{TicketId: id[:]})
		if err != nil {
			return out
		}
		out = append(out, Mutation{Kind: "pool.claim", Args: b, Mark: id, Witnesses: t.Phones})
	}
	return out
}
