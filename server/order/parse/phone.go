package parse

import (
	"strings"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

// Phone returns the one form in which a phone number is kept, so that the same number is found however it was
// written: a mobile as 11 digits, a landline as area-number, a service number as 400-xxx-xxxx digits, a foreign one
// as +digits; an extension behind a minus sign ("转1234", "ext 1234"). A masked number (138****0001) is refused.
func Phone(s string) (string, error) {
	s, err := Identity(s)
	if err != nil {
		return "", err
	}
	if s == "" {
		return "", refusal.New(refusal.Missing, "")
	}
	if len(s) > 40 {
		return "", refusal.New(refusal.PhoneMalformed, "")
	}
	if strings.ContainsAny(s, "*Xx#•") && !strings.Contains(strings.ToLower(s), "ext") {
		return "", refusal.New(refusal.PhoneMasked, "")
	}
	number, extension := splitExtension(s)
	foreign := strings.HasPrefix(number, "+") || strings.HasPrefix(number, "00")
	d, dash, ok := dialled(number)
	if !ok {
		return "", refusal.New(refusal.PhoneMalformed, "")
	}
	all := len(d)
	d, foreign = withoutPrefix(d, foreign)
	// Platforms hand out 13800000001-1234: a virtual number and an extension.
	if extension == "" && dash >= 0 && len(d) > 11 {
		if cut := dash - (all - len(d)); cut >= 10 && cut < len(d) {
			d, extension = d[:cut], d[cut:]
		}
	}
	kept, ok := keptForm(d, foreign)
	if !ok || len(extension) > 6 {
		return "", refusal.New(refusal.PhoneMalformed, "")
	}
	if extension != "" {
		kept += "-" + extension
	}
	return kept, nil
}

// dialled returns the digits of a number and how many of them stand before its last dash, -1 without a dash. Not ok is
// a number with other characters than people write in one.
func dialled(number string) (d string, dash int, ok bool) {
	var b strings.Builder
	dash = -1
	for _, r := range number {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '-' || r == '—' || r == '–':
			dash = b.Len()
		case r == ' ' || r == '(' || r == ')' || r == '.' || r == '+' && b.Len() == 0:
		default:
			return "", -1, false
		}
	}
	return b.String(), dash, true
}

// withoutPrefix takes 00 and China's own 86 from the front; what is foreign then is another country's.
func withoutPrefix(d string, foreign bool) (string, bool) {
	if foreign {
		d = strings.TrimPrefix(d, "00")
	}
	if !strings.HasPrefix(d, "86") || !foreign && len(d) != 13 {
		return d, foreign
	}
	d = d[2:]
	if !mobile(d) && !strings.HasPrefix(d, "0") && !service(d) {
		d = "0" + d // +86 10 …: the trunk zero is left out
	}
	return d, false
}

// keptForm is the form that digits are kept in. Not ok is no number that can be called.
func keptForm(d string, foreign bool) (kept string, ok bool) {
	switch {
	case foreign:
		return "+" + d, len(d) >= 7 && len(d) <= 15 && d[0] != '0'
	case mobile(d):
		return d, true
	case service(d) && len(d) == 10:
		return d, true
	case strings.HasPrefix(d, "0"):
		area := 4
		if len(d) > 1 && (d[1] == '1' || d[1] == '2') { // 010, 02x: three digits
			area = 3
		}
		if len(d) < area+7 || len(d) > area+8 {
			return "", false
		}
		return d[:area] + "-" + d[area:], true
	}
	return "", false
}

// service tells a 400 or 800 number.
func service(d string) bool { return strings.HasPrefix(d, "400") || strings.HasPrefix(d, "800") }

func mobile(d string) bool { return len(d) == 11 && d[0] == '1' && d[1] >= '3' }

func splitExtension(s string) (number, extension string) {
	for _, mark := range []string{"转", "轉", "ext.", "ext", ","} {
		if i := strings.Index(strings.ToLower(s), mark); i >= 0 {
			if e := strings.TrimSpace(s[min(i+len(mark), len(s)):]); digits(e) {
				return strings.TrimSpace(s[:i]), e
			}
		}
	}
	return s, ""
}

// Mask hides the middle of a kept number: 138****0001, 010-****5678, so that a list shows whom it is about and
// nobody can call.
func Mask(phone string) string {
	number, extension, _ := strings.Cut(phone, "-")
	if strings.HasPrefix(phone, "0") { // a landline: the area stays
		rest, _, _ := strings.Cut(extension, "-")
		if len(rest) < 4 {
			return "****"
		}
		return number + "-****" + rest[len(rest)-4:]
	}
	if len(number) < 8 {
		return "****"
	}
	return number[:3] + "****" + number[len(number)-4:]
}
