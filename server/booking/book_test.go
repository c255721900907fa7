package booking_test

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

	"github.com/doorstep-dev/doorstep/internal/codetest"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func wish(scanned string) booking.Wish {
	return booking.Wish{
		Code: scanned, Request: uuid.New(), Name: "王芳", Phone: "138 0000 0001",
		Address: "深圳市南山区科技路 1 号 2 栋 301",
	}
}

func TestStrangersAreToldTheSameOfEveryBadCode(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	ctx := context.Background()
	unit := w.Unit("SN1")
	live, link := w.IssueCode(token.Unit, unit, 0)
	entry, _ := w.IssueCode(token.Entry, w.Shop, time.Hour)
	gone, goneText := w.IssueCode(token.Entry, w.Shop, 0)
	w.RevokeCode(gone.ID)
	revoked := w.Unit("SN2")
	label, revokedLink := w.IssueCode(token.Unit, revoked, 0)
	w.RevokeCode(label.ID)
	thief := ed25519.NewKeyFromSeed([]byte(strings.Repeat("t", 32)))
	mine := token.KeyID(w.Key.Public().(ed25519.PublicKey)[:5])
	neverIssued, err := token.NewID(w.Org)
	if err != nil {
		t.Fatal(err)
	}
	stray, err := token.NewID(uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	foreign := w.Another()
	later := codetest.Morning.Add(2 * time.Hour)
	expiredText := w.Signed(entry)
	w.Clock.Store(&later)

	base := "https://doorstep.example/g/" + token.HandleOf(w.Org).String()
	for name, scanned := range map[string]string{
		"expired":           expiredText,
		"revoked":           goneText,
		"revoked label":     revokedLink,
		"unknown serial":    base + "/01/" + codetest.GTIN + "/21/SN404",
		"unknown product":   base + "/01/04006381333931/21/SN1",
		"wrong check digit": base + "/01/06901234567891/21/SN1",
		"another prefix":    "https://doorstep.example/g/aaaaaaaa/01/" + codetest.GTIN + "/21/SN1",
		"no prefix":         "https://doorstep.example/01/" + codetest.GTIN + "/21/SN1",
		"another host":      "https://elsewhere.example/01/" + codetest.GTIN + "/21/SN1",
		"another company": "https://doorstep.example/g/" + token.HandleOf(foreign.Org).String() + "/01/" +
			codetest.GTIN + "/21/SN1",
		"forged":                token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: entry.ID}, thief),
		"signed, never issued":  token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: neverIssued}, w.Key),
		"signed, of nobody":     token.Sign(token.Token{Kind: token.Entry, Key: mine, ID: stray}, w.Key),
		"signed, another kind":  token.Sign(token.Token{Kind: token.Ticket, Key: mine, ID: entry.ID}, w.Key),
		"a short code":          live.Human.String(),
		"plain EAN":             "6901234567892",
		"element string":        "]d201" + codetest.GTIN + "21SN1",
		"words":                 "hello",
		"empty":                 "",
		"SQL":                   "'; DROP TABLE unit; --",
		"a very long text":      strings.Repeat("A", 100_000),
		"null bytes":            "https://doorstep.example/g/\x00/01/" + codetest.GTIN,
		"null byte in a handle": "https://doorstep.example/g/%00/01/" + codetest.GTIN,
	} {
		_, err := w.Booking.Look(ctx, scanned)
		if fault.CodeOf(err) != token.CodeUnknown || fault.As(err).Public("en") != token.CodeUnknown.Sentence("en") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Booking.Book(ctx, wish(scanned)); fault.CodeOf(err) != token.CodeUnknown {
			t.Errorf("booking with %s: %v", name, err)
		}
	}
	if g, err := w.Booking.Look(ctx, link); err != nil || g.Product.ZH == "" || g.Progress != nil ||
		g.Store != (booking.Label{}) {
		t.Fatalf("%+v %v", g, err)
	}
	if g, err := w.Booking.Look(ctx, base+"/01/"+codetest.GTIN); err != nil || g.Product.ZH == "" {
		t.Fatalf("a product without serial: %+v %v", g, err)
	}
	reissued, _ := w.IssueCode(token.Unit, revoked, 0)
	if _, err := w.Booking.Look(ctx, revokedLink); err != nil {
		t.Fatalf("a new label makes the unit good again: %v", err)
	}
	_ = reissued
}

func TestAStrangerBooksOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	ask := wish(entry)
	ask.Earliest, ask.Latest = codetest.Morning.Add(24*time.Hour), codetest.Morning.Add(27*time.Hour)
	const times = 6
	got := make([]booking.Booked, times)
	errs := make([]error, times)
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() { got[i], errs[i] = w.Booking.Book(context.Background(), ask) })
	}
	wg.Wait()
	for i := range got {
		if errs[i] != nil || got[i].Number != got[0].Number || got[i].Token == "" {
			t.Fatalf("%+v %v", got[i], errs[i])
		}
	}
	var tickets int
	if err := w.DB.Owner.QueryRow(context.Background(), `SELECT count(*) FROM fake_ticket`).Scan(&tickets); err != nil ||
		tickets != 1 {
		t.Fatalf("%d tickets, %v", tickets, err)
	}
	g, err := w.Booking.Look(context.Background(), got[0].Token)
	if err != nil || g.Progress == nil || g.Progress.Number != got[0].Number {
		t.Fatalf("%+v %v", g, err)
	}
	if _, err := w.Booking.Book(context.Background(), wish(got[0].Token)); fault.CodeOf(err) != token.CodeUnknown {
		t.Fatalf("a ticket's code books nothing: %v", err)
	}
	other := ask
	_, other.Code = w.IssueCode(token.Entry, w.Other, 0)
	if _, err := w.Booking.Book(context.Background(), other); fault.CodeOf(err) != fault.InvalidArgument {
		t.Fatalf("a request id of another code: %v", err)
	}
}

func TestBookingAUnitInWorkTellsNobodyWhoseItIs(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, link := w.IssueCode(token.Unit, w.Unit("SN1"), 0)
	first, err := w.Booking.Book(context.Background(), wish(link))
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Booking.Book(context.Background(), wish(link))
	if err != nil || again.Number == first.Number {
		t.Fatalf("who knows the customer's number: %+v %v", again, err)
	}
	nosy := wish(link)
	nosy.Phone = "13911112222"
	stranger, err := w.Booking.Book(context.Background(), nosy)
	if err != nil || stranger.Number == first.Number {
		t.Fatalf("somebody else: %+v %v", stranger, err)
	}
	v, _, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning)
	if err != nil || len(v.Changes) == 0 {
		t.Fatalf("the clerk is shown the first: %+v %v", v, err)
	}
}

// from is a wish of another customer, sent from an address.
func from(entry, address string, customer int) booking.Wish {
	v := wish(entry)
	v.From, v.Phone = netip.MustParseAddr(address), fmt.Sprintf("139%08d", customer)
	return v
}

func TestOneAddressBooksNotWithoutEndAndClosesNoShopForOthers(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	// Many at once, from one line's addresses and under other phone numbers each.
	var all sync.WaitGroup
	var booked, refused atomic.Int32
	for i := range 60 {
		all.Go(func() {
			_, err := w.Booking.Book(context.Background(), from(entry, fmt.Sprintf("2001:db8::%x", i+1), i))
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
		if _, err := w.Booking.Book(context.Background(), from(entry, fmt.Sprintf("192.0.2.%d", i), 1000+i)); err != nil {
			t.Fatalf("another customer: %v", err)
		}
	}
	later := codetest.Morning.Add(61 * time.Minute)
	w.Clock.Store(&later)
	if _, err := w.Booking.Book(context.Background(), from(entry, "2001:db8::1", 1)); err != nil {
		t.Fatalf("an hour later: %v", err)
	}
}

func TestOnePhoneNumberBooksAFewTimesHoweverItIsWrittenAndWhereverItComesFrom(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	written := []string{"13800000001", "138 0000 0001", "+86 138-0000-0001", "(138)00000001", "86 13800000001"}
	for i, phone := range append(written, "13800000001") {
		v := from(entry, fmt.Sprintf("192.0.2.%d", i), 0)
		v.Phone = phone
		_, err := w.Booking.Book(context.Background(), v)
		if want := i == len(written); (fault.CodeOf(err) == fault.RateLimited) != want {
			t.Errorf("booking %d: %v", i, err)
		}
		// What was booked is told again, as often as it is asked.
		if i == 0 {
			for range 10 {
				if _, err := w.Booking.Book(context.Background(), v); err != nil {
					t.Fatalf("the same request: %v", err)
				}
			}
		}
	}
}

func TestAWishIsChecked(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*booking.Wish){
		"no name":           func(w *booking.Wish) { w.Name = "  " },
		"long name":         func(w *booking.Wish) { w.Name = strings.Repeat("名", 101) },
		"words as phone":    func(w *booking.Wish) { w.Phone = "call me" },
		"short phone":       func(w *booking.Wish) { w.Phone = "110" },
		"no address":        func(w *booking.Wish) { w.Address = "" },
		"long note":         func(w *booking.Wish) { w.Note = strings.Repeat("x", 501) },
		"control character": func(w *booking.Wish) { w.Name = "a\x00b" },
		"not UTF-8":         func(w *booking.Wish) { w.Name = "\xff\xfe" },
		"past": func(w *booking.Wish) {
			w.Earliest, w.Latest = codetest.Morning.Add(-3*time.Hour), codetest.Morning.Add(-time.Hour)
		},
		"next year": func(w *booking.Wish) {
			w.Earliest, w.Latest = codetest.Morning.AddDate(1, 0, 0), codetest.Morning.AddDate(1, 0, 1)
		},
		"half a window": func(w *booking.Wish) { w.Earliest = codetest.Morning },
		"backwards": func(w *booking.Wish) {
			w.Earliest, w.Latest = codetest.Morning.Add(2*time.Hour), codetest.Morning.Add(time.Hour)
		},
	} {
		w := wish("x")
		edit(&w)
		if err := w.Check(codetest.Morning); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := wish("x").Check(codetest.Morning); err != nil {
		t.Error(err)
	}
}

func TestABadgeShowsAFirstNameOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"张伟": "张师傅", "Wei Zhang": "Wei", " 李 ": "李师傅", "": "", "Anna": "Anna"} {
		if got := booking.BadgeName(name); got != want {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
}

func TestScansAndOldRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	if _, err := w.Booking.Book(context.Background(), wish(entry)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Booking.Look(context.Background(), entry); err != nil {
		t.Fatal(err)
	}
	forget := func(before time.Time) (gone int64) {
		w.Transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
			requests, err := w.Booking.Forget(ctx, tx, before)
			if err != nil {
				return err
			}
			scans, err := w.Forget(ctx, tx, before)
			gone = requests + scans
			return err
		})
		return gone
	}
	if n := forget(codetest.Morning); n != 0 {
		t.Fatalf("%d forgotten too early", n)
	}
	if n := forget(codetest.Morning.Add(time.Second)); n != 2 {
		t.Fatalf("%d forgotten", n)
	}
}
