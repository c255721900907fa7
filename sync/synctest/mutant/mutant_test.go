package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// mutants break the engine, each in one place. was must stand in the file exactly once.
var mutants = []struct {
	// breaks says which promise is broken.
	breaks       string
	file         string
	was, becomes string
	pkg, run     string
}{
	{
		"leaving is as sure as coming: a removal is lost", "sync/feed/feed.go",
		"writes[ref] = change.Entry{Entity: ref.Entity, Removed: true}", "_ = ref", simulator, "",
	},
	{
		"the digest counts what comes", "sync/feed/feed.go", "head.Digest += change.DigestOf(e.Entity, e.Seq)",
		"_ = e.Seq", simulator, "",
	},
	{
		"the digest forgets what goes", "sync/feed/feed.go", "head.Digest -= change.DigestOf(e.Entity, old.Seq)",
		"_ = old.Seq", simulator, "",
	},
	{
		"each entry has a sequence of its own", "sync/feed/feed.go", "\t\thead.Seq++\n", "\t\thead.Seq = max(head.Seq, 1)\n",
		simulator, "",
	},
	{
		"a savepoint takes back what was placed", "sync/feed/feed.go", "{ b.log = b.log[:mark] }",
		"{ _ = mark }", simulator, "",
	},
	{
		"a cursor goes only as far as was sent", "sync/feed/read.go", "pos.Seq = part.Last",
		"pos.Seq = head.Seq", simulator, "",
	},
	{
		"who missed a removal is sent the feed anew", "sync/feed/read.go", "max(pos.Seq, pos.Base) < head.Floor",
		"head.Floor > head.Seq", suite, "",
	},
	{
		"another history of the database begins anew", "sync/feed/read.go", "case !known, req.Cursor.Generation != g, ",
		"case !known, ", simulator, "",
	},
	{
		"a feed that is followed no longer is told", "sync/feed/read.go", "p.Dropped = append(p.Dropped, f)",
		"_ = f", simulator, "",
	},
	{
		"a checkpoint comes when all is there", "sync/feed/read.go", "\t\t\tpage.Final = false\n",
		"\t\t\tpage.Final = page.Final || false\n", simulator, "",
	},
	{
		"what many share is of one head", "sync/feed/shared.go", "r.After, r.Head.Seq,",
		"r.After, 0,", simulator, "",
	},
	{
		"the same id has one effect", "sync/intake/intake.go", "\tcase duplicate:\n",
		"\tcase duplicate && len(m.Args) > MaxArgs:\n", suite, "",
	},
	{"a gap is refused", "sync/intake/intake.go", "first > expected {", "first > expected && expected == 0 {", suite, ""},
	{
		"a verdict is for what it was given for", "sync/intake/intake.go",
		"\tcase duplicate && !sameWork(old.Mutation, m):\n",
		"\tcase duplicate && old.Mutation.User != m.User && p.ParkAll == \"\":\n", suite, "",
	},
	{
		"a retry gets the first verdict", "sync/intake/intake.go", "verdicts = append(verdicts, old.Verdict)",
		"old.Verdict.Receipt = nil\n\t\t\tverdicts = append(verdicts, old.Verdict)", simulator, "",
	},
	{
		"a verdict is kept with its effect", "sync/intake/intake.go", "tx.Save(ctx, p.Device, last, records)",
		"tx.Save(ctx, p.Device, last, records[:0])", simulator, "",
	},
	{
		"what panics leaves nothing behind", "sync/intake/intake.go", "\t\t\terr = errFailedFast\n",
		"\t\t\tresult, err = Done(), nil\n", suite, "",
	},
	{
		"a mutation fails alone", "sync/intake/intake.go", "err := tx.Savepoint(ctx, func() (err error) {",
		"err := func(_ context.Context, fn func() error) error { return fn() }(ctx, func() (err error) {", simulator, "",
	},
	{
		"what a restored database forgot is asked for", "sync/intake/intake.go", "return max(last+1, p.HeldFrom)",
		"return p.Mutations[0].Seq", suite, "",
	},
	{
		"evidence of a revoked device is parked", "sync/intake/intake.go", "\tcase p.ParkAll != \"\":\n",
		"\tcase p.ParkAll != \"\" && len(m.Args) > MaxArgs:\n", suite, "",
	},
	{
		"a panic is contained with a savepoint, too", "sync/intake/intake.go",
		"\t\t\t\terr = fault.New(fault.MutationPanicked, \"\")\n", "\t\t\t\tresult = Done()\n", suite, "",
	},
	{
		"a gap is a gap for a phone that has pruned, too", "sync/intake/intake.go", "if !fresh && last > 0 {",
		"if !fresh && last > 0 && p.HeldFrom <= 1 {", suite, "",
	},
	{
		"a lost connection parks no good work", "sync/intake/intake.go", "in.Store.Transient(err) || ctx.Err() != nil {",
		"ctx.Err() != nil {", suite, "",
	},
	{
		"evidence of a retired kind is handed in", "sync/intake/intake.go", "&& !duplicate && p.ParkAll == \"\" {",
		"&& !duplicate {", suite, "",
	},
	{
		"the first verdict keeps its words", "sync/intake/intake.go",
		"result = Result{Outcome: v.Outcome, Code: v.Code, Detail: v.Detail, Changes: v.Changes}",
		"result = Result{Outcome: v.Outcome}", suite, "",
	},
	{
		"a backlog is taken in without a hole", "sync/intake/intake.go", "rest = rest[n:]",
		"rest = rest[min(n+1, len(rest)):]", suite, "",
	},
	{
		"who read an older head is woken", "sync/watch/watch.go", "case seq < e.seq:\n\t\ts.mark(t.Name)\n",
		"case seq < e.seq:\n", "./sync/watch", "TestWhoReadAnOlderHeadThanIsKnownIsWokenAlone",
	},
	{
		"sequence numbers are given under the feed's lock", "sync/postgres/feed.go", "ORDER BY feed FOR UPDATE`",
		"ORDER BY feed`", database, "TestPostgresManyAtOnce",
	},
	{
		"a pull reads one snapshot", "sync/postgres/tx.go", "begin isolation level repeatable read read only;",
		"begin isolation level read committed read only;", database, "TestPostgresManyAtOnce",
	},
	{
		"what was placed is written with the effect", "sync/postgres/tx.go",
		"if heads, err = tx.batch.Flush(ctx, tx); err != nil {",
		"if heads, err = (&feed.Batch{}).Flush(ctx, tx); err != nil {", database, "TestPostgresHoldsTheSuite",
	},
	{
		"a parked mutation is found again", "sync/postgres/intake.go", "if v.Outcome == change.Parked && !r.Duplicate {",
		"if v.Outcome == change.Parked && r.Duplicate {", database, "TestPostgresSimulator",
	},
	{"what came before was taken in before", "sync/intake/intake.go", "\t\tat = v.At\n", "", suite, ""},
	{
		"who enrols anew offers all that is held", "clientgen/golang/offline/device.go",
		"tried = 0, too_old = 0, known = NULL`, device)", "tried = 0, too_old = 0`, device)", "./internal/conformance",
		"TestScenarios/golang/enrolled-anew-after-restore",
	},
	{
		"photos of what was forgotten go again", "clientgen/golang/offline/outbox.go", "return reopenFiles(ctx, tx, v.Id)",
		"return nil", "./internal/conformance", "TestScenarios/golang/upload-after-restore",
	},
	{
		"what came again is as young as that", "clientgen/golang/offline/restored.go", "OR known >= ? OR", "OR at >= ? OR",
		"./internal/conformance", "TestScenarios/golang/restored-twice",
	},
	{
		"a renewal leaves a new enrolment alone", "clientgen/golang/offline/device.go",
		"if now, err = tokensOf(ctx, tx); err != nil || now.GetRefresh() != used.GetRefresh() {",
		"if now, err = tokensOf(ctx, tx); err != nil {", "./clientgen/golang/offline",
		"TestARenewalUnderWayLeavesANewEnrolmentAlone",
	},
	{
		"what was wiped is gone from the disk", "clientgen/golang/offline/wipe.go",
		"return errors.Join(s.sweep(ctx), s.removeAsides(), s.renewSpare(ctx), s.scrub(ctx))",
		"return errors.Join(s.sweep(ctx), s.removeAsides(), s.renewSpare(ctx))", "./clientgen/golang/offline",
		"TestAWipedPhoneHoldsNothingOfItsCustomers",
	},
	{
		"a phone's cursor moves with what it keeps", "clientgen/golang/offline/stage.go", "stageDelta(ctx, tx, delta); err",
		"stageDelta(ctx, tx, &syncv1.FeedDelta{Feed: delta.Feed}); err", client, "",
	},
	{
		"what left is deleted on the phone", "clientgen/golang/offline/stage.go", "FROM staged WHERE removed)`",
		"FROM staged WHERE removed AND seq < 0)`", scenarios, "TestTheGoClientAppliesPagesAsTheVectorsSay",
	},
	{
		"a phone newer than the backup goes on", "server/account/refresh.go", "ahead := r.Generation > l.Generation+1 || ",
		"ahead := ", "./server/account -rapid.nofailfile", "TestAPhoneWhoseTokensAreNewerThanTheBackupIsNeverLockedOut",
	},
	{
		"a digest is compared at the checkpoint", "clientgen/golang/offline/stage.go",
		"if uint64(sum) == f.Digest && count == f.Count {", "if uint64(sum) == f.Digest || count > 0 {",
		"./clientgen/golang/offline", "TestADamagedCopyIsRepairedByItsFeedAlone",
	},
	{
		"a part that is done makes way", "clientgen/golang/offline/upload.go", "if err == nil && waits {",
		"if err == nil && waits && ctx.Err() != nil {", "./clientgen/golang/offline",
		"TestWhatIsDoneWhileALargeFileGoesUpGoesFirst",
	},
	{
		"a carried page goes on from what the phone holds", "clientgen/golang/offline/carried.go",
		"if !bytes.Equal(p.After, nameOf(state.cursor)) {", "if len(p.After) == 0 {", "./clientgen/golang/offline",
		"TestAPageThatGoesOnFromElsewhereIsLeftAndTheWatchSaysAnewWhatIsHeld",
	},
	{
		"who may read no longer is carried nothing", "sync/postgres/group.go", "case a.unasked && barred[a.req.Device]:",
		"case barred[a.req.Device] && !a.unasked:", "./server/delta",
		"TestADeviceThatMayReadNoLongerIsCarriedNothingEvenIfNobodyToldTheWatch",
	},
	{
		"the guess goes on with what was given", "server/delta/carry.go", "\t\tg.cursor = cursor\n", "\t\t_ = cursor\n",
		"./server/delta", "TestAPokeCarriesWhatThePullWouldAnswer",
	},
	{
		"a change of rights is found without its poke", "sync/postgres/device.go", "DO UPDATE SET version = r.version + 1",
		"DO NOTHING", "./sync/postgres", "TestTheSweepMakesUpForALostPokeOfRights",
	},
	{
		"the last pokes are sent", "sync/postgres/poker.go", "context.WithTimeout(context.WithoutCancel(ctx), p.Limit)",
		"context.WithTimeout(ctx, p.Limit)", "./sync/postgres", "TestTheLastPokesOfAReplicaThatEndsAreSent",
	},
	{
		"nothing is early after the first checkpoint", "sync/feed/early.go", "!reset && !pos.Pending {",
		"!reset && !pos.Pending && head.Seq < 0 {", "./sync/postgres", "TestNothingIsEarlyAfterTheFirstCheckpoint",
	},
	{
		"no job is early in part", "sync/postgres/early.go", "OVER (ORDER BY place)", "OVER (ORDER BY place, seq)",
		"./sync/postgres", "TestTheEarlyPartHasNoMoreThanItsBytesAndNoJobInPart",
	},
	{
		"an effect goes only when the state has it", "clientgen/golang/offline/stage.go",
		"cover(ctx, tx, page.LastSequence, ", "cover(ctx, tx, page.LastSequence+1, ", "./clientgen/golang/offline",
		"TestWhatIsDoneWhileAPullIsUnderWayShowsUntilItsOwnVerdict",
	},
	{
		"a photo's ticket is locked before the photo", "server/proof/finish.go",
		"if err := r.tickets.Lock(ctx, tx, seen.TicketID); err != nil {", "if err := error(nil); err != nil {", crowd, "",
	},
	{
		"the tickets of a push are locked in order", "server/ticket/trail.go", "ANY ($2::uuid[]) ORDER BY id\n",
		"ANY ($2::uuid[])\n", crowd, "",
	},
	{
		"the units of a push are locked in order", "server/app/lock.go", "return code.Units{}.Lock(ctx, tx, units)",
		"return code.Units{}.Lock(ctx, tx, units[:0])", "./server/app",
		"TestAPushLocksInOneOrderHoweverThePhoneOrderedItsWork",
	},
	{
		"a scan has a transaction of its own", "sync/intake/intake.go", "if in.Alone[ms[0].Kind] {",
		"if in.Alone[ms[0].Kind] && len(ms) > perTransaction {", "./server/app",
		"TestAPushLocksInOneOrderHoweverThePhoneOrderedItsWork",
	},
	{
		"a payee's months are one lock", "server/pay/accrue.go", "if len(ids) == 0 {", "if len(ids) >= 0 {", "./server/app",
		"TestAPushLocksInOneOrderHoweverThePhoneOrderedItsWork",
	},
}

// Packages and tests that hold the engine to its promises.
const (
	simulator = "./sync/synctest -run ^TestSimulator$ -seeds 400"
	suite     = "./sync/synctest -run ^TestMemoryHoldsTheSuite$"
	database  = "./sync/postgres -count 4" // writers race: more than one chance
	crowd     = "./server/app -run ^TestNobodyDeadlocksOnTheSameTickets$"
	scenarios = "./internal/conformance"
	client    = "./clientgen/golang/offline -run ^(TestAnyDayOnABadNetwork|TestWhatIsDoneShowsAtOnceAndIsSafeOnceSigned)$"
)

// root is the folder of the module.
func root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "..")
}

// It takes no time, so make quick runs it: a change of a line that a mutant breaks is told before the commit.
func TestEveryMutantStandsInItsFileOnce(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join(root(), filepath.FromSlash(m.file)))
		if err != nil {
			t.Errorf("%s: %v", m.breaks, err)
		} else if n := bytes.Count(text, []byte(m.was)); n != 1 {
			t.Errorf("%s: %q stands %d times in %s: write the mutant anew", m.breaks, m.was, n, m.file)
		}
	}
}

func TestEveryMutantIsCaught(t *testing.T) {
	t.Parallel()
	root := root()
	places := make(chan struct{}, runtime.GOMAXPROCS(0)) // each is a compiler and a test of its own
	for _, m := range mutants {
		t.Run(m.breaks, func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			path := filepath.Join(root, filepath.FromSlash(m.file))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte(m.was)) {
				t.Fatalf("%q does not stand in %s: write the mutant anew", m.was, m.file)
			}
			broken := filepath.Join(t.TempDir(), "broken.go")
			if err := os.WriteFile(broken, bytes.Replace(text, []byte(m.was), []byte(m.becomes), 1), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay := filepath.Join(t.TempDir(), "overlay.json")
			replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(overlay, replace, 0o600); err != nil {
				t.Fatal(err)
			}
			out := test(t, root, overlay, m.pkg, m.run)
			t.Log(lines(out, 3))
		})
	}
}

// hangs is after how long a test that does not end has noticed, too. All take seconds.
const hangs = "150s"

// test runs what should catch a mutant and returns what it said.
func test(t *testing.T, root, overlay, what, run string) string {
	t.Helper()
	args := append([]string{"test", "-count=1", "-vet=off", "-failfast", "-timeout", hangs, "-overlay", overlay},
		strings.Fields(what)...)
	if run != "" {
		args = append(args, "-run", "^"+run+"$")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	switch {
	case ctx.Err() != nil:
		t.Fatalf("no end:\n%s", lines(out, 30))
	case strings.Contains(out, "panic: test timed out"):
		return out // a client that waits forever for what its broken engine never says
	case err == nil:
		t.Fatalf("nobody noticed:\n%s", lines(out, 30))
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") ||
		!strings.Contains(out, "--- FAIL"):
		t.Fatalf("it was not tested:\n%s", lines(out, 30))
	}
	return out
}

func lines(s string, n int) string {
	return strings.Join(strings.SplitN(s, "\n", n+1)[:min(n, strings.Count(s, "\n")+1)], "\n")
}
