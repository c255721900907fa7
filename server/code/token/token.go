// Package token writes and checks signed codes: the text in a QR code that says "the company issued this". A
// phone without network checks it with the public keys of its org feed. What is signed is small (kind, code id,
// expiry); what the code stands for is looked up by whoever may know it.
//
// The text is base32 (RFC 4648 alphabet, no padding) in capitals, so that together with a host in capitals it
// fits QR's alphanumeric mode: at error correction M it takes version 7 (45 modules), where base64url takes
// version 8 (49 modules), and lower-casing on the way does not break it.
package token

import (
	"crypto/ed25519"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Kind is what a code stands for; the numbers are those of CodeKind on the wire.
type Kind uint8

// The kinds.
const (
	Unit   Kind = 1
	Entry  Kind = 2
	Ticket Kind = 3
)

// KeyID names a signing key: the first bytes of its public half.
type KeyID [5]byte

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// String is the id as it is written elsewhere: eight characters of base32 in lower case.
func (k KeyID) String() string { return strings.ToLower(encoding.EncodeToString(k[:])) }

// ParseKeyID reads what String wrote.
func ParseKeyID(s string) (KeyID, error) {
	b, err := encoding.DecodeString(strings.ToUpper(s))
	if err != nil || len(b) != len(KeyID{}) {
		return KeyID{}, fault.Wrap(err, fault.InvalidArgument, "not a key id")
	}
	return KeyID(b), nil
}

// Token is the content of a signed code.
type Token struct {
	Kind Kind
	// Key signed it.
	Key KeyID
	// ID is the code's own id, by which it is revoked; made by NewID.
	ID uuid.UUID
	// Expires is the first moment at which it holds no more, in whole seconds UTC until the year 2106; zero for never.
	Expires time.Time
}

// Handle is the last five bytes of an org's id. Every code's id ends in them, so that a token finds its tenant
// without a table of all codes, and a phone without network sees that a code is another company's.
type Handle [5]byte

// HandleOf is the handle of an org.
func HandleOf(org uuid.UUID) Handle { return Handle(org[11:]) }

// String is eight characters of base32 in lower case, as it stands in links.
func (h Handle) String() string { return strings.ToLower(encoding.EncodeToString(h[:])) }

// Handle is the handle of the org that the code belongs to.
func (t Token) Handle() Handle { return HandleOf(t.ID) }

// NewID makes the id of a code of the org: a UUIDv7 that ends in the org's handle. 34 random bits in each
// millisecond stay, which is plenty for ids that are not secret.
func NewID(org uuid.UUID) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fault.Wrap(err, fault.Internal, "")
	}
	copy(id[11:], org[11:])
	return id, nil
}

const (
	version      = 1
	headerLength = 1 + 5 + 16 + 4
	// Length is the number of characters of every token: 90 bytes are exactly 144 characters.
	Length = (headerLength + ed25519.SignatureSize) * 8 / 5
	// domain keeps a signature over a code from being taken for one over anything else.
	domain = "doorstep code v1\n"
)

// header is version and kind in one byte, key id, code id, expiry in big-endian Unix seconds (0 for never).
func (t Token) header() []byte {
	b := make([]byte, 0, headerLength+ed25519.SignatureSize)
	b = append(b, version<<4|byte(t.Kind))
	b = append(b, t.Key[:]...)
	b = append(b, t.ID[:]...)
	var expires uint32
	if !t.Expires.IsZero() {
		expires = uint32(t.Expires.Unix())
	}
	return binary.BigEndian.AppendUint32(b, expires)
}

// Sign writes the token's text.
func Sign(t Token, key ed25519.PrivateKey) string {
	h := t.header()
	return encoding.EncodeToString(append(h, ed25519.Sign(key, append([]byte(domain), h...))...))
}

// Parse reads a token's text without checking the signature: only to learn which key to fetch. It is exact about
// the form: one token has one text, but for case.
func Parse(text string) (t Token, signature []byte, err error) {
	unreadable := fault.New(fault.CodeUnreadable, "not a signed code")
	text = strings.ToUpper(text)
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != headerLength+ed25519.SignatureSize {
		return Token{}, nil, unreadable
	}
	// The decoder skips line breaks; a token has none.
	if encoding.EncodeToString(b) != text {
		return Token{}, nil, unreadable
	}
	t.Kind = Kind(b[0] & 15)
	if b[0]>>4 != version || t.Kind < Unit || t.Kind > Ticket {
		return Token{}, nil, unreadable
	}
	copy(t.Key[:], b[1:6])
	copy(t.ID[:], b[6:22])
	if s := binary.BigEndian.Uint32(b[22:26]); s != 0 {
		t.Expires = time.Unix(int64(s), 0).UTC()
	}
	return t, b[headerLength:], nil
}

// PublicKey checks signatures until NotAfter (zero: as long as it is in the set).
type PublicKey struct {
	Key      ed25519.PublicKey
	NotAfter time.Time
}

// KeySet are the keys that a phone or server trusts. A new key is put into the set before it signs, an old one stays
// until the last code that it signed has expired or been replaced: that is rotation.
type KeySet map[KeyID]PublicKey

// Verify is the function Verify with the keys of the set.
func (s KeySet) Verify(text string, now time.Time) (Token, error) {
	return Verify(text, now, func(id KeyID) (ed25519.PublicKey, bool) {
		key, ok := s[id]
		return key.Key, ok && (key.NotAfter.IsZero() || now.Before(key.NotAfter))
	})
}

// Verify reads a token and checks key, signature and expiry at the time now; find gives the public key of an id,
// if it is trusted at that time. Every failure is code_unknown, with the reason only in the hidden cause: who
// forged a code learns nothing.
func Verify(text string, now time.Time, find func(KeyID) (ed25519.PublicKey, bool)) (Token, error) {
	t, signature, err := Parse(text)
	if err != nil {
		return Token{}, fault.Wrap(err, CodeUnknown, "")
	}
	key, ok := find(t.Key)
	switch {
	case !ok || len(key) != ed25519.PublicKeySize:
		return Token{}, unknown("signed by a key that is not trusted")
	case !ed25519.Verify(key, append([]byte(domain), t.header()...), signature):
		return Token{}, unknown("the signature is wrong")
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return Token{}, unknown("expired")
	}
	return t, nil
}

func unknown(why string) error {
	return fault.Wrap(fault.New(fault.CodeUnreadable, "%s", why), CodeUnknown, "")
}

// URL is what a QR code holds: base is the server's address. Scheme, host and path are written in capitals where
// base has no path of its own (whose case might matter), which keeps the whole in QR's alphanumeric mode.
func URL(base, text string) string {
	base = strings.TrimRight(base, "/")
	if _, after, ok := strings.Cut(base, "://"); ok && !strings.Contains(after, "/") {
		return strings.ToUpper(base) + "/C/" + text
	}
	return base + "/c/" + text
}

// FromScan finds the token in a scanned text: the text itself, or the path segment after /c/ in a link.
func FromScan(scanned string) (text string, ok bool) {
	s := strings.TrimSpace(scanned)
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndex(strings.ToLower(s), "/c/"); i >= 0 {
		s = strings.TrimRight(s[i+3:], "/")
	}
	return s, len(s) == Length && !strings.ContainsAny(s, "/:")
}
