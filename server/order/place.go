package order

import (
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

// nearby is how far a customer may be from a shop to be counted to its region, in kilometres.
const nearby = 200

// places finds shops and regions by what people call them.
type places struct {
	shops, regions map[string]Place
	located        []Place
}

func newPlaces(all []Place) places {
	p := places{shops: map[string]Place{}, regions: map[string]Place{}}
	for _, x := range all {
		by := p.regions
		if x.Shop {
			by = p.shops
			if x.At != nil {
				p.located = append(p.located, x)
			}
		}
		for _, name := range []string{x.NameZH, x.NameEN, x.ID.String()} {
			by[strings.ToLower(strings.TrimSpace(name))] = x
		}
	}
	return p
}

// find resolves a shop's and a region's name; empty names are found by where the customer is.
func (p places) find(shop, region string, at *Point) (store, reg uuid.UUID, err error) {
	if shop != "" {
		x, ok := p.shops[strings.ToLower(shop)]
		if !ok {
			return uuid.Nil, uuid.Nil, refusal.New(refusal.ShopUnknown, "")
		}
		store, reg = x.ID, x.Region
	}
	if region != "" {
		x, ok := p.regions[strings.ToLower(region)]
		if !ok {
			return uuid.Nil, uuid.Nil, refusal.New(refusal.RegionUnknown, "")
		}
		reg = x.ID
	}
	if reg == uuid.Nil && at != nil {
		best := float64(nearby)
		for _, x := range p.located {
			if d := distance(*at, *x.At); d < best {
				best, reg = d, x.Region
			}
		}
	}
	return store, reg, nil
}

// distance is along the great circle, in kilometres.
func distance(a, b Point) float64 {
	const radius = 6371
	rad := math.Pi / 180
	dLat, dLng := (b.Latitude-a.Latitude)*rad, (b.Longitude-a.Longitude)*rad
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(a.Latitude*rad)*math.Cos(b.Latitude*rad)*math.Pow(math.Sin(dLng/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(h)))
}
