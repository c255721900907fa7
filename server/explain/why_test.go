package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	li    = uuid.MustParse("0192f0c1-0000-7000-8000-000000000001")
	wang  = uuid.MustParse("0192f0c1-0000-7000-8000-000000000002")
	team  = uuid.MustParse("0192f0c1-0000-7000-8000-000000000003")
	mine  = change.FeedID{Kind: "tech", Key: li}
	pool  = change.FeedID{Kind: "team", Key: team}
	asJob = change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET)
	offer = change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET)
)

// at is a cursor that has read one feed so far.
func at(f change.FeedID, seq change.Seq) map[change.FeedID]change.Position {
	return map[change.FeedID]change.Position{f: {Seq: seq}}
}

func TestWhyAPhoneHasOrLacksATicket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change   func(f *facts, p *phone)
		person   string
		phone    string
		presence officev1.Presence
	}{
		"it has confirmed it": {
			func(_ *facts, p *phone) { p.held = at(mine, 7) }, "assigned", "held", officev1.Presence_PRESENCE_HELD,
		},
		"in the middle of a round": {func(_ *facts, p *phone) {
			p.held = map[change.FeedID]change.Position{mine: {Seq: 7, Pending: true}}
		}, "assigned", "downloading", officev1.Presence_PRESENCE_HELD},
		"sent, not confirmed": {func(_ *facts, p *phone) {
			p.held, p.sent = at(mine, 5), at(mine, 7)
		}, "assigned", "sent", officev1.Presence_PRESENCE_SENT},
		"behind": {
			func(_ *facts, p *phone) { p.held = at(mine, 5) }, "assigned", "due", officev1.Presence_PRESENCE_DUE,
		},
		"behind the floor": {func(_ *facts, p *phone) {
			p.held = at(mine, 5)
			p.ahead[mine] = postgres.FeedAhead{Head: 9, Floor: 6}
		}, "assigned", "due_anew", officev1.Presence_PRESENCE_DUE},
		"after a restore": {
			func(_ *facts, p *phone) { p.held, p.restored = at(mine, 70), true }, "assigned", "due_anew",
			officev1.Presence_PRESENCE_DUE,
		},
		"a new phone": {
			func(_ *facts, p *phone) { p.said.PulledAt = time.Time{} }, "assigned", "due_new never_called",
			officev1.Presence_PRESENCE_DUE,
		},
		"a phone out of service": {func(_ *facts, p *phone) {
			p.held, p.RevokedAt = at(mine, 7), noon
		}, "assigned", "revoked", officev1.Presence_PRESENCE_UNKNOWN},
		"silent, with unsent work": {func(_ *facts, p *phone) {
			p.held, p.said.PulledAt, p.said.Unsent = at(mine, 7), noon.Add(-48*time.Hour), 3
		}, "assigned", "held silent unsent", officev1.Presence_PRESENCE_HELD},
		"of a pool": {func(f *facts, p *phone) {
			f.ticket.Holder, f.ticket.Pool, f.ticket.Spans = uuid.Nil, team, nil
			f.stood = []postgres.Stood{{Feed: pool, Kind: offer, Seq: 3, At: noon}}
			p.held = at(pool, 3)
		}, "pool_offered", "held", officev1.Presence_PRESENCE_HELD},
		"reassigned, and the phone knows": {func(f *facts, p *phone) {
			reassign(f)
			p.held = at(mine, 8)
		}, "given_to_other was_theirs", "gone", officev1.Presence_PRESENCE_ABSENT},
		"reassigned, and the phone was told": {func(f *facts, p *phone) {
			reassign(f)
			p.held, p.sent = at(mine, 7), at(mine, 8)
		}, "given_to_other was_theirs", "leaving", officev1.Presence_PRESENCE_LEAVING},
		"reassigned, and the phone does not know": {func(f *facts, p *phone) {
			reassign(f)
			p.held = at(mine, 7)
		}, "given_to_other was_theirs", "due_removal", officev1.Presence_PRESENCE_DUE},
		"somebody else's from the first": {func(f *facts, p *phone) {
			f.ticket.Holder, f.ticket.HolderName, f.stood = wang, "王师傅", nil
			f.ticket.Spans = []Span{{Technician: wang, Since: noon}}
			p.held = at(mine, 8)
		}, "given_to_other never_theirs", "absent", officev1.Presence_PRESENCE_ABSENT},
		"of a pool whose team was left": {func(f *facts, p *phone) {
			f.ticket.Holder, f.ticket.Pool, f.ticket.Spans, f.leftTeam = uuid.Nil, team, nil, noon
			f.person.Teams, f.follows = nil, []change.FeedID{mine}
			f.stood = []postgres.Stood{{Feed: pool, Kind: offer, Seq: 3, At: noon}}
			p.held = at(pool, 3)
		}, "left_team never_theirs", "feed_dropped", officev1.Presence_PRESENCE_DUE},
		"nobody's": {func(f *facts, _ *phone) {
			f.ticket.Holder, f.ticket.Spans, f.stood = uuid.Nil, nil, nil
		}, "unassigned never_theirs", "absent", officev1.Presence_PRESENCE_ABSENT},
		"cancelled": {func(f *facts, p *phone) {
			reassign(f)
			f.ticket.Holder, f.ticket.Canceled = uuid.Nil, true
			p.held = at(mine, 8)
		}, "canceled was_theirs", "gone", officev1.Presence_PRESENCE_ABSENT},
		"old": {func(f *facts, p *phone) {
			f.ticket.Archived, f.stood[0].Removed = true, true
			p.held = at(mine, 7)
		}, "expired", "gone", officev1.Presence_PRESENCE_ABSENT},
		"a disabled person": {func(f *facts, p *phone) {
			f.person.Disabled, f.follows = true, nil
			p.held = at(mine, 7)
		}, "disabled", "feed_dropped", officev1.Presence_PRESENCE_DUE},
		"lost by us": {
			func(f *facts, _ *phone) { f.stood = nil }, "missing_entry", "absent", officev1.Presence_PRESENCE_ABSENT,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &facts{
				now: noon, pool: "朝阳一组", follows: []change.FeedID{mine, pool},
				person: Person{ID: li, Name: "李师傅", Technician: true, Teams: []uuid.UUID{team}},
				ticket: Job{Number: "T-1", Holder: li, Spans: []Span{{Technician: li, Since: noon}}},
				stood:  []postgres.Stood{{Feed: mine, Kind: asJob, Seq: 7, At: noon}},
				phones: []phone{{
					said:  postgres.Reported{Contact: postgres.Contact{PulledAt: noon}},
					ahead: map[change.FeedID]postgres.FeedAhead{mine: {Head: 9, After: 2}},
				}},
			}
			c.change(f, &f.phones[0])
			got := why(f)
			if s := codes(t, got.Findings); s != c.person {
				t.Errorf("the person: %s, want %s", s, c.person)
			}
			if s := codes(t, got.Phones[0].Findings); s != c.phone || got.Phones[0].Presence != c.presence {
				t.Errorf("the phone: %s %s, want %s %s", got.Phones[0].Presence, s, c.presence, c.phone)
			}
		})
	}
}

// reassign gives the ticket of the facts to somebody else: it has left the feed with entry 8.
func reassign(f *facts) {
	f.ticket.Holder, f.ticket.HolderName = wang, "王师傅"
	f.ticket.Spans = []Span{
		{Technician: li, Since: noon, Until: noon.Add(time.Hour)},
		{Technician: wang, Since: noon.Add(time.Hour)},
	}
	f.stood = []postgres.Stood{{Feed: mine, Kind: asJob, Seq: 8, Removed: true, At: noon.Add(time.Hour)}}
}

func codes(t *testing.T, all []*officev1.Finding) string {
	t.Helper()
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = f.GetCode()
		for _, text := range []string{f.GetText().GetZh(), f.GetText().GetEn()} {
			if text == "" || strings.Contains(text, "%!") {
				t.Errorf("%s: words %q", f.GetCode(), text)
			}
		}
	}
	return strings.Join(out, " ")
}
