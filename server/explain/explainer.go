// Package explain answers what people ask about their phones: why a phone has or lacks a ticket, through which feed
// and since when, and how a device is doing. It reads what the engine and the rooms keep and changes nothing; what
// follows from it is a pure function.
package explain

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Explainer explains. Make it with New.
type Explainer struct {
	Store   *postgres.Store
	people  People
	tickets Tickets
	codes   Codes
}

// New makes the room that explains, on the rooms that it asks.
func New(store *postgres.Store, people People, tickets Tickets, codes Codes) *Explainer {
	return &Explainer{store, people, tickets, codes}
}

// Person is whose phones are asked about.
type Person struct {
	ID                   uuid.UUID
	Name                 string
	Disabled, Technician bool
	Teams                []uuid.UUID
}

// Phone is a device as the office knows it; times are zero for never.
type Phone struct {
	ID, User              uuid.UUID
	Name, AppVersion      string
	EnrolledAt, RevokedAt time.Time
	RevokedFor            string
	// TokenAt is when it last renewed its login.
	TokenAt time.Time
}

// Job is who had a ticket and what happened to it. Holder and Pool are zero for nobody and none.
type Job struct {
	ID         uuid.UUID
	Number     string
	Canceled   bool
	Holder     uuid.UUID
	HolderName string
	Pool       uuid.UUID
	// Archived: it is finished and has left the phones with age.
	Archived bool
	Spans    []Span
	Events   []Event
}

// Span is one span in which a technician had it; a zero Until is open.
type Span struct {
	Technician   uuid.UUID
	Name         string
	Since, Until time.Time
}

// Event is one event of the trail. At is the office's time, the same for all that one transaction wrote.
type Event struct {
	Kind, Actor string
	At          time.Time
}

// Why tells why the phones of a person have or lack a ticket, as far as the reach goes: who and what lies beyond is
// NotFound, in the same words as who and what is not there.
func (r *Explainer) Why(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, person, what string,
) (*officev1.WhyResponse, error) {
	oversees, err := r.people.Oversees(ctx, tx, reach)
	if err != nil {
		return nil, err
	}
	u, device, err := r.people.FindPerson(ctx, tx, person, oversees)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, unseen("who", person)
	}
	if err != nil {
		return nil, err
	}
	id, err := r.findTicket(ctx, tx, what)
	if err != nil {
		return nil, err
	}
	ok, err := r.tickets.Reaches(ctx, tx, reach, id)
	if err == nil && !ok {
		err = unseen("ticket", what)
	}
	if err != nil {
		return nil, err
	}
	f := &facts{now: tx.Now(), person: u}
	if f.ticket, err = r.tickets.Job(ctx, tx, id); err != nil {
		return nil, err
	}
	if f.ticket.Pool != uuid.Nil {
		if f.pool, err = r.people.TeamName(ctx, tx, f.ticket.Pool); err != nil {
			return nil, err
		}
		if f.leftTeam, err = r.people.LeftTeam(ctx, tx, u.ID, f.ticket.Pool); err != nil {
			return nil, err
		}
	}
	if f.follows, err = tx.Follows(ctx, change.User(u.ID)); err != nil {
		return nil, err
	}
	phones, err := r.people.Phones(ctx, tx, u.ID, device)
	if err != nil {
		return nil, err
	}
	feeds := map[change.FeedID]bool{}
	for _, id := range f.follows {
		feeds[id] = true
	}
	for _, p := range phones {
		ph, err := r.phone(ctx, tx, p, f.follows)
		if err != nil {
			return nil, err
		}
		for id := range ph.held {
			feeds[id] = true
		}
		f.phones = append(f.phones, ph)
	}
	all := make([]change.FeedID, 0, len(feeds))
	for id := range feeds {
		all = append(all, id)
	}
	if f.stood, err = tx.Stands(ctx, id, all, ticketKinds...); err != nil {
		return nil, err
	}
	out := why(f)
	out.Standings, err = r.standings(ctx, tx, f)
	return out, err
}

// phone reads what a device said of itself, and how far its feeds are ahead of it.
func (r *Explainer) phone(ctx context.Context, tx *postgres.Tx, p Phone, follows []change.FeedID) (phone, error) {
	out := phone{Phone: p}
	var err error
	if out.said, err = tx.Reported(ctx, change.Device(p.ID)); err != nil {
		return out, err
	}
	held, err := change.DecodeCursor(out.said.Held)
	if err != nil {
		return out, err
	}
	sent, err := change.DecodeCursor(out.said.Given)
	if err != nil {
		return out, err
	}
	out.held, out.sent = held.Feeds, sent.Feeds
	at := map[change.FeedID]change.Seq{}
	for _, f := range follows {
		at[f] = max(held.Feeds[f].Seq, sent.Feeds[f].Seq)
	}
	var g change.Generation
	if out.ahead, g, err = tx.Ahead(ctx, at); err != nil {
		return out, err
	}
	newest := held
	if len(out.said.Given) > 0 {
		newest = sent
	}
	out.restored = len(newest.Feeds) > 0 && newest.Generation != g
	return out, nil
}

// standings says of each entry who wrote it: the event of the ticket's trail in the same transaction.
func (r *Explainer) standings(ctx context.Context, tx *postgres.Tx, f *facts) ([]*officev1.Standing, error) {
	var out []*officev1.Standing
	for _, s := range f.stood {
		w := &officev1.Standing{
			Feed: s.Feed.String(), Kind: uint32(s.Kind), Sequence: uint64(s.Seq), Removed: s.Removed, WrittenAt: stamp(s.At),
			Masked: fieldv1.EntityKind(s.Kind) != fieldv1.EntityKind_ENTITY_KIND_TICKET,
		}
		for _, e := range f.ticket.Events {
			if e.At.Equal(s.At) {
				name, err := r.actor(ctx, tx, e.Actor)
				if err != nil {
					return nil, err
				}
				w.Event, w.Actor = e.Kind, name
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// actor names who acted: a person by name, anything else as the trail has it.
func (r *Explainer) actor(ctx context.Context, tx *postgres.Tx, actor string) (string, error) {
	kind, rest, _ := strings.Cut(actor, ":")
	id, err := uuid.Parse(rest)
	if err != nil {
		return actor, nil //nolint:nilerr // no id: a part of the server
	}
	if kind == "device" {
		phones, err := r.people.Phones(ctx, tx, uuid.Nil, id)
		if err != nil || len(phones) == 0 {
			return actor, err
		}
		id = phones[0].User
	}
	name, err := r.people.NameOf(ctx, tx, change.User(id))
	if name == "" {
		name = actor
	}
	return name, err
}

// unseen is the answer to what is not there and to what the caller may not see; it repeats only what the caller said.
func unseen(field, text string) error {
	return fault.New(fault.NotFound, "%s %.100s", field, strings.TrimSpace(text))
}

// findTicket finds a ticket by id, number, or a code on it or on its unit.
func (r *Explainer) findTicket(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error) {
	text = strings.TrimSpace(text)
	if id, bad := uuid.Parse(text); bad == nil {
		return id, nil
	}
	id, err := r.tickets.ByNumber(ctx, tx, strings.ToUpper(text))
	if fault.CodeOf(err) == fault.NotFound {
		id, err = r.codes.TicketOf(ctx, tx, text)
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code != fault.Internal { // no such number, and no code or one that holds no more
		err = unseen("ticket", text)
	}
	return id, err
}
