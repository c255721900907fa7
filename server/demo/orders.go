package demo

import (
	"math/rand/v2"
	"time"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/order"
)

// actor is who opens and assigns here.
const actor = "system:demo"

// purchase invents an order of one thing in a region, ordered at a time.
func purchase(source, number string, at time.Time, region, class int, r *rand.Rand) order.Purchase {
	in, c := regions[region], classes[class]
	n := r.IntN(400)
	m := r.IntN(len(c.models))
	h := somewhere(r, in)
	p := order.Purchase{
		Source: source, Number: number, OrderedAt: at, Actor: actor, By: order.Office(), Bulk: true,
		Store: shopID(region, r.IntN(2)), Region: id("region", in.key), Rush: r.IntN(10) == 0,
		Customer: order.Customer{
			Name: person(n + 100).zh, Phone: phoneNumber(n*len(regions) + region), Address: h.address,
			At: &order.Point{Latitude: h.lat, Longitude: h.lng}, VIP: n%20 == 0,
		},
		Lines: []order.Line{{Item: 1, Product: product(class, m), Quantity: 1, Minor: c.models[m].price, Currency: "CNY"}},
	}
	return p
}

// product is what an order line needs to know of a product.
func product(class, m int) *fieldv1.Product {
	c := classes[class]
	pid, cid := productID(class, m), id("class", c.key)
	return &fieldv1.Product{
		Id: pid[:], Sku: sku(class, m), Name: label(c.models[m].zh, c.models[m].en), ClassId: cid[:],
		Model: sku(class, m),
	}
}
