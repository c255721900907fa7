package ticket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// OpenRequest says what to open a ticket for.
type OpenRequest struct {
	// ID is for a caller that chose it beforehand, offline; zero lets the room choose.
	ID uuid.UUID
	// Source and SourceKey name the thing that the ticket is for, in its source's own words (order-import,
	// "O-17/1/2"): the same pair opens one ticket ever. An empty key says nothing.
	Source, SourceKey string
	// Actor is who opens it; see ByUser, ByDevice, BySystem.
	Actor string
	// DeviceTime is when it was asked for by a device; zero where none was involved.
	DeviceTime   time.Time
	BusinessType fieldv1.BusinessType
	Urgency      fieldv1.Urgency
	Customer     Customer
	// ProductID is of the catalogue, zero when unknown; ProductName then says what it is.
	ProductID   uuid.UUID
	ProductName string
	// UnitID is the piece; while a ticket of it is open no other is opened. Zero when unknown.
	UnitID        uuid.UUID
	Serial        string
	PurchasedAt   time.Time
	WarrantyUntil time.Time
	OrderID       uuid.UUID
	OrderNumber   string
	StoreID       uuid.UUID
	StoreName     string
	RegionID      uuid.UUID
	// Wanted is what suits the customer; Due is what the SLA asks.
	Wanted, Due state.Window
	ReworkOf    uuid.UUID
	// Unconfirmed: somebody must say that it is a job of its own before anybody goes there.
	Unconfirmed bool
	// Bulk: one of many that come at once; the next round of automatic assignment takes it up, and no job of its own.
	Bulk bool
}

// Customer is whom to visit.
type Customer struct {
	ID      uuid.UUID
	Name    string
	Phone   string
	Address string
	At      *score.Point
	VIP     bool
	// NoPhone: there is no number to be had, for a marketplace keeps it to itself, say. The ticket does not lack one.
	NoPhone bool
	// Language is what the customer reads, zh or en; empty leaves the company's.
	Language string
}

// Opened says which ticket is open now.
type Opened struct {
	TicketID uuid.UUID
	Number   string
	// Existing: it was there already, opened earlier from the same source or for the same unit.
	Existing bool
}

// Open opens a ticket in tx, unless there is one already: from the same source key, or an open one for the same unit,
// also when both come at once. An id that is another ticket's is NotFound. Who may not see an existing ticket must not
// be shown it: the caller checks.
func (r *Tickets) Open(ctx context.Context, tx *postgres.Tx, q OpenRequest) (Opened, error) {
	if err := q.check(); err != nil {
		return Opened{}, err
	}
	if o, found, err := existing(ctx, tx, q); err != nil || found {
		return o, err
	}
	j, err := r.draft(ctx, tx, q)
	if err != nil {
		return Opened{}, err
	}
	inserted, err := j.insert(ctx, q)
	if err != nil {
		return Opened{}, err
	}
	if !inserted { // another transaction was faster; it has committed, so it is seen now
		o, found, err := existing(ctx, tx, q)
		if err == nil && !found {
			err = fault.New(fault.Conflict, "")
		}
		return o, err
	}
	err = j.event("ticket.opened", q.Actor, q.DeviceTime, fact{
		"number": j.t.Number, "source": q.Source, "source_key": q.SourceKey, "product": j.t.ProductName, "serial": q.Serial,
		"business_type": j.t.BusinessType, "urgency": j.t.Urgency, "rework_of": j.t.ReworkOf, "needs": j.t.Needs,
	})
	if err != nil {
		return Opened{}, err
	}
	return Opened{TicketID: j.t.ID, Number: j.t.Number}, j.save(ctx)
}

// check refuses what cannot be a ticket and cleans what can.
func (q *OpenRequest) check() error {
	q.Customer.Name, q.Customer.Phone = clip(q.Customer.Name, 100), clip(q.Customer.Phone, 20)
	q.Customer.Address, q.ProductName = clip(q.Customer.Address, 300), clip(q.ProductName, 200)
	q.Serial, q.SourceKey = clip(q.Serial, 80), sourceKey(q.SourceKey)
	if q.BusinessType == 0 {
		q.BusinessType = fieldv1.BusinessType_BUSINESS_TYPE_INSTALL
	}
	if q.Urgency == 0 {
		q.Urgency = fieldv1.Urgency_URGENCY_NORMAL
	}
	switch {
	case q.Actor == "" || q.Source == "":
		return fault.New(fault.InvalidArgument, "source")
	case q.Customer.Language != "" && q.Customer.Language != "zh" && q.Customer.Language != "en":
		return fault.New(fault.InvalidArgument, "customer.language: zh or en")
	case q.BusinessType < 1 || q.BusinessType > 4:
		return fault.New(fault.InvalidArgument, "business_type")
	case q.Urgency < 1 || q.Urgency > 2:
		return fault.New(fault.InvalidArgument, "urgency")
	case q.ProductID == uuid.Nil && q.ProductName == "":
		return fault.New(fault.InvalidArgument, "product")
	}
	// so written to refuse NaN too
	if p := q.Customer.At; p != nil &&
		(!(p.Latitude >= -90 && p.Latitude <= 90) || !(p.Longitude >= -180 && p.Longitude <= 180)) {
		return fault.New(fault.InvalidArgument, "position")
	}
	return errors.Join(q.Wanted.Check("wanted"), q.Due.Check("due"))
}

// sourceKey is the key as it is kept: a long one is shortened, and ends in a hash of the whole, so that no two become
// one.
func sourceKey(s string) string {
	const most, kept = 200, 160
	whole := clip(s, len(s))
	if len([]rune(whole)) <= most {
		return whole
	}
	sum := sha256.Sum256([]byte(whole))
	return clip(whole, kept) + "#" + hex.EncodeToString(sum[:16])
}

func clip(s string, n int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(s), "\x00", ""), "")
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// existing finds the ticket that the request opened before, or the open one of its unit. An id that another request
// took is refused without a word about what it is: an id repeats a request only together with what the request is for.
func existing(ctx context.Context, tx *postgres.Tx, q OpenRequest) (Opened, bool, error) {
	o := Opened{Existing: true}
	var by int
	var same bool
	err := tx.QueryRow(ctx, `
		SELECT n, id, number, source = $3 AND source_key = $4 AND rework_of IS NOT DISTINCT FROM $6 FROM (
			SELECT 1 AS n, id, number, source, source_key, rework_of FROM ticket WHERE org_id = $1 AND id = $2
			UNION ALL
			SELECT 2, id, number, source, source_key, rework_of FROM ticket
			WHERE org_id = $1 AND source = $3 AND source_key = $4 AND $4 <> '' AND source_key <> ''
			UNION ALL
			SELECT 3, id, number, source, source_key, rework_of FROM ticket
				WHERE org_id = $1 AND unit_id = $5 AND state IN (1, 2, 3, 5)
		) e ORDER BY n
		LIMIT 1`, tx.OrgID(), some(q.ID), q.Source, q.SourceKey, some(q.UnitID), some(q.ReworkOf)).Scan(&by, &o.TicketID,
		&o.Number, &same)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Opened{}, false, nil
	case err != nil:
		return Opened{}, false, err
	case by == 1 && !same:
		return Opened{}, false, identity.Unseen(q.idField())
	case by == 3 && q.ReworkOf != uuid.Nil:
		return Opened{}, false, fault.New(fault.Conflict, "the unit has a ticket in work already")
	}
	return o, true, nil
}

// idField is what the caller calls the id.
func (q *OpenRequest) idField() string {
	if q.ReworkOf != uuid.Nil {
		return "rework_id"
	}
	return "id"
}

// draft fills the new ticket from the request and the catalogue.
func (r *Tickets) draft(ctx context.Context, tx *postgres.Tx, q OpenRequest) (*job, error) {
	now := tx.Now()
	id := q.ID
	if id == uuid.Nil {
		var err error
		if id, err = uuid.NewV7(); err != nil {
			return nil, err
		}
	}
	j := &job{tickets: r, tx: tx, fresh: true, bulk: q.Bulk}
	t := &j.t
	*t = row{
		ID: id, State: state.New, BusinessType: int16(q.BusinessType), Urgency: int16(q.Urgency),
		CustomerID: some(q.Customer.ID), CustomerName: q.Customer.Name, CustomerPhone: q.Customer.Phone,
		Address: q.Customer.Address, Area: Area(q.Customer.Address), VIP: q.Customer.VIP,
		ProductID: some(q.ProductID), ProductName: q.ProductName, UnitID: some(q.UnitID), Serial: q.Serial,
		PurchasedAt: someTime(q.PurchasedAt), WarrantyUntil: someTime(q.WarrantyUntil),
		OrderID: some(q.OrderID), OrderNumber: q.OrderNumber, StoreID: some(q.StoreID), StoreName: q.StoreName,
		RegionID: some(q.RegionID), Skills: []string{}, DurationMinutes: 60, TeamIDs: []uuid.UUID{},
		WantedFrom: someTime(q.Wanted.From), WantedTo: someTime(q.Wanted.To), DueFrom: someTime(q.Due.From),
		DueTo:    someTime(q.Due.To),
		ReworkOf: some(q.ReworkOf), EventHash: make([]byte, 32), OpenedAt: now, ChangedAt: now,
	}
	t.Needs = lacking(q)
	var err error
	if t.Language, err = r.language(ctx, tx, q.Customer.Language); err != nil {
		return nil, err
	}
	if p := q.Customer.At; p != nil {
		t.Latitude, t.Longitude = &p.Latitude, &p.Longitude
	}
	if q.StoreID != uuid.Nil && (q.StoreName == "" || q.RegionID == uuid.Nil) {
		name, region, err := r.people.Shop(ctx, tx, q.StoreID)
		if err != nil {
			return nil, err
		}
		if t.StoreName == "" {
			t.StoreName = name
		}
		if t.RegionID == nil {
			t.RegionID = some(region)
		}
	}
	if q.ProductID == uuid.Nil {
		return j, nil
	}
	p, err := r.goods.Product(ctx, tx, q.ProductID)
	if err != nil {
		return nil, err
	}
	t.ProductName, t.Model, t.ClassID = p.Name, p.Model, some(p.ClassID)
	if p.Skills != nil {
		t.Skills = p.Skills
	}
	if p.Duration > 0 {
		t.DurationMinutes = int(p.Duration / time.Minute)
	}
	if t.WarrantyUntil == nil && t.PurchasedAt != nil && p.WarrantyMonths > 0 {
		t.WarrantyUntil = someTime(t.PurchasedAt.AddDate(0, p.WarrantyMonths, 0))
	}
	if p.TemplateID != uuid.Nil {
		t.TemplateID, err = newestTemplate(ctx, tx, p.TemplateID)
	}
	return j, err
}

// insert numbers the ticket and writes its row. It reports false when another one is open already.
func (j *job) insert(ctx context.Context, q OpenRequest) (bool, error) {
	zone, err := j.tickets.people.Zone(ctx, j.tx)
	if err != nil {
		return false, err
	}
	t := &j.t
	day := t.OpenedAt.In(zone)
	var n int
	err = j.tx.QueryRow(ctx, `
		INSERT INTO ticket_counter (org_id, day, last) VALUES ($1, $2, 1)
		ON CONFLICT (org_id, day) DO UPDATE SET last = ticket_counter.last + 1 RETURNING last`,
		j.tx.OrgID(), day.Format(time.DateOnly)).Scan(&n)
	if err != nil {
		return false, err
	}
	t.Number = fmt.Sprintf("T-%s%05d", day.Format("060102"), n)
	tag, err := j.tx.Exec(ctx, `
		INSERT INTO ticket (org_id, source, source_key, `+rowColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
			$25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47,
			$48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63)
		ON CONFLICT DO NOTHING`,
		j.tx.OrgID(), q.Source, q.SourceKey,
		t.ID, t.Number, int16(t.State), int16(t.MoneyState), t.BusinessType, t.Urgency, t.CustomerID, t.CustomerName,
		t.CustomerPhone,
		t.Address, t.Area, t.Latitude, t.Longitude, t.VIP, t.ProductID, t.ProductName, t.Model, t.ClassID, t.UnitID,
		t.Serial, t.PurchasedAt,
		t.WarrantyUntil, t.OrderID, t.OrderNumber, t.StoreID, t.StoreName, t.RegionID, t.TemplateID, t.Skills,
		t.DurationMinutes,
		t.WantedFrom, t.WantedTo, t.ArrivalFrom, t.ArrivalTo, t.ScheduledFrom, t.ScheduledTo, t.DueFrom, t.DueTo,
		t.ActualFrom, t.ActualTo,
		t.TechnicianID, t.TechnicianName, t.VisitID, int16(t.VisitState), t.PoolTeamID, t.TeamIDs, t.HeldAt, t.CanceledAt,
		t.ClosedAt, t.DecisionReason,
		t.ReworkOf, t.Review, t.EventSeq, t.EventHash, t.OpenedAt, t.ChangedAt, t.Archived,
		t.Needs, t.Unassigned, t.Language)
	return err == nil && tag.RowsAffected() == 1, err
}

// language is what the customer reads: what was said, else the company's.
func (r *Tickets) language(ctx context.Context, tx *postgres.Tx, said string) (string, error) {
	if said != "" {
		return said, nil
	}
	return r.people.Language(ctx, tx)
}
