package gs1

import "strings"

// clean undoes what scanners' keyboards and copying do to a text: full-width characters of a Chinese input method
// become the plain ones (（０１） → (01), 。 → .), the picture of a separator (␝) becomes the separator, invisible
// marks go, and white space around goes. No label holds any of these by itself.
func clean(scanned string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '　':
			return ' '
		case r == '。':
			return '.'
		case r == '␝':
			return groupSeparator
		case Invisible(r):
			return -1
		}
		return r
	}, scanned))
}

// Invisible tells marks without width, which copying brings along: zero-width spaces and joiners, marks of direction, a
// soft hyphen, a byte-order mark.
func Invisible(r rune) bool {
	return r >= '\u200b' && r <= '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2060' && r <= '\u2064' ||
		r >= '\u2066' && r <= '\u2069' || r == '\u00ad' || r == '\ufeff'
}
