// Package score ranks technicians for a job by pure rules: skills are a must, hours and capacity are a must, then
// the near, the free and, for customers that matter, the best come first. The same input gives the same order,
// and every verdict carries its reasons, so that "why him, not me" has an answer.
package score

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Point is a place on WGS 84, in degrees.
type Point struct{ Latitude, Longitude float64 }

// Job is what somebody is needed for.
type Job struct {
	ID uuid.UUID
	// Region limits the candidates that are asked for; zero for any. Without a region nobody goes whose way there is not
	// known: no position is no reason to think that everybody is near.
	Region uuid.UUID
	// Skills are all needed.
	Skills []string
	// At is where; nil when the address has no position.
	At *Point
	// From and To are when the customer wants it; zero ends are open.
	From, To time.Time
	// Duration is the usual time on site.
	Duration time.Duration
	Rush     bool
	VIP      bool
	// Not are technicians who declined it, or did not come.
	Not []uuid.UUID
}

// Technician is a candidate, as he stands on the day of the job.
type Technician struct {
	ID     uuid.UUID
	Name   string
	Skills []string
	// Home is where the day begins; nil when unknown.
	Home *Point
	// Last is the place of the last job of that day, from which he would come; nil when there is none.
	Last *Point
	// Load and Capacity are jobs on that day: given already, and the most that he does. Capacity 0 is no limit.
	Load, Capacity int
	// Hours is when he works; the zero value is always.
	Hours Hours
	Gold  bool
}

// Hours are working hours, the same on each working day.
type Hours struct {
	// From and To are since midnight; To may not be before From. Both zero is the whole day.
	From, To time.Duration
	// Days are the working days; none is every day.
	Days []time.Weekday
	// Zone is whose midnight; nil is UTC.
	Zone *time.Location
}

// Candidate is a technician with his place in the ranking.
type Candidate struct {
	Technician uuid.UUID `json:"technician"`
	Name       string    `json:"name"`
	// Score is 0 to 100, higher is better; 0 when Excluded.
	Score float64 `json:"score"`
	// DistanceKM is from where he would come; negative when unknown.
	DistanceKM float64 `json:"distance_km"`
	// Reasons say what made the score.
	Reasons []Reason `json:"reasons,omitempty"`
	// Excluded says why he is out of the question; nil when he is not.
	Excluded *Reason `json:"excluded,omitempty"`
}

// The weights, which add up to 100. Distance counts half at HalfKM.
const (
	weightNear = 50
	weightFree = 30
	weightGold = 15
	weightFit  = 5
	// HalfKM is the distance at which the points for being near are halved.
	HalfKM = 8
	// MaxKM is how far anybody is sent by the rules; a person may send him farther.
	MaxKM = 120
	// unknownKM stands in for a distance that nobody knows.
	unknownKM = 20
)

// Rank returns all technicians, the best first and the excluded last. Equal scores are ordered by distance,
// then load, then id.
func Rank(job Job, technicians []Technician) []Candidate {
	loads := make(map[uuid.UUID]int, len(technicians))
	out := make([]Candidate, 0, len(technicians))
	for _, t := range technicians {
		loads[t.ID] = t.Load
		out = append(out, judge(job, t))
	}
	slices.SortFunc(out, func(a, b Candidate) int {
		if (a.Excluded == nil) != (b.Excluded == nil) {
			if a.Excluded == nil {
				return -1
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(b.Score, a.Score), cmp.Compare(a.DistanceKM, b.DistanceKM),
			cmp.Compare(loads[a.Technician], loads[b.Technician]), slices.Compare(a.Technician[:], b.Technician[:]),
		)
	})
	return out
}

func judge(job Job, t Technician) Candidate {
	c := Candidate{Technician: t.ID, Name: t.Name, DistanceKM: -1}
	from := t.Last
	if from == nil {
		from = t.Home
	}
	if job.At != nil && from != nil {
		c.DistanceKM = round(Kilometres(*job.At, *from))
	}
	if why := exclude(job, t, c.DistanceKM); why != nil {
		c.Excluded = why
		return c
	}
	km := c.DistanceKM
	if km < 0 {
		km = unknownKM
		c.Reasons = append(c.Reasons, Reason{Code: DistanceUnknown})
	} else if t.Last != nil {
		c.Reasons = append(c.Reasons, Reason{Code: NearLast, Km: km})
	} else {
		c.Reasons = append(c.Reasons, Reason{Code: NearHome, Km: km})
	}
	points := weightNear * HalfKM / (HalfKM + km)

	free := 1.0
	if t.Capacity > 0 {
		free = float64(t.Capacity-t.Load) / float64(t.Capacity)
	}
	points += weightFree * free
	c.Reasons = append(c.Reasons, Reason{Code: Free, Load: t.Load, Capacity: t.Capacity})

	if len(job.Skills) > 0 {
		c.Reasons = append(c.Reasons, Reason{Code: Skilled, Skills: slices.Clone(job.Skills)})
	}
	if t.Gold && (job.VIP || job.Rush) {
		points += weightGold
		c.Reasons = append(c.Reasons, Reason{Code: GoldFirst})
	}
	if !job.From.IsZero() && !job.To.IsZero() && t.Hours.overlap(job.From, job.To) >= max(job.Duration, time.Minute) {
		points += weightFit
		c.Reasons = append(c.Reasons, Reason{Code: FitsWindow})
	}
	c.Score = round(points)
	return c
}

// exclude tells why a technician is out of the question, or nil.
func exclude(job Job, t Technician, km float64) *Reason {
	var lacks []string
	for _, s := range job.Skills {
		if !slices.Contains(t.Skills, s) {
			lacks = append(lacks, s)
		}
	}
	switch {
	case job.At == nil && job.Region == uuid.Nil:
		return &Reason{Code: PlaceUnknown}
	case km < 0 && job.Region == uuid.Nil:
		return &Reason{Code: DistanceUnknown}
	case len(lacks) > 0:
		return &Reason{Code: LacksSkill, Skills: lacks}
	case slices.Contains(job.Not, t.ID):
		return &Reason{Code: Declined}
	case t.Capacity > 0 && t.Load >= t.Capacity:
		return &Reason{Code: Full, Load: t.Load, Capacity: t.Capacity}
	case !job.From.IsZero() && !job.To.IsZero() && t.Hours.overlap(job.From, job.To) == 0:
		return &Reason{Code: OutOfHours}
	case km > MaxKM:
		return &Reason{Code: TooFar, Km: km}
	}
	return nil
}

// overlap is the longest stretch of working time within a window, of the first ten days of it.
func (h Hours) overlap(from, to time.Time) time.Duration {
	zone := h.Zone
	if zone == nil {
		zone = time.UTC
	}
	if !to.After(from) {
		to = from.Add(time.Minute)
	}
	begin, end := h.From, h.To
	if begin == 0 && end == 0 {
		end = 24 * time.Hour
	}
	var best time.Duration
	local := from.In(zone)
	for day := range 10 {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, zone)
		if midnight.After(to) {
			break
		}
		if len(h.Days) > 0 && !slices.Contains(h.Days, midnight.Weekday()) {
			continue
		}
		a, b := midnight.Add(begin), midnight.Add(end)
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		best = max(best, b.Sub(a))
	}
	return best
}

// Kilometres is the great-circle distance by the haversine formula on a sphere of 6371 km.
func Kilometres(a, b Point) float64 {
	const radius = 6371.0
	rad := func(d float64) float64 { return d * math.Pi / 180 }
	dLat, dLon := rad(b.Latitude-a.Latitude), rad(b.Longitude-a.Longitude)
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(rad(a.Latitude))*math.Cos(rad(b.Latitude))*math.Pow(math.Sin(dLon/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(h)))
}

// round keeps three decimals, so that scores compare and print alike everywhere.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }

// Load is what a technician has on a day already.
type Load struct {
	Jobs int
	// Last is the place of the last of the jobs that has one; nil when none has.
	Last *Point
}

// Choice is the outcome of a ranking, kept with the assignment as data.
type Choice struct {
	Job  uuid.UUID `json:"-"`
	Best Candidate `json:"best"`
	// Next are the ones that came after him, a few: why him and not them.
	Next  []Candidate `json:"next,omitempty"`
	Actor string      `json:"-"`
}

// Round is what a round of automatic assignment did.
type Round struct {
	Assigned int
	// Unfit are the jobs for which nobody fits.
	Unfit []Unfit
}

// Unfit is a job for which nobody fits.
type Unfit struct {
	Job uuid.UUID
	Why Reason
}
