package code_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAScanOpensATicketWithEverythingFilledIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unit := w.unit("SN1")
	_, text := w.issue(token.Unit, unit, 0)
	at := morning.Add(-time.Hour)
	v, id, err := w.scan(&storev1.OpenTicketByScan{Scanned: text, CustomerName: "王芳", CustomerPhone: "13800000001"}, at)
	if err != nil || v.Outcome != change.Applied {
		t.Fatalf("%+v, %v", v, err)
	}
	o := w.ticket(id).From
	if o.Unit != unit || o.Serial != "SN1" || o.Store != w.shop || !o.PurchasedAt.Equal(at) || !o.WarrantyUntil.Equal(at.AddDate(0, 72, 0)) ||
		o.Product.GetModel() != "YX-60" || o.Name != "王芳" || o.Source != "scan" || !o.At.Equal(at) {
		t.Fatalf("the ticket room was told %+v", o)
	}
	var u storev1.Unit
	if err := proto.Unmarshal(w.held(w.shop)[change.Entity{Kind: 30, ID: unit}], &u); err != nil {
		t.Fatal(err)
	}
	if u.HumanCode == "" || !u.PurchasedAt.AsTime().Equal(at) {
		t.Fatalf("the shop's feed holds %v", &u)
	}
}

func TestASecondScanShowsTheOpenTicketHoweverItWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unit := w.unit("SN1")
	i, link := w.issue(token.Unit, unit, 0)
	_, first, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning)
	if err != nil {
		t.Fatal(err)
	}
	ean, _ := gs1.GTIN(gtin).EAN13()
	for name, a := range map[string]*storev1.OpenTicketByScan{
		"link":                {Scanned: link},
		"link elsewhere":      {Scanned: "https://id.maker.example/01/" + gtin + "/21/SN1"},
		"DataMatrix":          {Scanned: "]d201" + gtin + "21SN1"},
		"short code":          {Scanned: i.Human.String()},
		"EAN and serial":      {Scanned: ean, Serial: " SN1 "},
		"from another shop":   {Scanned: link, StoreId: w.other[:]},
		"short code unspaced": {Scanned: string(i.Human)},
	} {
		v, asked, err := w.scan(a, morning)
		if err != nil || v.Outcome != change.Merged {
			t.Fatalf("%s: %+v, %v", name, v, err)
		}
		if v.Changes[0] != (change.FieldChange{Field: "ticket_id", Yours: asked.String(), Kept: first.String()}) {
			t.Fatalf("%s: %+v", name, v.Changes)
		}
	}
}

func TestTwoOfflineScansOfOneUnitMakeOneTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round, scanned := range []string{"https://id.maker.example/01/" + gtin + "/21/NEVER-SEEN", ""} {
		if scanned == "" {
			_, scanned = w.issue(token.Unit, w.unit("KNOWN"), 0)
		}
		const phones = 8
		verdicts := make([]change.Verdict, phones)
		ids := make([]uuid.UUID, phones)
		errs := make([]error, phones)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range phones {
			wg.Go(func() {
				<-start
				verdicts[i], ids[i], errs[i] = w.scan(&storev1.OpenTicketByScan{Scanned: scanned}, morning.Add(-time.Duration(i)*time.Minute))
			})
		}
		close(start)
		wg.Wait()
		applied := -1
		for i, v := range verdicts {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			switch v.Outcome {
			case change.Applied:
				if applied >= 0 {
					t.Fatalf("round %d: two tickets for one unit", round)
				}
				applied = i
			case change.Merged:
			default:
				t.Fatalf("round %d: %+v", round, v)
			}
		}
		if applied < 0 {
			t.Fatalf("round %d: nobody's scan was applied", round)
		}
		for i, v := range verdicts {
			if i != applied && v.Changes[0].Kept != ids[applied].String() {
				t.Fatalf("round %d: phone %d was shown %+v, not %s", round, i, v.Changes, ids[applied])
			}
		}
	}
	var tickets, units int
	if err := w.db.Owner.QueryRow(context.Background(), `SELECT (SELECT count(*) FROM fake_ticket), (SELECT count(*) FROM unit)`).Scan(&tickets, &units); err != nil {
		t.Fatal(err)
	}
	if tickets != 2 || units != 2 {
		t.Fatalf("%d tickets, %d units", tickets, units)
	}
}

func TestAUnitIsFreeForATicketOnceTheLastIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unit := w.unit("SN1")
	_, link := w.issue(token.Unit, unit, 0)
	_, first, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning)
	if err != nil {
		t.Fatal(err)
	}
	w.change(first, func(v *code.TicketView) { v.State = fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE })
	if v, _, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning); err != nil || v.Outcome != change.Merged {
		t.Fatalf("could not be completed, but is not closed: %+v %v", v, err)
	}
	w.change(first, func(v *code.TicketView) { v.State = fieldv1.TicketState_TICKET_STATE_COMPLETED })
	if held := w.held(w.shop); len(held) != 0 {
		t.Fatalf("an installed unit stays in the shop's feed: %v", held)
	}
	v, second, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning)
	if err != nil || v.Outcome != change.Applied || second == first {
		t.Fatalf("%+v %v", v, err)
	}
	if o := w.ticket(second).From; o.PurchasedAt.IsZero() || !o.PurchasedAt.Equal(w.ticket(first).From.PurchasedAt) {
		t.Fatalf("a repair does not change the purchase: %+v", o)
	}
}

func TestAScanThatDoesNotHoldIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unit := w.unit("SN1")
	i, link := w.issue(token.Unit, unit, 0)
	_, entry := w.issue(token.Entry, w.shop, 0)
	stranger := uuid.New()
	foreign := newWorldIn(w)
	foreignUnit := foreign.unit("SN9")
	foreignCode, _ := foreign.issue(token.Unit, foreignUnit, 0)
	foreignText := foreign.signed(foreignCode)
	for name, c := range map[string]struct {
		a    *storev1.OpenTicketByScan
		want fault.Code
	}{
		"a shop that is not theirs": {&storev1.OpenTicketByScan{Scanned: link, StoreId: stranger[:]}, fault.Forbidden},
		"no product":                {&storev1.OpenTicketByScan{Scanned: "4006381333931"}, fault.CodeUnknown},
		"a shop's entry":            {&storev1.OpenTicketByScan{Scanned: entry}, fault.CodeUnreadable},
		"nonsense":                  {&storev1.OpenTicketByScan{Scanned: "hello"}, fault.CodeUnreadable},
		"mistyped short code":       {&storev1.OpenTicketByScan{Scanned: mistype(i.Human.String())}, fault.CodeCheckDigit},
		"bad serial":                {&storev1.OpenTicketByScan{Scanned: "6901234567892", Serial: "中文"}, fault.CodeUnreadable},
		"another company's":         {&storev1.OpenTicketByScan{Scanned: foreignText}, fault.CodeUnknown},
	} {
		v, _, err := w.scan(c.a, morning)
		if err != nil || v.Outcome != change.Rejected || v.Code != c.want {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	if v, _, err := w.scan(&storev1.OpenTicketByScan{}, morning); err != nil || v.Outcome != change.Parked || v.Code != fault.MutationMalformed {
		t.Errorf("without a text: %+v, %v", v, err)
	}
	later := morning.Add(time.Hour)
	w.now.Store(&later)
	w.revoke(i.ID)
	if v, _, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, later.Add(time.Minute)); err != nil || v.Outcome != change.Rejected || v.Code != fault.CodeUnknown {
		t.Errorf("revoked: %+v, %v", v, err)
	}
	if v, _, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning); err != nil || v.Outcome != change.Applied {
		t.Errorf("scanned offline before it was revoked: %+v, %v", v, err)
	}
}

func TestAProductWithoutSerialOpensATicketWithoutUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, id, err := w.scan(&storev1.OpenTicketByScan{Scanned: "6901234567892", CustomerName: "李"}, morning)
	if err != nil || v.Outcome != change.Applied {
		t.Fatalf("%+v %v", v, err)
	}
	if o := w.ticket(id).From; o.Unit != uuid.Nil || o.Product == nil {
		t.Fatalf("%+v", o)
	}
}

func TestAClerkOfAnotherShopIsToldNothingOfAUnitsTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, link := w.issue(token.Unit, w.unit("SN1"), 0)
	_, first, err := w.scan(&storev1.OpenTicketByScan{Scanned: link}, morning)
	if err != nil {
		t.Fatal(err)
	}
	w.elsewhere = true
	v, second, err := w.scan(&storev1.OpenTicketByScan{Scanned: link, StoreId: w.other[:]}, morning)
	if err != nil || v.Outcome != change.Applied || len(v.Changes) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	if o := w.ticket(second).From; second == first || !o.Unconfirmed || o.Unit != uuid.Nil || !o.PurchasedAt.IsZero() || o.OrderNumber != "" {
		t.Errorf("opened %+v", o)
	}
}
