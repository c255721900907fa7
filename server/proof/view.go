package proof

import (
	"context"
	"encoding/base64"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// viewLife is how long the address of a picture holds.
const viewLife = 5 * time.Minute

// ViewProof implements fieldv1connect.ProofServiceHandler. That the proof was viewed is recorded before any
// address is given out. Only a verified picture has addresses: nobody is shown bytes that were refused.
func (r *Proofs) ViewProof(
	ctx context.Context, req *connect.Request[fieldv1.ViewProofRequest],
) (*connect.Response[fieldv1.ViewProofResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	var p *row
	var image []byte
	judge := false
	err = r.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		if p, err = find(ctx, tx, uuid.UUID(req.Msg.GetProofId()), false); err != nil {
			return err
		}
		if !own(p, who) {
			if ok, err := r.tickets.Reaches(ctx, tx, who.For(viewers...), p.TicketID); err != nil || !ok {
				return unseen(err)
			}
		}
		if judge, err = r.tickets.Reaches(ctx, tx, who.For(judges...), p.TicketID); err != nil {
			return err
		}
		if p.signature() {
			if err := tx.QueryRow(ctx, `SELECT image FROM proof_signature
				WHERE org_id = $1 AND proof_id = $2`, who.Org, p.ID).Scan(&image); err != nil {
				return err
			}
		}
		if p.State != verified {
			return nil
		}
		return custody{proof: p.ID, event: "viewed", actor: byUser(who.User), device: who.Device}.write(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	out := &fieldv1.ViewProofResponse{Proof: p.entity(), Expires: timestamppb.New(r.Store.Now().Add(viewLife))}
	switch {
	case p.State != verified:
	case p.signature():
		if len(image) > 0 {
			// Examined when it came; small enough to travel in the answer.
			out.ThumbnailUrl = "data:image/png;base64," + base64.StdEncoding.EncodeToString(image)
			out.SharedUrl = out.ThumbnailUrl
		}
	default:
		err = r.addresses(ctx, who, judge, p, out)
	}
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// Who may see the proofs of tickets within their reach, and the originals of them.
var (
	viewers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Dealer, identity.Admin}
	judges  = []identity.Role{identity.Supervisor, identity.Admin}
)

func unseen(err error) error {
	if err == nil {
		err = identity.Unseen("proof")
	}
	return err
}

// own tells whether the caller made the proof or holds its ticket now.
func own(p *row, who identity.Identity) bool {
	return p.UserID == who.User || p.HolderID != nil && *p.HolderID == who.User
}

// addresses are the pictures that the caller may see. The original, with place and device in it, is for who made
// it and for those who judge this ticket's work.
func (r *Proofs) addresses(
	ctx context.Context, who identity.Identity, judge bool, p *row, out *fieldv1.ViewProofResponse,
) (err error) {
	name := "proof-" + p.ID.String()
	if p.ThumbnailType != "" {
		if out.ThumbnailUrl, err = r.Objects.presignGet(ctx, key(who.Org, p.ID, thumbnail), name+"-small.jpg", media.JPEG,
			false, viewLife); err != nil {
			return err
		}
	}
	if t := media.Type(p.SharedType); t != "" {
		if out.SharedUrl, err = r.Objects.presignGet(ctx, key(who.Org, p.ID, sharedOne), name+t.Extension(), t, false,
			viewLife); err != nil {
			return err
		}
	}
	if p.UserID == who.User || judge {
		t := media.Type(p.MediaType)
		out.OriginalUrl, err = r.Objects.presignGet(ctx, p.original(who.Org), name+"-original"+t.Extension(),
			t, true, viewLife)
	}
	return err
}

// Exported records that proofs left the house, in an export say.
func (r *Proofs) Exported(ctx context.Context, tx *postgres.Tx, actor uuid.UUID, proofs ...uuid.UUID) error {
	for _, id := range proofs {
		if err := (custody{proof: id, event: "exported", actor: byUser(actor)}).write(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
