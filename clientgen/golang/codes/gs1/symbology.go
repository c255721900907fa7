package gs1

import (
	"regexp"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// content is what follows a symbology identifier: a bracket, a letter for the kind of symbol and a character for how it
// was read, which scanners put in front when they are set so (ISO/IEC 15424).
type content int

const (
	// plain is anything that could also come without an identifier.
	plain content = iota
	// elements are element strings: the symbol began with FNC1.
	elements
	// number is a product number alone.
	number
	// numberAddOn is an EAN-13 with two or five more digits behind it, which belong to magazines and books.
	numberAddOn
)

// gs1Symbols are the symbology identifiers that GS1 uses (GS1 General Specifications, figure 5.1.2-1 and 7.8.2-1), and
// those of the same symbols with extended channels.
var gs1Symbols = map[string]content{
	"E0": number, "E3": numberAddOn, "E4": number, "I1": number,
	"C1": elements, "e0": elements, "e1": elements, "e2": elements, "d2": elements, "d5": elements,
	"Q3": elements, "Q4": elements,
	"J1": elements, "J4": elements,
}

// plainSymbols are the kinds of symbols that may hold any text: Code 39, Code 128, Code 93, ITF, Data Matrix, QR,
// PDF417, Aztec, DotCode, MaxiCode, Han Xin and ISBT.
const plainSymbols = "ACGIdQLzJUh"

// extended are the identifiers of symbols read with extended channels: a backslash begins an escape in them.
const extended = "Q2 Q4 Q6 d4 d5 d6 J4 J5 z3 z4 z5 L1"

var channel = regexp.MustCompile(`\\[0-9]{6}`)

// unwrap takes a symbology identifier off a text and tells what follows it.
func unwrap(s string) (content, string, error) {
	if s[0] != ']' {
		return plain, s, nil
	}
	if len(s) < 4 {
		return 0, "", fault.New(fault.CodeUnreadable, "the code ends too early")
	}
	id, rest := s[1:3], s[3:]
	if strings.Contains(extended, id) {
		rest = strings.ReplaceAll(channel.ReplaceAllString(rest, ""), `\\`, `\`)
	}
	what, known := gs1Symbols[id]
	if !known && strings.IndexByte(plainSymbols, id[0]) < 0 {
		return 0, "", fault.New(fault.CodeUnreadable, "the symbol is none that holds a product's label")
	}
	return what, rest, nil
}
