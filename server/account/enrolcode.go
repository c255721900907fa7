package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"
)

// Enrolment codes are read out over a phone and typed by cold hands: eight letters and digits that cannot be
// taken for one another, and a ninth that tells a slip of the finger before it costs an attempt. 29^8 codes,
// each good once and for a day, against a limit on attempts by address: guessing one is out of reach.

// EnrolmentLife is how long a code is good.
const EnrolmentLife = 24 * time.Hour

// enrolAlphabet lacks 0 O, 1 I L, U V (heard alike), which leaves a prime number of letters for the check: 29.
const (
	enrolAlphabet = "23456789ABCDEFGHJKMNPQRSTWXYZ"
	enrolLength   = 8
)

// NewEnrolmentCode makes a code in the form ABCD-EFGH-J.
func NewEnrolmentCode() string {
	b := make([]byte, 0, enrolLength+1)
	one := make([]byte, 1)
	for len(b) < enrolLength {
		// rand.Read never fails; the runtime ends the process instead.
		_, _ = rand.Read(one)
		// Bytes beyond the last whole multiple are thrown away, so that every letter is equally likely.
		if n := len(enrolAlphabet); int(one[0]) < 256/n*n {
			b = append(b, enrolAlphabet[int(one[0])%n])
		}
	}
	b = append(b, checkLetter(string(b)))
	return string(b[:4]) + "-" + string(b[4:8]) + "-" + string(b[8:])
}

// NormalEnrolmentCode brings what was typed to the nine letters without dashes; ok is false when it cannot be a
// code: wrong length, foreign letters, or a check letter that does not agree.
func NormalEnrolmentCode(typed string) (code string, ok bool) {
	var b strings.Builder
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r == '-' || r == ' ' || r == '－' || r == '　':
		case r >= '０' && r <= '９': // full-width digits of a Chinese keyboard
			b.WriteRune(r - '０' + '0')
		case r >= 'Ａ' && r <= 'Ｚ':
			b.WriteRune(r - 'Ａ' + 'A')
		default:
			b.WriteRune(r)
		}
	}
	code = b.String()
	if len(code) != enrolLength+1 {
		return "", false
	}
	for i := range len(code) {
		if strings.IndexByte(enrolAlphabet, code[i]) < 0 {
			return "", false
		}
	}
	return code, checkLetter(code[:enrolLength]) == code[enrolLength]
}

// checkLetter weighs each letter by its place modulo a prime: one wrong letter or two swapped neighbours never
// agree.
func checkLetter(code string) byte {
	sum := 0
	for i := range len(code) {
		sum += (i + 2) * strings.IndexByte(enrolAlphabet, code[i])
	}
	return enrolAlphabet[sum%len(enrolAlphabet)]
}

// hashEnrolmentCode is how a code is stored: keyed, for 29^8 plain hashes are soon tried.
func hashEnrolmentCode(s Secret, normal string) []byte {
	m := hmac.New(sha256.New, s.key(purposeEnrol))
	m.Write([]byte(normal))
	return m.Sum(nil)
}
