package code_test

import (
	"context"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestOneCodeServesEachByRole(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	_, link := w.IssueCode(token.Unit, unit, 0)
	if _, _, err := w.Scan(&storev1.OpenTicketByScan{Scanned: link, CustomerName: "王芳", CustomerPhone: "13800000001"},
		codetest.Morning); err != nil {
		t.Fatal(err)
	}
	ask := func(who *identity.Identity) *storev1.ResolveCodeResponse {
		t.Helper()
		out, err := code.Service{Codes: w.Codes}.ResolveCode(identity.With(context.Background(), *who),
			connect.NewRequest(&storev1.ResolveCodeRequest{Scanned: link}))
		if err != nil {
			t.Fatal(err)
		}
		return out.Msg
	}
	clerk := w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Shop))
	if m := ask(&clerk); m.OpenTicket.GetCustomerName() != "王芳" || m.Unit.GetPurchasedAt() == nil || m.StoreName == "" ||
		len(m.History)+len(m.Parts) != 0 {
		t.Errorf("the shop's clerk sees %v", m)
	}
	elsewhere := w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Other))
	if m := ask(&elsewhere); m.OpenTicket != nil || m.Unit.GetPurchasedAt() != nil || m.Unit.GetOrderNumber() != "" ||
		m.StoreName != "" || m.Unit.GetWarrantyUntil() == nil {
		t.Errorf("another shop's clerk sees %v", m)
	}
	technician := w.As(codetest.Grant(identity.Technician, identity.ScopeSelf, uuid.Nil))
	if m := ask(&technician); m.Unit.GetPurchasedAt() == nil || m.Unit.GetWarrantyUntil() == nil || len(m.History) != 1 ||
		len(m.Parts) != 1 ||
		m.OpenTicket.GetNumber() == "" || m.OpenTicket.GetCustomerName()+m.OpenTicket.GetCustomerPhone() != "" {
		t.Errorf("a technician sees %v", m)
	}
	office := w.As(codetest.Grant(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	if m := ask(&office); m.OpenTicket.GetCustomerName() != "王芳" || len(m.History) != 1 {
		t.Errorf("the office sees %v", m)
	}
	if _, err := (code.Service{Codes: w.Codes}).ResolveCode(context.Background(),
		connect.NewRequest(&storev1.ResolveCodeRequest{Scanned: link})); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	foreign := identity.Identity{
		Org:  w.Another().Org,
		User: uuid.New(),
	}.Holding(codetest.Grant(identity.Admin, identity.ScopeOrg, uuid.Nil))
	_, err := code.Service{Codes: w.Codes}.ResolveCode(identity.With(context.Background(), foreign),
		connect.NewRequest(&storev1.ResolveCodeRequest{Scanned: link}))
	if fault.CodeOf(err) != token.CodeUnknown {
		t.Errorf("another company's admin: %v", err)
	}
	var scans int
	if err := w.DB.Owner.QueryRow(context.Background(), `SELECT count(*) FROM code_scan`).Scan(&scans); err != nil ||
		scans != 5 {
		t.Errorf("%d scans are noted, %v", scans, err)
	}
}

func TestATicketsCodeTellsStaffWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, ticket, err := w.Scan(&storev1.OpenTicketByScan{Scanned: "6901234567892", Serial: "1", CustomerName: "王芳"},
		codetest.Morning)
	if err != nil {
		t.Fatal(err)
	}
	i, text := w.IssueCode(token.Ticket, ticket, code.TicketCodeLife)
	for name, c := range map[string]struct {
		who  identity.Identity
		want fault.Code
	}{
		"its shop":         {w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Shop)), ""},
		"another shop":     {w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Other)), token.CodeUnknown},
		"the office":       {w.As(codetest.Grant(identity.Supervisor, identity.ScopeOrg, uuid.Nil)), ""},
		"nobody in the co": {w.As(), token.CodeUnknown},
	} {
		if _, err := w.Resolve(context.Background(), c.who, text); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := w.Resolve(context.Background(), w.As(codetest.Grant(identity.Admin, identity.ScopeOrg, uuid.Nil)),
		i.Human.String()); err != nil || m.OpenTicket == nil {
		t.Errorf("by its short code: %v", err)
	}
}

func TestIssuingIsForTheOfficeAndTheOwnShop(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	unit := w.Unit("SN1")
	s := code.Service{Codes: w.Codes}
	issue := func(who identity.Identity, kind storev1.CodeKind, target uuid.UUID) (*storev1.Code, error) {
		out, err := s.IssueCode(identity.With(context.Background(), who),
			connect.NewRequest(&storev1.IssueCodeRequest{Kind: kind, TargetId: target[:], ValidHours: 1}))
		if err != nil {
			return nil, err
		}
		return out.Msg.Code, nil
	}
	own, elsewhere := w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Shop)),
		w.As(codetest.Grant(identity.Clerk, identity.ScopeStore, w.Other))
	mine, err := issue(own, storev1.CodeKind_CODE_KIND_ENTRY, w.Shop)
	if err != nil || mine.Url == "" || mine.HumanCode == "" || mine.Expires == nil {
		t.Fatalf("%v %v", mine, err)
	}
	if _, err := issue(own, storev1.CodeKind_CODE_KIND_UNIT, unit); err != nil {
		t.Error(err)
	}
	for name, who := range map[string]identity.Identity{
		"another shop": elsewhere, "technician": w.As(codetest.Grant(identity.Technician, identity.ScopeSelf, uuid.Nil)),
		"another company": identity.Identity{Org: uuid.New()}.Holding(codetest.Grant(identity.Admin,
			identity.ScopeOrg, uuid.Nil)),
	} {
		if _, err := issue(who, storev1.CodeKind_CODE_KIND_UNIT, unit); err == nil {
			t.Errorf("%s may issue", name)
		}
		_, err := s.RevokeCode(identity.With(context.Background(), who),
			connect.NewRequest(&storev1.RevokeCodeRequest{Id: mine.Id}))
		if err == nil {
			t.Errorf("%s may revoke", name)
		}
		_, err = s.RenderCodes(identity.With(context.Background(), who),
			connect.NewRequest(&storev1.RenderCodesRequest{Ids: [][]byte{mine.Id}, Format: storev1.Format_FORMAT_PNG}))
		if err == nil {
			t.Errorf("%s may print", name)
		}
	}
	for f, magic := range map[storev1.Format]string{
		storev1.Format_FORMAT_PNG: "\x89PNG", storev1.Format_FORMAT_SVG: "<svg", storev1.Format_FORMAT_PDF_A4: "%PDF",
		storev1.Format_FORMAT_ZPL: "^XA",
	} {
		out, err := s.RenderCodes(identity.With(context.Background(), own),
			connect.NewRequest(&storev1.RenderCodesRequest{Ids: [][]byte{mine.Id}, Format: f}))
		if err != nil || string(out.Msg.Content[:len(magic)]) != magic {
			t.Errorf("%v: %v", f, err)
		}
	}
	if _, err := s.RevokeCode(identity.With(context.Background(), own),
		connect.NewRequest(&storev1.RevokeCodeRequest{Id: mine.Id, Reason: "lost"})); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("the shop's clerk may not revoke: %v", err)
	}
	if _, err := s.RevokeCode(identity.With(context.Background(),
		w.As(codetest.Grant(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))),
		connect.NewRequest(&storev1.RevokeCodeRequest{Id: mine.Id, Reason: "lost"})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Resolve(context.Background(), own, mine.Url); fault.CodeOf(err) != token.CodeUnknown {
		t.Errorf("a revoked code: %v", err)
	}
	if _, err := s.RenderCodes(identity.With(context.Background(), own),
		connect.NewRequest(&storev1.RenderCodesRequest{
			Ids:    [][]byte{mine.Id},
			Format: storev1.Format_FORMAT_PNG,
		})); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("printing a revoked code: %v", err)
	}
	if _, err := s.IssueCode(context.Background(), connect.NewRequest(&storev1.IssueCodeRequest{})); fault.CodeOf(err) !=
		fault.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
}

func TestAHostBelongsToOneCompany(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	o := w.Another()
	w.Transact(func(ctx context.Context, tx *postgres.Tx) error { return w.UseHost(ctx, tx, "ID.Example.com") })
	err := o.Store.Transact(context.Background(), change.Org(o.Org), func(tx *postgres.Tx) error {
		return o.UseHost(context.Background(), tx, "id.example.com")
	})
	if fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("%v", err)
	}
	_, text := w.IssueCode(token.Unit, w.Unit("A/1"), 0)
	if text != "https://id.example.com/01/"+codetest.GTIN+"/21/A%2F1" {
		t.Fatal(text)
	}
	if g, err := w.Booking.Look(context.Background(), text); err != nil || g.Product.EN == "" {
		t.Fatalf("%+v %v", g, err)
	}
}
