package synctest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

const revokedCode = fault.DeviceRevoked

var errNoAnswer = errors.New("synctest: no answer")

// handset is a phone within a simulation: the Phone is its disk, the rest is gone after a crash.
type handset[T intake.Tx] struct {
	*Phone
	sim      *sim[T]
	number   int
	all      []change.Mutation // all that was ever made here, for the audit
	sent     map[change.Device][]change.Mutation
	skew     time.Duration
	revoked  bool
	wiped    bool
	offline  bool
	messages int
	resets   int

	// A round is pushing and pulling; pending is the message it waits for.
	busy, again bool
	pending     int
	gapped      uint64
	repairs     int
	failures    int
	stream      *watch.Subscription
	streamOf    *replica[T]
	// guess is the cursor that streamOf believes this phone to hold.
	guess change.Cursor
	// writesLeft counts the durable writes until the phone crashes; 0 never.
	writesLeft int
	// full: nothing can be written.
	full bool
}

// do captures what a person does.
func (p *handset[T]) do(a Action) {
	s := p.sim
	if p.wiped {
		return
	}
	if p.full {
		s.note("phone %d says that it cannot keep it", p.number)
		return
	}
	args := Args{Item: s.item(a.Item), Other: s.item(a.Other), Holder: uuid.UUID(s.user(a.User))}
	for _, held := range p.shown {
		for e, entry := range held {
			if e.ID == args.Item {
				args.Seen = max(args.Seen, versionOf(string(entry.Body)))
			}
		}
	}
	s.made++
	m := change.Mutation{
		Device: p.Device, User: p.User, Seq: uint64(len(p.made)) + 1, ID: numbered(3, s.made), Kind: a.Verb,
		Args:       args.Encode(),
		DeviceTime: s.now().Add(p.skew),
	}
	if a.Verb == "junk" {
		m.Kind, m.Args = "add", []byte("{")
	}
	p.made[m.Seq] = m
	p.outbox = append(p.outbox, m)
	s.add(Made{p.number, m})
	p.round()
}

// write does one durable step; false says that the phone crashed before it, or could not.
func (p *handset[T]) write(step func()) bool {
	if p.full {
		p.failed()
		return false
	}
	if p.writesLeft > 0 && !p.sim.healed {
		if p.writesLeft--; p.writesLeft == 0 {
			p.crash()
			return false
		}
	}
	step()
	return true
}

func (p *handset[T]) crash() {
	p.sim.note("phone %d crashes", p.number)
	p.cutStream()
	p.busy, p.again, p.pending, p.writesLeft, p.failures = false, false, 0, 0, 0
	p.sim.after(3*time.Second, p.round)
}

func (p *handset[T]) cutStream() {
	if p.stream != nil {
		p.stream.Close()
		p.stream = nil
		p.sim.after(time.Minute, p.connect)
	}
}

// fill leaves no room on the phone's disk for a while.
func (p *handset[T]) fill(d time.Duration) {
	if p.full {
		return
	}
	p.sim.note("the disk of phone %d is full for %s", p.number, d)
	p.full = true
	p.sim.after(d, func() { p.full = false })
}

// goOffline takes the network away.
func (p *handset[T]) goOffline(d time.Duration) {
	if p.offline {
		return
	}
	p.sim.note("phone %d is offline for %s", p.number, d)
	p.offline = true
	p.cutStream()
	if p.busy {
		p.failed()
	}
	p.sim.after(d, func() {
		p.sim.note("phone %d is online", p.number)
		p.offline, p.failures = false, 0
		p.round()
	})
}

// call sends a message to some replica and waits half a minute for its answer.
func (p *handset[T]) call(serve func(*replica[T], fate) (any, error), then func(any, error)) {
	s := p.sim
	p.messages++
	n := p.messages
	p.pending = n
	f := s.fate(message{p.number, n})
	r := s.replicas[f.replica%len(s.replicas)]
	if p.stream != nil {
		r = p.streamOf
	}
	epoch := s.epoch
	arrive := func(r *replica[T], answer bool) {
		if s.epoch != epoch || (p.offline && answer) {
			return
		}
		var reply any
		err := error(errNoAnswer)
		if !r.down {
			r.answers = true
			reply, err = serve(r, f)
			if !r.answers {
				return // it died
			}
		}
		if !answer || f.answerLost {
			return
		}
		s.after(f.back, func() {
			if p.pending == n && !p.offline && s.epoch == epoch {
				p.pending = 0
				then(reply, err)
			}
		})
	}
	if !f.lost {
		s.after(f.there, func() { arrive(r, true) })
	}
	if f.twice {
		other := s.replicas[(f.replica+1)%len(s.replicas)]
		s.after(f.again, func() { arrive(other, false) })
	}
	s.after(30*time.Second, func() {
		if p.pending == n {
			p.failed()
		}
	})
}

// failed ends a round that did not go through, and tries again later.
func (p *handset[T]) failed() {
	p.pending, p.busy = 0, false
	p.failures++
	p.sim.after(min(time.Minute, time.Second<<min(p.failures, 6)), p.round)
}

// round pushes all and pulls to a checkpoint, as PROTOCOL.md says.
func (p *handset[T]) round() {
	if p.wiped || p.offline {
		return
	}
	if p.busy {
		p.again = true
		return
	}
	p.busy, p.again, p.gapped, p.repairs = true, false, 0, 0
	p.push(0)
}

// latest is the newest number with a verdict.
func (p *handset[T]) latest() (seq uint64) {
	for n := range p.verdicts {
		seq = max(seq, n)
	}
	return seq
}

// push sends the outbox, or all from a number on.
func (p *handset[T]) push(from uint64) {
	first := from
	if first == 0 {
		if len(p.outbox) == 0 {
			p.pull()
			return
		}
		first = p.outbox[0].Seq
	}
	f := p.sim.fate(message{p.number, p.messages + 1})
	if from == 0 {
		first -= min(first-p.heldFrom, uint64(f.repeated))
	}
	var ms []change.Mutation
	for seq := first; seq <= uint64(len(p.made)) && len(ms) < f.count+f.repeated; seq++ {
		ms = append(ms, p.made[seq])
	}
	if len(ms) == 0 {
		p.pull()
		return
	}
	device, held := p.Device, p.heldFrom
	p.call(func(r *replica[T], _ fate) (any, error) { return r.take(p, device, held, ms) }, func(reply any, err error) {
		var gap *intake.GapError
		if errors.As(err, &gap) && gap.Expected != p.gapped && gap.Expected >= p.heldFrom {
			p.gapped = gap.Expected
			p.forgotten(gap.Expected)
			return
		}
		if err != nil {
			if code := fault.CodeOf(err); code == fault.SequenceGap || code == fault.SequenceReused {
				p.sim.add(Broke{NothingDropped, "a push was refused for good: " + err.Error()})
			}
			p.failed()
			return
		}
		verdicts := reply.([]change.Verdict)
		if len(verdicts) != len(ms) {
			p.sim.add(Broke{NothingDropped, "verdicts are missing"})
		}
		for _, v := range verdicts {
			if !p.write(func() { p.told(v) }) {
				return
			}
		}
		if next := ms[len(ms)-1].Seq + 1; from != 0 {
			p.push(next)
		} else {
			p.push(0)
		}
	})
}

// forgotten sends again what the office has lost by a restore.
func (p *handset[T]) forgotten(from uint64) {
	from = max(from, p.heldFrom)
	p.sim.note("phone %d sends again from %d on", p.number, from)
	if !p.write(func() {
		for seq := range p.known {
			if seq >= from {
				delete(p.known, seq)
			}
		}
	}) {
		return
	}
	p.push(from)
}

// told keeps a verdict; the first stays, also when a restored office gives another.
func (p *handset[T]) told(v change.Verdict) {
	p.sim.add(Told{p.number, p.Device, []change.Verdict{v}})
	if _, ok := p.verdicts[v.Seq]; !ok {
		p.verdicts[v.Seq] = v
	}
	p.known[v.Seq] = v.At
	for len(p.outbox) > 0 && !p.known[p.outbox[0].Seq].IsZero() {
		p.outbox = p.outbox[1:]
	}
}

// wipe clears all that the phone of a device out of service holds of its customers.
func (p *handset[T]) wipe() {
	p.cutStream()
	p.wiped, p.cursor, p.repair = true, change.Cursor{}, nil
	clear(p.shown)
	clear(p.staged)
	p.sim.add(Wiped{p.number})
}

// asking is a pull as it leaves the phone.
func (p *handset[T]) asking(limit int) func(*replica[T], fate) (any, error) {
	var encoded []byte
	if p.cursor.Feeds != nil {
		encoded = p.cursor.Encode()
	}
	req := feed.Request{Org: p.sim.org, Device: p.Device, User: p.User, MaxBytes: limit, Reset: slices.Clone(p.repair)}
	return func(r *replica[T], f fate) (any, error) {
		if p.revoked {
			return nil, fault.New(revokedCode, "")
		}
		var err error
		if req.Cursor, err = change.DecodeCursor(encoded); err != nil {
			return nil, err
		}
		got, err := r.pull(p, req, f.intrude)
		if err == nil && p.stream != nil && r == p.streamOf {
			p.guess = got.page.Cursor
		}
		return got, err
	}
}

func (p *handset[T]) pull() {
	p.call(p.asking(p.PageBytes), func(reply any, err error) {
		if fault.CodeOf(err) == revokedCode {
			if len(p.outbox) == 0 && !p.write(p.wipe) {
				return
			}
			p.busy = false
			p.round()
			return
		}
		if err != nil {
			p.failed()
			return
		}
		p.answered(reply.(pulled))
	})
}

// answered takes a page in and does what is to be done then.
func (p *handset[T]) answered(got pulled) {
	before := p.Resets
	if !p.write(func() {
		if err := p.stage(got.page); err != nil {
			p.sim.add(Broke{MonotonicReads, err.Error()})
		}
		if p.resets += p.Resets - before; got.page.Final {
			p.show(got) // in the same step: a crash between them would forget which digests to compare
		}
	}) {
		return
	}
	if !got.page.Final {
		p.pull()
		return
	}
	if p.repairs++; p.repair != nil && p.repairs <= 3 {
		p.pull()
		return
	}
	if got.page.LastSeq < p.latest() && !p.revoked {
		p.forgotten(got.page.LastSeq + 1)
		return
	}
	if !p.write(func() { p.forget(got) }) {
		return
	}
	p.done()
}

// carriedPage is a page that came with a poke, and the cursor that it goes on from.
type carriedPage struct {
	pulled
	after change.Cursor
}

// takes tells whether the phone has no need to pull after a poke: it took the page that came with it, or has it
// already.
func (p *handset[T]) takes(c *carriedPage) bool {
	if c == nil || p.busy || p.repair != nil || p.cursor.Feeds == nil || p.wiped {
		return false
	}
	held := p.cursor.Encode()
	if !bytes.Equal(held, c.after.Encode()) {
		return bytes.Equal(held, c.page.Cursor.Encode())
	}
	if !c.page.Changed {
		return true // nothing to do, and the page may be older than what shows
	}
	if c.page.LastSeq < p.latest() {
		return false // it is older than what the phone was told
	}
	p.sim.note("phone %d takes the page of a poke", p.number)
	p.busy, p.again, p.gapped, p.repairs = true, false, 0, 0
	p.answered(c.pulled)
	return true
}

// show makes the checkpoint visible and writes down all that a person can now see.
func (p *handset[T]) show(got pulled) {
	if err := p.checkpoint(got.page); err != nil && p.repair == nil {
		p.sim.add(Broke{MonotonicReads, err.Error()})
	}
	if p.repair != nil {
		p.sim.add(Differed{p.number, p.Device, slices.Clone(p.repair)})
		return
	}
	e := Shown{p.number, got.view, p.Device, got.page.LastSeq, p.resets, map[change.FeedID]map[change.Entity]string{}}
	p.resets = 0
	for f, held := range p.shown {
		e.Feeds[f] = map[change.Entity]string{}
		for k, entry := range held {
			e.Feeds[f][k] = string(entry.Body)
		}
	}
	p.sim.add(e)
}

// forget lets go, from the oldest, what the office has had for longer than any backup is old.
func (p *handset[T]) forget(got pulled) {
	for seq := p.heldFrom; seq <= min(got.page.LastSeq, p.latest()); seq++ {
		if _, ok := p.known[seq]; !ok {
			p.known[seq] = got.at // by now it has it again
		}
	}
	for p.heldFrom < uint64(len(p.made)) && p.heldFrom <= got.page.LastSeq && !p.known[p.heldFrom].IsZero() &&
		p.known[p.heldFrom].Before(got.at.Add(-keep)) {
		delete(p.known, p.heldFrom)
		p.heldFrom++
		p.sim.note("phone %d holds what it did from %d on", p.number, p.heldFrom)
	}
}

func (p *handset[T]) done() {
	p.busy, p.failures = false, 0
	if p.again || len(p.outbox) > 0 {
		p.sim.after(10*time.Millisecond, p.round)
	}
	p.connect()
}

// connect opens a watch, which tells at once when there is something to pull.
func (p *handset[T]) connect() {
	if p.stream != nil || p.offline || p.wiped || p.revoked {
		return
	}
	if p.busy {
		p.again = true
		return
	}
	p.busy = true
	p.call(func(r *replica[T], _ fate) (any, error) {
		if p.stream != nil {
			return nil, errNoAnswer // the same request a second time
		}
		asked := p.cursor
		sub, behind, err := r.watch(p, asked)
		if err != nil {
			return nil, err
		}
		return func() bool {
			if r.down {
				return false
			}
			p.stream, p.streamOf, p.guess = sub, r, asked
			return behind
		}, nil
	}, func(reply any, err error) {
		if err != nil {
			p.failed()
			return
		}
		behind := reply.(func() bool)()
		p.busy = false
		if behind || p.again || p.stream == nil {
			p.round()
		}
	})
}

// listen takes what the hub has for the phone.
func (p *handset[T]) listen() {
	if p.stream == nil {
		return
	}
	select {
	case <-p.stream.Woken():
	default:
		return
	}
	dirty, ended, _ := p.stream.Take()
	if ended {
		p.cutStream()
		return
	}
	if slices.Contains(dirty, rightsTopic(p.User)) {
		if _, err := p.streamOf.follow(p, p.stream, change.Cursor{}); err != nil {
			p.cutStream()
			return
		}
	}
	if len(dirty) > 0 {
		stream, poke, there := p.stream, p.streamOf.carry(p), 30*time.Millisecond
		if poke != nil && !p.sim.healed {
			there = p.sim.plan.fate(message{p.number, p.messages}).back
		}
		p.sim.after(there, func() {
			if p.stream == stream && !p.takes(poke) {
				if poke != nil {
					p.sim.note("phone %d leaves the page of a poke", p.number)
				}
				p.round()
			}
		})
	}
}

// replace gives all work that the phone still has to a new device of the same person, as clients do that enrol anew: a
// restored office may lack also what has a verdict. Ids and verdicts stay, the numbers begin anew.
func (p *handset[T]) replace() {
	s := p.sim
	if p.wiped {
		return
	}
	p.keepSent()
	s.add(Replaced{p.number})
	old := p.Phone
	s.devices++
	p.crash()
	fresh := NewPhone(p.User)
	fresh.Device, fresh.PageBytes = change.Device(numbered(4, s.devices)), p.PageBytes
	p.Phone, p.revoked = fresh, false
	for seq := old.heldFrom; seq <= uint64(len(old.made)); seq++ {
		m := old.made[seq]
		m.Device, m.Seq = p.Device, uint64(len(p.made))+1
		p.made[m.Seq] = m
		if v, ok := old.verdicts[seq]; ok {
			p.verdicts[m.Seq] = v
		}
		p.outbox = append(p.outbox, m)
	}
}

// keepSent keeps what the present device sent, for the audit.
func (p *handset[T]) keepSent() {
	var ms []change.Mutation
	for seq := uint64(1); seq <= p.latest(); seq++ {
		ms = append(ms, p.made[seq])
	}
	p.sent[p.Device] = ms
}

// rot loses an entry on the phone's disk.
func (p *handset[T]) rot() {
	for _, f := range slices.SortedFunc(maps.Keys(p.staged), change.FeedID.Compare) {
		keys := slices.SortedFunc(maps.Keys(p.staged[f]),
			func(a, b change.Entity) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		if len(keys) > 0 {
			p.sim.rotten = true
			p.sim.add(Rotted{p.number, p.Device, f})
			delete(p.staged[f], keys[0])
			return
		}
	}
}
