package ticket

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const jobColumns = `id, region_id, skills, latitude, longitude, coalesce(scheduled_from, wanted_from),
	coalesce(scheduled_to, wanted_to),
	duration_minutes, urgency, vip, ARRAY(SELECT v.technician_id FROM visit v
	WHERE v.org_id = $1 AND v.ticket_id = ticket.id
		AND v.state IN (5, 12) AND v.technician_id IS NOT NULL)`

func scanJob(row pgx.CollectableRow) (score.Job, error) {
	var j score.Job
	var region *uuid.UUID
	var lat, lng *float64
	var from, to *time.Time
	var minutes int
	var urgency int16
	err := row.Scan(&j.ID, &region, &j.Skills, &lat, &lng, &from, &to, &minutes, &urgency, &j.VIP, &j.Not)
	j.Region, j.From, j.To = value(region), value(from), value(to)
	j.Duration = time.Duration(minutes) * time.Minute
	j.Rush = fieldv1.Urgency(urgency) == fieldv1.Urgency_URGENCY_RUSH
	if lat != nil && lng != nil {
		j.At = &score.Point{Latitude: *lat, Longitude: *lng}
	}
	return j, err
}

// waiting is the condition that a ticket waits for somebody: it is in no pool and lacks nothing. See row.waits.
const waiting = `technician_id IS NULL AND pool_team_id IS NULL AND state IN (1, 2) AND needs = '{}'`

// waits is the condition waiting, of a row.
func (t *row) waits() bool {
	return t.TechnicianID == nil && t.PoolTeamID == nil && (t.State == state.New || t.State == state.InProgress) &&
		len(t.Needs) == 0
}

// Waiting lists at most limit jobs that wait for somebody, in no pool: rush first, then VIPs, then those that were not
// tried before, then the oldest. Where more wait, those come in that were not tried before, and of the others any, in
// another choice each minute: however many nobody fits, none of them stands before the rest for good. A zero region
// means all.
func (r *Tickets) Waiting(ctx context.Context, tx *postgres.Tx, region uuid.UUID, limit int) ([]score.Job, error) {
	rows, err := tx.Query(ctx, `SELECT `+jobColumns+` FROM (
			SELECT * FROM ticket WHERE org_id = $1 AND `+waiting+` AND ($2::uuid IS NULL OR region_id = $2)
			ORDER BY unassigned IS NOT NULL, CASE WHEN unassigned IS NULL THEN '' ELSE md5($4 || id::text) END,
				urgency DESC, vip DESC, opened_at, id LIMIT $3) ticket
		ORDER BY urgency DESC, vip DESC, unassigned IS NOT NULL, opened_at, id`,
		tx.OrgID(), some(region), limit, tx.Now().Truncate(time.Minute).Format(time.RFC3339))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanJob)
}

// Take locks those of the tickets that still wait, in the order of their ids, and gives them as they stand now. A
// ticket at which somebody else works at this moment is left to them: a dispatcher never waits for the rules, and of
// two replicas one assigns.
func (r *Tickets) Take(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) ([]score.Job, error) {
	rows, err := tx.Query(ctx, `SELECT `+jobColumns+` FROM ticket WHERE org_id = $1 AND id = ANY ($2) AND `+waiting+`
		ORDER BY id FOR UPDATE SKIP LOCKED`, tx.OrgID(), ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanJob)
}

// Unfit keeps why the rules found nobody for a ticket that was taken.
func (r *Tickets) Unfit(ctx context.Context, tx *postgres.Tx, u score.Unfit) error {
	why, err := json.Marshal(u.Why)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE ticket SET unassigned = $3
		WHERE org_id = $1 AND id = $2 AND unassigned IS DISTINCT FROM $3::jsonb`, tx.OrgID(), u.Job, why)
	return err
}

// whyNobody says why the rules found nobody; nil where they did not say so.
func (t *row) whyNobody() *typesv1.Label {
	var r score.Reason
	if t.Unassigned == nil || json.Unmarshal(t.Unassigned, &r) != nil {
		return nil
	}
	return nobody(r)
}

// Job is one ticket as a job to find somebody for; NotFound for an unknown one.
func (r *Tickets) Job(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (score.Job, error) {
	j, err := r.look(ctx, tx, id)
	if err != nil {
		return score.Job{}, err
	}
	rows, err := tx.Query(ctx, `SELECT `+jobColumns+` FROM ticket WHERE org_id = $1 AND id = $2`, tx.OrgID(), j.t.ID)
	if err != nil {
		return score.Job{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanJob)
}

// visitDay is when a visit v is, in the form of the index visit_day. Under row-level security coalesce() would not do:
// PostgreSQL takes it for something that could leak, and lets no index serve it.
const visitDay = "(CASE WHEN v.scheduled_from IS NULL THEN v.created_at ELSE v.scheduled_from END)"

// Loads counts each technician's visits from from to to, by schedule, else by when they were given. Visits that
// came to nothing do not count.
func (r *Tickets) Loads(ctx context.Context, tx *postgres.Tx, from, to time.Time) (map[uuid.UUID]score.Load, error) {
	rows, err := tx.Query(ctx, `
		SELECT v.technician_id, t.latitude, t.longitude
		FROM visit v JOIN ticket t ON t.org_id = v.org_id AND t.id = v.ticket_id
		WHERE v.org_id = $1 AND v.technician_id IS NOT NULL AND v.state NOT IN (5, 12, 13)
			AND `+visitDay+` >= $2 AND `+visitDay+` < $3
		ORDER BY `+visitDay+`, v.id`, tx.OrgID(), from, to)
	if err != nil {
		return nil, err
	}
	loads := map[uuid.UUID]score.Load{}
	var who uuid.UUID
	var lat, lng *float64
	_, err = pgx.ForEachRow(rows, []any{&who, &lat, &lng}, func() error {
		l := loads[who]
		l.Jobs++
		if lat != nil && lng != nil {
			l.Last = &score.Point{Latitude: *lat, Longitude: *lng}
		}
		loads[who] = l
		return nil
	})
	return loads, err
}

// Choose gives a waiting ticket to the technician that the dispatch rules chose, with their reasons. Conflict when
// somebody has got it, or a pool, meanwhile.
func (r *Tickets) Choose(ctx context.Context, tx *postgres.Tx, c score.Choice) error {
	zh, en := score.Say(c.Best.Reasons)
	return r.Assign(ctx, tx, AssignRequest{
		TicketID: c.Job, TechnicianID: c.Best.Technician, Actor: c.Actor, Way: "auto", ReasonZH: zh, ReasonEN: en, Score: c,
		OnlyWaiting: true,
	})
}
