package phone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/phone"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// office is the whole server with a small company that can work.
type office struct {
	*app.App
	t        *testing.T
	org      account.Org
	team     account.Place
	shop     account.Place
	li, wang account.User
	clerk    account.User
	boss     string
	product  *fieldv1.Product
	tickets  officev1connect.TicketServiceClient
}

const password = "correct horse battery"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func with[T any](m *T, token string) *connect.Request[T] {
	r := connect.NewRequest(m)
	r.Header().Set("Authorization", "Bearer "+token)
	return r
}

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

func openOffice(t *testing.T) *office {
	t.Helper()
	bucket := s3test.New(t)
	a, err := app.Start(t.Context(), app.Config{
		DatabaseURL: pgtest.New(t).URL, Listen: "127.0.0.1:0", Secret: account.NewSecret(), WithoutJobs: true,
		Argon:  account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1},
		Limits: rpc.Limits{PerAddress: rpc.Rate{PerSecond: -1}, PerCaller: rpc.Rate{PerSecond: -1}},
		Objects: app.Objects{
			Endpoint: bucket.Endpoint, Bucket: bucket.Name, Region: bucket.Region,
			AccessKey: bucket.AccessKey, SecretKey: bucket.SecretKey,
		},
	})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	o := &office{App: a, t: t}
	o.people()
	o.goods()
	return o
}

func (o *office) people() {
	t, r := o.t, o.Rooms.Account
	var err error
	o.org, err = r.CreateOrg(t.Context(),
		account.Org{Slug: "demo", NameZH: "上门示范", NameEN: "Demo", Zone: time.UTC, Currency: "CNY"})
	must(t, err)
	must(t, r.Store.Transact(t.Context(), change.Org(o.org.ID), func(tx *postgres.Tx) error {
		place := func(p account.Place) account.Place {
			p, err := r.PutPlace(t.Context(), tx, p)
			must(t, err)
			return p
		}
		user := func(u account.User) account.User {
			u, err := r.PutUser(t.Context(), tx, u, password)
			must(t, err)
			return u
		}
		north := place(account.Place{Kind: identity.ScopeRegion, NameZH: "华北"})
		o.team = place(account.Place{Kind: identity.ScopeTeam, NameZH: "朝阳一组", Region: north.ID})
		o.shop = place(account.Place{
			Kind: identity.ScopeStore, NameZH: "国贸店", Region: north.ID,
			At: &account.Point{Latitude: 39.91, Longitude: 116.46},
		})
		tech := func(login, zh, en string) account.User {
			return user(account.User{
				Login: login, NameZH: zh, NameEN: en,
				Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
				Technician: &account.Technician{
					Badge: login, Region: north.ID, Teams: []uuid.UUID{o.team.ID},
					Skills: []string{"water_heater"}, DailyCapacity: 6,
				},
			})
		}
		user(account.User{
			Login: "boss", NameZH: "老板",
			Grants: []identity.Grant{{Role: identity.Admin, Scope: identity.ScopeOrg}},
		})
		o.li, o.wang = tech("li", "李师傅", "Li"), tech("wang", "王师傅", "Wang")
		o.clerk = user(account.User{
			Login: "clerk", NameZH: "店员",
			Grants: []identity.Grant{{Role: identity.Clerk, Scope: identity.ScopeStore, ID: o.shop.ID}},
		})
		return nil
	}))
	res, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, o.URL()).
		LogIn(t.Context(), connect.NewRequest(&accountv1.LogInRequest{Org: "demo", Login: "boss", Password: password}))
	must(t, err)
	o.boss = res.Msg.GetTokens().GetAccess()
	o.tickets = officev1connect.NewTicketServiceClient(http.DefaultClient, o.URL())
}

func (o *office) goods() {
	t := o.t
	goods := officev1connect.NewCatalogueServiceClient(http.DefaultClient, o.URL())
	template, err := goods.PutTemplate(t.Context(), with(&officev1.PutTemplateRequest{Template: &fieldv1.Template{
		Key: "heater", Name: label("热水器", "Heater"), Steps: []*fieldv1.Step{
			{
				Key: "before", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("安装前", "Before"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_BEFORE, MinCount: 1,
			},
			{
				Key: "pressure", Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: label("水压", "Pressure"), Required: true,
				HasRange: true, Min: 0, Max: 1, Unit: "MPa",
			},
			{Key: "sealed", Kind: fieldv1.StepKind_STEP_KIND_CHECK, Name: label("无渗漏", "No leak"), Required: true},
			{
				Key: "after", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("安装后", "After"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_AFTER, MinCount: 1,
			},
			{
				Key: "signature", Kind: fieldv1.StepKind_STEP_KIND_SIGNATURE, Name: label("客户签名", "Signature"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_SIGNATURE, MinCount: 1,
			},
		},
	}}, o.boss))
	must(t, err)
	class, err := goods.PutProductClass(t.Context(), with(&officev1.PutProductClassRequest{Class: &fieldv1.ProductClass{
		Key: "water_heater", Name: label("热水器", "Water heater"), Skills: []string{"water_heater"},
		TemplateId: template.Msg.GetTemplate().GetId(), DurationMinutes: 90,
	}}, o.boss))
	must(t, err)
	product, err := goods.PutProduct(t.Context(), with(&officev1.PutProductRequest{Product: &fieldv1.Product{
		Sku: "YX-60", Gtin: "06901234567892", Name: label("云曦热水器", "Yunxi heater"), ClassId: class.Msg.GetClass().GetId(),
		Model: "YX-60", WarrantyMonths: 24,
	}}, o.boss))
	must(t, err)
	o.product = product.Msg.GetProduct()
	_, err = goods.PutPriceItem(t.Context(), with(&officev1.PutPriceItemRequest{Item: &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Sku: "hose", Name: label("软管", "Hose"),
		Price: &typesv1.Money{Minor: 2500, Currency: "CNY"},
	}}, o.boss))
	must(t, err)
	cooling, err := goods.PutProductClass(t.Context(), with(&officev1.PutProductClassRequest{Class: &fieldv1.ProductClass{
		Key: "air_conditioner", Name: label("空调", "Air conditioner"), DurationMinutes: 90,
	}}, o.boss))
	must(t, err)
	_, err = goods.PutPriceItem(t.Context(), with(&officev1.PutPriceItemRequest{Item: &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Sku: "copper", Name: label("铜管", "Copper pipe"),
		Price: &typesv1.Money{Minor: 12000, Currency: "CNY"}, ClassIds: [][]byte{cooling.Msg.GetClass().GetId()},
	}}, o.boss))
	must(t, err)
	_, err = goods.PutPriceItem(t.Context(), with(&officev1.PutPriceItemRequest{Item: &fieldv1.PriceItem{
		Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, Sku: "high", Name: label("高空作业", "Work at height"),
		Price: &typesv1.Money{Minor: 5000, Currency: "CNY"},
	}}, o.boss))
	must(t, err)
	for _, r := range []*fieldv1.Reason{
		{Key: "too_far", Use: "decline", Name: label("太远", "Too far")},
		{Key: "customer_absent", Use: "cannot_complete", Name: label("客户不在", "Customer absent")},
	} {
		_, err = goods.PutReason(t.Context(), with(&officev1.PutReasonRequest{Reason: r}, o.boss))
		must(t, err)
	}
	_, err = payv1connect.NewPlanServiceClient(http.DefaultClient, o.URL()).PublishPlan(t.Context(),
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
		}}, o.boss))
	must(t, err)
}

// ticket opens a ticket and returns its id.
func (o *office) ticket() []byte {
	o.t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := o.tickets.OpenTicket(o.t.Context(), with(&officev1.OpenTicketRequest{
		Id: id[:], ProductId: o.product.GetId(), CustomerName: "王女士", CustomerPhone: "13800000001",
		Address: "北京市朝阳区建国路 1 号", StoreId: o.shop.ID[:], RegionId: o.team.Region[:],
	}, o.boss))
	must(o.t, err)
	return id[:]
}

func (o *office) assign(ticket []byte, to account.User) {
	o.t.Helper()
	_, err := o.tickets.AssignTicket(o.t.Context(),
		with(&officev1.AssignTicketRequest{Id: ticket, TechnicianId: to.ID[:], Reason: "test"}, o.boss))
	must(o.t, err)
}

// hand holds one phone and types.
type hand struct {
	t   *testing.T
	dir string
}

func (o *office) enrol(who account.User) *hand {
	o.t.Helper()
	h := &hand{o.t, o.t.TempDir()}
	code, _, err := o.Rooms.Account.NewCode(o.t.Context(), o.org.ID, who.ID)
	must(o.t, err)
	if says := h.types("enrol", code, "--server", o.URL()); !strings.Contains(says, who.NameZH) {
		o.t.Fatal(says)
	}
	return h
}

func (h *hand) run(input string, args ...string) (string, error) {
	h.t.Helper()
	var out bytes.Buffer
	err := h.apart(&out, &out, input, args...)
	return out.String(), err
}

// apart runs one command whose results and notes go apart.
func (h *hand) apart(out, notes io.Writer, input string, args ...string) error {
	h.t.Helper()
	return phone.Run(h.t.Context(), append([]string{"--dir", h.dir, "--lang", "zh"}, args...), phone.Console{
		In: strings.NewReader(input), Out: out, Err: notes, Getenv: func(string) string { return "" }, Now: time.Now,
		Version: "test", Pause: time.Hour,
	})
}

// types runs one command, which must succeed, and returns what the phone says.
func (h *hand) types(args ...string) string {
	h.t.Helper()
	says, err := h.run("", args...)
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, says)
	}
	h.t.Logf("$ %s\n%s", strings.Join(args, " "), says)
	return says
}

// json runs one command and reads what it prints.
func (h *hand) json(args ...string) map[string]any {
	h.t.Helper()
	says, err := h.run("", append([]string{"--json"}, args...)...)
	var v map[string]any
	if err = errors.Join(err, json.Unmarshal([]byte(says), &v)); err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, says)
	}
	return v
}

// says checks that a command's words contain what they should.
func (h *hand) says(want string, args ...string) {
	h.t.Helper()
	if got := h.types(args...); !strings.Contains(got, want) {
		h.t.Errorf("%v: does not say %q:\n%s", args, want, got)
	}
}

// picture writes a JPEG.
func picture(t *testing.T, shade uint8) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 320, 240))
	for i := range img.Pix {
		img.Pix[i] = shade + uint8(i%64)
	}
	img.SetGray(1, 1, color.Gray{Y: 255})
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, nil))
	path := filepath.Join(t.TempDir(), "photo.jpg")
	must(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}
