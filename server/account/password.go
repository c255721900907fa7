package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Argon is a set of argon2id parameters. They are stored with each hash, so that they can be raised.
type Argon struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultArgon is what OWASP recommends as least for argon2id.
var DefaultArgon = Argon{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1}

const (
	saltSize = 16
	hashSize = 32
	// minPassword and maxPassword bound a password, in characters and in bytes.
	minPassword, maxPassword = 10, 200
	// hashesAtOnce bounds the memory that sign-ins can claim: 4 × 19 MiB.
	hashesAtOnce = 4
)

var hashing = make(chan struct{}, hashesAtOnce)

// HashPassword gives the PHC string of a password: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func HashPassword(ctx context.Context, password string, a Argon) (string, error) {
	if n := utf8.RuneCountInString(password); n < minPassword || len(password) > maxPassword {
		return "", fault.New(fault.InvalidArgument, "a password has %d characters at least", minPassword)
	}
	salt := make([]byte, saltSize)
	// rand.Read never fails; the runtime ends the process instead.
	_, _ = rand.Read(salt)
	h, err := derive(ctx, password, salt, a, hashSize)
	if err != nil {
		return "", err
	}
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.MemoryKiB, a.Passes, a.Lanes,
		e.EncodeToString(salt), e.EncodeToString(h)), nil
}

// CheckPassword tells whether password is the one of the PHC string, in constant time. stale says that the
// string was made with weaker parameters than DefaultArgon and should be made anew. An empty string, which a
// user without password has, takes the same time and never agrees: nobody learns which names exist.
func CheckPassword(ctx context.Context, password, phc string) (ok, stale bool, err error) {
	a, salt, want, perr := parsePHC(phc)
	if perr != nil {
		a, salt, want = DefaultArgon, make([]byte, saltSize), make([]byte, hashSize)
		if phc != "" {
			return false, false, fault.Wrap(perr, fault.Internal, "")
		}
	}
	if len(password) > maxPassword {
		password = ""
	}
	got, err := derive(ctx, password, salt, a, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && perr == nil
	return ok, a.MemoryKiB < DefaultArgon.MemoryKiB || a.Passes < DefaultArgon.Passes, nil
}

func derive(ctx context.Context, password string, salt []byte, a Argon, size uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, a.Passes, a.MemoryKiB, a.Lanes, size), nil
}

func parsePHC(s string) (a Argon, salt, hash []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return Argon{}, nil, nil, fmt.Errorf("not an argon2id string")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.MemoryKiB, &a.Passes, &a.Lanes); err != nil {
		return Argon{}, nil, nil, err
	}
	if a.Passes == 0 || a.Lanes == 0 || a.MemoryKiB > 1<<20 {
		return Argon{}, nil, nil, fmt.Errorf("argon2id parameters out of range")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return Argon{}, nil, nil, err
	}
	if hash, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return Argon{}, nil, nil, err
	}
	if len(hash) == 0 {
		return Argon{}, nil, nil, fmt.Errorf("empty hash")
	}
	return a, salt, hash, nil
}
