package synctest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Action is one thing that people, machines or the network do at a given time.
type Action struct {
	At   time.Duration
	Kind string
	// Verb is the kind of the mutation, for do; where a replica fails, for crash and flake.
	Verb string
	// Phone, Item, Other, User and Replica are numbers; what an action does not need is ignored.
	Phone, Item, Other, User, Replica int
	For                               time.Duration
	Step                              int
}

// String is how a shrunk plan is printed.
func (a Action) String() string {
	return fmt.Sprintf("%s %s %s phone %d item %d other %d user %d replica %d for %s step %d",
		a.At, a.Kind, a.Verb, a.Phone, a.Item, a.Other, a.User, a.Replica, a.For, a.Step)
}

// message names one message of one phone: the network's faults belong to it.
type message struct{ phone, number int }

// Plan is a simulation before it runs. Each action and each message has its own randomness, drawn from the
// seed and its own number, so that any of them can be left out without changing the others.
type Plan struct {
	Seed                            uint64
	Profile                         string
	Phones, Users, Items, Replicas  int
	Actions                         []Action
	lose, twice, slow, cut, intrude float64
	muted                           map[message]bool
}

// profiles say how often each kind of action is taken, what a gap between two is at most, and how bad the
// network is (0 to 1).
var profiles = []struct {
	name    string
	weights map[string]int
	gap     time.Duration
	bad     float64
}{
	{
		"day",
		map[string]int{
			"do": 30, "give": 6, "both": 4, "offline": 4, "crash phone": 2, "crash": 1, "rights": 2, "offer": 3,
			"clock": 1,
		},
		20 * time.Minute, 0.1,
	},
	{
		"network",
		map[string]int{"do": 30, "revoke": 1, "give": 6, "both": 8, "offline": 6, "goodbye": 2, "deaf": 2},
		time.Minute, 0.5,
	},
	{
		"crashes",
		map[string]int{"do": 30, "give": 4, "both": 4, "crash": 12, "flake": 8, "crash phone": 10},
		2 * time.Minute, 0.2,
	},
	{
		"season",
		map[string]int{"do": 20, "give": 10, "offline": 8, "collect": 6, "rights": 3, "clock": 3, "both": 4},
		12 * 24 * time.Hour, 0.2,
	},
	{
		"rights",
		map[string]int{
			"do": 16, "give": 12, "rights": 12, "offer": 6, "revoke": 2, "replace": 2, "deaf": 2, "offline": 4,
			"both": 4,
		},
		5 * time.Minute, 0.2,
	},
	{
		"rush",
		map[string]int{"do": 20, "offer": 14, "claim": 20, "storm": 4, "both": 4, "goodbye": 2},
		20 * time.Second, 0.2,
	},
	{
		"restore",
		map[string]int{"do": 30, "give": 4, "both": 4, "backup": 4, "restore": 3, "offline": 6, "crash phone": 2},
		5 * time.Minute, 0.2,
	},
	{
		"handover",
		map[string]int{"do": 30, "give": 4, "replace": 5, "backup": 4, "restore": 3, "offline": 5, "crash": 3},
		5 * time.Minute, 0.5,
	},
	{
		"horizon",
		map[string]int{"do": 30, "give": 4, "both": 3, "backup": 6, "restore": 4, "offline": 8, "crash phone": 4, "crash": 2},
		8 * time.Hour, 0.3,
	},
	{
		"disks",
		map[string]int{"do": 24, "give": 6, "both": 6, "offline": 4, "disk": 6, "full": 6, "crash phone": 4},
		5 * time.Minute, 0.2,
	},
	{
		"clocks",
		map[string]int{
			"do": 30, "give": 4, "both": 4, "clock": 4, "skew": 6, "offline": 4, "crash": 3, "backup": 2,
			"restore": 1,
		},
		30 * time.Minute, 0.2,
	},
	{
		"upgrade",
		map[string]int{"do": 24, "upgrade": 5, "crash": 4, "give": 4, "both": 3, "flake": 3},
		5 * time.Minute, 0.2,
	},
}

var verbs = []string{
	"add", "add", "add", "pair", "pair", "give", "note", "finish", "finish", "claim", "panic", "fail", "refuse", "void",
	"doom", "dance", "sing", "junk",
}

// steps are where a replica can fail within a transaction.
var steps = []string{"before", "within", "before commit", "after commit", "before answer"}

// NewPlan draws a plan from a seed, which decides the profile as well.
func NewPlan(seed uint64) Plan {
	r := rand.New(rand.NewPCG(seed, 0xd007))
	f := profiles[seed%uint64(len(profiles))]
	p := Plan{
		Seed: seed, Profile: f.name, Phones: 1 + r.IntN(5), Items: 1 + r.IntN(6), Replicas: 1 + r.IntN(3),
		muted: map[message]bool{},
		lose:  f.bad * r.Float64() / 2, twice: f.bad * r.Float64() / 2, slow: f.bad * r.Float64() / 2,
		cut: f.bad * r.Float64() / 2, intrude: r.Float64() / 3,
	}
	p.Users = 1 + r.IntN(p.Phones)
	var kinds []string
	for _, kind := range []string{
		"do", "give", "both", "offline", "crash phone", "crash", "flake", "rights", "offer", "clock", "skew", "disk", "full",
		"goodbye", "deaf",
		"collect", "revoke", "replace", "claim", "storm", "backup", "restore", "upgrade",
	} {
		for range f.weights[kind] {
			kinds = append(kinds, kind)
		}
	}
	at := time.Duration(0)
	for range 10 + r.IntN(50) {
		if r.IntN(4) > 0 {
			at += time.Duration(r.Int64N(int64(f.gap)))
		} else {
			at += time.Duration(r.Int64N(int64(time.Second)))
		}
		a := Action{
			At: at.Truncate(time.Millisecond), Kind: kinds[r.IntN(len(kinds))], Verb: verbs[r.IntN(len(verbs))],
			Phone: r.IntN(p.Phones),
			Item:  r.IntN(p.Items), Other: r.IntN(p.Items), User: r.IntN(p.Users), Replica: r.IntN(p.Replicas),
			Step: 1 + r.IntN(6),
			For:  time.Duration(r.Int64N(int64(4 * f.gap))).Truncate(time.Millisecond),
		}
		switch a.Kind {
		case "crash", "flake":
			a.Verb = steps[r.IntN(len(steps))]
		case "claim":
			a.Kind, a.Verb = "do", "claim"
		}
		p.Actions = append(p.Actions, a)
	}
	return p
}

// fate is what the network does to one message and its answer.
type fate struct {
	lost, answerLost, twice  bool
	intrude                  bool
	there, back, again       time.Duration
	replica, count, repeated int
	jitter                   float64
}

func (p Plan) fate(m message) fate {
	r := rand.New(rand.NewPCG(p.Seed, uint64(m.phone)<<32|uint64(m.number)|1<<63))
	f := fate{
		lost: r.Float64() < p.lose, answerLost: r.Float64() < p.cut, twice: r.Float64() < p.twice,
		intrude: r.Float64() < p.intrude,
		there:   10*time.Millisecond + time.Duration(r.Int64N(int64(200*time.Millisecond))), back: 10*time.Millisecond +
			time.Duration(r.Int64N(int64(200*time.Millisecond))),
		again: time.Duration(r.Int64N(int64(time.Hour))), replica: r.IntN(p.Replicas), count: 1 + r.IntN(7),
		repeated: r.IntN(3), jitter: r.Float64(),
	}
	if r.Float64() < p.slow {
		f.there += time.Duration(r.Int64N(int64(40 * time.Second)))
	}
	if r.Float64() < p.slow {
		f.back += time.Duration(r.Int64N(int64(40 * time.Second)))
	}
	if p.muted[m] {
		f.lost, f.answerLost, f.twice, f.intrude, f.repeated = false, false, false, false, 0
		f.there, f.back = 50*time.Millisecond, 50*time.Millisecond
	}
	return f
}

func (f fate) bad() bool {
	return f.lost || f.answerLost || f.twice || f.intrude || f.repeated > 0 || f.there > 210*time.Millisecond ||
		f.back > 210*time.Millisecond
}

// String names the plan and lists what happens in it.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, profile %s: %d phones, %d users, %d items, %d replicas, %d messages without faults\n",
		p.Seed, p.Profile, p.Phones, p.Users, p.Items, p.Replicas, len(p.muted))
	for _, a := range p.Actions {
		fmt.Fprintf(&b, "  %s\n", a)
	}
	return b.String()
}
