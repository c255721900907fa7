package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// part is one region of a company with one of each thing.
type part struct {
	in                 company
	region, shop, team account.Place
	tech               account.User
	phone              uuid.UUID
	techToken          string
	ids                map[names]uuid.UUID
	// marks are what only this part's customers have: name, phone number, address, order.
	marks []string
}

// matrixWorld is two regions of one company and one of another.
type matrixWorld struct {
	company
	parts map[string]*part
	boss  account.User
	phone uuid.UUID // the boss's
}

func openMatrix(t *testing.T) *matrixWorld {
	t.Helper()
	w := &matrixWorld{company: open(t, generous), parts: map[string]*part{}}
	w.boss, w.phone = w.admin, uuid.UUID(w.company.phone(t, w.admin).GetDeviceId())
	other := w.company
	other.fill(t, "other")
	w.parts["A"] = newPart(t, w.company, "1")
	w.parts["B"] = newPart(t, w.company, "2")
	w.parts["other company's"] = newPart(t, other, "3")
	return w
}

func newPart(t *testing.T, c company, n string) *part {
	t.Helper()
	p := &part{in: c, ids: map[names]uuid.UUID{}, marks: []string{"秘名" + n, "1380000000" + n, "秘路" + n}}
	r := c.Rooms
	c.within(t, func(tx *postgres.Tx) (err error) {
		if p.region, err = r.Account.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeRegion, NameZH: "区" + n}); err != nil {
			return err
		}
		if p.shop, err = r.Account.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeStore, NameZH: "店" + n, Region: p.region.ID}); err != nil {
			return err
		}
		p.team, err = r.Account.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeTeam, NameZH: "组" + n, Region: p.region.ID})
		return err
	})
	p.tech = p.newTech(t)
	enrolled := c.phone(t, p.tech)
	p.phone, p.techToken = uuid.UUID(enrolled.GetDeviceId()), enrolled.GetTokens().GetAccess()
	push := mutation(1, "of.another.time")
	_, err := c.sync().Push(t.Context(), with(push, p.techToken))
	must(t, err)
	p.ids[parkedID] = uuid.UUID(push.GetMutations()[0].GetId())
	p.ids[ticketID], p.ids[finishedID] = p.newTicket(t), p.newFinished(t)
	var product *fieldv1.Product
	c.within(t, func(tx *postgres.Tx) (err error) {
		product, err = matrixProduct(t, c, tx)
		return err
	})
	p.ids[goods] = uuid.UUID(product.GetId())
	p.ids[unitID], p.ids[codeID] = p.newCode(t)
	for i, name := range []string{p.marks[0], p.marks[0] + "改"} {
		c.within(t, func(tx *postgres.Tx) error {
			q := order.Purchase{
				Source: "matrix", Number: "M-" + n, Actor: "system:test", OrderedAt: tx.Now(), Store: p.shop.ID,
				Region: p.region.ID, By: order.Office(),
				Customer: order.Customer{Name: name, Phone: p.marks[1], Address: p.marks[2]},
				Lines:    []order.Line{{Item: 1, Product: product, Quantity: 1, Currency: "CNY"}},
			}
			if i > 0 {
				q.Number, q.By = "N-"+n, order.Standing{}
			}
			_, err := r.Order.Take(t.Context(), tx, q)
			return err
		})
	}
	c.within(t, func(tx *postgres.Tx) error {
		all, err := r.Order.Proposals(t.Context(), tx, order.ProposalFilter{Limit: 100})
		for _, one := range all {
			if strings.HasPrefix(one.Name, p.marks[0]) {
				p.ids[proposalID] = one.ID
			}
		}
		return err
	})
	if n != "2" { // one plan a company
		_, err = r.PayOffice.Publish(t.Context(), c.org.ID, c.admin.ID, matrixPlan())
		must(t, err)
	}
	source := uuid.New()
	c.within(t, func(tx *postgres.Tx) error {
		now := tx.Now()
		if err := r.Ticket.Lock(t.Context(), tx, uuid.UUID(p.ids[ticketID])); err != nil {
			return err
		}
		return r.Pay.Accrue(t.Context(), tx, source, plan.Facts{
			Ticket: p.ids[ticketID], Number: "T", Ordered: now, Opened: now, Completed: now,
			Payees: []plan.Share{{Payee: p.tech.ID, Weight: 1}},
		})
	})
	var line, proof uuid.UUID
	must(t, c.db.Owner.QueryRow(t.Context(), `SELECT id FROM pay_entry
		WHERE org_id = $1 AND payee_id = $2`, c.org.ID, p.tech.ID).Scan(&line))
	proof = uuid.New()
	_, err = c.db.Owner.Exec(t.Context(), `INSERT INTO proof (org_id, id, ticket_id, visit_id, step, kind, state, sha256,
		size, media_type, device_time, device_id, user_id, server_time)
		VALUES ($1, $2, $3, $4, 'x', 1, 1, sha256('x'), 10, 'image/jpeg', now(), $5, $6, now())`,
		c.org.ID, proof, p.ids[ticketID], uuid.New(), p.phone, p.tech.ID)
	must(t, err)
	p.ids[lineID], p.ids[proofID] = line, proof
	return p
}

func (p *part) newTech(t *testing.T) (u account.User) {
	t.Helper()
	u = account.User{
		Login: "t" + uuid.NewString(), NameZH: "师傅",
		Grants:     []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
		Technician: &account.Technician{Region: p.region.ID, Teams: []uuid.UUID{p.team.ID}, DailyCapacity: 100},
	}
	p.in.within(t, func(tx *postgres.Tx) (err error) {
		u, err = p.in.Rooms.Account.PutUser(t.Context(), tx, u, "")
		return err
	})
	return u
}

func (p *part) newTeam(t *testing.T) (at account.Place) {
	t.Helper()
	p.in.within(t, func(tx *postgres.Tx) (err error) {
		at, err = p.in.Rooms.Account.PutPlace(t.Context(), tx,
			account.Place{Kind: identity.ScopeTeam, NameZH: "组", Region: p.region.ID})
		return err
	})
	return at
}

// newTicket is offered to the team.
func (p *part) newTicket(t *testing.T) uuid.UUID {
	t.Helper()
	return p.openAt(t, p.shop.ID)
}

func (p *part) openAt(t *testing.T, shop uuid.UUID) (id uuid.UUID) {
	t.Helper()
	p.in.within(t, func(tx *postgres.Tx) error {
		o, err := p.in.Rooms.Ticket.Open(t.Context(), tx, ticket.OpenRequest{
			Source: "matrix", SourceKey: uuid.NewString(), Actor: ticket.BySystem("test"), ProductName: "热水器",
			RegionID: p.region.ID, StoreID: shop,
			Customer: ticket.Customer{Name: p.marks[0], Phone: p.marks[1], Address: p.marks[2]},
		})
		if err != nil {
			return err
		}
		id = o.TicketID
		return p.in.Rooms.Ticket.Offer(t.Context(), tx, id, p.team.ID, ticket.BySystem("test"))
	})
	return id
}

// newFinished is a ticket of no shop whose work is done.
func (p *part) newFinished(t *testing.T) uuid.UUID {
	t.Helper()
	id := p.openAt(t, uuid.Nil)
	_, err := p.in.db.Owner.Exec(t.Context(), `UPDATE ticket SET state = 6, closed_at = now() WHERE id = $1`, id)
	must(t, err)
	return id
}

func (p *part) newCode(t *testing.T) (unit, id uuid.UUID) {
	t.Helper()
	p.in.within(t, func(tx *postgres.Tx) (err error) {
		unit, err = p.in.Rooms.Code.PutUnit(t.Context(), tx,
			code.Unit{Product: p.ids[goods], GTIN: "06901234567892", Serial: uuid.NewString()[:18], Store: p.shop.ID})
		if err != nil {
			return err
		}
		i, err := p.in.Rooms.Code.Issue(t.Context(), tx, token.Unit, unit, time.Hour, change.User(p.tech.ID))
		id = i.ID
		return err
	})
	return unit, id
}

// caller is who calls, with what the table of rights says that they hold.
type caller struct {
	name, token string
	company     uuid.UUID
	grants      []held
	user        uuid.UUID
}

// held is a right: a role's letter over a place.
type held struct {
	role byte
	at   spot
}

// spot is a place by the test's own words; the zero spot is the whole company.
type spot struct{ id, region uuid.UUID }

var letters = map[byte]identity.Role{
	'T': identity.Technician, 'C': identity.Clerk, 'D': identity.Dispatcher, 'S': identity.Supervisor,
	'F': identity.Finance, 'L': identity.Dealer, 'A': identity.Admin,
}

// callers are each role over each scope, and pairs that must not add up.
func (w *matrixWorld) callers(t *testing.T) (out []*caller) {
	t.Helper()
	out = append(out, &caller{name: "stranger"})
	for _, c := range []string{
		"D org", "S org", "A org", "F org", "D A", "S A", "A A", "F A", "L A", "D B", "A B", "F B", "D team", "S team",
		"L shop", "C shop",
		"A A+D org", "S team+D org", "D A+F org", "A A+S B", "L shop+D B", "F A+D B",
	} {
		out = append(out, w.caller(t, w.company, c))
	}
	for _, name := range []string{"A", "B"} {
		p := w.parts[name]
		out = append(out,
			&caller{
				name: "T " + name, token: p.techToken, company: w.org.ID,
				grants: []held{{'T', spot{p.region.ID, p.region.ID}}}, user: p.tech.ID,
			})
	}
	other := w.parts["other company's"].in
	return append(out, w.caller(t, other, "A org"), w.caller(t, other, "S org+F org"))
}

func (w *matrixWorld) caller(t *testing.T, in company, rights string) *caller {
	t.Helper()
	a := w.parts["A"]
	c := &caller{name: rights + " of " + in.org.Slug, company: in.org.ID}
	u := account.User{Login: uuid.NewString(), NameZH: "某"}
	for right := range strings.SplitSeq(rights, "+") {
		role, scope, _ := strings.Cut(right, " ")
		g := identity.Grant{Role: letters[role[0]]}
		var at spot
		switch scope {
		case "org":
			g.Scope = identity.ScopeOrg
		case "A", "B":
			p := w.parts[scope]
			g.Scope, at = identity.ScopeRegion, spot{p.region.ID, p.region.ID}
		case "team":
			g.Scope, at = identity.ScopeTeam, spot{a.team.ID, a.region.ID}
		case "shop":
			g.Scope, at = identity.ScopeStore, spot{a.shop.ID, a.region.ID}
		default:
			t.Fatal(scope)
		}
		g.ID = at.id
		u.Grants, c.grants = append(u.Grants, g), append(c.grants, held{role[0], at})
	}
	in.within(t, func(tx *postgres.Tx) (err error) {
		u, err = in.Rooms.Account.PutUser(t.Context(), tx, u, password)
		return err
	})
	c.user = u.ID
	if slices.ContainsFunc(u.Grants, func(g identity.Grant) bool { return g.Role == identity.Clerk }) {
		c.token = in.phone(t, u).GetTokens().GetAccess()
	} else {
		c.token = in.console(t, u.Login)
	}
	return c
}

// matrixProduct is a company's one product.
func matrixProduct(t *testing.T, c company, tx *postgres.Tx) (*fieldv1.Product, error) {
	t.Helper()
	if p, ok, err := c.Rooms.Catalogue.ProductByGTIN(t.Context(), tx, "06901234567892"); err != nil || ok {
		return p, err
	}
	class, err := c.Rooms.Catalogue.PutClass(t.Context(), tx,
		&fieldv1.ProductClass{Key: "water_heater", Name: label("热水器", "Heater")})
	if err != nil {
		return nil, err
	}
	return c.Rooms.Catalogue.PutProduct(t.Context(), tx,
		&fieldv1.Product{Sku: "M-60", Gtin: "06901234567892", Name: label("热水器", "Heater"), ClassId: class.GetId()})
}

func matrixPlan() *payv1.PlanVersion {
	return &payv1.PlanVersion{
		Plan: "standard", Version: 1, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "UTC",
		EffectiveFrom: "2020-01-01",
		VersionDate:   payv1.VersionDate_VERSION_DATE_ORDERED,
		Components: []*payv1.Component{
			{
				Key: "base", Name: label("安装费", "Fee"), Category: 1, Rounding: 2,
				Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{OtherwiseMinor: 8000}},
			},
		},
	}
}
