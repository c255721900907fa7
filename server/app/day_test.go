package app_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// trade is a company that can work: a product with its checklist, a price list, a pay plan.
type trade struct {
	company
	boss    string
	product *fieldv1.Product
	part    *fieldv1.PriceItem
}

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

func openTrade(t *testing.T, change ...func(*app.Config)) trade {
	t.Helper()
	w := trade{company: open(t, append(change, generous)...)}
	w.boss = w.console(t, "boss")
	goods := officev1connect.NewCatalogueServiceClient(http.DefaultClient, w.URL())
	template, err := goods.PutTemplate(t.Context(), with(&officev1.PutTemplateRequest{Template: &fieldv1.Template{
		Key: "heater", Name: label("热水器", "Heater"), Steps: []*fieldv1.Step{
			{
				Key: "pressure", Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: label("水压", "Pressure"), Required: true,
				HasRange: true, Min: 0, Max: 1,
			},
		},
	}}, w.boss))
	must(t, err)
	class, err := goods.PutProductClass(t.Context(), with(&officev1.PutProductClassRequest{Class: &fieldv1.ProductClass{
		Key: "water_heater", Name: label("热水器", "Water heater"), Skills: []string{"water_heater"},
		TemplateId: template.Msg.GetTemplate().GetId(), DurationMinutes: 90,
	}}, w.boss))
	must(t, err)
	product, err := goods.PutProduct(t.Context(), with(&officev1.PutProductRequest{Product: &fieldv1.Product{
		Sku: "YX-60", Gtin: "06901234567892", Name: label("云曦热水器", "Yunxi heater"), ClassId: class.Msg.GetClass().GetId(),
		Model: "YX-60", WarrantyMonths: 24,
	}}, w.boss))
	must(t, err)
	w.product = product.Msg.GetProduct()
	part, err := goods.PutPriceItem(t.Context(), with(&officev1.PutPriceItemRequest{Item: &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Sku: "hose", Name: label("软管", "Hose"),
		Price: &typesv1.Money{Minor: 2500, Currency: "CNY"},
	}}, w.boss))
	must(t, err)
	w.part = part.Msg.GetItem()
	_, err = payv1connect.NewPlanServiceClient(http.DefaultClient, w.URL()).PublishPlan(t.Context(),
		with(&payv1.PublishPlanRequest{Plan: &payv1.PlanVersion{
			Plan: "standard", Version: 1, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "UTC",
			EffectiveFrom: "2020-01-01",
			VersionDate:   payv1.VersionDate_VERSION_DATE_ORDERED, ClawedBack: []string{"base"},
			Components: []*payv1.Component{
				{
					Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2,
					Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{
						OtherwiseMinor: 8000, Classes: []*payv1.ClassFee{{ClassKey: "water_heater", FeeMinor: 12000}},
					}},
				},
				{
					Key: "parts", Name: label("配件", "Parts"), Category: 2, Rounding: 2,
					Rule: &payv1.Component_PartsShare{PartsShare: &payv1.PartsShare{
						Share: &payv1.Rate{Numerator: 1, Denominator: 10},
					}},
				},
			},
		}}, w.boss))
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hand is a phone in the test's hand: it pushes one mutation after another.
type hand struct {
	t     *testing.T
	w     trade
	token string
	seq   uint64
}

func (h *hand) do(kind string, args proto.Message) *syncv1.Verdict {
	h.t.Helper()
	b, err := proto.Marshal(args)
	must(h.t, err)
	h.seq++
	id := uuid.Must(uuid.NewV7())
	res, err := h.w.sync().Push(h.t.Context(), with(&syncv1.PushRequest{Mutations: []*syncv1.Mutation{
		{Sequence: h.seq, Id: id[:], Kind: kind, Args: b, DeviceTime: timestamppb.New(h.w.clock.Now())},
	}}, h.token))
	must(h.t, err)
	return res.Msg.GetVerdicts()[0]
}

func (h *hand) applied(kind string, args proto.Message) {
	h.t.Helper()
	if v := h.do(kind, args); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		h.t.Fatalf("%s: %v", kind, v)
	}
}

// holds pulls everything and returns the bodies of a kind.
func (h *hand) holds(kind fieldv1.EntityKind) [][]byte {
	h.t.Helper()
	var out [][]byte
	cursor := []byte(nil)
	for {
		res, err := h.w.sync().Pull(h.t.Context(), with(&syncv1.PullRequest{Cursor: cursor}, h.token))
		must(h.t, err)
		for _, f := range res.Msg.GetFeeds() {
			for _, e := range f.GetEntries() {
				if e.GetKind() == uint32(kind) && !e.GetRemoved() {
					out = append(out, e.GetBody())
				}
			}
		}
		if res.Msg.GetCheckpoint() != nil {
			return out
		}
		cursor = res.Msg.GetCursor()
	}
}

func TestAnOrderBecomesWorkAndMoney(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	orders := officev1connect.NewOrderServiceClient(http.DefaultClient, w.URL())
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())

	taken, err := orders.CreateOrder(t.Context(), with(&officev1.CreateOrderRequest{Order: &officev1.Order{
		Source: "api", Number: "O-1", OrderedAt: timestamppb.New(w.clock.Now()), StoreId: w.shop.ID[:],
		Customer: &fieldv1.Customer{
			Name: "王女士", Phone: "13800000001", Address: "北京市朝阳区建国路 1 号",
			Position: &typesv1.Position{Latitude: 39.91, Longitude: 116.46},
		},
		Lines: []*officev1.OrderLine{{
			Item: 1, ProductId: w.product.GetId(), Quantity: 1,
			Price: &typesv1.Money{Minor: 199900, Currency: "CNY"},
		}},
	}}, w.boss))
	must(t, err)
	id := taken.Msg.GetOrder().GetLines()[0].GetTicketIds()[0]

	auto, err := tickets.AutoAssign(t.Context(), with(&officev1.AutoAssignRequest{}, w.boss))
	must(t, err)
	if auto.Msg.GetAssigned() != 1 {
		t.Fatalf("nobody fits: %v", auto.Msg)
	}
	var ticket fieldv1.Ticket
	var visit fieldv1.Visit
	must(t, proto.Unmarshal(phone.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET)[0], &ticket))
	must(t, proto.Unmarshal(phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT)[0], &visit))
	if ticket.GetCustomer().GetPhone() != "13800000001" || ticket.GetShopName() != "国贸店" ||
		ticket.GetAssignmentReason().GetZh() == "" {
		t.Errorf("ticket on the phone: %v", &ticket)
	}

	part := uuid.Must(uuid.NewV7())
	phone.applied("visit.accept", &fieldv1.VisitAccept{VisitId: visit.GetId()})
	phone.applied("visit.travel", &fieldv1.VisitTravel{VisitId: visit.GetId()})
	phone.applied("visit.arrive", &fieldv1.VisitArrive{VisitId: visit.GetId()})
	phone.applied("task.answer",
		&fieldv1.AnswerTask{VisitId: visit.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	phone.applied("part.add",
		&fieldv1.AddPart{Id: part[:], VisitId: visit.GetId(), PriceItemId: w.part.GetId(), Quantity: 2})
	phone.applied("visit.complete", &fieldv1.VisitComplete{VisitId: visit.GetId()})

	const earned = 12000 + 500 // the base fee and a tenth of two hoses
	earnings := payv1connect.NewEarningServiceClient(http.DefaultClient, w.URL())
	look := func() *payv1.GetEarningsResponse {
		res, err := earnings.GetEarnings(t.Context(), with(&payv1.GetEarningsRequest{}, phone.token))
		must(t, err)
		return res.Msg
	}
	if e := look(); e.GetTodayPending().GetTotal().GetMinor() != earned ||
		e.GetTodayConfirmed().GetTotal().GetMinor() != 0 {
		t.Errorf("after the work: %v", e)
	}
	if n := len(phone.holds(fieldv1.EntityKind_ENTITY_KIND_EARNING_LINE)); n != 2 {
		t.Errorf("%d earning lines on the phone", n)
	}
	must2(t)(tickets.ApproveTicket(t.Context(), with(&officev1.ApproveTicketRequest{Id: id}, w.boss)))
	if e := look(); e.GetTodayPending().GetTotal().GetMinor() != 0 ||
		e.GetTodayConfirmed().GetTotal().GetMinor() != earned {
		t.Errorf("after the approval: %v", e)
	}
	board := boardOf(t, w, phone.token)
	if board.GetRank() != 1 || board.GetScore().GetMinor() != earned {
		t.Errorf("board: %v", board)
	}
	got, err := tickets.GetTicket(t.Context(), with(&officev1.GetTicketRequest{Id: id}, w.boss))
	must(t, err)
	if !got.Msg.GetChainIntact() || got.Msg.GetTicket().GetMoneyState() != fieldv1.MoneyState_MONEY_STATE_POSTED {
		t.Errorf("chain intact %v, money %v", got.Msg.GetChainIntact(), got.Msg.GetTicket().GetMoneyState())
	}
	rework := uuid.Must(uuid.NewV7())
	must2(t)(tickets.ReworkTicket(t.Context(),
		with(&officev1.ReworkTicketRequest{Id: id, ReworkId: rework[:], Reason: "漏水"}, w.boss)))
	if e := look(); e.GetMonthConfirmed().GetTotal().GetMinor() != 500 {
		t.Errorf("after the rework: %v", e)
	}
}

func TestAnOldOrderIsPaidByTheOldRule(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	orders := officev1connect.NewOrderServiceClient(http.DefaultClient, w.URL())
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())
	plans := payv1connect.NewPlanServiceClient(http.DefaultClient, w.URL())
	ordered := w.clock.Now()
	_, err := plans.PublishPlan(t.Context(), with(&payv1.PublishPlanRequest{Plan: &payv1.PlanVersion{
		Plan: "standard", Version: 2, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "UTC",
		EffectiveFrom: ordered.UTC().AddDate(0, 0, 1).Format(time.DateOnly),
		VersionDate:   payv1.VersionDate_VERSION_DATE_ORDERED, Components: []*payv1.Component{
			{
				Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2,
				Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{OtherwiseMinor: 99900}},
			},
		},
	}}, w.boss))
	must(t, err)
	// Three days later an order of before the change comes in, and is worked.
	w.clock.Advance(72 * time.Hour)
	w.boss = w.console(t, "boss")
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	must2(t)(orders.CreateOrder(t.Context(), with(&officev1.CreateOrderRequest{Order: &officev1.Order{
		Source: "api", Number: "O-1", OrderedAt: timestamppb.New(ordered), StoreId: w.shop.ID[:],
		Customer: &fieldv1.Customer{Name: "王女士", Phone: "13800000001", Address: "北京市朝阳区建国路 1 号"},
		Lines: []*officev1.OrderLine{{
			Item: 1, ProductId: w.product.GetId(), Quantity: 1,
			Price: &typesv1.Money{Minor: 199900, Currency: "CNY"},
		}},
	}}, w.boss)))
	must2(t)(tickets.AutoAssign(t.Context(), with(&officev1.AutoAssignRequest{}, w.boss)))
	var visit fieldv1.Visit
	must(t, proto.Unmarshal(phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT)[0], &visit))
	phone.applied("visit.accept", &fieldv1.VisitAccept{VisitId: visit.GetId()})
	phone.applied("visit.arrive", &fieldv1.VisitArrive{VisitId: visit.GetId()})
	phone.applied("task.answer",
		&fieldv1.AnswerTask{VisitId: visit.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	phone.applied("visit.complete", &fieldv1.VisitComplete{VisitId: visit.GetId()})
	res, err := payv1connect.NewEarningServiceClient(http.DefaultClient, w.URL()).GetEarnings(t.Context(),
		with(&payv1.GetEarningsRequest{}, phone.token))
	must(t, err)
	if got := res.Msg.GetTodayPending().GetTotal().GetMinor(); got != 12000 {
		t.Errorf("an old order pays %d", got)
	}
}

func must2(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		must(t, err)
	}
}

// boardOf asks until the boards have been put in order, which happens within a second.
func boardOf(t *testing.T, w trade, token string) *payv1.GetBoardResponse {
	t.Helper()
	ranks := payv1connect.NewRankServiceClient(http.DefaultClient, w.URL())
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := ranks.GetBoard(t.Context(),
			with(&payv1.GetBoardRequest{Scope: payv1.BoardScope_BOARD_SCOPE_REGION, Period: payv1.BoardPeriod_BOARD_PERIOD_DAY},
				token))
		must(t, err)
		if res.Msg.GetRank() != 0 {
			return res.Msg
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("no rank")
		}
	}
}

func TestTwoScansOfOnePieceFindOneTicket(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	one := &hand{t: t, w: w, token: w.phone(t, w.clerk).GetTokens().GetAccess()}
	two := &hand{t: t, w: w, token: w.phone(t, w.clerk).GetTokens().GetAccess()}
	scan := func(h *hand) *syncv1.Verdict {
		id := uuid.Must(uuid.NewV7())
		return h.do("store.open_ticket", &storev1.OpenTicketByScan{
			TicketId: id[:], StoreId: w.shop.ID[:], Scanned: "https://id.example/01/06901234567892/21/SN1",
			CustomerName: "王女士", CustomerPhone: "138 0000 0001", Address: "北京市朝阳区建国路 1 号",
		})
	}
	if v := scan(one); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Fatalf("first scan: %v", v)
	}
	if v := scan(two); v.GetOutcome() != syncv1.Outcome_OUTCOME_MERGED {
		t.Fatalf("second scan: %v", v)
	}
	if n := len(two.holds(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET)); n != 1 {
		t.Errorf("%d open tickets at the shop", n)
	}
	found, err := officev1connect.NewOrderServiceClient(http.DefaultClient, w.URL()).
		FindCustomer(t.Context(), with(&officev1.FindCustomerRequest{Phone: "13800000001"}, w.boss))
	must(t, err)
	if len(found.Msg.GetOrders()) != 1 {
		t.Errorf("the phone number finds %v", found.Msg)
	}
}

func TestOfficeCallsDoNotReachOverForeignRegionsAndCompanies(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	taken, err := officev1connect.NewOrderServiceClient(http.DefaultClient, w.URL()).CreateOrder(t.Context(),
		with(&officev1.CreateOrderRequest{Order: &officev1.Order{
			Source: "api", Number: "O-1", OrderedAt: timestamppb.New(w.clock.Now()), StoreId: w.shop.ID[:],
			Customer: &fieldv1.Customer{Name: "王女士", Phone: "13800000001", Address: "北京市朝阳区建国路 1 号"},
			Lines: []*officev1.OrderLine{{
				Item: 1, ProductId: w.product.GetId(), Quantity: 1,
				Price: &typesv1.Money{Minor: 199900, Currency: "CNY"},
			}},
		}}, w.boss))
	must(t, err)
	id := taken.Msg.GetOrder().GetLines()[0].GetTicketIds()[0]
	other := w.company
	other.fill(t, "other")
	foreigners := map[string]map[byte]string{
		"the other region": w.cast(t, w.south, false),
		"another company":  other.cast(t, other.south, true),
	}

	reads := []string{
		"pay.v1.EarningService/GetEarnings", "pay.v1.EarningService/ListEarningLines",
		"pay.v1.RankService/GetBoard",
	}
	fresh := uuid.Must(uuid.NewV7())
	soon := timestamppb.New(w.clock.Now().Add(time.Hour))
	span := &typesv1.Window{Earliest: soon, Latest: timestamppb.New(soon.AsTime().Add(time.Hour))}
	tech, team, shop := w.tech.ID, w.team.ID, w.shop.ID
	for name, message := range map[string]proto.Message{
		"office.v1.TicketService/GetTicket":         &officev1.GetTicketRequest{Id: id},
		"office.v1.TicketService/ProposeAssignment": &officev1.ProposeAssignmentRequest{Id: id},
		"office.v1.TicketService/AssignTicket":      &officev1.AssignTicketRequest{Id: id, TechnicianId: tech[:]},
		"office.v1.TicketService/PoolTicket":        &officev1.PoolTicketRequest{Id: id, TeamId: team[:]},
		"office.v1.TicketService/RescheduleTicket":  &officev1.RescheduleTicketRequest{Id: id, Scheduled: span},
		"office.v1.TicketService/CancelTicket":      &officev1.CancelTicketRequest{Id: id, Reason: "x"},
		"office.v1.TicketService/HoldTicket":        &officev1.HoldTicketRequest{Id: id, Reason: "x"},
		"office.v1.TicketService/ResumeTicket":      &officev1.ResumeTicketRequest{Id: id},
		"office.v1.TicketService/ApproveTicket":     &officev1.ApproveTicketRequest{Id: id},
		"office.v1.TicketService/ReworkTicket":      &officev1.ReworkTicketRequest{Id: id, ReworkId: fresh[:], Reason: "x"},
		"office.v1.TicketService/OpenTicket": &officev1.OpenTicketRequest{
			Id: fresh[:], ProductId: w.product.GetId(), CustomerName: "x", CustomerPhone: "13800000002",
			Address: "x", StoreId: shop[:], RegionId: w.north.ID[:],
		},
		"office.v1.OrderService/CreateOrder": &officev1.CreateOrderRequest{Order: &officev1.Order{
			Source: "api", Number: "O-2", StoreId: shop[:],
			OrderedAt: soon, Customer: &fieldv1.Customer{Name: "x", Phone: "13800000003", Address: "x"},
			Lines: []*officev1.OrderLine{{
				Item: 1, ProductId: w.product.GetId(), Quantity: 1,
				Price: &typesv1.Money{Minor: 1, Currency: "CNY"},
			}},
		}},
		"store.v1.CodeService/IssueCode": &storev1.IssueCodeRequest{
			Kind:     storev1.CodeKind_CODE_KIND_ENTRY,
			TargetId: shop[:],
		},
		"pay.v1.EarningService/GetEarnings":      &payv1.GetEarningsRequest{TechnicianId: tech[:]},
		"pay.v1.EarningService/ListEarningLines": &payv1.ListEarningLinesRequest{TechnicianId: tech[:]},
		"pay.v1.RankService/GetBoard": &payv1.GetBoardRequest{
			Scope:  payv1.BoardScope_BOARD_SCOPE_REGION,
			Period: payv1.BoardPeriod_BOARD_PERIOD_DAY, ScopeId: w.north.ID[:],
		},
		"sync.v1.ParkedService/ReplayParked":  &syncv1.ReplayParkedRequest{Id: fresh[:]},
		"sync.v1.ParkedService/DismissParked": &syncv1.DismissParkedRequest{Id: fresh[:], Reason: "x"},
	} {
		for where, tokens := range foreigners {
			for letter, token := range tokens {
				code, answer := callRaw(t, w.URL(), name, token, message)
				// Who leads another company asks about an id that does not exist there: nothing is the right answer.
				if where == "another company" && code == "" && slices.Contains(reads, name) &&
					!bytes.Contains(answer, []byte("minor")) && !bytes.Contains(answer, []byte("name")) {
					continue
				}
				if !slices.Contains([]fault.Code{
					fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.DeviceRevoked,
					fault.InvalidArgument,
				}, code) {
					t.Errorf("%s as %c of %s: got %q %.200s", name, letter, where, code, answer)
				}
			}
		}
	}
	for where, tokens := range foreigners {
		for letter, token := range tokens {
			if code, answer := callRaw(t, w.URL(), "office.v1.TicketService/ListTickets", token, nil); code == "" &&
				len(answer) > len(`{}`) {
				t.Errorf("ListTickets as %c of %s shows %.200s", letter, where, answer)
			}
			// A customer may call any shop of the company; what was bought elsewhere stays there.
			code, answer := callRaw(t, w.URL(), "office.v1.OrderService/FindCustomer",
				token, &officev1.FindCustomerRequest{Phone: "13800000001"})
			if code == "" &&
				(bytes.Contains(answer, []byte("orders")) || where == "another company" && len(answer) > len(`{}`)) {
				t.Errorf("FindCustomer as %c of %s shows %.200s", letter, where, answer)
			}
		}
	}
	// Nothing of all that left a trace.
	got, err := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL()).GetTicket(t.Context(),
		with(&officev1.GetTicketRequest{Id: id}, w.boss))
	must(t, err)
	if got.Msg.GetTicket().GetState() != fieldv1.TicketState_TICKET_STATE_NEW || len(got.Msg.GetEvents()) != 1 {
		t.Errorf("the ticket was touched: %v", got.Msg.GetEvents())
	}
}

func TestAClaimIsJudgedByTheTeam(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	var stranger account.User
	w.within(t, func(tx *postgres.Tx) (err error) {
		stranger, err = w.Rooms.Account.PutUser(t.Context(), tx, account.User{
			Login: "zhao", NameZH: "赵师傅",
			Grants:     []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
			Technician: &account.Technician{Region: w.north.ID, DailyCapacity: 6},
		}, "")
		return err
	})
	fresh := uuid.Must(uuid.NewV7())
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())
	must2(t)(tickets.OpenTicket(t.Context(), with(&officev1.OpenTicketRequest{
		Id: fresh[:], ProductId: w.product.GetId(), CustomerName: "王女士", CustomerPhone: "13800000001",
		Address: "北京市朝阳区建国路 1 号", StoreId: w.shop.ID[:], RegionId: w.north.ID[:],
	}, w.boss)))
	must2(t)(tickets.PoolTicket(t.Context(),
		with(&officev1.PoolTicketRequest{Id: fresh[:], TeamId: w.team.ID[:]}, w.boss)))
	inTeam := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	outside := &hand{t: t, w: w, token: w.phone(t, stranger).GetTokens().GetAccess()}
	if n := len(outside.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET)); n != 0 {
		t.Errorf("who is in no team sees %d pool tickets", n)
	}
	bodies := inTeam.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET)
	if len(bodies) != 1 {
		t.Fatalf("the team sees %d pool tickets", len(bodies))
	}
	var pool fieldv1.PoolTicket
	must(t, proto.Unmarshal(bodies[0], &pool))
	if pool.GetPays().GetMinor() != 12000 {
		t.Errorf("the pool says that the job pays %v", pool.GetPays())
	}
	if v := outside.do("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: fresh[:]}); v.GetOutcome() ==
		syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("who is in no team claimed: %v", v)
	}
	inTeam.applied("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: fresh[:]})
}
