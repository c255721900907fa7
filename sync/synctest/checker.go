package synctest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// The properties that a history must have.
const (
	Converges        = "convergence"
	ExactlyOnce      = "exactly once"
	FirstVerdict     = "first verdict on replay"
	ReadYourWrites   = "read your writes"
	MonotonicReads   = "monotonic reads"
	AtomicCheckpoint = "atomic checkpoints"
	CausalOrder      = "causal order"
	Removal          = "removal after loss of right"
	NothingDropped   = "nothing dropped"
	MoneyBalanced    = "money balanced"
	OneTransaction   = "effect and verdict in one transaction"
	DigestsAgree     = "digests agree"
	NoNeedlessReset  = "no needless reset"
	PanicsContained  = "contained"
)

// Violation is a property that a history does not have.
type Violation struct{ Property, Why string }

// checker replays a history on a model of its own: items, and where each must stand.
type checker struct {
	found   []Violation
	items   map[uuid.UUID]Item
	follows map[change.User][]change.FeedID
	made    map[uuid.UUID]Made
	commit  int
	views   map[int]view
	phones  map[int]*seen
	users   map[int]change.User
	// told are the verdicts that the present database knows of, saved those that the last backup does.
	told, saved verdicts
	// restoring: what comes now are the items that a restore left. rested are the items when all had come to rest, before
	// the audit sent anything.
	restoring bool
	rested    map[uuid.UUID]Item
	// revoked are phones that have to clear themselves.
	revoked map[int]bool
	// excused: something happened after which a feed may be sent anew.
	excused bool
	epoch   int
	done    map[uuid.UUID]change.Verdict
}

// verdicts are the first verdict of each number of each device.
type verdicts map[change.Device]map[uint64]change.Verdict

func (v verdicts) clone() verdicts {
	out := verdicts{}
	for d, of := range v {
		out[d] = maps.Clone(of)
	}
	return out
}

// view is what a snapshot must hold for one user.
type view struct {
	user   change.User
	commit int
	epoch  int
	feeds  map[change.FeedID]map[change.Entity]string
	marks  map[string]bool
}

type seen struct {
	device   change.Device
	user     change.User
	commit   int
	epoch    int
	lastSeq  uint64
	versions map[uuid.UUID]int
	wiped    bool
	shown    *Shown
	// rotten are feeds of which the phone's disk has lost something since it last got them anew; mending are those of
	// which it has found out.
	rotten, mending map[change.FeedID]bool
}

// forDevice is what is known of a phone; another device begins anew.
func (c *checker) forDevice(n int, d change.Device) *seen {
	p := c.phone(n)
	if p.device != d {
		*p = seen{
			device: d, user: p.user, versions: map[uuid.UUID]int{}, rotten: map[change.FeedID]bool{},
			mending: map[change.FeedID]bool{},
		}
	}
	return p
}

// Check proves a history or says which properties it lacks. It looks at nothing but the history.
func Check(h History) []Violation {
	c := &checker{
		items: map[uuid.UUID]Item{}, follows: map[change.User][]change.FeedID{}, made: map[uuid.UUID]Made{},
		views:  map[int]view{},
		phones: map[int]*seen{}, users: map[int]change.User{}, revoked: map[int]bool{}, told: verdicts{},
		done: map[uuid.UUID]change.Verdict{},
	}
	for n, e := range h {
		if n > 0 {
			_, c.restoring = h[n-1].What.(Restored)
		}
		switch e := e.What.(type) {
		case Made:
			if _, again := c.made[e.ID]; !again {
				c.made[e.ID] = e
			}
		case Committed:
			c.committed(e)
		case Followed:
			c.follows[e.User] = e.Feeds
		case Viewed:
			if c.revoked[e.Phone] {
				c.broken(Removal, "phone %d is answered after it was revoked", e.Phone)
			}
			c.views[e.Number] = c.view(e.User)
			c.phone(e.Phone).user = e.User
		case Told:
			c.verdicts(e.Device, e.Verdicts)
		case Shown:
			c.shown(e)
		case Differed:
			p := c.forDevice(e.Phone, e.Device)
			for _, f := range e.Feeds {
				if !p.rotten[f] {
					c.broken(DigestsAgree, "phone %d finds another digest in %s", e.Phone, f)
				}
				p.mending[f] = true
			}
		case Rotted:
			c.excused = true
			c.forDevice(e.Phone, e.Device).rotten[e.Feed] = true
		case Restored:
			c.epoch++
			c.excused = true
			c.told = c.saved.clone()
		case Saved:
			c.saved = c.told.clone()
		case Rested:
			c.rested = maps.Clone(c.items)
		case Lost:
			c.excused = true
		case Replaced:
			c.excused = true
			delete(c.revoked, e.Phone)
		case Revoked:
			c.revoked[e.Phone] = true
		case Wiped:
			c.phone(e.Phone).wiped = true
		case Broke:
			c.broken(e.Property, "%s", e.Why)
		case Audited:
			c.audited(e)
		case Ended:
			c.ended(e)
		}
	}
	return c.found
}

func (c *checker) broken(property, format string, args ...any) {
	c.found = append(c.found, Violation{property, fmt.Sprintf(format, args...)})
}

func (c *checker) phone(n int) *seen {
	if c.phones[n] == nil {
		c.phones[n] = &seen{versions: map[uuid.UUID]int{}}
	}
	return c.phones[n]
}

// committed takes a transaction of the office into the model.
func (c *checker) committed(e Committed) {
	c.commit = e.Number
	if e.Failed {
		c.broken(OneTransaction, "commit %d changed something and reported a failure", e.Number)
	}
	if c.rested != nil && len(e.Items)+len(e.Gone) > 0 {
		c.broken(NothingDropped, "commit %d: what phones had sent had its effect only when the audit sent it again", e.Number)
	}
	for _, id := range e.Gone {
		if !c.restoring {
			c.broken(NothingDropped, "item %s is gone", Label(id))
		}
		delete(c.items, id)
	}
	balance := 0
	for _, i := range e.Items {
		before := c.items[i.ID]
		c.items[i.ID] = i
		rest, grown := strings.CutPrefix(i.Log, before.Log)
		if c.restoring {
			continue
		}
		if !grown {
			c.broken(NothingDropped, "item %s had the effects %q and has %q", Label(i.ID), before.Log, i.Log)
			continue
		}
		for label := range strings.FieldsSeq(rest) {
			m, ok := c.byLabel(label)
			if !ok {
				c.broken(ExactlyOnce, "item %s has an effect of nobody: %s", Label(i.ID), label)
				continue
			}
			if strings.Count(i.Log, label) > 1 {
				c.broken(ExactlyOnce, "%s %d of phone %d had its effect on item %s more than once",
					m.Kind, m.Seq, m.Phone, Label(i.ID))
			}
			if e.Device == m.Device && e.Counter < m.Seq {
				c.broken(OneTransaction, "%s %d of phone %d had its effect, and the counter says %d",
					m.Kind, m.Seq, m.Phone, e.Counter)
			}
			if m.Kind == "claim" && !before.Pool {
				c.broken(ExactlyOnce, "phone %d claimed what was not in the pool", m.Phone)
			}
		}
	}
	done := map[uuid.UUID]int{}
	for _, i := range c.items {
		if i.Account {
			balance += i.Count
		}
		if i.Done {
			for label := range strings.FieldsSeq(i.Log) {
				if m, ok := c.byLabel(label); ok && m.Kind == "finish" {
					done[uuid.UUID(m.User)]++
				}
			}
		}
	}
	if balance != 0 {
		c.broken(MoneyBalanced, "debits and credits differ by %d after commit %d", balance, e.Number)
	}
	for user, n := range done {
		if got := c.items[Account(user)].Count; got != n*Price {
			c.broken(MoneyBalanced, "user %s finished %d and has %d", Label(user), n, got)
		}
	}
}

func (c *checker) byLabel(label string) (Made, bool) {
	var n int
	if _, err := fmt.Sscanf(label, "%x", &n); err != nil {
		return Made{}, false
	}
	m, ok := c.made[numbered(3, n)]
	return m, ok
}

// view is what the model shows to a user now.
func (c *checker) view(u change.User) view {
	v := view{
		user: u, commit: c.commit, epoch: c.epoch, feeds: map[change.FeedID]map[change.Entity]string{},
		marks: map[string]bool{},
	}
	for _, f := range c.follows[u] {
		v.feeds[f] = map[change.Entity]string{}
	}
	for _, i := range c.items {
		for label := range strings.FieldsSeq(i.Log) {
			v.marks[label] = true
		}
		in, _ := Placements(i) // an item can always be encoded
		for _, p := range in {
			if held := v.feeds[p.Feed]; held != nil {
				held[i.entity()] = string(p.Body)
			}
		}
	}
	return v
}

func (c *checker) verdicts(d change.Device, vs []change.Verdict) {
	first := c.told[d]
	if first == nil {
		first = map[uint64]change.Verdict{}
		c.told[d] = first
	}
	for _, v := range vs {
		old, again := first[v.Seq]
		if again && (old.ID != v.ID || old.Outcome != v.Outcome || old.Code != v.Code || !old.At.Equal(v.At) ||
			!bytes.Equal(old.Receipt, v.Receipt) ||
			!slices.Equal(old.Changes, v.Changes)) {
			c.broken(FirstVerdict, "mutation %d of a device was first %s %s at %s, then %s %s at %s",
				v.Seq, old.Outcome, old.Code, old.At, v.Outcome, v.Code, v.At)
		}
		if len(v.Receipt) == 0 || v.Outcome < change.Applied || v.Outcome > change.Parked {
			c.broken(NothingDropped, "mutation %d has a verdict without a receipt or outcome", v.Seq)
		}
		if !again {
			first[v.Seq] = v
		}
		c.done[v.ID] = v
	}
}

// shown holds a checkpoint against the view that it came from: nothing more, nothing less, nothing older.
func (c *checker) shown(e Shown) {
	p, v := c.forDevice(e.Phone, e.Device), c.views[e.View]
	p.user = v.user
	for f := range p.mending {
		delete(p.rotten, f)
		delete(p.mending, f)
	}
	if p.epoch == v.epoch {
		if v.commit < p.commit || e.LastSeq < p.lastSeq {
			c.broken(MonotonicReads, "phone %d goes back from commit %d to %d, last sequence %d to %d",
				e.Phone, p.commit, v.commit, p.lastSeq, e.LastSeq)
		}
	} else {
		p.versions = map[uuid.UUID]int{}
	}
	p.commit, p.epoch, p.lastSeq, p.shown = v.commit, v.epoch, e.LastSeq, &e
	if e.Reset > 0 && !c.excused {
		c.broken(NoNeedlessReset, "phone %d got %d feeds anew for no reason", e.Phone, e.Reset)
	}
	c.compare(e, v, AtomicCheckpoint, p.rotten)
	for _, m := range c.made {
		if m.Device != e.Device {
			continue
		}
		effect, verdict := v.marks[Label(m.ID)], c.told[m.Device][m.Seq]
		applied := verdict.ID == m.ID && (verdict.Outcome == change.Applied || verdict.Outcome == change.Merged)
		if effect && m.Seq > e.LastSeq {
			c.broken(ReadYourWrites, "phone %d still lays its %s %d over a state that has it", e.Phone, m.Kind, m.Seq)
		}
		if !effect && applied && m.Seq <= e.LastSeq && v.epoch == c.epoch {
			c.broken(ReadYourWrites, "phone %d drops its %s %d before the state has it", e.Phone, m.Kind, m.Seq)
		}
	}
}

// compare names what a phone shows and should not, or should and does not.
func (c *checker) compare(e Shown, v view, otherwise string, rotten map[change.FeedID]bool) {
	for f, held := range e.Feeds {
		want, follows := v.feeds[f]
		if !follows {
			c.broken(Removal, "phone %d shows %s, which it does not follow", e.Phone, f)
			continue
		}
		for k := range held {
			if _, stands := want[k]; !stands {
				c.broken(Removal, "phone %d shows %s in %s, which left", e.Phone, Label(k.ID), f)
			}
		}
		for k, body := range want {
			if _, has := held[k]; !has && rotten[f] {
				continue
			}
			if held[k] != body {
				c.broken(otherwise, "phone %d shows %s in %s as %q, not %q", e.Phone, Label(k.ID), f, held[k], body)
			}
		}
	}
	for f := range v.feeds {
		if _, has := e.Feeds[f]; !has {
			c.broken(otherwise, "phone %d does not show %s", e.Phone, f)
		}
	}
	for _, held := range e.Feeds {
		for k, body := range held {
			version := versionOf(body)
			if version < c.phone(e.Phone).versions[k.ID] {
				c.broken(MonotonicReads, "phone %d shows version %d of %s after %d", e.Phone, version, Label(k.ID),
					c.phone(e.Phone).versions[k.ID])
			}
			c.phone(e.Phone).versions[k.ID] = version
		}
	}
}

func versionOf(body string) (n int) {
	_, rest, _ := strings.Cut(body, `"version":`)
	for _, d := range rest {
		if d < '0' || d > '9' {
			break
		}
		n = n*10 + int(d-'0')
	}
	return n
}

func (c *checker) audited(e Audited) {
	if e.Err != nil {
		c.broken(NothingDropped, "what phone %d once sent is no longer known: %v", e.Phone, e.Err)
		return
	}
	c.verdicts(e.Device, e.Verdicts)
}

// ended looks at what is left: every phone shows what its feeds hold, every mutation has come to something.
func (c *checker) ended(e Ended) {
	if c.rested != nil {
		c.items = c.rested // the audit repairs nothing of what it finds
	}
	for n := range c.revoked {
		if !c.phone(n).wiped {
			c.broken(Removal, "phone %d was revoked and never cleared what it holds", n)
		}
	}
	for n, p := range c.phones {
		if p.wiped {
			continue
		}
		if p.shown == nil {
			c.broken(Converges, "phone %d never showed anything", n)
			continue
		}
		c.compare(*p.shown, c.view(p.user), Converges, nil)
	}
	queue := map[uuid.UUID]change.Mutation{}
	for _, m := range e.Parked {
		queue[m.ID] = m
	}
	marks := map[string]int{}
	for _, i := range c.items {
		for label := range strings.FieldsSeq(i.Log) {
			marks[label]++
		}
	}
	for id, m := range c.made {
		v, ok := c.done[id]
		applied := v.Outcome == change.Applied || v.Outcome == change.Merged
		kept, parked := queue[id]
		switch {
		case !ok:
			c.broken(NothingDropped, "%s %d of phone %d has no verdict", m.Kind, m.Seq, m.Phone)
		case v.Outcome == change.Parked && (!parked || !bytes.Equal(kept.Args, m.Args) || kept.Kind != m.Kind):
			c.broken(NothingDropped, "%s %d of phone %d was parked and is not in the queue with its payload",
				m.Kind, m.Seq, m.Phone)
		case applied && marks[Label(id)] == 0:
			c.broken(ExactlyOnce, "%s %d of phone %d was applied and had no effect", m.Kind, m.Seq, m.Phone)
		case !applied && marks[Label(id)] > 0:
			c.broken(ExactlyOnce, "%s %d of phone %d was %s and had an effect", m.Kind, m.Seq, m.Phone, v.Outcome)
		}
	}
	c.causal()
}

// causal holds the order of effects on each item against the order in which a device made them.
func (c *checker) causal() {
	for _, i := range c.items {
		last := map[change.Device]uint64{}
		for label := range strings.FieldsSeq(i.Log) {
			m, ok := c.byLabel(label)
			if !ok {
				continue
			}
			if m.Seq < last[m.Device] {
				c.broken(CausalOrder, "item %s has %d of phone %d after %d", Label(i.ID), m.Seq, m.Phone, last[m.Device])
			}
			last[m.Device] = m.Seq
		}
	}
}

// Properties lists the violated properties, each once.
func Properties(vs []Violation) []string {
	set := map[string]bool{}
	for _, v := range vs {
		set[v.Property] = true
	}
	out := make([]string, 0, len(set))
	for p := range maps.Keys(set) {
		out = append(out, p)
	}
	return out
}
