package day

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// phone is a technician's phone on the real client library.
type phone struct {
	t *testing.T
	*offline.Client
}

func newPhone(t *testing.T, url, code string, now func() time.Time) *phone {
	t.Helper()
	store, err := offline.Open(t.Context(), offline.Options{
		Dir: t.TempDir(), Now: now, Effects: field.Effects(field.ByHand{}), FeedOrder: field.FeedOrder,
		Keys: field.ReceiptKeys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &phone{t: t, Client: &offline.Client{Store: store, CallTimeout: 10 * time.Second}}
	p.Uploads = field.Uploads{Client: p.Client}
	if _, err := p.Enrol(t.Context(), url, code); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *phone) do(kind string, args proto.Message, files ...offline.Kept) (id uuid.UUID) {
	p.t.Helper()
	b, err := proto.Marshal(args)
	if err != nil {
		p.t.Error(err)
		return id
	}
	m, err := p.Store.Do(p.t.Context(), kind, b, files...)
	if err != nil {
		p.t.Error(err)
	}
	return m.ID
}

func (p *phone) view(fn func(*offline.View)) {
	p.t.Helper()
	if err := p.Store.Read(p.t.Context(), func(v *offline.View) error { fn(v); return nil }); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) visits() (out []*fieldv1.Visit) {
	p.view(func(v *offline.View) { out = field.Visits.All(v) })
	return out
}

// unsent is what only the phone has.
func (p *phone) unsent() offline.Unsent {
	p.t.Helper()
	u, err := p.Store.Unsent(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// settle syncs until nothing is unsent, whatever fails on the way.
func (p *phone) settle() {
	p.t.Helper()
	var last error
	ctx, cancel := context.WithTimeout(p.t.Context(), 90*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		r, err := p.Sync(ctx)
		if last = errors.Join(err, r.Trouble); last == nil && p.unsent().Empty() {
			return
		}
		if last != nil && ctx.Err() == nil {
			select { // a phone does not ask in a tight loop either
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	p.t.Fatalf("still unsent %+v: %v", p.unsent(), last)
}

// stalls syncs once during an outage: what cannot be sent is kept, and the phone says so. Work goes on beside it,
// so that only what was there before the sync counts.
func (p *phone) stalls(why string) {
	p.t.Helper()
	before := p.kept()
	r, err := p.Sync(p.t.Context())
	if err != nil || r.Trouble != nil {
		return
	}
	for id := range p.kept() {
		if before[id] {
			p.t.Errorf("%s, and a sync that left %s unsent reports no trouble", why, id)
		}
	}
}

// kept names the mutations and files that only the phone has.
func (p *phone) kept() map[uuid.UUID]bool {
	p.t.Helper()
	out := map[uuid.UUID]bool{}
	waiting, err := p.Store.Waiting(p.t.Context())
	if err != nil {
		p.t.Error(err)
	}
	for _, a := range waiting {
		out[a.ID] = true
	}
	files, err := p.Store.Files(p.t.Context())
	if err != nil {
		p.t.Error(err)
	}
	for _, f := range files {
		if f.State == offline.FileWaiting || f.State == offline.FileHeld {
			out[f.ID] = true
		}
	}
	return out
}

// work does a whole visit: at the door, a measurement, parts, two photos, a signature, done.
func (p *phone) work(v *fieldv1.Visit, part []byte, quantity int) {
	p.t.Helper()
	id := v.GetId()
	p.do("visit.accept", &fieldv1.VisitAccept{VisitId: id})
	p.do("visit.travel", &fieldv1.VisitTravel{VisitId: id})
	p.do("visit.arrive", &fieldv1.VisitArrive{VisitId: id})
	p.photo(id, "before", fieldv1.ProofKind_PROOF_KIND_BEFORE)
	p.do("task.answer", &fieldv1.AnswerTask{VisitId: id, Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	if quantity > 0 {
		p.do("part.add", &fieldv1.AddPart{Id: newID(), VisitId: id, PriceItemId: part, Quantity: uint32(quantity)})
	}
	p.photo(id, "after", fieldv1.ProofKind_PROOF_KIND_AFTER)
	var hash []byte
	p.view(func(view *offline.View) {
		hash = field.Tickets.Get(view, v.GetTicketId()).GetEventHash()
	})
	p.do("signature.sign", &fieldv1.SignSignature{
		Id: newID(), VisitId: id, Step: "sign", SignerName: "王女士", Terms: "安装完成，验收合格。", TicketHash: hash,
		Strokes: []*fieldv1.Stroke{{X: []uint32{1, 40, 90}, Y: []uint32{5, 60, 20}, TMs: []uint32{0, 120, 260}}},
	})
	p.do("visit.complete", &fieldv1.VisitComplete{VisitId: id})
}

func (p *phone) photo(visit []byte, step string, kind fieldv1.ProofKind) {
	p.t.Helper()
	kept, err := p.Store.Keep(p.t.Context(), bytes.NewReader(picture(p.t)), "image/jpeg")
	if err != nil {
		p.t.Error(err)
		return
	}
	p.do("proof.attach", &fieldv1.AttachProof{
		Id: kept.ID[:], VisitId: visit, Step: step, Kind: kind, Sha256: kept.SHA256, Size: uint64(kept.Size),
		MediaType: kept.Media,
	}, kept)
}

// picture is a JPEG that no other is like.
func picture(t *testing.T) []byte {
	t.Helper()
	noise := make([]byte, 64*48)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			img.SetGray(x, y, color.Gray{Y: noise[y/10*64+x/10]})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func newID() []byte {
	id := uuid.Must(uuid.NewV7())
	return id[:]
}
