package offline_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// office is a real server of the engine's toy trade (counters that somebody holds) with a toy front door: a code
// is a user's id, tokens are random and end when the test says so.
type office struct {
	accountv1connect.UnimplementedAuthServiceHandler
	trade
	db     *pgtest.DB
	url    string
	org    uuid.UUID
	public ed25519.PublicKey
	intake *intake.Intake[*postgres.Tx]

	mu      sync.Mutex
	access  map[string]identity.Identity
	refresh map[string]identity.Identity
	revoked map[uuid.UUID]bool
	ended   bool // no refresh token works
	renewed int
	pushed  int
	pulls   int // calls
	watches int
	forge   func(*syncv1.Poke)
}

// trade is the store with a table for the toy trade.
type trade struct{ *postgres.Store }

func (trade) Item(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (synctest.Item, error) {
	i := synctest.Item{ID: id}
	err := tx.QueryRow(ctx, `SELECT holder, count, version FROM toy WHERE org_id = $1 AND id = $2
		FOR UPDATE`, tx.OrgID(), id).
		Scan(&i.Holder, &i.Count, &i.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return i, err
}

func (trade) PutItem(ctx context.Context, tx *postgres.Tx, i synctest.Item) error {
	_, err := tx.Exec(ctx, `INSERT INTO toy VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, id) DO UPDATE SET holder = $3, count = $4, version = $5`,
		tx.OrgID(), i.ID, i.Holder, i.Count, i.Version)
	return err
}

func (trade) Place(tx *postgres.Tx, e change.Entity, in ...feed.Placement) {
	tx.Place(e.Kind, e.ID, in...)
}

func (trade) Subscribe(ctx context.Context, tx *postgres.Tx, u change.User, feeds ...change.FeedID) error {
	return tx.Subscribe(ctx, u, feeds...)
}

func openOffice(t testing.TB) *office {
	t.Helper()
	db := pgtest.New(t)
	_, err := db.Owner.Exec(t.Context(), `
		CREATE TABLE toy (org_id uuid, id uuid, holder uuid NOT NULL, count bigint NOT NULL, version bigint NOT NULL,
		PRIMARY KEY (org_id, id));
		GRANT ALL ON toy TO doorstep_app`)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	hub := &watch.Hub{}
	o := &office{
		trade: trade{&postgres.Store{Pool: db.App, Now: time.Now, Poker: postgres.NewPoker(hub, db.App, log)}},
		db:    db,
		org:   uuid.New(), public: public,
		access: map[string]identity.Identity{}, refresh: map[string]identity.Identity{}, revoked: map[uuid.UUID]bool{},
	}
	take := &intake.Intake[*postgres.Tx]{
		Store: o.Store, Mutators: synctest.Mutators[*postgres.Tx](o.trade),
		Signer: change.Ed25519Signer{KeyID: "k1", Key: private},
		Now:    time.Now, MaxAhead: time.Minute, Panicked: func(change.Mutation, any, []byte) {},
	}
	o.intake = take
	service := delta.New(delta.Config{
		Store: o.Store, Hub: hub, Intake: take, Log: log, KeepDays: 3, Heartbeat: 5 * time.Second, MaxAge: time.Hour,
		MaxWatches: 100,
	}, o, o)
	device := rpc.Rule{Device: true, Evidence: true}
	border, err := rpc.NewBorder(rpc.Config{
		Log: log, Metrics: prometheus.NewRegistry(), Now: time.Now, Authenticator: o,
		Limits: rpc.Limits{PerAddress: rpc.Rate{PerSecond: -1}, PerCaller: rpc.Rate{PerSecond: -1}},
		Access: rpc.Access{
			syncv1connect.SyncServicePullProcedure: device, syncv1connect.SyncServicePushProcedure: device,
			syncv1connect.SyncServiceWatchProcedure:           device,
			accountv1connect.AuthServiceEnrolDeviceProcedure:  {Anonymous: true},
			accountv1connect.AuthServiceRefreshTokenProcedure: {Anonymous: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(syncv1connect.NewSyncServiceHandler(service,
		append(border.Options(), connect.WithInterceptors(line{o}))...))
	mux.Handle(accountv1connect.NewAuthServiceHandler(o, border.Options()...))
	server := httptest.NewServer(border.Wrap(mux))
	t.Cleanup(func() { hub.Close(); server.CloseClientConnections(); server.Close() })
	o.url = server.URL
	return o
}

// Revoked implements delta.Access.
func (o *office) Revoked(_ context.Context, who identity.Identity) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.revoked[who.Device], nil
}

// MayHear implements delta.Access.
func (*office) MayHear(context.Context, identity.Identity, string) bool { return false }

// Oversees implements delta.Access.
func (*office) Oversees(context.Context, *postgres.Tx, identity.Reach) (func(uuid.UUID) (bool, error), error) {
	return func(uuid.UUID) (bool, error) { return false, nil }, nil
}

// NameOf implements delta.People.
func (*office) NameOf(context.Context, *postgres.Tx, change.User) (string, error) { return "", nil }

// Zone implements delta.People.
func (*office) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return time.UTC, nil }

// line counts what comes, and forges the pokes that go out if the test wants that.
type line struct{ *office }

func (l line) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if req.Spec().Procedure == syncv1connect.SyncServicePullProcedure {
			l.mu.Lock()
			l.pulls++
			l.mu.Unlock()
		}
		return next(ctx, req)
	}
}

func (l line) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (l line) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		l.mu.Lock()
		l.watches++
		l.mu.Unlock()
		return next(ctx, forged{c, l})
	}
}

type forged struct {
	connect.StreamingHandlerConn
	line
}

func (f forged) Send(m any) error {
	f.mu.Lock()
	forge := f.forge
	f.mu.Unlock()
	if w, ok := m.(*syncv1.WatchResponse); ok && w.GetPoke() != nil && forge != nil {
		forge(w.GetPoke())
	}
	return f.StreamingHandlerConn.Send(m)
}

// calls are the pulls and the watches so far.
func (o *office) calls() (pulls, watches int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pulls, o.watches
}

// Authenticate implements rpc.Authenticator.
func (o *office) Authenticate(_ context.Context, h http.Header) (identity.Identity, bool, error) {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok {
		return identity.Identity{}, false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	who, ok := o.access[token]
	if !ok {
		return identity.Identity{}, false, fault.New(fault.TokenExpired, "")
	}
	return who, true, nil
}

func (o *office) pair(who identity.Identity) *accountv1.Tokens {
	t := &accountv1.Tokens{
		Access: uuid.NewString(), AccessExpires: timestamppb.New(time.Now().Add(time.Hour)),
		Refresh: uuid.NewString(),
	}
	o.access[t.Access], o.refresh[t.Refresh] = who, who
	return t
}

// EnrolDevice implements AuthService.
func (o *office) EnrolDevice(
	_ context.Context, req *connect.Request[accountv1.EnrolDeviceRequest],
) (*connect.Response[accountv1.EnrolDeviceResponse], error) {
	user, err := uuid.Parse(req.Msg.Code)
	if err != nil {
		return nil, fault.New(fault.EnrolmentInvalid, "")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	who := identity.Identity{Org: o.org, User: user, Device: uuid.Must(uuid.NewV7()), Until: time.Now().Add(time.Hour)}.
		Holding(identity.Grant{Role: identity.Technician, Scope: identity.ScopeSelf})
	return connect.NewResponse(&accountv1.EnrolDeviceResponse{
		OrgId: who.Org[:], UserId: who.User[:], DeviceId: who.Device[:], Tokens: o.pair(who), UserName: "李", OrgName: "Toy",
	}), nil
}

// RefreshToken implements AuthService.
func (o *office) RefreshToken(
	_ context.Context, req *connect.Request[accountv1.RefreshTokenRequest],
) (*connect.Response[accountv1.RefreshTokenResponse], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	who, ok := o.refresh[req.Msg.Refresh]
	if !ok || o.ended {
		return nil, fault.New(fault.RefreshInvalid, "")
	}
	o.renewed++
	return connect.NewResponse(&accountv1.RefreshTokenResponse{Tokens: o.pair(who)}), nil
}

// expire ends all access tokens.
func (o *office) expire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.access)
}

func (o *office) transact(t testing.TB, fn func(ctx context.Context, tx *postgres.Tx) error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := o.Transact(ctx, change.Org(o.org), func(tx *postgres.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

// worker makes a user who follows a feed of their own and the common one, and holds n items.
func (o *office) worker(t testing.TB, n int) (user uuid.UUID, items []uuid.UUID) {
	t.Helper()
	user = uuid.New()
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		return o.Subscribe(ctx, tx, change.User(user), synctest.FeedOf(user), synctest.All)
	})
	for range n {
		items = append(items, uuid.New())
		o.give(t, items[len(items)-1], user)
	}
	return user, items
}

// follow sets what a user follows.
func (o *office) follow(t testing.TB, user uuid.UUID, feeds ...change.FeedID) {
	t.Helper()
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		return o.Subscribe(ctx, tx, change.User(user), feeds...)
	})
}

// give changes who holds an item; only its holder's feed shows it.
func (o *office) give(t testing.TB, item, holder uuid.UUID) {
	t.Helper()
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		return synctest.Change(ctx, o.trade, tx, item, func(i *synctest.Item) { i.Holder = holder })
	})
}

// count is what the office has counted.
func (o *office) count(t testing.TB, item uuid.UUID) (n int) {
	t.Helper()
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		i, err := o.Item(ctx, tx, item)
		n = i.Count
		return err
	})
	return n
}

const itemKind = offline.Kind(synctest.ItemKind)

// add is the optimistic effect of the toy trade's add: one more, if it is here.
func add(v *offline.View, m offline.Mutation) []offline.Change {
	var a synctest.Args
	if json.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	var out []offline.Change
	for _, id := range []uuid.UUID{a.Item, a.Other} {
		e := offline.Entity{Kind: itemKind, ID: id}
		body, ok := v.Get(e)
		var i synctest.Item
		if !ok || json.Unmarshal(body, &i) != nil {
			continue
		}
		i.Count++
		if body, err := json.Marshal(i); err == nil {
			out = append(out, offline.Change{Entity: e, Body: body})
		}
	}
	return out
}

func (o *office) options(dir string) offline.Options {
	return offline.Options{
		Dir: dir, Now: time.Now, Effects: map[string]offline.Effect{"add": add, "pair": add}, FeedOrder: []string{"tech"},
		Keys: func(*offline.View) map[string]ed25519.PublicKey {
			return map[string]ed25519.PublicKey{"k1": o.public}
		},
	}
}

// phone is a client with its store.
type phone struct {
	*offline.Client
	t testing.TB
}

func (o *office) phone(t testing.TB, user uuid.UUID, network http.RoundTripper) *phone {
	t.Helper()
	return o.phoneIn(t, t.TempDir(), user, network)
}

// memoryDir is a folder of a file system in memory, where the system has one: for tests of many days in which nobody
// pulls the plug. Nine tenths of their time would go into waiting for a disk whose promises other tests hold it to.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "offline") //nolint:usetesting // that folder lies on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (o *office) phoneIn(t testing.TB, dir string, user uuid.UUID, network http.RoundTripper) *phone {
	t.Helper()
	p := o.open(t, dir, network)
	if _, err := p.Enrol(t.Context(), o.url, user.String()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (o *office) open(t testing.TB, dir string, network http.RoundTripper) *phone {
	t.Helper()
	s, err := offline.Open(t.Context(), o.options(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &phone{&offline.Client{Store: s, HTTP: &http.Client{Transport: network}, PageBytes: 300}, t}
}

func (p *phone) do(kind string, a synctest.Args) offline.Mutation {
	p.t.Helper()
	m, err := p.Store.Do(p.t.Context(), kind, a.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *phone) sync() offline.Report {
	p.t.Helper()
	r, err := p.Sync(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// shown is what the phone's owner sees: counts by item.
func (p *phone) shown() map[uuid.UUID]int {
	p.t.Helper()
	out := map[uuid.UUID]int{}
	err := p.Store.Read(p.t.Context(), func(v *offline.View) error {
		for _, e := range v.List(itemKind) {
			var i synctest.Item
			if err := json.Unmarshal(e.Body, &i); err != nil {
				return err
			}
			out[e.ID] = i.Count
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}
