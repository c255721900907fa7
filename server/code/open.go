package code

import (
	"context"
	"strings"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// KindOpenTicket is the kind of a clerk's scan at the counter.
const KindOpenTicket = "store.open_ticket"

// Mutators are what a shop's phone does offline.
func (r *Codes) Mutators() map[string]intake.Mutator[*postgres.Tx] {
	return map[string]intake.Mutator[*postgres.Tx]{KindOpenTicket: r.openTicket}
}

var validator = sync.OnceValues(func() (protovalidate.Validator, error) { return protovalidate.New() })

func decode(args []byte, m proto.Message) error {
	if err := proto.Unmarshal(args, m); err != nil {
		return err
	}
	v, err := validator()
	if err != nil {
		return err
	}
	return v.Validate(m)
}

// openTicket opens a ticket for the scanned unit, or shows the one that the unit has: then the verdict is merged, with
// the id that the phone made up and the one that is kept. A unit that was never registered is registered by the scan,
// if its product is known. A code without a serial, where none was typed either, opens a ticket for the product
// alone, and then nothing can tell a second scan from another piece.
func (r *Codes) openTicket(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	var a storev1.OpenTicketByScan
	if err := decode(m.Args, &a); err != nil {
		return intake.Park(fault.MutationMalformed, ""), nil //nolint:nilerr // the verdict tells it
	}
	typed := proto.CloneOf(&a)
	typed.Scanned = "" // a scanner's own words: GS1 separates fields by a control character
	if err := intake.Readable(typed); err != nil {
		return intake.Result{}, err
	}
	store, ticket := uuid.UUID(a.StoreId), uuid.UUID(a.TicketId)
	serves, err := r.people.Serves(ctx, tx, m.User, store, m.Done())
	if err != nil {
		return intake.Result{}, err
	}
	if !serves {
		return intake.Result{}, fault.New(fault.Forbidden, "not a clerk of this shop at that time")
	}
	t, err := r.identifyForStaff(ctx, tx, a.Scanned, a.Serial, m.Done())
	if err != nil {
		return intake.Result{}, err
	}
	if t.Kind != token.Unit {
		return intake.Result{}, fault.New(fault.CodeUnreadable, "this is not the code of a product")
	}
	u, err := lockTarget(ctx, tx, t)
	if err != nil {
		return intake.Result{}, err
	}
	apart := false
	if u.ID != uuid.Nil {
		open, ok, err := r.tickets.InWork(ctx, tx, u.ID)
		if err != nil {
			return intake.Result{}, err
		}
		if ok {
			if ok, err = r.reaches(ctx, tx, m, u, open); err != nil {
				return intake.Result{}, err
			}
			if ok {
				return r.showOpen(ctx, tx, ticket, open)
			}
			apart = true
		}
	}
	if u.ID != uuid.Nil && !apart {
		u.sell(store, m.Done(), t.Product.GetWarrantyMonths())
		if err := saveUnit(ctx, tx, u); err != nil {
			return intake.Result{}, err
		}
	}
	o := scanned.Purchase{
		Ticket: ticket, Source: "scan", Product: t.Product, Unit: u.ID, Serial: t.Serial, Store: store,
		PurchasedAt: u.PurchasedAt, WarrantyUntil: u.WarrantyUntil, OrderNumber: u.OrderNumber,
		Name: strings.TrimSpace(a.CustomerName), Phone: strings.TrimSpace(a.CustomerPhone),
		Address: strings.TrimSpace(a.Address),
		By:      m.User, At: m.Done(),
	}
	if apart {
		// As for a booking: who may not know whose unit it is gets a ticket, and the office says whether it is a job of its
		// own.
		o.Unit, o.OrderNumber, o.PurchasedAt, o.WarrantyUntil, o.Unconfirmed = uuid.Nil, "", time.Time{}, time.Time{}, true
	}
	if p := a.Position; p != nil {
		o.Position = &scanned.Position{Latitude: p.Latitude, Longitude: p.Longitude, Accuracy: p.AccuracyM}
	}
	if w := a.GetWanted(); w.GetEarliest() != nil {
		o.WantedEarliest = w.Earliest.AsTime()
	}
	if w := a.GetWanted(); w.GetLatest() != nil {
		o.WantedUntil = w.Latest.AsTime()
	}
	open, existing, err := r.tickets.OpenTicket(ctx, tx, o)
	if err != nil {
		return intake.Result{}, err
	}
	if existing && open != ticket {
		// The office opened one for the same unit at this very moment, past the unit's lock.
		return r.showOpen(ctx, tx, ticket, open)
	}
	return intake.Done(), r.LogScan(ctx, tx, "clerk", m.User, t)
}

// reaches tells whether a clerk may know of a unit's ticket: it is of a shop where he serves, or the unit is.
func (r *Codes) reaches(ctx context.Context, tx *postgres.Tx, m change.Mutation, u Unit, open uuid.UUID) (bool, error) {
	view, ok, err := r.tickets.Ticket(ctx, tx, open)
	if err != nil || !ok {
		return false, err
	}
	for _, shop := range []uuid.UUID{view.Store, u.Store} {
		if shop == uuid.Nil {
			continue
		}
		if serves, err := r.people.Serves(ctx, tx, m.User, shop, m.Done()); err != nil || serves {
			return serves, err
		}
	}
	return false, nil
}

// lockTarget locks the scanned unit, and registers it where its label was read for the first time.
func lockTarget(ctx context.Context, tx *postgres.Tx, t Target) (Unit, error) {
	switch {
	case t.ID != uuid.Nil:
		u, _, err := lockUnit(ctx, tx, t.ID)
		return u, err
	case t.Serial != "" && t.Product.GetGtin() != "":
		return makeUnit(ctx, tx, uuid.UUID(t.Product.GetId()), gs1.GTIN(t.Product.GetGtin()), t.Serial)
	}
	return Unit{}, nil
}

func (r *Codes) showOpen(ctx context.Context, tx *postgres.Tx, asked, open uuid.UUID) (intake.Result, error) {
	view, ok, err := r.tickets.Ticket(ctx, tx, open)
	if err != nil {
		return intake.Result{}, err
	}
	changes := []change.FieldChange{{Field: "ticket_id", Yours: asked.String(), Kept: open.String()}}
	if ok {
		changes = append(changes, change.FieldChange{Field: "number", Kept: view.Number})
	}
	return intake.MergedWith(changes...), nil
}

// LogScan notes who scanned what: who is office, clerk, technician or stranger, user is zero for a stranger.
func (r *Codes) LogScan(ctx context.Context, tx *postgres.Tx, who string, user change.User, t Target) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	target := t.ID
	if target == uuid.Nil && t.Product != nil {
		target = uuid.UUID(t.Product.GetId())
	}
	_, err = tx.Exec(ctx, `INSERT INTO code_scan (org_id, scan_id, at, who, user_id, kind, target_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		tx.OrgID(), id, tx.Now(), who, null(uuid.UUID(user)), t.Kind, target)
	return err
}
