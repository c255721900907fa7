package ticket

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/ticket/authority"
	"github.com/doorstep-dev/doorstep/server/ticket/chain"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// row is a ticket as the table keeps it.
type row struct {
	ID              uuid.UUID
	Number          string
	State           state.Ticket
	MoneyState      state.Money
	BusinessType    int16
	Urgency         int16
	CustomerID      *uuid.UUID
	CustomerName    string
	CustomerPhone   string
	Address         string
	Area            string
	Latitude        *float64
	Longitude       *float64
	VIP             bool
	ProductID       *uuid.UUID
	ProductName     string
	Model           string
	ClassID         *uuid.UUID
	UnitID          *uuid.UUID
	Serial          string
	PurchasedAt     *time.Time
	WarrantyUntil   *time.Time
	OrderID         *uuid.UUID
	OrderNumber     string
	StoreID         *uuid.UUID
	StoreName       string
	RegionID        *uuid.UUID
	TemplateID      *uuid.UUID
	Skills          []string
	DurationMinutes int
	WantedFrom      *time.Time
	WantedTo        *time.Time
	ArrivalFrom     *time.Time
	ArrivalTo       *time.Time
	ScheduledFrom   *time.Time
	ScheduledTo     *time.Time
	DueFrom         *time.Time
	DueTo           *time.Time
	ActualFrom      *time.Time
	ActualTo        *time.Time
	TechnicianID    *uuid.UUID
	TechnicianName  string
	VisitID         *uuid.UUID
	VisitState      state.Visit
	PoolTeamID      *uuid.UUID
	TeamIDs         []uuid.UUID
	HeldAt          *time.Time
	CanceledAt      *time.Time
	ClosedAt        *time.Time
	DecisionReason  string
	ReworkOf        *uuid.UUID
	Review          bool
	EventSeq        int64
	EventHash       []byte
	OpenedAt        time.Time
	ChangedAt       time.Time
	Archived        bool
	// Needs is what is lacking before anybody can go there.
	Needs []string
	// Unassigned is the score.Reason, as JSON, why the rules found nobody; nil while it has somebody or was not tried.
	Unassigned []byte
	Language   string
}

const rowColumns = `id, number, state, money_state, business_type, urgency, customer_id, customer_name, customer_phone,
	address, area, latitude, longitude, vip, product_id, product_name, model, class_id, unit_id, serial, purchased_at,
	warranty_until, order_id, order_number, store_id, store_name, region_id, template_id, skills, duration_minutes,
	wanted_from, wanted_to, arrival_from, arrival_to, scheduled_from, scheduled_to, due_from, due_to, actual_from,
	actual_to, technician_id, technician_name, visit_id, visit_state, pool_team_id, team_ids, held_at, canceled_at,
	closed_at, decision_reason, rework_of, review, event_seq, event_hash, opened_at, changed_at, archived, needs, unassigned, language`

// visitRow is a visit as the table keeps it.
type visitRow struct {
	ID            uuid.UUID
	Ordinal       int
	State         state.Visit
	TechnicianID  *uuid.UUID
	ScheduledFrom *time.Time
	ScheduledTo   *time.Time
	AcceptedAt    *time.Time
	TravelingAt   *time.Time
	ArrivedAt     *time.Time
	FinishedAt    *time.Time
	Reason        string
	CreatedAt     time.Time
	ChangedAt     time.Time
	dirty         bool
}

const visitColumns = `id, ordinal, state, technician_id, scheduled_from, scheduled_to, accepted_at, traveling_at, arrived_at,
	finished_at, reason, created_at, changed_at`

// job is a ticket under its row lock, with what belongs to it, while a transaction works on it. Changes are made
// to its fields and written by save.
type job struct {
	tickets *Tickets
	tx      *postgres.Tx
	t       row
	before  row
	visits  []*visitRow
	spans   []authority.Interval
	links   []chain.Link
	writes  pgx.Batch
	fresh   bool
	bulk    bool
	// anew shows everything, whether it changed or not.
	anew bool
}

// lock locks a ticket's row, which orders all its changes, and reads what belongs to it: one round trip.
func (r *Tickets) lock(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*job, error) {
	return r.read(ctx, tx, id, " FOR UPDATE")
}

// lockByVisit is lock for the ticket of a visit, which a visit never changes. The ticket is locked by its id, so that
// the tests know the row: a push has locked it before, where it does several things.
func (r *Tickets) lockByVisit(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) (*job, error) {
	var ticket uuid.UUID
	err := tx.QueryRow(ctx, `SELECT ticket_id FROM visit WHERE org_id = $1 AND id = $2`, tx.OrgID(), visit).Scan(&ticket)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "visit")
	}
	if err != nil {
		return nil, err
	}
	return r.lock(ctx, tx, ticket)
}

// look reads a ticket without a lock, for showing.
func (r *Tickets) look(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*job, error) {
	return r.read(ctx, tx, id, "")
}

func (r *Tickets) read(ctx context.Context, tx *postgres.Tx, id uuid.UUID, how string) (*job, error) {
	j := &job{tickets: r, tx: tx}
	batch := &pgx.Batch{}
	batch.Queue(`SELECT `+rowColumns+` FROM ticket WHERE org_id = $1 AND id = $2`+how, tx.OrgID(), id)
	batch.Queue(`SELECT `+visitColumns+` FROM visit WHERE org_id = $1 AND ticket_id = $2 ORDER BY ordinal`, tx.OrgID(), id)
	batch.Queue(`SELECT visit_id, technician_id, valid_from, valid_to FROM ticket_assignment
		WHERE org_id = $1 AND ticket_id = $2 ORDER BY valid_from, id`, tx.OrgID(), id)
	results := tx.SendBatch(ctx, batch)
	defer results.Close()
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	j.t, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "ticket")
	}
	if err != nil {
		return nil, err
	}
	j.before = j.t
	if rows, err = results.Query(); err != nil {
		return nil, err
	}
	if j.visits, err = pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[visitRow]); err != nil {
		return nil, err
	}
	if rows, err = results.Query(); err != nil {
		return nil, err
	}
	j.spans, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (authority.Interval, error) {
		var i authority.Interval
		var until *time.Time
		err := row.Scan(&i.Visit, &i.Technician, &i.Since, &until)
		i.Until = value(until)
		return i, err
	})
	if err != nil {
		return nil, err
	}
	return j, results.Close()
}

func (j *job) visit(id uuid.UUID) *visitRow {
	for _, v := range j.visits {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// current is the visit that goes on, nil if there is none.
func (j *job) current() *visitRow {
	if j.t.VisitID == nil {
		return nil
	}
	return j.visit(*j.t.VisitID)
}

// value gives what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// some points to v, or nowhere for the zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// someTime is some for times, in UTC and to the microsecond, as the database keeps them.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

func window(from, to *time.Time) state.Window { return state.Window{From: value(from), To: value(to)} }
