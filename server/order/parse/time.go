package parse

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

// layouts are the forms that need no telling: year first, so that day and month cannot be confused.
var layouts = []string{
	"2006-1-2 15:04:05", "2006-1-2 15:04", "2006-1-2", "2006-1-2T15:04:05",
	"2006年1月2日 15:04:05", "2006年1月2日 15:04", "2006年1月2日15:04:05", "2006年1月2日15:04", "2006年1月2日 15时04分", "2006年1月2日",
	"20060102150405", "20060102", "2006-1-2 15:04:05.999999999",
	"2006-1-2 3:04:05 PM", "2006-1-2 3:04 PM", "2006年1月2日 3:04:05 PM", "2006年1月2日 3:04 PM",
}

var zoned = []string{
	time.RFC3339Nano, "2006-1-2 15:04:05Z07:00", "2006-1-2 15:04:05 -0700", "2006-1-2 15:04:05-0700",
	"2006-1-2 15:04 -0700",
	"2006-1-2 15:04-0700", "2006-1-2T15:04:05-0700",
}

// halfDay is a time of day as people write it: 下午2:05, 2:05 下午.
var halfDay = regexp.MustCompile(
	`(上午|下午|晚上|中午|凌晨)\s*([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)|([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)\s*(上午|下午|晚上)`)

// withHalfDay writes 下午2:05 as 2:05 PM.
func withHalfDay(s string) string {
	return halfDay.ReplaceAllStringFunc(s, func(found string) string {
		m := halfDay.FindStringSubmatch(found)
		word, at := m[1]+m[4], m[2]+m[3]
		hour, err := strconv.Atoi(at[:strings.IndexByte(at, ':')])
		switch {
		case err != nil:
			return found
		case hour > 12: // 下午14:05 says it twice
			return at
		case word == "上午" || word == "凌晨" || word == "中午" && hour == 11:
			return " " + at + " AM"
		}
		return " " + at + " PM"
	})
}

// tidied writes a date's points and slashes as hyphens; a point behind a time of day is a fraction of a second.
func tidied(s string) string {
	s = strings.Join(strings.Fields(withHalfDay(s)), " ")
	end := strings.IndexAny(s, " T")
	if end < 0 {
		end = len(s)
	}
	return strings.NewReplacer("/", "-", ".", "-").Replace(s[:end]) + s[end:]
}

// Layout turns yyyy-MM-dd HH:mm:ss, as mapping files write it, into Go's form. ok is false for a pattern without a
// year, month and day.
func Layout(pattern string) (layout string, ok bool) {
	layout = strings.NewReplacer(
		"yyyy", "2006", "yy", "06", "MMM", "Jan", "MM", "01", "M", "1", "dd", "02", "d", "2",
		"HH", "15", "H", "15", "hh", "03", "h", "3", "mm", "04", "m", "4", "ss", "05", "s", "5", "a", "PM", "XXX", "Z07:00",
	).Replace(pattern)
	return layout, strings.Contains(pattern, "yy") && strings.Contains(pattern, "M") && strings.Contains(pattern, "d")
}

// Time reads a date or a time of day on a date in zone. given are Go layouts that are tried before the known ones.
// A bare number from 20,000 to 80,000 is a spreadsheet's count of days. Years before 2000 and after 2100 are refused.
func Time(s string, zone *time.Location, given []string) (time.Time, error) {
	s = Clean(s)
	if s == "" {
		return time.Time{}, refusal.New(refusal.Missing, "")
	}
	if len(s) > 60 {
		return time.Time{}, refusal.New(refusal.TimeMalformed, "")
	}
	for _, l := range given {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return plausible(t)
		}
	}
	if t, ok := serial(s, zone); ok {
		return plausible(t)
	}
	tidy := tidied(s)
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, tidy, zone); err == nil {
			return plausible(t)
		}
	}
	for _, l := range zoned {
		if t, err := time.Parse(l, tidy); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}, refusal.New(refusal.TimeMalformed, "")
}

func plausible(t time.Time) (time.Time, error) {
	if t.Year() < 2000 || t.Year() > 2100 {
		return time.Time{}, refusal.New(refusal.TimeImplausible, "")
	}
	return t, nil
}

// daysTo1904 lie between the two epochs of spreadsheets, 1899-12-30 and 1904-01-01.
const daysTo1904 = 1462

// From1904 turns a count of days since 1904 into the usual one. What is no count of days stays as it is.
func From1904(s string) string {
	m := serialForm.FindStringSubmatch(Clean(s))
	if m == nil {
		return s
	}
	days, err := strconv.Atoi(m[1])
	if err != nil {
		return s
	}
	return strconv.Itoa(days+daysTo1904) + m[2]
}

var serialForm = regexp.MustCompile(`^([2-7][0-9]{4})(\.[0-9]{1,17})?$`)

// serial reads a spreadsheet's date: days since 1899-12-30 in local time, seconds as the fraction, rounded.
func serial(s string, zone *time.Location) (time.Time, bool) {
	m := serialForm.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	days, err := strconv.Atoi(m[1])
	if err != nil {
		return time.Time{}, false
	}
	seconds := 0
	if m[2] != "" {
		f, err := strconv.ParseFloat("0"+m[2], 64)
		if err != nil {
			return time.Time{}, false
		}
		seconds = int(f*86400 + 0.5)
	}
	return time.Date(1899, 12, 30+days, 0, 0, seconds, 0, zone), true
}

// Slot is a span within a day, in minutes since midnight.
type Slot struct{ From, To int }

var namedSlots = map[string]Slot{
	"上午": {9 * 60, 12 * 60}, "早上": {8 * 60, 10 * 60}, "中午": {11 * 60, 14 * 60}, "下午": {13 * 60, 18 * 60},
	"晚上": {18 * 60, 21 * 60}, "傍晚": {17 * 60, 19 * 60}, "全天": {9 * 60, 18 * 60}, "不限": {9 * 60, 18 * 60},
	"am": {9 * 60, 12 * 60}, "pm": {13 * 60, 18 * 60}, "morning": {9 * 60, 12 * 60}, "afternoon": {13 * 60, 18 * 60},
	"evening": {18 * 60, 21 * 60}, "all day": {9 * 60, 18 * 60},
}

var slotForm = regexp.MustCompile(
	`^(上午|下午|晚上)?\s*([0-9]{1,2})(?:[:：点时]([0-9]{2})?分?)?\s*(?:-|~|—|–|至|到)\s*(上午|下午|晚上)?\s*([0-9]{1,2})(?:[:：点时]([0-9]{2})?分?)?$`)

// DaySlot reads 上午, 下午, "09:00-12:00", "9点至12点", "下午2点-4点".
func DaySlot(s string) (Slot, error) {
	s = strings.ToLower(Clean(s))
	if s == "" {
		return Slot{}, refusal.New(refusal.Missing, "")
	}
	if slot, ok := namedSlots[s]; ok {
		return slot, nil
	}
	m := slotForm.FindStringSubmatch(s)
	if m == nil {
		return Slot{}, refusal.New(refusal.WindowMalformed, "")
	}
	if m[4] == "" {
		m[4] = m[1]
	}
	from, ok1 := clock(m[1], m[2], m[3])
	to, ok2 := clock(m[4], m[5], m[6])
	if !ok1 || !ok2 {
		return Slot{}, refusal.New(refusal.WindowMalformed, "")
	}
	if to <= from {
		return Slot{}, refusal.New(refusal.WindowBackwards, "")
	}
	return Slot{from, to}, nil
}

func clock(half, hour, minute string) (int, bool) {
	h, err := strconv.Atoi(hour)
	if err != nil {
		return 0, false
	}
	m := 0
	if minute != "" {
		if m, err = strconv.Atoi(minute); err != nil {
			return 0, false
		}
	}
	if (half == "下午" || half == "晚上") && h < 12 {
		h += 12
	}
	return h*60 + m, h <= 24 && m < 60 && h*60+m <= 24*60
}

// On puts the slot on the day of date, in date's zone.
func (s Slot) On(date time.Time) (from, to time.Time) {
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, s.From, 0, 0, date.Location()), time.Date(y, m, d, 0, s.To, 0, 0, date.Location())
}
