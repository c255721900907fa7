package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/pay"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	zoneName    = "Asia/Shanghai"
	technicians = 60
	// perRegion is how the technicians spread: eight in the first regions, seven in the others.
	guests = 4 // technicians whom the hand leaves to visitors
)

// Guest is the login of the nth technician that is kept for visitors, from 1 to 4.
func Guest(n int) string { return fmt.Sprintf("t%02d", n) }

func label(zh, en string) *typesv1.Label { return &typesv1.Label{Zh: zh, En: en} }

// tech is a technician of the company.
type tech struct {
	id     uuid.UUID
	region int
	skills map[string]bool
	guest  bool
}

func (t tech) can(c class) bool {
	for _, s := range c.skills {
		if !t.skills[s] {
			return false
		}
	}
	return true
}

var skillSets = [][]string{
	{"gas", "plumbing", "electric"},
	{"lock", "carpentry", "electric"},
	{"kitchen", "gas", "plumbing", "electric"},
	{"refrigeration", "height", "electric"},
	{"plumbing", "carpentry"},
	{"carpentry", "lock"},
	{"refrigeration", "height", "plumbing", "gas"},
	{"electric", "plumbing", "lock", "kitchen"},
}

// staff lists the technicians, the same each time. The first of each region can do everything, so that no job is
// without somebody; they are the gold ones, too.
func staff() []tech {
	out := make([]tech, technicians)
	for n := range out {
		t := tech{
			id: id("user", fmt.Sprintf("t%02d", n+1)), region: regionOf(n), skills: map[string]bool{},
			guest: n < guests,
		}
		sets := [][]string{skillSets[(n/len(regions)+n)%len(skillSets)]}
		if n < len(regions) {
			sets = skillSets
		}
		for _, set := range sets {
			for _, s := range set {
				t.skills[s] = true
			}
		}
		out[n] = t
	}
	return out
}

// open finds or makes the company.
func (d *Demo) open(ctx context.Context) (account.Org, error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return account.Org{}, fault.Wrap(err, fault.Internal, "")
	}
	o, err := d.rooms.Account.OrgByID(ctx, OrgID())
	if fault.CodeOf(err) == fault.NotFound {
		return d.rooms.Account.CreateOrg(ctx,
			account.Org{ID: OrgID(), Slug: Slug, NameZH: "安居上门示范公司", NameEN: "Anju Doorstep Demo", Zone: zone, Currency: "CNY"})
	}
	return o, err
}

// people puts places and people. Passwords are only for the office; phones get in by codes.
func (d *Demo) people(ctx context.Context, tx *postgres.Tx) error {
	put := func(login string, n name, role identity.Role, scope identity.ScopeKind, over uuid.UUID, password string,
		t *account.Technician,
	) error {
		_, err := d.rooms.Account.PutUser(ctx, tx, account.User{
			ID: id("user", login), Login: login, NameZH: n.zh, NameEN: n.en,
			Grants: []identity.Grant{{Role: role, Scope: scope, ID: over}}, Technician: t,
		}, password)
		return err
	}
	if err := put("boss", name{"沈安居", "Shen Anju"}, identity.Admin, identity.ScopeOrg, uuid.Nil, d.Password, nil); err !=
		nil {
		return err
	}
	for n, r := range regions {
		region := id("region", r.key)
		for _, p := range []account.Place{
			{ID: region, Kind: identity.ScopeRegion, NameZH: r.zh + "大区", NameEN: r.en},
			{
				ID: id("team", r.key+"1"), Kind: identity.ScopeTeam, NameZH: r.zh + "安装一组", NameEN: r.en + " team 1",
				Region: region,
			},
			{
				ID: id("team", r.key+"2"), Kind: identity.ScopeTeam, NameZH: r.zh + "安装二组", NameEN: r.en + " team 2",
				Region: region,
			},
			{
				ID: shopID(n, 0), Kind: identity.ScopeStore, NameZH: r.zh + r.districts[0] + "旗舰店", NameEN: r.en + " flagship",
				Region: region, At: &account.Point{Latitude: r.lat + 0.01, Longitude: r.lng + 0.012},
			},
			{
				ID: shopID(n, 1), Kind: identity.ScopeStore, NameZH: r.zh + r.districts[1] + "店", NameEN: r.en + " shop 2",
				Region: region, At: &account.Point{Latitude: r.lat - 0.02, Longitude: r.lng - 0.015},
			},
		} {
			if _, err := d.rooms.Account.PutPlace(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	for _, o := range []struct {
		login string
		name  name
		role  identity.Role
		scope identity.ScopeKind
		over  uuid.UUID
	}{
		{"dispatch", name{"许调度", "Xu Diaodu"}, identity.Dispatcher, identity.ScopeOrg, uuid.Nil},
		{"super", name{"韩主管", "Han Zhuguan"}, identity.Supervisor, identity.ScopeOrg, uuid.Nil},
		{"finance", name{"钱会计", "Qian Kuaiji"}, identity.Finance, identity.ScopeOrg, uuid.Nil},
		{"dealer", name{"冯经销", "Feng Jingxiao"}, identity.Dealer, identity.ScopeRegion, id("region", regions[4].key)},
		{"clerk", name{"孟店员", "Meng Dianyuan"}, identity.Clerk, identity.ScopeStore, shopID(4, 0)},
	} {
		if err := put(o.login, o.name, o.role, o.scope, o.over, d.Password, nil); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // invented people need no secrecy
	for n, t := range staff() {
		in := regions[t.region]
		at := somewhere(r, in)
		profile := &account.Technician{
			Badge: fmt.Sprintf("AJ%04d", n+1), Region: id("region", in.key), Teams: []uuid.UUID{teamOf(t.region, n)},
			Home: &account.Point{Latitude: at.lat, Longitude: at.lng}, DailyCapacity: 5 + n%4, DayStart: 8 * 60, DayEnd: 18 * 60,
			Gold: n < len(regions),
		}
		if n%9 == 8 { // some work late
			profile.DayStart, profile.DayEnd = 12*60, 21*60
		}
		if n%13 == 12 { // some do not want their names on the boards
			profile.Alias = fmt.Sprintf("匿名师傅%02d", n)
		}
		for _, s := range []string{"gas", "plumbing", "lock", "kitchen", "carpentry", "refrigeration", "height", "electric"} {
			if t.skills[s] {
				profile.Skills = append(profile.Skills, s)
			}
		}
		if err := put(fmt.Sprintf("t%02d", n+1), person(n), identity.Technician, identity.ScopeSelf, uuid.Nil, "",
			profile); err != nil {
			return err
		}
	}
	return nil
}

func shopID(region, n int) uuid.UUID { return id("shop", fmt.Sprintf("%s%d", regions[region].key, n)) }

// regionOf spreads the technicians; two visitors each share a team, so that they can race for a ticket.
func regionOf(n int) int {
	if n < guests {
		return n / 2
	}
	return n % len(regions)
}

func teamOf(region, n int) uuid.UUID {
	return id("team", fmt.Sprintf("%s%d", regions[region].key, 1+n/len(regions)%2))
}

func productID(class, model int) uuid.UUID {
	return id("product", fmt.Sprintf("%s%d", classes[class].key, model))
}

func sku(class, model int) string { return fmt.Sprintf("AJ-%02d%02d", class+1, model+1) }

// goods puts templates, classes, products, prices and reasons. The first version of each template asks for no photos:
// the company introduced them today.
func (d *Demo) goods(ctx context.Context, tx *postgres.Tx, photos bool) error {
	rooms := d.rooms
	templates := make([][]byte, len(classes))
	for n, c := range classes {
		t, err := rooms.Ticket.PutTemplate(ctx, tx, checklistOf(c, photos))
		if err != nil {
			return err
		}
		templates[n] = t.GetId()
	}
	for n, c := range classes {
		classID := id("class", c.key)
		_, err := rooms.Catalogue.PutClass(ctx, tx, &fieldv1.ProductClass{
			Id: classID[:], Key: c.key, Name: label(c.zh, c.en), Skills: c.skills, TemplateId: templates[n],
			DurationMinutes: c.minutes,
		})
		if err != nil {
			return err
		}
	}
	for n, c := range classes {
		classID := id("class", c.key)
		for k, m := range c.models {
			pid := productID(n, k)
			_, err := rooms.Catalogue.PutProduct(ctx, tx, &fieldv1.Product{
				Id: pid[:], Sku: sku(n, k), Gtin: gtin(n*10 + k + 1), Name: label(m.zh, m.en), ClassId: classID[:],
				Model: sku(n, k), WarrantyMonths: uint32(12 + 12*(n%3)),
			})
			if err != nil {
				return err
			}
		}
	}
	for kind, list := range map[fieldv1.PriceItemKind][]priced{
		fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART:      parts,
		fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE: surcharges,
	} {
		for _, p := range list {
			pid := id("price", p.sku)
			item := &fieldv1.PriceItem{
				Id: pid[:], Kind: kind, Sku: p.sku, Name: label(p.zh, p.en), Price: &typesv1.Money{Minor: p.minor, Currency: "CNY"},
			}
			for _, key := range p.classes {
				class := id("class", key)
				item.ClassIds = append(item.ClassIds, class[:])
			}
			if _, err := rooms.Catalogue.PutPriceItem(ctx, tx, item, time.Time{}); err != nil {
				return err
			}
		}
	}
	for _, r := range reasons {
		if _, err := rooms.Ticket.PutReason(ctx, tx, &fieldv1.Reason{Use: r.use, Key: r.key, Name: label(r.zh, r.en)}); err !=
			nil {
			return err
		}
	}
	return nil
}

func checklistOf(c class, photos bool) *fieldv1.Template {
	steps := []*fieldv1.Step{
		{
			Key: "unpack", Kind: fieldv1.StepKind_STEP_KIND_CHECK, Name: label("开箱验货，外观完好", "Unpacked, looks sound"),
			Required: true,
		},
		{
			Key: c.measure.key, Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: label(c.measure.zh, c.measure.en), Required: true,
			HasRange: true, Min: c.measure.min, Max: c.measure.max, Unit: c.measure.unit,
		},
		{
			Key: "site", Kind: fieldv1.StepKind_STEP_KIND_CHOICE, Name: label("安装环境", "Site"), Required: true,
			Choices: []*fieldv1.Choice{
				{Key: "good", Name: label("良好", "Good")},
				{Key: "narrow", Name: label("空间狭小", "Narrow")},
				{Key: "old", Name: label("老旧房屋", "Old building")},
			},
		},
	}
	if photos {
		steps = append(steps,
			&fieldv1.Step{
				Key: "plate", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("铭牌照片", "Serial plate"),
				Required: true, Proof: fieldv1.ProofKind_PROOF_KIND_SERIAL_PLATE, MinCount: 1,
			},
			&fieldv1.Step{
				Key: "after", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: label("完工照片", "After"), Required: true,
				Proof: fieldv1.ProofKind_PROOF_KIND_AFTER, MinCount: 1,
			},
		)
	}
	steps = append(steps,
		&fieldv1.Step{Key: "trial", Kind: fieldv1.StepKind_STEP_KIND_CHECK, Name: label("通电/通水试用正常，已讲解用法",
			"Tried and explained"), Required: true},
		&fieldv1.Step{
			Key: "sign", Kind: fieldv1.StepKind_STEP_KIND_SIGNATURE, Name: label("客户签字", "Customer's signature"),
			Required: true, Proof: fieldv1.ProofKind_PROOF_KIND_SIGNATURE, MinCount: 1,
		},
	)
	key := c.key
	if photos {
		key += "/photos"
	}
	tid := id("template", key)
	return &fieldv1.Template{Id: tid[:], Key: c.key, Name: label(c.zh+"安装", c.en+" install"), Steps: steps}
}

// payPlan is the company's plan: a base fee by class, surcharges, a share of parts and a graduated tier by tickets.
func payPlan(from string) *payv1.PlanVersion {
	base := &payv1.BaseFee{OtherwiseMinor: 8000}
	for _, c := range classes {
		base.Classes = append(base.Classes, &payv1.ClassFee{ClassKey: c.key, FeeMinor: c.fee})
	}
	extras := &payv1.SurchargeFee{Otherwise: &payv1.Rate{Numerator: 1, Denominator: 2}}
	extras.Items = []*payv1.SurchargeItem{
		{Sku: "high", FeeMinor: 15000},
		{Sku: "rush", FeeMinor: 4000},
		{Sku: "night", FeeMinor: 5000},
	}
	const half = payv1.Rounding_ROUNDING_HALF_UP
	return &payv1.PlanVersion{
		Plan: pay.DefaultPlan, Version: 1, Name: label("标准方案", "Standard"), Currency: "CNY", TimeZone: zoneName,
		EffectiveFrom: from, VersionDate: payv1.VersionDate_VERSION_DATE_COMPLETED, ClawedBack: []string{"base", "extras"},
		Components: []*payv1.Component{
			{
				Key: "base", Name: label("安装费", "Install fee"), Category: payv1.EarningCategory_EARNING_CATEGORY_INSTALL_FEE,
				Rounding: half, Rule: &payv1.Component_BaseFee{BaseFee: base},
			},
			{
				Key: "extras", Name: label("增值服务", "Value-added"), Category: payv1.EarningCategory_EARNING_CATEGORY_VALUE_ADDED,
				Rounding: half, Rule: &payv1.Component_SurchargeFee{SurchargeFee: extras},
			},
			{
				Key: "parts", Name: label("配件提成", "Parts share"), Category: payv1.EarningCategory_EARNING_CATEGORY_PARTS,
				Rounding: half,
				Rule: &payv1.Component_PartsShare{PartsShare: &payv1.PartsShare{Share: &payv1.Rate{
					Numerator:   3,
					Denominator: 20,
				}}},
			},
			{
				Key: "tier", Name: label("月度阶梯奖", "Monthly tier"), Category: payv1.EarningCategory_EARNING_CATEGORY_BONUS,
				Rounding: half, Rule: &payv1.Component_MonthlyTier{MonthlyTier: &payv1.MonthlyTier{
					Mode: payv1.TierMode_TIER_MODE_GRADUATED, Measure: payv1.TierMeasure_TIER_MEASURE_TICKETS,
					Tiers: []*payv1.Tier{
						{Above: 6, PerTicketMinor: 800},
						{Above: 15, PerTicketMinor: 1500},
						{Above: 30, PerTicketMinor: 2500},
					},
				}},
			},
		},
	}
}
