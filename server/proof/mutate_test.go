package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestManifestsThatMakeNoSenseAreParked(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, edit := range map[string]func(*fieldv1.AttachProof){
		"no id":              func(m *fieldv1.AttachProof) { m.Id = nil },
		"a short hash":       func(m *fieldv1.AttachProof) { m.Sha256 = m.GetSha256()[:31] },
		"no size":            func(m *fieldv1.AttachProof) { m.Size = 0 },
		"a gigabyte":         func(m *fieldv1.AttachProof) { m.Size = 1 << 30 },
		"a page":             func(m *fieldv1.AttachProof) { m.MediaType = "text/html; charset=utf-8" },
		"a signature":        func(m *fieldv1.AttachProof) { m.Kind = fieldv1.ProofKind_PROOF_KIND_SIGNATURE },
		"beyond the pole":    func(m *fieldv1.AttachProof) { m.Position = &typesv1.Position{Latitude: 91} },
		"a negative radius":  func(m *fieldv1.AttachProof) { m.Position = &typesv1.Position{AccuracyM: -1} },
		"an unknown purpose": func(m *fieldv1.AttachProof) { m.Kind = 99 },
	} {
		m := h.manifest([]byte("x"))
		edit(m)
		if v := h.push("proof.attach", m); v.Outcome != change.Parked || v.Code != fault.MutationMalformed {
			t.Errorf("%s: %s %s", name, v.Outcome, v.Code)
		}
	}
	if v := h.pushBytes("proof.attach", []byte("\xff\xff")); v.Outcome != change.Parked {
		t.Errorf("noise: %s", v.Outcome)
	}
}

func TestAManifestComesTwiceAndAnotherUnderItsIdIsKeptForAPerson(t *testing.T) {
	t.Parallel()
	h := open(t)
	m := h.manifest([]byte("x"))
	for range 2 {
		if v := h.push("proof.attach", m); v.Outcome != change.Applied {
			t.Fatalf("%s %s", v.Outcome, v.Code)
		}
	}
	if got := h.custody(m.GetId()); len(got) != 1 {
		t.Errorf("custody %v", got)
	}
	other := h.manifest([]byte("y"))
	other.Id = m.GetId()
	if v := h.push("proof.attach", other); v.Outcome != change.Parked || v.Code != proof.ManifestDiffers {
		t.Errorf("another manifest: %s %s", v.Outcome, v.Code)
	}
	stranger := h.manifest([]byte("z"))
	id := uuid.New()
	stranger.VisitId = id[:]
	if v := h.push("proof.attach", stranger); v.Outcome != change.Rejected || v.Code != fault.NotAssigned {
		t.Errorf("a visit of somebody else: %s %s", v.Outcome, v.Code)
	}
}

func (h *house) signature(name string) *fieldv1.SignSignature {
	id := uuid.Must(uuid.NewV7())
	return &fieldv1.SignSignature{
		Id: id[:], VisitId: h.visit[:], Step: "sign", SignerName: name, Terms: "本人确认安装完成", TicketHash: make([]byte, 32),
		Strokes: []*fieldv1.Stroke{{X: []uint32{1, 2, 3}, Y: []uint32{4, 5, 6}, TMs: []uint32{0, 10, 20}}},
	}
}

func TestASignatureIsVerifiedAtOnceAndNeverReplaced(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.signature("王女士")
	args, err := proto.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if v := h.pushBytes("signature.sign", args); v.Outcome != change.Applied {
		t.Fatalf("%s %s %s", v.Outcome, v.Code, v.Detail)
	}
	p := h.onFeed(h.user, first.GetId())
	sum := sha256.Sum256(args)
	if p.GetState() != verified || p.GetSignerName() != "王女士" || string(p.GetSha256()) != string(sum[:]) {
		t.Errorf("on the feed: %v", p)
	}
	if !ed25519.Verify(h.public, proof.ReceiptText(h.org, p), p.GetReceipt()) {
		t.Error("the receipt does not hold")
	}
	second := h.signature("王先生")
	if v := h.push("signature.sign", second); v.Outcome != change.Applied {
		t.Fatalf("%s %s", v.Outcome, v.Code)
	}
	if h.onFeed(h.user, first.GetId()) == nil || h.onFeed(h.user, second.GetId()) == nil {
		t.Error("one signature replaced the other")
	}
	second.Id = first.GetId()
	if v := h.push("signature.sign", second); v.Outcome != change.Parked {
		t.Errorf("a signature under the id of another: %s %s", v.Outcome, v.Code)
	}
	for _, sql := range []string{
		"UPDATE proof_signature SET signer_name = 'x'", "DELETE FROM proof_signature",
		"UPDATE proof_custody SET actor = 'x'", "DELETE FROM proof_custody",
	} {
		if _, err := h.db.App.Exec(t.Context(), pgtest.OnPurpose+sql); err == nil ||
			!strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := h.finish(h.tech(), first.GetId()); err != nil {
		t.Errorf("finishing a signature: %v", err)
	}
}

func TestSignaturesThatMakeNoSenseAreParked(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, edit := range map[string]func(*fieldv1.SignSignature){
		"nobody":              func(m *fieldv1.SignSignature) { m.SignerName = "" },
		"no strokes":          func(m *fieldv1.SignSignature) { m.Strokes = nil },
		"lengths that differ": func(m *fieldv1.SignSignature) { m.Strokes[0].Y = []uint32{1} },
		"an empty stroke":     func(m *fieldv1.SignSignature) { m.Strokes[0] = &fieldv1.Stroke{} },
		"an image that is none": func(m *fieldv1.SignSignature) {
			m.Image = []byte("<svg onload='alert(1)'/>")
		},
		"too many points": func(m *fieldv1.SignSignature) {
			long := slices.Repeat([]uint32{1}, 5000)
			m.Strokes = slices.Repeat([]*fieldv1.Stroke{{X: long, Y: long, TMs: long}}, 5)
		},
	} {
		m := h.signature("王女士")
		edit(m)
		if v := h.push("signature.sign", m); v.Outcome != change.Parked || v.Code != fault.MutationMalformed {
			t.Errorf("%s: %s %s", name, v.Outcome, v.Code)
		}
	}
}

func TestProofsFollowTheTicketAndTheirMakerStillSendsTheBytes(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	next := uuid.New()
	move := func(from, to uuid.UUID) {
		t.Helper()
		err := h.Store.Transact(t.Context(),
			change.Org(h.org), func(tx *postgres.Tx) error { return h.Moved(t.Context(), tx, h.ticket, from, to) })
		if err != nil {
			t.Fatal(err)
		}
	}
	move(h.user, next)
	if h.onFeed(h.user, id) != nil || h.onFeed(next, id) == nil {
		t.Error("the proof did not follow the ticket")
	}
	_, err := h.start(h.as(h.org, next, identity.Technician), id)
	wantCode(t, "the next technician sending the bytes of the first", err, fault.NotFound)
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Fatalf("%v, %v", p, err)
	}
	if h.onFeed(h.user, id) != nil || h.onFeed(next, id).GetState() != verified {
		t.Error("the verified proof is on the wrong feed")
	}
	if v, err := h.view(h.as(h.org, next, identity.Technician), id); err != nil || v.GetThumbnailUrl() == "" ||
		v.GetOriginalUrl() != "" {
		t.Errorf("the holder views: %v, %v", v, err)
	}
	move(next, uuid.Nil)
	if h.onFeed(next, id) != nil {
		t.Error("the proof stays with nobody's ticket")
	}
}

func TestTheOfficeSeesTheProofsOfTicketsWithinItsReach(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *stand) {
		c.reaches = func(reach identity.Reach) bool { return reach.All }
	})
	b := photo(t, 64)
	id := h.attach(b)
	h.upload(id, b)
	if _, err := h.finish(h.tech(), id); err != nil {
		t.Fatal(err)
	}
	if v, err := h.view(h.as(h.org, uuid.New(), identity.Dispatcher), id); err != nil || v.GetSharedUrl() == "" ||
		v.GetOriginalUrl() != "" {
		t.Errorf("a dispatcher: %v, %v", v, err)
	}
	if v, err := h.view(h.as(h.org, uuid.New(), identity.Supervisor), id); err != nil || v.GetOriginalUrl() == "" {
		t.Errorf("a supervisor: %v, %v", v, err)
	}
	mixed := identity.Identity{Org: h.org, User: uuid.New()}.Holding(
		identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg},
		identity.Grant{Role: identity.Supervisor, Scope: identity.ScopeTeam, ID: uuid.New()})
	if v, err := h.view(identity.With(t.Context(), mixed), id); err != nil || v.GetSharedUrl() == "" ||
		v.GetOriginalUrl() != "" {
		t.Errorf("a dispatcher who supervises elsewhere: %v, %v", v, err)
	}
	_, err := h.view(h.as(h.org, uuid.New(), identity.Finance), id)
	wantCode(t, "finance", err, fault.NotFound)
	if got := h.custody(id); len(got) != 6 || got[5] != "viewed" {
		t.Errorf("custody %v", got)
	}
}

func TestWhatIsAttachedAndWhetherPayMayBePosted(t *testing.T) {
	t.Parallel()
	h := open(t)
	ask := func(what string, manifest, all int, settled bool) {
		t.Helper()
		err := h.Store.Read(t.Context(), change.Org(h.org), func(tx *postgres.Tx) error {
			m, err := h.Manifest(t.Context(), tx, h.visit)
			if err != nil {
				return err
			}
			a, err := h.OfTicket(t.Context(), tx, h.ticket)
			if err != nil {
				return err
			}
			ok, err := h.Settled(t.Context(), tx, h.ticket)
			if len(m) != manifest || len(a) != all || ok != settled {
				t.Errorf("%s: %d in the manifest, %d in all, settled %v", what, len(m), len(a), ok)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask("nothing", 0, 0, true)
	send := func(b []byte) {
		t.Helper()
		id := h.attach(b)
		ask("announced", 1, 1, false)
		h.upload(id, b)
		if _, err := h.finish(h.tech(), id); err != nil {
			t.Fatal(err)
		}
	}
	send([]byte("<html>"))
	ask("refused", 0, 1, false)
	b := photo(t, 64) // at the same moment: the ids tell which was later
	id := h.attach(b)
	h.upload(id, b)
	if _, err := h.finish(h.tech(), id); err != nil {
		t.Fatal(err)
	}
	ask("made good", 1, 2, true)
	extra := h.manifest([]byte("<html>"))
	extra.Kind = fieldv1.ProofKind_PROOF_KIND_OTHER
	if v := h.push("proof.attach", extra); v.Outcome != change.Applied {
		t.Fatal(v)
	}
	h.upload(extra.GetId(), []byte("<html>"))
	if _, err := h.finish(h.tech(), extra.GetId()); err != nil {
		t.Fatal(err)
	}
	ask("an extra picture refused", 1, 3, true)
}
