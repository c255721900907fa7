// Package human makes the short code under a label for people whose scanner or label is damaged: eight
// characters, shown as XXXX-XXXX, the last a check letter. The alphabet has 29 characters and none that looks
// like another; because 29 is prime and every place has its own weight, the check letter catches every single
// wrong character and every exchange of two characters, wherever they stand. A human code identifies; it is
// never proof of anything, for 29⁷ can be tried.
package human

import (
	"io"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Alphabet are the digits and letters of a code. B, I, L, O, S, U and Z are left out: they look like 8, 1, 1, 0,
// 5, V and 2, and are read as those.
const Alphabet = "0123456789ACDEFGHJKMNPQRTVWXY"

// Length is the number of characters, the check letter included and the hyphen not.
const Length = 8

const base = len(Alphabet)

// Code is a checked human code, eight characters without the hyphen.
type Code string

// New draws a code from random bytes; random is crypto/rand.Reader outside of tests.
func New(random io.Reader) (Code, error) {
	var digits [Length]int
	for i := 0; i < Length-1; {
		var b [1]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", err
		}
		// 232 is the largest multiple of 29 in a byte: above it the characters would not be equally likely.
		if int(b[0]) < 256/base*base {
			digits[i] = int(b[0]) % base
			i++
		}
	}
	digits[Length-1] = check(digits)
	return write(digits), nil
}

// Parse reads what a person typed: any case, hyphens and spaces anywhere, look-alikes for what they look like.
// Its errors are code_unreadable and code_check_digit.
func Parse(typed string) (Code, error) {
	var digits [Length]int
	n := 0
	for _, r := range strings.ToUpper(typed) {
		if r == '-' || r == ' ' || r == '‑' || r == '–' {
			continue
		}
		d := strings.IndexRune(Alphabet, lookAlike(r))
		if d < 0 {
			return "", fault.New(fault.CodeUnreadable, "the short code has no character %q", r)
		}
		if n == Length {
			return "", fault.New(fault.CodeUnreadable, "the short code has %d characters, not more", Length)
		}
		digits[n] = d
		n++
	}
	if n != Length {
		return "", fault.New(fault.CodeUnreadable, "the short code has %d characters, not %d", Length, n)
	}
	if check(digits) != digits[Length-1] {
		return "", fault.New(fault.CodeCheckDigit, "")
	}
	return write(digits), nil
}

// String shows the code as it is printed: XXXX-XXXX.
func (c Code) String() string {
	if len(c) != Length {
		return string(c)
	}
	return string(c[:4]) + "-" + string(c[4:])
}

func lookAlike(r rune) rune {
	switch r {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	case 'Z':
		return '2'
	case 'S':
		return '5'
	case 'B':
		return '8'
	case 'U':
		return 'V'
	}
	return r
}

// check computes the last digit: the one that makes Σ weight·digit divisible by 29, with the weights 2, 3, … 8 on
// the first seven places and 1 on the last.
func check(digits [Length]int) int {
	sum := 0
	for i := range Length - 1 {
		sum += (i + 2) * digits[i]
	}
	return (base - sum%base) % base
}

func write(digits [Length]int) Code {
	var b [Length]byte
	for i, d := range digits {
		b[i] = Alphabet[d]
	}
	return Code(b[:])
}
