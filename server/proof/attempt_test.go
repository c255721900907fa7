package proof_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/doorstep-dev/doorstep/server/proof"
)

// between makes a replica of which see is told every request to the store before it goes there.
func (h *house) between(see func(q *http.Request)) *house {
	h.t.Helper()
	target, err := url.Parse("http://" + strings.TrimPrefix(h.bucket.Endpoint, "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		see(r.In)
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
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
	return &other
}

func TestTheStoreIsNeverCalledWhileATransactionIsOpen(t *testing.T) {
	t.Parallel()
	h := open(t)
	var calls, within atomic.Int32
	replica := h.between(func(q *http.Request) {
		calls.Add(1)
		var open int32
		err := h.db.Owner.QueryRow(context.WithoutCancel(q.Context()), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`).Scan(&open)
		if err != nil {
			t.Error(err)
		}
		within.Add(open)
	})
	b := big(t)
	id := h.attach(b)
	h.garbled(id, b)
	_, err := replica.finish(h.tech(), id)
	wantCode(t, "other bytes", err, proof.HashDiffers)
	h.upload(id, b)
	if p, err := replica.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	replica.sweep()
	if calls.Load() < 10 || within.Load() != 0 {
		t.Errorf("%d transactions were open during %d calls of the store", within.Load(), calls.Load())
	}
}

// endAttempt does what another replica does that has found the attempt's bytes wrong.
func (h *house) endAttempt(id []byte) {
	h.t.Helper()
	_, err := h.db.Owner.Exec(h.t.Context(), `UPDATE proof
		SET state = 1, attempts = attempts + 1, generation = attempts + 1, upload_id = ''
		WHERE id = $1`, uuid.UUID(id))
	if err != nil {
		h.t.Error(err)
	}
}

// openBeforeJudging is open with what happens between the look at the store and the lock of the proof's row.
func openBeforeJudging(t *testing.T, happens func(h *house)) *house {
	var h *house
	h = open(t, func(c *stand) {
		c.beforeLock = func() { happens(h) }
	})
	return h
}

func TestAnAttemptThatEndsAfterTheLookAtTheStoreGetsNoReceipt(t *testing.T) {
	t.Parallel()
	var id []byte
	ended := false
	h := openBeforeJudging(t, func(h *house) {
		if !ended {
			ended = true
			h.endAttempt(id)
		}
	})
	b := photo(t, 64)
	id = h.attach(b)
	h.upload(id, b)
	_, err := h.finish(h.tech(), id)
	wantCode(t, "an ended attempt", err, proof.BytesMissing)
	if p := h.onFeed(h.user, id); p.GetState() == verified || len(p.GetReceipt()) > 0 {
		t.Errorf("the phone holds %v", p)
	}
	h.upload(id, b)
	p, err := h.finish(h.tech(), id)
	if err != nil || p.GetState() != verified {
		t.Fatalf("the next attempt: %v, %v", p, err)
	}
	if code, _, got := h.get(must(h.view(h.tech(), id)).GetOriginalUrl()); code != http.StatusOK || len(got) != len(b) {
		t.Errorf("the original: %d, %d bytes", code, len(got))
	}
}

func TestWrongBytesAreCountedOnceAlsoIfTheirAttemptEndsAfterTheLookAtTheStore(t *testing.T) {
	t.Parallel()
	var id []byte
	ended := false
	h := openBeforeJudging(t, func(h *house) {
		if !ended {
			ended = true
			h.endAttempt(id)
		}
	})
	b := big(t)
	id = h.attach(b)
	h.garbled(id, b)
	_, err := h.finish(h.tech(), id)
	wantCode(t, "other bytes", err, proof.HashDiffers)
	if n := h.attempts(id); n != 1 {
		t.Errorf("%d attempts, one was made", n)
	}
}

func TestTheSweepRemovesWhatAnEndedAttemptLeftAndNothingElse(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	h.upload(id, b)
	h.endAttempt(id) // and the replica died before it removed the object
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	folder := "org/" + h.org.String() + "/proof/" + uuid.UUID(id).String() + "/"
	// A restored database may not know of a later attempt: its object stays.
	_, err := h.bucket.Client.PutObject(t.Context(), h.bucket.Name, folder+"original.7", strings.NewReader("x"), 1,
		minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r := h.sweep(); r != (proof.Report{Discarded: 1}) {
		t.Errorf("%+v", r)
	}
	want := folder + "original.1 " + folder + "original.7 " + folder + "shared " + folder + "thumbnail.jpg"
	if got := strings.Join(h.objects(), " "); got != want {
		t.Errorf("the store holds %s", got)
	}
	if r := h.sweep(); r != (proof.Report{}) {
		t.Errorf("again: %+v", r)
	}
}

func TestAServerOfBeforeDoesNotVerifyTheObjectOfAnEndedAttempt(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.attach(photo(t, 64))
	h.endAttempt(id)
	_, err := h.db.Owner.Exec(t.Context(), `UPDATE proof SET state = 3, verified_at = now() WHERE id = $1`, uuid.UUID(id))
	if err == nil || !strings.Contains(err.Error(), "proof_generation_check") {
		t.Errorf("verified without its generation: %v", err)
	}
}
