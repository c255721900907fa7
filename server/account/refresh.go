package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Refresh tokens rotate: each is good for one rotation and gives the next. A thief who copies one and the phone
// that owns it will sooner or later present tokens of two different lines, and then the family ends.
//
// A phone on one bar of signal loses answers. It asks again with the same token, and must not be locked out:
//
//   - within RetryWindow of the last time, the same token gets the very same successor again, so that two requests that
//     cross on
//     the way, or two processes of one phone, end up holding the same one;
//   - later, as long as nobody used the successor, the token gets a new one, and the lost one is dead;
//   - once the successor was used, the token is dead.
//
// Presenting a dead token is reuse. That alone does not tell two holders apart who always come within RetryWindow of
// one another, for each then gets what the other got. So a holder chooses a random word for each token, saves it before
// it presents the token, and says the same whenever it presents that token again: another word for the same token is
// another holder, which is reuse, too. A holder that has said words never presents a token without one. Apps that know
// no words are served by the rules above alone.
//
// A database that was restored from a backup knows only an earlier part of the line; the phone
// holds a token that it has given out and forgotten. That is no reuse: see Lost.
//
// The state of a family is one number, two salts and a time; the tokens
// themselves are kept nowhere, for a token carries its own proof.

// RetryWindow is how long a rotation repeats itself.
const RetryWindow = 2 * time.Minute

// RefreshLife is how long a device or session that does not come back stays signed in: a season offline.
const RefreshLife = 180 * 24 * time.Hour

// Salt makes two successors of the same token differ.
type Salt [12]byte

// NewSalt makes a random salt.
func NewSalt() Salt {
	var s Salt
	// rand.Read never fails; the runtime ends the process instead.
	_, _ = rand.Read(s[:])
	return s
}

// Refresh is the content of a refresh token.
type Refresh struct {
	Org        uuid.UUID
	Family     uuid.UUID
	Generation uint32
	Salt       Salt
}

const refreshBody = 16 + 16 + 4 + 12

// String encodes the token with its proof, about 107 characters.
func (r Refresh) String(s Secret) string {
	b := r.body()
	return base64.RawURLEncoding.EncodeToString(append(b, r.proof(s, b)...))
}

func (r Refresh) body() []byte {
	b := make([]byte, 0, refreshBody+sha256.Size)
	b = append(b, r.Org[:]...)
	b = append(b, r.Family[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Generation)
	return append(b, r.Salt[:]...)
}

func (Refresh) proof(s Secret, body []byte) []byte {
	m := hmac.New(sha256.New, s.key(purposeRefresh))
	m.Write(body)
	return m.Sum(nil)
}

// ParseRefresh reads a token and checks its proof, before any database is asked.
func ParseRefresh(s Secret, text string) (Refresh, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != refreshBody+sha256.Size {
		return Refresh{}, fault.New(fault.RefreshInvalid, "")
	}
	r := Refresh{
		Org: uuid.UUID(b[:16]), Family: uuid.UUID(b[16:32]),
		Generation: binary.BigEndian.Uint32(b[32:36]), Salt: Salt(b[36:48]),
	}
	if !hmac.Equal(b[refreshBody:], r.proof(s, b[:refreshBody])) {
		return Refresh{}, fault.New(fault.RefreshInvalid, "")
	}
	return r, nil
}

// Attempt is the hash of the word that a holder chose for presenting a token; zero for one that chose none.
type Attempt [sha256.Size]byte

// AttemptOf hashes a holder's word.
func AttemptOf(word []byte) Attempt {
	if len(word) == 0 {
		return Attempt{}
	}
	return sha256.Sum256(word)
}

// Line is where a family of refresh tokens is: the newest token that was presented, and its successor.
type Line struct {
	// Generation and Salt of the newest token that was presented; 0 before the first.
	Generation uint32
	Salt       Salt
	// Next is the salt of its successor, whose generation is one higher.
	Next Salt
	// PresentedAt is when that token was last presented.
	PresentedAt time.Time
	// Attempt is what it was presented with; zero where nothing is known of it.
	Attempt Attempt
	// Words: the holder of this line says words, and will not present a token without one.
	Words bool
}

// BeginLine starts a family; its first token is that of Successor.
func BeginLine(next Salt, now time.Time) Line { return Line{Next: next, PresentedAt: now} }

// Successor is the token that the holder should have now.
func (l Line) Successor(org, family uuid.UUID) Refresh {
	return Refresh{Org: org, Family: family, Generation: l.Generation + 1, Salt: l.Next}
}

// Lost tells whether the token belongs to a part of the line that a restored database has forgotten: one that lies
// ahead of any that this line has given out, or another successor, of a line on which nothing has happened since the
// restore was declared (zero: never). Only this server signs tokens, so it did give it out. The line goes on from
// there; whoever holds another token of the same line is found out then as ever. So a copy that was found out in the
// part that is forgotten lives until the phone comes.
func (l Line) Lost(r Refresh, restored time.Time) bool {
	ahead := r.Generation > l.Generation+1 || r.Generation == l.Generation+1 && r.Salt != l.Next
	return ahead && l.PresentedAt.Before(restored)
}

// Undeclared tells whether the token lies so far ahead of the line that the database must have been restored, while
// nobody has ever declared it. Whether it lived or was a copy that was found out, nobody knows any more: it is refused,
// and the family does not end, for with the declaration it may be Lost.
func (l Line) Undeclared(r Refresh, restored time.Time) bool {
	return r.Generation > l.Generation+1 && restored.IsZero()
}

// Continue is the line from a token that the database has forgotten on.
func Continue(r Refresh, a Attempt, fresh Salt, now time.Time) Line {
	return Line{Generation: r.Generation, Salt: r.Salt, Next: fresh, PresentedAt: now, Attempt: a, Words: a != Attempt{}}
}

// Present moves the line on when a token with a valid proof is presented. reused means that the token is dead:
// somebody else holds the living one, and the family must end. fresh is the salt for a new successor.
func (l Line) Present(r Refresh, a Attempt, fresh Salt, now time.Time) (next Line, reused bool) {
	none := Attempt{}
	switch {
	case l.Words && a == none:
		return l, true
	case r.Generation == l.Generation+1 && r.Salt == l.Next:
		return Continue(r, a, fresh, now), false
	case l.Generation > 0 && r.Generation == l.Generation && r.Salt == l.Salt && l.Attempt != none && l.Attempt != a:
		return l, true
	case l.Generation > 0 && r.Generation == l.Generation && r.Salt == l.Salt:
		// The window slides with each repetition: of two that arrive a second apart, one must not fall within and
		// the other without.
		if now.Sub(l.PresentedAt) > RetryWindow {
			l.Next = fresh
		}
		// an app that was upgraded between two tries says a word at the second
		l.PresentedAt, l.Attempt, l.Words = now, a, a != none
		return l, false
	default:
		return l, true
	}
}
