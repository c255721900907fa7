package ticket

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// RatingFor is how long a completed job may be rated, and RatingOpen how long a rating may be changed.
const (
	RatingFor  = 30 * 24 * time.Hour
	RatingOpen = 24 * time.Hour
)

// Rating is what a customer says of a completed job.
type Rating struct {
	// Stars are 1 to 5.
	Stars   int
	Comment string
	At      time.Time
}

// Rate keeps what the customer says of a completed job, once; within a day it may be changed. It is a fact of the
// ticket, in its trail, and moves no state. Too early or too late is StateForbids.
func (r *Tickets) Rate(ctx context.Context, tx *postgres.Tx, id uuid.UUID, q Rating, actor string) error {
	if q.Stars < 1 || q.Stars > 5 {
		return fault.New(fault.InvalidArgument, "stars: 1 to 5")
	}
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	v := j.current()
	if j.t.State != state.Completed && j.t.State != state.Closed || v == nil || v.TechnicianID == nil ||
		v.FinishedAt == nil {
		return fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	now, comment := tx.Now(), clip(q.Comment, 500)
	was, err := rating(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case was == nil && now.Sub(*v.FinishedAt) > RatingFor, was != nil && now.Sub(was.GetRatedAt().AsTime()) > RatingOpen:
		return fault.New(fault.StateForbids, "rating: the time for it is over")
	case was != nil && int(was.GetStars()) == q.Stars && was.GetComment() == comment:
		return nil
	}
	if err := j.often(ctx, "ticket.rated"); err != nil {
		return err
	}
	j.write(`INSERT INTO ticket_rating (org_id, ticket_id, visit_id, technician_id, stars, comment, rated_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
		ON CONFLICT (org_id, ticket_id) DO UPDATE SET stars = $5, comment = $6, changed_at = $7`,
		tx.OrgID(), id, v.ID, *v.TechnicianID, int16(q.Stars), comment, now)
	if err := j.event("ticket.rated", actor, time.Time{}, fact{"stars": q.Stars, "comment": comment}); err != nil {
		return err
	}
	return j.save(ctx)
}

// RatingOf reads a ticket's rating; ok is false when there is none.
func (r *Tickets) RatingOf(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (q Rating, ok bool, err error) {
	w, err := rating(ctx, tx, id)
	if err != nil || w == nil {
		return Rating{}, false, err
	}
	return Rating{Stars: int(w.GetStars()), Comment: w.GetComment(), At: w.GetRatedAt().AsTime()}, true, nil
}

// rating is nil when there is none.
func rating(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*officev1.TicketRating, error) {
	var stars int16
	var rated, changed time.Time
	var who uuid.UUID
	w := &officev1.TicketRating{}
	err := tx.QueryRow(ctx, `SELECT stars, comment, rated_at, changed_at, technician_id FROM ticket_rating
		WHERE org_id = $1 AND ticket_id = $2`, tx.OrgID(), id).
		Scan(&stars, &w.Comment, &rated, &changed, &who)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // the wire's word for none
	}
	w.Stars, w.RatedAt, w.ChangedAt, w.TechnicianId = uint32(stars), timestamppb.New(rated), timestamppb.New(changed),
		who[:]
	return w, err
}
