package ticket

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket/chain"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
)

// fact is what an event tells, by name; it becomes JSON with sorted names.
type fact map[string]any

// event adds a link to the ticket's chain. happened is the device's time as it came; zero where no device was
// involved.
func (j *job) event(kind, actor string, happened time.Time, what fact) error {
	if what == nil {
		what = fact{}
	}
	payload, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("ticket: event %s: %w", kind, err)
	}
	now := j.tx.Now().Truncate(time.Microsecond)
	if happened.IsZero() {
		happened = now
	}
	l := chain.Next(chain.Hash(j.t.EventHash), j.t.EventSeq, chain.Link{
		Ticket: j.t.ID, Kind: kind, DeviceTime: happened.UTC().Truncate(time.Microsecond), ServerTime: now,
		Actor: actor, Payload: payload,
	})
	j.t.EventSeq, j.t.EventHash = l.Seq, l.Hash[:]
	j.links = append(j.links, l)
	return nil
}

// write queues a statement, to be sent by save after the ticket's own.
func (j *job) write(sql string, args ...any) { j.writes.Queue(sql, args...) }

// derive sets the ticket's state from its visits and the office's decisions.
func (j *job) derive() {
	states := make([]state.Visit, len(j.visits))
	for i, v := range j.visits {
		states[i] = v.State
	}
	j.t.State = state.Derive(states, state.Decision{
		Held: j.t.HeldAt != nil, Closed: j.t.ClosedAt != nil, Canceled: j.t.CanceledAt != nil,
	})
	if v := j.current(); v != nil {
		j.t.VisitState = v.State
	} else {
		j.t.VisitState = 0
	}
}

// save writes what changed, shows it to those who may see it, and tells the rooms that keep things beside the
// ticket when it changed hands. Nothing of the job may be changed afterwards.
func (j *job) save(ctx context.Context) error {
	j.derive()
	if !j.t.waits() {
		j.t.Unassigned = nil
	}
	now := j.tx.Now()
	j.t.ChangedAt = now
	org := j.tx.OrgID()
	batch := &j.writes
	queued := batch.QueuedQueries
	batch.QueuedQueries = nil
	j.queueUpdate()
	for _, v := range j.visits {
		if !v.dirty {
			continue
		}
		v.ChangedAt = now
		batch.Queue(`
			INSERT INTO visit (org_id, id, ticket_id, ordinal, state, technician_id, scheduled_from, scheduled_to, accepted_at,
				traveling_at, arrived_at, finished_at, reason, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
			ON CONFLICT (org_id, id) DO UPDATE SET state = $5, technician_id = $6, scheduled_from = $7, scheduled_to = $8,
				accepted_at = $9, traveling_at = $10, arrived_at = $11, finished_at = $12, reason = $13, changed_at = $15`,
			org, v.ID, j.t.ID, v.Ordinal, int16(v.State), v.TechnicianID, v.ScheduledFrom, v.ScheduledTo, v.AcceptedAt,
			v.TravelingAt, v.ArrivedAt, v.FinishedAt, v.Reason, v.CreatedAt, v.ChangedAt)
	}
	for _, l := range j.links {
		batch.Queue(`
			INSERT INTO ticket_event (org_id, ticket_id, seq, kind, device_time, server_time, actor, payload, previous_hash,
				hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			org, j.t.ID, l.Seq, l.Kind, l.DeviceTime, l.ServerTime, l.Actor, string(l.Payload), l.Previous[:], l.Hash[:])
	}
	batch.QueuedQueries = append(batch.QueuedQueries, queued...)
	if err := j.tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := j.place(ctx); err != nil {
		return err
	}
	if j.t.waits() && !j.before.waits() && !j.bulk {
		if err := j.tickets.queue.Waits(ctx, j.tx, j.t.ID); err != nil {
			return err
		}
	}
	from, to := value(j.before.TechnicianID), value(j.t.TechnicianID)
	if from != to {
		return j.tickets.proofs.Moved(ctx, j.tx, j.t.ID, from, to)
	}
	return nil
}

func (j *job) queueUpdate() {
	t := &j.t
	j.writes.Queue(`
		UPDATE ticket SET state = $3, money_state = $4, arrival_from = $5, arrival_to = $6, scheduled_from = $7,
			scheduled_to = $8,
			due_from = $9, due_to = $10, actual_from = $11, actual_to = $12, technician_id = $13, technician_name = $14,
			visit_id = $15, visit_state = $16, pool_team_id = $17, held_at = $18, canceled_at = $19, closed_at = $20,
			decision_reason = $21, review = $22, event_seq = $23, event_hash = $24, changed_at = $25, archived = $26,
			team_ids = $27, needs = $28, unassigned = $29, customer_name = $30, customer_phone = $31, address = $32, area = $33,
			latitude = $34, longitude = $35, region_id = $36
		WHERE org_id = $1 AND id = $2`,
		j.tx.OrgID(), t.ID, int16(t.State), int16(t.MoneyState), t.ArrivalFrom, t.ArrivalTo, t.ScheduledFrom, t.ScheduledTo,
		t.DueFrom, t.DueTo, t.ActualFrom, t.ActualTo, t.TechnicianID, t.TechnicianName,
		t.VisitID, int16(t.VisitState), t.PoolTeamID, t.HeldAt, t.CanceledAt, t.ClosedAt,
		t.DecisionReason, t.Review, t.EventSeq, t.EventHash, t.ChangedAt, t.Archived, t.TeamIDs,
		t.Needs, t.Unassigned, t.CustomerName, t.CustomerPhone, t.Address, t.Area, t.Latitude, t.Longitude, t.RegionID)
}

// begin adds a visit as the current one.
func (j *job) begin(s state.Visit, scheduled state.Window) (*visitRow, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	v := &visitRow{
		ID: id, Ordinal: len(j.visits) + 1, State: s, ScheduledFrom: someTime(scheduled.From),
		ScheduledTo: someTime(scheduled.To),
		CreatedAt:   j.tx.Now(), dirty: true,
	}
	j.visits = append(j.visits, v)
	j.t.VisitID = &v.ID
	return v, nil
}

// endAssignment closes the open span: from now on nobody has the ticket.
func (j *job) endAssignment() {
	now := j.tx.Now()
	j.write(`UPDATE ticket_assignment SET valid_to = greatest($3, valid_from)
		WHERE org_id = $1 AND ticket_id = $2 AND valid_to IS NULL`,
		j.tx.OrgID(), j.t.ID, now)
	for i := range j.spans {
		if j.spans[i].Until.IsZero() {
			j.spans[i].Until = now
		}
	}
	j.t.TechnicianID, j.t.TechnicianName = nil, ""
}
