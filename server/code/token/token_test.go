package token_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorFile = "../testdata/vectors/token.json"

// vectors is the file that the tests of every client language read.
type vectors struct {
	About string        `json:"about"`
	Keys  []vectorKey   `json:"keys"`
	Cases []vectorToken `json:"cases"`
}

type vectorKey struct {
	KeyID    string    `json:"key_id"`
	Seed     string    `json:"seed_hex,omitempty"`
	Ed25519  string    `json:"ed25519_hex"`
	NotAfter time.Time `json:"not_after,omitzero"`
}

type vectorToken struct {
	Name    string    `json:"name"`
	Text    string    `json:"text"`
	Now     time.Time `json:"now"`
	Valid   bool      `json:"valid"`
	Kind    uint8     `json:"kind,omitempty"`
	KeyID   string    `json:"key_id,omitempty"`
	ID      string    `json:"id,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

var (
	now   = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	first = key(1)
	old   = key(2)
	other = key(3)
	trust = token.KeySet{
		keyID(1): {Key: first.Public().(ed25519.PublicKey)},
		keyID(2): {Key: old.Public().(ed25519.PublicKey), NotAfter: now.Add(24 * time.Hour)},
	}
	id = uuid.MustParse("0193572f-9c2a-7b3e-8d41-6f0a5c2e9b17")
)

func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+n)), ed25519.SeedSize)))
}

func keyID(n byte) token.KeyID { return token.KeyID{n, n, n, n, n} }

func TestSignedCodeHoldsUntilItExpires(t *testing.T) {
	t.Parallel()
	in := token.Token{Kind: token.Ticket, Key: keyID(1), ID: id, Expires: now.Add(time.Hour)}
	text := token.Sign(in, first)
	if len(text) != token.Length {
		t.Fatalf("%d characters", len(text))
	}
	for _, written := range []string{text, strings.ToLower(text)} {
		got, err := trust.Verify(written, now)
		if err != nil || got != in {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if _, err := trust.Verify(text, in.Expires.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := trust.Verify(text, in.Expires); fault.CodeOf(err) != token.CodeUnknown {
		t.Fatalf("at its expiry: %v", err)
	}
}

func TestEveryFailureLooksTheSame(t *testing.T) {
	t.Parallel()
	good := token.Token{Kind: token.Entry, Key: keyID(1), ID: id}
	forged := token.Sign(good, other)
	foreign := good
	foreign.Key = keyID(3)
	retired := good
	retired.Key = keyID(2)
	for name, c := range map[string]struct {
		text string
		at   time.Time
	}{
		"forged":      {forged, now},
		"unknown key": {token.Sign(foreign, other), now},
		"retired key": {token.Sign(retired, old), now.Add(25 * time.Hour)},
		"empty":       {"", now},
		"garbage":     {strings.Repeat("A", token.Length), now},
		"short":       {token.Sign(good, first)[1:], now},
		"newline":     {token.Sign(good, first)[:70] + "\n" + token.Sign(good, first)[70:], now},
	} {
		_, err := trust.Verify(c.text, c.at)
		if fault.CodeOf(err) != token.CodeUnknown || fault.As(err).Public("en") != token.CodeUnknown.Sentence("en") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOneChangedCharacterIsForgery(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := token.Token{
			Kind: token.Kind(rapid.IntRange(1, 3).Draw(t, "kind")), Key: keyID(1),
			ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		}
		text := token.Sign(in, first)
		if got, err := trust.Verify(text, now); err != nil || got != in {
			t.Fatalf("%+v → %+v, %v", in, got, err)
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		letter := rapid.SampledFrom([]rune("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")).Draw(t, "letter")
		changed := text[:at] + string(letter) + text[at+1:]
		if _, err := trust.Verify(changed, now); changed != text && err == nil {
			t.Fatalf("%s passes", changed)
		}
	})
}

func TestACodeKnowsItsCompany(t *testing.T) {
	t.Parallel()
	org := uuid.MustParse("0193572f-0000-7000-8000-0123456789ab")
	a, err := token.NewID(org)
	if err != nil {
		t.Fatal(err)
	}
	b, err := token.NewID(org)
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a.Version() != 7 || (token.Token{ID: a}).Handle() != token.HandleOf(org) {
		t.Fatal(a, b)
	}
	if got := token.HandleOf(org).String(); got != "encwpcnl" {
		t.Fatal(got)
	}
}

func TestTheSignatureIsBoundToItsPurpose(t *testing.T) {
	t.Parallel()
	text := token.Sign(token.Token{Kind: token.Unit, Key: keyID(1), ID: id}, first)
	_, signature, err := token.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	raw := append([]byte{1<<4 | 1, 1, 1, 1, 1, 1}, id[:]...)
	raw = append(raw, 0, 0, 0, 0)
	if ed25519.Verify(first.Public().(ed25519.PublicKey), raw, signature) {
		t.Fatal("the signature is over the bare bytes")
	}
}

func TestLinkAndTextAreFoundInWhatWasScanned(t *testing.T) {
	t.Parallel()
	text := token.Sign(token.Token{Kind: token.Entry, Key: keyID(1), ID: id}, first)
	if got := token.URL("https://doorstep.example", text); got != "HTTPS://DOORSTEP.EXAMPLE/C/"+text {
		t.Fatal(got)
	}
	if got := token.URL("https://doorstep.example/Under/", text); got != "https://doorstep.example/Under/c/"+text {
		t.Fatal(got)
	}
	for _, scanned := range []string{
		text, " " + text + "\n", "HTTPS://H/C/" + text, "https://h.example/x/c/" + text + "/?a=1#b",
		strings.ToLower("https://h/c/" + text),
	} {
		if got, ok := token.FromScan(scanned); !ok || !strings.EqualFold(got, text) {
			t.Errorf("%q → %q, %v", scanned, got, ok)
		}
	}
	for _, scanned := range []string{"", "https://h/01/06901234567892", "https://h/c/abc", "4006381333931"} {
		if got, ok := token.FromScan(scanned); ok {
			t.Errorf("%q → %q", scanned, got)
		}
	}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	keys := token.KeySet{}
	for _, k := range v.Keys {
		kid, err := token.ParseKeyID(k.KeyID)
		if err != nil {
			t.Fatal(err)
		}
		public, err := hex.DecodeString(k.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		keys[kid] = token.PublicKey{Key: public, NotAfter: k.NotAfter}
	}
	for _, c := range v.Cases {
		got, err := keys.Verify(c.Text, c.Now)
		if (err == nil) != c.Valid {
			t.Errorf("%s: valid is %v, want %v (%v)", c.Name, err == nil, c.Valid, err)
			continue
		}
		if c.Valid && (uint8(got.Kind) != c.Kind || got.Key.String() != c.KeyID || got.ID.String() != c.ID ||
			!got.Expires.Equal(c.Expires)) {
			t.Errorf("%s: got %+v", c.Name, got)
		}
	}
	if len(v.Cases) == 0 {
		t.Fatal("no vectors")
	}
}

func writeVectors(t *testing.T) {
	v := vectors{About: "Signed codes. Trust the keys, verify each text at its time 'now'. Seeds are given so that " +
		"signing can be tested too; a key without a seed only verifies."}
	for n, k := range map[byte]ed25519.PrivateKey{1: first, 2: old} {
		v.Keys = append(v.Keys, vectorKey{
			KeyID: keyID(n).String(), Seed: hex.EncodeToString(k.Seed()),
			Ed25519: hex.EncodeToString(k.Public().(ed25519.PublicKey)), NotAfter: trust[keyID(n)].NotAfter,
		})
	}
	if v.Keys[0].KeyID > v.Keys[1].KeyID {
		v.Keys[0], v.Keys[1] = v.Keys[1], v.Keys[0]
	}
	add := func(name, text string, at time.Time, tok token.Token, valid bool) {
		c := vectorToken{Name: name, Text: text, Now: at, Valid: valid}
		if valid {
			c.Kind, c.KeyID, c.ID, c.Expires = uint8(tok.Kind), tok.Key.String(), tok.ID.String(), tok.Expires
		}
		v.Cases = append(v.Cases, c)
	}
	unit := token.Token{Kind: token.Unit, Key: keyID(1), ID: id}
	entry := token.Token{Kind: token.Entry, Key: keyID(2), ID: id}
	ticket := token.Token{Kind: token.Ticket, Key: keyID(1), ID: id, Expires: now.Add(72 * time.Hour)}
	sealed := token.Sign(ticket, first)
	add("unit code", token.Sign(unit, first), now, unit, true)
	add("entry code of the older key", token.Sign(entry, old), now, entry, true)
	add("ticket code that expires", sealed, now, ticket, true)
	add("in lower case", strings.ToLower(sealed), now, ticket, true)
	add("a second before it expires", sealed, ticket.Expires.Add(-time.Second), ticket, true)
	add("at its expiry", sealed, ticket.Expires, ticket, false)
	add("of a retired key", token.Sign(entry, old), trust[keyID(2)].NotAfter, entry, false)
	add("signed by somebody else", token.Sign(unit, other), now, unit, false)
	add("kind changed", token.Sign(unit, first)[:1]+"I"+token.Sign(unit, first)[2:], now, unit, false)
	add("signature cut off", sealed[:len(sealed)-8], now, ticket, false)
	add("signature changed", sealed[:len(sealed)-1]+"A", now, ticket, false)
	add("not base32", "!"+sealed[1:], now, ticket, false)
	add("empty", "", now, ticket, false)
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(token.Sign(token.Token{Kind: token.Unit, Key: keyID(1), ID: id}, first))
	f.Add("")
	f.Add("HTTPS://X/C/AAAA")
	f.Add(strings.Repeat("=", token.Length))
	f.Add(strings.Repeat("\n", token.Length))
	f.Fuzz(func(t *testing.T, s string) {
		text, _ := token.FromScan(s)
		got, err := trust.Verify(text, now)
		if err != nil {
			return
		}
		// Whatever verifies is one of ours, letter for letter.
		for _, k := range []ed25519.PrivateKey{first, old} {
			if token.Sign(got, k) == strings.ToUpper(text) {
				return
			}
		}
		t.Fatalf("%q verifies as %+v", s, got)
	})
}
