package proof_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"image"
	"image/png"
	"net/http"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func drawing(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// heic is a HEIC file without a picture in it.
func heic() []byte {
	box := func(kind string, data []byte) []byte {
		return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(data)+8)), kind...), data...)
	}
	ispe := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(make([]byte, 4), 64), 48)
	meta := box("meta", append(make([]byte, 4), box("iprp", box("ipco", box("ispe", ispe)))...))
	return append(box("ftyp", []byte("heic\x00\x00\x00\x00mif1heic")), meta...)
}

// asType announces bytes as being of a type, and sends them.
func (h *house) asType(b []byte, announced string) []byte {
	h.t.Helper()
	m := h.manifest(b)
	m.MediaType = announced
	if v := h.push("proof.attach", m); v.Outcome != change.Applied {
		h.t.Fatalf("%q: %s %s %s", announced, v.Outcome, v.Code, v.Detail)
	}
	h.upload(m.GetId(), b)
	return m.GetId()
}

func TestAPictureIsVerifiedAndShownAsWhatItsBytesAre(t *testing.T) {
	t.Parallel()
	h := open(t)
	jpeg, square := photo(t, 64), drawing(t, image.NewGray(image.Rect(0, 0, 16, 16)))
	for _, c := range []struct {
		b               []byte
		announced, want string
	}{
		{heic(), "image/jpeg", "image/heic"},
		{jpeg, "", "image/jpeg"},
		{jpeg, "image/jpg", "image/jpeg"},
		{jpeg, "image/png", "image/jpeg"},
		{square, "image/webp", "image/png"},
		{jpeg, "text/html", "image/jpeg"},
	} {
		id := h.asType(c.b, c.announced)
		p, err := h.finish(h.tech(), id)
		if err != nil || p.GetState() != verified || p.GetMediaType() != c.want {
			t.Errorf("a %s announced as %q: %v, %v", c.want, c.announced, p, err)
			continue
		}
		if !ed25519.Verify(h.public, proof.ReceiptText(h.org, p), p.GetReceipt()) {
			t.Errorf("a %s announced as %q: the receipt does not hold", c.want, c.announced)
		}
		if code, header, got := h.get(must(h.view(h.tech(), id)).GetOriginalUrl()); code != http.StatusOK ||
			header.Get("Content-Type") != c.want || !bytes.Equal(got, c.b) {
			t.Errorf("a %s announced as %q is shown as %s, %d", c.want, c.announced, header.Get("Content-Type"), code)
		}
	}
	m := h.manifest(jpeg)
	m.MediaType = "image/jpeg\r\nX-Header: 1"
	if v := h.push("proof.attach", m); v.Outcome != change.Parked {
		t.Errorf("a type with a line of its own is %s", v.Outcome)
	}
}

func TestAPictureThatTakesTooMuchMemoryIsVerifiedWithoutCopies(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *stand) { c.Memory = 26 << 20 })
	for edge, copies := range map[int]bool{64: true, 2000: false} {
		b := drawing(t, image.NewGray(image.Rect(0, 0, edge, edge)))
		id := h.asType(b, "image/png")
		if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
			t.Errorf("%d pixels: %v, %v", edge, p, err)
		}
		v := must(h.view(h.tech(), id))
		if (v.GetThumbnailUrl() != "") != copies || (v.GetSharedUrl() != "") != copies || v.GetOriginalUrl() == "" {
			t.Errorf("%d pixels: shown as %v", edge, v)
		}
	}
}

func TestACallDoesNotWaitForALongVerificationAndTheNextOneFindsItsEnd(t *testing.T) {
	t.Parallel()
	begun, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	h := open(t, func(c *stand) {
		c.Patience = time.Millisecond
		c.verified = func(tx *postgres.Tx) { tx.AfterCommit(func() { close(ended) }) }
		c.Examiner = media.Examiner{DecodeHEIC: func(context.Context, []byte) ([]byte, error) {
			close(begun) // a second decoding would panic
			<-goOn
			return photo(t, 64), nil
		}}
	})
	id := h.asType(heic(), "image/heic")
	gone, cancel := context.WithCancel(h.tech())
	_, err := h.finish(gone, id)
	wantCode(t, "while it is verified", err, fault.ProofVerifying)
	cancel() // who began it does not wait any more
	if fault.As(err).RetryAfter <= 0 {
		t.Error("does not say when to ask again")
	}
	if _, err := h.finish(gone, id); err == nil {
		t.Error("a caller that has gone is answered")
	}
	<-begun
	_, err = h.finish(h.tech(), id)
	wantCode(t, "still", err, fault.ProofVerifying)
	close(goOn)
	<-ended
	if got := h.onFeed(h.user, id); got.GetState() != verified {
		t.Errorf("on the feed: %v", got)
	}
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified || len(p.GetReceipt()) == 0 {
		t.Errorf("asked again: %v, %v", p, err)
	}
}
