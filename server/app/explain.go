package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/explain"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// explains makes the room that tells why a phone has what it has.
func explains(r *Rooms) *explain.Explainer {
	accounts, tickets := r.Account, r.Ticket
	return &explain.Explainer{
		Store: r.Store, NameOf: accounts.NameOf, Oversees: accounts.Oversees, LeftTeam: accounts.LeftTeam,
		ByNumber: tickets.ByNumber, Reaches: tickets.Reaches, Scanned: scanned(r.Code),
		FindPerson: func(ctx context.Context, tx *postgres.Tx, text string, sees func(uuid.UUID) (bool, error)) (explain.Person, uuid.UUID, error) {
			u, device, err := accounts.FindUser(ctx, tx, text, sees)
			p := explain.Person{ID: u.ID, Name: u.NameZH, Disabled: u.Disabled}
			if u.Technician != nil {
				p.Technician, p.Teams = true, u.Technician.Teams
			}
			return p, device, err
		},
		Phones: func(ctx context.Context, tx *postgres.Tx, user, device uuid.UUID) ([]explain.Phone, error) {
			all, err := accounts.Phones(ctx, tx, user, device)
			out := make([]explain.Phone, len(all))
			for i, p := range all {
				out[i] = explain.Phone(p)
			}
			return out, err
		},
		TeamName: func(ctx context.Context, tx *postgres.Tx, team uuid.UUID) (string, error) {
			p, err := accounts.PlaceByID(ctx, tx, team)
			return p.NameZH, err
		},
		Job: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (explain.Job, error) {
			s, err := tickets.StoryOf(ctx, tx, id)
			j := explain.Job{
				ID: s.ID, Number: s.Number, Canceled: s.State == state.Canceled, Holder: s.Holder, HolderName: s.HolderName,
				Pool: s.Pool, Archived: s.Archived,
			}
			for _, p := range s.Spans {
				j.Spans = append(j.Spans, explain.Span(p))
			}
			for _, e := range s.Events {
				j.Events = append(j.Events, explain.Event(e))
			}
			return j, err
		},
	}
}

// scanned finds the ticket of a code: its own, or the open one of its unit.
func scanned(codes *code.Room) func(context.Context, *postgres.Tx, string) (uuid.UUID, error) {
	return func(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error) {
		i, err := codes.FindCode(ctx, tx, text)
		if err != nil {
			return uuid.Nil, err
		}
		switch i.Kind {
		case token.Ticket:
			return i.Target, nil
		case token.Unit:
			id, ok, err := codes.Hooks.InWork(ctx, tx, i.Target)
			if err != nil || ok {
				return id, err
			}
		}
		return uuid.Nil, fault.New(fault.NotFound, "ticket")
	}
}
