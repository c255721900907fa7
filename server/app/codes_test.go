package app_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/store/v1/storev1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// browse loads a page as a customer's phone does.
func browse(t *testing.T, method, address string, form url.Values) (status int, location, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address,
		strings.NewReader(form.Encode()))
	must(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Language", "zh-CN")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func TestACustomerBooksAtAShopsEntryAndFollowsTheJob(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	codes := storev1connect.NewCodeServiceClient(http.DefaultClient, w.URL())
	issued, err := codes.IssueCode(t.Context(),
		with(&storev1.IssueCodeRequest{Kind: storev1.CodeKind_CODE_KIND_ENTRY, TargetId: w.shop.ID[:]}, w.boss))
	must(t, err)
	entry := w.URL() + issued.Msg.GetCode().GetUrl()[len(w.URL()):]
	status, _, body := browse(t, "GET", entry, nil)
	if status != http.StatusOK || !strings.Contains(body, "国贸店") || !strings.Contains(body, "上门示范") ||
		!strings.Contains(body, "热水器") {
		t.Fatalf("%d %s", status, body)
	}
	seal := regexp.MustCompile(`name="seal" value="([^"]+)"`).FindStringSubmatch(body)[1]
	day := regexp.MustCompile(`<option value="(20[^"]+)"`).FindAllStringSubmatch(body, -1)[1][1]
	form := url.Values{
		"seal": {html.UnescapeString(seal)}, "class": {"water_heater"}, "name": {"赵先生"}, "phone": {"139 1111 2222"},
		"address": {"北京市朝阳区光华路 5 号"},
		"day":     {day}, "span": {"1"}, "note": {"请带梯子"},
	}
	status, location, body := browse(t, "POST", entry, form)
	if status != http.StatusSeeOther {
		t.Fatalf("%d %s", status, body)
	}
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())
	list, err := tickets.ListTickets(t.Context(), with(&officev1.ListTicketsRequest{}, w.boss))
	must(t, err)
	if len(list.Msg.GetTickets()) != 1 {
		t.Fatalf("%v", list.Msg)
	}
	id := list.Msg.GetTickets()[0].GetId()
	got, err := tickets.GetTicket(t.Context(), with(&officev1.GetTicketRequest{Id: id}, w.boss))
	must(t, err)
	k := got.Msg.GetTicket()
	if k.GetCustomer().GetName() != "赵先生" || k.GetShopName() != "国贸店" || k.GetNotes()[0].GetText() != "请带梯子" ||
		k.GetWanted() == nil ||
		string(k.GetTemplateId()) == "" || !got.Msg.GetChainIntact() {
		t.Errorf("the ticket: %v", k)
	}
	must2(t)(tickets.AssignTicket(t.Context(),
		with(&officev1.AssignTicketRequest{Id: id, TechnicianId: w.tech.ID[:]}, w.boss)))
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	var visit fieldv1.Visit
	must(t, proto.Unmarshal(phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT)[0], &visit))
	if _, _, body = browse(t, "GET", w.URL()+location, nil); !strings.Contains(body, k.GetNumber()) ||
		strings.Contains(body, "B001") {
		t.Errorf("before he accepts:\n%s", body)
	}
	phone.applied("visit.accept", &fieldv1.VisitAccept{VisitId: visit.GetId()})
	phone.applied("visit.travel", &fieldv1.VisitTravel{VisitId: visit.GetId()})
	_, _, body = browse(t, "GET", w.URL()+location, nil)
	for _, want := range []string{"李师傅", "B001", "师傅在路上"} {
		if !strings.Contains(body, want) {
			t.Errorf("the progress page lacks %s:\n%s", want, body)
		}
	}
	if _, _, english := browse(t, "GET", w.URL()+location+"&lang=en", nil); !strings.Contains(english, "eater") ||
		strings.Contains(english, "热水器") {
		t.Errorf("the English page does not name the product in English:\n%s", english)
	}
	for _, secret := range []string{"2222", "赵先生", "光华路", "梯子"} {
		if strings.Contains(body, secret) {
			t.Errorf("the progress page shows %s", secret)
		}
	}
}

func TestAnInstalledUnitLeavesTheShopAndItsScanTellsTheTechnicianItsHistory(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	var unit uuid.UUID
	w.within(t, func(tx *postgres.Tx) (err error) {
		unit, err = w.Rooms.Code.PutUnit(t.Context(), tx,
			code.Unit{Product: uuid.UUID(w.product.GetId()), GTIN: "06901234567892", Serial: "SN1", Store: w.shop.ID})
		return err
	})
	codes := storev1connect.NewCodeServiceClient(http.DefaultClient, w.URL())
	issued, err := codes.IssueCode(t.Context(),
		with(&storev1.IssueCodeRequest{Kind: storev1.CodeKind_CODE_KIND_UNIT, TargetId: unit[:]}, w.boss))
	must(t, err)
	clerk := &hand{t: t, w: w, token: w.phone(t, w.clerk).GetTokens().GetAccess()}
	var held storev1.Unit
	must(t, proto.Unmarshal(clerk.holds(fieldv1.EntityKind_ENTITY_KIND_UNIT)[0], &held))
	if strings.ReplaceAll(issued.Msg.GetCode().GetHumanCode(), "-", "") != held.GetHumanCode() {
		t.Errorf("the shop's phone holds %v", &held)
	}
	id := uuid.Must(uuid.NewV7())
	clerk.applied("store.open_ticket",
		&storev1.OpenTicketByScan{
			TicketId: id[:], StoreId: w.shop.ID[:], Scanned: held.GetHumanCode(), CustomerName: "王女士",
			CustomerPhone: "13800000001", Address: "北京市朝阳区建国路 1 号",
		})
	again := uuid.Must(uuid.NewV7())
	v := clerk.do("store.open_ticket",
		&storev1.OpenTicketByScan{TicketId: again[:], StoreId: w.shop.ID[:], Scanned: issued.Msg.GetCode().GetUrl()})
	if v.GetOutcome() != syncv1.Outcome_OUTCOME_MERGED || v.GetChanges()[0].GetKept() != id.String() {
		t.Errorf("the second scan: %v", v)
	}
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())
	must2(t)(tickets.AssignTicket(t.Context(),
		with(&officev1.AssignTicketRequest{Id: id[:], TechnicianId: w.tech.ID[:]}, w.boss)))
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	var visit fieldv1.Visit
	must(t, proto.Unmarshal(phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT)[0], &visit))
	scan := func(token string) *storev1.ResolveCodeResponse {
		t.Helper()
		res, err := codes.ResolveCode(t.Context(),
			with(&storev1.ResolveCodeRequest{Scanned: issued.Msg.GetCode().GetUrl()}, token))
		must(t, err)
		return res.Msg
	}
	if m := scan(phone.token); m.GetUnit().GetWarrantyUntil() == nil || len(m.GetParts()) != 1 ||
		len(m.GetHistory()) != 1 ||
		m.GetOpenTicket().GetNumber() == "" || m.GetOpenTicket().GetCustomerName() != "" || m.GetStoreName() != "国贸店" {
		t.Errorf("the technician is told %v", m)
	}
	if m := scan(clerk.token); m.GetOpenTicket().GetCustomerPhone() != "138****0001" {
		t.Errorf("the clerk is told %v", m)
	}
	phone.applied("visit.accept", &fieldv1.VisitAccept{VisitId: visit.GetId()})
	phone.applied("visit.travel", &fieldv1.VisitTravel{VisitId: visit.GetId()})
	phone.applied("visit.arrive", &fieldv1.VisitArrive{VisitId: visit.GetId()})
	phone.applied("task.answer",
		&fieldv1.AnswerTask{VisitId: visit.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	phone.applied("visit.complete", &fieldv1.VisitComplete{VisitId: visit.GetId()})
	if n := len(clerk.holds(fieldv1.EntityKind_ENTITY_KIND_UNIT)); n != 0 {
		t.Errorf("%d units stay at the shop", n)
	}
	if m := scan(phone.token); m.GetOpenTicket() != nil || len(m.GetHistory()) != 1 {
		t.Errorf("after the work: %v", m)
	}
	_, err = codes.ResolveCode(t.Context(),
		with(&storev1.ResolveCodeRequest{Scanned: "https://elsewhere.example/c/AAAA"}, phone.token))
	want(t, "a text that is no code", err, fault.CodeUnreadable)
}

func TestManyPhonesThatScannedOnePieceOfflineMakeOneTicket(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	const phones = 6
	hands := make([]*hand, phones)
	for i := range hands {
		hands[i] = &hand{t: t, w: w, token: w.phone(t, w.clerk).GetTokens().GetAccess()}
	}
	for round := range 3 {
		var start, done sync.WaitGroup
		start.Add(1)
		verdicts, ids := make([]*syncv1.Verdict, phones), make([]uuid.UUID, phones)
		for i, h := range hands {
			ids[i] = uuid.Must(uuid.NewV7())
			done.Go(func() {
				start.Wait()
				verdicts[i] = h.do("store.open_ticket", &storev1.OpenTicketByScan{
					TicketId: ids[i][:], StoreId: w.shop.ID[:], Scanned: fmt.Sprintf("]d2010690123456789221ROUND%d", round),
					CustomerName: "王女士", CustomerPhone: "13800000001",
				})
			})
		}
		start.Done()
		done.Wait()
		kept := ""
		for i, v := range verdicts {
			if v.GetOutcome() == syncv1.Outcome_OUTCOME_APPLIED {
				if kept != "" {
					t.Fatalf("round %d: two tickets", round)
				}
				kept = ids[i].String()
			}
		}
		for _, v := range verdicts {
			if v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED &&
				(v.GetOutcome() != syncv1.Outcome_OUTCOME_MERGED || v.GetChanges()[0].GetKept() != kept) {
				t.Fatalf("round %d: %v, kept %s", round, v, kept)
			}
		}
		if n := len(hands[0].holds(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET)); n != round+1 {
			t.Fatalf("round %d: %d open tickets at the shop", round, n)
		}
	}
}
