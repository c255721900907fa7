// Package crew makes a company to put load on: technicians of one team with their phones let in, visits for
// each, tickets in the team's pool, and as many further entries in each technician's feed as a storm should carry.
// It is the operator's work, done on the database; the load itself knows only the wire.
package crew

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Plan says what the company should have; what is there already stays.
type Plan struct {
	// Slug is the company's short name; one that is not marked for load is refused unless Force is set.
	Slug  string
	Force bool
	// Phones, visits for each, tickets in the pool that can be claimed, and further entries in each phone's feed.
	Phones, Visits, Pool, Entries int
	// Held are phones that are let in already; they get fresh tokens.
	Held []load.Login
	// Told hears what is being done; may be nil.
	Told func(chinese, english string)
}

const (
	actor = "system:load"
	// together is how much is written in one transaction, and by how many at once.
	together = 50
	writers  = 4
)

// Fill brings a company to the plan and returns its phones.
func Fill(ctx context.Context, rooms app.Rooms, p Plan) (load.Phones, error) {
	if !load.Marked(p.Slug) && !p.Force {
		return load.Phones{}, load.NotMarked(p.Slug)
	}
	if p.Phones < 1 || p.Phones > load.MaxPhones || min(p.Visits, p.Pool, p.Entries) < 0 ||
		max(p.Visits, p.Pool, p.Entries) > 100_000 {
		return load.Phones{}, fault.New(fault.InvalidArgument, "between 1 and %d phones, and up to 100,000 of the rest",
			load.MaxPhones)
	}
	f := &filling{rooms: rooms, plan: p}
	for _, step := range []func(context.Context) error{f.company, f.people, f.visits, f.pool, f.entries, f.letIn} {
		if err := step(ctx); err != nil {
			return load.Phones{}, err
		}
	}
	return load.Phones{Org: f.org.ID, Slug: f.org.Slug, Logins: f.logins}, nil
}

type filling struct {
	rooms  app.Rooms
	plan   Plan
	org    account.Org
	region uuid.UUID
	team   uuid.UUID
	users  []uuid.UUID
	logins []load.Login
}

func (f *filling) tell(zh, en string, args ...any) {
	if f.plan.Told != nil {
		f.plan.Told(fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...))
	}
}

func (f *filling) within(ctx context.Context, fn func(*postgres.Tx) error) error {
	return f.rooms.Store.Transact(ctx, change.Org(f.org.ID), fn)
}

// id is the same for the same thing of the same company.
func (f *filling) id(kind string, n int) uuid.UUID {
	return uuid.NewSHA1(f.org.ID, fmt.Appendf(nil, "load/%s/%d", kind, n))
}

func (f *filling) company(ctx context.Context) (err error) {
	f.org, err = f.rooms.Account.OrgBySlug(ctx, f.plan.Slug)
	if fault.CodeOf(err) == fault.NotFound {
		f.org, err = f.rooms.Account.CreateOrg(ctx, account.Org{
			Slug: f.plan.Slug, NameZH: "压测公司", NameEN: "Load", Zone: time.UTC, Currency: "CNY",
		})
		if err == nil { // its phones claim and get what the load says
			err = f.rooms.Account.AssignByItself(ctx, f.org.ID, false)
		}
	}
	f.region, f.team = f.id("region", 0), f.id("team", 0)
	return err
}

// each runs fn for 0 to n-1, together in a transaction, several of those at once.
func (f *filling) each(ctx context.Context, n int, fn func(tx *postgres.Tx, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for from := 0; from < n; from += together {
		g.Go(func() error {
			return f.within(ctx, func(tx *postgres.Tx) error {
				for i := from; i < min(from+together, n); i++ {
					if err := fn(tx, i); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return g.Wait()
}

func (f *filling) people(ctx context.Context) error {
	f.tell("%d 位师傅", "%d technicians", f.plan.Phones)
	err := f.within(ctx, func(tx *postgres.Tx) error {
		for _, p := range []account.Place{
			{ID: f.region, Kind: identity.ScopeRegion, NameZH: "压测大区", NameEN: "Load"},
			{ID: f.team, Kind: identity.ScopeTeam, NameZH: "压测一组", NameEN: "Load team", Region: f.region},
		} {
			if _, err := f.rooms.Account.PutPlace(ctx, tx, p); err != nil {
				return err
			}
		}
		// Every company has an administrator; this one has no password and can never sign in.
		_, err := f.rooms.Account.PutUser(ctx, tx, account.User{
			ID: f.id("admin", 0), Login: "load-admin", NameZH: "压测管理员", NameEN: "Load",
			Grants: []identity.Grant{{Role: identity.Admin, Scope: identity.ScopeOrg}},
		}, "")
		return err
	})
	if err != nil {
		return err
	}
	f.users = make([]uuid.UUID, f.plan.Phones)
	return f.each(ctx, f.plan.Phones, func(tx *postgres.Tx, n int) error {
		f.users[n] = f.id("user", n)
		_, err := f.rooms.Account.PutUser(ctx, tx, account.User{
			ID: f.users[n], Login: fmt.Sprintf("load%05d", n), NameZH: fmt.Sprintf("压测师傅%05d", n),
			NameEN: fmt.Sprintf("Load %05d", n),
			Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
			Technician: &account.Technician{
				Badge: fmt.Sprintf("L%05d", n), Region: f.region, Teams: []uuid.UUID{f.team}, DailyCapacity: 50, DayStart: 0,
				DayEnd: 24*60 - 1,
			},
		}, "")
		return err
	})
}

// open opens the n-th ticket of a use, once.
func (f *filling) open(ctx context.Context, tx *postgres.Tx, use string, n int) (uuid.UUID, error) {
	o, err := f.rooms.Ticket.Open(ctx, tx, ticket.OpenRequest{
		ID: f.id(use, n), Source: "load", SourceKey: fmt.Sprintf("%s/%d", use, n), Actor: actor, RegionID: f.region,
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency_URGENCY_NORMAL,
		ProductName: "压测热水器 60L",
		Customer: ticket.Customer{
			Name: "压测客户", Phone: fmt.Sprintf("1540000%04d", n%10000),
			Address: fmt.Sprintf("压测路 %d 号 3 单元 1201", n+1),
		},
	})
	return o.TicketID, err
}

func (f *filling) visits(ctx context.Context) error {
	f.tell("每人 %d 个上门任务", "%d visits for each", f.plan.Visits)
	return f.each(ctx, f.plan.Phones*f.plan.Visits, func(tx *postgres.Tx, n int) error {
		// Neighbours in a transaction belong to different technicians, and the feeds are locked in order anyway.
		who := f.users[n%f.plan.Phones]
		id, err := f.open(ctx, tx, "visit/"+who.String(), n/f.plan.Phones)
		if err != nil {
			return err
		}
		err = f.rooms.Ticket.Assign(ctx, tx, ticket.AssignRequest{
			TicketID: id, TechnicianID: who, Actor: actor, Way: "office", OnlyWaiting: true, ReasonZH: "压测", ReasonEN: "load",
		})
		if fault.CodeOf(err) == fault.Conflict {
			err = nil // it was given to somebody by an earlier run
		}
		return err
	})
}

// pool fills the pool up: what earlier runs claimed is opened anew under the next numbers.
func (f *filling) pool(ctx context.Context) error {
	var there, taken int
	err := f.rooms.Store.Read(ctx, change.Org(f.org.ID), func(tx *postgres.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE pool_team_id = $2),
			count(*) FILTER (WHERE pool_team_id IS DISTINCT FROM $2)
			FROM ticket
				WHERE org_id = $1 AND source = 'load' AND source_key LIKE 'pool/%'`, tx.OrgID(), f.team).Scan(&there, &taken)
	})
	if err != nil {
		return err
	}
	f.tell("抢单池 %d 单", "%d tickets in the pool", max(f.plan.Pool, there))
	return f.each(ctx, f.plan.Pool-there, func(tx *postgres.Tx, n int) error {
		id, err := f.open(ctx, tx, "pool", taken+there+n)
		if err != nil {
			return err
		}
		return f.rooms.Ticket.Offer(ctx, tx, id, f.team, actor)
	})
}

// entries puts further entries into each technician's feed, as large as a ticket. They are entries only: no room
// has such tickets, for a storm is about the feeds and a million tickets would take hours to open.
func (f *filling) entries(ctx context.Context) error {
	if f.plan.Entries == 0 {
		return nil
	}
	f.tell("每人 %d 条同步数据", "%d further entries for each", f.plan.Entries)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for n, user := range f.users {
		g.Go(func() error {
			return f.within(ctx, func(tx *postgres.Tx) error {
				var there int
				if err := tx.QueryRow(ctx, `SELECT coalesce(max(live), 0) FROM sync_feed WHERE org_id = $1 AND feed = $2`,
					tx.OrgID(), account.TechFeed(user).String()).Scan(&there); err != nil {
					return err
				}
				r := rand.New(rand.NewPCG(uint64(n), 1)) //nolint:gosec // invented, not secret
				for i := range f.plan.Entries - there {
					t := Ticket(r, f.id("entry/"+user.String(), there+i))
					body, err := proto.MarshalOptions{Deterministic: true}.Marshal(t)
					if err != nil {
						return err
					}
					tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), uuid.UUID(t.Id),
						feed.Placement{Feed: account.TechFeed(user), Body: body})
				}
				return nil
			})
		})
	}
	return g.Wait()
}

// Ticket is an invented ticket of about a kilobyte, as an office would write it, different each time.
func Ticket(r *rand.Rand, id uuid.UUID) *fieldv1.Ticket {
	words := strings.Fields("现场通电正常 墙体为空心砖 已加固 客户要求下午两点以后上门 电话提前联系 旧机已拆除 水路老化 建议更换三角阀 电梯可用 地下二层停车")
	some := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteString("，")
		}
		return b.String()
	}
	at := func() *timestamppb.Timestamp {
		return timestamppb.New(time.Unix(1_760_000_000+r.Int64N(20_000_000), 0))
	}
	random := func() []byte {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], r.Uint64())
		binary.BigEndian.PutUint64(b[8:], r.Uint64())
		return b[:]
	}
	t := &fieldv1.Ticket{
		Id: id[:], Number: fmt.Sprintf("T-%08d", r.IntN(1e8)), State: fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency_URGENCY_NORMAL,
		Customer: &fieldv1.Customer{
			Id: random(), Name: "压测客户", Phone: fmt.Sprintf("1540000%04d", r.IntN(10_000)),
			Address: fmt.Sprintf("压测区第%d街道%d号院%d号楼%d", r.IntN(300), r.IntN(90)+1, r.IntN(20)+1, r.IntN(2800)+101),
		},
		ProductId: random(), ProductName: "压测热水器 60L", Serial: fmt.Sprintf("SN26%09d", r.IntN(1e9)), PurchasedAt: at(),
		WarrantyUntil: at(),
		ShopName:      "压测旗舰店", Due: at(), ChangedAt: at(), OrderNumber: fmt.Sprintf("JD%d", r.Uint64N(1e12)),
	}
	for range 2 {
		t.Notes = append(t.Notes, &fieldv1.Note{Id: random(), Text: some(4), Author: "调度", DeviceTime: at()})
		t.History = append(t.History,
			&fieldv1.HistoryItem{Number: fmt.Sprintf("T-%08d", r.IntN(1e8)), State: 6, At: at(), Summary: some(3)})
	}
	return t
}

// letIn lets a phone in for each technician, or renews the tokens of the one that was let in before.
func (f *filling) letIn(ctx context.Context) error {
	f.tell("登记 %d 部手机", "%d phones let in", f.plan.Phones)
	held := map[uuid.UUID]load.Login{}
	for _, l := range f.plan.Held {
		held[l.User] = l
	}
	f.logins = make([]load.Login, len(f.users))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for n, user := range f.users {
		g.Go(func() (err error) {
			f.logins[n], err = f.phone(ctx, user, held[user])
			return err
		})
	}
	return g.Wait()
}

func (f *filling) phone(ctx context.Context, user uuid.UUID, held load.Login) (load.Login, error) {
	if held.Refresh != "" {
		t, err := f.rooms.Account.Refresh(ctx, held.Refresh, account.Attempt{})
		if err == nil {
			return load.Login{User: user, Device: held.Device, Access: t.Access, Expires: t.Expires, Refresh: t.Refresh}, nil
		}
		if fault.CodeOf(err) != fault.RefreshInvalid {
			return load.Login{}, err
		}
	}
	code, _, err := f.rooms.Account.NewCode(ctx, f.org.ID, user)
	if err != nil {
		return load.Login{}, err
	}
	e, err := f.rooms.Account.Enrol(ctx, code, "load", "load")
	if err != nil {
		return load.Login{}, err
	}
	return load.Login{
		User: user, Device: e.Device, Access: e.Tokens.Access, Expires: e.Tokens.Expires,
		Refresh: e.Tokens.Refresh,
	}, nil
}
