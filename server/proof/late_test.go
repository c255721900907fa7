package proof_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/proof"
)

// slow is a replica on the same database and store that has read an original and not yet looked at it.
type slow struct {
	house *house
	// read is closed when the original has left the store; goOn lets the replica have it.
	read, goOn chan struct{}
}

// held gives nothing until it may.
type held struct {
	from         io.Reader
	until, ended <-chan struct{}
}

func (h *held) Read(p []byte) (int, error) {
	select {
	case <-h.until:
		return h.from.Read(p)
	case <-h.ended:
		return 0, io.ErrUnexpectedEOF
	}
}

// slowReplica makes a replica between which and the store the first original that is read waits.
func (h *house) slowReplica() *slow {
	h.t.Helper()
	target, err := url.Parse("http://" + strings.TrimPrefix(h.bucket.Endpoint, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	s := &slow{read: make(chan struct{}), goOn: make(chan struct{})}
	var once sync.Once
	between := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: func(res *http.Response) error {
			q := res.Request
			parts := q.URL.Query().Has("uploadId") // lists what has come of an upload
			if q.Method != http.MethodGet || parts || !strings.Contains(q.URL.Path, "/original") {
				return nil
			}
			b, err := io.ReadAll(res.Body)
			if err != nil {
				return err
			}
			first := false
			once.Do(func() { first = true })
			if !first {
				res.Body = io.NopCloser(bytes.NewReader(b))
				return nil
			}
			// The beginning goes out at once, so that nobody takes the store for one that is away.
			rest := &held{from: bytes.NewReader(b[1:]), until: s.goOn, ended: q.Context().Done()}
			res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b[:1]), rest))
			close(s.read)
			return nil
		},
		FlushInterval: -1,
	}
	server := httptest.NewServer(between)
	h.t.Cleanup(server.Close)
	objects, err := proof.OpenObjects(proof.ObjectsConfig{
		Endpoint: server.URL, Bucket: h.bucket.Name, Region: h.bucket.Region, AccessKey: h.bucket.AccessKey,
		SecretKey: h.bucket.SecretKey,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(objects.Close)
	c := h.Config
	c.Objects = objects
	other := *h
	other.Proofs = proof.New(c, h.stand)
	h.t.Cleanup(func() { _ = other.Stop(context.Background()) })
	s.house = &other
	return s
}

// outcome is what a call of FinishUpload gave.
type outcome struct {
	proof *fieldv1.Proof
	err   error
}

// finish begins to finish a proof and returns when its bytes were read.
func (s *slow) finish(id []byte) <-chan outcome {
	s.house.t.Helper()
	done := make(chan outcome, 1)
	ctx := s.house.tech()
	go func() {
		p, err := s.house.finish(ctx, id)
		done <- outcome{p, err}
	}()
	select {
	case <-s.read:
	case o := <-done:
		s.house.t.Fatalf("finished before the bytes were read: %v, %v", o.proof, o.err)
	}
	return done
}

// garbled uploads b with another bit somewhere in it, as parts without hashes let it happen.
func (h *house) garbled(id, b []byte) {
	h.t.Helper()
	other := bytes.Clone(b)
	other[7<<20] ^= 1
	for _, q := range h.requests(id) {
		if code := h.send(q, other); code != http.StatusOK {
			h.t.Fatal(code)
		}
	}
}

func (h *house) attempts(id []byte) (n int) {
	h.t.Helper()
	if err := h.db.Owner.QueryRow(h.t.Context(), `SELECT attempts FROM proof
		WHERE id = $1`, uuid.UUID(id)).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestWhoFindsOtherBytesLateKeepsThePhotoThatIsVerifiedMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := big(t)
	id := h.attach(b)
	h.garbled(id, b)
	late := h.slowReplica()
	done := late.finish(id)
	_, err := h.finish(h.tech(), id)
	wantCode(t, "other bytes", err, proof.HashDiffers)
	h.upload(id, b)
	p, err := h.finish(h.tech(), id)
	if err != nil || p.GetState() != verified {
		t.Fatalf("the right bytes: %v, %v", p, err)
	}
	close(late.goOn)
	if o := <-done; o.err != nil || !bytes.Equal(o.proof.GetReceipt(), p.GetReceipt()) {
		t.Errorf("the late one is told %v, %v", o.proof, o.err)
	}
	code, _, got := h.get(must(h.view(h.tech(), id)).GetOriginalUrl())
	if code != http.StatusOK || !bytes.Equal(got, b) {
		t.Errorf("the original is gone: %d, %d bytes", code, len(got))
	}
}

func TestWhoFindsOtherBytesLateKeepsTheOnesThatCameMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := big(t)
	id := h.attach(b)
	h.garbled(id, b)
	late := h.slowReplica()
	done := late.finish(id)
	_, err := h.finish(h.tech(), id)
	wantCode(t, "other bytes", err, proof.HashDiffers)
	// All parts have come and are put together, but no replica has verified them yet.
	h.upload(id, b)
	stopped := h.stoppedBeforeVerifying(id)
	close(late.goOn)
	o := <-done
	wantCode(t, "the late one", o.err, proof.HashDiffers)
	stopped()
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Errorf("finish: %v, %v", p, err)
	}
	if n := h.attempts(id); n != 1 {
		t.Errorf("%d attempts, only one set of bytes was wrong", n)
	}
}

// stoppedBeforeVerifying puts the parts together in a replica that goes no further until it is let.
func (h *house) stoppedBeforeVerifying(id []byte) (goOn func()) {
	h.t.Helper()
	s := h.slowReplica()
	done := s.finish(id)
	return func() {
		close(s.goOn)
		if o := <-done; o.err != nil {
			h.t.Error(o.err)
		}
	}
}

func TestBytesThatWentWhileTheyWereVerifiedGetNoReceiptAndAreAskedForAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	h.upload(id, b)
	late := h.slowReplica()
	done := late.finish(id)
	if err := h.bucket.Client.RemoveObject(t.Context(), h.bucket.Name, h.objects()[0], minio.RemoveObjectOptions{}); err !=
		nil {
		t.Fatal(err)
	}
	close(late.goOn)
	o := <-done
	wantCode(t, "without bytes", o.err, proof.BytesMissing)
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Errorf("sent again: %v, %v", p, err)
	}
}
