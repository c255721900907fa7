// Package dispatch decides who gets a ticket: it asks what waits, who could, and what they have already, lets the
// rules of package score rank them, and hands the choice with its reasons to the ticket room.
package dispatch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Board is the dispatcher's board. Make it with New.
type Board struct {
	store   *postgres.Store
	people  People
	tickets Tickets
}

// New makes the dispatcher's board on the rooms that it calls.
func New(store *postgres.Store, people People, tickets Tickets) *Board {
	return &Board{store, people, tickets}
}

// chunk is how many tickets one transaction assigns: it holds their locks, and those of their technicians' feeds
// at its end.
const chunk = 20

// nextBest is how many runners-up are kept with a choice.
const nextBest = 3

// Auto assigns up to limit waiting jobs by the rules, the most pressing first. Each assignment counts for the
// ones after it. It may run on several replicas at once: whoever is second finds the ticket taken.
func (b *Board) Auto(
	ctx context.Context, org uuid.UUID, limit int, region uuid.UUID, actor string,
) (score.Round, error) {
	var ids []uuid.UUID
	err := b.store.Read(ctx, change.Org(org), func(tx *postgres.Tx) error {
		jobs, err := b.tickets.Waiting(ctx, tx, region, limit)
		ids = make([]uuid.UUID, len(jobs))
		for i, job := range jobs {
			ids[i] = job.ID
		}
		return err
	})
	if err != nil {
		return score.Round{}, err
	}
	return b.Give(ctx, org, ids, actor)
}

// Give assigns those of the tickets that wait still, in this order.
func (b *Board) Give(ctx context.Context, org uuid.UUID, tickets []uuid.UUID, actor string) (score.Round, error) {
	var round score.Round
	for part := range slices.Chunk(tickets, chunk) {
		var done score.Round
		err := b.store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) (err error) {
			done, err = b.assign(ctx, tx, part, actor)
			return err
		})
		if err != nil {
			return round, err
		}
		round.Assigned += done.Assigned
		round.Unfit = append(round.Unfit, done.Unfit...)
	}
	return round, nil
}

func (b *Board) assign(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID, actor string) (score.Round, error) {
	var round score.Round
	free, err := b.tickets.Take(ctx, tx, ids)
	if err != nil || len(free) == 0 {
		return round, err
	}
	day, err := b.days(ctx, tx)
	if err != nil {
		return round, err
	}
	for _, id := range ids {
		n := slices.IndexFunc(free, func(job score.Job) bool { return job.ID == id })
		if n < 0 {
			continue // somebody has decided meanwhile, or is about to
		}
		job := free[n]
		ranked, err := day.rank(ctx, job)
		if err != nil {
			return round, err
		}
		if len(ranked) == 0 || ranked[0].Excluded != nil {
			unfit := score.Unfit{Job: job.ID, Why: score.WhyNobody(ranked)}
			if job.Region != uuid.Nil {
				if unfit.Why.RegionZH, unfit.Why.RegionEN, err = b.people.Region(ctx, tx, job.Region); err != nil {
					return round, err
				}
			}
			if err := b.tickets.Unfit(ctx, tx, unfit); err != nil {
				return round, err
			}
			round.Unfit = append(round.Unfit, unfit)
			continue
		}
		rest := ranked[1:min(len(ranked), 1+nextBest)]
		err = b.tickets.Choose(ctx, tx, score.Choice{Job: job.ID, Best: ranked[0], Next: rest, Actor: actor})
		if taken(err) {
			continue // somebody has decided meanwhile
		}
		if err != nil {
			return round, fmt.Errorf("dispatch: assign %s: %w", job.ID, err)
		}
		day.count(ranked[0].Technician, job)
		round.Assigned++
	}
	return round, nil
}

// taken tells whether a ticket has changed so that it no longer waits.
func taken(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.Conflict || code == fault.StateForbids
}

// Propose ranks the technicians for a ticket, the best first, those out of the question last with the reason. It
// returns at most limit.
func (b *Board) Propose(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, limit int) ([]score.Candidate, error) {
	job, err := b.tickets.Job(ctx, tx, ticket)
	if err != nil {
		return nil, err
	}
	day, err := b.days(ctx, tx)
	if err != nil {
		return nil, err
	}
	ranked, err := day.rank(ctx, job)
	return ranked[:min(len(ranked), limit)], err
}

// days remembers, within one transaction, who could and what they have on each day.
type days struct {
	board *Board
	tx    *postgres.Tx
	zone  *time.Location
	able  map[uuid.UUID][]score.Technician
	loads map[time.Time]map[uuid.UUID]score.Load
}

func (b *Board) days(ctx context.Context, tx *postgres.Tx) (*days, error) {
	zone, err := b.people.Zone(ctx, tx)
	return &days{
		board: b, tx: tx, zone: zone, able: map[uuid.UUID][]score.Technician{},
		loads: map[time.Time]map[uuid.UUID]score.Load{},
	}, err
}

// of is the day of a job: the one on which the customer wants it, today when that is open or past.
func (d *days) of(job score.Job) time.Time {
	at := d.tx.Now()
	if job.From.After(at) {
		at = job.From
	}
	at = at.In(d.zone)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, d.zone)
}

func (d *days) rank(ctx context.Context, job score.Job) ([]score.Candidate, error) {
	able, known := d.able[job.Region]
	if !known {
		var err error
		if able, err = d.board.people.Candidates(ctx, d.tx, job.Region); err != nil {
			return nil, err
		}
		d.able[job.Region] = able
	}
	day := d.of(job)
	loads, known := d.loads[day]
	if !known {
		var err error
		if loads, err = d.board.tickets.Loads(ctx, d.tx, day, day.AddDate(0, 0, 1)); err != nil {
			return nil, err
		}
		d.loads[day] = loads
	}
	today := slices.Clone(able)
	for i := range today {
		l := loads[today[i].ID]
		today[i].Load, today[i].Last = l.Jobs, l.Last
	}
	return score.Rank(job, today), nil
}

// count adds a job to what a technician has that day.
func (d *days) count(technician uuid.UUID, job score.Job) {
	loads := d.loads[d.of(job)]
	l := loads[technician]
	l.Jobs++
	if job.At != nil {
		l.Last = job.At
	}
	loads[technician] = l
}
