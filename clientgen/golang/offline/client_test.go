package offline_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

func TestWhatIsDoneShowsAtOnceAndIsSafeOnceSigned(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.sync()
	if err := p.Store.SetOffline(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	m := p.do("add", synctest.Args{Item: items[0]})
	if got := p.shown()[items[0]]; got != 1 {
		t.Errorf("shown %d", got)
	}
	if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.PhoneOffline {
		t.Errorf("offline: %v", err)
	}
	if u, err := p.Store.Unsent(t.Context()); err != nil || u.Mutations != 1 {
		t.Error(u, err)
	}
	if err := p.Store.Logout(t.Context()); offline.CodeOf(err) != fault.UnsentWork {
		t.Errorf("logout: %v", err)
	}
	if err := p.Store.SetOffline(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if r := p.sync(); r.Pushed != 1 {
		t.Error(r)
	}
	a, err := p.Store.Action(t.Context(), m.ID)
	if err != nil || a.Verdict.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED || !a.Covered {
		t.Fatal(a, err)
	}
	err = p.Store.Read(t.Context(), func(v *offline.View) error {
		if got := v.CheckReceipt(o.org, a); got != offline.ReceiptGood {
			t.Errorf("receipt %d", got)
		}
		a.Args = append(a.Args, ' ')
		if got := v.CheckReceipt(o.org, a); got != offline.ReceiptBad {
			t.Errorf("receipt of other arguments: %d", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := o.count(t, items[0]); got != 1 || p.shown()[items[0]] != 1 {
		t.Errorf("office %d, phone %d", got, p.shown()[items[0]])
	}
	if err := p.Store.Logout(t.Context()); err != nil || len(p.shown()) != 0 {
		t.Error(err, p.shown())
	}
}

// onTheWay lets something happen when a request to a procedure leaves the phone.
type onTheWay func(procedure string)

// RoundTrip implements http.RoundTripper.
func (f onTheWay) RoundTrip(r *http.Request) (*http.Response, error) {
	f(path.Base(r.URL.Path))
	return http.DefaultTransport.RoundTrip(r)
}

func TestWhatIsDoneWhileAPullIsUnderWayShowsUntilItsOwnVerdict(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	var p *phone
	var pulling func()
	p = o.phone(t, user, onTheWay(func(procedure string) {
		if f := pulling; procedure == "Pull" && f != nil {
			pulling = nil
			f()
		}
		if procedure == "Push" && pulling == nil && p.shown()[items[0]] != 2 {
			t.Errorf("before it is sent the phone shows %d", p.shown()[items[0]])
		}
	}))
	pulling = func() {}
	p.sync()
	p.do("add", synctest.Args{Item: items[0]})
	pulling = func() { p.do("add", synctest.Args{Item: items[0]}) }
	p.sync() // its checkpoint has the first, and not the second
	if got := p.shown()[items[0]]; got != 2 {
		t.Errorf("the phone shows %d", got)
	}
	p.sync()
	if got := o.count(t, items[0]); got != 2 || p.shown()[items[0]] != 2 {
		t.Errorf("office %d, phone %d", got, p.shown()[items[0]])
	}
}

func TestWhatTheOfficeDidNotDoNeedsAttentionAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.sync()
	foreign := uuid.New()
	o.give(t, foreign, uuid.New())
	p.do("add", synctest.Args{Item: foreign})
	p.do("panic", synctest.Args{Item: items[0]})
	p.do("nobody knows this", synctest.Args{})
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	found, err := p.Store.Attention(t.Context())
	if err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	for i, want := range []fault.Code{fault.NotAssigned, fault.MutationPanicked, fault.MutationUnknown} {
		if got := found[i].Verdict.GetCode(); got != string(want) || found[i].Verdict.GetChinese() == "" {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
		if err := p.Store.MarkSeen(t.Context(), found[i].ID); err != nil {
			t.Error(err)
		}
	}
	if found, err = p.Store.Attention(t.Context()); err != nil || len(found) != 0 {
		t.Error(found, err)
	}
	if p.shown()[items[0]] != 1 {
		t.Error(p.shown())
	}
}

func TestAnExpiredTokenIsRenewedAndSaysNothingAboutTheWork(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.sync()
	o.expire()
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	if o.renewed != 1 || o.count(t, items[0]) != 1 {
		t.Errorf("renewed %d, counted %d", o.renewed, o.count(t, items[0]))
	}
	// The login ends: nothing is sent, everything is kept, capturing goes on.
	o.expire()
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	p.do("add", synctest.Args{Item: items[0]})
	if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.RefreshInvalid {
		t.Errorf("got %v", err)
	}
	p.do("add", synctest.Args{Item: items[0]})
	if d, err := p.Store.Device(t.Context()); err != nil || d.Ended != string(fault.RefreshInvalid) {
		t.Error(d, err)
	}
	if p.shown()[items[0]] != 3 {
		t.Error(p.shown())
	}
	// Enrolled anew, all of it goes on its way.
	if _, err := p.Enrol(t.Context(), o.url, user.String()); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	o.ended = false
	o.mu.Unlock()
	p.sync()
	if o.count(t, items[0]) != 3 || p.shown()[items[0]] != 3 {
		t.Errorf("counted %d, shown %v", o.count(t, items[0]), p.shown())
	}
}

func TestARevokedDeviceHandsInAndForgets(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 2)
	p := o.phone(t, user, nil)
	p.sync()
	m := p.do("add", synctest.Args{Item: items[0]})
	d, err := p.Store.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	o.revoked[d.ID] = true
	o.mu.Unlock()
	r, err := p.Sync(t.Context())
	if offline.CodeOf(err) != fault.DeviceRevoked || !r.Wiped || r.Pushed != 1 || len(p.shown()) != 0 {
		t.Errorf("%v %+v %v", err, r, p.shown())
	}
	var parked []postgres.Parked
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) (err error) {
		parked, err = tx.ListParked(ctx, postgres.ParkedFilter{}, 10)
		return err
	})
	if len(parked) != 1 || parked[0].Mutation.ID != m.ID || o.count(t, items[0]) != 0 {
		t.Errorf("parked %+v", parked)
	}
	if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.DeviceRevoked {
		t.Error(err)
	}
}

func TestADamagedCopyIsRepairedByItsFeedAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 3)
	common := uuid.New()
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		return synctest.Change(ctx, o.trade, tx, common, func(*synctest.Item) {}, synctest.All)
	})
	p := o.phone(t, user, nil)
	p.sync()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Store.Dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `DELETE FROM entry WHERE id = ?`, items[1][:]); err != nil {
		t.Fatal(err)
	}
	// What the digest cannot see (a body) tells that the other feed is not sent anew.
	if _, err := db.ExecContext(t.Context(), `UPDATE entry SET body = '{"count":77}'
		WHERE feed = ?`, synctest.All.String()); err != nil {
		t.Fatal(err)
	}
	o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
		return synctest.Change(ctx, o.trade, tx, items[0], func(i *synctest.Item) { i.Count = 5 })
	})
	r := p.sync()
	if len(r.Repaired) != 1 || r.Repaired[0] != synctest.FeedOf(user).String() {
		t.Errorf("repaired %v", r.Repaired)
	}
	if got := p.shown(); len(got) != 4 || got[items[0]] != 5 || got[common] != 77 {
		t.Errorf("shown %v", got)
	}
}

// forget puts the office's database back to when only so many of the phone's adds to an item had come.
func (o *office) forget(t testing.TB, p *phone, item uuid.UUID, after int) {
	t.Helper()
	d, err := p.Store.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Only the owner can take a verdict out.
	owner := &postgres.Store{Pool: o.db.Owner, Now: time.Now}
	err = owner.Transact(t.Context(), change.Org(o.org), func(tx *postgres.Tx) error {
		ctx := t.Context()
		for _, s := range []string{
			`DELETE FROM sync_mutation WHERE org_id = $1 AND device_id = $2 AND seq > $3`,
			`UPDATE sync_device SET last_seq = $3 WHERE org_id = $1 AND device_id = $2`,
		} {
			if _, err := tx.Exec(ctx, s, tx.OrgID(), d.ID, after); err != nil {
				return err
			}
		}
		return synctest.Change(ctx, o.trade, tx, item, func(i *synctest.Item) { i.Count = after })
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestARestoredServerGetsAgainWhatItLost(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.do("add", synctest.Args{Item: items[0]})
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	// The office's database comes back as it was before all that, and does not know it.
	o.forget(t, p, items[0], 0)
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	if o.count(t, items[0]) != 3 || p.shown()[items[0]] != 3 {
		t.Errorf("counted %d, shown %v", o.count(t, items[0]), p.shown())
	}
}

func TestARestoreThatIsDeclaredBuriesNothingThatThePhoneStillHas(t *testing.T) {
	t.Parallel()
	for name, unsent := range map[string]int{"with work to send": 1, "with nothing to send": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t)
			user, items := o.worker(t, 1)
			p := o.phone(t, user, nil)
			p.do("add", synctest.Args{Item: items[0]})
			p.do("add", synctest.Args{Item: items[0]})
			p.sync()
			// The server's database is restored as it was after the first, and the operator says so.
			o.forget(t, p, items[0], 1)
			if err := postgres.NewGeneration(t.Context(), o.db.Owner, time.Now()); err != nil {
				t.Fatal(err)
			}
			again := &phone{&offline.Client{Store: p.Store, PageBytes: 300}, t} // the app was started again meanwhile
			for range unsent {
				again.do("add", synctest.Args{Item: items[0]})
			}
			again.sync()
			if want := 2 + unsent; o.count(t, items[0]) != want || again.shown()[items[0]] != want {
				t.Errorf("counted %d, shown %v, want %d", o.count(t, items[0]), again.shown(), want)
			}
		})
	}
}

// Whatever the network does and however often the app is closed: what a person did shows from the moment it was
// done and never flickers, arrives once, and in the end both sides agree.
func TestAnyDayOnABadNetwork(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	rapid.Check(t, func(r *rapid.T) {
		user, items := o.worker(t, 2)
		pair := []uuid.UUID{items[0], uuid.New()}
		o.transact(t, func(ctx context.Context, tx *postgres.Tx) error {
			// Of two feeds; one transaction changes both.
			second := uuid.New()
			if err := o.Subscribe(ctx, tx, change.User(user), synctest.FeedOf(user), synctest.FeedOf(second)); err != nil {
				return err
			}
			return synctest.Change(ctx, o.trade, tx, pair[1], func(i *synctest.Item) { i.Holder = second })
		})
		network := newFaulty(rapid.Uint64().Draw(r, "seed"), 0)
		p := o.phoneIn(t, memoryDir(t), user, network)
		p.sync()
		network.bad = rapid.Float64Range(0, 0.7).Draw(r, "bad")
		mine, both := 0, 0
		check := func() {
			got := p.shown()
			if got[items[1]] != mine || got[pair[0]] != both || got[pair[1]] != both {
				r.Fatalf("shown %v, want mine %d, both %d", got, mine, both)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"add":           func(*rapid.T) { p.do("add", synctest.Args{Item: items[1]}); mine++ },
			"pair":          func(*rapid.T) { p.do("pair", synctest.Args{Item: pair[0], Other: pair[1]}); both++ },
			"sync":          func(*rapid.T) { _, _ = p.Sync(t.Context()) }, // may fail as the network likes
			"token expires": func(*rapid.T) { o.expire() },
			"app is closed and opened": func(*rapid.T) {
				if err := p.Store.Close(); err != nil {
					r.Fatal(err)
				}
				p = o.open(t, p.Store.Dir, network)
			},
			"": func(*rapid.T) { check() },
		})
		network.heal()
		p.sync()
		check()
		u, err := p.Store.Unsent(t.Context())
		if err != nil || !u.Empty() || o.count(t, items[1]) != mine || o.count(t, pair[0]) != both ||
			o.count(t, pair[1]) != both {
			r.Fatalf("unsent %+v, office %d %d %d, want %d %d (%v)", u, o.count(t, items[1]), o.count(t, pair[0]),
				o.count(t, pair[1]), mine, both, err)
		}
		if err := p.Store.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

func TestAWatchHearsAndSendsByItself(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, newFaulty(7, 0.3))
	p.Client.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() } // no wait in tests
	ctx, cancel := context.WithCancel(t.Context())
	changed, connected := make(chan offline.Changed, 1000), make(chan bool, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, nil, func(e offline.Event) {
			if e.Connected != nil {
				connected <- *e.Connected
			}
			if e.Report != nil {
				for _, c := range e.Report.Changed {
					changed <- c
				}
			}
		})
	}()
	<-connected
	other := uuid.New()
	o.give(t, other, user)
	for c := range changed {
		if c.ID == other && c.After != nil {
			break
		}
	}
	p.do("add", synctest.Args{Item: items[0]})
	for c := range changed {
		var i synctest.Item
		if c.ID == items[0] && json.Unmarshal(c.After, &i) == nil && i.Count == 1 {
			break
		}
	}
	o.give(t, other, uuid.New())
	for c := range changed {
		if c.ID == other && c.After == nil {
			break
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := o.count(t, items[0]); got != 1 {
		t.Error(got)
	}
}

func TestALongFirstDownloadComesPackedAndAgrees(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 0)
	want := map[uuid.UUID]int{}
	o.transact(t, func(_ context.Context, tx *postgres.Tx) error {
		for n := range 700 {
			i := synctest.Item{ID: uuid.New(), Holder: user, Count: n}
			body, err := json.Marshal(i)
			if err != nil {
				return err
			}
			want[i.ID] = n
			tx.Place(synctest.ItemKind, i.ID, feed.Placement{Feed: synctest.FeedOf(user), Body: body})
		}
		return nil
	})
	p := o.phone(t, user, nil)
	p.PageBytes = 40 << 10
	if r := p.sync(); len(r.Repaired) != 0 || len(r.Changed) != len(want) {
		t.Errorf("%d changed, repaired %v", len(r.Changed), r.Repaired)
	}
	if got := p.shown(); !maps.Equal(got, want) {
		t.Errorf("%d shown, want %d", len(got), len(want))
	}
}
