package catalogue

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type desk struct {
	*Catalogue
	t   *testing.T
	db  *pgtest.DB
	org change.Org
	now atomic.Int64
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, db: pgtest.New(t), org: change.Org(uuid.New())}
	d.set(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))
	d.Catalogue = New(&postgres.Store{Pool: d.db.App, Now: d.clock}, d.clock, chinese{})
	return d
}

// chinese is a company that reckons in yuan.
type chinese struct{}

func (chinese) Currency(context.Context, *postgres.Tx) (string, error) { return "CNY", nil }

func (d *desk) clock() time.Time { return time.Unix(0, d.now.Load()).UTC() }
func (d *desk) set(t time.Time)  { d.now.Store(t.UnixNano()) }
func (d *desk) do(fn func(tx *postgres.Tx) error) {
	d.t.Helper()
	if err := d.Store.Transact(d.t.Context(), d.org, fn); err != nil {
		d.t.Fatal(err)
	}
}

// shown is the price that phones hold of an item.
func (d *desk) shown(id []byte) int64 {
	d.t.Helper()
	var b []byte
	err := d.db.Owner.QueryRow(d.t.Context(), `SELECT body FROM sync_entry
		WHERE org_id = $1 AND feed = $2 AND entity_id = $3 AND NOT removed`,
		uuid.UUID(d.org), change.FeedID{Kind: "org", Key: uuid.UUID(d.org)}.String(), uuid.UUID(id)).Scan(&b)
	if err != nil {
		return -1
	}
	p := &fieldv1.PriceItem{}
	if err := proto.Unmarshal(b, p); err != nil {
		d.t.Fatal(err)
	}
	return p.GetPrice().GetMinor()
}

func hose(minor int64) *fieldv1.PriceItem {
	return &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Sku: "hose",
		Name: &typesv1.Label{Zh: "软管"}, Price: &typesv1.Money{Minor: minor, Currency: "CNY"},
	}
}

func TestPartsAreThoseOfTheClassAndThoseOfEveryClass(t *testing.T) {
	t.Parallel()
	d := open(t)
	class := func(key string) []byte {
		var c *fieldv1.ProductClass
		d.do(func(tx *postgres.Tx) (err error) {
			c, err = d.PutClass(t.Context(), tx, &fieldv1.ProductClass{Key: key, Name: &typesv1.Label{Zh: key}})
			return err
		})
		return c.GetId()
	}
	lock, lamp := class("lock"), class("lamp")
	put := func(sku string, classes ...[]byte) (err error) {
		return d.Store.Transact(t.Context(), d.org, func(tx *postgres.Tx) error {
			p := hose(100)
			p.Sku, p.ClassIds = sku, classes
			_, err := d.PutPriceItem(t.Context(), tx, p, time.Time{})
			return err
		})
	}
	parts := func(class []byte) (skus string) {
		d.do(func(tx *postgres.Tx) error {
			all, err := d.Parts(t.Context(), tx, uuid.UUID(class))
			for _, p := range all {
				skus += p.GetSku() + " "
			}
			return err
		})
		return skus
	}
	for sku, classes := range map[string][][]byte{"any": nil, "battery": {lock}, "screws": {lock, lamp}} {
		if err := put(sku, classes...); err != nil {
			t.Fatal(err)
		}
	}
	if got := parts(lock); got != "any battery screws " {
		t.Errorf("for locks: %s", got)
	}
	if got := parts(lamp); got != "any screws " {
		t.Errorf("for lamps: %s", got)
	}
	if err := put("battery", lamp); err != nil {
		t.Fatal(err)
	}
	if got := parts(lamp); got != "any battery screws " {
		t.Errorf("for lamps, after the change: %s", got)
	}
	unknown := uuid.New()
	for name, classes := range map[string][][]byte{
		"item.class_ids[1]: no class has this id": {lock, unknown[:]}, "item.class_ids[1]: named twice": {lock, lock},
		"item.class_ids[0]": {lock[:3]}, "item.class_ids: at most 100": make([][]byte, 101),
	} {
		if err := put("x", classes...); fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPriceHoldsFromItsTimeAndPhonesSeeItThen(t *testing.T) {
	t.Parallel()
	d := open(t)
	start := d.clock()
	var item *fieldv1.PriceItem
	d.do(func(tx *postgres.Tx) (err error) {
		if item, err = d.PutPriceItem(t.Context(), tx, hose(1800), time.Time{}); err != nil {
			return err
		}
		again, err := d.PutPriceItem(t.Context(), tx, hose(2000), start.Add(24*time.Hour))
		if err == nil && uuid.UUID(again.GetId()) != uuid.UUID(item.GetId()) {
			t.Error("the same SKU became another item")
		}
		return err
	})
	at := func(when time.Time) int64 {
		var n int64
		d.do(func(tx *postgres.Tx) error {
			p, ok, err := d.PriceItem(t.Context(), tx, uuid.UUID(item.GetId()), when)
			if ok {
				n = p.GetPrice().GetMinor()
			}
			return err
		})
		return n
	}
	if at(start.Add(-time.Hour)) != 0 || at(start) != 1800 || at(start.Add(23*time.Hour)) != 1800 ||
		at(start.Add(25*time.Hour)) != 2000 {
		t.Error("the price does not follow its dates")
	}
	if got := d.shown(item.GetId()); got != 1800 {
		t.Errorf("phones see %d before the new price begins", got)
	}
	publish := func() (n int) {
		d.do(func(tx *postgres.Tx) (err error) {
			n, err = d.PublishPrices(t.Context(), tx)
			return err
		})
		return n
	}
	if publish() != 0 {
		t.Error("published before its time")
	}
	d.set(start.Add(24 * time.Hour))
	if publish() != 1 || d.shown(item.GetId()) != 2000 || publish() != 0 {
		t.Errorf("phones see %d once it has begun", d.shown(item.GetId()))
	}
}

func TestProductsAreFoundByWhatIsOnTheBox(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.do(func(tx *postgres.Tx) error {
		c, err := d.PutClass(t.Context(), tx,
			&fieldv1.ProductClass{Key: "lock", Name: &typesv1.Label{Zh: "锁"}, Skills: []string{"lock"}})
		if err != nil {
			return err
		}
		p, err := d.PutProduct(t.Context(), tx,
			&fieldv1.Product{Sku: "L1", Gtin: "9520000000011", Model: "M1", Name: &typesv1.Label{Zh: "锁"}, ClassId: c.GetId()})
		if fault.CodeOf(err) == fault.InvalidArgument {
			p, err = d.PutProduct(t.Context(), tx,
				&fieldv1.Product{Sku: "L1", Gtin: "9520000000028", Model: "M1", Name: &typesv1.Label{Zh: "锁"}, ClassId: c.GetId()})
		}
		if err != nil {
			return err
		}
		for what, find := range map[string]func() (*fieldv1.Product, bool, error){
			"SKU":   func() (*fieldv1.Product, bool, error) { return d.ProductBySKU(t.Context(), tx, "L1") },
			"GTIN":  func() (*fieldv1.Product, bool, error) { return d.ProductByGTIN(t.Context(), tx, p.GetGtin()) },
			"model": func() (*fieldv1.Product, bool, error) { return d.ProductByModel(t.Context(), tx, "M1") },
		} {
			if got, ok, err := find(); err != nil || !ok || !proto.Equal(got, p) {
				t.Errorf("by %s: %v %v %v", what, got, ok, err)
			}
		}
		a, err := d.UnnamedProduct(t.Context(), tx, c)
		if err != nil {
			return err
		}
		b, err := d.UnnamedProduct(t.Context(), tx, c)
		if err == nil && !proto.Equal(a, b) {
			t.Error("a class has two unnamed products")
		}
		return err
	})
}

func TestWhatCannotBeAProductIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	unknown := uuid.New()
	for name, p := range map[string]*fieldv1.Product{
		"no name":       {Sku: "a", ClassId: unknown[:]},
		"no SKU":        {Name: &typesv1.Label{Zh: "x"}, ClassId: unknown[:]},
		"wrong digit":   {Sku: "a", Name: &typesv1.Label{Zh: "x"}, ClassId: unknown[:], Gtin: "6901234567890"},
		"unknown class": {Sku: "a", Name: &typesv1.Label{Zh: "x"}, ClassId: unknown[:]},
	} {
		err := d.Store.Transact(t.Context(), d.org, func(tx *postgres.Tx) error {
			_, err := d.PutProduct(t.Context(), tx, p)
			return err
		})
		if fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}
