package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/doorstep-dev/doorstep/internal/outside"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// ObjectsConfig says where the objects are kept.
type ObjectsConfig struct {
	// Endpoint is host:port (plain HTTP) or a URL, as the server reaches the store.
	Endpoint string
	// PublicEndpoint is the same as phones and browsers reach it; empty when it is the same.
	PublicEndpoint string
	Bucket         string
	Region         string
	AccessKey      string
	SecretKey      string
}

// Objects is the S3 store of the bytes. Errors that lie in the store's being away have the code ProofStoreDown.
type Objects struct {
	bucket    string
	region    string
	inside    minio.Core
	outside   *minio.Client
	transport *http.Transport
}

const (
	// storePatience bounds a call to the store that moves no bytes to speak of.
	storePatience = 15 * time.Second
	// bytesPatience bounds reading or writing a whole object.
	bytesPatience = 2 * time.Minute
	// storeRetry is what callers are asked to wait when the store is away.
	storeRetry = 5 * time.Second
)

// errAbsent says that there is no such object or upload.
var errAbsent = errors.New("proof: not in the store")

// OpenObjects makes the clients; it does not call the store.
func OpenObjects(c ObjectsConfig) (*Objects, error) {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	o := &Objects{bucket: c.Bucket, region: c.Region, transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}}
	client := func(endpoint string) (*minio.Client, error) {
		host, secure := endpoint, false
		if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
			host, secure = u.Host, u.Scheme == "https"
		}
		m, err := minio.New(host, &minio.Options{
			Creds: credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""), Secure: secure, Region: c.Region,
			Transport: outside.Transport("object store", o.transport), MaxRetries: 2,
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.ConfigInvalid, "the object store's endpoint")
		}
		return m, nil
	}
	inside, err := client(c.Endpoint)
	if err != nil {
		return nil, err
	}
	o.inside, o.outside = minio.Core{Client: inside}, inside
	if c.PublicEndpoint != "" && c.PublicEndpoint != c.Endpoint {
		if o.outside, err = client(c.PublicEndpoint); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Close drops idle connections.
func (o *Objects) Close() { o.transport.CloseIdleConnections() }

// Ready makes the bucket if it is not there, and so tells whether the store answers.
func (o *Objects) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	ok, err := o.inside.BucketExists(ctx, o.bucket)
	if err != nil {
		return away(err)
	}
	if ok {
		return nil
	}
	err = o.inside.MakeBucket(ctx, o.bucket, minio.MakeBucketOptions{Region: o.region})
	switch minio.ToErrorResponse(err).Code {
	case "BucketAlreadyOwnedByYou", "BucketAlreadyExists":
		return nil // another replica was faster
	}
	return away(err)
}

// away gives a failure of the store its public face; absence is errAbsent.
func away(err error) error {
	if err == nil {
		return nil
	}
	switch r := minio.ToErrorResponse(err); {
	case r.Code == "NoSuchKey" || r.Code == "NoSuchUpload" || r.StatusCode == http.StatusNotFound &&
		r.Code != "NoSuchBucket":
		return fmt.Errorf("%w: %w", errAbsent, err)
	}
	return fault.Wrap(err, StoreDown, "").After(storeRetry)
}

// The names of a proof's objects.
const (
	original  = "original"
	thumbnail = "thumbnail.jpg"
	sharedOne = "shared"
)

// originalName is what the original is called. Each attempt to send it has an object of its own.
func (p *row) originalName() string {
	if p.Generation == 0 {
		return original
	}
	return original + "." + strconv.Itoa(int(p.Generation))
}

// original is the key of the original.
func (p *row) original(org uuid.UUID) string { return key(org, p.ID, p.originalName()) }

// givenUp tells whether a name is that of an original that nobody looks at any more: of an attempt that has ended.
func (p *row) givenUp(name string) bool {
	if name == p.originalName() {
		return p.State == refused && !p.settledOrReceived()
	}
	if name == original {
		return true
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(name, original+"."), 10, 32)
	return err == nil && int32(n) < p.Generation
}

func folder(org uuid.UUID) string { return "org/" + org.String() + "/proof/" }

func key(org, id uuid.UUID, name string) string { return folder(org) + id.String() + "/" + name }

// parse finds the proof's id in a key under the org's folder.
func parse(org uuid.UUID, key string) (id uuid.UUID, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, folder(org))
	if !ok {
		return uuid.Nil, "", false
	}
	text, name, ok := strings.Cut(rest, "/")
	id, err := uuid.Parse(text)
	return id, name, ok && err == nil && text == id.String()
}

// object is what is under a key at one time: other bytes have another tag.
type object struct {
	size int64
	tag  string
}

// stat tells what is under a key; errAbsent when there is nothing.
func (o *Objects) stat(ctx context.Context, key string) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	info, err := o.inside.StatObject(ctx, o.bucket, key, minio.StatObjectOptions{})
	return object{info.Size, info.ETag}, away(err)
}

// read gives an object of at most limit bytes whole; one byte more than the limit tells that it is longer.
func (o *Objects) read(ctx context.Context, key string, limit int64) ([]byte, object, error) {
	ctx, cancel := context.WithTimeout(ctx, bytesPatience)
	defer cancel()
	body, info, _, err := o.inside.GetObject(ctx, o.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, object{}, away(err)
	}
	defer body.Close()
	var b bytes.Buffer
	b.Grow(int(min(info.Size, limit)) + bytes.MinRead)
	if _, err := io.Copy(&b, io.LimitReader(body, limit+1)); err != nil {
		return nil, object{}, away(err)
	}
	return b.Bytes(), object{info.Size, info.ETag}, nil
}

func (o *Objects) write(ctx context.Context, key string, b []byte, t media.Type) error {
	ctx, cancel := context.WithTimeout(ctx, bytesPatience)
	defer cancel()
	_, err := o.inside.Client.PutObject(ctx, o.bucket, key, bytes.NewReader(b), int64(len(b)),
		minio.PutObjectOptions{ContentType: string(t)})
	return away(err)
}

func (o *Objects) remove(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	if err := away(o.inside.RemoveObject(ctx, o.bucket, key, minio.RemoveObjectOptions{})); !errors.Is(err, errAbsent) {
		return err
	}
	return nil
}

// header is one that the phone must send exactly so.
type header struct{ name, value string }

// presignPut signs a request that stores exactly the bytes of this length and hash, and no others.
func (o *Objects) presignPut(
	ctx context.Context, key string, n int64, hash []byte, t string, life time.Duration,
) (string, []header, error) {
	headers := []header{
		{"Content-Type", t},
		{"X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(hash)},
	}
	signed := http.Header{"Content-Length": {strconv.FormatInt(n, 10)}}
	for _, h := range headers {
		signed.Set(h.name, h.value)
	}
	u, err := o.outside.PresignHeader(ctx, http.MethodPut, o.bucket, key, life, nil, signed)
	if err != nil {
		return "", nil, away(err)
	}
	return u.String(), headers, nil
}

// presignPart signs a request that stores one part of exactly this length, and hash unless that is nil.
func (o *Objects) presignPart(
	ctx context.Context, key, upload string, number int, n int64, hash []byte, life time.Duration,
) (string, []header, error) {
	var headers []header
	signed := http.Header{"Content-Length": {strconv.FormatInt(n, 10)}}
	if hash != nil {
		headers = []header{{"X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(hash)}}
		signed.Set(headers[0].name, headers[0].value)
	}
	u, err := o.outside.PresignHeader(ctx, http.MethodPut, o.bucket, key, life,
		url.Values{"uploadId": {upload}, "partNumber": {strconv.Itoa(number)}}, signed)
	if err != nil {
		return "", nil, away(err)
	}
	return u.String(), headers, nil
}

// presignGet signs an address under which a browser may see an object for a while. A picture of an accepted type
// is shown; anything is saved under the name given when attach is set.
func (o *Objects) presignGet(
	ctx context.Context, key, name string, t media.Type, attach bool, life time.Duration,
) (string, error) {
	how := "inline"
	if attach {
		how = "attachment"
	}
	u, err := o.outside.PresignedGetObject(ctx, o.bucket, key, life, url.Values{
		"response-content-type":        {string(t)},
		"response-content-disposition": {fmt.Sprintf(`%s; filename="%s"`, how, name)},
		"response-cache-control":       {"private, max-age=300"},
	})
	if err != nil {
		return "", away(err)
	}
	return u.String(), nil
}

// startParts begins an upload in parts; hashed says that every part will come with its SHA-256.
func (o *Objects) startParts(ctx context.Context, key, t string, hashed bool) (upload string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	options := minio.PutObjectOptions{ContentType: t}
	if hashed {
		options.UserMetadata = map[string]string{"X-Amz-Checksum-Algorithm": "SHA256"}
	}
	upload, err = o.inside.NewMultipartUpload(ctx, o.bucket, key, options)
	return upload, away(err)
}

// parts lists what has arrived of an upload; errAbsent when the upload is no more.
func (o *Objects) parts(ctx context.Context, key, upload string) ([]minio.ObjectPart, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	// At most 13 parts of 5 MiB: one page.
	listed, err := o.inside.ListObjectParts(ctx, o.bucket, key, upload, 0, 1000)
	return listed.ObjectParts, away(err)
}

func (o *Objects) finishParts(ctx context.Context, key, upload string, parts []minio.ObjectPart) error {
	ctx, cancel := context.WithTimeout(ctx, bytesPatience)
	defer cancel()
	done := make([]minio.CompletePart, len(parts))
	for i, p := range parts {
		done[i] = minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumSHA256: p.ChecksumSHA256}
	}
	_, err := o.inside.CompleteMultipartUpload(ctx, o.bucket, key, upload, done, minio.PutObjectOptions{})
	return away(err)
}

func (o *Objects) abortParts(ctx context.Context, key, upload string) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	if err := away(o.inside.AbortMultipartUpload(ctx, o.bucket, key, upload)); !errors.Is(err, errAbsent) {
		return err
	}
	return nil
}

func hashOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
