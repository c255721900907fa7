package order

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Handlers registers OrderService.
func (r *Orders) Handlers(handle func(path string, h http.Handler), options ...connect.HandlerOption) {
	handle(officev1connect.NewOrderServiceHandler(service{r}, options...))
}

type service struct{ orders *Orders }

// Service is the office's calls about orders and customers.
func (r *Orders) Service() officev1connect.OrderServiceHandler { return service{r} }

// Who may do what, by the grants that lie over an order's shop or region; app.Access says the same of the calls.
var (
	takers = []identity.Role{identity.Clerk, identity.Dispatcher, identity.Supervisor, identity.Admin}
	// callers may see whole phone numbers, for they arrange visits; a clerk, who was told the number, sees it masked.
	callers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}
)

// places is where an order stands: its shop and its region. A team's dispatcher reaches the orders of no shop and no
// region: teams get tickets, not orders.
func (o Order) places() []identity.Place { return spots(o.Store, o.Region) }

func spots(store, region uuid.UUID) []identity.Place {
	return []identity.Place{{Kind: identity.ScopeStore, ID: store}, {Kind: identity.ScopeRegion, ID: region}}
}

// CreateOrder implements OrderService. A caller of shops and regions only must name one of theirs.
func (s service) CreateOrder(
	ctx context.Context, req *connect.Request[officev1.CreateOrderRequest],
) (*connect.Response[officev1.CreateOrderResponse], error) {
	who, reach, err := identity.Acting(ctx, takers...)
	if err != nil {
		return nil, err
	}
	in := req.Msg.GetOrder()
	p := Purchase{
		Source: in.GetSource(), Number: in.GetNumber(), Actor: "user:" + who.User.String(), By: standing(who),
		OrderedAt: s.orders.Now(), Reach: &reach,
		Customer: Customer{
			Name: parse.Trim(in.GetCustomer().GetName()), Address: parse.Trim(in.GetCustomer().GetAddress()),
			VIP: in.GetCustomer().GetVip(), Language: in.GetCustomer().GetLanguage(),
		},
	}
	if in.GetOrderedAt() != nil {
		p.OrderedAt = in.GetOrderedAt().AsTime()
		if p.OrderedAt.After(s.orders.Now().Add(24*time.Hour)) || p.OrderedAt.Year() < 2000 {
			return nil, fault.New(fault.InvalidArgument, "order.ordered_at: from the year 2000 to now")
		}
	}
	if p.Customer.Phone, err = parse.Phone(in.GetCustomer().GetPhone()); err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "order.customer.phone")
	}
	if len(p.Customer.Name) > 400 || p.Customer.Address == "" || len(p.Customer.Address) > 1200 {
		return nil, fault.New(fault.InvalidArgument, "order.customer: name or address")
	}
	if at := in.GetCustomer().GetPosition(); at != nil {
		p.Customer.At = &Point{at.GetLatitude(), at.GetLongitude()}
		if !(at.GetLatitude() >= -90 && at.GetLatitude() <= 90 && at.GetLongitude() >= -180 && at.GetLongitude() <= 180) {
			return nil, fault.New(fault.InvalidArgument, "order.customer.position")
		}
	}
	if w := req.Msg.GetWanted(); w != nil {
		if w.GetEarliest() != nil {
			p.WantedFrom = w.GetEarliest().AsTime()
		}
		if w.GetLatest() != nil {
			p.WantedTo = w.GetLatest().AsTime()
		}
		if !p.WantedFrom.IsZero() && !p.WantedTo.IsZero() && p.WantedTo.Before(p.WantedFrom) {
			return nil, fault.New(fault.InvalidArgument, "wanted ends before it begins")
		}
	}
	out := &officev1.CreateOrderResponse{}
	err = s.orders.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		q := p
		q.Lines = nil
		if err := s.resolve(ctx, tx, who, reach, in, &q); err != nil {
			return err
		}
		t, err := s.orders.Take(ctx, tx, q)
		var reason *refusal.Error
		if errors.As(err, &reason) && fault.CodeOf(err) != fault.InvalidArgument {
			return fault.Wrap(err, fault.Conflict, "%s", reason.Code)
		}
		if err != nil {
			return err
		}
		all, err := s.orders.List(ctx, tx, Filter{IDs: []uuid.UUID{t.ID}, Limit: 1})
		if err != nil {
			return err
		}
		out.Order, out.Existing = toWire(who, all[0]), t.Existing
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// resolve finds the order's shop, region and products, and checks the caller's reach.
func (s service) resolve(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, in *officev1.Order, p *Purchase,
) error {
	shop := ""
	if len(in.GetStoreId()) > 0 {
		id, err := uuid.FromBytes(in.GetStoreId())
		if err != nil {
			return fault.Wrap(err, fault.InvalidArgument, "order.store_id")
		}
		if err := s.orders.people.Relate(ctx, tx, who, reach,
			identity.End{Field: "order.store_id", Kind: identity.ScopeStore, ID: id}); err != nil {
			return err
		}
		shop = id.String()
	}
	all, err := s.orders.people.Places(ctx, tx)
	if err != nil {
		return err
	}
	if p.Store, p.Region, err = newPlaces(all).find(shop, "", p.Customer.At); err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "order.store_id")
	}
	if !reach.Any(spots(p.Store, p.Region)...) {
		return fault.New(fault.Forbidden, "order.store_id: name a shop of yours")
	}
	own, err := s.orders.people.Currency(ctx, tx)
	if err != nil {
		return err
	}
	for _, l := range in.GetLines() {
		id, err := uuid.FromBytes(l.GetProductId())
		if err != nil {
			return fault.Wrap(err, fault.InvalidArgument, "order.lines.product_id")
		}
		product, ok, err := s.orders.goods.Product(ctx, tx, id)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "order.lines.product_id")
		}
		line := Line{
			Item: int(min(l.GetItem(), 1e6)), Product: product, Quantity: int(min(l.GetQuantity(), 1e6)),
			Minor: l.GetPrice().GetMinor(), Currency: l.GetPrice().GetCurrency(),
		}
		if line.Quantity == 0 {
			line.Quantity = 1
		}
		if line.Item == 0 {
			line.Item = len(p.Lines) + 1
		}
		if line.Currency = cmp.Or(line.Currency, own); line.Currency != own {
			return fault.New(fault.InvalidArgument, "order.lines.price.currency: the company's is %s", own)
		}
		p.Lines = append(p.Lines, line)
	}
	return nil
}

// ListOrders implements OrderService.
func (s service) ListOrders(
	ctx context.Context, req *connect.Request[officev1.ListOrdersRequest],
) (*connect.Response[officev1.ListOrdersResponse], error) {
	who, reach, err := identity.Acting(ctx, takers...)
	if err != nil {
		return nil, err
	}
	f := filterOf(reach)
	if f.Limit = int(req.Msg.GetLimit()); f.Limit == 0 {
		f.Limit = 50
	}
	if f.After, err = optionalID("after", req.Msg.GetAfter()); err != nil {
		return nil, err
	}
	if f.Customer, err = optionalID("customer_id", req.Msg.GetCustomerId()); err != nil {
		return nil, err
	}
	out := &officev1.ListOrdersResponse{}
	err = s.orders.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		all, err := s.orders.List(ctx, tx, f)
		for _, o := range all {
			out.Orders = append(out.Orders, toWire(who, o))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// FindCustomer implements OrderService. Of the history it shows only the orders within reach. The record is for the
// office of the whole company; anybody else sees the customer as told with his newest order within reach, and without
// one that the number is known: the name masked, no address and no position.
func (s service) FindCustomer(
	ctx context.Context, req *connect.Request[officev1.FindCustomerRequest],
) (*connect.Response[officev1.FindCustomerResponse], error) {
	who, reach, err := identity.Acting(ctx, takers...)
	if err != nil {
		return nil, err
	}
	out := &officev1.FindCustomerResponse{}
	err = s.orders.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		found, err := s.orders.CustomersByPhone(ctx, tx, req.Msg.GetPhone())
		if err != nil {
			return err
		}
		out.Customers, out.Orders = nil, nil
		for _, c := range found {
			f := filterOf(reach)
			f.Customer, f.Limit = c.ID, 50
			orders, err := s.orders.List(ctx, tx, f)
			if err != nil {
				return err
			}
			var at []identity.Place
			for _, o := range orders {
				out.Orders = append(out.Orders, toWire(who, o))
				at = append(at, o.places()...)
			}
			if f.Limited {
				c = c.within(orders)
			}
			out.Customers = append(out.Customers, customerToWire(who, c, at...))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func filterOf(reach identity.Reach) Filter {
	return Filter{Limited: !reach.All, Stores: notNil(reach.Stores), Regions: notNil(reach.Regions)}
}

func optionalID(field string, b []byte) (uuid.UUID, error) {
	if len(b) == 0 {
		return uuid.Nil, nil
	}
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil, fault.Wrap(err, fault.InvalidArgument, "%s", field)
	}
	return id, nil
}

// customerToWire shows a customer who has orders at these places.
func customerToWire(who identity.Identity, c Customer, at ...identity.Place) *fieldv1.Customer {
	out := &fieldv1.Customer{
		Id: c.ID[:], Name: c.Name, Phone: c.Phone, Address: c.Address, Vip: c.VIP,
		Language: c.Language,
	}
	if c.Phone != "" && !who.For(callers...).Any(at...) {
		out.Phone = parse.Mask(c.Phone)
	}
	if c.At != nil {
		out.Position = &typesv1.Position{Latitude: c.At.Latitude, Longitude: c.At.Longitude}
	}
	return out
}

func toWire(who identity.Identity, o Order) *officev1.Order {
	out := &officev1.Order{
		Id: o.ID[:], Source: o.Source, Number: o.Number, OrderedAt: timestamppb.New(o.OrderedAt),
		Customer: customerToWire(who, o.Customer, o.places()...),
	}
	if o.Store != uuid.Nil {
		out.StoreId = o.Store[:]
	}
	for _, l := range o.Lines {
		w := &officev1.OrderLine{
			Item: uint32(l.Item), ProductId: l.Product[:], ProductName: l.ProductName, Quantity: uint32(l.Quantity),
			Price: &typesv1.Money{Minor: l.Minor, Currency: l.Currency},
		}
		for _, t := range l.Tickets {
			w.TicketIds = append(w.TicketIds, t[:])
		}
		out.Lines = append(out.Lines, w)
	}
	return out
}
