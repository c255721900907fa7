package pgtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
)

// serverLogin is what servers sign in as in tests. Roles belong to the whole cluster: all tests on it share the login.
const serverLogin = "doorstep_test_server"

// ServerURL is how a server reaches the database that ownerURL reaches as its owner.
func ServerURL(ownerURL string) string {
	u, err := url.Parse(ownerURL)
	if err != nil {
		return ownerURL
	}
	q := u.Query()
	q.Del("user")
	q.Del("password")
	u.RawQuery, u.User = q.Encode(), url.UserPassword(serverLogin, serverPassword(ownerURL))
	return u.String()
}

// OwnerURL is how the owner reaches the database of New that serverURL reaches as a server does.
func OwnerURL(t testing.TB, serverURL string) string {
	t.Helper()
	c, err := pgx.ParseConfig(serverURL)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	admin, err := server(t.Context())
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return withDatabase(admin, c.Database)
}

// serverPassword follows from the owner's, so that all test processes that share a cluster know it and nobody else
// does.
func serverPassword(ownerURL string) string {
	var secret string
	if c, err := pgx.ParseConfig(ownerURL); err == nil {
		secret = c.Password
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(serverLogin))
	return hex.EncodeToString(h.Sum(nil))
}
