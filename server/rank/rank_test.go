package rank

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

const (
	day   = payv1.BoardPeriod_BOARD_PERIOD_DAY
	week  = payv1.BoardPeriod_BOARD_PERIOD_WEEK
	month = payv1.BoardPeriod_BOARD_PERIOD_MONTH
)

// What a test started must have ended when all are done: within one, the tests beside it have goroutines of their own.
// Only the database server that they share outlives them.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/doorstep-dev/doorstep/server/local/child.Start.func1"))
}

type hall struct {
	zone   *time.Location
	t      testing.TB
	boards *Boards
	org    uuid.UUID
	mu     sync.Mutex
	now    time.Time
	places map[uuid.UUID]Place
	peers  map[uuid.UUID]Peer
}

func newHall(t testing.TB) *hall {
	t.Helper()
	h := &hall{
		t: t, org: uuid.New(), now: time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC), // a Wednesday noon in Shanghai
		places: map[uuid.UUID]Place{}, peers: map[uuid.UUID]Peer{},
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	h.zone = zone
	store := &postgres.Store{
		Pool: pgtest.New(t).App,
		Now:  func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now },
	}
	h.boards = New(store, slog.New(slog.DiscardHandler), people{h})
	return h
}

// people are those of the hall.
type people struct{ *hall }

func (p people) Place(_ context.Context, _ *postgres.Tx, id uuid.UUID) (Place, error) {
	return p.places[id], nil
}

func (p people) Peers(context.Context, *postgres.Tx, []uuid.UUID) (map[uuid.UUID]Peer, error) {
	return p.peers, nil
}

func (p people) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return p.zone, nil }

func (p people) Companies(context.Context) ([]uuid.UUID, error) { return []uuid.UUID{p.org}, nil }

func (h *hall) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hall) do(fn func(ctx context.Context, tx *postgres.Tx) error) {
	h.t.Helper()
	err := h.boards.Store.Transact(h.t.Context(),
		change.Org(h.org), func(tx *postgres.Tx) error { return fn(h.t.Context(), tx) })
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) earn(payee uuid.UUID, total, pending int64) {
	h.t.Helper()
	h.do(func(ctx context.Context, tx *postgres.Tx) error {
		return h.boards.Earned(ctx, tx, payee, h.now, money.Fen(total), money.Fen(pending))
	})
}

func (h *hall) orgBoard(p payv1.BoardPeriod) Board {
	return Board{h.org, payv1.BoardScope_BOARD_SCOPE_ORG, h.org, p, starts(p, civil.Day{Year: 2026, Month: 11, Day: 25})}
}

func (h *hall) refresh(b Board) {
	h.t.Helper()
	for more := true; more; {
		var wait time.Duration
		var err error
		if wait, more, err = h.boards.Refresh(h.t.Context(), h.org, b.Key(), 0); err != nil || wait > 0 {
			h.t.Fatal(wait, err)
		}
	}
}

func (h *hall) standing(b Board, payee uuid.UUID, top int) (s Standing) {
	h.t.Helper()
	h.do(func(ctx context.Context, tx *postgres.Tx) (err error) {
		s, err = Read(ctx, tx, b.Key(), payee, top)
		return err
	})
	return s
}

// Scores of any size and sign, many of them equal, moved about in rounds: every place, distance, neighbour and top
// is what counting by hand gives.
func TestPlacesAreWhatCountingGives(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	random := rand.New(rand.NewPCG(1, 2))
	payees := make([]uuid.UUID, 60)
	scores := map[uuid.UUID]int64{}
	for i := range payees {
		payees[i] = uuid.New()
	}
	spans := []int64{3, 300, 70_000, 20_000_000, 1 << 40}
	for round := range 4 {
		for _, p := range payees {
			if round > 0 && random.IntN(3) == 0 {
				continue
			}
			delta := (random.Int64N(2*spans[random.IntN(len(spans))]) - spans[random.IntN(len(spans))]) / int64(1+random.IntN(3))
			if random.IntN(3) == 0 {
				delta = 12000 - scores[p] // many meet on one score
			}
			scores[p] += delta
			h.earn(p, delta, delta)
		}
		b := h.orgBoard(month)
		h.refresh(b)
		sorted := slices.Clone(payees)
		slices.SortFunc(sorted, func(x, y uuid.UUID) int {
			if scores[x] != scores[y] {
				if scores[x] > scores[y] {
					return -1
				}
				return 1
			}
			return slices.Compare(x[:], y[:])
		})
		for i, p := range sorted {
			s := h.standing(b, p, 5)
			rank := uint64(1)
			next := int64(0)
			for _, q := range payees {
				if d := scores[q] - scores[p]; d > 0 {
					rank++
					if next == 0 || d < next {
						next = d
					}
				}
			}
			if s.Me.Rank != rank || s.Me.Score != scores[p] || s.Of != uint64(len(payees)) {
				t.Fatalf("round %d: place %d of %d with %d, want %d with %d", round, s.Me.Rank, s.Of, s.Me.Score, rank, scores[p])
			}
			if (s.ToNext == nil) != (rank == 1) || (s.ToNext != nil && s.ToNext.Minor != next) {
				t.Fatalf("round %d: distance %v, want %d", round, s.ToNext, next)
			}
			want := sorted[max(0, i-neighbours):min(len(sorted), i+neighbours+1)]
			if len(s.Around) != len(want) {
				t.Fatalf("round %d, place %d: %d neighbours, want %d", round, i, len(s.Around), len(want))
			}
			for k, row := range s.Around {
				if row.Payee != want[k] || row.Score != scores[want[k]] {
					t.Fatalf("round %d, place %d: neighbour %d differs", round, i, k)
				}
			}
			for k, row := range s.Top {
				if row.Payee != sorted[k] {
					t.Fatalf("round %d: top %d differs", round, k)
				}
			}
		}
	}
}

func TestAMomentCountsInItsDayWeekAndMonthAndInEveryTeam(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	payee, one, two, region := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	h.places[payee] = Place{Teams: []uuid.UUID{one, two}, Region: region}
	earn := func(at time.Time, minor int64) {
		h.do(func(ctx context.Context, tx *postgres.Tx) error {
			return h.boards.Earned(ctx, tx, payee, at, money.Fen(minor), money.Fen(0))
		})
	}
	zone, _ := h.boards.people.Zone(t.Context(), nil)
	earn(time.Date(2026, 11, 25, 0, 0, 0, 0, zone), 1)
	earn(time.Date(2026, 11, 24, 23, 59, 59, 0, zone), 10)
	earn(time.Date(2026, 11, 23, 0, 0, 0, 0, zone), 100) // Monday
	earn(time.Date(2026, 11, 22, 23, 0, 0, 0, zone), 1000)
	earn(time.Date(2026, 11, 1, 0, 0, 0, 0, zone), 10000)
	earn(time.Date(2026, 10, 31, 23, 59, 0, 0, zone), 100000)
	today := civil.Day{Year: 2026, Month: 11, Day: 25}
	for period, want := range map[payv1.BoardPeriod]int64{day: 1, week: 111, month: 11111} {
		for scope, id := range map[payv1.BoardScope][]uuid.UUID{
			payv1.BoardScope_BOARD_SCOPE_ORG: {h.org}, payv1.BoardScope_BOARD_SCOPE_REGION: {region},
			payv1.BoardScope_BOARD_SCOPE_TEAM: {one, two},
		} {
			for _, id := range id {
				b := Board{h.org, scope, id, period, starts(period, today)}
				h.refresh(b)
				if s := h.standing(b, payee, 1); s.Me.Score != want || s.Me.Rank != 1 {
					t.Errorf("%s %s: %d at place %d, want %d", scope, period, s.Me.Score, s.Me.Rank, want)
				}
			}
		}
	}
}

func TestABoardIsPutInOrderAtMostOnceAnInterval(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	payee := uuid.New()
	b := h.orgBoard(day)
	const interval = time.Hour // nobody waits for it here: the board's last time is moved instead
	refresh := func() time.Duration {
		t.Helper()
		wait, _, err := h.boards.Refresh(t.Context(), h.org, b.Key(), interval)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	rest := func(d time.Duration) {
		t.Helper()
		h.do(func(ctx context.Context, tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE rank_board SET refreshed_at = clock_timestamp() - $3::interval
				WHERE org_id = $1 AND id = $2`, tx.OrgID(), b.Key(), d)
			return err
		})
	}
	h.earn(payee, 100, 100)
	if wait := refresh(); wait != 0 {
		t.Fatal(wait)
	}
	first := h.standing(b, payee, 1)
	h.earn(payee, 50, -100)
	rest(20 * time.Minute)
	if wait := refresh(); wait <= 30*time.Minute || wait > 40*time.Minute {
		t.Fatalf("asked to wait %s", wait)
	}
	if s := h.standing(b, payee, 1); s.Me.Score != 100 || s.Me.Pending != 100 {
		t.Errorf("got %+v", s)
	}
	rest(interval)
	if wait := refresh(); wait != 0 {
		t.Fatal(wait)
	}
	if s := h.standing(b, payee, 1); s.Me.Score != 150 || s.Me.Pending != 0 || !s.AsOf.After(first.AsOf) {
		t.Errorf("got %+v", s)
	}
	h.earn(payee, 1, 0)
	rest(-24 * time.Hour) // the database's clock was set back by a day
	if wait := refresh(); wait != 0 {
		t.Errorf("asked to wait %s", wait)
	}
}

func TestNoChangeIsLostWhileABoardIsPutInOrder(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	payees := make([]uuid.UUID, 6)
	for i := range payees {
		payees[i] = uuid.New()
	}
	b := h.orgBoard(month)
	writers, ctx := errgroup.WithContext(t.Context())
	for w := range 4 {
		random := rand.New(rand.NewPCG(uint64(w), 3))
		writers.Go(func() error {
			for range 30 {
				err := h.boards.Store.Transact(ctx, change.Org(h.org), func(tx *postgres.Tx) error {
					return h.boards.Earned(ctx, tx, payees[random.IntN(len(payees))], time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC),
						money.Fen(random.Int64N(5)*100), money.Fen(0))
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	done := make(chan error, 1)
	go func() { done <- writers.Wait() }()
	for working := true; working; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			working = false
		default:
			if _, _, err := h.boards.Refresh(t.Context(), h.org, b.Key(), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.refresh(b)
	h.do(func(ctx context.Context, tx *postgres.Tx) error {
		var off, counted, total int64
		err := tx.QueryRow(ctx, `SELECT
			(SELECT count(*) FROM rank_score
			WHERE org_id = $1 AND board_id = $2 AND ranked IS DISTINCT FROM score) + (SELECT count(*) FROM rank_dirty
				WHERE org_id = $1 AND board_id = $2),
			(SELECT count(*) FROM rank_bucket b WHERE org_id = $1 AND board_id = $2 AND n <> (
				SELECT count(*) FROM rank_score s
					WHERE s.org_id = $1 AND s.board_id = $2 AND s.ranked >> (8 * b.level) = b.bucket)),
			(SELECT sum(n) FROM rank_bucket WHERE org_id = $1 AND board_id = $2 AND level = 0)`,
			tx.OrgID(), b.Key()).Scan(&off, &counted, &total)
		if off != 0 || counted != 0 || total != int64(len(payees)) {
			t.Errorf("%d scores are not ranked, %d buckets miscount, %d payees are counted", off, counted, total)
		}
		return err
	})
}

// The keeper puts a board in order by itself, tells who watches, and finds what a crash left undone.
func TestTheKeeperTellsWatchersAndFindsWhatWasLeft(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.boards.Store.Now = time.Now
	hub := &watch.Hub{}
	h.boards.Store.Poker = postgres.NewPoker(hub, h.boards.Store.Pool, h.boards.log)
	sub := hub.Subscribe()
	defer sub.Close()
	b := h.orgBoard(day)
	left := h.orgBoard(month)
	sub.Follow(watch.Topic{Org: change.Org(h.org), Name: b.Topic()},
		watch.Topic{Org: change.Org(h.org), Name: left.Topic()})
	heard := func(topic string) {
		t.Helper()
		timeout := time.After(20 * time.Second)
		for {
			select {
			case <-sub.Woken():
				dirty, _, _ := sub.Take()
				if slices.Contains(dirty, topic) {
					return
				}
			case <-timeout:
				t.Fatalf("nothing heard of %s", topic)
			}
		}
	}
	payee := uuid.New()
	h.earn(payee, 100, 100) // before the keeper listens
	keeper := NewKeeper(h.boards, 50*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { keeper.Run(ctx) })
	heard(left.Topic())
	for i := range 3 {
		h.earn(payee, 100, 0)
		heard(b.Topic())
		if s := h.standing(b, payee, 1); s.Me.Score < int64(100*(i+1)) {
			t.Errorf("after change %d the board says %d", i, s.Me.Score)
		}
	}
	cancel()
	wg.Wait()
}

func TestBoardsOfLongAgoAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	payee := uuid.New()
	count := func() (boards, rows int) {
		h.do(func(ctx context.Context, tx *postgres.Tx) error {
			return tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM rank_board WHERE org_id = $1), (SELECT count(*) FROM rank_score
				WHERE org_id = $1)
				+ (SELECT count(*) FROM rank_bucket WHERE org_id = $1) + (SELECT count(*) FROM rank_dirty
				WHERE org_id = $1)`, tx.OrgID()).Scan(&boards, &rows)
		})
		return boards, rows
	}
	h.earn(payee, 100, 100)
	for _, p := range periods {
		h.refresh(h.orgBoard(p))
	}
	for _, c := range []struct{ days, boards int }{{50, 3}, {20, 1}, {300, 1}, {60, 0}} {
		h.pass(time.Duration(c.days) * 24 * time.Hour)
		if err := h.boards.forget(t.Context(), h.org); err != nil {
			t.Fatal(err)
		}
		boards, rows := count()
		if boards != c.boards || (rows == 0) != (boards == 0) {
			t.Errorf("%d days later there are %d boards with %d rows, want %d", c.days, boards, rows, c.boards)
		}
	}
}

func TestWhoSeesWhichBoardAndWhichNames(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	team, other, region, far := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	me, mate, shy, stranger := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	h.places[me] = Place{[]uuid.UUID{team}, region}
	h.places[mate] = Place{[]uuid.UUID{team}, region}
	h.places[shy] = Place{[]uuid.UUID{team}, region}
	h.places[stranger] = Place{[]uuid.UUID{other}, far}
	h.peers[me] = Peer{"王小明", "大圣", region}
	h.peers[mate] = Peer{"李雷", "", region}
	h.peers[shy] = Peer{"韩梅梅", "蓝风筝", region}
	h.peers[stranger] = Peer{"赵远", "", far}
	for i, p := range []uuid.UUID{me, mate, shy, stranger} {
		h.earn(p, int64(100*(i+1)), int64(10*i))
	}
	for _, scope := range []Board{
		{h.org, payv1.BoardScope_BOARD_SCOPE_ORG, h.org, day, civil.Day{Year: 2026, Month: 11, Day: 25}},
		{h.org, payv1.BoardScope_BOARD_SCOPE_TEAM, team, day, civil.Day{Year: 2026, Month: 11, Day: 25}},
		{h.org, payv1.BoardScope_BOARD_SCOPE_REGION, region, day, civil.Day{Year: 2026, Month: 11, Day: 25}},
	} {
		h.refresh(scope)
	}
	technician := identity.Identity{
		Org:  h.org,
		User: me,
	}.Holding(identity.Grant{Role: identity.Technician, Scope: identity.ScopeSelf})
	supervisor := identity.Identity{
		Org:  h.org,
		User: uuid.New(),
	}.Holding(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeTeam, ID: team})
	boss := identity.Identity{
		Org:  h.org,
		User: uuid.New(),
	}.Holding(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeOrg})
	clerk := identity.Identity{
		Org:  h.org,
		User: uuid.New(),
	}.Holding(identity.Grant{Role: identity.Clerk, Scope: identity.ScopeOrg})
	foreign := identity.Identity{
		Org:  uuid.New(),
		User: uuid.New(),
	}.Holding(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeOrg})
	const orgScope, teamScope, regionScope = payv1.BoardScope_BOARD_SCOPE_ORG, payv1.BoardScope_BOARD_SCOPE_TEAM,
		payv1.BoardScope_BOARD_SCOPE_REGION
	for _, c := range []struct {
		name  string
		who   identity.Identity
		scope payv1.BoardScope
		id    []byte
		code  fault.Code
		names string
		rank  uint64
	}{
		{"own team", technician, teamScope, nil, "", "[蓝风筝 李雷 王小明]", 3},
		{"own team by id", technician, teamScope, team[:], "", "[蓝风筝 李雷 王小明]", 3},
		{"own region", technician, regionScope, nil, "", "[蓝风筝 李雷 王小明]", 3},
		{"whole org", technician, orgScope, nil, "", "[*** 蓝风筝 李雷 王小明]", 4},
		{"another team", technician, teamScope, other[:], fault.NotFound, "", 0},
		{"another region", technician, regionScope, far[:], fault.NotFound, "", 0},
		{"another org", technician, orgScope, other[:], fault.NotFound, "", 0},
		{"supervisor's team", supervisor, teamScope, team[:], "", "[韩梅梅 李雷 王小明]", 0},
		{"supervisor elsewhere", supervisor, teamScope, other[:], fault.NotFound, "", 0},
		{"supervisor's org", supervisor, orgScope, nil, fault.NotFound, "", 0},
		{"boss", boss, orgScope, nil, "", "[赵远 韩梅梅 李雷 王小明]", 0},
		{"clerk", clerk, orgScope, nil, fault.NotFound, "", 0},
		{"foreign", foreign, teamScope, team[:], "", "[]", 0},
	} {
		ctx := identity.With(t.Context(), c.who)
		res, err := (&Service{Boards: h.boards}).GetBoard(ctx,
			connect.NewRequest(&payv1.GetBoardRequest{Scope: c.scope, ScopeId: c.id, Period: day}))
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		names := []string{}
		for _, row := range res.Msg.Top {
			names = append(names, row.Name)
		}
		if got := fmt.Sprint(names); got != c.names || res.Msg.Rank != c.rank {
			t.Errorf("%s: %s at place %d", c.name, got, res.Msg.Rank)
		}
		if c.rank > 0 && (res.Msg.ToNext.GetMinor() != 100 || res.Msg.Score.GetMinor() != 100 || !MayHear(res.Msg.Topic)) {
			t.Errorf("%s: %v", c.name, res.Msg)
		}
	}
	if MayHear("board:x") || MayHear("user:"+me.String()) {
		t.Error("a topic that is no board's was accepted")
	}
}
