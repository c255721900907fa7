package order

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Writings of one number, as people and programs have them.
var writings = []string{
	"2026112901", "2026112901.0", "２０２６１１２９０１", "2026112901\u200b", `="2026112901"`, "'2026112901",
	"\t2026112901 ", "2.026112901E9",
}

func TestAnOrderNumberInAllItsWritingsIsOneOrder(t *testing.T) {
	t.Parallel()
	c := open(t)
	s := service{c.Orders}
	office := c.as(t, identity.Clerk, identity.ScopeStore, c.shop.ID)
	for i, number := range writings {
		got, err := s.CreateOrder(office, c.request(t, number, "15400000001"))
		if err != nil {
			t.Fatalf("%q: %v", number, err)
		}
		if got.Msg.GetExisting() != (i > 0) || got.Msg.GetOrder().GetNumber() != "2026112901" {
			t.Errorf("%q: existing %v, number %q", number, got.Msg.GetExisting(), got.Msg.GetOrder().GetNumber())
		}
		err = c.Store.Read(t.Context(), c.org, func(tx *postgres.Tx) error {
			if _, ok, err := c.ByNumber(t.Context(), tx, "counter", number); err != nil || !ok {
				t.Errorf("%q is not found: %v", number, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := c.count(t, `SELECT count(*) FROM purchase`); n != 1 {
		t.Errorf("%d orders", n)
	}
	if _, err := s.CreateOrder(office, c.request(t, "2.02611E+17", "15400000001")); fault.CodeOf(err) !=
		fault.InvalidArgument {
		t.Errorf("a shortened number: %v", err)
	}
	// Upper and lower case are two numbers.
	for _, number := range []string{"ab-1", "AB-1"} {
		if got, err := s.CreateOrder(office, c.request(t, number, "15400000001")); err != nil || got.Msg.GetExisting() {
			t.Errorf("%s: %v %v", number, got, err)
		}
	}
}

func TestFilesAndTheOfficeMeetInOneOrder(t *testing.T) {
	t.Parallel()
	c := open(t)
	line := func(number string) string {
		return fmt.Sprintf("%s,2026-11-20 10:00,王,15400000001,文三路1号,ＳＫＵ-furniture\u200b,1,10,西湖店,\n", number)
	}
	read := func(file string) Outcome {
		t.Helper()
		out, err := c.Import(t.Context(), Import{
			Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test",
			Refused: func(r refusal.Refusal) error { t.Errorf("refused: %+v", r); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := read(write(t, "a.csv", shopHeader+line("2026112901"))); out.Added != 1 {
		t.Errorf("%+v", out)
	}
	for i, number := range []string{"2026112901.0", "２０２６１１２９０１", "2026112901\u200b", `"=""2026112901"""`, "'2026112901"} {
		if out := read(write(t, fmt.Sprintf("b%d.csv", i), shopHeader+line(number))); out.Added != 0 || out.Existing != 1 {
			t.Errorf("%q: %+v", number, out)
		}
	}
	for i, number := range []any{2026112901, "２０２６１１２９０１", `="2026112901"`} {
		book := excelize.NewFile()
		for row, cells := range [][]any{
			{"订单号", "下单时间", "姓名", "电话", "地址", "SKU", "数量", "金额", "门店", "状态"},
			{number, "2026-11-20 10:00", "王", 15400000001, "文三路1号", "SKU-furniture", 1, 10, "西湖店", ""},
		} {
			if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", row+1), &cells); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(t.TempDir(), fmt.Sprintf("c%d.xlsx", i))
		if err := book.SaveAs(file); err != nil {
			t.Fatal(err)
		}
		if out := read(file); out.Added != 0 || out.Existing != 1 {
			t.Errorf("%v: %+v", number, out)
		}
	}
	request := c.request(t, "'2026112901.0", "15400000001")
	request.Msg.Order.Source = "shop"
	got, err := service{c.Orders}.CreateOrder(c.as(t, identity.Dispatcher, identity.ScopeOrg, [16]byte{}), request)
	if err != nil || !got.Msg.GetExisting() {
		t.Errorf("the office: %v %v", got, err)
	}
	if n := c.count(t, `SELECT count(*) FROM purchase`); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAnArticleNumberInAllItsWritingsIsOneProduct(t *testing.T) {
	t.Parallel()
	c := open(t)
	err := c.Store.Transact(t.Context(), c.org, func(tx *postgres.Tx) error {
		first, _, err := c.catalogue.ProductBySKU(t.Context(), tx, "SKU-furniture")
		if err != nil {
			return err
		}
		var id []byte
		for i, sku := range writings {
			p, err := c.catalogue.PutProduct(t.Context(), tx, first)
			if err != nil {
				return err
			}
			p.Id, p.Sku, p.Model = nil, sku, sku
			if p, err = c.catalogue.PutProduct(t.Context(), tx, p); err != nil {
				return err
			}
			if i == 0 {
				id = p.GetId()
			}
			if p.GetSku() != "2026112901" || p.GetModel() != "2026112901" || string(p.GetId()) != string(id) {
				t.Errorf("%q became the product %x %q %q", sku, p.GetId(), p.GetSku(), p.GetModel())
			}
			if found, ok, err := c.catalogue.ProductByModel(t.Context(), tx, sku); err != nil || !ok ||
				string(found.GetId()) != string(id) {
				t.Errorf("model %q is not found: %v", sku, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
