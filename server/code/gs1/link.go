package gs1

import (
	"net/url"
	"strings"

	"github.com/doorstep-dev/doorstep/internal/fault"
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

// parseLink reads an uncompressed Digital Link: any host, any prefix, then /01/GTIN and after it pairs of
// identifier and value. Of identifiers in the query, only the qualifiers that we use are read.
func parseLink(s string) (Key, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return Key{}, fault.New(fault.CodeUnreadable, "the link cannot be read")
	}
	// Segments are split before they are unescaped: a slash inside a serial number comes as %2F.
	segments := strings.Split(strings.TrimRight(u.EscapedPath(), "/"), "/")
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
	k := Key{Host: strings.ToLower(u.Host), Prefix: strings.Trim(strings.Join(segments[:at], "/"), "/")}
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
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Key{}, fault.New(fault.CodeUnreadable, "the link's query cannot be read")
	}
	for _, ai := range []string{"10", "21"} {
		for _, v := range query[ai] {
			if err := k.set(ai, v); err != nil {
				return Key{}, err
			}
		}
	}
	return k, nil
}
