package score

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var (
	people   = Point{31.2304, 121.4737} // Shanghai, People's Square
	pudong   = Point{31.2197, 121.5440}
	hangzhou = Point{30.2741, 120.1551}
	day      = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

func TestKilometresOnTheGlobe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b Point
		want float64
	}{
		{people, people, 0},
		{people, hangzhou, 164.6},
		{Point{0, 0}, Point{0, 180}, math.Pi * 6371},
		{Point{90, 0}, Point{-90, 77}, math.Pi * 6371},
		{Point{0, 179.5}, Point{0, -179.5}, 111.2},
	} {
		if got := Kilometres(c.a, c.b); math.Abs(got-c.want) > 0.5 {
			t.Errorf("%v to %v: got %.1f, want %.1f", c.a, c.b, got, c.want)
		}
	}
}

func tech(name string, edit func(*Technician)) Technician {
	t := Technician{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)), Name: name, Skills: []string{"gas", "water"},
		Home: &people, Capacity: 5,
		Hours: Hours{From: 8 * time.Hour, To: 18 * time.Hour},
	}
	if edit != nil {
		edit(&t)
	}
	return t
}

func TestWhoIsOutOfTheQuestionAndWhy(t *testing.T) {
	t.Parallel()
	job := Job{
		Region: uuid.New(), Skills: []string{"gas"}, At: &people, Not: []uuid.UUID{tech("b", nil).ID},
		From: day.Add(9 * time.Hour), To: day.Add(11 * time.Hour), Duration: time.Hour,
	}
	for name, c := range map[string]struct {
		edit func(*Technician)
		want Code
	}{
		"fits":             {nil, ""},
		"lacks a skill":    {func(t *Technician) { t.Skills = []string{"water"} }, LacksSkill},
		"full":             {func(t *Technician) { t.Load = 5 }, Full},
		"no limit":         {func(t *Technician) { t.Load, t.Capacity = 50, 0 }, ""},
		"works at night":   {func(t *Technician) { t.Hours = Hours{From: 20 * time.Hour, To: 23 * time.Hour} }, OutOfHours},
		"off on Mondays":   {func(t *Technician) { t.Hours.Days = []time.Weekday{time.Sunday} }, OutOfHours},
		"other time zone":  {func(t *Technician) { t.Hours.Zone = time.FixedZone("far", 14*3600) }, OutOfHours},
		"always works":     {func(t *Technician) { t.Hours = Hours{} }, ""},
		"too far":          {func(t *Technician) { t.Home = &hangzhou }, TooFar},
		"declined":         {func(t *Technician) { t.ID = tech("b", nil).ID }, Declined},
		"home is unknown":  {func(t *Technician) { t.Home = nil }, ""},
		"last job is near": {func(t *Technician) { t.Home, t.Last = &hangzhou, &pudong }, ""},
	} {
		got := Rank(job, []Technician{tech("a", c.edit)})[0]
		var code Code
		if got.Excluded != nil {
			code = got.Excluded.Code
		}
		if code != c.want || (code != "" && got.Score != 0) || (code == "" && got.Score <= 0) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestNobodyIsNearAnAddressThatNobodyKnows(t *testing.T) {
	t.Parallel()
	region := uuid.New()
	nowhere := func(t *Technician) { t.Home = nil }
	for name, c := range map[string]struct {
		job  Job
		who  func(*Technician)
		want Code
	}{
		"no position, no region":              {Job{}, nil, PlaceUnknown},
		"no position, a region":               {Job{Region: region}, nil, ""},
		"a position, no region":               {Job{At: &people}, nil, ""},
		"a position, no region, no home":      {Job{At: &people}, nowhere, DistanceUnknown},
		"a position, a region, no home":       {Job{At: &people, Region: region}, nowhere, ""},
		"no position, no region and no skill": {Job{Skills: []string{"lifts"}}, nil, PlaceUnknown},
	} {
		got := Rank(c.job, []Technician{tech("a", c.who)})[0]
		if (got.Excluded == nil) != (c.want == "") || got.Excluded != nil && got.Excluded.Code != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhyNobodySaysWhatHoldsForAll(t *testing.T) {
	t.Parallel()
	lacks, full := &Reason{Code: LacksSkill, Skills: []string{"gas"}}, &Reason{Code: Full, Load: 2, Capacity: 2}
	got := WhyNobody([]Candidate{{Excluded: lacks}, {Excluded: lacks}, {Excluded: full}})
	if got.Code != Full {
		t.Errorf("one has the skill and is full: %v", got)
	}
	if got = WhyNobody([]Candidate{{Excluded: full}, {Excluded: lacks}, {Excluded: lacks}}); got.Code != Full {
		t.Errorf("in any order: %v", got)
	}
	got = WhyNobody([]Candidate{{Excluded: lacks}, {Excluded: lacks}})
	got.RegionZH, got.RegionEN = "浙江", "Zhejiang"
	if zh, en := got.Nobody(); zh != "浙江没有具备技能“gas”的师傅" || en != "no technician with the skills gas in Zhejiang" {
		t.Errorf("%s / %s", zh, en)
	}
}

func TestTheOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		job    Job
		better func(*Technician)
		worse  func(*Technician)
	}{
		"nearer goes first":             {Job{At: &people}, nil, func(t *Technician) { t.Home = &pudong }},
		"the last job counts, not home": {Job{At: &pudong}, func(t *Technician) { t.Home, t.Last = &hangzhou, &pudong }, nil},
		"freer goes first":              {Job{At: &people}, nil, func(t *Technician) { t.Load = 3 }},
		"gold goes first to a VIP":      {Job{At: &people, VIP: true}, func(t *Technician) { t.Gold = true }, nil},
		"gold goes first to a rush":     {Job{At: &people, Rush: true}, func(t *Technician) { t.Gold = true }, nil},
		"known distance before unknown": {
			Job{At: &people},
			func(t *Technician) { t.Home = &pudong },
			func(t *Technician) { t.Home = nil },
		},
		"who can before who cannot": {
			Job{At: &people, Skills: []string{"gas"}},
			func(t *Technician) { t.Home = &pudong },
			func(t *Technician) { t.Skills = nil },
		},
	} {
		got := Rank(c.job, []Technician{tech("worse", c.worse), tech("better", c.better)})
		if got[0].Name != "better" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestRankingIsDeterministicAndComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		job := Job{At: &people, VIP: rapid.Bool().Draw(t, "vip")}
		if rapid.Bool().Draw(t, "skill") {
			job.Skills = []string{"gas"}
		}
		n := rapid.IntRange(0, 12).Draw(t, "n")
		var techs []Technician
		for range n {
			techs = append(techs, tech(rapid.StringN(8, 8, -1).Draw(t, "name"), func(x *Technician) {
				x.Home = &Point{rapid.Float64Range(30, 32).Draw(t, "lat"), rapid.Float64Range(120, 122).Draw(t, "lng")}
				x.Load = rapid.IntRange(0, 6).Draw(t, "load")
				x.Gold = rapid.Bool().Draw(t, "gold")
				if rapid.Bool().Draw(t, "unskilled") {
					x.Skills = nil
				}
			}))
		}
		first := Rank(job, techs)
		if len(first) != n {
			t.Fatalf("%d of %d ranked", len(first), n)
		}
		shuffled := append([]Technician(nil), techs...)
		rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := Rank(job, shuffled); !reflect.DeepEqual(first, again) {
			t.Fatal("the order of the input changed the ranking")
		}
		for i, c := range first {
			if c.Score < 0 || c.Score > 100 {
				t.Fatalf("score %f", c.Score)
			}
			if (c.Excluded != nil) == (c.Score > 0) || (c.Excluded == nil && len(c.Reasons) == 0) {
				t.Fatalf("no reason for %+v", c)
			}
			if i > 0 && first[i-1].Score < c.Score {
				t.Fatal("not in order")
			}
		}
	})
}

func TestEveryReasonSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	all := []Code{
		NearHome, NearLast, DistanceUnknown, Free, Skilled, GoldFirst, FitsWindow, LacksSkill, Full, OutOfHours,
		TooFar, NobodyKnown,
	}
	for _, c := range all {
		r := Reason{Code: c, Km: 3.21, Load: 2, Capacity: 5, Skills: []string{"gas"}}
		if zh, en := r.Words(); zh == string(c) || en == string(c) {
			t.Errorf("%s is silent", c)
		}
	}
	zh, en := Say([]Reason{{Code: NearHome, Km: 3.21}, {Code: Free, Load: 2, Capacity: 5}})
	if zh != "离住处 3.2 公里；当天已有 2 单，上限 5 单" || en != "3.2 km from home; 2 of 5 jobs that day" {
		t.Errorf("got %q, %q", zh, en)
	}
	if _, en := (Reason{Code: "future"}).Words(); en != "future" {
		t.Error("an unknown reason must at least name itself")
	}
}

func TestWhyNobodyNamesTheCommonestReason(t *testing.T) {
	t.Parallel()
	full, far := &Reason{Code: Full}, &Reason{Code: TooFar}
	if got := WhyNobody([]Candidate{{Excluded: far}, {Excluded: full}, {Excluded: full}}); got.Code != Full {
		t.Errorf("got %s", got.Code)
	}
	if got := WhyNobody(nil); got.Code != NobodyKnown {
		t.Errorf("got %s", got.Code)
	}
}
