package account

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// AccessLife is how long an access token is good. It is short because it carries no state: what a revocation
// must end sooner is asked of the database, see Authenticator.
const AccessLife = 15 * time.Minute

// clockLeeway is how far the clocks of two replicas may differ.
const clockLeeway = 30 * time.Second

const issuer = "doorstep"

// Bearer is what an access token says: who holds it. It says nothing of rights, which change sooner.
type Bearer struct {
	Org    uuid.UUID
	User   uuid.UUID
	Family uuid.UUID // the device, or the console session
	Device bool      // the family is a device
}

type claims struct {
	jwt.RegisteredClaims
	Org    uuid.UUID `json:"org"`
	Family uuid.UUID `json:"fam"`
	Device bool      `json:"dev,omitempty"`
}

// SignAccess makes the access token of b, good from now for AccessLife.
func SignAccess(keys *Keyring, b Bearer, now time.Time) (token string, expires time.Time, err error) {
	key, err := keys.Signer(UseToken, now)
	if err != nil {
		return "", time.Time{}, err
	}
	expires = now.Add(AccessLife).Truncate(time.Second)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: b.User.String(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Org: b.Org, Family: b.Family, Device: b.Device,
	})
	t.Header["kid"] = key.ID
	token, err = t.SignedString(key.Private)
	if err != nil {
		return "", time.Time{}, fault.Wrap(err, fault.Internal, "")
	}
	return token, expires, nil
}

// VerifyAccess reads an access token. One that has run out is TokenExpired, anything else that does not hold is
// Unauthenticated. When it was made is not asked: a token from the future is one of a replica whose clock is ahead.
// until is when it runs out.
func VerifyAccess(keys *Keyring, token string, now time.Time) (b Bearer, until time.Time, err error) {
	sum := tokenSum(sha256.Sum256([]byte(token)))
	if v, ok := keys.verified.get(sum); ok && v.holds(keys, now) {
		return v.bearer, v.expires, nil
	}
	v, err := verify(keys, token, now)
	if err == nil {
		keys.verified.put(sum, v)
	}
	return v.bearer, v.expires, err
}

// tokenSum names a token without keeping it.
type tokenSum [sha256.Size]byte

// verified is what a token said when its signature was looked at, which costs more than a phone's whole answer.
type verified struct {
	bearer  Bearer
	key     string
	public  string // the bytes of the key, which may come to be another's
	expires time.Time
}

// holds tells whether looking again would come to the same.
func (v verified) holds(keys *Keyring, now time.Time) bool {
	pub, ok := keys.Verifier(UseToken, v.key, now)
	return ok && string(pub) == v.public && now.Before(v.expires.Add(clockLeeway))
}

func verify(keys *Keyring, token string, now time.Time) (verified, error) {
	var c claims
	var v verified
	_, err := jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, ok := t.Header["kid"].(string)
		if !ok {
			return nil, errors.New("token names no key")
		}
		pub, ok := keys.Verifier(UseToken, kid, now)
		if !ok {
			return nil, fmt.Errorf("token names the unknown key %q", kid)
		}
		v.key, v.public = kid, string(pub)
		return pub, nil
	}, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(),
		jwt.WithLeeway(clockLeeway), jwt.WithTimeFunc(func() time.Time { return now }))
	if errors.Is(err, jwt.ErrTokenExpired) {
		return verified{}, fault.Wrap(err, fault.TokenExpired, "")
	}
	if err != nil {
		return verified{}, fault.Wrap(err, fault.Unauthenticated, "")
	}
	user, err := uuid.Parse(c.Subject)
	if err != nil {
		return verified{}, fault.Wrap(err, fault.Unauthenticated, "")
	}
	v.bearer, v.expires = Bearer{Org: c.Org, User: user, Family: c.Family, Device: c.Device}, c.ExpiresAt.Time
	return v, nil
}
