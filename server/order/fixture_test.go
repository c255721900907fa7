package order

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))

// company is an org with a small catalogue and one shop, on a database of its own.
type company struct {
	*Orders
	catalogue *catalogue.Catalogue
	org       change.Org
	url       string
	shop      Place

	mu      sync.Mutex
	opened  map[string]int     // by key, also of transactions that were undone
	tickets []Opening          // the last opening of each
	met     map[uuid.UUID]bool // technicians who have met everybody
	trail   []string
}

func open(t *testing.T) *company {
	t.Helper()
	db := pgtest.New(t)
	c := companyOn(&postgres.Store{Pool: db.App, Now: func() time.Time { return now }},
		change.Org(uuid.Must(uuid.NewV7())))
	c.url = db.URL
	if err := c.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// companyOn wires the room as the server does; tickets are only counted here.
func companyOn(store *postgres.Store, org change.Org) *company {
	c := &company{
		org: org, opened: map[string]int{}, met: map[uuid.UUID]bool{},
		shop: Place{
			ID: uuid.MustParse("00000000-0000-7000-8000-000000000001"), Shop: true, NameZH: "西湖店", NameEN: "West Lake",
			Region: uuid.MustParse("00000000-0000-7000-8000-000000000002"), At: &Point{30.25, 120.15},
		},
	}
	c.catalogue = catalogue.New(store, store.Now, others{c})
	c.Orders = New(store, store.Now, make([]byte, 32), others{c}, c.catalogue, others{c})
	return c
}

// others are the rooms around orders, as the company has them.
type others struct{ c *company }

func (o others) Open(_ context.Context, _ *postgres.Tx, q Opening) (uuid.UUID, error) {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	o.c.opened[q.Key]++
	o.c.tickets = append(o.c.tickets, q)
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(q.Key)), nil
}

func (o others) OpenUnknown(
	_ context.Context, _ *postgres.Tx, s scanned.Purchase, c Customer, actor string,
) (uuid.UUID, bool, error) {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	o.c.tickets = append(o.c.tickets, Opening{Ticket: s.Ticket, Customer: c, Actor: actor})
	return s.Ticket, false, nil
}

func (o others) Remark(_ context.Context, _ *postgres.Tx, _ uuid.UUID, text, author, actor string) error {
	o.c.trail = append(o.c.trail, text+" "+author+" "+actor)
	return nil
}

func (o others) Met(_ context.Context, _ *postgres.Tx, user uuid.UUID, _ []uuid.UUID) (bool, error) {
	return o.c.met[user], nil
}

func (others) LockAll(context.Context, *postgres.Tx, []uuid.UUID, []uuid.UUID) error { return nil }

func (o others) Trail(_ context.Context, _ *postgres.Tx, _ uuid.UUID, kind, actor string, _ map[string]string) error {
	o.c.trail = append(o.c.trail, kind+" "+actor)
	return nil
}

func (o others) Relate(
	_ context.Context, _ *postgres.Tx, _ identity.Identity, reach identity.Reach, ends ...identity.End,
) error {
	for _, e := range ends {
		if !reach.Covers(identity.Place{Kind: e.Kind, ID: e.ID, Region: o.c.shop.Region}) {
			return identity.Unseen(e.Field)
		}
	}
	return nil
}

func (others) Currency(context.Context, *postgres.Tx) (string, error) { return "CNY", nil }

func (o others) Places(context.Context, *postgres.Tx) ([]Place, error) {
	return []Place{{ID: o.c.shop.Region, NameZH: "浙江"}, o.c.shop}, nil
}

func (c *company) fill(ctx context.Context) error {
	return c.Store.Transact(ctx, c.org, func(tx *postgres.Tx) error {
		keys := []string{"furniture", "appliance", "air_conditioner", "lighting", "smart_lock", "general"}
		classes := map[string]*fieldv1.ProductClass{}
		for _, key := range keys {
			class, err := c.catalogue.PutClass(ctx, tx, &fieldv1.ProductClass{Key: key, Name: &typesv1.Label{Zh: key}})
			if err != nil {
				return err
			}
			classes[key] = class
		}
		for _, key := range keys {
			_, err := c.catalogue.PutProduct(ctx, tx,
				&fieldv1.Product{Sku: "SKU-" + key, Name: &typesv1.Label{Zh: key}, ClassId: classes[key].GetId()})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// count asks the database with the owner's eyes.
func (c *company) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	n := 0
	err := c.Store.Read(t.Context(),
		c.org, func(tx *postgres.Tx) error { return tx.QueryRow(t.Context(), pgtest.OnPurpose+sql, args...).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
