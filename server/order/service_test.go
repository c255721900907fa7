package order

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// as is a call by somebody with one role.
func (c *company) as(t *testing.T, role identity.Role, scope identity.ScopeKind, over uuid.UUID) context.Context {
	t.Helper()
	return identity.With(t.Context(),
		identity.Identity{
			Org:  uuid.UUID(c.org),
			User: uuid.New(),
		}.Holding(identity.Grant{Role: role, Scope: scope, ID: over}))
}

func (c *company) request(t *testing.T, number, phone string) *connect.Request[officev1.CreateOrderRequest] {
	t.Helper()
	var product *fieldv1.Product
	if err := c.Store.Read(t.Context(), c.org, func(tx *postgres.Tx) (err error) {
		product, _, err = c.catalogue.ProductBySKU(t.Context(), tx, "SKU-furniture")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return connect.NewRequest(&officev1.CreateOrderRequest{Order: &officev1.Order{
		Source: "counter", Number: number, StoreId: c.shop.ID[:],
		Customer: &fieldv1.Customer{Name: "王", Phone: phone, Address: "文三路1号"},
		Lines: []*officev1.OrderLine{{
			ProductId: product.GetId(), Quantity: 2,
			Price: &typesv1.Money{Minor: 129900, Currency: "CNY"},
		}},
	}})
}

func TestAPhoneNumberBringsTheOrderHistoryToWhomItConcerns(t *testing.T) {
	t.Parallel()
	c := open(t)
	s := service{c.Orders}
	clerk := c.as(t, identity.Clerk, identity.ScopeStore, c.shop.ID)
	first, err := s.CreateOrder(clerk, c.request(t, "A1", "+86 154-0000-0001"))
	if err != nil {
		t.Fatal(err)
	}
	if l := first.Msg.GetOrder().GetLines(); first.Msg.GetExisting() || len(l) != 1 || len(l[0].GetTicketIds()) != 2 {
		t.Errorf("%v", first.Msg)
	}
	again, err := s.CreateOrder(clerk, c.request(t, "A1", "15400000001"))
	if err != nil || !again.Msg.GetExisting() {
		t.Errorf("%v %v", again, err)
	}
	if _, err := s.CreateOrder(clerk, c.request(t, "A1", "15400000009")); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another customer's order: %v", err)
	}
	find := func(ctx context.Context, phone string) *officev1.FindCustomerResponse {
		res, err := s.FindCustomer(ctx, connect.NewRequest(&officev1.FindCustomerRequest{Phone: phone}))
		if err != nil {
			t.Fatal(err)
		}
		return res.Msg
	}
	got := find(clerk, "１５４ 0000 0001")
	if len(got.GetCustomers()) != 1 || got.GetCustomers()[0].GetPhone() != "154****0001" || len(got.GetOrders()) != 1 ||
		got.GetOrders()[0].GetNumber() != "A1" {
		t.Errorf("the clerk sees %v", got)
	}
	if got := find(c.as(t, identity.Dispatcher, identity.ScopeOrg, uuid.Nil),
		"15400000001"); got.GetCustomers()[0].GetPhone() != "15400000001" {
		t.Errorf("the dispatcher sees %v", got)
	}
	elsewhere := c.as(t, identity.Clerk, identity.ScopeStore, uuid.New())
	if got := find(elsewhere, "15400000001"); len(got.GetOrders()) != 0 {
		t.Errorf("another shop sees %v", got)
	}
	if len(find(clerk, "15400000002").GetCustomers()) != 0 {
		t.Error("somebody was found")
	}
}

func TestWhoMayTakeOrdersIn(t *testing.T) {
	t.Parallel()
	c := open(t)
	s := service{c.Orders}
	for name, ctx := range map[string]context.Context{
		"another shop":   c.as(t, identity.Clerk, identity.ScopeStore, uuid.New()),
		"another region": c.as(t, identity.Dispatcher, identity.ScopeRegion, uuid.New()),
		"a technician":   c.as(t, identity.Technician, identity.ScopeSelf, uuid.Nil),
		"a team":         c.as(t, identity.Dispatcher, identity.ScopeTeam, uuid.New()),
	} {
		want := fault.NotFound // the shop, to who does not reach it
		if name == "a technician" {
			want = fault.Forbidden
		}
		if _, err := s.CreateOrder(ctx, c.request(t, "A1", "15400000001")); fault.CodeOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.CreateOrder(t.Context(), c.request(t, "A1", "15400000001")); fault.CodeOf(err) !=
		fault.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := s.CreateOrder(c.as(t, identity.Dispatcher, identity.ScopeRegion, c.shop.Region),
		c.request(t, "A1", "15400000001")); err != nil {
		t.Errorf("the region's dispatcher: %v", err)
	}
	res, err := s.ListOrders(c.as(t, identity.Supervisor, identity.ScopeRegion, c.shop.Region),
		connect.NewRequest(&officev1.ListOrdersRequest{}))
	if err != nil || len(res.Msg.GetOrders()) != 1 {
		t.Errorf("%v %v", res, err)
	}
}
