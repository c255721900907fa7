package day

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/cut"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// rounds is how often every fault happens; `make faults` asks for more than the tests do.
func rounds(t *testing.T) int {
	t.Helper()
	s := os.Getenv("DOORSTEP_FAULT_ROUNDS")
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("DOORSTEP_FAULT_ROUNDS=%s is no number of rounds", s)
	}
	return n
}

// onlyInFaults skips what takes too long for every run of the tests.
func onlyInFaults(t *testing.T) {
	t.Helper()
	if os.Getenv("DOORSTEP_FAULT_ROUNDS") == "" {
		t.Skip("make faults runs this")
	}
}

// seed decides when faults strike and where connections break. Other processes are not its slaves, so a seed that
// failed need not fail again.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("DOORSTEP_FAULT_SEED")
	if s == "" {
		return 1
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("DOORSTEP_FAULT_SEED=%s is no seed", s)
	}
	return n
}

// storm is a company at work, and what can go wrong around it.
type storm struct {
	*company
	t        *testing.T
	random   *rand.Rand
	url      string // of the database, past all proxies
	database *pgtest.Server
	front    *cut.Balancer // between phones and servers
	back     *cut.Proxy    // between server and database
	hands    []*hand
	prober   *phone
	table    recoveries
}

// gather makes a company whose one server stands between two proxies.
func gather(t *testing.T, database *pgtest.Server) *storm {
	t.Helper()
	back, address := through(t, database.OwnerURL)
	in := install(t, address, s3test.New(t))
	s := open(t, in, database.OwnerURL, in)
	s.database, s.back = database, back
	return s
}

// open makes a company of two technicians with a phone each, who reach the replicas through a balancer. The first
// is the one that the office and the command line use; those that cannot be started here run already.
func open(t *testing.T, first *installation, databaseURL string, replicas ...*installation) *storm {
	t.Helper()
	s := &storm{t: t, random: rand.New(rand.NewPCG(seed(t), 0)), url: databaseURL}
	var addresses []string
	for _, r := range replicas {
		addresses = append(addresses, r.listen)
	}
	s.front = cut.Balance(t, addresses...)
	for _, r := range replicas {
		r.public = "http://" + s.front.Addr()
	}
	s.company = found(first)
	for _, r := range replicas {
		if r != first && r.env != nil {
			r.serve()
		}
	}
	s.inRotation(len(replicas))
	for _, login := range crew {
		h, _ := newHand(s.company, login)
		s.hands = append(s.hands, h)
	}
	s.prober = s.enrol(crew[0])
	s.prober.CallTimeout = 2 * time.Second
	s.order(len(s.hands))
	s.assign(t.Context())
	s.settled()
	return s
}

// inRotation waits until the balancer gives connections to n servers.
func (s *storm) inRotation(n int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("the balancer to see %d servers", n), func() bool { return len(s.front.Ready()) == n })
}

// assign lets the office assign everything, however often it has to ask.
func (s *storm) assign(ctx context.Context) {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(ctx, 5*time.Second)
		res, err := s.tickets().AutoAssign(call, as(s.company, &officev1.AutoAssignRequest{}))
		cancel()
		if err == nil && res.Msg.GetAssigned() == 0 {
			return
		}
		if err != nil {
			select { // the office does not ask in a tight loop either
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// settled waits until all orders are done and nothing is unsent.
func (s *storm) settled() {
	s.t.Helper()
	await(s.t, "all work to be done and sent", func() bool {
		total, quiet := 0, true
		for _, h := range s.hands {
			n, _ := h.done()
			total += n
			quiet = quiet && h.unsent().Empty()
		}
		return total == s.ordered && quiet
	})
}

// disaster is one kind of fault.
type disaster struct {
	name string
	// hit makes it and heal ends it; back tells that what was broken is there again, from when recovery counts.
	hit, heal func()
	back      func() bool
	// seen, if set, waits until the server has noticed.
	seen func()
	// rare: other tests of this package do it too, and it is left to make faults.
	rare bool
}

// strike lets d happen in the middle of work, and measures how long things take to come back.
func (s *storm) strike(d disaster) {
	s.t.Helper()
	s.order(len(s.hands))
	var office sync.WaitGroup
	office.Go(func() { s.assign(s.t.Context()) })
	s.chance(400 * time.Millisecond)
	d.hit()
	if d.seen != nil {
		d.seen()
	}
	s.chance(600 * time.Millisecond)
	d.heal()
	if d.back != nil {
		await(s.t, d.name+": what was broken to be back", d.back)
	}
	back := time.Now()
	var all sync.WaitGroup
	served := make([]time.Duration, 1)
	all.Go(func() {
		for ctx := s.t.Context(); ctx.Err() == nil; {
			if r, err := s.prober.Sync(ctx); err == nil {
				s.prober.noReset(r)
				break
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		served[0] = time.Since(back)
	})
	phones := make([]time.Duration, len(s.hands))
	for i, h := range s.hands {
		all.Go(func() {
			phones[i] = h.answered(s.t, h.note()).Sub(back)
		})
	}
	all.Wait()
	office.Wait()
	s.settled()
	s.table.add(d.name, served, phones)
}

// chance waits up to most, as the seed says: where a fault strikes is left to it.
func (s *storm) chance(most time.Duration) {
	select {
	case <-time.After(time.Duration(s.random.Int64N(int64(most)))):
	case <-s.t.Context().Done():
	}
}

// account compares everything that phones, office and database know.
func (s *storm) account() {
	s.t.Helper()
	s.settled()
	var phones []*phone
	var tickets, parts []int
	for _, h := range s.hands {
		n, q := h.done()
		phones, tickets, parts = append(phones, h.phone), append(tickets, n), append(parts, q)
	}
	s.agree(phones, tickets, parts, s.ordered)
	conn, err := pgx.Connect(s.t.Context(), s.url)
	s.must(err)
	defer func() { s.must(conn.Close(context.WithoutCancel(s.t.Context()))) }()
	for i, h := range s.hands {
		h.mu.Lock()
		if len(h.reset) > 0 {
			s.t.Errorf("phone %d was sent anew: %v", i, h.reset)
		}
		h.mu.Unlock()
		ids := h.acknowledged()
		var kept int
		s.must(conn.QueryRow(s.t.Context(), `SELECT count(DISTINCT id) FROM sync_mutation
			WHERE id = ANY ($1) AND NOT duplicate`, ids).Scan(&kept))
		if kept != len(ids) {
			s.t.Errorf("phone %d: of %d acknowledged mutations the database has %d", i, len(ids), kept)
		}
	}
	if len(s.table.names) > 0 {
		s.t.Log("\n" + s.table.String())
	}
}

// noReset fails the test if a round fetched anew what the phone held.
func (p *phone) noReset(r offline.Report) {
	p.t.Helper()
	if len(r.Reset) > 0 {
		p.t.Errorf("sent anew: %v", r.Reset)
	}
}

// refuses waits until the server says that it is not ready, and holds it to its word: calls fail as unavailable, and
// not by somebody's patience running out.
func (s *storm) refuses() {
	s.t.Helper()
	await(s.t, "the server to say that it is not ready", func() bool { return !s.ready() })
	await(s.t, "calls to be refused as unavailable", func() bool {
		ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
		defer cancel()
		_, err := s.tickets().ListTickets(ctx, as(s.company, &officev1.ListTicketsRequest{Limit: 1}))
		return connect.CodeOf(err) == connect.CodeUnavailable &&
			offline.CodeOf(offline.Refused(ctx, err)) == fault.Unavailable
	})
}

// answers tells whether a database takes connections.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	return err == nil && conn.Close(ctx) == nil
}

// disasters are all that happens to a server and its only database.
func (s *storm) disasters() []disaster {
	weather := func() uint64 { return s.random.Uint64() }
	clocks := func(most time.Duration) {
		for _, h := range s.hands {
			h.ahead.Store(s.random.Int64N(2*int64(most)) - int64(most))
		}
	}
	return []disaster{
		{name: "server: kill -9", hit: s.kill, heal: s.start, rare: true},
		{
			name: "server: SIGSTOP", hit: func() { s.signal(syscall.SIGSTOP) }, heal: func() { s.signal(syscall.SIGCONT) },
			seen: func() { s.inRotation(0) },
		},
		{
			name: "database: kill -9", hit: func() { s.database.Crash(s.t) }, heal: func() {},
			back: func() bool { return answers(s.t.Context(), s.database.URL) },
		},
		{
			name: "database: stopped, started", hit: func() { s.database.Stop(s.t) }, seen: s.refuses,
			heal: func() { s.database.Start(s.t) }, rare: true,
		},
		{
			name: "database: SIGSTOP", hit: func() { s.database.Pause(s.t) }, seen: s.refuses,
			heal: func() { s.database.Resume(s.t) },
		},
		{name: "phone-server: reset", hit: s.front.Reset, heal: func() {}},
		{name: "phone-server: cable pulled", hit: s.front.Stall, heal: s.front.Flow},
		{name: "phone-server: breaks anywhere", hit: func() { s.front.Break(weather(), 3000) }, heal: s.front.Mend},
		{name: "phone-server: refused", hit: s.front.Refuse, heal: s.front.Accept, rare: true},
		{name: "server-database: reset", hit: s.back.Reset, heal: func() {}},
		{name: "server-database: cable pulled", hit: s.back.Stall, seen: s.refuses, heal: s.back.Flow},
		{name: "server-database: breaks anywhere", hit: func() { s.back.Break(weather(), 6000) }, heal: s.back.Mend},
		{name: "phones: clocks jump", hit: func() { clocks(3 * time.Minute) }, heal: func() { clocks(time.Second) }},
	}
}

func TestNothingIsLostInAnyFault(t *testing.T) {
	t.Parallel()
	s := gather(t, pgtest.Own(t))
	for range rounds(t) {
		all := s.disasters()
		if only := os.Getenv("DOORSTEP_FAULT_ONLY"); only != "" {
			all = slices.DeleteFunc(all, func(d disaster) bool { return !strings.Contains(d.name, only) })
			if len(all) == 0 {
				t.Fatalf("DOORSTEP_FAULT_ONLY=%s is in no fault's name", only)
			}
		} else if rounds(t) == 1 {
			all = slices.DeleteFunc(all, func(d disaster) bool { return d.rare })
		}
		s.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, d := range all {
			s.strike(d)
		}
	}
	s.account()
}

// recoveries are how long things took to come back, by fault.
type recoveries struct {
	names          []string
	served, phones map[string][]time.Duration
}

func (r *recoveries) add(name string, served, phones []time.Duration) {
	if r.served == nil {
		r.served, r.phones = map[string][]time.Duration{}, map[string][]time.Duration{}
	}
	if !slices.Contains(r.names, name) {
		r.names = append(r.names, name)
	}
	r.served[name] = append(r.served[name], served...)
	r.phones[name] = append(r.phones[name], phones...)
}

// String is a table: the first call that is served again, and a phone whose person works on.
func (r *recoveries) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-36s %5s  %18s  %18s\n", "recovery after", "n", "call p50 / max", "phone p50 / max")
	slices.Sort(r.names)
	for _, name := range r.names {
		fmt.Fprintf(&b, "%-36s %5d  %18s  %18s\n", name, len(r.served[name]), spread(r.served[name]), spread(r.phones[name]))
	}
	return b.String()
}

func spread(d []time.Duration) string {
	slices.Sort(d)
	return fmt.Sprintf("%d / %d ms", d[len(d)/2].Milliseconds(), d[len(d)-1].Milliseconds())
}
