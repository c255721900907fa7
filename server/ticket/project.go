package ticket

import (
	"context"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// maxHistory is how many earlier jobs a ticket shows.
const maxHistory = 5

// maxNotes is how many notes a ticket shows, the newest.
const maxNotes = 50

// attached is what is read of a ticket only to show it.
type attached struct {
	notes    []*fieldv1.Note
	charges  []Charge
	times    map[uuid.UUID]time.Time // device times of the charges
	agreed   map[uuid.UUID][]byte    // the signature that covers a charge as it is
	answers  map[uuid.UUID][]*fieldv1.TaskAnswer
	history  []*fieldv1.HistoryItem
	reasonZH string
	reasonEN string
}

// attach reads it in one round trip.
func (j *job) attach(ctx context.Context) (attached, error) {
	a := attached{
		answers: map[uuid.UUID][]*fieldv1.TaskAnswer{}, times: map[uuid.UUID]time.Time{},
		agreed: map[uuid.UUID][]byte{},
	}
	org := j.tx.OrgID()
	b := &pgx.Batch{}
	b.Queue(`SELECT id, text, author, device_time FROM ticket_note WHERE org_id = $1 AND ticket_id = $2
		ORDER BY server_time DESC, id DESC LIMIT $3`, org, j.t.ID, maxNotes).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var text, author string
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&id, &text, &author, &at}, func() error {
			n := &fieldv1.Note{Id: id[:], Text: text, Author: author, DeviceTime: timestamppb.New(at)}
			n.Id = append([]byte(nil), id[:]...)
			a.notes = append([]*fieldv1.Note{n}, a.notes...)
			return nil
		})
		return err
	})
	b.Queue(`SELECT c.id, c.kind, c.price_item_id, c.name, c.quantity, c.unit_minor, c.currency, c.device_time, `+agreedBy+
		` FROM ticket_charge c
		WHERE c.org_id = $1 AND c.ticket_id = $2 ORDER BY c.server_time, c.id`, org, j.t.ID).Query(func(rows pgx.Rows) error {
		var c Charge
		var kind int16
		var minor int64
		var currency string
		var at time.Time
		var agreed *uuid.UUID
		_, err := pgx.ForEachRow(rows,
			[]any{&c.ID, &kind, &c.PriceItemID, &c.Name, &c.Quantity, &minor, &currency, &at, &agreed}, func() error {
				c.Kind, c.UnitPrice = fieldv1.PriceItemKind(kind), money.New(minor, money.Currency(currency))
				a.charges = append(a.charges, c)
				a.times[c.ID], a.agreed[c.ID] = at, idBytes(agreed)
				return nil
			})
		return err
	})
	b.Queue(`SELECT w.visit_id, w.value FROM ticket_answer w JOIN visit v ON v.org_id = w.org_id AND v.id = w.visit_id
		WHERE v.org_id = $1 AND v.ticket_id = $2 ORDER BY w.visit_id, w.step`, org, j.t.ID).Query(func(rows pgx.Rows) error {
		var visit uuid.UUID
		var body []byte
		_, err := pgx.ForEachRow(rows, []any{&visit, &body}, func() error {
			w := &fieldv1.TaskAnswer{}
			if err := proto.Unmarshal(body, w); err != nil {
				return err
			}
			a.answers[visit] = append(a.answers[visit], w)
			return nil
		})
		return err
	})
	b.Queue(`
		SELECT number, state, opened_at, product_name FROM (
			(SELECT id, number, state, opened_at, product_name FROM ticket
				WHERE org_id = $1 AND unit_id = $3 AND id <> $2 ORDER BY opened_at DESC LIMIT $5)
			UNION
			(SELECT id, number, state, opened_at, product_name FROM ticket
				WHERE org_id = $1 AND customer_id = $4 AND id <> $2 ORDER BY opened_at DESC LIMIT $5)
		) h WHERE opened_at <= $6 ORDER BY opened_at DESC, number DESC LIMIT $5`,
		org, j.t.ID, j.t.UnitID, j.t.CustomerID, maxHistory, j.t.OpenedAt).Query(func(rows pgx.Rows) error {
		var number, product string
		var s int16
		var at time.Time
		_, err := pgx.ForEachRow(rows, []any{&number, &s, &at, &product}, func() error {
			a.history = append(a.history, &fieldv1.HistoryItem{
				Number: number, State: fieldv1.TicketState(s), At: timestamppb.New(at), Summary: product,
			})
			return nil
		})
		return err
	})
	b.Queue(`SELECT reason_zh, reason_en FROM ticket_assignment WHERE org_id = $1 AND ticket_id = $2 AND valid_to IS NULL`,
		org, j.t.ID).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&a.reasonZH, &a.reasonEN}, func() error { return nil })
		return err
	})
	return a, j.tx.SendBatch(ctx, b).Close()
}

// place shows the ticket where it stands now: to its technician in full, to a team's pool without the customer,
// to its shop as an open ticket.
func (j *job) place(ctx context.Context) error {
	t, was := &j.t, &j.before
	holder := t.TechnicianID
	if t.Archived {
		holder = nil
	}
	changedHands := value(t.TechnicianID) != value(was.TechnicianID) || t.Archived != was.Archived || j.anew
	if holder == nil {
		if changedHands {
			j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), t.ID)
			for _, v := range j.visits {
				j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT), v.ID)
			}
		}
	} else {
		a, err := j.attach(ctx)
		if err != nil {
			return err
		}
		f := change.FeedID{Kind: "tech", Key: *holder}
		j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), t.ID,
			feed.Placement{Feed: f, Body: body(j.ticketWire(a))})
		for _, v := range j.visits {
			switch {
			case value(v.TechnicianID) == *holder:
				if v.dirty || changedHands {
					j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT), v.ID,
						feed.Placement{Feed: f, Body: body(j.visitWire(v, a))})
				}
			case changedHands:
				j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT), v.ID)
			}
		}
	}
	if err := j.placePool(ctx); err != nil {
		return err
	}
	told := t.CustomerName != was.CustomerName || t.CustomerPhone != was.CustomerPhone
	if t.StoreID != nil && (j.fresh || t.State != was.State || t.Archived != was.Archived || told) || j.anew {
		j.placeStore()
	}
	return nil
}

func (j *job) placePool(ctx context.Context) error {
	t := &j.t
	if t.PoolTeamID == nil {
		if j.before.PoolTeamID != nil || j.anew {
			j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET), t.ID)
		}
		return nil
	}
	p := &fieldv1.PoolTicket{
		Id: t.ID[:], Number: t.Number, Urgency: wireUrgency(t.Urgency), ProductName: t.ProductName,
		ClassId: idBytes(t.ClassID),
		Skills:  t.Skills, Area: t.Area, Wanted: windowWire(t.WantedFrom, t.WantedTo),
	}
	if t.Latitude != nil && t.Longitude != nil {
		p.Near = &typesv1.Position{Latitude: coarse(*t.Latitude), Longitude: coarse(*t.Longitude), AccuracyM: 1000}
	}
	f, err := j.facts(ctx, uuid.Nil, j.tx.Now(), nil)
	if err != nil {
		return err
	}
	pays, _, err := j.tickets.earnings.Estimate(ctx, j.tx, f)
	if err != nil {
		return err
	}
	p.Pays = moneyWire(pays)
	j.tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET), t.ID,
		feed.Placement{Feed: change.FeedID{Kind: "team", Key: *t.PoolTeamID}, Body: body(p)})
	return nil
}

func (j *job) placeStore() {
	t := &j.t
	kind := change.Kind(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET)
	if t.StoreID == nil || !t.State.Open() || t.Archived {
		j.tx.Place(kind, t.ID)
		return
	}
	j.tx.Place(kind, t.ID, feed.Placement{
		Feed: change.FeedID{Kind: "store", Key: *t.StoreID},
		Body: body(&storev1.OpenTicket{
			Id: t.ID[:], Number: t.Number, State: fieldv1.TicketState(t.State), UnitId: idBytes(t.UnitID),
			ProductName:  t.ProductName,
			CustomerName: t.CustomerName, CustomerPhone: MaskPhone(t.CustomerPhone), OpenedAt: timestamppb.New(t.OpenedAt),
		}),
	})
}

func (j *job) ticketWire(a attached) *fieldv1.Ticket {
	t := &j.t
	w := &fieldv1.Ticket{
		Id: t.ID[:], Number: t.Number, State: fieldv1.TicketState(t.State), MoneyState: fieldv1.MoneyState(t.MoneyState),
		BusinessType: wireBusiness(t.BusinessType), Urgency: wireUrgency(t.Urgency),
		Customer: &fieldv1.Customer{
			Id: idBytes(t.CustomerID), Name: t.CustomerName, Phone: t.CustomerPhone, Address: t.Address, Vip: t.VIP,
			Language: t.Language,
			Position: positionWire(t.Latitude, t.Longitude),
		},
		ProductId: idBytes(t.ProductID), ProductName: t.ProductName, Model: t.Model, Serial: t.Serial,
		PurchasedAt: timeWire(t.PurchasedAt), WarrantyUntil: timeWire(t.WarrantyUntil), ShopName: t.StoreName,
		TemplateId: idBytes(t.TemplateID), Wanted: windowWire(t.WantedFrom, t.WantedTo),
		Arrival: windowWire(t.ArrivalFrom, t.ArrivalTo),
		Due:     timeWire(t.DueTo), Notes: a.notes, OrderNumber: t.OrderNumber, History: a.history, EventHash: t.EventHash,
		ChangedAt: timestamppb.New(t.ChangedAt), ClassId: idBytes(t.ClassID), ReworkOf: idBytes(t.ReworkOf),
	}
	if a.reasonZH+a.reasonEN != "" {
		w.AssignmentReason = &typesv1.Label{Zh: a.reasonZH, En: a.reasonEN}
	}
	for _, c := range a.charges {
		id, item, at := c.ID, c.PriceItemID, timestamppb.New(a.times[c.ID])
		if c.Kind == fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART {
			w.Parts = append(w.Parts, &fieldv1.PartUsed{
				Id: id[:], PriceItemId: item[:], Name: c.Name, Quantity: uint32(c.Quantity), UnitPrice: moneyWire(c.UnitPrice),
				DeviceTime: at,
				AgreedBy:   a.agreed[c.ID],
			})
		} else {
			w.Surcharges = append(w.Surcharges, &fieldv1.Surcharge{
				Id: id[:], PriceItemId: item[:], Name: c.Name, Quantity: uint32(c.Quantity), UnitPrice: moneyWire(c.UnitPrice),
				DeviceTime: at,
				AgreedBy:   a.agreed[c.ID],
			})
		}
	}
	return w
}

func (j *job) visitWire(v *visitRow, a attached) *fieldv1.Visit {
	return &fieldv1.Visit{
		Id: v.ID[:], TicketId: j.t.ID[:], State: fieldv1.VisitState(v.State), Ordinal: uint32(v.Ordinal),
		TechnicianId: idBytes(v.TechnicianID),
		Scheduled:    windowWire(v.ScheduledFrom, v.ScheduledTo), Answers: a.answers[v.ID],
		AcceptedAt:  timeWire(v.AcceptedAt),
		TravelingAt: timeWire(v.TravelingAt), ArrivedAt: timeWire(v.ArrivedAt), FinishedAt: timeWire(v.FinishedAt),
		Reason:    v.Reason,
		ChangedAt: timestamppb.New(v.ChangedAt),
	}
}

// body is the bytes that a feed keeps: the same message always gives the same bytes.
func body(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		// Only invalid UTF-8 can do this, and the database keeps none.
		panic("ticket: marshal: " + err.Error())
	}
	return b
}

func idBytes(id *uuid.UUID) []byte {
	if id == nil {
		return nil
	}
	return append([]byte(nil), id[:]...)
}

func timeWire(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

func windowWire(from, to *time.Time) *typesv1.Window {
	if from == nil && to == nil {
		return nil
	}
	return &typesv1.Window{Earliest: timeWire(from), Latest: timeWire(to)}
}

// How far from now the office's times may lie: what is further is a slip of the pen.
const (
	longAgo  = 31 * 24 * time.Hour
	farAhead = 366 * 24 * time.Hour
)

// windowFrom reads a window that the office gave for the field name.
func windowFrom(w *typesv1.Window, name string, now time.Time) (out state.Window, err error) {
	for _, end := range []struct {
		name string
		at   *timestamppb.Timestamp
		to   *time.Time
	}{{"earliest", w.GetEarliest(), &out.From}, {"latest", w.GetLatest(), &out.To}} {
		if end.at == nil {
			continue
		}
		*end.to = end.at.AsTime()
		if end.to.Before(now.Add(-longAgo)) || end.to.After(now.Add(farAhead)) {
			return out, fault.New(fault.InvalidArgument, "%s.%s: from a month ago to a year ahead", name, end.name)
		}
	}
	return out, nil
}

func positionWire(lat, lng *float64) *typesv1.Position {
	if lat == nil || lng == nil {
		return nil
	}
	return &typesv1.Position{Latitude: *lat, Longitude: *lng}
}

func moneyWire(a money.Amount) *typesv1.Money {
	return &typesv1.Money{Minor: a.Minor, Currency: string(a.Currency)}
}

func wireBusiness(b int16) fieldv1.BusinessType { return fieldv1.BusinessType(b) }

func wireUrgency(u int16) fieldv1.Urgency { return fieldv1.Urgency(u) }

// coarse rounds degrees to about one kilometre.
func coarse(degrees float64) float64 { return math.Round(degrees*100) / 100 }

// MaskPhone hides the middle of a phone number: 13812340001 becomes 138****0001. Short numbers are hidden whole.
func MaskPhone(phone string) string {
	if n := utf8.RuneCountInString(phone); n < 9 {
		return strings.Repeat("*", n)
	}
	r := []rune(phone)
	return string(r[:3]) + "****" + string(r[len(r)-4:])
}

// Area is an address without the door: up to the house number, which in Chinese follows the street and in English
// goes before it. At most 60 characters.
func Area(address string) string {
	r := []rune(strings.TrimSpace(address))
	digit := func(i int) bool { return unicode.IsDigit(r[i]) }
	begin := 0
	for begin < len(r) && (digit(begin) || unicode.IsSpace(r[begin]) || unicode.IsPunct(r[begin])) {
		begin++
	}
	end := begin
	for end < len(r) && !digit(end) {
		end++
	}
	area := strings.TrimRight(string(r[begin:end]), " ,，、#-")
	if utf8.RuneCountInString(area) > 60 {
		area = string([]rune(area)[:60])
	}
	return area
}
