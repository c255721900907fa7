package proof_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// house is a proof room on a real database and a real store, with one technician's phone.
type house struct {
	*proof.Proofs
	t      *testing.T
	db     *pgtest.DB
	bucket *s3test.Bucket
	public ed25519.PublicKey
	clock  *clock
	intake *intake.Intake[*postgres.Tx]

	org, user, device, ticket, visit uuid.UUID
	seq                              uint64
	// settled counts the calls of the hook Verified, by ticket.
	settled *counter
	stand   *stand
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type counter struct {
	mu sync.Mutex
	n  map[uuid.UUID]int
}

func (c *counter) of(id uuid.UUID) int { c.mu.Lock(); defer c.mu.Unlock(); return c.n[id] }

func open(t *testing.T, change ...func(*stand)) *house {
	t.Helper()
	return openOn(t, s3test.New(t), change...)
}

func openOn(t *testing.T, bucket *s3test.Bucket, edit ...func(*stand)) *house {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		t: t, db: pgtest.New(t), bucket: bucket, public: public, clock: &clock{now: time.Now().UTC()},
		org: uuid.New(), user: uuid.New(), device: uuid.New(), ticket: uuid.New(), visit: uuid.New(),
		settled: &counter{n: map[uuid.UUID]int{}},
	}
	objects, err := proof.OpenObjects(proof.ObjectsConfig{
		Endpoint: bucket.Endpoint, Bucket: bucket.Name, Region: bucket.Region, AccessKey: bucket.AccessKey,
		SecretKey: bucket.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	config := &stand{
		Config: proof.Config{
			Store:   &postgres.Store{Pool: h.db.App, Now: h.clock.Now},
			Objects: objects, Signer: change.Ed25519Signer{KeyID: "k1", Key: private}, Patience: time.Hour,
		},
		house: h,
	}
	for _, f := range edit {
		f(config)
	}
	h.stand = config
	h.Proofs = proof.New(config.Config, config)
	t.Cleanup(func() { _ = h.Stop(context.Background()) })
	h.intake = &intake.Intake[*postgres.Tx]{
		Store: config.Store, Mutators: h.Mutators(), Signer: config.Signer, Now: h.clock.Now, MaxAhead: time.Hour,
		Panicked: func(m change.Mutation, v any, stack []byte) { t.Errorf("%s panicked: %v\n%s", m.Kind, v, stack) },
	}
	return h
}

// stand is what proofs stand on in a test, and the tickets that they belong to: the one of the house. What a test does
// not set lets everything pass.
type stand struct {
	proof.Config
	house *house
	// beforeLock happens before a ticket is locked.
	beforeLock func()
	// verified happens when a proof becomes verified.
	verified func(tx *postgres.Tx)
	// reaches reports whether a reach covers the ticket; without it none does.
	reaches func(identity.Reach) bool
}

func (s *stand) AdmitProof(
	_ context.Context, _ *postgres.Tx, m change.Mutation, visit uuid.UUID, _ proto.Message,
) (proof.Admission, intake.Result, bool, error) {
	if visit != s.house.visit || uuid.UUID(m.User) != s.house.user {
		return proof.Admission{}, intake.Reject(fault.NotAssigned, ""), false, nil
	}
	return proof.Admission{Ticket: s.house.ticket, Holder: s.house.user}, intake.Done(), true, nil
}

func (s *stand) Lock(context.Context, *postgres.Tx, uuid.UUID) error {
	if s.beforeLock != nil {
		s.beforeLock()
	}
	return nil
}

func (s *stand) ProofVerified(_ context.Context, tx *postgres.Tx, ticket uuid.UUID) error {
	if s.verified != nil {
		s.verified(tx)
	}
	tx.AfterCommit(func() {
		s.house.settled.mu.Lock()
		defer s.house.settled.mu.Unlock()
		s.house.settled.n[ticket]++
	})
	return nil
}

func (s *stand) ProofTrail(context.Context, *postgres.Tx, uuid.UUID, string, map[string]string) error {
	return nil
}

func (s *stand) Reaches(_ context.Context, _ *postgres.Tx, reach identity.Reach, _ uuid.UUID) (bool, error) {
	return s.reaches != nil && s.reaches(reach), nil
}

// as is a context in which somebody calls.
func (h *house) as(org, user uuid.UUID, roles ...identity.Role) context.Context {
	i := identity.Identity{Org: org, User: user, Device: uuid.New()}
	var grants []identity.Grant
	for _, r := range roles {
		grants = append(grants, identity.Grant{Role: r, Scope: identity.ScopeOrg})
	}
	return identity.With(h.t.Context(), i.Holding(grants...))
}

func (h *house) tech() context.Context { return h.as(h.org, h.user, identity.Technician) }

func (h *house) push(kind string, args proto.Message) change.Verdict {
	h.t.Helper()
	b, err := proto.Marshal(args)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.pushBytes(kind, b)
}

func (h *house) pushBytes(kind string, args []byte) change.Verdict {
	h.t.Helper()
	h.seq++
	v, err := h.intake.Take(h.t.Context(), intake.Push{
		Org: change.Org(h.org), Device: change.Device(h.device), User: change.User(h.user),
		Mutations: []change.Mutation{{
			Seq: h.seq, ID: uuid.Must(uuid.NewV7()), Kind: kind, Args: args,
			DeviceTime: h.clock.Now().Add(-time.Minute),
		}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return v[0]
}

// manifest announces bytes as a JPEG.
func (h *house) manifest(b []byte) *fieldv1.AttachProof {
	id := uuid.Must(uuid.NewV7())
	sum := sha256.Sum256(b)
	return &fieldv1.AttachProof{
		Id: id[:], VisitId: h.visit[:], Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER, Sha256: sum[:],
		Size: uint64(len(b)), MediaType: "image/jpeg",
		Position: &typesv1.Position{Latitude: 31.23, Longitude: 121.47, AccuracyM: 12},
	}
}

// attach announces bytes and fails the test unless that is applied.
func (h *house) attach(b []byte) []byte {
	h.t.Helper()
	m := h.manifest(b)
	if v := h.push("proof.attach", m); v.Outcome != change.Applied {
		h.t.Fatalf("attach: %s %s %s", v.Outcome, v.Code, v.Detail)
	}
	return m.GetId()
}

func (h *house) start(ctx context.Context, id []byte, parts ...[]byte) (*fieldv1.StartUploadResponse, error) {
	res, err := h.StartUpload(ctx, connect.NewRequest(&fieldv1.StartUploadRequest{ProofId: id, PartSha256: parts}))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

func (h *house) finish(ctx context.Context, id []byte) (*fieldv1.Proof, error) {
	res, err := h.FinishUpload(ctx, connect.NewRequest(&fieldv1.FinishUploadRequest{ProofId: id}))
	if err != nil {
		return nil, err
	}
	return res.Msg.GetProof(), nil
}

func (h *house) view(ctx context.Context, id []byte) (*fieldv1.ViewProofResponse, error) {
	res, err := h.ViewProof(ctx, connect.NewRequest(&fieldv1.ViewProofRequest{ProofId: id}))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

// parts are the hashes of the parts of b; none when it is sent in one.
func parts(b []byte) (hashes [][]byte) {
	if len(b) <= proof.PartSize {
		return nil
	}
	for part := range slices.Chunk(b, proof.PartSize) {
		sum := sha256.Sum256(part)
		hashes = append(hashes, sum[:])
	}
	return hashes
}

// requests starts an upload and gives what is to be sent.
func (h *house) requests(id []byte, parts ...[]byte) []*fieldv1.SignedRequest {
	h.t.Helper()
	res, err := h.start(h.tech(), id, parts...)
	if err != nil || res.GetComplete() {
		h.t.Fatalf("start: complete %v, %v", res.GetComplete(), err)
	}
	return res.GetRequests()
}

// send makes a signed request with the part of b that belongs to it and gives the status.
func (h *house) send(q *fieldv1.SignedRequest, b []byte) int {
	h.t.Helper()
	return h.sendBytes(q, b[q.GetOffset():q.GetOffset()+q.GetLength()])
}

func (h *house) sendBytes(q *fieldv1.SignedRequest, b []byte) int {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), q.GetMethod(), q.GetUrl(), bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, k := range q.GetHeaders() {
		req.Header.Set(k.GetName(), k.GetValue())
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode
}

// upload sends all of b.
func (h *house) upload(id, b []byte) {
	h.t.Helper()
	for _, q := range h.requests(id, parts(b)...) {
		if code := h.send(q, b); code != http.StatusOK {
			h.t.Fatalf("send part %d: %d", q.GetPartNumber(), code)
		}
	}
}

func (h *house) get(address string) (int, http.Header, []byte) {
	h.t.Helper()
	res, err := http.Get(address) //nolint:noctx // a test
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, res.Header, b
}

// onFeed is the proof as it stands on a technician's feed; nil when it does not.
func (h *house) onFeed(user uuid.UUID, id []byte) *fieldv1.Proof {
	h.t.Helper()
	var body []byte
	err := h.db.Owner.QueryRow(h.t.Context(), `SELECT coalesce((SELECT body FROM sync_entry
		WHERE org_id = $1 AND feed = $2 AND entity_id = $3 AND NOT removed), '')`,
		h.org, "tech:"+user.String(), uuid.UUID(id)).Scan(&body)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(body) == 0 {
		return nil
	}
	p := &fieldv1.Proof{}
	if err := proto.Unmarshal(body, p); err != nil {
		h.t.Fatal(err)
	}
	return p
}

// custody lists the events of a proof.
func (h *house) custody(id []byte) (events []string) {
	h.t.Helper()
	err := h.Store.Read(h.t.Context(), change.Org(h.org), func(tx *postgres.Tx) error {
		lines, err := h.CustodyOf(h.t.Context(), tx, uuid.UUID(id))
		for _, l := range lines {
			events = append(events, l.Event)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return events
}

func (h *house) objects() (keys []string) {
	h.t.Helper()
	for o := range h.bucket.Client.ListObjectsIter(h.t.Context(), h.bucket.Name, listAll) {
		if o.Err != nil {
			h.t.Fatal(o.Err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// photo is a JPEG of noise: the edge sets how many bytes it takes.
func photo(t testing.TB, edge int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(edge), rand.Uint64()))
	m := image.NewRGBA(image.Rect(0, 0, edge, edge))
	for y := range edge {
		for x := range edge {
			m.Set(x, y, color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantCode(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != code {
		t.Errorf("%s: %q (%v), want %q", what, got, err, code)
	}
}
