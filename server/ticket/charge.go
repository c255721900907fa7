package ticket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// agreedBy is the signature or the customer's approval that covers the charge c as it is now: null for none. What
// alters a charge takes it out of every agreement that showed it as it was. The name is for people: the price list may
// write it otherwise by now.
const agreedBy = `(SELECT a.proof_id FROM ticket_agreement a WHERE a.org_id = c.org_id AND a.ticket_id = c.ticket_id
	AND a.charge_id = c.id
	AND a.kind = c.kind AND a.price_item_id = c.price_item_id AND a.quantity = c.quantity AND a.unit_minor = c.unit_minor
	AND a.currency = c.currency
	ORDER BY a.server_time, a.proof_id LIMIT 1)`

// charged is what a visit's technician added to the ticket, by this visit or an earlier one: nobody is paid for what
// another has built in.
type charged struct {
	// counted is what counts for pay: where the company asks for the customer's agreement, what that covers.
	counted []Charge
	// open is everything on the ticket that the customer has not agreed to as it is, whoever added it.
	open []Charge
	// unsigned is what of it the technician added himself and no signature shows, this item in this quantity: he was there
	// and could have asked. That a price has changed meanwhile his phone could not know.
	unsigned []Charge
	// named: the newest signature comes from an app that names what it shows, and so knows the rule.
	named bool
}

// charged reads the ticket's charges and judges them by the agreements.
func (a *act) charged(ctx context.Context) (charged, error) {
	rows, err := a.tx.Query(ctx, `SELECT c.id, c.kind, c.price_item_id, c.name, c.quantity, c.unit_minor, c.currency,
			v.technician_id IS NOT DISTINCT FROM $3 AS own, `+agreedBy+` IS NOT NULL AS agreed,
			EXISTS (SELECT FROM ticket_agreement s WHERE s.org_id = c.org_id AND s.ticket_id = c.ticket_id AND s.charge_id = c.id
				AND s.kind = c.kind AND s.price_item_id = c.price_item_id AND s.quantity = c.quantity) AS shown
		FROM ticket_charge c JOIN visit v ON v.org_id = c.org_id AND v.id = c.visit_id
		WHERE c.org_id = $1 AND c.ticket_id = $2 ORDER BY c.server_time, c.id`, a.tx.OrgID(), a.t.ID, a.v.TechnicianID)
	if err != nil {
		return charged{}, err
	}
	var all, own, agreedOwn []Charge
	var out charged
	var c Charge
	var kind int16
	var minor int64
	var currency string
	var mine, agreed, shown bool
	_, err = pgx.ForEachRow(rows,
		[]any{&c.ID, &kind, &c.PriceItemID, &c.Name, &c.Quantity, &minor, &currency, &mine, &agreed, &shown}, func() error {
			c.Kind, c.UnitPrice = fieldv1.PriceItemKind(kind), money.New(minor, money.Currency(currency))
			all = append(all, c)
			if mine {
				own = append(own, c)
			}
			switch {
			case agreed && mine:
				agreedOwn = append(agreedOwn, c)
			case !agreed:
				out.open = append(out.open, c)
				if mine && !shown {
					out.unsigned = append(out.unsigned, c)
				}
			}
			return nil
		})
	if err != nil || len(all) == 0 {
		return charged{}, err
	}
	var asked bool
	asked, out.named, err = a.asked(ctx)
	if err != nil {
		return charged{}, err
	}
	if !asked {
		return charged{counted: own}, nil
	}
	out.counted = agreedOwn
	return out, nil
}

// asked tells whether the customer's agreement to charges is asked for on this ticket, and whether the newest signature
// comes from an app that names what it shows.
func (j *job) asked(ctx context.Context) (asked, named bool, err error) {
	signatures, named, err := j.tickets.proofs.Signatures(ctx, j.tx, j.t.ID)
	if err != nil {
		return false, false, err
	}
	if j.t.TemplateID == nil {
		return agreement.Asked(nil, signatures), named, nil
	}
	t, err := template(ctx, j.tx, *j.t.TemplateID)
	return agreement.Asked(t, signatures), named, err
}

// unsigned is the verdict for a completion with charges that were added after the customer signed, or that nobody
// signed. An app that names what a signature shows refuses by the same rule, and hears no. Of an older one it is for a
// person to decide: the work is done, and the app cannot say what is wanted.
func (a *act) unsigned(ctx context.Context, c charged) (intake.Result, error) {
	words := make([]string, len(c.unsigned))
	for i, one := range c.unsigned {
		words[i] = fmt.Sprintf("%s ×%d", one.Name, one.Quantity)
	}
	detail := fault.Textf("%s", strings.Join(words, ", "))
	if c.named {
		return a.refuse(ctx, agreement.ChargesNotAgreed, detail)
	}
	return a.park(ctx, agreement.ChargesNotAgreed, detail)
}

// agree keeps what a signature covers: the lines that it shows, whether they have come already or not; of an app that
// names none, what its technician has added so far. It says what stands in the trail about it.
func (a *act) agree(ctx context.Context, s *fieldv1.SignSignature) (fact, error) {
	lines, named := s.GetLines(), len(s.GetContentHash()) > 0
	if !named {
		held, err := a.held(ctx)
		if err != nil {
			return nil, err
		}
		lines = held
	}
	return fact{"covers": a.cover(uuid.UUID(s.GetId()), lines, named), "names_what_it_shows": named}, nil
}

// cover keeps lines as what a signature or an approval covers, and gives their ids.
func (j *job) cover(by uuid.UUID, lines []*fieldv1.SignedLine, named bool) []uuid.UUID {
	covers := make([]uuid.UUID, len(lines))
	for i, l := range lines {
		covers[i] = uuid.UUID(l.GetId())
		j.write(`INSERT INTO ticket_agreement (org_id, ticket_id, charge_id, proof_id, kind, price_item_id, name, quantity,
			unit_minor, currency,
				named, server_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
			j.tx.OrgID(), j.t.ID, covers[i], by, int16(l.GetKind()), uuid.UUID(l.GetPriceItemId()), l.GetName(),
			int32(l.GetQuantity()), l.GetUnitPrice().GetMinor(), l.GetUnitPrice().GetCurrency(), named, j.tx.Now())
	}
	return covers
}

// held are the charges that the visit's technician has added so far.
func (a *act) held(ctx context.Context) ([]*fieldv1.SignedLine, error) {
	rows, err := a.tx.Query(ctx, `SELECT c.id, c.kind, c.price_item_id, c.name, c.quantity, c.unit_minor, c.currency
		FROM ticket_charge c JOIN visit v ON v.org_id = c.org_id AND v.id = c.visit_id
		WHERE c.org_id = $1 AND c.ticket_id = $2 AND v.technician_id = $3
			ORDER BY c.id`, a.tx.OrgID(), a.t.ID, a.v.TechnicianID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.SignedLine, error) {
		var id, item uuid.UUID
		var kind int16
		var name, currency string
		var quantity int32
		var minor int64
		err := row.Scan(&id, &kind, &item, &name, &quantity, &minor, &currency)
		return agreement.Line(id[:], fieldv1.PriceItemKind(kind), item[:], name, uint32(quantity),
			moneyWire(money.New(minor, money.Currency(currency)))), err
	})
}

// toldBefore says what stays as it is where a charge of this id is there already and says something else: a line that
// the customer may have signed is never altered by telling it again.
// foreign tells that the id is a charge's of another ticket or visit: this one would be lost.
func (a *act) toldBefore(
	ctx context.Context, id, item uuid.UUID, kind fieldv1.PriceItemKind, quantity uint32,
) (changes []change.FieldChange, foreign bool, err error) {
	var heldKind int16
	var heldItem, heldTicket, heldVisit uuid.UUID
	var held uint32
	err = a.tx.QueryRow(ctx, `SELECT kind, price_item_id, quantity, ticket_id, visit_id FROM ticket_charge
		WHERE org_id = $1 AND id = $2`,
		a.tx.OrgID(), id).Scan(&heldKind, &heldItem, &held, &heldTicket, &heldVisit)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err == nil && (heldTicket != a.t.ID || heldVisit != a.v.ID):
		return nil, true, nil
	}
	if err != nil || heldKind == int16(kind) && heldItem == item && held == quantity {
		return nil, false, err
	}
	return []change.FieldChange{{
		Field: "charge." + id.String(), Yours: fmt.Sprintf("%s ×%d", item, quantity),
		Kept: fmt.Sprintf("%s ×%d", heldItem, held),
	}}, false, nil
}

func ids(charges []Charge) []uuid.UUID {
	out := make([]uuid.UUID, len(charges))
	for i, c := range charges {
		out[i] = c.ID
	}
	return out
}
