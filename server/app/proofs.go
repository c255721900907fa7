package app

import (
	"context"

	"github.com/google/uuid"
	wire "google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/proof/heic"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// proofs makes the room of photos and signatures. A ticket admits them and completes on their manifest; its pay
// is confirmed once their bytes are verified.
func (a *App) proofs(r *Rooms) error {
	c, tickets, pays := a.config, r.Ticket, r.Pay
	objects, err := proof.OpenObjects(proof.ObjectsConfig(c.Objects))
	if err != nil {
		return err
	}
	p := proof.New(proof.Config{
		Store: r.Store, Objects: objects, Log: c.Log, Signer: receipts{r.Account.Keys, c.Now, c.Log},
		Examiner: media.Examiner{DecodeHEIC: heic.New().JPEG},
		Admit: func(ctx context.Context, tx *postgres.Tx, m change.Mutation, visit uuid.UUID, shown wire.Message) (proof.Admission, intake.Result, bool, error) {
			ad, result, ok, err := tickets.Admit(ctx, tx, m, visit, shown)
			return proof.Admission{Ticket: ad.TicketID, Holder: ad.HolderID}, result, ok, err
		},
		Reaches:    tickets.Reaches,
		LockTicket: tickets.Lock,
		Verified:   pays.Confirm,
		Trail: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, kind string, what map[string]string) error {
			return tickets.Trail(ctx, tx, id, kind, ticket.BySystem("proof"), what)
		},
	})
	r.Proof = p
	tickets.Proofs = func(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) ([]checklist.Proof, error) {
		all, err := p.OfVisit(ctx, tx, visit)
		out := make([]checklist.Proof, len(all))
		for i, one := range all {
			out[i] = checklist.Proof{Step: one.GetStep(), Kind: one.GetKind(), Refusal: fault.Code(one.GetRefusal())}
		}
		return out, err
	}
	tickets.Signatures = p.Signatures
	tickets.ProofsOfTicket = func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) ([]*fieldv1.Proof, error) {
		return p.OfTicket(ctx, tx, id)
	}
	tickets.Moved = p.Moved
	pays.ProofsVerified = p.Settled
	return nil
}
