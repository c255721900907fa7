package growth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/migrations"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/demo"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const password = "demo demo demo"

// heard is a statement of the program with the arguments of one of its runs.
type heard struct {
	sql  string
	args []any
}

func TestNoStatementReadsAWholeTableThatGrows(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var super bool
	if err := db.Owner.QueryRow(t.Context(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user").
		Scan(&super); err != nil {
		t.Fatal(err)
	}
	if !super {
		t.Skip("only a superuser can fill tables up past their foreign keys")
	}
	all := map[string]heard{}
	pgtest.Statements(t, db.URL, func(sql string, args []any) { all[sql] = heard{sql, slices.Clone(args)} })
	org := day(t, db.URL)
	pgtest.Statements(t, db.URL, func(string, []any) {})

	conn, err := pgx.Connect(t.Context(), db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows := fill(t, conn, org)
	whole := 0
	for _, n := range rows {
		whole += n
	}
	if whole < 100_000 || len(all) < 100 {
		t.Fatalf("%d rows and %d statements show nothing", whole, len(all))
	}
	seen := 0
	for _, h := range all {
		plan, err := explain(t.Context(), conn, org, h)
		if err != nil {
			t.Errorf("%v: %s", err, oneLine(h.sql))
			continue
		}
		if plan == nil {
			continue
		}
		seen++
		plan.walk(func(n *node) {
			if n.wasteful() && rows[n.Relation] >= rowsEach/2 && !accepted(h.sql) {
				t.Errorf("%s of %s (%d rows): %s; for example with %v", n.Type, n.Relation, rows[n.Relation],
					oneLine(h.sql), h.args)
			}
		})
	}
	t.Logf("%d statements planned on %d rows", seen, whole)

	// What the test is there to find: a search that no index serves, and one that row-level security keeps from its index.
	for _, sql := range []string{
		"SELECT id FROM ticket WHERE org_id = $1 AND product_name = 'x'",
		"SELECT id FROM ticket WHERE org_id = $1 AND coalesce(unit_id, customer_id) = gen_random_uuid()",
	} {
		plan, err := explain(t.Context(), conn, org, heard{sql, []any{org}})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		plan.walk(func(n *node) { found = found || n.wasteful() && rows[n.Relation] >= rowsEach/2 })
		if !found {
			t.Errorf("the plan of %s is not found to be wasteful", sql)
		}
	}
}

// wholes are statements that look at all rows of a kind by their very meaning, each with what bounds it.
var wholes = map[string]string{
	"UPDATE ticket_notice SET archived = true": "an hourly job's portion of a thousand, here every twelfth row",
	"FROM role_grant g JOIN app_user u": "who administers, asked when a person's rights change; as many rows " +
		"as people",
	"AS largest FROM sync_feed": "how much an org keeps, asked for the metrics now and then; as many rows as " +
		"feeds, a few for each person",
	"FROM technician t JOIN app_user u": "all technicians of a place, for dispatch; as many rows as people",
}

func accepted(sql string) bool {
	for part := range wholes {
		if strings.Contains(oneLine(sql), part) {
			return true
		}
	}
	return false
}

func oneLine(sql string) string { return strings.Join(strings.Fields(sql), " ") }

// node is a part of a plan, as EXPLAIN (FORMAT JSON) writes it.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	// Once is a condition that holds for the whole run or not at all.
	Once  string  `json:"One-Time Filter"`
	Plans []*node `json:"Plans"`
}

func (n *node) walk(see func(*node)) {
	if n.Once == "false" || n.Once == "NULL::boolean" {
		return // what is below is never run
	}
	see(n)
	for _, p := range n.Plans {
		p.walk(see)
	}
}

// wasteful tells whether the node reads all rows of its table.
func (n *node) wasteful() bool { return n.Type == "Seq Scan" }

// explain plans a statement as the servers' role does, for the org; nil for what has no plan.
func explain(ctx context.Context, conn *pgx.Conn, org uuid.UUID, h heard) (*node, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// Databases stand on SSDs, where a page out of order costs little more than the next one.
	if _, err := tx.Exec(ctx, "SET LOCAL random_page_cost = 1.1; SET LOCAL ROLE "+migrations.AppRole+
		"; SET LOCAL doorstep.org = '"+org.String()+"'"); err != nil {
		return nil, err
	}
	var raw []byte
	err = tx.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+h.sql, h.args...).Scan(&raw)
	if err != nil {
		return nil, err
	}
	var out []struct{ Plan *node }
	if err := json.Unmarshal(raw, &out); err != nil || len(out) != 1 {
		return nil, fmt.Errorf("%w: %s", err, raw)
	}
	return out[0].Plan, nil
}

// day is a day of the demo company: its past, its technicians at work, a phone that fetches everything, the office
// that looks at lists and at single things.
func day(t *testing.T, url string) uuid.UUID {
	t.Helper()
	store := s3test.New(t)
	clock := &atomic.Int64{}
	now := func() time.Time { return time.Unix(0, clock.Load()).UTC() }
	present := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	clock.Store(present.UnixNano())
	config := app.Config{
		DatabaseURL: url, Listen: "127.0.0.1:0", WithoutJobs: true, Secret: account.NewSecret(),
		Argon:  account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1},
		Limits: rpc.Limits{PerAddress: rpc.Rate{PerSecond: -1}, PerCaller: rpc.Rate{PerSecond: -1}},
		Objects: app.Objects{
			Endpoint: store.Endpoint, Bucket: store.Name, Region: store.Region, AccessKey: store.AccessKey,
			SecretKey: store.SecretKey,
		},
	}
	loaded, err := (&demo.Demo{Password: password, Days: 1, PerDay: 8}).Load(t.Context(), config, present)
	if err != nil {
		t.Fatal(err)
	}
	config.Now = now
	a, err := app.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	hand := &demo.Hand{Rooms: a.Rooms, Org: loaded.Org, Log: slog.New(slog.DiscardHandler)}
	for range 90 {
		clock.Add(int64(20 * time.Second))
		if err := hand.Act(t.Context()); err != nil && fault.CodeOf(err) != fault.Conflict {
			t.Fatal(err)
		}
	}
	office(t, a, fetch(t, a, loaded.Org, now))
	return loaded.Org
}

// fetch enrols a technician's phone and lets it fetch twice: everything, then nothing. It returns the technician.
func fetch(t *testing.T, a *app.App, org uuid.UUID, now func() time.Time) (technician uuid.UUID) {
	t.Helper()
	r := a.Rooms.Account
	err := r.Store.Read(t.Context(), change.Org(org), func(tx *postgres.Tx) error {
		users, err := r.Users(t.Context(), tx, uuid.Nil, 1000)
		for _, u := range users {
			if u.Technician != nil {
				technician = u.ID
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := r.NewCode(t.Context(), org, technician)
	if err != nil {
		t.Fatal(err)
	}
	s, err := offline.Open(t.Context(), offline.Options{Dir: t.TempDir(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	phone := &offline.Client{Store: s}
	if _, err := phone.Enrol(t.Context(), a.URL(), code); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := phone.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return technician
}

// office looks at everything that the console shows.
func office(t *testing.T, a *app.App, technician uuid.UUID) {
	t.Helper()
	in, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, a.URL()).
		LogIn(t.Context(), connect.NewRequest(&accountv1.LogInRequest{Org: "demo", Login: "boss", Password: password}))
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + in.Msg.GetTokens().GetAccess()
	tickets := officev1connect.NewTicketServiceClient(http.DefaultClient, a.URL())
	orders := officev1connect.NewOrderServiceClient(http.DefaultClient, a.URL())
	earnings := payv1connect.NewEarningServiceClient(http.DefaultClient, a.URL())
	list, err := tickets.ListTickets(t.Context(), with(&officev1.ListTicketsRequest{}, bearer))
	if err != nil || len(list.Msg.GetTickets()) == 0 {
		t.Fatal(list, err)
	}
	last := list.Msg.GetTickets()[len(list.Msg.GetTickets())-1].GetId()
	one, err := tickets.GetTicket(t.Context(), with(&officev1.GetTicketRequest{Id: last}, bearer))
	errs := []error{err}
	see := func(err error) { errs = append(errs, err) }
	_, err = tickets.ListTickets(t.Context(), with(&officev1.ListTicketsRequest{After: last, Limit: 50}, bearer))
	see(err)
	_, err = tickets.ListTickets(t.Context(), with(&officev1.ListTicketsRequest{TechnicianId: technician[:]}, bearer))
	see(err)
	_, err = tickets.ListTickets(t.Context(), with(&officev1.ListTicketsRequest{Unassigned: true}, bearer))
	see(err)
	_, err = orders.ListOrders(t.Context(), with(&officev1.ListOrdersRequest{}, bearer))
	see(err)
	_, err = orders.ListOrders(t.Context(),
		with(&officev1.ListOrdersRequest{CustomerId: one.Msg.GetTicket().GetCustomer().GetId()}, bearer))
	see(err)
	_, err = orders.FindCustomer(t.Context(), with(&officev1.FindCustomerRequest{Phone: "13800138000"}, bearer))
	see(err)
	_, err = earnings.GetEarnings(t.Context(), with(&payv1.GetEarningsRequest{TechnicianId: technician[:]}, bearer))
	see(err)
	_, err = earnings.ListEarningLines(t.Context(),
		with(&payv1.ListEarningLinesRequest{TechnicianId: technician[:]}, bearer))
	see(err)
	_, err = payv1connect.NewRankServiceClient(http.DefaultClient, a.URL()).
		GetBoard(t.Context(),
			with(&payv1.GetBoardRequest{
				Scope: payv1.BoardScope_BOARD_SCOPE_ORG, Period: payv1.BoardPeriod_BOARD_PERIOD_DAY,
				Top: 10,
			}, bearer))
	see(err)
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

func with[T any](m *T, bearer string) *connect.Request[T] {
	r := connect.NewRequest(m)
	r.Header().Set("Authorization", bearer)
	return r
}
