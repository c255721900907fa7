package offline_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// database opens the phone's own file beside it.
func (p *phone) database() *sql.DB {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Store.Dir, "store.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = db.Close() })
	return db
}

// age makes it longer ago that the server had a mutation for sure.
func (p *phone) age(id uuid.UUID, by time.Duration) {
	p.t.Helper()
	if _, err := p.database().ExecContext(p.t.Context(), `UPDATE outbox SET known = known - ?
		WHERE id = ?`, by.Microseconds(), id[:]); err != nil {
		p.t.Fatal(err)
	}
}

func TestWhatCameAgainAfterARestoreIsKeptFromThenOn(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	first := p.do("add", synctest.Args{Item: items[0]})
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	p.age(first.ID, 100*time.Hour) // the server wants three days
	for range 2 {                  // from two backups of before it came again
		o.forget(t, p, items[0], 0)
		if err := postgres.NewGeneration(t.Context(), o.db.Owner, time.Now()); err != nil {
			t.Fatal(err)
		}
		p.sync()
		p.sync()
	}
	if _, err := p.Store.Action(t.Context(), first.ID); err != nil || o.count(t, items[0]) != 2 {
		t.Errorf("counted %d (%v)", o.count(t, items[0]), err)
	}
}

func TestThePhotosOfForgottenWorkLeaveTheDiskBeforeTheNextStart(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	p.photo(s, 500)
	p.do("add", synctest.Args{Item: items[0]}) // the newest always stays
	p.sync()
	all, err := p.Store.Actions(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if err := p.Store.MarkSeen(t.Context(), all[0].ID); err != nil {
		t.Fatal(err)
	}
	for round, want := range []int{1, 0} {
		if round > 0 {
			p.age(all[0].ID, 100*time.Hour) // the server wants three days
		}
		p.sync()
		if _, photos := left(t, p, nil); photos != want {
			t.Errorf("%d photos on the disk, want %d", photos, want)
		}
	}
}

func TestWhatNoBackupCanForgetIsForgottenInOrder(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	first := p.do("add", synctest.Args{Item: items[0]})
	p.photo(s, 500)
	refused := p.do("add", synctest.Args{Item: uuid.New()})
	later := p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	all, err := p.Store.Actions(t.Context())
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	old := func(n int) int {
		t.Helper()
		p.sync()
		left, err := p.Store.Actions(t.Context())
		if err != nil || left[len(left)-1].ID != later.ID {
			t.Fatal(left, err)
		}
		if n != len(left) {
			t.Errorf("%d left, want %d", len(left), n)
		}
		return len(left)
	}
	p.age(first.ID, 70*time.Hour)
	old(4) // the server wants three days
	p.age(first.ID, 3*time.Hour)
	old(3)
	for _, a := range all[1:] {
		p.age(a.ID, 100*time.Hour)
	}
	old(3) // the photo's was rejected, and nobody has seen that
	for _, a := range all[1:3] {
		if err := p.Store.MarkSeen(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	old(1) // the newest stays: the numbers count on from it
	if _, err := p.Store.Action(t.Context(), refused.ID); offline.CodeOf(err) != fault.NotFound {
		t.Errorf("still there: %v", err)
	}
	if files, err := p.Store.Files(t.Context()); err != nil || len(files) != 0 {
		t.Error(files, err)
	}
	if m := p.do("add", synctest.Args{Item: items[0]}); m.Seq != 5 {
		t.Errorf("the next number is %d", m.Seq)
	}
	p.sync()
	if got := o.count(t, items[0]); got != 3 {
		t.Errorf("counted %d", got)
	}
}

func TestARepairOfAFeedThatIsFollowedNoLongerIsForgotten(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 2)
	p := o.phone(t, user, nil)
	p.sync()
	db := p.database()
	own := synctest.FeedOf(user).String()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO repair VALUES (?)`, own); err != nil {
		t.Fatal(err)
	}
	o.follow(t, user, synctest.All)
	p.sync()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM repair`).Scan(&n); err != nil || n != 0 ||
		len(p.shown()) != 0 {
		t.Errorf("%d repairs left, shown %v (%v)", n, p.shown(), err)
	}
}

func TestTwoPhonesOfOnePersonShowTheSameAndCountEachTheirOwn(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p, q := o.phone(t, user, nil), o.phone(t, user, nil)
	for range 3 {
		p.do("add", synctest.Args{Item: items[0]})
		q.do("add", synctest.Args{Item: items[0]})
		p.sync()
	}
	q.sync()
	p.sync()
	if p.shown()[items[0]] != 6 || q.shown()[items[0]] != 6 || o.count(t, items[0]) != 6 {
		t.Errorf("shown %v and %v, counted %d", p.shown(), q.shown(), o.count(t, items[0]))
	}
}

func TestAnAppThatIsTooOldIsToldSoAndKeepsItsQueue(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.intake.Retired = map[string]bool{"count": true}
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.do("add", synctest.Args{Item: items[0]})
	old := p.do("count", synctest.Args{Item: items[0]})
	p.do("add", synctest.Args{Item: items[0]})
	for range 2 {
		o.give(t, uuid.New(), user)
		if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.ClientTooOld || offline.Sentence(err, "zh") == "" {
			t.Fatalf("got %v", err)
		}
	}
	u, err := p.Store.Unsent(t.Context())
	if err != nil || u.Mutations != 2 || o.count(t, items[0]) != 1 {
		t.Errorf("unsent %+v, counted %d (%v)", u, o.count(t, items[0]), err)
	}
	if a, err := p.Store.Action(t.Context(), old.ID); err != nil || a.Verdict != nil {
		t.Errorf("%+v %v", a, err)
	}
	if err := p.Store.Logout(t.Context()); offline.CodeOf(err) != fault.UnsentWork || len(p.shown()) != 3 {
		t.Error(err, p.shown())
	}
	// The upgrade says it in new words, under the same number and id, and only then.
	if err := p.Store.Reword(t.Context(), old.ID, "add", old.Args); err != nil {
		t.Fatal(err)
	}
	if err := p.Store.Reword(t.Context(), old.ID, "add", old.Args); offline.CodeOf(err) != fault.SequenceReused {
		t.Error(err)
	}
	p.sync()
	if a, err := p.Store.Action(t.Context(), old.ID); err != nil || a.Seq != old.Seq ||
		a.Verdict.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("%+v %v", a, err)
	}
	if n := o.count(t, items[0]); n != 3 {
		t.Error(n)
	}
}
