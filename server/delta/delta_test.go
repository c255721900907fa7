package delta_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// trade is the toy trade on the real store.
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
		ON CONFLICT (org_id, id)
		DO UPDATE SET holder = $3, count = $4, version = $5`, tx.OrgID(), i.ID, i.Holder, i.Count, i.Version)
	return err
}

func (trade) Place(tx *postgres.Tx, e change.Entity, in ...feed.Placement) {
	tx.Place(e.Kind, e.ID, in...)
}

func (trade) Subscribe(ctx context.Context, tx *postgres.Tx, u change.User, feeds ...change.FeedID) error {
	return tx.Subscribe(ctx, u, feeds...)
}

// desk is the service with one technician's device, called without a wire.
type desk struct {
	*delta.Service
	t     *testing.T
	trade trade
	who   identity.Identity
	item  uuid.UUID
	at    time.Time
	db    *pgtest.DB

	others others
}

// others are the neighbours: everybody may decide, nobody listens for topics.
type others struct {
	revoked atomic.Pointer[func() (bool, error)] // nil revokes nobody
}

func (o *others) Revoked(context.Context, identity.Identity) (bool, error) {
	if is := o.revoked.Load(); is != nil {
		return (*is)()
	}
	return false, nil
}

func (*others) MayHear(context.Context, identity.Identity, string) bool { return false }

func (*others) Oversees(context.Context, *postgres.Tx, identity.Reach) (func(uuid.UUID) (bool, error), error) {
	return func(uuid.UUID) (bool, error) { return true, nil }, nil
}

func (*others) NameOf(context.Context, *postgres.Tx, change.User) (string, error) { return "", nil }

func (*others) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return time.UTC, nil }

// revoke has every device be as fn says from now on.
func (d *desk) revoke(fn func() (bool, error)) { d.others.revoked.Store(&fn) }

func open(t *testing.T) *desk {
	t.Helper()
	db := pgtest.New(t)
	_, err := db.Owner.Exec(t.Context(), `
		CREATE TABLE toy (org_id uuid, id uuid, holder uuid NOT NULL, count bigint NOT NULL, version bigint NOT NULL,
		PRIMARY KEY (org_id, id));
		GRANT ALL ON toy TO doorstep_app`)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	hub := &watch.Hub{}
	t.Cleanup(hub.Close)
	d := &desk{
		t: t, trade: trade{&postgres.Store{Pool: db.App, Now: time.Now, Poker: postgres.NewPoker(hub, db.App, log)}},
		who: identity.Identity{
			Org: uuid.New(), User: uuid.New(),
			Device: uuid.New(),
		}.Holding(identity.Grant{Role: identity.Technician, Scope: identity.ScopeSelf}),
		item: uuid.New(), at: time.Now(), db: db,
	}
	d.Service = delta.New(delta.Config{
		Store: d.trade.Store, Hub: hub, Log: log, Heartbeat: time.Minute, MaxAge: time.Hour, MaxWatches: 10, KeepDays: 14,
		Intake: &intake.Intake[*postgres.Tx]{
			Store: d.trade.Store, Mutators: synctest.Mutators[*postgres.Tx](d.trade), Now: time.Now, MaxAhead: 10 * time.Minute,
			Signer:   change.Ed25519Signer{KeyID: "k", Key: ed25519.NewKeyFromSeed(make([]byte, 32))},
			Panicked: func(change.Mutation, any, []byte) {},
		},
	}, &d.others, &d.others)
	d.office(func(ctx context.Context, tx *postgres.Tx) error {
		if err := tx.Subscribe(ctx, change.User(d.who.User), synctest.FeedOf(d.who.User)); err != nil {
			return err
		}
		return synctest.Change(ctx, d.trade, tx, d.item, func(i *synctest.Item) { i.Holder = d.who.User })
	})
	return d
}

func (d *desk) office(fn func(ctx context.Context, tx *postgres.Tx) error) {
	d.t.Helper()
	err := d.Store.Transact(d.t.Context(),
		change.Org(d.who.Org), func(tx *postgres.Tx) error { return fn(d.t.Context(), tx) })
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) ctx() context.Context { return identity.With(d.t.Context(), d.who) }

func (d *desk) mutation(seq uint64, kind string) *syncv1.Mutation {
	id := uuid.Must(uuid.NewV7())
	return &syncv1.Mutation{
		Sequence: seq, Id: id[:], Kind: kind, Args: synctest.Args{Item: d.item}.Encode(), DeviceTime: timestamppb.New(d.at),
	}
}

func (d *desk) push(ms ...*syncv1.Mutation) (*syncv1.PushResponse, error) {
	res, err := d.Push(d.ctx(), connect.NewRequest(&syncv1.PushRequest{Mutations: ms, HeldFrom: 1}))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

func (d *desk) pull(in *syncv1.PullRequest) *syncv1.PullResponse {
	d.t.Helper()
	res, err := d.Pull(d.ctx(), connect.NewRequest(in))
	if err != nil {
		d.t.Fatal(err)
	}
	return res.Msg
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestOnlyEnrolledDevicesThatAreInServiceRead(t *testing.T) {
	t.Parallel()
	d := open(t)
	pull := func(ctx context.Context) error {
		_, err := d.Pull(ctx, connect.NewRequest(&syncv1.PullRequest{}))
		return err
	}
	wantCode(t, pull(t.Context()), fault.Unauthenticated)
	console := d.who
	console.Device = uuid.Nil
	wantCode(t, pull(identity.With(t.Context(), console)), fault.Forbidden)
	d.revoke(func() (bool, error) { return true, nil })
	wantCode(t, pull(d.ctx()), fault.DeviceRevoked)
	// Its work is still taken, as evidence.
	res, err := d.push(d.mutation(1, "add"))
	if err != nil || res.Verdicts[0].Outcome != syncv1.Outcome_OUTCOME_PARKED ||
		res.Verdicts[0].Code != string(fault.DeviceRevoked) {
		t.Errorf("%v %v", res, err)
	}
}

func TestAPushSaysEverythingThatPROTOCOLPromises(t *testing.T) {
	t.Parallel()
	d := open(t)
	ms := []*syncv1.Mutation{d.mutation(1, "add"), d.mutation(2, "dance"), d.mutation(3, "refuse"), d.mutation(4, "add")}
	ms[3].DeviceTime = timestamppb.New(time.Now().Add(time.Hour))
	res, err := d.push(ms...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		outcome syncv1.Outcome
		code    fault.Code
	}{
		{syncv1.Outcome_OUTCOME_APPLIED, ""},
		{syncv1.Outcome_OUTCOME_PARKED, fault.MutationUnknown},
		{syncv1.Outcome_OUTCOME_REJECTED, fault.StateForbids},
		{syncv1.Outcome_OUTCOME_PARKED, fault.DeviceTimeFuture},
	} {
		v := res.Verdicts[i]
		if v.Outcome != want.outcome || v.Code != string(want.code) || v.Sequence != uint64(i+1) ||
			string(v.Id) != string(ms[i].Id) {
			t.Errorf("%d: %v", i+1, v)
		}
		if (v.Code == "") != (v.English == "" && v.Chinese == "") || len(v.Receipt) == 0 || v.Key != "k" ||
			v.ServerTime == nil {
			t.Errorf("%d: %v", i+1, v)
		}
	}
	if res.LastSequence != 4 || res.KeepDays != 14 || res.ServerTime == nil {
		t.Errorf("%v", res)
	}
}

func TestWhatNoClientCanMeanIsRefusedWhole(t *testing.T) {
	t.Parallel()
	d := open(t)
	for name, spoil := range map[string]func(*syncv1.Mutation){
		"no id":            func(m *syncv1.Mutation) { m.Id = nil },
		"id of zeros":      func(m *syncv1.Mutation) { m.Id = make([]byte, 16) },
		"NUL in the kind":  func(m *syncv1.Mutation) { m.Kind = "add\x00" },
		"sequence too far": func(m *syncv1.Mutation) { m.Sequence = 1 << 63 },
		"no time":          func(m *syncv1.Mutation) { m.DeviceTime = nil },
		"impossible time":  func(m *syncv1.Mutation) { m.DeviceTime = &timestamppb.Timestamp{Seconds: 1 << 60} },
	} {
		m := d.mutation(1, "add")
		spoil(m)
		if _, err := d.push(m); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := d.push(d.mutation(1, "add"), d.mutation(3, "add"))
	wantCode(t, err, fault.InvalidArgument)
	_, err = d.push(d.mutation(2, "add"))
	wantCode(t, err, fault.SequenceGap)
	if p := d.pull(&syncv1.PullRequest{}); p.LastSequence != 0 {
		t.Errorf("something was taken in: %d", p.LastSequence)
	}
}

func TestAfterARestoreADeviceThatTheBackupNeverHeardOfIsBelieved(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]uint64{
		"an app that does not say what it holds": 0,
		"one that holds all from here on":        8,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			if err := postgres.NewGeneration(t.Context(), d.db.Owner, time.Now()); err != nil {
				t.Fatal(err)
			}
			d.pull(&syncv1.PullRequest{Unsent: 1})
			for _, seq := range []uint64{8, 9} {
				req := &syncv1.PushRequest{Mutations: []*syncv1.Mutation{d.mutation(seq, "add")}, HeldFrom: held}
				if _, err := d.Push(d.ctx(), connect.NewRequest(req)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := d.Push(d.ctx(),
				connect.NewRequest(&syncv1.PushRequest{Mutations: []*syncv1.Mutation{d.mutation(12, "add")}}))
			wantCode(t, err, fault.SequenceGap)
		})
	}
	d := open(t) // nothing was restored: a gap is a gap
	_, err := d.Push(d.ctx(), connect.NewRequest(&syncv1.PushRequest{Mutations: []*syncv1.Mutation{d.mutation(8, "add")}}))
	wantCode(t, err, fault.SequenceGap)
}

func TestAPushThatMeetsARetiredKindTakesWhatIsBeforeIt(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.Intake.Retired = map[string]bool{"pair": true}
	ms := []*syncv1.Mutation{d.mutation(1, "add"), d.mutation(2, "pair"), d.mutation(3, "add")}
	res, err := d.push(ms...)
	if err != nil || len(res.Verdicts) != 1 || res.LastSequence != 1 {
		t.Fatal(res, err)
	}
	_, err = d.push(ms[1:]...)
	wantCode(t, err, fault.ClientTooOld)
}

func TestAPullSpeaksOfChangesOnceAndThenOfNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	p := d.pull(&syncv1.PullRequest{Unsent: 7})
	own := synctest.FeedOf(d.who.User).String()
	if len(p.Feeds) != 1 || p.Feeds[0].Feed != own || !p.Feeds[0].Reset_ || len(p.Feeds[0].Entries) != 1 ||
		len(p.Cursor) == 0 {
		t.Fatal(p)
	}
	if c := p.Checkpoint.GetFeeds(); len(c) != 1 || c[0].Count != 1 || c[0].Sequence != 1 ||
		c[0].Digest != uint64(change.DigestOf(change.Entity{Kind: synctest.ItemKind, ID: d.item}, 1)) {
		t.Error(p.Checkpoint)
	}
	d.pull(&syncv1.PullRequest{Cursor: p.Cursor, Unsent: math.MaxUint32})
	again := d.pull(&syncv1.PullRequest{Cursor: p.Cursor, Unsent: 7})
	if len(again.Feeds) != 0 || len(again.Cursor) != 0 || again.Checkpoint == nil || len(again.Checkpoint.Feeds) != 0 {
		t.Error(again)
	}
	repaired := d.pull(&syncv1.PullRequest{Cursor: p.Cursor, ResetFeeds: []string{own, "tech:" + uuid.NewString()}})
	if len(repaired.Feeds) != 1 || !repaired.Feeds[0].Reset_ || len(repaired.Checkpoint.GetFeeds()) != 1 {
		t.Error(repaired)
	}
	for _, bad := range []*syncv1.PullRequest{{Cursor: []byte("nonsense")}, {ResetFeeds: []string{"no feed"}}} {
		_, err := d.Pull(d.ctx(), connect.NewRequest(bad))
		if code := fault.CodeOf(err); code != fault.CursorMalformed && code != fault.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
	var unsent int
	d.office(func(ctx context.Context, tx *postgres.Tx) error {
		return tx.QueryRow(ctx, `SELECT unsent FROM sync_device
			WHERE org_id = $1 AND device_id = $2`, tx.OrgID(), d.who.Device).Scan(&unsent)
	})
	if unsent != 0 {
		t.Errorf("the office reads %d unsent, the device last said 0", unsent)
	}
	d.office(func(ctx context.Context, tx *postgres.Tx) error { return tx.Subscribe(ctx, change.User(d.who.User)) })
	if gone := d.pull(&syncv1.PullRequest{Cursor: p.Cursor}); len(gone.DroppedFeeds) != 1 || gone.DroppedFeeds[0] != own {
		t.Error(gone)
	}
}

func TestWhatOneCompanysDeviceSaysKeepsNobodyElsesFromBeingWritten(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := &delta.Contacts{Store: d.Store, Log: d.Log}
	for range 8 { // the border refuses a NUL; this stands for whatever else a database does not take
		c.Pulled(change.Org(uuid.New()), change.Device(uuid.New()), &syncv1.PullRequest{AppVersion: "\x00"}, nil, d.at)
	}
	c.Pulled(change.Org(d.who.Org), change.Device(d.who.Device), &syncv1.PullRequest{AppVersion: "app/9"}, nil, d.at)
	if err := c.Flush(t.Context()); err == nil {
		t.Error("nobody is told that something was not written")
	}
	d.office(func(ctx context.Context, tx *postgres.Tx) error {
		r, err := tx.Reported(ctx, change.Device(d.who.Device))
		if r.AppVersion != "app/9" {
			t.Errorf("the others' contact is lost: %+v", r)
		}
		return err
	})
}

func TestParkedWorkIsListedReplayedAndDismissedOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	if _, err := d.push(d.mutation(1, "dance"), d.mutation(2, "dance")); err != nil {
		t.Fatal(err)
	}
	_, err := d.ListParked(d.ctx(), connect.NewRequest(&syncv1.ListParkedRequest{}))
	wantCode(t, err, fault.Forbidden)
	d.who = d.who.Holding(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeOrg})
	list, err := d.ListParked(d.ctx(), connect.NewRequest(&syncv1.ListParkedRequest{}))
	if err != nil || len(list.Msg.Parked) != 2 {
		t.Fatal(list, err)
	}
	first, second := list.Msg.Parked[0].Id, list.Msg.Parked[1].Id
	d.Intake.Mutators["dance"] = d.Intake.Mutators["add"] // the server learned it
	replayed, err := d.ReplayParked(d.ctx(), connect.NewRequest(&syncv1.ReplayParkedRequest{Id: first}))
	if err != nil || replayed.Msg.Verdict.Outcome != syncv1.Outcome_OUTCOME_APPLIED {
		t.Fatal(replayed, err)
	}
	_, err = d.ReplayParked(d.ctx(), connect.NewRequest(&syncv1.ReplayParkedRequest{Id: first}))
	wantCode(t, err, fault.AlreadyDecided)
	for reason, want := range map[string]fault.Code{
		" \n":                    fault.InvalidArgument,
		strings.Repeat("长", 501): fault.InvalidArgument, "\x1b[2J": fault.TextUnprintable,
	} {
		_, err := d.DismissParked(d.ctx(), connect.NewRequest(&syncv1.DismissParkedRequest{Id: second, Reason: reason}))
		wantCode(t, err, want)
	}
	if _, err := d.DismissParked(d.ctx(),
		connect.NewRequest(&syncv1.DismissParkedRequest{Id: second, Reason: "twice"})); err != nil {
		t.Fatal(err)
	}
	list, err = d.ListParked(d.ctx(), connect.NewRequest(&syncv1.ListParkedRequest{}))
	if err != nil || len(list.Msg.Parked) != 0 {
		t.Error(list, err)
	}
}

func TestWorkThatIsStillToComeParksAgainUntilItsTimeIsDecided(t *testing.T) {
	t.Parallel()
	d := open(t)
	m := d.mutation(1, "add")
	m.DeviceTime = timestamppb.New(time.Now().AddDate(1, 0, 0))
	if _, err := d.push(m); err != nil {
		t.Fatal(err)
	}
	d.who = d.who.Holding(identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeOrg})
	replay := func() *syncv1.Verdict {
		t.Helper()
		res, err := d.ReplayParked(d.ctx(), connect.NewRequest(&syncv1.ReplayParkedRequest{Id: m.Id}))
		if err != nil {
			t.Fatal(err)
		}
		return res.Msg.Verdict
	}
	if v := replay(); v.Outcome != syncv1.Outcome_OUTCOME_PARKED || v.Code != string(fault.DeviceTimeFuture) {
		t.Errorf("replayed: %v", v)
	}
	edit := &syncv1.EditParkedRequest{Id: m.Id, DoneAt: timestamppb.New(time.Now().Add(-time.Hour))}
	if _, err := d.EditParked(d.ctx(), connect.NewRequest(edit)); err != nil {
		t.Fatal(err)
	}
	if v := replay(); v.Outcome != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("replayed at the time decided: %v", v)
	}
}

func TestParkedWorkIsListedInAnswersThatFitHoweverLargeItIs(t *testing.T) {
	t.Parallel()
	d := open(t)
	const n, each = 20, 400 << 10
	want := make([][]byte, n)
	for i := range want {
		m := d.mutation(uint64(i+1), "no.such.kind")
		m.Args, want[i] = make([]byte, each), m.Id
		if _, err := d.push(m); err != nil {
			t.Fatal(err)
		}
	}
	d.who = d.who.Holding(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg})
	var got [][]byte
	for req := (&syncv1.ListParkedRequest{Limit: 15}); ; req.After = got[len(got)-1] {
		res, err := d.ListParked(d.ctx(), connect.NewRequest(req))
		if err != nil {
			t.Fatal(err)
		}
		if size := proto.Size(res.Msg); len(res.Msg.Parked) == 0 || size > 4<<20 {
			t.Fatalf("%d entries of %d bytes", len(res.Msg.Parked), size)
		}
		for _, p := range res.Msg.Parked {
			if got = append(got, p.Id); len(p.Mutation.Args) != each {
				t.Errorf("%d bytes came of %d", len(p.Mutation.Args), each)
			}
		}
		if !res.Msg.More {
			break
		}
	}
	slices.SortFunc(want, bytes.Compare)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d entries were listed, in order, of %d", len(got), n)
	}
}
