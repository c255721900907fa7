package synctest

import (
	"container/heap"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// sim is one simulation: phones, replicas and a network in virtual time around one store. One event happens
// after the other, so the same plan always gives the same history.
type sim[T intake.Tx] struct {
	ctx      context.Context
	plan     Plan
	store    Store[T]
	org      change.Org
	elapsed  time.Duration
	queue    queue
	queued   int
	history  History
	replicas []*replica[T]
	phones   []*handset[T]
	backup   func(context.Context) error
	backedUp time.Duration
	// skew is that of the replica that works at this moment.
	skew time.Duration
	// rotten: some phone's disk has lost something.
	rotten bool
	// epoch counts restores: a message does not outlive one.
	epoch                         int
	made, devices, commits, views int
	intrusions                    int
	items                         map[uuid.UUID]Item
	heads                         map[change.FeedID]change.Seq
	follows                       map[change.User][]change.FeedID
	topics                        []string
	healed                        bool
	err                           error
	met                           map[message]bool
}

// dawn is when every simulation begins.
var dawn = time.Date(2026, 11, 11, 7, 0, 0, 0, time.UTC)

// retention is how long tombstones are kept.
const retention = 90 * 24 * time.Hour

// keep is for how long phones hold what they sent, by the server's word; no backup is restored that is as old but for
// spare.
const keep, spare = 3 * 24 * time.Hour, 24 * time.Hour

// peace is how long phones and office have in the end, without faults, to find one another by themselves.
const peace = 2 * time.Hour

// everybody follows all feeds, so that the simulator sees their heads.
var everybody = change.User(numbered(9, 1))

// numbered is the n-th id of a kind.
func numbered(kind byte, n int) (u uuid.UUID) {
	u[0], u[6], u[8] = kind, 0x70, 0x80
	binary.BigEndian.PutUint32(u[12:], uint32(n))
	return u
}

// Clock is a simulation's time, for the store.
type Clock func() time.Time

// Simulate runs a plan on a new store and returns what happened. The error is of the store or the simulator
// itself; what the engine does wrong is for Check to find.
func Simulate[T intake.Tx](ctx context.Context, plan Plan, open func(Clock) Store[T]) (History, []message, error) {
	s := &sim[T]{
		ctx: ctx, plan: plan, org: change.Org(uuid.New()), items: map[uuid.UUID]Item{}, heads: map[change.FeedID]change.Seq{},
		follows: map[change.User][]change.FeedID{}, met: map[message]bool{},
	}
	s.store = open(func() time.Time { return s.now().Add(s.skew) })
	s.set()
	for _, a := range plan.Actions {
		s.at(a.At, func() { s.act(a) })
	}
	end := time.Duration(0)
	for _, a := range plan.Actions {
		end = max(end, a.At)
	}
	s.run(end + time.Minute)
	s.heal()
	s.run(s.elapsed + peace)
	s.add(Rested{})
	s.audit()
	var met []message
	for m := range s.met {
		met = append(met, m)
	}
	slices.SortFunc(met, func(a, b message) int { return (a.phone-b.phone)<<32 + a.number - b.number })
	return s.history, met, s.err
}

func (s *sim[T]) now() time.Time { return dawn.Add(s.elapsed) }

func (s *sim[T]) add(what any) { s.history = append(s.history, Event{s.elapsed, what}) }

func (s *sim[T]) note(format string, args ...any) { s.add(Noted{fmt.Sprintf(format, args...)}) }

func (s *sim[T]) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *sim[T]) item(n int) uuid.UUID   { return numbered(1, n) }
func (s *sim[T]) user(n int) change.User { return change.User(numbered(2, n+1)) }

func (s *sim[T]) fate(m message) fate {
	f := s.plan.fate(m)
	if s.healed {
		f = fate{there: 50 * time.Millisecond, back: 50 * time.Millisecond, count: 50, replica: f.replica}
	}
	if f.bad() {
		s.met[m] = true
	}
	return f
}

// state is a snapshot's, past all faults.
func (s *sim[T]) state(d change.Device, u change.User) (st feed.State, err error) {
	err = s.store.Snapshot(s.ctx, s.org, d, u, func(snap feed.Snapshot) (err error) {
		st, err = snap.State(s.ctx)
		return err
	})
	return st, err
}

// set puts up replicas, people, phones and items.
func (s *sim[T]) set() {
	for n := range s.plan.Replicas {
		r := &replica[T]{Store: s.store, sim: s, number: n}
		r.intake = &intake.Intake[T]{
			Store: r, Mutators: Mutators[T](r), MaxAhead: 10 * time.Minute, Now: func() time.Time { return s.now().Add(r.skew) },
			Signer:   change.Ed25519Signer{KeyID: "test", Key: ed25519.NewKeyFromSeed(make([]byte, 32))},
			Panicked: func(change.Mutation, any, []byte) {},
		}
		delete(r.intake.Mutators, "sing") // until it is upgraded
		s.replicas = append(s.replicas, r)
		r.start()
	}
	all := []change.FeedID{All, Pool, FeedOf(uuid.Nil)}
	for n := range s.plan.Users {
		all = append(all, FeedOf(uuid.UUID(s.user(n))))
	}
	s.subscribe(everybody, all...)
	for n := range s.plan.Users {
		s.subscribe(s.user(n), FeedOf(uuid.UUID(s.user(n))), All, Pool)
	}
	for n := range s.plan.Items {
		s.change(0, s.item(n), func(i *Item) { i.Holder = uuid.UUID(s.user(n % s.plan.Users)) })
	}
	for n := range s.plan.Phones {
		p := &handset[T]{
			Phone: NewPhone(s.user(n % s.plan.Users)), sim: s, number: n,
			sent: map[change.Device][]change.Mutation{},
		}
		s.devices++
		p.Device, p.PageBytes = change.Device(numbered(4, s.devices)), []int{1, 300, 1000, 100_000}[n%4]
		s.phones = append(s.phones, p)
		p.round()
	}
}

// subscribe sets a user's feeds by the office's hand.
func (s *sim[T]) subscribe(u change.User, feeds ...change.FeedID) {
	r := s.replicas[0]
	// may fail as the plan says
	_ = r.Transact(s.ctx, s.org, func(tx T) error { return r.Subscribe(s.ctx, tx, u, feeds...) })
	s.followed(u)
}

func (s *sim[T]) followed(u change.User) {
	st, err := s.state(change.Device{}, u)
	s.fail(err)
	var feeds []change.FeedID
	for _, h := range st.Heads {
		feeds = append(feeds, h.Feed)
	}
	if u != everybody && !slices.Equal(feeds, s.follows[u]) {
		s.follows[u] = feeds
		s.add(Followed{u, feeds})
	}
}

// change alters an item by the office's hand.
func (s *sim[T]) change(replica int, id uuid.UUID, fn func(*Item)) {
	r := s.replicas[replica]
	_ = r.Transact(s.ctx, s.org, func(tx T) error { return Change[T](s.ctx, r, tx, id, fn) }) // may fail as the plan says
}

// both writes two items of different feeds in one transaction.
func (s *sim[T]) both(replica, a, b int, holder change.User) {
	r := s.replicas[replica]
	_ = r.Transact(s.ctx, s.org, func(tx T) error { // may fail as the plan says
		err := Change[T](s.ctx, r, tx,
			s.item(a), func(i *Item) { i.Holder, i.Pool, i.Shared = uuid.UUID(holder), false, !i.Shared })
		if err != nil || a == b {
			return err
		}
		return Change[T](s.ctx, r, tx, s.item(b), func(i *Item) { i.Count += 0; i.Shared = true })
	})
}

// intrude commits while another reads.
func (s *sim[T]) intrude() {
	if s.intrusions >= maxIntrusions {
		return // each is news for everybody, who reads and is intruded upon
	}
	s.intrusions++
	n := s.intrusions
	s.both(n%len(s.replicas), n%s.plan.Items, (n+1)%s.plan.Items, s.user(n%s.plan.Users))
}

// act does one action of the plan.
func (s *sim[T]) act(a Action) {
	p, r := s.phones[a.Phone], s.replicas[a.Replica]
	switch a.Kind {
	case "do":
		p.do(a)
	case "give":
		s.change(a.Replica, s.item(a.Item), func(i *Item) { i.Holder, i.Pool = uuid.UUID(s.user(a.User)), false })
	case "both":
		s.both(a.Replica, a.Item, a.Other, s.user(a.User))
	case "offer":
		s.change(a.Replica, s.item(a.Item), func(i *Item) { i.Holder, i.Pool = uuid.Nil, true })
	case "offline":
		p.goOffline(a.For)
	case "crash phone":
		p.writesLeft = a.Step
	case "crash", "flake":
		r.step, r.after, r.dies = a.Verb, a.Step, a.Kind == "crash"
	case "rights":
		own := FeedOf(uuid.UUID(s.user(a.User)))
		sets := [][]change.FeedID{{own, All, Pool}, {own}, {All}, {own, Pool}, {}, {own, All}}
		s.subscribe(s.user(a.User), sets[a.Step%len(sets)]...)
	case "clock":
		p.skew = time.Duration(a.Step-3) * a.For
	case "skew": // replicas an hour apart
		r.skew = time.Duration(a.Step-3) * 20 * time.Minute
		s.note("replica %d is %s ahead", a.Replica, r.skew)
	case "disk":
		p.rot()
	case "full":
		p.fill(a.For)
	case "goodbye":
		for _, q := range s.phones {
			if q.streamOf == r {
				q.cutStream()
			}
		}
	case "storm":
		for _, q := range s.phones {
			q.cutStream()
			q.round()
		}
	case "deaf":
		r.deaf, r.missed = true, true
		s.after(a.For, func() { r.deaf = false; r.sweepSoon() })
	case "collect":
		if _, err := s.store.Collect(s.ctx, s.org, s.now().Add(-retention)); err != nil {
			s.fail(err)
		}
		s.add(Lost{"tombstones are collected"})
	case "revoke":
		s.add(Revoked{a.Phone})
		p.revoked = true
		p.cutStream()
		p.round()
	case "replace":
		p.replace()
	case "backup":
		restore, err := s.store.Backup(s.ctx, s.org)
		s.fail(err)
		s.backup, s.backedUp = restore, s.elapsed
		s.add(Saved{})
	case "restore":
		s.restore()
	case "upgrade":
		r.intake.Mutators["sing"] = r.intake.Mutators["note"]
		s.note("replica %d is upgraded", a.Replica)
		r.die(time.Second)
	}
}

// restore puts the database back to the backup while no server runs.
func (s *sim[T]) restore() {
	if s.backup == nil || s.elapsed-s.backedUp > keep-spare {
		return // phones may have forgotten what it lacks
	}
	for _, r := range s.replicas {
		r.die(time.Minute)
	}
	s.epoch++
	s.fail(s.backup(s.ctx))
	s.fail(s.store.NewGeneration(s.ctx))
	s.add(Restored{})
	s.heads = map[change.FeedID]change.Seq{}
	s.observe(s.replicas[0], false)
	for n := range s.plan.Users {
		s.followed(s.user(n))
	}
}

// heal ends all faults.
func (s *sim[T]) heal() {
	s.note("from here on all is well")
	s.healed = true
	for _, r := range s.replicas {
		r.deaf, r.step, r.skew = false, "", 0
		r.missed = true
		r.sweepSoon()
	}
	for _, p := range s.phones {
		p.skew, p.writesLeft, p.full = 0, 0, false
		if p.offline {
			p.offline = false
			p.round()
		}
	}
	if s.rotten {
		s.after(time.Minute, s.touch)
	}
}

// touch changes every feed: a phone compares a feed's digest when it has changed.
func (s *sim[T]) touch() {
	const fresh = 1000 // numbers that no item of a plan has
	for n := range s.plan.Users {
		s.change(0, s.item(fresh+n), func(i *Item) { i.Holder, i.Shared = uuid.UUID(s.user(n)), true })
	}
	s.change(0, s.item(fresh+s.plan.Users), func(i *Item) { i.Pool = true })
}

// audit sends again all that was ever sent: each answer must be the first one.
func (s *sim[T]) audit() {
	r := s.replicas[0]
	for _, p := range s.phones {
		p.keepSent()
		for n := 1; n <= s.devices; n++ {
			d := change.Device(numbered(4, n))
			ms, ok := p.sent[d]
			if !ok {
				continue
			}
			var verdicts []change.Verdict
			var err error
			if len(ms) > 0 {
				push := intake.Push{Org: s.org, Device: d, User: p.User, Mutations: ms}
				if p.revoked {
					push.ParkAll = fault.DeviceRevoked
				}
				r.device = d
				verdicts, err = r.intake.Take(s.ctx, push)
			}
			s.add(Audited{p.number, d, verdicts, err})
		}
	}
	parked, err := s.store.Parked(s.ctx, s.org)
	s.fail(err)
	s.add(Ended{parked})
}

const maxIntrusions = 30

// maxEvents ends a simulation in which phones and office never come to rest.
const maxEvents = 30_000

// run lets everything happen up to a time.
func (s *sim[T]) run(until time.Duration) {
	for n := 0; len(s.queue) > 0 && s.queue[0].at <= until; n++ {
		if n > maxEvents || s.ctx.Err() != nil {
			s.add(Broke{Converges, "it never comes to rest"})
			return
		}
		e := heap.Pop(&s.queue).(queued)
		s.elapsed = max(s.elapsed, e.at)
		e.do()
		for _, p := range s.phones {
			p.listen()
		}
	}
	s.elapsed = max(s.elapsed, until)
}

func (s *sim[T]) at(t time.Duration, do func()) {
	s.queued++
	heap.Push(&s.queue, queued{t, s.queued, do})
}

func (s *sim[T]) after(d time.Duration, do func()) { s.at(s.elapsed+d, do) }

// queue is what is to happen, by time and then by the order in which it was put there.
type queue []queued

type queued struct {
	at time.Duration
	n  int
	do func()
}

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || (q[i].at == q[j].at && q[i].n < q[j].n)
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(queued)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
