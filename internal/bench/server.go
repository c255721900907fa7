package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/memory"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

const serverChild = "bench-server"

func init() {
	child.Register(serverChild, func(ctx context.Context, raw json.RawMessage, ready func(any) error) error {
		var url string
		if err := json.Unmarshal(raw, &url); err != nil {
			return err
		}
		return serve(ctx, url, ready)
	})
}

// serving is what a server child says of itself.
type serving struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

var (
	benchOrg   = change.Org(uuid.MustParse("0192f0c1-0000-7000-8000-000000000001"))
	benchKey   = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	benchRing  = account.NewKeyring(signingKey(account.UseToken), signingKey(account.UseReceipt))
	benchBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func signingKey(use account.Use) account.SigningKey {
	return account.SigningKey{
		ID: "bench-" + string(use), Use: use, Public: benchKey.Public().(ed25519.PublicKey), Private: benchKey,
		SignFrom: benchBegin,
	}
}

// phoneID is the user and device of the n-th phone.
func phoneID(n int) uuid.UUID {
	sum := sha256.Sum256([]byte{'p', byte(n >> 16), byte(n >> 8), byte(n)})
	return uuid.UUID(sum[:16])
}

func feedOf(n int) change.FeedID { return change.FeedID{Kind: "tech", Key: phoneID(n)} }

// tokens authenticates by the real tokens of the account room.
type tokens struct{}

func (tokens) Authenticate(_ context.Context, h http.Header) (identity.Identity, bool, error) {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok {
		return identity.Identity{}, false, nil
	}
	b, until, err := account.VerifyAccess(benchRing, token, time.Now())
	return identity.Identity{Org: b.Org, User: b.User, Device: b.Family, Until: until}, err == nil, err
}

// serve runs the engine behind the real border with one mutation: it counts a row up and places 400 bytes.
func serve(ctx context.Context, url string, ready func(any) error) error {
	pool, err := postgres.Open(ctx, url, 16)
	if err != nil {
		return err
	}
	defer pool.Close()
	log := slog.New(slog.DiscardHandler)
	hub := &watch.Hub{}
	poker := postgres.NewPoker(hub, pool, log)
	go poker.Run(ctx)
	store := &postgres.Store{Pool: pool, Now: time.Now, Poker: poker, Shared: &feed.Shared{MaxBytes: 16 << 20}}
	ledger := &ledger{}
	service := delta.New(delta.Config{
		Store: store, Hub: hub, Log: log, Heartbeat: 25 * time.Second, MaxAge: time.Hour, MaxWatches: 20_000,
		Intake: &intake.Intake[*postgres.Tx]{
			Store: store, Now: time.Now, MaxAhead: 10 * time.Minute, Panicked: func(change.Mutation, any, []byte) {},
			Signer: change.Ed25519Signer{KeyID: "bench-receipt", Key: benchKey},
			Mutators: map[string]intake.Mutator[*postgres.Tx]{
				"bench.touch": touch, "bench.place": ledger.place("tech"), "bench.share": ledger.place("team"),
			},
		},
	}, unguarded{}, unguarded{})
	go memory.Keep(ctx, hub.Connected)
	device := rpc.Rule{Device: true}
	border, err := rpc.NewBorder(rpc.Config{
		Log: log, Metrics: prometheus.NewRegistry(), Now: time.Now, Authenticator: tokens{},
		Limits: rpc.Limits{PerCaller: rpc.Rate{PerSecond: -1}, PerAddress: rpc.Rate{PerSecond: -1}},
		Access: rpc.Access{
			syncv1connect.SyncServicePullProcedure: {Device: true, Large: true}, syncv1connect.SyncServicePushProcedure: device,
			syncv1connect.SyncServiceWatchProcedure: device,
		},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(syncv1connect.NewSyncServiceHandler(service, border.Options()...))
	mux.Handle(ledgerPath, ledger)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	return listen(ctx, border.Wrap(mux), ready)
}

// listen serves handler on a free port until ctx ends.
func listen(ctx context.Context, handler http.Handler, ready func(any) error) error {
	s, err := rpc.NewServer(ctx, rpc.ServerConfig{
		Listen: "127.0.0.1:0", Handler: handler, Log: slog.New(slog.DiscardHandler),
		Streams: func(path string) bool { return strings.HasSuffix(path, "/Watch") },
	})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := ready(serving{s.URL(), os.Getpid()}); err != nil {
		return err
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.Stop(stop) // open watches are cut
	return nil
}

const touchSQL = `UPDATE bench_item SET count = count + 1 WHERE org_id = $1 AND id = $2`

func touch(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	if _, err := tx.Exec(ctx, touchSQL, tx.OrgID(), uuid.UUID(m.User)); err != nil {
		return intake.Result{}, err
	}
	tx.Place(1, uuid.UUID(m.User), feed.Placement{Feed: change.FeedID{Kind: "tech", Key: uuid.UUID(m.User)}, Body: m.Args})
	return intake.Done(), nil
}

const bareChild = "bench-bare"

func init() {
	child.Register(bareChild, func(ctx context.Context, _ json.RawMessage, ready func(any) error) error {
		return listen(ctx, http.HandlerFunc(bare), ready)
	})
}

// bare holds a stream as plainly as Go can: flush the head, wait for the end.
func bare(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func bearer(n int) (string, error) {
	id := phoneID(n)
	token, _, err := account.SignAccess(benchRing,
		account.Bearer{Org: uuid.UUID(benchOrg), User: id, Family: id, Device: true}, time.Now())
	return "Bearer " + token, err
}

// client returns a sync client for a phone over the given transport.
func client(url string, n int, h *http.Client) (syncv1connect.SyncServiceClient, error) {
	auth, err := bearer(n)
	if err != nil {
		return nil, err
	}
	set := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("Authorization", auth)
			return next(ctx, req)
		}
	})
	return syncv1connect.NewSyncServiceClient(h, url, connect.WithInterceptors(set), withZstd()), nil
}

// withZstd lets a client take zstd before gzip, as the Go client library does.
func withZstd() connect.ClientOption {
	return connect.WithAcceptCompression("zstd", func() connect.Decompressor {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			panic(err) // the options are constant
		}
		return zstdDecoder{d}
	}, nil)
}

type zstdDecoder struct{ *zstd.Decoder }

func (d zstdDecoder) Close() error { return d.Reset(nil) }

// unguarded is a company without rights: nobody is revoked, decides or listens.
type unguarded struct{}

func (unguarded) Revoked(context.Context, identity.Identity) (bool, error)          { return false, nil }
func (unguarded) MayHear(context.Context, identity.Identity, string) bool           { return false }
func (unguarded) NameOf(context.Context, *postgres.Tx, change.User) (string, error) { return "", nil }

func (unguarded) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return time.UTC, nil }

func (unguarded) Oversees(
	context.Context, *postgres.Tx, identity.Reach,
) (func(uuid.UUID) (bool, error), error) {
	return func(uuid.UUID) (bool, error) { return false, nil }, nil
}
