package dispatch

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What Board needs of the rooms below it. None of them calls Board back: see the order of rooms in
// docs/ARCHITECTURE.md.

// People answers about who could do a job, and where.
type People interface {
	// Candidates lists the technicians of a region, of all regions for zero, without Load and Last.
	Candidates(ctx context.Context, tx *postgres.Tx, region uuid.UUID) ([]score.Technician, error)
	// Region returns a region's names; NotFound for an unknown one.
	Region(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (chinese, english string, err error)
	// Zone is the company's time zone: whose days are counted.
	Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
}

// Tickets keeps the jobs and who has them.
type Tickets interface {
	// Waiting lists jobs that wait for somebody, the most pressing first; a zero region means all.
	Waiting(ctx context.Context, tx *postgres.Tx, region uuid.UUID, limit int) ([]score.Job, error)
	// Job is one ticket as a job.
	Job(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (score.Job, error)
	// Loads returns what technicians have to do between two times.
	Loads(ctx context.Context, tx *postgres.Tx, from, to time.Time) (map[uuid.UUID]score.Load, error)
	// Take locks those of the tickets that still wait, in one order, and returns them as they stand now.
	Take(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) ([]score.Job, error)
	// Unfit keeps why nobody was found for a ticket that was taken.
	Unfit(ctx context.Context, tx *postgres.Tx, u score.Unfit) error
	// Choose gives the job to whom the rules chose; Conflict when somebody has it meanwhile.
	Choose(ctx context.Context, tx *postgres.Tx, c score.Choice) error
}
