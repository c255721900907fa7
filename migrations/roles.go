package migrations

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/text/secure/precis"
)

// AppRole is the role that holds what a server may do. It cannot sign in; the server's login is a member of it.
const AppRole = "doorstep_app"

// atOnce is how often a role is tried to be made: roles belong to the whole cluster, and other databases of it may be
// migrated at this moment, where no lock of ours reaches.
const atOnce = 5

func makeAppRole(ctx context.Context, ownerURL string) error {
	return connected(ctx, ownerURL, func(c *pgx.Conn) error {
		return makeRole(ctx, c, AppRole, "NOLOGIN")
	})
}

// MakeLogin makes the login that serverURL signs in as, with its password, and lets it do what a server does. One that
// exists keeps its password. ownerURL is a role that may do that; see Lacking.
func MakeLogin(ctx context.Context, ownerURL, serverURL string) error {
	server, err := pgx.ParseConfig(serverURL)
	if err != nil {
		return fmt.Errorf("the server's database URL: %w", err)
	}
	return connected(ctx, ownerURL, func(c *pgx.Conn) error {
		if err := makeRole(ctx, c, AppRole, "NOLOGIN"); err != nil {
			return err
		}
		options := "LOGIN"
		if server.Password != "" {
			verifier, err := scram(server.Password)
			if err != nil {
				return err
			}
			options += " PASSWORD '" + verifier + "'"
		}
		if err := makeRole(ctx, c, server.User, options); err != nil {
			return err
		}
		return join(ctx, c, server.User)
	})
}

// makeRole makes a role if there is none of that name.
func makeRole(ctx context.Context, c *pgx.Conn, name, options string) error {
	var there bool
	if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&there); err != nil ||
		there {
		return err
	}
	_, err := c.Exec(ctx, "CREATE ROLE "+ident(name)+" "+options)
	if met(err) {
		return nil
	}
	return err
}

// join makes a login a member of AppRole.
func join(ctx context.Context, c *pgx.Conn, login string) error {
	var err error
	for range atOnce {
		var member bool
		if err := c.QueryRow(ctx, memberSQL, login, AppRole).Scan(&member); err != nil || member {
			return err
		}
		if _, err = c.Exec(ctx, "GRANT "+AppRole+" TO "+ident(login)); !met(err) {
			return err
		}
	}
	return err
}

// memberSQL asks whether $1 is a member of $2 by a grant. A superuser, who is every role's member, is none by that.
const memberSQL = `SELECT EXISTS (SELECT FROM pg_auth_members m
	WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = $1) AND m.roleid = (SELECT oid FROM pg_roles
		WHERE rolname = $2))`

// met tells whether somebody else made the same at the same moment.
func met(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "42710", "23505": // it exists, or its row does
		return true
	}
	return pg.Code == "XX000" && pg.Message == "tuple concurrently updated"
}

// scram is what PostgreSQL keeps of a password (RFC 5802, 7677), so that the password itself is in no log of
// statements.
func scram(password string) (string, error) {
	if normal, err := precis.OpaqueString.String(password); err == nil {
		password = normal // as the driver does when it signs in
	}
	const rounds = 4096
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	sum := func(word string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(word))
		return h.Sum(nil)
	}
	stored, text := sha256.Sum256(sum("Client Key")), base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", rounds, text(salt), text(stored[:]), text(sum("Server Key"))), nil
}

func connected(ctx context.Context, url string, do func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close(context.WithoutCancel(ctx)))
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }
