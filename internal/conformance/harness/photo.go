package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	wire "google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// maxPhoto is the greatest photo that anybody is given, in bytes: more than the server takes in.
const maxPhoto = 80 << 20

// photo gives a JPEG of so many bytes: a small picture, and behind its end what a camera might have put there, so that
// no part of the file is like another.
func photo(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	var b bytes.Buffer
	if err == nil {
		picture := image.NewGray(image.Rect(0, 0, 32, 24))
		for i := range picture.Pix {
			picture.SetGray(i%32, i/32, color.Gray{Y: uint8(i / 3 % 256)})
		}
		err = jpeg.Encode(&b, picture, nil)
	}
	if err == nil && (n < b.Len() || n > maxPhoto) {
		err = fmt.Errorf("a photo has %d to %d bytes", b.Len(), maxPhoto)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	rest := make([]byte, n-b.Len())
	_, _ = rand.NewChaCha8([32]byte{}).Read(rest) // never fails
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(append(b.Bytes(), rest...)) // the runner is gone: nobody to tell
}

// toyTickets are what photos belong to here: items of the toy trade, which admit every photo of whoever sends it.
type toyTickets struct{}

func (toyTickets) AdmitProof(
	_ context.Context, _ *postgres.Tx, m change.Mutation, item uuid.UUID, _ wire.Message,
) (proof.Admission, intake.Result, bool, error) {
	return proof.Admission{Ticket: item, Holder: uuid.UUID(m.User)}, intake.Done(), true, nil
}

func (toyTickets) Lock(context.Context, *postgres.Tx, uuid.UUID) error          { return nil }
func (toyTickets) ProofVerified(context.Context, *postgres.Tx, uuid.UUID) error { return nil }

func (toyTickets) ProofTrail(context.Context, *postgres.Tx, uuid.UUID, string, map[string]string) error {
	return nil
}

func (toyTickets) Reaches(context.Context, *postgres.Tx, identity.Reach, uuid.UUID) (bool, error) {
	return false, nil
}

// photos makes the bucket.
func (w *world) photos(ctx context.Context, r *proof.Proofs) error {
	w.proofs.Store(r)
	return r.Objects.Ready(ctx)
}

// attached are the arguments of attach.
type attached struct {
	Item   uuid.UUID `json:"item"`
	File   uuid.UUID `json:"file"`
	SHA256 []byte    `json:"sha256"`
	Size   uint64    `json:"size"`
	Media  string    `json:"media"`
}

// attach is the mutation with a file: it counts the item up as add does, and announces the file to the real room of
// photos.
func (w *world) attach(add intake.Mutator[*postgres.Tx]) intake.Mutator[*postgres.Tx] {
	return func(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
		var a attached
		if json.Unmarshal(m.Args, &a) != nil {
			return intake.Park(fault.MutationMalformed, ""), nil //nolint:nilerr // parked: the verdict says so
		}
		result, err := add(ctx, tx, m)
		if err != nil || result.Outcome != change.Applied {
			return result, err
		}
		m.Args, err = wire.Marshal(&fieldv1.AttachProof{
			Id: a.File[:], VisitId: a.Item[:], Step: "photo", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER, Sha256: a.SHA256,
			Size: a.Size, MediaType: a.Media,
		})
		if err != nil {
			return intake.Result{}, err
		}
		return w.proofs.Load().Mutators()["proof.attach"](ctx, tx, m)
	}
}

// uploaded asserts how many files of an item the server has verified.
func (w *world) uploaded(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	return w.office(ctx, func(tx *postgres.Tx) error {
		all, err := w.proofs.Load().Manifest(ctx, tx, id)
		n := 0
		for _, p := range all {
			if p.GetState() == fieldv1.ProofState_PROOF_STATE_VERIFIED {
				n++
			}
		}
		if err == nil && (s.Is == nil || n != *s.Is) {
			err = fmt.Errorf("%d of %d files of %s are verified", n, len(all), s.Item)
		}
		return err
	})
}
