package code_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/internal/codetest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAScanOpensATicketWithEverythingFilledIn(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	_, text := w.IssueCode(token.Unit, unit, 0)
	at := codetest.Morning.Add(-time.Hour)
	v, id, err := w.Scan(&storev1.OpenTicketByScan{Scanned: text, CustomerName: "王芳", CustomerPhone: "13800000001"}, at)
	if err != nil || v.Outcome != change.Applied {
		t.Fatalf("%+v, %v", v, err)
	}
	o := w.Ticket(id).From
	if o.Unit != unit || o.Serial != "SN1" || o.Store != w.Shop || !o.PurchasedAt.Equal(at) ||
		!o.WarrantyUntil.Equal(at.AddDate(0, 72, 0)) ||
		o.Product.GetModel() != "YX-60" || o.Name != "王芳" || o.Source != "scan" || !o.At.Equal(at) {
		t.Fatalf("the ticket room was told %+v", o)
	}
	var u storev1.Unit
	if err := proto.Unmarshal(w.Held(w.Shop)[change.Entity{Kind: 30, ID: unit}], &u); err != nil {
		t.Fatal(err)
	}
	if u.HumanCode == "" || !u.PurchasedAt.AsTime().Equal(at) {
		t.Fatalf("the shop's feed holds %v", &u)
	}
}

func TestASecondScanShowsTheOpenTicketHoweverItWasRead(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	i, link := w.IssueCode(token.Unit, unit, 0)
	_, first, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning)
	if err != nil {
		t.Fatal(err)
	}
	ean, _ := gs1.GTIN(codetest.GTIN).EAN13()
	for name, a := range map[string]*storev1.OpenTicketByScan{
		"link":                {Scanned: link},
		"link elsewhere":      {Scanned: "https://id.maker.example/01/" + codetest.GTIN + "/21/SN1"},
		"DataMatrix":          {Scanned: "]d201" + codetest.GTIN + "21SN1"},
		"short code":          {Scanned: i.Human.String()},
		"EAN and serial":      {Scanned: ean, Serial: " SN1 "},
		"from another shop":   {Scanned: link, StoreId: w.Other[:]},
		"short code unspaced": {Scanned: string(i.Human)},
	} {
		v, asked, err := w.Scan(a, codetest.Morning)
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
	w := codetest.New(t)
	for round, scanned := range []string{"https://id.maker.example/01/" + codetest.GTIN + "/21/NEVER-SEEN", ""} {
		if scanned == "" {
			_, scanned = w.IssueCode(token.Unit, w.Unit("KNOWN"), 0)
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
				verdicts[i], ids[i], errs[i] = w.Scan(&storev1.OpenTicketByScan{Scanned: scanned},
					codetest.Morning.Add(-time.Duration(i)*time.Minute))
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
	if err := w.DB.Owner.QueryRow(context.Background(), `SELECT (SELECT count(*) FROM fake_ticket), (SELECT count(*)
		FROM unit)`).Scan(&tickets, &units); err != nil {
		t.Fatal(err)
	}
	if tickets != 2 || units != 2 {
		t.Fatalf("%d tickets, %d units", tickets, units)
	}
}

func TestAUnitIsFreeForATicketOnceTheLastIsDone(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	_, link := w.IssueCode(token.Unit, unit, 0)
	_, first, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning)
	if err != nil {
		t.Fatal(err)
	}
	w.Change(first, func(v *booking.Ticket) { v.State = fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE })
	if v, _, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning); err != nil ||
		v.Outcome != change.Merged {
		t.Fatalf("could not be completed, but is not closed: %+v %v", v, err)
	}
	w.Change(first, func(v *booking.Ticket) { v.State = fieldv1.TicketState_TICKET_STATE_COMPLETED })
	if held := w.Held(w.Shop); len(held) != 0 {
		t.Fatalf("an installed unit stays in the shop's feed: %v", held)
	}
	v, second, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning)
	if err != nil || v.Outcome != change.Applied || second == first {
		t.Fatalf("%+v %v", v, err)
	}
	if o := w.Ticket(second).From; o.PurchasedAt.IsZero() || !o.PurchasedAt.Equal(w.Ticket(first).From.PurchasedAt) {
		t.Fatalf("a repair does not change the purchase: %+v", o)
	}
}

func TestAScanThatDoesNotHoldIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	i, link := w.IssueCode(token.Unit, unit, 0)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	stranger := uuid.New()
	foreign := w.Another()
	foreignUnit := foreign.Unit("SN9")
	foreignCode, _ := foreign.IssueCode(token.Unit, foreignUnit, 0)
	foreignText := foreign.Signed(foreignCode)
	for name, c := range map[string]struct {
		a    *storev1.OpenTicketByScan
		want fault.Code
	}{
		"a shop that is not theirs": {&storev1.OpenTicketByScan{Scanned: link, StoreId: stranger[:]}, fault.Forbidden},
		"no product":                {&storev1.OpenTicketByScan{Scanned: "4006381333931"}, token.CodeUnknown},
		"a shop's entry":            {&storev1.OpenTicketByScan{Scanned: entry}, fault.CodeUnreadable},
		"nonsense":                  {&storev1.OpenTicketByScan{Scanned: "hello"}, fault.CodeUnreadable},
		"mistyped short code": {
			&storev1.OpenTicketByScan{Scanned: codetest.Mistype(i.Human.String())},
			fault.CodeCheckDigit,
		},
		"bad serial":        {&storev1.OpenTicketByScan{Scanned: "6901234567892", Serial: "中文"}, fault.CodeUnreadable},
		"another company's": {&storev1.OpenTicketByScan{Scanned: foreignText}, token.CodeUnknown},
	} {
		v, _, err := w.Scan(c.a, codetest.Morning)
		if err != nil || v.Outcome != change.Rejected || v.Code != c.want {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	if v, _, err := w.Scan(&storev1.OpenTicketByScan{}, codetest.Morning); err != nil || v.Outcome != change.Parked ||
		v.Code != fault.MutationMalformed {
		t.Errorf("without a text: %+v, %v", v, err)
	}
	later := codetest.Morning.Add(time.Hour)
	w.Clock.Store(&later)
	w.RevokeCode(i.ID)
	if v, _, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, later.Add(time.Minute)); err != nil ||
		v.Outcome != change.Rejected || v.Code != token.CodeUnknown {
		t.Errorf("revoked: %+v, %v", v, err)
	}
	if v, _, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning); err != nil ||
		v.Outcome != change.Applied {
		t.Errorf("scanned offline before it was revoked: %+v, %v", v, err)
	}
}

func TestAProductWithoutSerialOpensATicketWithoutUnit(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	v, id, err := w.Scan(&storev1.OpenTicketByScan{Scanned: "6901234567892", CustomerName: "李"}, codetest.Morning)
	if err != nil || v.Outcome != change.Applied {
		t.Fatalf("%+v %v", v, err)
	}
	if o := w.Ticket(id).From; o.Unit != uuid.Nil || o.Product == nil {
		t.Fatalf("%+v", o)
	}
}

func TestAClerkOfAnotherShopIsToldNothingOfAUnitsTicket(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, link := w.IssueCode(token.Unit, w.Unit("SN1"), 0)
	_, first, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link}, codetest.Morning)
	if err != nil {
		t.Fatal(err)
	}
	w.Elsewhere = true
	v, second, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link, StoreId: w.Other[:]}, codetest.Morning)
	if err != nil || v.Outcome != change.Applied || len(v.Changes) != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	if o := w.Ticket(second).From; second == first || !o.Unconfirmed || o.Unit != uuid.Nil || !o.PurchasedAt.IsZero() ||
		o.OrderNumber != "" {
		t.Errorf("opened %+v", o)
	}
}
