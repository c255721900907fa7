package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// clock is real time plus what a test adds; once stopped, a time that only the test moves.
type clock struct {
	mu    sync.Mutex
	add   time.Duration
	still time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still.Add(c.add)
	}
	return time.Now().Add(c.add)
}

// Stop stops the clock.
func (c *clock) Stop() {
	c.mu.Lock()
	c.still = time.Now()
	c.mu.Unlock()
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.add += d
	c.mu.Unlock()
}

const password = "correct horse battery"

var cheap = account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1}

// nowhere is an object store that is down: what these tests do needs none.
var nowhere = app.Objects{Endpoint: "127.0.0.1:1", Bucket: "none", AccessKey: "none", SecretKey: "none"}

// company is a running server with one small org.
type company struct {
	*app.App
	clock *clock
	db    *pgtest.DB
	org   account.Org

	north, south, team, shop       account.Place
	admin, dispatcher, tech, clerk account.User
}

func open(t *testing.T, change ...func(*app.Config)) company {
	t.Helper()
	c := company{clock: &clock{}, db: pgtest.New(t)}
	config := app.Config{
		DatabaseURL: c.db.URL, Listen: "127.0.0.1:0", Secret: account.NewSecret(), Now: c.clock.Now,
		Argon: cheap, Objects: nowhere, WithoutJobs: true,
	}
	for _, f := range change {
		f(&config)
	}
	if !config.WithoutJobs { // jobs have tables of their own
		if err := app.Migrate(t.Context(), c.db.OwnerURL, c.db.URL); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	c.App = a
	// Whatever a test did, what stands in the feeds is what the tables say.
	t.Cleanup(func() { c.feedsTrue(t) })
	c.fill(t, "demo")
	return c
}

func (c *company) fill(t *testing.T, slug string) {
	t.Helper()
	r := c.Rooms.Account
	var err error
	if c.org, err = r.CreateOrg(t.Context(),
		account.Org{Slug: slug, NameZH: "上门示范", NameEN: "Demo", Zone: time.UTC, Currency: "CNY"}); err != nil {
		t.Fatal(err)
	}
	c.within(t, func(tx *postgres.Tx) error {
		user := func(u account.User) account.User {
			u, err := r.PutUser(t.Context(), tx, u, password)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		place := func(p account.Place) account.Place {
			p, err := r.PutPlace(t.Context(), tx, p)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		c.admin = user(account.User{
			Login: "Boss", NameZH: "老板",
			Grants: []identity.Grant{{Role: identity.Admin, Scope: identity.ScopeOrg}},
		})
		c.north = place(account.Place{Kind: identity.ScopeRegion, NameZH: "华北"})
		c.south = place(account.Place{Kind: identity.ScopeRegion, NameZH: "华南"})
		c.team = place(account.Place{Kind: identity.ScopeTeam, NameZH: "朝阳一组", Region: c.north.ID})
		c.shop = place(account.Place{
			Kind: identity.ScopeStore, NameZH: "国贸店", Region: c.north.ID,
			At: &account.Point{Latitude: 39.91, Longitude: 116.46},
		})
		c.dispatcher = user(account.User{
			Login: "dispatch", NameZH: "调度",
			Grants: []identity.Grant{{Role: identity.Dispatcher, Scope: identity.ScopeRegion, ID: c.north.ID}},
		})
		c.tech = user(account.User{
			Login: "li", NameZH: "李师傅", NameEN: "Li",
			Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
			Technician: &account.Technician{
				Badge: "B001", Region: c.north.ID, Teams: []uuid.UUID{c.team.ID},
				Skills: []string{"water_heater"}, DailyCapacity: 6,
			},
		})
		c.clerk = user(account.User{
			Login: "clerk", NameZH: "店员",
			Grants: []identity.Grant{{Role: identity.Clerk, Scope: identity.ScopeStore, ID: c.shop.ID}},
		})
		return nil
	})
}

func (c *company) within(t *testing.T, fn func(*postgres.Tx) error) {
	t.Helper()
	if err := c.Rooms.Store.Transact(t.Context(), change.Org(c.org.ID), fn); err != nil {
		t.Fatal(err)
	}
}

func (c company) auth() accountv1connect.AuthServiceClient {
	return accountv1connect.NewAuthServiceClient(http.DefaultClient, c.URL())
}

func (c company) accounts() accountv1connect.AccountServiceClient {
	return accountv1connect.NewAccountServiceClient(http.DefaultClient, c.URL())
}

func (c company) sync() syncv1connect.SyncServiceClient {
	return syncv1connect.NewSyncServiceClient(http.DefaultClient, c.URL())
}

// phone enrols a device for the user by a code.
func (c company) phone(t *testing.T, user account.User) *accountv1.EnrolDeviceResponse {
	t.Helper()
	code, _, err := c.Rooms.Account.NewCode(t.Context(), c.org.ID, user.ID)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.auth().EnrolDevice(t.Context(),
		with(&accountv1.EnrolDeviceRequest{Code: strings.ToLower(code), DeviceName: "phone"}, ""))
	if err != nil {
		t.Fatal(err)
	}
	return res.Msg
}

// console signs a user in by password and gives the access token.
func (c company) console(t *testing.T, login string) string {
	t.Helper()
	res, err := c.auth().LogIn(t.Context(),
		with(&accountv1.LogInRequest{Org: c.org.Slug, Login: login, Password: password}, ""))
	if err != nil {
		t.Fatal(err)
	}
	return res.Msg.GetTokens().GetAccess()
}

func with[T any](m *T, token string) *connect.Request[T] {
	r := connect.NewRequest(m)
	if token != "" {
		r.Header().Set("Authorization", "Bearer "+token)
	}
	return r
}

// codeOf reads the code from the problem that an error carries.
func codeOf(t *testing.T, err error) fault.Code {
	t.Helper()
	if err == nil {
		return ""
	}
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
			return fault.Code(p.GetCode())
		}
	}
	t.Fatalf("error %v carries no problem", err)
	return ""
}

func want(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if got := codeOf(t, err); got != code {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, code)
	}
}

func mutation(seq uint64, kind string) *syncv1.PushRequest {
	id := uuid.Must(uuid.NewV7())
	return &syncv1.PushRequest{Mutations: []*syncv1.Mutation{{
		Sequence: seq, Id: id[:], Kind: kind,
		DeviceTime: timestamppb.Now(),
	}}}
}

func TestAPhoneEnrolsByCodeAndReceivesItsProfile(t *testing.T) {
	t.Parallel()
	c := open(t)
	p := c.phone(t, c.tech)
	if p.GetOrgName() != "上门示范" || p.GetUserName() != "李师傅" {
		t.Errorf("greeted as %s of %s", p.GetUserName(), p.GetOrgName())
	}
	res, err := c.sync().Pull(t.Context(), with(&syncv1.PullRequest{}, p.GetTokens().GetAccess()))
	if err != nil {
		t.Fatal(err)
	}
	var profile fieldv1.Profile
	keys := map[string]bool{}
	feeds := map[string]bool{}
	for _, f := range res.Msg.GetFeeds() {
		feeds[f.GetFeed()] = true
		for _, e := range f.GetEntries() {
			switch fieldv1.EntityKind(e.GetKind()) {
			case fieldv1.EntityKind_ENTITY_KIND_PROFILE:
				if err := proto.Unmarshal(e.GetBody(), &profile); err != nil {
					t.Fatal(err)
				}
			case fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY:
				var k fieldv1.VerifyKey
				if err := proto.Unmarshal(e.GetBody(), &k); err != nil {
					t.Fatal(err)
				}
				keys[k.GetUse()] = true
			}
		}
	}
	if profile.GetName() != "李师傅" || profile.GetRegionName() != "华北" || len(profile.GetTeams()) != 1 ||
		profile.GetTeams()[0].GetName() != "朝阳一组" {
		t.Errorf("profile %v", &profile)
	}
	if !keys["code"] || !keys["receipt"] {
		t.Errorf("public keys of uses %v", keys)
	}
	if !feeds["tech:"+c.tech.ID.String()] || !feeds["org:"+c.org.ID.String()] {
		t.Errorf("feeds %v", feeds)
	}
}

func TestAnEnrolmentCodeLetsInOnce(t *testing.T) {
	t.Parallel()
	c := open(t)
	code, _, err := c.Rooms.Account.NewCode(t.Context(), c.org.ID, c.tech.ID)
	if err != nil {
		t.Fatal(err)
	}
	enrol := func(code, name string) (*accountv1.EnrolDeviceResponse, error) {
		res, err := c.auth().EnrolDevice(t.Context(), with(&accountv1.EnrolDeviceRequest{Code: code, DeviceName: name}, ""))
		if err != nil {
			return nil, err
		}
		return res.Msg, nil
	}
	first, err := enrol(code, "phone")
	if err != nil {
		t.Fatal(err)
	}
	again, err := enrol(code, "phone")
	if err != nil || string(again.GetDeviceId()) != string(first.GetDeviceId()) ||
		again.GetTokens().GetRefresh() != first.GetTokens().GetRefresh() {
		t.Errorf("the phone whose answer was lost got %v %v", again, err)
	}
	_, err = enrol(code, "another phone")
	want(t, "another phone with the same code", err, fault.EnrolmentInvalid)
	if _, err := c.auth().RefreshToken(t.Context(),
		with(&accountv1.RefreshTokenRequest{Refresh: first.GetTokens().GetRefresh()}, "")); err != nil {
		t.Fatal(err)
	}
	_, err = enrol(code, "phone")
	want(t, "a code whose tokens were used", err, fault.EnrolmentInvalid)

	late, _, err := c.Rooms.Account.NewCode(t.Context(), c.org.ID, c.tech.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.clock.Advance(account.EnrolmentLife + time.Minute)
	_, err = enrol(late, "phone")
	want(t, "an expired code", err, fault.EnrolmentInvalid)
	_, err = enrol(account.NewEnrolmentCode(), "phone")
	want(t, "a code that nobody made", err, fault.EnrolmentInvalid)
}

func TestRefreshingSurvivesLostAnswersAndEndsWithATheft(t *testing.T) {
	t.Parallel()
	c := open(t)
	p := c.phone(t, c.tech)
	refresh := func(token string) (*accountv1.Tokens, error) {
		res, err := c.auth().RefreshToken(t.Context(), with(&accountv1.RefreshTokenRequest{Refresh: token}, ""))
		if err != nil {
			return nil, err
		}
		return res.Msg.GetTokens(), nil
	}
	pull := func(token string) error {
		_, err := c.sync().Pull(t.Context(), with(&syncv1.PullRequest{}, token))
		return err
	}
	c.clock.Advance(time.Hour)
	want(t, "an access token past its time", pull(p.GetTokens().GetAccess()), fault.TokenExpired)

	one := p.GetTokens().GetRefresh()
	lost, err := refresh(one)
	if err != nil {
		t.Fatal(err)
	}
	c.clock.Advance(time.Hour)
	two, err := refresh(one) // the answer was lost; an hour later the phone asks again
	if err != nil {
		t.Fatalf("locked out by a lost answer: %v", err)
	}
	want(t, "pull", pull(two.GetAccess()), "")
	three, err := refresh(two.GetRefresh())
	if err != nil {
		t.Fatal(err)
	}
	_, err = refresh(lost.GetRefresh()) // somebody else has the answer that was "lost"
	want(t, "a dead token", err, fault.RefreshInvalid)
	want(t, "pull after the theft was seen", pull(three.GetAccess()), fault.DeviceRevoked)
	_, err = refresh("garbage")
	want(t, "garbage", err, fault.RefreshInvalid)
}

func TestATokenThatIsRotatedInStepWithThePhoneEndsTheDevice(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, theirs := range map[string]string{"with a word of their own": "another 16 bytes", "without a word": ""} {
		p := c.phone(t, c.tech)
		refresh := func(token, word string) (*accountv1.Tokens, error) {
			res, err := c.auth().RefreshToken(t.Context(),
				with(&accountv1.RefreshTokenRequest{Refresh: token, Attempt: []byte(word)}, ""))
			if err != nil {
				return nil, err
			}
			return res.Msg.GetTokens(), nil
		}
		first := p.GetTokens().GetRefresh()
		one, err := refresh(first, "16 bytes that are")
		if err != nil {
			t.Fatal(err)
		}
		// The phone lost the answer: the same word, the same successor.
		again, err := refresh(first, "16 bytes that are")
		if err != nil || again.GetRefresh() != one.GetRefresh() {
			t.Fatalf("%s: locked out by a lost answer: %v", name, err)
		}
		_, err = refresh(first, theirs)
		want(t, name, err, fault.RefreshInvalid)
		_, err = c.sync().Pull(t.Context(), with(&syncv1.PullRequest{}, one.GetAccess()))
		want(t, "pull after the theft was seen "+name, err, fault.DeviceRevoked)
	}
}

func TestATokenThatIsNewerThanTheDatabaseWaitsForTheRestoreToBeDeclared(t *testing.T) {
	t.Parallel()
	c := open(t)
	p := c.phone(t, c.tech)
	device := uuid.UUID(p.GetDeviceId())
	var generation int64
	var salt, next []byte
	err := c.db.Owner.QueryRow(t.Context(), `SELECT generation, salt, next_salt FROM token_family
		WHERE id = $1`, device).Scan(&generation, &salt, &next)
	if err != nil {
		t.Fatal(err)
	}
	refresh := func(token string) (*accountv1.Tokens, error) {
		res, err := c.auth().RefreshToken(t.Context(), with(&accountv1.RefreshTokenRequest{Refresh: token}, ""))
		if err != nil {
			return nil, err
		}
		return res.Msg.GetTokens(), nil
	}
	held := p.GetTokens()
	for range 3 {
		if held, err = refresh(held.GetRefresh()); err != nil {
			t.Fatal(err)
		}
	}
	// The line is what it was in the backup.
	if _, err := c.db.Owner.Exec(t.Context(), `UPDATE token_family SET generation = $2, salt = $3, next_salt = $4
		WHERE id = $1`, device, generation, salt, next); err != nil {
		t.Fatal(err)
	}
	_, err = refresh(held.GetRefresh())
	want(t, "before the restore is declared", err, fault.RefreshInvalid)
	_, err = c.sync().Pull(t.Context(), with(&syncv1.PullRequest{}, held.GetAccess()))
	want(t, "the device is not revoked for it", err, "")
	c.clock.Advance(time.Minute)
	if err := postgres.NewGeneration(t.Context(), c.db.Owner, c.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if held, err = refresh(held.GetRefresh()); err != nil {
		t.Fatalf("locked out although the restore is declared: %v", err)
	}
	if _, err = refresh(held.GetRefresh()); err != nil {
		t.Error(err)
	}
}

func TestARevokedDeviceIsToldAtOnceAndItsWorkIsKept(t *testing.T) {
	t.Parallel()
	c := open(t)
	p := c.phone(t, c.tech)
	token := p.GetTokens().GetAccess()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watch, err := c.sync().Watch(ctx, with(&syncv1.WatchRequest{}, token))
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	if !watch.Receive() {
		t.Fatal(watch.Err())
	}
	boss := c.console(t, "boss")
	if _, err := c.accounts().RevokeDevice(t.Context(),
		with(&accountv1.RevokeDeviceRequest{DeviceId: p.GetDeviceId()}, boss)); err != nil {
		t.Fatal(err)
	}
	code := ""
	for watch.Receive() {
		if g := watch.Msg().GetGoodbye(); g != nil {
			code = g.GetCode()
		}
	}
	if code != string(fault.DeviceRevoked) {
		t.Errorf("the stream ended with %q, %v", code, watch.Err())
	}
	_, err = c.sync().Pull(t.Context(), with(&syncv1.PullRequest{}, token))
	want(t, "pull", err, fault.DeviceRevoked)
	res, err := c.sync().Push(t.Context(), with(mutation(1, "visit.accept"), token))
	if err != nil {
		t.Fatalf("unsent work was refused: %v", err)
	}
	if v := res.Msg.GetVerdicts()[0]; v.GetOutcome() != syncv1.Outcome_OUTCOME_PARKED ||
		v.GetCode() != string(fault.DeviceRevoked) || len(v.GetReceipt()) == 0 {
		t.Errorf("verdict %v", v)
	}
	// Unsent work may take days to arrive: the tokens go on, for that alone.
	c.clock.Advance(24 * time.Hour)
	next, err := c.auth().RefreshToken(t.Context(),
		with(&accountv1.RefreshTokenRequest{Refresh: p.GetTokens().GetRefresh()}, ""))
	if err != nil {
		t.Fatal(err)
	}
	token = next.Msg.GetTokens().GetAccess()
	if _, err := c.sync().Push(t.Context(), with(mutation(2, "visit.accept"), token)); err != nil {
		t.Errorf("a day later: %v", err)
	}
	_, err = c.accounts().GetMe(t.Context(), with(&accountv1.GetMeRequest{}, token))
	want(t, "anything else", err, fault.DeviceRevoked)
	c.clock.Advance(account.EvidenceLife)
	_, err = c.auth().RefreshToken(t.Context(),
		with(&accountv1.RefreshTokenRequest{Refresh: next.Msg.GetTokens().GetRefresh()}, ""))
	want(t, "a season later", err, fault.RefreshInvalid)
}
