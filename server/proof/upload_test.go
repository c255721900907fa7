package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/internal/shared"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

var listAll = minio.ListObjectsOptions{Recursive: true}

const (
	awaiting = fieldv1.ProofState_PROOF_STATE_AWAITING
	verified = fieldv1.ProofState_PROOF_STATE_VERIFIED
	refused  = fieldv1.ProofState_PROOF_STATE_REFUSED
)

func TestAPhotoGoesFromManifestToReceipt(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	if p := h.onFeed(h.user, id); p.GetState() != awaiting || p.GetSize() != uint64(len(b)) {
		t.Fatalf("on the feed: %v", p)
	}
	h.upload(id, b)
	p, err := h.finish(h.tech(), id)
	if err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	if !ed25519.Verify(h.public, proof.ReceiptText(h.org, p), p.GetReceipt()) || p.GetKey() != "k1" {
		t.Error("the receipt does not hold")
	}
	if got := h.onFeed(h.user, id); got.GetState() != verified || !bytes.Equal(got.GetReceipt(), p.GetReceipt()) {
		t.Errorf("on the feed: %v", got)
	}
	if n := h.settled.of(h.ticket); n != 1 {
		t.Errorf("Verified was called %d times", n)
	}
	v, err := h.view(h.tech(), id)
	if err != nil {
		t.Fatal(err)
	}
	for what, address := range map[string]string{
		"thumbnail": v.GetThumbnailUrl(), "shared": v.GetSharedUrl(),
		"original": v.GetOriginalUrl(),
	} {
		code, header, got := h.get(address)
		if code != http.StatusOK || header.Get("Content-Type") != "image/jpeg" || media.Sniff(got) != media.JPEG {
			t.Errorf("%s: %d %s, %d bytes", what, code, header.Get("Content-Type"), len(got))
		}
		if attached := strings.HasPrefix(header.Get("Content-Disposition"), "attachment"); attached != (what == "original") {
			t.Errorf("%s: disposition %s", what, header.Get("Content-Disposition"))
		}
	}
	if got, want := h.custody(id), []string{"captured", "received", "verified", "viewed"}; !slices.Equal(got, want) {
		t.Errorf("custody %v, want %v", got, want)
	}
}

func TestPhonesAreSentToThePublicEndpoint(t *testing.T) {
	t.Parallel()
	b := s3test.New(t)
	host, port, err := net.SplitHostPort(b.Endpoint)
	if err != nil || host != "127.0.0.1" {
		t.Fatalf("the store is at %s, %v", b.Endpoint, err)
	}
	public := "http://localhost:" + port
	objects, err := proof.OpenObjects(proof.ObjectsConfig{
		Endpoint: b.Endpoint, PublicEndpoint: public, Bucket: b.Name, Region: b.Region, AccessKey: b.AccessKey,
		SecretKey: b.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	h := openOn(t, b, func(c *stand) { c.Objects = objects })
	picture := photo(t, 64)
	id := h.attach(picture)
	q := h.requests(id)[0]
	if !strings.HasPrefix(q.GetUrl(), public+"/") {
		t.Errorf("sent to %s", q.GetUrl())
	}
	if code := h.send(q, picture); code != http.StatusOK {
		t.Fatal(code)
	}
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	v := must(h.view(h.tech(), id))
	if code, _, _ := h.get(v.GetThumbnailUrl()); code != http.StatusOK ||
		!strings.HasPrefix(v.GetThumbnailUrl(), public+"/") {
		t.Errorf("%d from %s", code, v.GetThumbnailUrl())
	}
}

func TestTheStoreItselfRefusesOtherBytes(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	q := h.requests(id)[0]
	other := bytes.Clone(b)
	other[len(other)/2] ^= 1
	for name, wrong := range map[string][]byte{
		"one bit differs": other, "one byte more": append(bytes.Clone(b), 0), "one byte less": b[:len(b)-1], "nothing": {},
	} {
		if code := h.sendBytes(q, wrong); code < 400 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if keys := h.objects(); len(keys) != 0 {
		t.Errorf("the store holds %v", keys)
	}
	_, err := h.finish(h.tech(), id)
	wantCode(t, "finish without bytes", err, proof.BytesMissing)
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Errorf("the right bytes: %v, %v", p, err)
	}
}

func TestBytesAndFinishesMayComeTwice(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	q := h.requests(id)[0]
	for range 2 {
		if code := h.send(q, b); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	if res, err := h.start(h.tech(), id); err != nil || !res.GetComplete() {
		t.Errorf("start after the bytes came: %v, %v", res, err)
	}
	const times = 5
	receipts := make([][]byte, times)
	var wg sync.WaitGroup
	for i := range times {
		wg.Go(func() {
			p, err := h.finish(h.tech(), id)
			if err != nil {
				t.Error(err)
			}
			receipts[i] = p.GetReceipt()
		})
	}
	wg.Wait()
	again, err := h.finish(h.tech(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receipts {
		if !bytes.Equal(r, again.GetReceipt()) {
			t.Error("two finishes gave two receipts")
		}
	}
	if got, want := h.custody(id), []string{"captured", "received", "verified"}; !slices.Equal(got, want) {
		t.Errorf("custody %v", got)
	}
	if n := h.settled.of(h.ticket); n != 1 {
		t.Errorf("Verified was called %d times", n)
	}
	if res, err := h.start(h.tech(), id); err != nil || !res.GetComplete() {
		t.Errorf("start when verified: %v, %v", res, err)
	}
}

// big is a JPEG of more than two parts: a picture with a long tail, as phones append films.
func big(t testing.TB) []byte {
	b := photo(t, 64)
	return append(b, bytes.Repeat([]byte("tail"), (11<<20-len(b))/4)...)
}

func TestACutUploadGoesOnWithTheMissingPartsOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := big(t)
	id := h.attach(b)
	first := h.requests(id, parts(b)...)
	if len(first) != 3 || first[0].GetLength() != proof.PartSize ||
		first[2].GetOffset()+first[2].GetLength() != uint64(len(b)) {
		t.Fatalf("%d requests: %v", len(first), first)
	}
	if code := h.send(first[0], b); code != http.StatusOK {
		t.Fatal(code)
	}
	// The second part is cut in the middle: the store keeps nothing of it.
	cut, err := http.NewRequestWithContext(t.Context(), http.MethodPut, first[1].GetUrl(), &half{b: b[:1<<20]})
	if err != nil {
		t.Fatal(err)
	}
	cut.ContentLength = int64(first[1].GetLength())
	cut.Header.Set(first[1].GetHeaders()[0].GetName(), first[1].GetHeaders()[0].GetValue())
	if res, err := http.DefaultClient.Do(cut); err == nil {
		res.Body.Close()
		t.Fatalf("a cut request came through: %d", res.StatusCode)
	}
	_, err = h.finish(h.tech(), id)
	wantCode(t, "finish in the middle", err, proof.BytesMissing)

	rest := h.requests(id, parts(b)...)
	if len(rest) != 2 || rest[0].GetPartNumber() != 2 || rest[1].GetPartNumber() != 3 {
		t.Fatalf("to be sent again: %v", rest)
	}
	for name, wrong := range map[string][]byte{"another part": b[:proof.PartSize], "a short part": b[:100]} {
		if code := h.sendBytes(rest[0], wrong); code < 400 {
			t.Errorf("%s: %d", name, code)
		}
	}
	for _, q := range rest {
		if code := h.send(q, b); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	if res, err := h.start(h.tech(), id, parts(b)...); err != nil || !res.GetComplete() {
		t.Errorf("start when all parts are here: %v, %v", res, err)
	}
	p, err := h.finish(h.tech(), id)
	if err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	_, _, shown := h.get(must(h.view(h.tech(), id)).GetSharedUrl())
	if bytes.Contains(shown, []byte("tailtail")) {
		t.Error("the tail is in the shared copy")
	}
}

// half gives its bytes and then breaks.
type half struct{ b []byte }

func (h *half) Read(p []byte) (int, error) {
	if len(h.b) == 0 {
		return 0, fmt.Errorf("the tunnel")
	}
	n := copy(p, h.b)
	h.b = h.b[n:]
	return n, nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPartsThatAreNotTheAnnouncedBytesAreAskedForAgainThenRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := big(t)
	id := h.attach(b)
	other := bytes.Clone(b)
	other[7<<20] ^= 1
	for attempt := 1; attempt <= 5; attempt++ {
		for _, q := range h.requests(id) { // without the parts' hashes the store cannot know
			h.send(q, other)
		}
		p, err := h.finish(h.tech(), id)
		if attempt < 5 {
			wantCode(t, "other bytes", err, proof.HashDiffers)
			if got := h.onFeed(h.user, id); got.GetState() != awaiting {
				t.Errorf("attempt %d: on the feed %v", attempt, got.GetState())
			}
			continue
		}
		if err != nil || p.GetState() != refused || p.GetRefusal() != string(proof.HashDiffers) {
			t.Errorf("the last attempt: %v, %v", p, err)
		}
	}
	if keys := h.objects(); len(keys) != 0 {
		t.Errorf("the store keeps %v", keys)
	}
	if n := h.settled.of(h.ticket); n != 0 {
		t.Errorf("Verified was called %d times", n)
	}
}

func TestWhatIsNoPictureIsRefusedWithItsReasonAndKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	good := photo(t, 64)
	for name, c := range map[string]struct {
		b    []byte
		want fault.Code
	}{
		"a page":       {[]byte("<html><script>alert(1)</script></html>"), fault.ProofNotPicture},
		"half a photo": {good[:len(good)/2], media.PictureBroken},
		"a PNG":        {[]byte("\x89PNG\r\n\x1a\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), media.PictureBroken},
	} {
		id := h.attach(c.b)
		h.upload(id, c.b)
		p, err := h.finish(h.tech(), id)
		if err != nil || p.GetState() != refused || p.GetRefusal() != string(c.want) || len(p.GetReceipt()) != 0 {
			t.Errorf("%s: %v, %v", name, p, err)
		}
		if got := h.onFeed(h.user, id); got.GetRefusal() != string(c.want) {
			t.Errorf("%s: on the feed %v", name, got)
		}
		if v, err := h.view(h.tech(), id); err != nil || v.GetOriginalUrl()+v.GetSharedUrl()+v.GetThumbnailUrl() != "" {
			t.Errorf("%s: may be viewed: %v, %v", name, v, err)
		}
	}
	if keys := h.objects(); len(keys) != 3 {
		t.Errorf("the store keeps %v", keys)
	}
}

func TestRealPhotosEndVerifiedOrRefused(t *testing.T) {
	t.Parallel()
	folder := shared.Path(t, "photos")
	h := open(t)
	for name, want := range map[string]fault.Code{
		"gps_DSCN0010.jpg": "", "corrupted.jpg": media.PictureBroken, "orientation_portrait_5.jpg": "",
		"tests_67-0_length_string.jpg": "", "invalid_image00971.jpg": "",
	} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		id := h.attach(b)
		h.upload(id, b)
		if p, err := h.finish(h.tech(), id); err != nil || p.GetRefusal() != string(want) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
		if name != "gps_DSCN0010.jpg" {
			continue
		}
		var latitude float64
		var taken time.Time
		if err := h.db.Owner.QueryRow(t.Context(), `SELECT exif_latitude, exif_taken FROM proof
			WHERE id = $1`, uuid.UUID(id)).Scan(&latitude, &taken); err != nil {
			t.Fatal(err)
		}
		if latitude < 43.467 || latitude > 43.468 || taken.Year() != 2008 {
			t.Errorf("kept latitude %v, taken %v", latitude, taken)
		}
		_, _, shown := h.get(must(h.view(h.tech(), id)).GetSharedUrl())
		p, err := media.Examiner{}.Examine(t.Context(), shown)
		if err != nil || p.Facts.Position != nil {
			t.Errorf("the shared copy tells %v, %v", p.Facts, err)
		}
	}
}

func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	for who, ctx := range map[string]func() ([]byte, error){
		"another technician": func() ([]byte, error) {
			ctx := h.as(h.org, uuid.New(), identity.Technician)
			_, err := h.start(ctx, id)
			return nil, err
		},
		"an administrator of another company": func() ([]byte, error) {
			_, err := h.start(h.as(uuid.New(), h.user, identity.Admin), id)
			return nil, err
		},
		"finishing as another technician": func() ([]byte, error) {
			_, err := h.finish(h.as(h.org, uuid.New(), identity.Technician), id)
			return nil, err
		},
		"viewing as another technician": func() ([]byte, error) {
			_, err := h.view(h.as(h.org, uuid.New(), identity.Technician), id)
			return nil, err
		},
		"viewing from another company": func() ([]byte, error) {
			_, err := h.view(h.as(uuid.New(), h.user, identity.Admin), id)
			return nil, err
		},
		"a proof that is none": func() ([]byte, error) {
			other := uuid.New()
			_, err := h.start(h.tech(), other[:])
			return nil, err
		},
	} {
		_, err := ctx()
		wantCode(t, who, err, fault.NotFound)
	}
	_, err := h.start(t.Context(), id)
	wantCode(t, "nobody", err, fault.Unauthenticated)
}

func TestAStoreThatIsDownLosesNothing(t *testing.T) {
	t.Parallel()
	store := s3test.Own(t)
	h := openOn(t, store.Bucket(t))
	b := big(t)
	id := h.attach(b)
	first := h.requests(id)
	if code := h.send(first[0], b); code != http.StatusOK {
		t.Fatal(code)
	}
	store.Stop(t)
	_, err := h.start(h.tech(), id)
	wantCode(t, "start", err, proof.StoreDown)
	if f := fault.As(err); f.RetryAfter <= 0 || !fault.Retryable(err) || proof.StoreDown.Kind() != fault.KindUnavailable {
		t.Errorf("the fault says nothing of trying again: %v", f)
	}
	_, err = h.finish(h.tech(), id)
	wantCode(t, "finish", err, proof.StoreDown)
	// The manifest needs no store.
	second := photo(t, 64)
	other := h.attach(second)
	_, err = h.Sweep(t.Context(), change.Org(h.org))
	wantCode(t, "sweep", err, proof.StoreDown)

	store.Start(t)
	rest := h.requests(id)
	if len(rest) != 2 {
		t.Errorf("%d parts are to be sent, want 2", len(rest))
	}
	for _, q := range rest {
		if code := h.send(q, b); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	h.upload(other, second)
	for _, id := range [][]byte{id, other} {
		if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
			t.Errorf("%v, %v", p, err)
		}
	}
}

// TestASignedAddressAnswersWhatWasSigned changes the parts of an address that say how the store is to answer. A file of
// anybody's must not be shown as a page.
func TestASignedAddressAnswersWhatWasSigned(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	v := must(h.view(h.tech(), id))
	for what, address := range map[string]string{
		"thumbnail": v.GetThumbnailUrl(), "shared": v.GetSharedUrl(),
		"original": v.GetOriginalUrl(),
	} {
		u := must(url.Parse(address))
		for name, value := range map[string]string{
			"response-content-type": "text/html", "response-content-disposition": "inline", "response-cache-control": "public",
		} {
			for _, values := range [][]string{{value}, nil} {
				q := u.Query()
				if q[name] = values; values == nil {
					q.Del(name)
				}
				changed := *u
				changed.RawQuery = q.Encode()
				if code, header, _ := h.get(changed.String()); code != http.StatusForbidden {
					t.Errorf("%s with %s %q: %d %s", what, name, values, code, header.Get("Content-Type"))
				}
			}
		}
	}
}
