package page

import (
	"encoding/hex"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/doorstep-dev/doorstep/server/booking"
)

// view turns what the room knows into what a template shows, in one language.
type view struct {
	lang string
	w    map[string]string
}

type head struct {
	W              map[string]string
	Style          template.CSS
	Title, Company string
}

func (v view) head(title, company string) head {
	return head{W: v.w, Style: template.CSS(style), Title: title, Company: company} //nolint:gosec // the style is ours
}

func (v view) message(what string) any {
	return struct {
		head
		Text string
	}{v.head(v.w[what+"title"], ""), v.w[what]}
}

// form is what a visitor typed, kept so that a complaint loses nothing.
type form struct{ Name, Phone, Address, Note, Day, Span, Class string }

type choice struct {
	Value, Text string
	Chosen      bool
}

// spans are the windows of a day that can be wished for, in hours.
var spans = [][2]int{{9, 12}, {12, 15}, {15, 18}, {18, 21}}

const (
	dayLayout  = "2006-01-02"
	daysAhead  = 14
	wholeStart = 9
	wholeEnd   = 21
)

func (v view) book(g booking.Glimpse, action, seal string, f form, said wrong, now time.Time) any {
	d := struct {
		head
		Product, Store, Action, Seal string
		Wrong                        wrong
		Complaint                    string
		Form                         form
		Days, Spans, Classes         []choice
	}{
		head: v.head(v.w["book"], g.Company.In(v.lang)), Product: g.Product.In(v.lang), Store: g.Store.In(v.lang),
		Action: action, Seal: seal, Wrong: said, Complaint: said[""], Form: f,
	}
	for _, c := range g.Classes {
		d.Classes = append(d.Classes, choice{Value: c.Key, Text: c.Name.In(v.lang), Chosen: c.Key == f.Class})
	}
	d.Days, d.Spans = v.times(g.Zone, now, f.Day, f.Span)
	return d
}

// times are the days and the windows of a day that can be wished for.
func (v view) times(zone *time.Location, now time.Time, chosenDay, chosenSpan string) (days, windows []choice) {
	local := now.In(zone)
	// Today is offered while a window of it can still be met.
	first := 0
	if local.Hour() >= spans[len(spans)-1][0] {
		first = 1
	}
	for i := first; i < first+daysAhead; i++ {
		day := local.AddDate(0, 0, i)
		value := day.Format(dayLayout)
		days = append(days, choice{Value: value, Text: v.day(day), Chosen: value == chosenDay})
	}
	windows = append(windows, choice{Value: "any", Text: v.w["anytime"], Chosen: chosenSpan == "any"})
	for i, s := range spans {
		value := strconv.Itoa(i)
		windows = append(windows, choice{Value: value, Text: hours(s), Chosen: value == chosenSpan})
	}
	return days, windows
}

func hours(s [2]int) string { return strconv.Itoa(s[0]) + ":00–" + strconv.Itoa(s[1]) + ":00" }

// window reads the two selects; nothing chosen is no wish.
func (f form) window(zone *time.Location) (earliest, latest time.Time, ok bool) {
	if f.Day == "" && f.Span == "" {
		return time.Time{}, time.Time{}, true
	}
	day, err := time.ParseInLocation(dayLayout, f.Day, zone)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	from, to := wholeStart, wholeEnd
	if f.Span != "any" {
		i, err := strconv.Atoi(f.Span)
		if err != nil || i < 0 || i >= len(spans) {
			return time.Time{}, time.Time{}, false
		}
		from, to = spans[i][0], spans[i][1]
	}
	at := func(hour int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), hour, 0, 0, 0, zone)
	}
	return at(from), at(to), true
}

type step struct {
	Text, At, Class string
	Now             bool
}

// order of the stages as a customer sees them.
var stages = []string{"booked", "scheduled", "accepted", "traveling", "on_site", "completed"}

func (v view) progress(g booking.Glimpse, action, seal string, fresh bool, f mine, said wrong, now time.Time) any {
	p := g.Progress
	d := struct {
		head
		Number, Product, Arrival, Wanted, Store string
		Action, Seal, Complaint                 string
		Fresh, MayChange, MayRate               bool
		Stars                                   int
		Badge                                   *booking.Badge
		Stages                                  []step
		Wrong                                   wrong
		Form                                    mine
		Days, Spans, Rates                      []choice
		Extras                                  booking.Extras
		ExtrasHash                              string
	}{
		head: v.head(v.w["progress"], g.Company.In(v.lang)), Number: p.Number, Product: p.Product.In(v.lang),
		Store: g.Store.In(v.lang), Action: action, Seal: seal, Complaint: said[""], Wrong: said, Form: f,
		Fresh: fresh && p.End == "", MayChange: p.MayChange, MayRate: p.MayRate, Stars: p.Stars,
		Extras: p.Extras, ExtrasHash: hex.EncodeToString(p.Extras.Hash),
	}
	d.Days, d.Spans = v.times(g.Zone, now, f.Day, f.Span)
	for n := 5; n >= 1; n-- {
		value := strconv.Itoa(n)
		d.Rates = append(d.Rates, choice{Value: value, Text: v.w["stars"+value], Chosen: value == f.Stars || f.Stars == "" &&
			n == p.Stars})
	}
	if !p.WantedEarliest.IsZero() && !p.WantedLatest.IsZero() {
		from, to := p.WantedEarliest.In(g.Zone), p.WantedLatest.In(g.Zone)
		d.Wanted = v.day(from) + " " + from.Format("15:04") + "–" + to.Format("15:04")
	}
	if !p.Earliest.IsZero() && !p.Latest.IsZero() {
		from, to := p.Earliest.In(g.Zone), p.Latest.In(g.Zone)
		d.Arrival = v.day(from) + " " + from.Format("15:04") + "–" + to.Format("15:04")
	}
	if p.Badge.Name != "" && p.End == "" {
		d.Badge = &p.Badge
	}
	reached, last := map[string]time.Time{}, -1
	for _, s := range p.Stages {
		reached[s.Key] = s.At
	}
	for i, key := range stages {
		if _, ok := reached[key]; ok {
			last = i
		}
	}
	for i, key := range stages {
		at, ok := reached[key]
		switch {
		case i <= last:
			s := step{Text: v.w[key], Class: "done"}
			if ok && !at.IsZero() {
				s.At = v.day(at.In(g.Zone)) + " " + at.In(g.Zone).Format("15:04")
			}
			if i == last && p.End == "" {
				s.Class, s.Now = "done now", true
			}
			d.Stages = append(d.Stages, s)
		case p.End == "":
			d.Stages = append(d.Stages, step{Text: v.w[key]})
		}
	}
	if p.End != "" {
		d.Stages = append(d.Stages, step{Text: v.w[p.End], Class: "ended", Now: true})
	}
	return d
}

var weekdays = [...]string{"周日", "周一", "周二", "周三", "周四", "周五", "周六"}

func (v view) day(t time.Time) string {
	if v.lang == "zh" {
		return strconv.Itoa(int(t.Month())) + "月" + strconv.Itoa(t.Day()) + "日 " + weekdays[t.Weekday()]
	}
	return t.Format("Mon 2 Jan")
}

// accepted reads Accept-Language: Chinese if it is named before English, or at all without it; else English. The
// order is the browser's own, which sorts by preference.
func accepted(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		tag := strings.ToLower(strings.TrimSpace(part))
		switch {
		case strings.HasPrefix(tag, "zh"):
			return "zh"
		case strings.HasPrefix(tag, "en"):
			return "en"
		}
	}
	return "en"
}
