package synctest_test

import (
	"flag"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/synctest"
)

var (
	oneSeed = flag.String("seed", "", "the one seed to simulate; many when empty")
	seeds   = flag.Uint64("seeds", 0, "how many seeds to simulate; 0 is what fits a test run")
	from    = flag.Uint64("from", 1, "the first of many seeds")
)

func inMemory(now synctest.Clock) synctest.Store[*synctest.MemoryTx] { return synctest.NewMemory(now) }

// TestSimulator proves the engine by many seeds; `make soak` by many more.
func TestSimulator(t *testing.T) {
	t.Parallel()
	first, n := *from, *seeds
	if n == 0 {
		n = seedsPerTest
	}
	if *oneSeed != "" {
		one, err := strconv.ParseUint(*oneSeed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		first, n = one, 1
	}
	var next, failed atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for failed.Load() < 3 {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				report, err := synctest.Prove(t.Context(), first+i, inMemory)
				if err != nil {
					t.Errorf("seed %d: %v", first+i, err)
				}
				if report != "" {
					t.Error(report)
				}
				if report != "" || err != nil {
					failed.Add(1)
				}
				if done := i + 1; done%max(n/50, 10_000) == 0 {
					t.Logf("%d of %d seeds", done, n)
				}
			}
		})
	}
	wg.Wait()
}

func TestPhonesTakePagesOfPokesAndLeaveThoseThatDoNotFit(t *testing.T) {
	t.Parallel()
	taken, pokes := 0, 0
	for seed := range uint64(24) {
		h, _, err := synctest.Simulate(t.Context(), synctest.NewPlan(seed), inMemory)
		if err != nil {
			t.Fatal(err)
		}
		taken += strings.Count(h.String(), "takes the page of a poke")
		pokes += strings.Count(h.String(), "leaves the page of a poke")
	}
	if taken == 0 || pokes == 0 {
		t.Errorf("%d pages of pokes were taken, %d left", taken, pokes)
	}
}

func TestASeedReplaysByteForByte(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		var histories []string
		for range 2 {
			h, _, err := synctest.Simulate(t.Context(), synctest.NewPlan(seed), inMemory)
			if err != nil {
				t.Fatal(err)
			}
			histories = append(histories, h.String())
		}
		if histories[0] != histories[1] {
			t.Fatalf("seed %d has two histories", seed)
		}
	}
}

// TestTheSimulatorReachesEveryFault guards against a simulator that proves nothing.
func TestTheSimulatorReachesEveryFault(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for seed := range uint64(96) {
		plan := synctest.NewPlan(seed)
		h, _, err := synctest.Simulate(t.Context(), plan, inMemory)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range plan.Actions {
			met[a.Kind] = true
		}
		for _, e := range h {
			switch e := e.What.(type) {
			case synctest.Told:
				for _, v := range e.Verdicts {
					met[v.Outcome.String()+" "+string(v.Code)] = true
				}
			case synctest.Restored:
				met["restored"] = true
			case synctest.Rotted:
				met["rotted"] = true
			case synctest.Noted:
				for _, what := range []string{"sends again", "holds what it did", "says that it cannot keep it"} {
					met[what] = met[what] || strings.Contains(e.What, what)
				}
			case synctest.Wiped:
				met["wiped"] = true
			case synctest.Differed:
				met["differed"] = true
			case synctest.Shown:
				met["reset"] = met["reset"] || e.Reset > 0
			}
		}
	}
	for _, want := range []string{
		"applied ", "merged ", "rejected not_assigned", "rejected state_forbids", "rejected conflict",
		"parked mutation_failed",
		"parked mutation_panicked", "parked mutation_unknown", "parked mutation_malformed", "parked device_time_future",
		"parked device_revoked",
		"restored", "wiped", "reset", "crash", "flake", "crash phone", "offline", "deaf", "collect", "replace", "storm",
		"upgrade", "goodbye", "clock", "skew", "disk", "full", "rotted", "differed",
		"sends again", "holds what it did", "says that it cannot keep it",
	} {
		if !met[want] {
			t.Errorf("no seed meets %q", want)
		}
	}
	if slices.Contains([]bool{met["do"], met["both"], met["offer"]}, false) {
		t.Error("people do nothing")
	}
}
