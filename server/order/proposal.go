package order

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Proposal is what somebody said of a customer beside the record.
type Proposal struct {
	ID, Customer uuid.UUID
	// Order is the one with which it was said; OrderNumber, Store, Region and Tickets are that order's.
	Order         uuid.UUID
	OrderNumber   string
	Store, Region uuid.UUID
	Tickets       []uuid.UUID
	// Name and Address are empty, At is nil and VIP false where nothing else was said than the record says.
	Name, Address string
	Position      *Point
	// OfAddress is the address that Position belongs to, where Address is empty.
	OfAddress     string
	VIP           bool
	Source, Actor string
	At            time.Time
	// Decision is accepted, dismissed, or empty while it is open.
	Decision, DecidedBy string
	DecidedAt           time.Time
}

// maxOpen is how many proposals of one customer may be open. The tickets carry what was said all the same.
const maxOpen = 20

// differs is what an order says of a customer that the record does not.
func (k record) differs(c Customer) Proposal {
	var p Proposal
	if c.Name != "" && c.Name != k.Name {
		p.Name = c.Name
	}
	moved := c.Address != "" && c.Address != k.Address
	if moved {
		p.Address = c.Address
	}
	// A position belongs to its address: with a new address the old position says nothing.
	if c.At != nil && (moved || k.At == nil || *c.At != *k.At) {
		p.Position = c.At
		if !moved {
			p.OfAddress = k.Address
		}
	}
	p.VIP = c.VIP && !k.VIP
	return p
}

// told takes what an order says of a known customer: into the record, where who brought the order keeps it, else
// beside it.
func (r *Orders) told(ctx context.Context, tx *postgres.Tx, known record, from Purchase, order uuid.UUID) error {
	if known.fresh {
		return nil
	}
	p := known.differs(from.Customer)
	if p.empty() {
		return nil
	}
	keeps, err := keeps(ctx, tx, from.By.Records, known.ID)
	if err != nil {
		return err
	}
	p.Customer, p.Order, p.Source, p.Actor, p.At = known.ID, order, from.Source, from.Actor, tx.Now()
	if keeps && p.VIP {
		// Who keeps the record may not make VIPs by that: it takes an office over all of the customer's orders.
		if p, err = splitVIP(ctx, tx, p, from.By.VIP); err != nil {
			return err
		}
	}
	if keeps && p.empty() {
		return nil
	}
	if p, err = propose(ctx, tx, p, keeps); err != nil || !keeps {
		return err
	}
	return apply(ctx, tx, known.Customer, p, from.Actor)
}

// empty tells that a proposal says nothing.
func (p Proposal) empty() bool { return p.Name == "" && p.Address == "" && p.Position == nil && !p.VIP }

// splitVIP takes the VIP out of a proposal, and leaves it open as one of its own, unless who decides may make this
// customer a VIP.
func splitVIP(ctx context.Context, tx *postgres.Tx, p Proposal, office Reach) (Proposal, error) {
	may, err := keeps(ctx, tx, office, p.Customer)
	if err != nil || may {
		return p, err
	}
	p.VIP = false
	_, err = propose(ctx, tx, Proposal{
		Customer: p.Customer, Order: p.Order, VIP: true, Source: p.Source, Actor: p.Actor,
		At: p.At,
	}, false)
	return p, err
}

// propose keeps a proposal, and gives it with its id. Of a customer of whom enough stands open nothing more is kept,
// unless it is decided at once.
func propose(ctx context.Context, tx *postgres.Tx, p Proposal, decided bool) (Proposal, error) {
	var err error
	if p.ID, err = uuid.NewV7(); err != nil {
		return p, err
	}
	var lat, lng *float64
	if p.Position != nil {
		lat, lng = &p.Position.Latitude, &p.Position.Longitude
	}
	_, err = tx.Exec(ctx, `INSERT INTO customer_proposal
			(org_id, id, customer_id, purchase_id, name, address, latitude, longitude, of_address, vip, source, actor, at)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
		WHERE $14 OR (SELECT count(*) FROM customer_proposal WHERE org_id = $1 AND customer_id = $3 AND decision = '') < $15`,
		tx.OrgID(), p.ID, p.Customer, p.Order, p.Name, p.Address, lat, lng, p.OfAddress, p.VIP, p.Source, p.Actor, p.At,
		decided, maxOpen)
	return p, err
}

// apply writes a proposal into the record, whose row the transaction has locked, and keeps what it said before.
func apply(ctx context.Context, tx *postgres.Tx, was Customer, p Proposal, by string) error {
	before := map[string]any{"name": was.Name, "address": was.Address, "vip": was.VIP}
	if was.At != nil {
		before["latitude"], before["longitude"] = was.At.Latitude, was.At.Longitude
	}
	replaced, err := json.Marshal(before)
	if err != nil {
		return err
	}
	is := was
	if p.Name != "" {
		is.Name = p.Name
	}
	if p.Address != "" {
		is.Address, is.At = p.Address, nil
	}
	if p.Position != nil && (p.Address != "" || p.OfAddress == was.Address) {
		is.At = p.Position
	}
	is.VIP = is.VIP || p.VIP
	var lat, lng *float64
	if is.At != nil {
		lat, lng = &is.At.Latitude, &is.At.Longitude
	}
	if _, err := tx.Exec(ctx, `UPDATE customer SET name = $3, address = $4, latitude = $5, longitude = $6, vip = $7
		WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), was.ID, is.Name, is.Address, lat, lng, is.VIP); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE customer_proposal
		SET decision = 'accepted', decided_by = $3, decided_at = $4, replaced = $5 WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), p.ID, by, tx.Now(), replaced)
	return err
}

// Decider is who decides on a proposal.
type Decider struct {
	User uuid.UUID
	// Office is over which orders he acts for the office.
	Office Reach
}

// Decide takes a proposal over into the record, or dismisses it. The office decides on what was said with its orders,
// but nobody below the whole company on what he said himself; and who has met the customer. VIPs are made only by an
// office that all of the customer's orders belong to. What was decided before stays so: Conflict.
func (r *Orders) Decide(ctx context.Context, tx *postgres.Tx, id uuid.UUID, accept bool, by Decider) (Proposal, error) {
	p, err := r.ProposalByID(ctx, tx, id)
	if err != nil {
		return p, err
	}
	actor := "user:" + by.User.String()
	office := by.Office.Any(spots(p.Store, p.Region)...)
	if !office {
		met, err := r.tickets.Met(ctx, tx, by.User, p.Tickets)
		if err != nil {
			return p, err
		}
		if !met {
			return p, fault.New(fault.NotFound, "proposal")
		}
	}
	if p.Actor == actor && !by.Office.All {
		return p, fault.New(fault.Forbidden, "proposal: somebody else decides on it")
	}
	// The trails of the tickets are written below; a ticket is locked before the orders (docs/ARCHITECTURE.md).
	tickets := p.Tickets
	if err := r.tickets.LockAll(ctx, tx, tickets, nil); err != nil {
		return p, err
	}
	if err := LockOrders(ctx, tx); err != nil {
		return p, err
	}
	// The customer's row is locked before the proposal's, as everywhere.
	rows, err := tx.Query(ctx, `SELECT `+customerColumns+` FROM customer
		WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE`, tx.OrgID(), p.Customer)
	if err != nil {
		return p, err
	}
	was, err := pgx.CollectExactlyOneRow(rows, scanCustomer)
	if err != nil {
		return p, err
	}
	if p, err = r.ProposalByID(ctx, tx, id); err != nil {
		return p, err
	}
	if p.Decision != "" {
		return p, fault.New(fault.Conflict, "proposal: %s already", p.Decision)
	}
	if !slices.Equal(p.Tickets, tickets) {
		return p, fault.New(fault.Conflict, "proposal: its order has got more tickets meanwhile; decide again")
	}
	kind := "customer.proposal_dismissed"
	if accept {
		kind = "customer.proposal_accepted"
		if p, err = withoutVIP(ctx, tx, p, by.Office); err != nil {
			return p, err
		}
		err = apply(ctx, tx, was, p, actor)
	} else {
		_, err = tx.Exec(ctx, `UPDATE customer_proposal SET decision = 'dismissed', decided_by = $3, decided_at = $4
			WHERE org_id = $1 AND id = $2`,
			tx.OrgID(), id, actor, tx.Now())
	}
	if err != nil {
		return p, err
	}
	for _, t := range p.Tickets {
		if err := r.tickets.Trail(ctx, tx, t, kind, actor,
			map[string]string{"proposal": id.String(), "customer": p.Customer.String()}); err != nil {
			return p, err
		}
	}
	return r.ProposalByID(ctx, tx, id)
}

// withoutVIP leaves the VIP of a proposal open for the company's office, where who accepts the rest may not make this
// customer a VIP. Where there is no rest, there is nothing to accept: Forbidden.
func withoutVIP(ctx context.Context, tx *postgres.Tx, p Proposal, office Reach) (Proposal, error) {
	if !p.VIP {
		return p, nil
	}
	q, err := splitVIP(ctx, tx, p, office)
	if err != nil || q.VIP {
		return q, err
	}
	if q.empty() {
		return p, fault.New(fault.Forbidden, "vip: an office that all of the customer's orders belong to decides")
	}
	_, err = tx.Exec(ctx, `UPDATE customer_proposal SET vip = false WHERE org_id = $1 AND id = $2`, tx.OrgID(), p.ID)
	return q, err
}

// ProposalFilter narrows a list of proposals; the zero value is all that are open.
type ProposalFilter struct {
	ID, Ticket, Order uuid.UUID
	Decided           bool
	// Limited lists those said with orders within Reach only.
	Limited bool
	Reach   Reach
	After   uuid.UUID
	Limit   int // 0 is 50
}

// ProposalByID finds a proposal; NotFound when there is none.
func (r *Orders) ProposalByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Proposal, error) {
	all, err := r.Proposals(ctx, tx, ProposalFilter{ID: id, Decided: true, Limit: 1})
	if err == nil && len(all) == 0 {
		err = fault.New(fault.NotFound, "proposal")
	}
	if err != nil {
		return Proposal{}, err
	}
	return all[0], nil
}

// Proposals lists proposals, the newest first.
func (r *Orders) Proposals(ctx context.Context, tx *postgres.Tx, f ProposalFilter) ([]Proposal, error) {
	if f.Limit == 0 {
		f.Limit = 50
	}
	rows, err := tx.Query(ctx, `SELECT q.id, q.customer_id, q.purchase_id, p.number, p.store_id, p.region_id, q.name,
		q.address, q.latitude, q.longitude,
			q.of_address, q.vip, q.source, q.actor, q.at, q.decision, q.decided_by, q.decided_at,
			ARRAY(SELECT t FROM purchase_line l, unnest(l.ticket_ids) t WHERE l.org_id = $1 AND l.purchase_id = q.purchase_id
			ORDER BY t)
		FROM customer_proposal q JOIN purchase p ON p.org_id = q.org_id AND p.id = q.purchase_id
		WHERE q.org_id = $1 AND ($2::uuid IS NULL OR q.id = $2) AND ($3 OR q.decision = '')
			AND ($4::uuid IS NULL OR q.purchase_id IN (SELECT purchase_id FROM purchase_line
			WHERE org_id = $1 AND $4 = ANY (ticket_ids)))
			AND ($5::uuid IS NULL OR q.purchase_id = $5)
			AND (NOT $6 OR p.store_id = ANY ($7) OR p.region_id = ANY ($8)) AND ($9::uuid IS NULL OR q.id < $9)
		ORDER BY q.id DESC LIMIT $10`,
		tx.OrgID(), some(f.ID), f.Decided, some(f.Ticket), some(f.Order), f.Limited && !f.Reach.All, f.Reach.Stores,
		f.Reach.Regions, some(f.After), f.Limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanProposal)
}

func scanProposal(row pgx.CollectableRow) (Proposal, error) {
	var p Proposal
	var store, region *uuid.UUID
	var lat, lng *float64
	var decided *time.Time
	err := row.Scan(&p.ID, &p.Customer, &p.Order, &p.OrderNumber, &store, &region, &p.Name, &p.Address, &lat, &lng,
		&p.OfAddress, &p.VIP, &p.Source, &p.Actor, &p.At, &p.Decision, &p.DecidedBy, &decided, &p.Tickets)
	p.OrderNumber = shown(p.OrderNumber)
	if store != nil {
		p.Store = *store
	}
	if region != nil {
		p.Region = *region
	}
	if lat != nil && lng != nil {
		p.Position = &Point{*lat, *lng}
	}
	if decided != nil {
		p.DecidedAt = *decided
	}
	return p, err
}

// ProposalsOf lists what was said of the customer with an order, decided or not.
func (r *Orders) ProposalsOf(
	ctx context.Context, tx *postgres.Tx, order uuid.UUID,
) ([]*officev1.CustomerProposal, error) {
	all, err := r.Proposals(ctx, tx, ProposalFilter{Order: order, Decided: true})
	out := make([]*officev1.CustomerProposal, len(all))
	for i, p := range all {
		out[i] = p.Wire()
	}
	return out, err
}
