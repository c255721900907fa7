package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// sealLife is how long a form may stay open before it must be sent again.
const sealLife = 12 * time.Hour

// A seal is the hidden field of the form: a request id and the time it was given out, bound to the code by an
// HMAC. Another site cannot make one, one form books once however often it is sent, and nobody chooses ids.
func (p *Pages) seal(code string, request uuid.UUID, now time.Time) string {
	b := binary.BigEndian.AppendUint64(request[:], uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, p.mac(code, b)...))
}

// unseal checks the field and returns the request id.
func (p *Pages) unseal(code, sealed string, now time.Time) (uuid.UUID, bool) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(b) != 24+sha256.Size || !hmac.Equal(b[24:], p.mac(code, b[:24])) {
		return uuid.Nil, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(b[16:24])), 0))
	return uuid.UUID(b[:16]), age > -time.Minute && age < sealLife
}

func (p *Pages) mac(code string, b []byte) []byte {
	h := hmac.New(sha256.New, p.Secret)
	h.Write([]byte("doorstep booking form v1\n"))
	h.Write(b)
	h.Write([]byte(code))
	return h.Sum(nil)
}
