package gs1

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Link writes the Digital Link of one piece, or of the product when serial is empty. base is the company's own
// address without a trailing slash, for example https://id.example.com or https://example.com/some/prefix.
func Link(base string, g GTIN, serial string) string {
	l := strings.TrimRight(base, "/") + "/01/" + string(g)
	if serial != "" {
		l += "/21/" + escape(serial)
	}
	return l
}

// escape percent-encodes what RFC 3986 does not allow in a path segment, and the characters that GS1 names as
// unsafe there.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', strings.IndexByte("-._", c) >= 0:
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// IsLinkPath tells whether the path of a request could be a Digital Link: whether it has a segment 01.
func IsLinkPath(path string) bool { return strings.Contains(path+"/", "/01/") }

// linkForm splits a link into host, path and query. The query may hold anything, also what is not percent-encoded as it
// should be: other programs add to it.
var linkForm = regexp.MustCompile(`^(?i:[a-z]+)://(?:[^/?#@]*@)?([^/?#@\s<>"\\^` + "`" +
	`{|}]+)([^?#]*)(?:\?([^#]*))?(?:#.*)?$`)

// parseLink reads an uncompressed Digital Link (GS1 Digital Link URI Syntax): any host, any prefix, then /01/GTIN and
// after it pairs of identifier and value. Of the query, only the qualifiers that we use are read; the rest is other
// programs' own.
func parseLink(s string) (Key, error) {
	link := linkForm.FindStringSubmatch(s)
	if link == nil || strings.ContainsFunc(s, unicode.IsControl) {
		return Key{}, fault.New(fault.CodeUnreadable, "the link cannot be read")
	}
	host, path, query := link[1], link[2], link[3]
	// Segments are split before they are unescaped: a slash inside a serial number comes as %2F.
	segments := strings.Split(strings.TrimRight(path, "/"), "/")
	at := -1
	for i, seg := range segments {
		// The first 01 that digits follow is the identifier; what stands before it is prefix.
		if seg == "01" && i+1 < len(segments) && allDigits(segments[i+1]) {
			at = i
			break
		}
	}
	if at < 0 {
		return Key{}, fault.New(fault.CodeUnreadable, "the link holds no product number after /01/")
	}
	k := Key{Host: strings.ToLower(host), Prefix: strings.Trim(strings.Join(segments[:at], "/"), "/")}
	pairs := segments[at:]
	if len(pairs)%2 != 0 {
		return Key{}, fault.New(fault.CodeUnreadable, "the link ends in the middle of an identifier")
	}
	for i := 0; i < len(pairs); i += 2 {
		value, err := url.PathUnescape(pairs[i+1])
		if err != nil {
			return Key{}, fault.New(fault.CodeUnreadable, "the link is not percent-encoded as it should be")
		}
		if len(pairs[i]) < 2 || !allDigits(pairs[i]) {
			return Key{}, fault.New(fault.CodeUnreadable, "the link holds something else behind the product number")
		}
		if err := k.set(pairs[i], value); err != nil {
			return Key{}, err
		}
	}
	if err := k.setFromQuery(query); err != nil {
		return Key{}, err
	}
	return k, nil
}

// setFromQuery reads lot and serial from a link's query.
func (k *Key) setFromQuery(query string) error {
	for _, ai := range []string{"10", "21"} {
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name, err := url.QueryUnescape(name); err != nil || name != ai {
				continue
			}
			value, err := url.QueryUnescape(value)
			if err != nil {
				return fault.New(fault.CodeUnreadable, "the link is not percent-encoded as it should be")
			}
			if err := k.set(ai, value); err != nil {
				return err
			}
		}
	}
	return nil
}
