package rpc

import (
	"regexp"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

var (
	// What the JSON reader says ends in (line 1:20): invalid value for uint32 field version: "x".
	inLine = regexp.MustCompile(`\(line (\d+):(\d+)\)`)
	// And ours, of a field that the message does not have: unknown field ticket.number, did you mean id.
	unknownField = regexp.MustCompile(
		`unknown field ([A-Za-z0-9_.?…\-\[\]]{1,300})(?:, did you mean ([A-Za-z0-9_]{1,64}))?`)
	inField = regexp.MustCompile(`field ([A-Za-z][A-Za-z0-9_]{0,63}):`)
)

const notAMessage = "body: not a message of this call"

// unreadable names what in a body could not be read, out of what the wire library says about it. Its whole text
// stays here, for it names our types.
func unreadable(said string) fault.Text {
	if found := unknownField.FindStringSubmatch(said); found != nil {
		if found[2] != "" {
			return fault.Textf("unknown field %s, did you mean %s", found[1], found[2])
		}
		return fault.Textf("unknown field %s", found[1])
	}
	detail := fault.Textf(notAMessage)
	if at := inLine.FindStringSubmatch(said); at != nil {
		detail = fault.Textf("body: line %s, column %s", at[1], at[2])
	}
	if name := inField.FindStringSubmatch(said); name != nil {
		detail = fault.Textf("%s, field %s", detail, name[1])
	}
	return detail
}
