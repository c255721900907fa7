package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Story is who had a ticket and what happened to it, for explaining where it shows.
type Story struct {
	ID     uuid.UUID
	Number string
	State  state.Ticket
	// Holder and Pool are zero for nobody and none.
	Holder     uuid.UUID
	HolderName string
	Pool       uuid.UUID
	// Archived: it is finished and has left the phones with age.
	Archived bool
	Spans    []StorySpan
	Events   []StoryEvent
}

// StorySpan is one span in which a technician had it; a zero Until is open.
type StorySpan struct {
	Technician   uuid.UUID
	Name         string
	Since, Until time.Time
}

// StoryEvent is one event of the trail. At is the office's time, the same for all that one transaction wrote.
type StoryEvent struct {
	Kind, Actor string
	At          time.Time
}

// StoryOf reads a ticket's story.
func (r *Tickets) StoryOf(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Story, error) {
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return Story{}, err
	}
	s := Story{
		ID: id, Number: j.t.Number, State: j.t.State, Holder: value(j.t.TechnicianID), HolderName: j.t.TechnicianName,
		Pool: value(j.t.PoolTeamID), Archived: j.t.Archived,
	}
	rows, err := tx.Query(ctx, `SELECT technician_id, technician_name, valid_from, valid_to FROM ticket_assignment
		WHERE org_id = $1 AND ticket_id = $2 ORDER BY valid_from, id`, tx.OrgID(), id)
	if err != nil {
		return s, err
	}
	if s.Spans, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (StorySpan, error) {
		var p StorySpan
		var until *time.Time
		err := row.Scan(&p.Technician, &p.Name, &p.Since, &until)
		p.Until = value(until)
		return p, err
	}); err != nil {
		return s, err
	}
	links, err := Events(ctx, tx, id)
	for _, l := range links {
		s.Events = append(s.Events, StoryEvent{Kind: l.Kind, Actor: l.Actor, At: l.ServerTime})
	}
	return s, err
}

// ByNumber finds a ticket by its human number; NotFound when there is none.
func (r *Tickets) ByNumber(ctx context.Context, tx *postgres.Tx, number string) (uuid.UUID, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM ticket WHERE org_id = $1 AND number = $2 LIMIT 1`, tx.OrgID(), number)
	if err != nil {
		return uuid.Nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err == nil && len(ids) == 0 {
		err = fault.New(fault.NotFound, "ticket")
	}
	if err != nil {
		return uuid.Nil, err
	}
	return ids[0], nil
}

// Reaches tells whether a ticket lies within reach. One that is not there does not.
func (r *Tickets) Reaches(ctx context.Context, tx *postgres.Tx, reach Reach, id uuid.UUID) (bool, error) {
	j, err := r.look(ctx, tx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && reach.Any(j.t.places()...), err
}
