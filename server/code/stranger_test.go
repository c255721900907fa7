package code_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func wish(scanned string) code.Wish {
	return code.Wish{Code: scanned, Request: uuid.New(), Name: "王芳", Phone: "138 0000 0001", Address: "深圳市南山区科技路 1 号 2 栋 301"}
}

func TestStrangersAreToldTheSameOfEveryBadCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	unit := w.unit("SN1")
	live, link := w.issue(token.Unit, unit, 0)
	entry, _ := w.issue(token.Entry, w.shop, time.Hour)
	gone, goneText := w.issue(token.Entry, w.shop, 0)
	w.revoke(gone.ID)
	revoked := w.unit("SN2")
	label, revokedLink := w.issue(token.Unit, revoked, 0)
	w.revoke(label.ID)
	thief := ed25519.NewKeyFromSeed([]byte(strings.Repeat("t", 32)))
	mine := token.KeyID(w.key.Public().(ed25519.PublicKey)[:5])
	neverIssued, err := token.NewID(w.org)
	if err != nil {
		t.Fatal(err)
	}
	stray, err := token.NewID(uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	foreign := newWorldIn(w)
	later := morning.Add(2 * time.Hour)
	expiredText := w.signed(entry)
	w.now.Store(&later)

	base := "https://doorstep.example/g/" + token.HandleOf(w.org).String()
	for name, scanned := range map[string]string{
		"expired":               expiredText,
		"revoked":               goneText,
		"revoked label":         revokedLink,
		"unknown serial":        base + "/01/" + gtin + "/21/SN404",
		"unknown product":       base + "/01/04006381333931/21/SN1",
		"wrong check digit":     base + "/01/06901234567891/21/SN1",
		"another prefix":        "https://doorstep.example/g/aaaaaaaa/01/" + gtin + "/21/SN1",
		"no prefix":             "https://doorstep.example/01/" + gtin + "/21/SN1",
		"another host":          "https://elsewhere.example/01/" + gtin + "/21/SN1",
		"another company":       "https://doorstep.example/g/" + token.HandleOf(foreign.org).String() + "/01/" + gtin + "/21/SN1",
		"forged":                token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: entry.ID}, thief),
		"signed, never issued":  token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: neverIssued}, w.key),
		"signed, of nobody":     token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: stray}, w.key),
		"signed, another kind":  token.Sign(token.Token{Kind: token.Ticket, Key: mine, ID: entry.ID}, w.key),
		"a short code":          live.Human.String(),
		"plain EAN":             "6901234567892",
		"element string":        "]d201" + gtin + "21SN1",
		"words":                 "hello",
		"empty":                 "",
		"SQL":                   "'; DROP TABLE unit; --",
		"a very long text":      strings.Repeat("A", 100_000),
		"null bytes":            "https://doorstep.example/g/\x00/01/" + gtin,
		"null byte in a handle": "https://doorstep.example/g/%00/01/" + gtin,
	} {
		_, err := w.Look(ctx, scanned)
		if fault.CodeOf(err) != fault.CodeUnknown || fault.As(err).Public("en") != fault.CodeUnknown.Sentence("en") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Book(ctx, wish(scanned)); fault.CodeOf(err) != fault.CodeUnknown {
			t.Errorf("booking with %s: %v", name, err)
		}
	}
	if g, err := w.Look(ctx, link); err != nil || g.Product.ZH == "" || g.Progress != nil || g.Store != (code.Label{}) {
		t.Fatalf("%+v %v", g, err)
	}
	if g, err := w.Look(ctx, base+"/01/"+gtin); err != nil || g.Product.ZH == "" {
		t.Fatalf("a product without serial: %+v %v", g, err)
	}
	reissued, _ := w.issue(token.Unit, revoked, 0)
	if _, err := w.Look(ctx, revokedLink); err != nil {
		t.Fatalf("a new label makes the unit good again: %v", err)
	}
	_ = reissued
}

func TestAStrangerBooksOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, entry := w.issue(token.Entry, w.shop, 0)
	ask := wish(entry)
	ask.Earliest, ask.Latest = morning.Add(24*time.Hour), morning.Add(27*time.Hour)
	const times = 6
	got := make([]code.Booked, times)
	errs := make([]error, times)
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() { got[i], errs[i] = w.Book(context.Background(), ask) })
	}
	wg.Wait()
	for i := range got {
		if errs[i] != nil || got[i].Number != got[0].Number || got[i].Token == "" {
			t.Fatalf("%+v %v", got[i], errs[i])
		}
	}
	var tickets int
	if err := w.db.Owner.QueryRow(context.Background(), `SELECT count(*) FROM fake_ticket`).Scan(&tickets); err != nil || tickets != 1 {
		t.Fatalf("%d tickets, %v", tickets, err)
	}
	g, err := w.Look(context.Background(), got[0].Token)
	if err != nil || g.Progress == nil || g.Progress.Number != got[0].Number {
		t.Fatalf("%+v %v", g, err)
	}
	if _, err := w.Book(context.Background(), wish(got[0].Token)); fault.CodeOf(err) != fault.CodeUnknown {
		t.Fatalf("a ticket's code books nothing: %v", err)
	}
	other := ask
	_, other.Code = w.issue(token.Entry, w.other, 0)
	if _, err := w.Book(context.Background(), other); fault.CodeOf(err) != fault.InvalidArgument {
		t.Fatalf("a request id of another code: %v", err)
	}
}

func TestBookingAUnitInWorkTellsNobodyWhoseItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, link := w.issue(token.Unit, w.unit("SN1"), 0)
	first, err := w.Book(context.Background(), wish(link))
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Book(context.Background(), wish(link))
	if err != nil || again.Number == first.Number {
		t.Fatalf("who knows the customer's number: %+v %v", again, err)
	}
	nosy := wish(link)
	nosy.Phone = "13911112222"
	stranger, err := w.Book(context.Background(), nosy)
	if err != nil || stranger.Number == first.Number {
		t.Fatalf("somebody else: %+v %v", stranger, err)
	}
	v, _, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning)
	if err != nil || len(v.Changes) == 0 {
		t.Fatalf("the clerk is shown the first: %+v %v", v, err)
	}
}

// from is a wish of another customer, sent from an address.
func from(entry, address string, customer int) code.Wish {
	v := wish(entry)
	v.From, v.Phone = netip.MustParseAddr(address), fmt.Sprintf("139%08d", customer)
	return v
}

func TestOneAddressBooksNotWithoutEndAndClosesNoShopForOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, entry := w.issue(token.Entry, w.shop, 0)
	// Many at once, from one line's addresses and under other phone numbers each.
	var all sync.WaitGroup
	var booked, refused atomic.Int32
	for i := range 60 {
		all.Go(func() {
			_, err := w.Book(context.Background(), from(entry, fmt.Sprintf("2001:db8::%x", i+1), i))
			switch fault.CodeOf(err) {
			case "":
				booked.Add(1)
			case fault.RateLimited:
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if booked.Load() != 20 || refused.Load() != 40 {
		t.Fatalf("%d were booked from one address, %d refused, want 20 and 40", booked.Load(), refused.Load())
	}
	for i := range 30 {
		if _, err := w.Book(context.Background(), from(entry, fmt.Sprintf("192.0.2.%d", i), 1000+i)); err != nil {
			t.Fatalf("another customer: %v", err)
		}
	}
	later := morning.Add(61 * time.Minute)
	w.now.Store(&later)
	if _, err := w.Book(context.Background(), from(entry, "2001:db8::1", 1)); err != nil {
		t.Fatalf("an hour later: %v", err)
	}
}

func TestOnePhoneNumberBooksAFewTimesHoweverItIsWrittenAndWhereverItComesFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, entry := w.issue(token.Entry, w.shop, 0)
	written := []string{"13800000001", "138 0000 0001", "+86 138-0000-0001", "(138)00000001", "86 13800000001"}
	for i, phone := range append(written, "13800000001") {
		v := from(entry, fmt.Sprintf("192.0.2.%d", i), 0)
		v.Phone = phone
		_, err := w.Book(context.Background(), v)
		if want := i == len(written); (fault.CodeOf(err) == fault.RateLimited) != want {
			t.Errorf("booking %d: %v", i, err)
		}
		// What was booked is told again, as often as it is asked.
		if i == 0 {
			for range 10 {
				if _, err := w.Book(context.Background(), v); err != nil {
					t.Fatalf("the same request: %v", err)
				}
			}
		}
	}
}

func TestAWishIsChecked(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*code.Wish){
		"no name":           func(w *code.Wish) { w.Name = "  " },
		"long name":         func(w *code.Wish) { w.Name = strings.Repeat("名", 101) },
		"words as phone":    func(w *code.Wish) { w.Phone = "call me" },
		"short phone":       func(w *code.Wish) { w.Phone = "110" },
		"no address":        func(w *code.Wish) { w.Address = "" },
		"long note":         func(w *code.Wish) { w.Note = strings.Repeat("x", 501) },
		"control character": func(w *code.Wish) { w.Name = "a\x00b" },
		"not UTF-8":         func(w *code.Wish) { w.Name = "\xff\xfe" },
		"past":              func(w *code.Wish) { w.Earliest, w.Latest = morning.Add(-3*time.Hour), morning.Add(-time.Hour) },
		"next year":         func(w *code.Wish) { w.Earliest, w.Latest = morning.AddDate(1, 0, 0), morning.AddDate(1, 0, 1) },
		"half a window":     func(w *code.Wish) { w.Earliest = morning },
		"backwards":         func(w *code.Wish) { w.Earliest, w.Latest = morning.Add(2*time.Hour), morning.Add(time.Hour) },
	} {
		w := wish("x")
		edit(&w)
		if err := w.Check(morning); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wish("x").Check(morning); err != nil {
		t.Error(err)
	}
}

func TestABadgeShowsAFirstNameOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"张伟": "张师傅", "Wei Zhang": "Wei", " 李 ": "李师傅", "": "", "Anna": "Anna"} {
		if got := code.BadgeName(name); got != want {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
}

func TestCodesOfATicketAreFoundAgainInsteadOfMultiplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, ticket, err := w.scan(&storev1.OpenTicketByScan{Scanned: "6901234567892"}, morning)
	if err != nil {
		t.Fatal(err)
	}
	var first, second, link string
	w.transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		if first, _, err = w.TicketToken(ctx, tx, ticket); err != nil {
			return err
		}
		second, link, err = w.TicketToken(ctx, tx, ticket)
		return err
	})
	if first != second || link != "HTTPS://DOORSTEP.EXAMPLE/C/"+first {
		t.Fatal(first, second, link)
	}
}

func TestScansAndOldRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, entry := w.issue(token.Entry, w.shop, 0)
	if _, err := w.Book(context.Background(), wish(entry)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Look(context.Background(), entry); err != nil {
		t.Fatal(err)
	}
	forget := func(before time.Time) (gone int64) {
		w.transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
			gone, err = w.Forget(ctx, tx, before)
			return err
		})
		return gone
	}
	if n := forget(morning); n != 0 {
		t.Fatalf("%d forgotten too early", n)
	}
	if n := forget(morning.Add(time.Second)); n != 2 {
		t.Fatalf("%d forgotten", n)
	}
}
