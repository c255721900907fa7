package order

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const wang = "15400000001"

// knows takes an order of 王 in at the company's shop, by the office, and returns the record.
func (c *company) knows(t *testing.T) Customer {
	t.Helper()
	c.take(t, "first", func(p *Purchase) { p.By = Office() })
	return c.customer(t, wang)
}

// take takes an order of 王 in; the zero standing is a stranger's.
func (c *company) take(t *testing.T, number string, edit func(*Purchase)) {
	t.Helper()
	if err := c.tryTake(t, number, edit); err != nil {
		t.Fatal(err)
	}
}

func (c *company) tryTake(t *testing.T, number string, edit func(*Purchase)) error {
	t.Helper()
	return c.Store.Transact(t.Context(), c.org, func(tx *postgres.Tx) error {
		product, _, err := c.catalogue.ProductBySKU(t.Context(), tx, "SKU-furniture")
		if err != nil {
			return err
		}
		p := Purchase{
			Source: "booking", Number: number, Actor: "system:booking", OrderedAt: now, Store: c.shop.ID, Region: c.shop.Region,
			Customer: Customer{Name: "王女士", Phone: wang, Address: "文三路1号", At: &Point{30.27, 120.12}},
			Lines:    []Line{{Item: 1, Product: product, Quantity: 1, Currency: "CNY"}},
		}
		edit(&p)
		_, err = c.Take(t.Context(), tx, p)
		return err
	})
}

func (c *company) customer(t *testing.T, phone string) (found Customer) {
	t.Helper()
	if err := c.Store.Read(t.Context(), c.org, func(tx *postgres.Tx) error {
		all, err := c.CustomersByPhone(t.Context(), tx, phone)
		if len(all) > 0 {
			found = all[0]
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func (c *company) says(t *testing.T, name, address string, vip bool, at *Point) {
	t.Helper()
	got := c.customer(t, wang)
	same := (got.At == nil) == (at == nil) && (at == nil || *at == *got.At)
	if got.Name != name || got.Address != address || got.VIP != vip || !same {
		t.Errorf("the record says %+v at %v; want %s, %s, VIP %t, at %v", got, got.At, name, address, vip, at)
	}
}

func (c *company) proposals(
	ctx context.Context, t *testing.T, q *officev1.ListCustomerProposalsRequest,
) []*officev1.CustomerProposal {
	t.Helper()
	res, err := c.Service().ListCustomerProposals(ctx, connect.NewRequest(q))
	if err != nil {
		t.Fatal(err)
	}
	return res.Msg.GetProposals()
}

func (c *company) office(t *testing.T) context.Context {
	return c.as(t, identity.Dispatcher, identity.ScopeOrg, uuid.Nil)
}

var home = &Point{30.27, 120.12}

func TestABookingChangesNothingOfAKnownCustomer(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.knows(t)
	c.take(t, "booked", func(p *Purchase) {
		p.Customer = Customer{Name: "李鬼", Phone: wang, Address: "假地址9号", At: nil}
	})
	c.says(t, "王女士", "文三路1号", false, home)
	// The ticket goes where the customer said.
	if last := c.tickets[len(c.tickets)-1]; last.Customer.Name != "李鬼" || last.Customer.Address != "假地址9号" ||
		last.Customer.At != nil {
		t.Errorf("the ticket was opened for %+v", last.Customer)
	}
	all := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{})
	if len(all) != 1 || all[0].GetName() != "李鬼" || all[0].GetAddress() != "假地址9号" ||
		all[0].GetRecord().GetAddress() != "文三路1号" {
		t.Errorf("%v", all)
	}
	if got := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{TicketId: all[0].GetTicketIds()[0]}); len(
		got) != 1 {
		t.Errorf("its ticket shows %v", got)
	}
}

func TestAStrangersRepeatsAreBoundedAndAnEmptyFieldSaysNothing(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.knows(t)
	for i := range maxOpen + 5 {
		c.take(t, string(rune('a'+i)), func(p *Purchase) { p.Customer.Name = "某人" })
	}
	c.take(t, "empty", func(p *Purchase) { p.Customer.Name, p.Customer.At = "", nil })
	if n := c.count(t, `SELECT count(*) FROM customer_proposal WHERE org_id = $1`, c.org); n != maxOpen {
		t.Errorf("%d proposals", n)
	}
	c.says(t, "王女士", "文三路1号", false, home)
}

func TestWhoKeepsACustomersRecord(t *testing.T) {
	t.Parallel()
	elsewhere := uuid.New()
	for name, tc := range map[string]struct {
		by      Standing
		known   func(*Purchase) // another order of the customer before
		changes bool
	}{
		"a stranger": {Standing{}, nil, false},
		"the clerk of the only shop": {
			Counter(uuid.MustParse("00000000-0000-7000-8000-000000000001")), nil,
			true,
		},
		"a clerk, and another shop knows him": {
			Counter(uuid.MustParse("00000000-0000-7000-8000-000000000001")),
			func(p *Purchase) { p.Store = elsewhere }, false,
		},
		"a clerk of another shop": {Counter(elsewhere), nil, false},
		"the region's office": {Standing{Records: Reach{Regions: []uuid.UUID{uuid.MustParse(
			"00000000-0000-7000-8000-000000000002")}}}, nil, true},
		"the region's, and another region knows": {Standing{Records: Reach{Regions: []uuid.UUID{uuid.MustParse(
			"00000000-0000-7000-8000-000000000002")}}}, func(p *Purchase) { p.Store, p.Region = elsewhere, elsewhere }, false},
		"the region's, and an order of nobody's is": {Standing{Records: Reach{Regions: []uuid.UUID{uuid.MustParse(
			"00000000-0000-7000-8000-000000000002")}}}, func(p *Purchase) { p.Store, p.Region = uuid.Nil, uuid.Nil }, false},
		"the whole company's office": {Office(), func(p *Purchase) { p.Store, p.Region = elsewhere, elsewhere }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t)
			c.knows(t)
			if tc.known != nil {
				c.take(t, "elsewhere", tc.known)
			}
			c.take(t, "new", func(p *Purchase) {
				p.By, p.Customer.Name, p.Customer.Address, p.Customer.At = tc.by, "王小姐", "文一路2号", nil
			})
			if tc.changes {
				// The old position does not belong to the new address.
				c.says(t, "王小姐", "文一路2号", false, nil)
			} else {
				c.says(t, "王女士", "文三路1号", false, home)
			}
			// Either way it is written down who said it.
			if n := c.count(t, `SELECT count(*) FROM customer_proposal
				WHERE org_id = $1 AND (decision = 'accepted') = $2`, c.org, tc.changes); n != 1 {
				t.Errorf("%d rows tell of it", n)
			}
			// The same order again, also by somebody who may, says nothing new.
			c.take(t, "new", func(p *Purchase) { p.By, p.Customer.Address = Office(), "文一路2号" })
			if tc.changes {
				c.says(t, "王小姐", "文一路2号", false, nil)
			} else {
				c.says(t, "王女士", "文三路1号", false, home)
			}
		})
	}
}

func TestOnlyTheOfficeMakesVIPs(t *testing.T) {
	t.Parallel()
	c := open(t)
	vip := func(p *Purchase) { p.Customer.VIP = true }
	by := func(s Standing) func(*Purchase) { return func(p *Purchase) { vip(p); p.By = s } }
	for name, s := range map[string]Standing{
		"a stranger": {}, "a clerk": Counter(c.shop.ID),
		"another region's office": {VIP: Reach{Regions: []uuid.UUID{uuid.New()}}},
	} {
		if err := c.tryTake(t, name, by(s)); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.knows(t)
	clerk := c.as(t, identity.Clerk, identity.ScopeStore, c.shop.ID)
	q := c.request(t, "V1", wang)
	q.Msg.Order.Customer.Vip = true
	if _, err := c.Service().CreateOrder(clerk, q); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a clerk's call: %v", err)
	}
	c.says(t, "王女士", "文三路1号", false, home)
	c.take(t, "office", by(Office()))
	c.says(t, "王女士", "文三路1号", true, home)
	// What the office has granted shows on every later ticket, and a clerk may repeat it.
	c.take(t, "later", by(Counter(c.shop.ID)))
	c.take(t, "booked", func(*Purchase) {})
	for _, o := range c.tickets[len(c.tickets)-2:] {
		if !o.Customer.VIP {
			t.Errorf("%s is no VIP's", o.Key)
		}
	}
}

func TestAVIPIsMadeOnlyByAnOfficeThatAllOrdersBelongTo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		role  identity.Role
		scope identity.ScopeKind
		met   bool
		want  bool
	}{
		"the company's office":         {identity.Dispatcher, identity.ScopeOrg, false, true},
		"the office of one region":     {identity.Dispatcher, identity.ScopeRegion, false, false},
		"a technician at the customer": {identity.Technician, identity.ScopeSelf, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t)
			c.take(t, "elsewhere", func(p *Purchase) { p.By, p.Store, p.Region = Office(), uuid.New(), uuid.New() })
			region := Reach{Regions: []uuid.UUID{c.shop.Region}}
			c.take(t, "here", func(p *Purchase) {
				p.By, p.Customer.VIP, p.Customer.Name = Standing{Records: region, VIP: region}, true, "王小姐"
			})
			c.says(t, "王女士", "文三路1号", false, home)
			id := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{})[0].GetId()
			over := uuid.Nil
			if tc.scope == identity.ScopeRegion {
				over = c.shop.Region
			}
			ctx := c.as(t, tc.role, tc.scope, over)
			who, _ := identity.From(ctx)
			c.met[who.User] = tc.met
			if _, err := c.Service().AcceptCustomerProposal(ctx,
				connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: id})); err != nil {
				t.Fatal(err)
			}
			c.says(t, "王小姐", "文三路1号", tc.want, home)
			// What was not taken over stays for the company's office.
			left := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{})
			if tc.want != (len(left) == 0) || len(left) > 0 && (!left[0].GetVip() || left[0].GetName() != "") {
				t.Fatalf("left open: %v", left)
			}
			for _, p := range left {
				again := connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: p.GetId()})
				if _, err := c.Service().AcceptCustomerProposal(ctx, again); fault.CodeOf(err) != fault.Forbidden {
					t.Errorf("the VIP alone: %v", err)
				}
				if _, err := c.Service().AcceptCustomerProposal(c.office(t), again); err != nil {
					t.Error(err)
				}
				c.says(t, "王小姐", "文三路1号", true, home)
			}
		})
	}
}

func TestAProposalIsTakenOverByWhoMayKnow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		role  identity.Role
		scope identity.ScopeKind
		over  uuid.UUID
		met   bool
		want  fault.Code
	}{
		"the office": {identity.Dispatcher, identity.ScopeOrg, uuid.Nil, false, ""},
		"the region's office": {
			identity.Supervisor, identity.ScopeRegion,
			uuid.MustParse("00000000-0000-7000-8000-000000000002"), false, "",
		},
		"who met the customer": {identity.Technician, identity.ScopeSelf, uuid.Nil, true, ""},
		"who did not":          {identity.Technician, identity.ScopeSelf, uuid.Nil, false, fault.NotFound},
		"another region":       {identity.Dispatcher, identity.ScopeRegion, uuid.New(), false, fault.NotFound},
		"a team's dispatcher":  {identity.Dispatcher, identity.ScopeTeam, uuid.New(), false, fault.NotFound},
		"the clerk of that shop": {
			identity.Clerk, identity.ScopeStore,
			uuid.MustParse("00000000-0000-7000-8000-000000000001"), false, fault.Forbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t)
			c.knows(t)
			c.take(t, "booked", func(p *Purchase) { p.Customer.Address, p.Customer.At = "文一路2号", nil })
			id := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{})[0].GetId()
			ctx := c.as(t, tc.role, tc.scope, tc.over)
			who, _ := identity.From(ctx)
			c.met[who.User] = tc.met
			_, err := c.Service().AcceptCustomerProposal(ctx,
				connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: id}))
			if fault.CodeOf(err) != tc.want {
				t.Fatalf("%v", err)
			}
			if tc.want != "" {
				c.says(t, "王女士", "文三路1号", false, home)
				return
			}
			c.says(t, "王女士", "文一路2号", false, nil)
			if len(c.trail) != 1 || c.trail[0] != "customer.proposal_accepted user:"+who.User.String() {
				t.Errorf("the trail says %v", c.trail)
			}
			_, err = c.Service().DismissCustomerProposal(ctx,
				connect.NewRequest(&officev1.DismissCustomerProposalRequest{Id: id}))
			if fault.CodeOf(err) != fault.Conflict {
				t.Errorf("decided twice: %v", err)
			}
			all := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{Decided: true})
			if len(all) != 1 || all[0].GetDecision() != "accepted" || all[0].GetDecidedBy() != "user:"+who.User.String() {
				t.Errorf("%v", all)
			}
		})
	}
}

func TestNobodyBelowTheWholeCompanyTakesOverWhatHeSaidHimself(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.take(t, "elsewhere", func(p *Purchase) { p.By, p.Store, p.Region = Office(), uuid.New(), uuid.New() })
	region := c.as(t, identity.Dispatcher, identity.ScopeRegion, c.shop.Region)
	q := c.request(t, "B1", wang)
	q.Msg.Order.Customer = &fieldv1.Customer{Name: "王", Phone: wang, Address: "文一路2号"}
	if _, err := c.Service().CreateOrder(region, q); err != nil {
		t.Fatal(err)
	}
	mine := c.proposals(region, t, &officev1.ListCustomerProposalsRequest{})
	if len(mine) != 1 || mine[0].GetRecord() != nil {
		t.Fatalf("%v", mine)
	}
	_, err := c.Service().AcceptCustomerProposal(region,
		connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: mine[0].GetId()}))
	if fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("%v", err)
	}
	c.says(t, "王女士", "文三路1号", false, home)
}

func TestACustomerIsShownToWhoHasNeverServedHimWithoutNameAndAddress(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.take(t, "elsewhere", func(p *Purchase) { p.By, p.Store, p.Region = Office(), uuid.New(), uuid.New() })
	find := func(ctx context.Context) *officev1.FindCustomerResponse {
		res, err := c.Service().FindCustomer(ctx, connect.NewRequest(&officev1.FindCustomerRequest{Phone: wang}))
		if err != nil {
			t.Fatal(err)
		}
		return res.Msg
	}
	for _, ctx := range []context.Context{
		c.as(t, identity.Clerk, identity.ScopeStore, c.shop.ID),
		c.as(t, identity.Dispatcher, identity.ScopeRegion, c.shop.Region),
	} {
		got := find(ctx)
		if k := got.GetCustomers()[0]; len(got.GetOrders()) != 0 || k.GetName() != "王**" || k.GetAddress() != "" ||
			k.GetPosition() != nil {
			t.Errorf("%v", got)
		}
	}
	// An order with that number at one's own shop shows what was told there, and no more.
	c.take(t, "here", func(p *Purchase) { p.Customer.Name, p.Customer.Address, p.Customer.At = "王", "西湖1号", nil })
	if k := find(c.as(t, identity.Clerk, identity.ScopeStore, c.shop.ID)).GetCustomers()[0]; k.GetName() != "王" ||
		k.GetAddress() != "西湖1号" || k.GetPosition() != nil {
		t.Errorf("%v", k)
	}
	if k := find(c.office(t)).GetCustomers()[0]; k.GetName() != "王女士" || k.GetAddress() != "文三路1号" ||
		k.GetPosition() == nil {
		t.Errorf("%v", k)
	}
}

func TestWhoKeepsARecordAsAClerkMakesNoVIPAsADispatcherOfAnotherRegion(t *testing.T) {
	t.Parallel()
	c := open(t)
	elsewhere, region := uuid.New(), uuid.New()
	c.take(t, "here", func(p *Purchase) { p.By = Office() })
	c.take(t, "there", func(p *Purchase) { p.By, p.Store, p.Region = Office(), elsewhere, region })
	// A clerk of the shop there and dispatcher of the region here keeps the record: all orders lie within the two.
	both := Standing{
		Records: Reach{Regions: []uuid.UUID{c.shop.Region}, Stores: []uuid.UUID{elsewhere}},
		VIP:     Reach{Regions: []uuid.UUID{c.shop.Region}},
	}
	c.take(t, "both", func(p *Purchase) { p.By, p.Customer.VIP, p.Customer.Name = both, true, "王小姐" })
	c.says(t, "王小姐", "文三路1号", false, home)
	if open := c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{}); len(open) != 1 || !open[0].GetVip() {
		t.Errorf("left for the company's office: %v", open)
	}
}

func TestAPositionIsOfItsAddress(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.knows(t)
	better, other := &Point{30.28, 120.13}, &Point{39.9, 116.4}
	c.take(t, "better", func(p *Purchase) { p.Customer.At = better })
	c.take(t, "moved", func(p *Purchase) { p.Customer.Address, p.Customer.At = "北京市朝阳区1号", other })
	for _, p := range c.proposals(c.office(t), t, &officev1.ListCustomerProposalsRequest{}) { // the newest first
		if _, err := c.Service().AcceptCustomerProposal(c.office(t),
			connect.NewRequest(&officev1.AcceptCustomerProposalRequest{Id: p.GetId()})); err != nil {
			t.Fatal(err)
		}
	}
	c.says(t, "王女士", "北京市朝阳区1号", false, other)
}
