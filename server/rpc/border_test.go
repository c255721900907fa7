package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// bearer knows a few words as tokens.
type bearer map[string]identity.Identity

func (b bearer) Authenticate(_ context.Context, h http.Header) (identity.Identity, bool, error) {
	word, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok {
		return identity.Identity{}, false, nil
	}
	if word == "panic" {
		panic("authenticator broke")
	}
	i, ok := b[word]
	if !ok {
		return identity.Identity{}, false, fault.New(fault.TokenExpired, "")
	}
	return i, true, nil
}

type auth struct {
	accountv1connect.UnimplementedAuthServiceHandler
	logIn func(context.Context) error
}

func (a auth) LogIn(
	ctx context.Context, _ *connect.Request[accountv1.LogInRequest],
) (*connect.Response[accountv1.LogInResponse], error) {
	if a.logIn != nil {
		if err := a.logIn(ctx); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(&accountv1.LogInResponse{Tokens: &accountv1.Tokens{Access: strings.Repeat("a", 4000)}}), nil
}

type syncing struct {
	syncv1connect.UnimplementedSyncServiceHandler
	watch func(context.Context) error
	push  func(context.Context) error
}

func (s syncing) Pull(
	context.Context, *connect.Request[syncv1.PullRequest],
) (*connect.Response[syncv1.PullResponse], error) {
	return connect.NewResponse(&syncv1.PullResponse{LastSequence: 7}), nil
}

func (s syncing) Push(
	ctx context.Context, _ *connect.Request[syncv1.PushRequest],
) (*connect.Response[syncv1.PushResponse], error) {
	if s.push != nil {
		if err := s.push(ctx); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(&syncv1.PushResponse{}), nil
}

func (s syncing) Watch(
	ctx context.Context, _ *connect.Request[syncv1.WatchRequest], out *connect.ServerStream[syncv1.WatchResponse],
) error {
	if err := out.Send(&syncv1.WatchResponse{}); err != nil {
		return err
	}
	return s.watch(ctx)
}

type world struct {
	url  string
	log  *lockedBuffer
	reg  *prometheus.Registry
	time *testClock
}

type testClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *testClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func begin(t *testing.T, a auth, s syncing, change func(*rpc.Config)) world {
	t.Helper()
	w := world{
		log: &lockedBuffer{}, reg: prometheus.NewRegistry(),
		time: &testClock{at: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)},
	}
	device, user := uuid.New(), uuid.New()
	c := rpc.Config{
		Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: w.reg,
		Now: w.time.Now,
		Authenticator: bearer{
			"tech": identity.Identity{
				Org: uuid.New(), User: user,
				Device: device,
			}.Holding(identity.Grant{Role: identity.Technician, Scope: identity.ScopeSelf}),
			"office": identity.Identity{
				Org:  uuid.New(),
				User: uuid.New(),
			}.Holding(identity.Grant{Role: identity.Admin, Scope: identity.ScopeOrg}),
			"revoked": {Org: uuid.New(), User: user, Device: uuid.New(), Revoked: true},
		},
		Access: rpc.Access{
			accountv1connect.AuthServiceLogInProcedure: {Anonymous: true, Costly: true},
			syncv1connect.SyncServicePullProcedure:     {Device: true, Roles: []identity.Role{identity.Technician}},
			syncv1connect.SyncServicePushProcedure: {
				Device: true, Evidence: true,
				Roles: []identity.Role{identity.Technician},
			},
			syncv1connect.SyncServiceWatchProcedure: {Device: true},
		},
	}
	if change != nil {
		change(&c)
	}
	b, err := rpc.NewBorder(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(accountv1connect.NewAuthServiceHandler(a, b.Options()...))
	mux.Handle(syncv1connect.NewSyncServiceHandler(s, b.Options()...))
	srv := httptest.NewServer(b.Wrap(mux))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func with[T any](m *T, token string) *connect.Request[T] {
	r := connect.NewRequest(m)
	if token != "" {
		r.Header().Set("Authorization", "Bearer "+token)
	}
	return r
}

// problem reads the code that travels with an error, and checks that both sentences are there.
func problem(t *testing.T, err error) *typesv1.Problem {
	t.Helper()
	var c *connect.Error
	if !errors.As(err, &c) {
		t.Fatalf("want a Connect error, got %v", err)
	}
	for _, d := range c.Details() {
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := v.(*typesv1.Problem); ok {
			if p.GetEnglish() == "" || p.GetChinese() == "" {
				t.Errorf("problem %s lacks a sentence", p.GetCode())
			}
			return p
		}
	}
	t.Fatalf("error %v carries no problem", err)
	return nil
}

func logIn() *accountv1.LogInRequest {
	return &accountv1.LogInRequest{Org: "demo", Login: "li", Password: "hunter2-secret"}
}

func push() *syncv1.PushRequest {
	return &syncv1.PushRequest{Mutations: []*syncv1.Mutation{{
		Sequence: 1, Id: make([]byte, 16), Kind: "visit.accept",
		DeviceTime: timestamppb.Now(),
	}}}
}

func TestAccessIsDecidedBeforeTheHandlerRuns(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	sync := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url)
	for _, c := range []struct {
		name, token string
		push        bool
		want        fault.Code
	}{
		{"no token", "", false, fault.Unauthenticated},
		{"a token that does not hold", "old", false, fault.TokenExpired},
		{"a console session where a device is asked", "office", false, fault.Forbidden},
		{"a technician's device", "tech", false, ""},
		{"a revoked device pulls", "revoked", false, fault.DeviceRevoked},
		{"a revoked device hands in what is unsent", "revoked", true, ""},
		{"an authenticator that panics", "panic", false, fault.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var err error
			if c.push {
				_, err = sync.Push(t.Context(), with(push(), c.token))
			} else {
				_, err = sync.Pull(t.Context(), with(&syncv1.PullRequest{}, c.token))
			}
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := problem(t, err).GetCode(); got != string(c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAProcedureWithoutARuleIsRefused(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	_, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, w.url).
		EnrolDevice(t.Context(), with(&accountv1.EnrolDeviceRequest{Code: "x"}, "office"))
	if got := problem(t, err).GetCode(); got != string(fault.Forbidden) {
		t.Errorf("got %s", got)
	}
}

func TestInternalsStayInTheLog(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(context.Context) error{
		"an error without a code": func(context.Context) error {
			return errors.New(
				"relation app_user does not exist at 10.0.0.5")
		},
		"a panic": func(context.Context) error { panic("relation app_user does not exist at 10.0.0.5") },
		"a wrapped fault": func(context.Context) error {
			return fault.Wrap(errors.New("relation app_user does not exist at 10.0.0.5"), fault.Internal, "secret detail")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, auth{logIn: fail}, syncing{}, nil)
			_, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, w.url).LogIn(t.Context(), with(logIn(), ""))
			p := problem(t, err)
			if p.GetCode() != string(fault.Internal) || strings.Contains(err.Error()+p.String(), "app_user") ||
				strings.Contains(p.String(), "secret") {
				t.Errorf("leaked: %v %v", err, p)
			}
			var c *connect.Error
			if !errors.As(err, &c) || !strings.Contains(p.GetEnglish(), "(request "+c.Meta().Get("X-Request-Id")+")") {
				t.Errorf("the operator cannot find it: %v", p)
			}
			if !strings.Contains(w.log.String(), "app_user") {
				t.Error("the log does not name the cause")
			}
		})
	}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	if _, err := accountv1connect.NewAuthServiceClient(http.DefaultClient, w.url).LogIn(t.Context(),
		with(logIn(), "")); err != nil {
		t.Fatal(err)
	}
	if _, err := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url).Pull(t.Context(),
		with(&syncv1.PullRequest{}, "tech")); err != nil {
		t.Fatal(err)
	}
	if l := w.log.String(); strings.Contains(l, "hunter2") || strings.Contains(l, "aaaa") ||
		strings.Contains(l, "Bearer") || !strings.Contains(l, "request_id") {
		t.Error(l)
	}
}

func TestValidationNamesTheField(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	bad := push()
	bad.Mutations[0].Id = []byte("short")
	_, err := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url).Push(t.Context(), with(bad, "tech"))
	if p := problem(t, err); p.GetCode() != string(fault.InvalidArgument) ||
		!strings.Contains(p.GetEnglish(), "mutations[0].id") {
		t.Error(p)
	}
}

func TestATextThatPostgresCannotHoldIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	phone := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url)
	_, err := phone.Pull(t.Context(), with(&syncv1.PullRequest{ResetFeeds: []string{"org:1", "org:\x00"}}, "tech"))
	if p := problem(t, err); p.GetCode() != string(fault.InvalidArgument) ||
		!strings.Contains(p.GetEnglish(), "reset_feeds[1]") {
		t.Error(p)
	}
	bad := push()
	bad.Mutations[0].Kind = "visit\x00"
	_, err = phone.Push(t.Context(), with(bad, "tech"))
	if p := problem(t, err); p.GetCode() != string(fault.InvalidArgument) ||
		!strings.Contains(p.GetEnglish(), "mutations[0].kind") {
		t.Error(p)
	}
	if _, err := phone.Pull(t.Context(), with(&syncv1.PullRequest{AppVersion: "a\x1db"}, "tech")); err != nil {
		t.Errorf("a separator, as scanners send it: %v", err)
	}
}

func TestBytesThatAreNoMessageGetACode(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, func(c *rpc.Config) { c.Limits.ReadBytes = 1000 })
	for name, c := range map[string]struct {
		body string
		path string
		want fault.Code
		says string
	}{
		"broken JSON": {
			"{\n\"org\"?", accountv1connect.AuthServiceLogInProcedure, fault.InvalidArgument,
			"(body: line 2, column 6)",
		},
		"JSON that is cut off": {`{"org":`, accountv1connect.AuthServiceLogInProcedure, fault.InvalidArgument, "(body: "},
		"a value of another type": {
			`{"org":"a","login":5}`, accountv1connect.AuthServiceLogInProcedure,
			fault.InvalidArgument, "(body: line 1, column 20, field login)",
		},
		"a list in a text's place": {
			`{"org":["<b>"]}`, accountv1connect.AuthServiceLogInProcedure, fault.InvalidArgument,
			"field org)",
		},
		"larger than allowed": {
			`{"org":"` + strings.Repeat("x", 2000) + `"}`, accountv1connect.AuthServiceLogInProcedure,
			fault.TooLarge, "",
		},
		"an unknown procedure": {`{}`, "/doorstep.account.v1.AuthService/Nothing", fault.NotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := http.Post(w.url+c.path, "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if s := string(b); !strings.Contains(s, `"code":"`+string(c.want)+`"`) || strings.Contains(s, "unmarshal") ||
				!strings.Contains(s, c.says) {
				t.Errorf("%d %s", res.StatusCode, s)
			}
		})
	}
	for kind, says := range map[string]string{
		"application/proto": "(body: not a message of this call)",
		"text/plain":        "(Content-Type)",
	} {
		res, err := http.Post(w.url+accountv1connect.AuthServiceLogInProcedure, kind, strings.NewReader("rubbish"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if s := string(b); !strings.Contains(s, says) || !strings.Contains(s, `"code":"invalid_argument"`) {
			t.Errorf("%s: %d %s", kind, res.StatusCode, s)
		}
	}
}

func TestCallersAreLimitedEachByThemselves(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, func(c *rpc.Config) {
		c.Limits.PerAddress = rpc.Rate{PerSecond: 1, Burst: 12}
		c.Limits.PerCaller = rpc.Rate{PerSecond: 1, Burst: 3}
	})
	client := accountv1connect.NewAuthServiceClient(http.DefaultClient, w.url)
	sync := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url)
	var err error
	for range 2 { // a costly call weighs six
		if _, err = client.LogIn(t.Context(), with(logIn(), "")); err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.LogIn(t.Context(), with(logIn(), ""))
	p := problem(t, err)
	if p.GetCode() != string(fault.RateLimited) || p.GetRetryAfterMs() != 6000 {
		t.Fatal(p)
	}
	var ce *connect.Error
	if errors.As(err, &ce); ce.Meta().Get("Retry-After") != "6" {
		t.Errorf("Retry-After %q", ce.Meta().Get("Retry-After"))
	}
	// The address is exhausted; a device behind it is not held up.
	for range 3 {
		if _, err := sync.Pull(t.Context(), with(&syncv1.PullRequest{}, "tech")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sync.Pull(t.Context(), with(&syncv1.PullRequest{}, "tech")); problem(t, err).GetCode() !=
		string(fault.RateLimited) {
		t.Error(err)
	}
	w.time.Advance(6 * time.Second)
	if _, err := client.LogIn(t.Context(), with(logIn(), "")); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTooManyCallsInFlightAreAskedToWait(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	w := begin(t, auth{}, syncing{push: func(context.Context) error { entered <- struct{}{}; <-leave; return nil }},
		func(c *rpc.Config) { c.Limits.InFlight = 1 })
	sync := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url)
	first := make(chan error, 1)
	go func() {
		_, err := sync.Push(context.WithoutCancel(t.Context()), with(push(), "tech"))
		first <- err
	}()
	<-entered
	_, err := sync.Pull(t.Context(), with(&syncv1.PullRequest{}, "tech"))
	if p := problem(t, err); p.GetCode() != string(fault.Overloaded) || p.GetRetryAfterMs() <= 0 {
		t.Error(p)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestZstdAndGzipAreSpoken(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	for _, coding := range []string{"zstd", "gzip"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+accountv1connect.AuthServiceLogInProcedure,
			strings.NewReader(`{"org":"demo","login":"li","password":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept-Encoding", coding)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || res.Header.Get("Content-Encoding") != coding {
			t.Errorf("%s: %d %q", coding, res.StatusCode, res.Header.Get("Content-Encoding"))
		}
	}
}

func TestErrorsSpeakTheCallersLanguage(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	req := with(&syncv1.PullRequest{}, "")
	req.Header().Set("Accept-Language", "zh-CN,zh;q=0.9")
	_, err := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url).Pull(t.Context(), req)
	if err == nil || !strings.Contains(err.Error(), "请先登录") {
		t.Error(err)
	}
}

func TestAStreamThatEndsInAFaultCarriesItsCode(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{watch: func(context.Context) error { return fault.New(fault.DeviceRevoked, "") }}, nil)
	s, err := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url).Watch(t.Context(),
		with(&syncv1.WatchRequest{}, "tech"))
	if err != nil {
		t.Fatal(err)
	}
	for s.Receive() {
	}
	if got := problem(t, s.Err()).GetCode(); got != string(fault.DeviceRevoked) {
		t.Error(got)
	}
}

func TestCallsAreCountedByProcedureAndCode(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	sync := syncv1connect.NewSyncServiceClient(http.DefaultClient, w.url)
	if _, err := sync.Pull(t.Context(), with(&syncv1.PullRequest{}, "tech")); err != nil {
		t.Fatal(err)
	}
	if _, err := sync.Pull(t.Context(), with(&syncv1.PullRequest{}, "")); err == nil {
		t.Fatal("anonymous pull")
	}
	got := map[string]float64{}
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "doorstep_rpc_calls_total" {
			for _, m := range f.GetMetric() {
				got[m.GetLabel()[0].GetValue()] += m.GetCounter().GetValue()
			}
		}
	}
	if got["ok"] != 1 || got["unauthenticated"] != 1 {
		t.Error(got)
	}
}
