package order

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/server/order/mapping"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const shopMapping = `
source: shop
columns:
  order_number: 订单号
  ordered_at: 下单时间
  customer_name: 姓名
  phone: 电话
  address: 地址
  sku: SKU
  quantity: {from: 数量, default: "1"}
  price: 金额
  shop: {from: 门店, default: ""}
skip: {状态: [已取消]}
`

const shopHeader = "订单号,下单时间,姓名,电话,地址,SKU,数量,金额,门店,状态\n"

// shopFile has n good lines, each an order of its own.
func shopFile(n int) string {
	var b strings.Builder
	b.WriteString(shopHeader)
	for i := range n {
		fmt.Fprintf(&b, "A%05d,2026-11-20 10:00,王%d,154000%05d,文三路%d号,SKU-furniture,1,1299.00,西湖店,\n", i, i, i, i)
	}
	return b.String()
}

func TestEachBadLineIsReportedOnceWithItsReason(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv", shopHeader+strings.Join([]string{
		"A1,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,2,￥1,299.00,西湖店,",   // the comma shifts what follows
		`A2,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,2,"￥1,299.00",西湖店,`, // good: two tickets
		"A3,昨天,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,",
		"A4,2026-11-20 10:00,王,154****0001,文三路1号,SKU-furniture,1,10,西湖店,",
		"A5,2026-11-20 10:00,王,15400000001,,SKU-furniture,1,10,西湖店,",
		"A6,2026-11-20 10:00,王,15400000001,文三路1号,SKU-nothing,1,10,西湖店,",
		"A7,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,99,10,西湖店,",
		"A8,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,1,10,东湖店,",
		"A9,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,已取消",
		`A2,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,2,"￥1,299.00",西湖店,`, // the same line again
		"A2,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,",          // other content
		"A2,2026-11-20 10:00,李,15400000002,文三路1号,SKU-lighting,1,10,西湖店,",           // other customer
		"A10,2026-11-20",
		",2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,",
		"A11,2026-11-20 10:00,王,15400000001,文三路1号,SKU-furniture,1,一百,西湖店,",
	}, "\n"))
	var got []refusal.Refusal
	im := Import{
		Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test",
		Refused: func(r refusal.Refusal) error { got = append(got, r); return nil },
	}
	out, err := c.Import(t.Context(), im)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		line   int
		column string
		code   refusal.Code
	}{
		{2, "门店", refusal.ShopUnknown},
		{4, "下单时间", refusal.TimeMalformed},
		{5, "电话", refusal.PhoneMasked},
		{6, "地址", refusal.Missing},
		{7, "SKU", refusal.ProductUnknown},
		{8, "数量", refusal.QuantityRange},
		{9, "门店", refusal.ShopUnknown},
		{11, "订单号", refusal.ArticleTwice},
		{12, "", refusal.LineDiffers},
		{13, "", refusal.OrderDiffers},
		{14, "", refusal.TooFewColumns},
		{15, "订单号", refusal.Missing},
		{16, "金额", refusal.MoneyMalformed},
	}
	if len(got) != len(want) {
		t.Fatalf("%d refusals, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].Line != w.line || got[i].Column != w.column || got[i].Code != w.code || got[i].Chinese() == "" ||
			got[i].English() == "" {
			t.Errorf("refusal %d: %+v, want %+v", i, got[i], w)
		}
	}
	if out.Read != 15 || out.Added != 1 || out.Tickets != 2 || out.Existing != 0 || out.Skipped != 1 || out.Refused != 13 {
		t.Errorf("%+v", out)
	}
	if n := c.count(t, `SELECT count(*) FROM customer`); n != 1 {
		t.Errorf("%d customers: a refused line leaves nothing behind", n)
	}
}

func TestALineIsReportedWithItsOrderAndAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv",
		shopHeader+"A1,昨天,王,没有,,SKU-furniture,99,面议,西湖店,\nA2,2026-11-20 10:00,王,15400000001,文三路1号,SKU-none,1,10,西湖店,\n")
	for _, dry := range []bool{true, false} {
		var got []refusal.Refusal
		out, err := c.Import(t.Context(), Import{
			Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test", DryRun: dry,
			Refused: func(r refusal.Refusal) error { got = append(got, r); return nil },
		})
		if err != nil || out.Refused != 2 || out.Read != 2 {
			t.Fatalf("%+v %v", out, err)
		}
		var told strings.Builder
		for _, r := range got {
			told.WriteString(fmt.Sprintf("%d %s %s %s\n", r.Line, r.Order, r.Column, r.Code))
		}
		want := "2 A1 下单时间 time_malformed\n2 A1 电话 phone_malformed\n2 A1 地址 missing\n2 A1 数量 quantity_range\n2 A1 金额 " +
			"money_malformed\n3 A2 SKU product_unknown\n"
		if told.String() != want {
			t.Errorf("dry run %v:\n%swant\n%s", dry, told.String(), want)
		}
	}
}

func TestTheSameFileTwiceAddsNothingAndTakesWhatWasRefusedOnceItFits(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv", shopFile(250)+"B1,2026-11-20 10:00,王,15400000001,文三路1号,NEW-1,1,10,西湖店,\n")
	im := Import{Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test"}
	first, err := c.Import(t.Context(), im)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Import(t.Context(), im)
	if err != nil {
		t.Fatal(err)
	}
	if first.Added != 250 || first.Refused != 1 || second.Added != 0 || second.Tickets != 0 || second.Existing != 250 ||
		second.Refused != 1 || second.Run == first.Run {
		t.Errorf("%+v then %+v", first, second)
	}
	err = c.Store.Transact(t.Context(), c.org, func(tx *postgres.Tx) error {
		p, _, err := c.catalogue.ProductBySKU(t.Context(), tx, "SKU-furniture")
		if err != nil {
			return err
		}
		p.Id, p.Sku = nil, "NEW-1"
		_, err = c.catalogue.PutProduct(t.Context(), tx, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if third, err := c.Import(t.Context(), im); err != nil || third.Added != 1 || third.Refused != 0 ||
		third.Existing != 250 {
		t.Errorf("%+v, %v", third, err)
	}
}

func TestADryRunTellsTheSameAndWritesNothing(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv", shopFile(130)+"B1,?,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,\n")
	told := 0
	out, err := c.Import(t.Context(),
		Import{
			Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test", DryRun: true,
			Refused: func(refusal.Refusal) error { told++; return nil },
		})
	if err != nil || out.Added != 130 || out.Refused != 1 || told != 1 {
		t.Errorf("%+v, %v, told %d", out, err, told)
	}
	for _, table := range []string{"purchase", "purchase_line", "customer", "import_run", "import_refusal"} {
		if n := c.count(t, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func TestABrokenOffImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	c := open(t)
	bad := "B1,?,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,\n"
	file := write(t, "a.csv", shopHeader+bad+strings.TrimPrefix(shopFile(350), shopHeader)+
		strings.Replace(bad, "B1", "B2", 1))
	ctx, cancel := context.WithCancel(t.Context())
	im := Import{
		Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test",
		committed: func(position int) {
			if position > 200 {
				cancel()
			}
		},
	}
	if _, err := c.Import(ctx, im); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	var lines []int
	im.committed, im.Refused = nil, func(r refusal.Refusal) error { lines = append(lines, r.Line); return nil }
	out, err := c.Import(t.Context(), im)
	if err != nil || out.Resumed != 201 || out.Added != 350 || out.Existing != 0 || out.Refused != 2 || out.Read != 352 {
		t.Errorf("%+v, %v", out, err)
	}
	if fmt.Sprint(lines) != "[2 353]" {
		t.Errorf("the report names lines %v", lines)
	}
	for key, n := range c.opened {
		if n != 1 {
			t.Errorf("%s opened %d times", key, n)
		}
	}
}

func TestTwoImportsOfTheSameFileAtOnceTakeEachLineOnce(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv", shopFile(500)+"B1,?,王,15400000001,文三路1号,SKU-furniture,1,10,西湖店,\n")
	var wg sync.WaitGroup
	reports := make([]int, 3)
	for i := range reports {
		wg.Go(func() {
			out, err := c.Import(t.Context(),
				Import{
					Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test",
					Refused: func(refusal.Refusal) error { reports[i]++; return nil },
				})
			if err != nil || out.Added+out.Existing+out.Refused != 501 {
				t.Errorf("%+v, %v", out, err)
			}
		})
	}
	wg.Wait()
	if n := c.count(t, `SELECT count(*) FROM purchase_line`); n != 500 {
		t.Errorf("%d lines", n)
	}
	if n := c.count(t, `SELECT sum(added) FROM import_run`); n != 500 {
		t.Errorf("%d added", n)
	}
	if n := c.count(t, `SELECT count(*) FROM import_refusal
		WHERE run_id = (SELECT id FROM import_run ORDER BY id LIMIT 1)`); n != 1 {
		t.Errorf("%d refusals kept", n)
	}
	for i, n := range reports {
		if n != 1 {
			t.Errorf("importer %d reported the line %d times", i, n)
		}
	}
}

// The child that TestAKilledImportGoesOn kills runs this test.
func TestImportChild(t *testing.T) { //nolint:paralleltest // it is the child process of another test, and skips else
	url := os.Getenv("DOORSTEP_IMPORT_CHILD_URL")
	if url == "" {
		t.Skip("runs within TestAKilledImportGoesOn")
	}
	pool, err := postgres.Open(t.Context(), url, 2)
	if err != nil {
		t.Fatal(err)
	}
	c := companyOn(&postgres.Store{Pool: pool, Now: time.Now},
		change.Org(uuid.MustParse(os.Getenv("DOORSTEP_IMPORT_CHILD_ORG"))))
	_, err = c.Import(t.Context(), Import{
		Org: c.org, File: os.Getenv("DOORSTEP_IMPORT_CHILD_FILE"), Mapping: []byte(shopMapping), Actor: "system:test",
		committed: func(position int) { fmt.Fprintln(os.Stderr, "committed", position) },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKilledImportGoesOn(t *testing.T) {
	t.Parallel()
	c := open(t)
	file := write(t, "a.csv", shopFile(1500))
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImportChild$")
	child.Env = append(os.Environ(), "DOORSTEP_IMPORT_CHILD_URL="+c.url, "DOORSTEP_IMPORT_CHILD_ORG="+
		uuid.UUID(c.org).String(), "DOORSTEP_IMPORT_CHILD_FILE="+file)
	told, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(told)
	for n := 0; n < 3; {
		if !s.Scan() {
			t.Fatal("the child ended before it was killed")
		}
		if strings.HasPrefix(s.Text(), "committed") {
			n++
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child was done already")
	}
	out, err := c.Import(t.Context(), Import{Org: c.org, File: file, Mapping: []byte(shopMapping), Actor: "system:test"})
	if err != nil || out.Resumed < 300 || out.Added != 1500 || out.Existing != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if n := c.count(t, `SELECT count(*) FROM purchase_line`); n != 1500 {
		t.Errorf("%d lines", n)
	}
}

// marketplace writes a file in the columns of the real orders: each tenth line is cancelled, each hundredth says no
// time.
func marketplace(t *testing.T, lines int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(
		"order_id,item_no,ordered_at,status,delivered_at,customer_id,zip,city,state,lat,lng,product_id,category," +
			"price,freight," +
			"weight_g,seller_id,seller_city,seller_state,review_score\n")
	for i := range lines {
		ordered, status := "2017-03-04 21:15:19", "delivered"
		switch {
		case i%10 == 1:
			status = "canceled"
		case i%100 == 2:
			ordered = ""
		}
		fmt.Fprintf(&b,
			"order%d,%d,%s,%s,,customer%d,69309,boa "+
				"vista,RR,2.80,-60.69,product%d,moveis_decoracao,39.99,31.67,1400,seller,monte siao,MG,5\n",
			i/2, i%2+1, ordered, status, i/2, i)
	}
	return write(t, "orders.csv", b.String())
}

func TestOrdersOfAMarketplaceBecomeOrdersAndTickets(t *testing.T) {
	t.Parallel()
	becomeTickets(t, marketplace(t, 1000), 1000, 100)
	t.Run("real data", func(t *testing.T) {
		t.Parallel()
		becomeTickets(t, shared.Path(t, "orders.csv"), 4175, 271)
	})
}

func becomeTickets(t *testing.T, file string, lines, cancelled int) {
	t.Helper()
	c := open(t)
	codes := map[refusal.Code]int{}
	im := Import{
		Org: c.org, File: file, Mapping: example(t, "import-orders.yaml"), Actor: "system:test",
		Refused: func(r refusal.Refusal) error { codes[r.Code]++; return nil },
	}
	out, err := c.Import(t.Context(), im)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %v", out, codes)
	if out.Read != lines || out.Skipped != cancelled || out.Added != out.Tickets ||
		out.Added+out.Refused != lines-cancelled ||
		len(codes) != 1 || codes[refusal.Missing] != out.Refused {
		t.Errorf("%+v %v", out, codes)
	}
	again, err := c.Import(t.Context(), im)
	if err != nil || again.Added != 0 || again.Existing != out.Added || again.Refused != out.Refused {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestAFileThatDoesNotFitTheMappingIsRefusedWhole(t *testing.T) {
	t.Parallel()
	c := open(t)
	_, err := c.Import(t.Context(), Import{
		Org: c.org, File: write(t, "a.csv", "a,b\n1,2\n"), Mapping: []byte(shopMapping),
		Actor: "system:test",
	})
	if fault.CodeOf(err) != mapping.Invalid || !strings.Contains(fault.As(err).Public("zh"), "订单号") {
		t.Error(err)
	}
}
