package s3test_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/doorstep-dev/doorstep/internal/s3test"
)

// These tests are about the promise that the proof room builds on: what was signed is what is accepted.

func put(t *testing.T, u *url.URL, header http.Header, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(said)
}

func TestPresignedPutAcceptsOnlyTheSignedSizeAndHash(t *testing.T) {
	t.Parallel()
	b := s3test.New(t)
	const body = "the bytes that were promised"
	sum := sha256.Sum256([]byte(body))
	header := http.Header{
		"Content-Length":        {"28"},
		"X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])},
	}
	u, err := b.Client.PresignHeader(t.Context(), http.MethodPut, b.Name, "a/photo", time.Minute, nil, header)
	if err != nil {
		t.Fatal(err)
	}
	other := header.Clone()
	wrong := sha256.Sum256([]byte("other"))
	other.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(wrong[:]))
	none := header.Clone()
	none.Del("X-Amz-Checksum-Sha256")
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
	}{
		{"other bytes of the same size", header, strings.ToUpper(body)},
		{"more bytes", header, body + "!"},
		{"fewer bytes", header, body[1:]},
		{"another hash", other, "other"},
		{"no hash", none, body},
	} {
		h := c.header.Clone()
		h.Del("Content-Length") // the client sets it from the body
		if code, said := put(t, u, h, c.body); code < 400 {
			t.Errorf("%s: accepted with %d %s", c.name, code, said)
		}
		if _, err := b.Client.StatObject(t.Context(), b.Name, "a/photo", minio.StatObjectOptions{}); err == nil {
			t.Errorf("%s: an object is there", c.name)
		}
	}
	header.Del("Content-Length")
	if code, said := put(t, u, header, body); code != http.StatusOK {
		t.Fatalf("the signed bytes: %d %s", code, said)
	}
	o, err := b.Client.GetObject(t.Context(), b.Name, "a/photo", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(o)
	if err != nil || string(got) != body {
		t.Fatalf("read back %q, %v", got, err)
	}
}

func TestMultipartResumesFromTheListedParts(t *testing.T) {
	t.Parallel()
	b := s3test.New(t)
	core := minio.Core{Client: b.Client}
	ctx := t.Context()
	id, err := core.NewMultipartUpload(ctx, b.Name, "big", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	part := bytes.Repeat([]byte("x"), 5<<20)
	upload := func(n int, body []byte) {
		t.Helper()
		u, err := b.Client.Presign(ctx, http.MethodPut, b.Name, "big", time.Minute,
			url.Values{"uploadId": {id}, "partNumber": {string(rune('0' + n))}})
		if err != nil {
			t.Fatal(err)
		}
		if code, said := put(t, u, nil, string(body)); code != http.StatusOK {
			t.Fatalf("part %d: %d %s", n, code, said)
		}
	}
	upload(1, part)
	listed, err := core.ListObjectParts(ctx, b.Name, "big", id, 0, 100)
	if err != nil || len(listed.ObjectParts) != 1 || listed.ObjectParts[0].Size != int64(len(part)) {
		t.Fatalf("listed %+v, %v", listed.ObjectParts, err)
	}
	upload(2, []byte("the end"))
	listed, err = core.ListObjectParts(ctx, b.Name, "big", id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var parts []minio.CompletePart
	for _, p := range listed.ObjectParts {
		parts = append(parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
	}
	if _, err := core.CompleteMultipartUpload(ctx, b.Name, "big", id, parts, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	info, err := b.Client.StatObject(ctx, b.Name, "big", minio.StatObjectOptions{})
	if err != nil || info.Size != int64(len(part)+len("the end")) {
		t.Fatalf("%+v, %v", info, err)
	}
}

func TestBrowsersMayUploadFromAnyPage(t *testing.T) {
	t.Parallel()
	b := s3test.New(t)
	u, err := b.Client.PresignedPutObject(t.Context(), b.Name, "from-a-page", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://phone.example")
	req.Header.Set("Access-Control-Request-Method", "PUT")
	req.Header.Set("Access-Control-Request-Headers", "content-type,x-amz-checksum-sha256")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	t.Log(res.StatusCode, res.Header)
	if res.StatusCode >= 300 || res.Header.Get("Access-Control-Allow-Origin") == "" ||
		!strings.Contains(strings.ToLower(res.Header.Get("Access-Control-Allow-Headers")), "x-amz-checksum-sha256") {
		t.Fatalf("preflight: %d %v", res.StatusCode, res.Header)
	}
}

func TestAnOwnStoreComesBackWithItsObjectsAtTheSameAddress(t *testing.T) {
	t.Parallel()
	store := s3test.Own(t)
	b := store.Bucket(t)
	ctx := context.Background()
	if _, err := b.Client.PutObject(ctx, b.Name, "kept", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	store.Stop(t)
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := b.Client.StatObject(short, b.Name, "kept", minio.StatObjectOptions{}); err == nil {
		t.Fatal("a stopped store answers")
	}
	store.Start(t)
	if _, err := b.Client.StatObject(ctx, b.Name, "kept", minio.StatObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}
