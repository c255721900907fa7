package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
)

// photo is a picture that a technician of the hand took: a coloured card, for nobody's wall is shown.
type photo struct {
	id   uuid.UUID
	step string
	kind fieldv1.ProofKind
	jpeg []byte
}

func snap(step string, kind fieldv1.ProofKind, r *rand.Rand) (photo, error) {
	const w, h = 320, 240
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	base := color.RGBA{uint8(80 + r.IntN(150)), uint8(80 + r.IntN(150)), uint8(80 + r.IntN(150)), 255}
	for y := range h {
		for x := range w {
			c := base
			if x > w/4 && x < w*3/4 && y > h/4 && y < h*3/4 {
				c.R, c.G = c.G, c.R+uint8(y/8)
			}
			m.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 70}); err != nil {
		return photo{}, fmt.Errorf("draw a photo: %w", err)
	}
	return photo{id: uuid.Must(uuid.NewV7()), step: step, kind: kind, jpeg: b.Bytes()}, nil
}

func (p photo) manifest(visit uuid.UUID) *fieldv1.AttachProof {
	sum := sha256.Sum256(p.jpeg)
	return &fieldv1.AttachProof{
		Id: p.id[:], VisitId: visit[:], Step: p.step, Kind: p.kind, Sha256: sum[:],
		Size: uint64(len(p.jpeg)), MediaType: "image/jpeg",
	}
}

// send uploads the bytes as a phone does: by the signed request, straight to the store.
func (p photo) send(ctx context.Context, rooms app.Rooms, org, user uuid.UUID) error {
	ctx = identity.With(ctx,
		identity.Identity{Org: org, User: user}.Holding(identity.Grant{Role: identity.Technician, Scope: identity.ScopeSelf}))
	res, err := rooms.Proof.StartUpload(ctx, connect.NewRequest(&fieldv1.StartUploadRequest{ProofId: p.id[:]}))
	if err != nil {
		return err
	}
	for _, s := range res.Msg.GetRequests() {
		req, err := http.NewRequestWithContext(ctx, s.GetMethod(), s.GetUrl(), bytes.NewReader(p.jpeg))
		if err != nil {
			return fmt.Errorf("upload a photo: %w", err)
		}
		for _, h := range s.GetHeaders() {
			req.Header.Set(h.GetName(), h.GetValue())
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("upload a photo: %w", err)
		}
		_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
		if e := answer.Body.Close(); err == nil {
			err = e
		}
		if err == nil && answer.StatusCode/100 != 2 {
			err = fmt.Errorf("upload a photo: the store said %s", answer.Status)
		}
		if err != nil {
			return err
		}
	}
	_, err = rooms.Proof.FinishUpload(ctx, connect.NewRequest(&fieldv1.FinishUploadRequest{ProofId: p.id[:]}))
	return err
}
