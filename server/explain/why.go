package explain

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// The kinds of entities as which a ticket stands in feeds, the fullest first.
var ticketKinds = []change.Kind{
	change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET),
	change.Kind(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET),
}

// silentAfter is when a phone that works every day should have synced.
const silentAfter = 24 * time.Hour

// facts is all that the answer depends on.
type facts struct {
	now    time.Time
	person Person
	ticket Job
	// pool is the name of the team that is offered the ticket; leftTeam when the person left it, zero if never in it.
	pool     string
	leftTeam time.Time
	follows  []change.FeedID
	// stood is where the ticket stands or stood, in the feeds that are followed or that a phone still holds.
	stood  []postgres.Stood
	phones []phone
}

// phone is one device and what it said of itself.
type phone struct {
	Phone
	said postgres.Reported
	// held and sent are the cursors that the device sent and was given; valid only within the database's generation.
	held, sent map[change.FeedID]change.Position
	// restored: the cursors are of another generation.
	restored bool
	ahead    map[change.FeedID]postgres.FeedAhead
}

// follow tells whether the person follows the feed.
func (f *facts) follow(id change.FeedID) bool { return slices.Contains(f.follows, id) }

// best is the entry that matters in feeds that are followed: a live one before a tombstone, the fullest kind first,
// of tombstones the newest.
func (f *facts) best() *postgres.Stood {
	var found *postgres.Stood
	for i := range f.stood {
		s := &f.stood[i]
		if !f.follow(s.Feed) {
			continue
		}
		switch {
		case found == nil, found.Removed && !s.Removed:
			found = s
		case found.Removed != s.Removed:
		case s.Removed && s.At.After(found.At):
			found = s
		case !s.Removed && slices.Index(ticketKinds, s.Kind) < slices.Index(ticketKinds, found.Kind):
			found = s
		}
	}
	return found
}

// why answers for the person; the phones' answers stand on it.
func why(f *facts) *officev1.WhyResponse {
	t := &f.ticket
	out := &officev1.WhyResponse{
		TicketId: t.ID[:], TicketNumber: t.Number, UserId: f.person.ID[:],
		UserName: f.person.Name,
	}
	best := f.best()
	out.Follows = best != nil && !best.Removed
	if f.person.Disabled {
		out.Findings = append(out.Findings, finding("disabled", time.Time{}))
	}
	if out.Follows {
		for _, s := range f.stood {
			if !s.Removed && f.follow(s.Feed) {
				out.Findings = append(out.Findings, f.has(s))
			}
		}
	} else {
		out.Findings = append(out.Findings, f.lacks(best)...)
	}
	if len(f.phones) == 0 {
		out.Findings = append(out.Findings, finding("no_phone", time.Time{}))
	}
	for i := range f.phones {
		out.Phones = append(out.Phones, f.answer(&f.phones[i], best))
	}
	return out
}

// has says by which right the ticket stands in a feed of the person's.
func (f *facts) has(s postgres.Stood) *officev1.Finding {
	switch fieldv1.EntityKind(s.Kind) {
	case fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET:
		return finding("pool_offered", s.At, f.pool)
	case fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET:
		return finding("shop_open", s.At)
	}
	since := s.At
	if n := len(f.ticket.Spans); n > 0 && f.ticket.Spans[n-1].Technician == f.person.ID {
		since = f.ticket.Spans[n-1].Since
	}
	return finding("assigned", since)
}

// lacks says why no feed of the person's holds the ticket, the nearest reason first.
func (f *facts) lacks(left *postgres.Stood) (out []*officev1.Finding) {
	t := &f.ticket
	add := func(code string, since time.Time, args ...any) { out = append(out, finding(code, since, args...)) }
	var gone time.Time
	if left != nil {
		gone = left.At
	}
	var current, last Span
	for _, s := range t.Spans {
		if s.Until.IsZero() {
			current = s
		}
		if s.Technician == f.person.ID {
			last = s
		}
	}
	inTeam := slices.Contains(f.person.Teams, t.Pool)
	switch {
	case t.Archived:
		add("expired", gone)
	case t.Holder == f.person.ID && !f.person.Technician:
		add("not_technician", time.Time{})
	case t.Holder == f.person.ID, t.Pool != uuid.Nil && inTeam && !f.person.Disabled:
		if !f.person.Disabled {
			add("missing_entry", time.Time{})
		}
	case t.Canceled:
		add("canceled", gone)
	case t.Holder != uuid.Nil:
		add("given_to_other", current.Since, t.HolderName)
	case t.Pool != uuid.Nil && !f.leftTeam.IsZero():
		add("left_team", f.leftTeam, f.pool)
	case t.Pool != uuid.Nil:
		add("other_team", time.Time{}, f.pool)
	default:
		add("unassigned", time.Time{})
	}
	switch {
	case last.Technician == uuid.Nil && t.Holder != f.person.ID:
		add("never_theirs", time.Time{})
	case last.Technician != uuid.Nil && !last.Until.IsZero():
		add("was_theirs", last.Until)
	}
	return out
}

// answer says how it stands with one phone.
func (f *facts) answer(p *phone, s *postgres.Stood) *officev1.PhoneAnswer {
	out := &officev1.PhoneAnswer{
		DeviceId: p.ID[:], Name: p.Name, LastPull: stamp(p.said.PulledAt),
		LastContact: stamp(p.lastContact()),
	}
	say := func(in officev1.Presence, code string, since time.Time, args ...any) {
		out.Presence = in
		out.Findings = append(out.Findings, finding(code, since, args...))
	}
	never := p.said.PulledAt.IsZero() && len(p.said.Held) == 0
	switch {
	case !p.RevokedAt.IsZero():
		in := officev1.Presence_PRESENCE_UNKNOWN
		if never {
			in = officev1.Presence_PRESENCE_ABSENT
		}
		say(in, "revoked", p.RevokedAt)
		return out
	case s != nil && !s.Removed:
		f.brings(p, s, say)
	case f.drops(p):
		say(officev1.Presence_PRESENCE_DUE, "feed_dropped", time.Time{})
	case s != nil:
		f.takes(p, s, say)
	default:
		say(officev1.Presence_PRESENCE_ABSENT, "absent", time.Time{})
	}
	switch {
	case never:
		out.Findings = append(out.Findings, finding("never_called", time.Time{}))
	case !p.said.PulledAt.IsZero() && f.now.Sub(p.lastContact()) > silentAfter:
		out.Findings = append(out.Findings, finding("silent", p.lastContact()))
	}
	if p.said.Unsent > 0 {
		out.Findings = append(out.Findings, finding("unsent", p.said.OldestUnsent, p.said.Unsent))
	}
	return out
}

// say adds a finding and sets the presence.
type say func(in officev1.Presence, code string, since time.Time, args ...any)

// brings compares the phone's cursor with a live entry.
func (f *facts) brings(p *phone, s *postgres.Stood, say say) {
	held, holds := p.held[s.Feed]
	sent, given := p.sent[s.Feed]
	switch {
	case p.restored:
		say(officev1.Presence_PRESENCE_DUE, "due_anew", time.Time{})
	case holds && held.Seq >= s.Seq && held.Pending:
		say(officev1.Presence_PRESENCE_HELD, "downloading", p.said.PulledAt)
	case holds && held.Seq >= s.Seq:
		say(officev1.Presence_PRESENCE_HELD, "held", time.Time{})
	case given && sent.Seq >= s.Seq:
		say(officev1.Presence_PRESENCE_SENT, "sent", p.said.PulledAt)
	case !holds && !given:
		say(officev1.Presence_PRESENCE_DUE, "due_new", time.Time{})
	case max(held.Seq, sent.Seq) < p.ahead[s.Feed].Floor:
		say(officev1.Presence_PRESENCE_DUE, "due_anew", time.Time{})
	default:
		say(officev1.Presence_PRESENCE_DUE, "due", s.At, p.ahead[s.Feed].After)
	}
}

// takes compares it with a tombstone.
func (f *facts) takes(p *phone, s *postgres.Stood, say say) {
	held, holds := p.held[s.Feed]
	sent, given := p.sent[s.Feed]
	switch {
	case !holds && !given:
		say(officev1.Presence_PRESENCE_ABSENT, "absent", time.Time{})
	case holds && !p.restored && held.Seq >= s.Seq:
		say(officev1.Presence_PRESENCE_ABSENT, "gone", s.At)
	case given && !p.restored && sent.Seq >= s.Seq:
		say(officev1.Presence_PRESENCE_LEAVING, "leaving", p.said.PulledAt)
	default:
		say(officev1.Presence_PRESENCE_DUE, "due_removal", s.At)
	}
}

// drops tells whether the phone may hold the ticket by a feed that it follows no longer.
func (f *facts) drops(p *phone) bool {
	for _, s := range f.stood {
		held, holds := p.held[s.Feed]
		if !f.follow(s.Feed) && !s.Removed && holds && held.Seq >= s.Seq {
			return true
		}
	}
	return false
}

// lastContact is the newest sign of life.
func (p *phone) lastContact() time.Time {
	newest := p.said.PulledAt
	for _, t := range []time.Time{p.said.SeenAt, p.TokenAt} {
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
