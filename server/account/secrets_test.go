package account

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

func newKey(t *testing.T, use Use, from time.Time) SigningKey {
	t.Helper()
	k, err := NewSigningKey(use, from)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	ring := NewKeyring(newKey(t, UseToken, morning.Add(-time.Hour)), newKey(t, UseCode, morning.Add(-time.Minute)))
	b := Bearer{Org: uuid.New(), User: uuid.New(), Family: uuid.New(), Device: true}
	token, expires, err := SignAccess(ring, b, morning)
	if err != nil || !expires.Equal(morning.Add(AccessLife)) {
		t.Fatal(err, expires)
	}
	if _, _, err := VerifyAccess(ring, token, morning.Add(-time.Hour)); err != nil {
		t.Errorf("a token of a replica whose clock is an hour ahead: %v", err)
	}
	if got, until, err := VerifyAccess(ring, token, morning.Add(AccessLife-time.Second)); err != nil || got != b ||
		!until.Equal(expires) {
		t.Errorf("%v %v", got, err)
	}
	code, err := ring.Signer(UseCode, morning)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, key any, kid string) string {
		f := jwt.NewWithClaims(method, claims{RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: b.User.String(), ExpiresAt: jwt.NewNumericDate(morning.Add(time.Hour)),
		}, Org: b.Org})
		f.Header["kid"] = kid
		s, err := f.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, c := range map[string]struct {
		token string
		at    time.Time
		want  fault.Code
	}{
		"expired":   {token, morning.Add(AccessLife + time.Minute), fault.TokenExpired},
		"cut short": {token[:len(token)-4], morning, fault.Unauthenticated},
		"nonsense":  {"x.y.z", morning, fault.Unauthenticated},
		"no algorithm": {
			forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, code.ID), morning,
			fault.Unauthenticated,
		},
		"HMAC keyed with a public key": {
			forge(jwt.SigningMethodHS256, []byte(code.Public), ring.Keys(UseToken)[0].ID),
			morning, fault.Unauthenticated,
		},
		"signed by a key of other use": {
			forge(jwt.SigningMethodEdDSA, code.Private, code.ID), morning,
			fault.Unauthenticated,
		},
		"signed by a key of no keyring": {
			forge(jwt.SigningMethodEdDSA, newKey(t, UseToken, morning).Private, "nobody"),
			morning, fault.Unauthenticated,
		},
	} {
		if _, _, err := VerifyAccess(ring, c.token, c.at); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARememberedTokenHoldsNoLongerThanALookAtItWouldSay(t *testing.T) {
	t.Parallel()
	key := newKey(t, UseToken, morning)
	ring := NewKeyring(key)
	b := Bearer{Org: uuid.New(), User: uuid.New(), Family: uuid.New()}
	token, expires, err := SignAccess(ring, b, morning)
	if err != nil {
		t.Fatal(err)
	}
	good := func(at time.Time) {
		t.Helper()
		if got, _, err := VerifyAccess(ring, token, at); err != nil || got != b {
			t.Errorf("at %v: %v %v", at, got, err)
		}
	}
	good(morning)
	good(expires.Add(clockLeeway - time.Second))
	if _, _, err := VerifyAccess(ring, token, expires.Add(clockLeeway+time.Second)); fault.CodeOf(err) !=
		fault.TokenExpired {
		t.Errorf("run out: %v", err)
	}
	good(morning)
	other := newKey(t, UseToken, morning)
	other.ID = key.ID
	for name, keys := range map[string][]SigningKey{"no key": nil, "another key of the same name": {other}} {
		ring.Replace(keys)
		if _, _, err := VerifyAccess(ring, token, morning); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	ring.Replace([]SigningKey{key})
	good(morning)
}

func TestKeysRotateWithoutEndingWhatTheySigned(t *testing.T) {
	t.Parallel()
	old := newKey(t, UseToken, morning)
	young := newKey(t, UseToken, morning.Add(time.Hour))
	ring := NewKeyring(old)
	token, _, err := SignAccess(ring, Bearer{}, morning.Add(59*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	ring.Replace([]SigningKey{old, young})
	for at, want := range map[time.Time]string{morning.Add(59 * time.Minute): old.ID, morning.Add(time.Hour): young.ID} {
		if k, err := ring.Signer(UseToken, at); err != nil || k.ID != want {
			t.Errorf("at %v: %v %v", at, k.ID, err)
		}
	}
	if _, _, err := VerifyAccess(ring, token, morning.Add(70*time.Minute)); err != nil {
		t.Errorf("a token signed by the old key: %v", err)
	}
	old.VerifyUntil = morning.Add(61 * time.Minute)
	ring.Replace([]SigningKey{old, young})
	if _, _, err := VerifyAccess(ring, token, morning.Add(70*time.Minute)); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a token of a retired key: %v", err)
	}
	if ring.Keys(UseToken)[0].Private != nil {
		t.Error("a private key was handed out")
	}
	id, sig, err := ring.Sign(UseToken, []byte("text"), morning.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pub, ok := ring.Verifier(UseToken, id, morning.Add(time.Hour))
	if !ok || !ed25519.Verify(pub, []byte("text"), sig) {
		t.Error("the signature does not hold")
	}
	if _, err := ring.Signer(UseReceipt, morning); err == nil {
		t.Error("a ring without a receipt key signs receipts")
	}
}

func TestSealedKeysOpenOnlyWithTheirSecret(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	sealed, err := s.seal(purposeKey, []byte("private"), []byte("id"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := s.open(purposeKey, sealed, []byte("id")); err != nil || string(plain) != "private" {
		t.Error(err)
	}
	if _, err := NewSecret().open(purposeKey, sealed, []byte("id")); err == nil {
		t.Error("opened by another secret")
	}
	if _, err := s.open(purposeKey, sealed, []byte("other id")); err == nil {
		t.Error("opened under another name")
	}
	if bytes.Equal(s.Key("phone"), s.key("phone")) {
		t.Error("a room can derive a key of ours")
	}
	if _, err := ParseSecret(make([]byte, 31)); fault.CodeOf(err) != fault.ConfigInvalid {
		t.Error(err)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	weak := Argon{MemoryKiB: 64, Passes: 1, Lanes: 1}
	phc, err := HashPassword(t.Context(), "一二三四五六七八九十", weak)
	if err != nil {
		t.Fatal(err)
	}
	if ok, stale, err := CheckPassword(t.Context(), "一二三四五六七八九十", phc); err != nil || !ok || !stale {
		t.Error(ok, stale, err)
	}
	for name, c := range map[string]struct {
		password, phc string
		fails         bool
	}{
		"wrong":                  {"一二三四五六七八九", phc, false},
		"user without password":  {"", "", false},
		"password far too long":  {strings.Repeat("x", 10_000), phc, false},
		"hash of unknown kind":   {"x", "$2a$10$abc", true},
		"hash cut short":         {"x", phc[:len(phc)-50], true},
		"parameters out of hand": {"x", strings.Replace(phc, "m=64", "m=99999999", 1), true},
		"hash emptied":           {"", phc[:strings.LastIndex(phc, "$")+1], true},
	} {
		ok, _, err := CheckPassword(t.Context(), c.password, c.phc)
		if ok || (err != nil) != c.fails {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	if _, err := HashPassword(t.Context(), "short", weak); fault.CodeOf(err) != fault.InvalidArgument {
		t.Error(err)
	}
}

func TestEnrolmentCodesForgiveTheHandAndCatchTheSlip(t *testing.T) {
	t.Parallel()
	code := NewEnrolmentCode()
	normal, ok := NormalEnrolmentCode(code)
	if !ok || len(normal) != 9 {
		t.Fatal(code)
	}
	wide := strings.Map(func(r rune) rune {
		if r == '-' {
			return '　'
		}
		return r - '!' + '！'
	}, code)
	for _, typed := range []string{strings.ToLower(code), " " + strings.ReplaceAll(code, "-", "") + " ", wide} {
		if got, ok := NormalEnrolmentCode(typed); !ok || got != normal {
			t.Errorf("%q was not understood", typed)
		}
	}
	for i := range normal {
		for _, letter := range []byte(enrolAlphabet) {
			slip := []byte(normal)
			slip[i] = letter
			if _, ok := NormalEnrolmentCode(string(slip)); ok && string(slip) != normal {
				t.Errorf("%s taken for %s", slip, normal)
			}
		}
		if i+1 < enrolLength && normal[i] != normal[i+1] {
			slip := []byte(normal)
			slip[i], slip[i+1] = slip[i+1], slip[i]
			if _, ok := NormalEnrolmentCode(string(slip)); ok {
				t.Errorf("swapped %s taken for %s", slip, normal)
			}
		}
	}
	for _, typed := range []string{"", "ABC", "OOOO-IIII-L", normal + "A", strings.Repeat("A", 10_000), "上门上门上门上门上"} {
		if _, ok := NormalEnrolmentCode(typed); ok {
			t.Errorf("%.20q taken for a code", typed)
		}
	}
}
