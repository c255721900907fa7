package proof

import (
	"bytes"
	"context"
	"errors"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// maxAttempts is how often bytes that differ from the manifest may come before the proof is refused for good.
const maxAttempts = 5

// FinishUpload implements fieldv1connect.ProofServiceHandler. A proof that is settled is simply told again. An
// error leaves the proof where it is, to be finished later.
func (r *Proofs) FinishUpload(
	ctx context.Context, req *connect.Request[fieldv1.FinishUploadRequest],
) (*connect.Response[fieldv1.FinishUploadResponse], error) {
	p, who, err := r.mine(ctx, req.Msg.GetProofId())
	if err != nil {
		return nil, err
	}
	if !p.settled() {
		if p, err = r.verify(ctx, who.Org, p); err != nil {
			return nil, err
		}
	}
	return connect.NewResponse(&fieldv1.FinishUploadResponse{Proof: p.entity()}), nil
}

// finish takes the bytes over and verifies them. Any number may run for one proof at once: each step is
// repeatable, and the last one happens under the row's lock, once. p says which attempt is looked at: what is found
// out counts for that one alone.
func (r *Proofs) finish(ctx context.Context, org uuid.UUID, p *row) (*row, error) {
	at := p.original(org)
	there, err := r.take(ctx, at, p)
	if err != nil {
		return nil, err
	}
	if there.size != p.Size {
		return r.differs(ctx, org, p, there, SizeDiffers)
	}
	if p, err = r.receive(ctx, org, p); err != nil || p.settled() {
		return p, err
	}
	memory, err := r.budget.enter(ctx, p.Size)
	if err != nil {
		return nil, err
	}
	defer memory.leave()
	b, there, err := r.Objects.read(ctx, at, p.Size)
	if errors.Is(err, errAbsent) {
		return nil, fault.Wrap(err, BytesMissing, "")
	}
	if err != nil {
		return nil, err
	}
	switch {
	case int64(len(b)) != p.Size:
		return r.differs(ctx, org, p, there, SizeDiffers)
	case !bytes.Equal(hashOf(b), p.SHA256):
		return r.differs(ctx, org, p, there, HashDiffers)
	}
	picture, err := r.examine(ctx, memory, b)
	if err != nil {
		if fault.CodeOf(err).Kind() != fault.KindInvalid {
			return nil, err
		}
		r.Log.InfoContext(ctx, "a picture is refused", "proof", p.ID, "reason", fault.CodeOf(err), "error", err)
		return r.settle(ctx, org, p, there, func(p *row) { p.State, p.Refusal = refused, string(fault.CodeOf(err)) }, nil)
	}
	if picture.Thumbnail != nil {
		if err := r.Objects.write(ctx, key(org, p.ID, thumbnail), picture.Thumbnail, media.JPEG); err != nil {
			return nil, err
		}
	}
	if picture.Shared != nil {
		if err := r.Objects.write(ctx, key(org, p.ID, sharedOne), picture.Shared, picture.SharedType); err != nil {
			return nil, err
		}
	}
	// A phone may not have known better; the bytes do.
	return r.settle(ctx, org, p, there, func(p *row) { p.State, p.MediaType = verified, string(picture.Type) }, &picture)
}

// take puts the parts together if that is still to be done, and tells what is there then.
func (r *Proofs) take(ctx context.Context, at string, p *row) (object, error) {
	there, err := r.Objects.stat(ctx, at)
	if !errors.Is(err, errAbsent) {
		return there, err
	}
	if p.UploadID == "" {
		return object{}, fault.New(BytesMissing, "")
	}
	have, err := r.Objects.parts(ctx, at, p.UploadID)
	if err == nil {
		err = r.join(ctx, at, p, have)
	}
	// Absent is what another call has put together just now.
	if err != nil && !errors.Is(err, errAbsent) {
		return object{}, err
	}
	there, err = r.Objects.stat(ctx, at)
	if errors.Is(err, errAbsent) {
		err = fault.New(BytesMissing, "")
	}
	return there, err
}

// join makes one object of the parts, when all are there.
func (r *Proofs) join(ctx context.Context, at string, p *row, have []minio.ObjectPart) error {
	there := arrived(p.Size, have)
	whole := make([]minio.ObjectPart, 0, len(there))
	for number := 1; number <= partCount(p.Size); number++ {
		part, ok := there[number]
		if !ok {
			return fault.New(BytesMissing, "part %d of %d", number, partCount(p.Size))
		}
		whole = append(whole, part)
	}
	return r.Objects.finishParts(ctx, at, p.UploadID, whole)
}

// receive notes that the bytes of this attempt are here.
func (r *Proofs) receive(ctx context.Context, org uuid.UUID, seen *row) (p *row, err error) {
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		if p, err = find(ctx, tx, seen.ID, true); err != nil || p.settled() {
			return err
		}
		if p.Attempts != seen.Attempts {
			return errGivenUp()
		}
		if p.State != awaiting {
			return nil
		}
		p.State = received
		if _, err := tx.Exec(ctx, `UPDATE proof SET state = $3, received_at = $4, overdue_at = NULL
			WHERE org_id = $1 AND id = $2`,
			org, p.ID, int16(received), tx.Now()); err != nil {
			return err
		}
		if err := (custody{proof: p.ID, event: "received", actor: actorOffice}).write(ctx, tx); err != nil {
			return err
		}
		return place(tx, p)
	})
	return p, err
}

// errGivenUp says that the bytes that were looked at belong to an attempt that is over: others are asked for.
func errGivenUp() error { return fault.New(BytesMissing, "") }

// differs asks for the bytes again, because those that came are not the announced ones; after some attempts the
// proof is refused for good. Bytes of another length or hash are evidence of nothing.
//
// It is counted once, whoever else has read the same bytes: the attempt that they came for ends under the row's
// lock. The next attempt has an object of its own, so nobody who comes late can throw away what has come since.
// The object is removed when the attempt has ended, and only then; see docs/PROOF.md.
func (r *Proofs) differs(ctx context.Context, org uuid.UUID, seen *row, read object, reason fault.Code) (*row, error) {
	at := seen.original(org)
	there, err := r.Objects.stat(ctx, at)
	if errors.Is(err, errAbsent) || err == nil && there != read {
		// Others have come for this attempt, or none are there any more: nothing is known of them.
		return r.settledOr(ctx, org, seen.ID, fault.New(reason, ""))
	}
	if err != nil {
		return nil, err
	}
	var p *row
	var ended bool
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) (err error) {
		ended = false
		if p, err = r.judge(ctx, tx, seen); err != nil || p.settled() || p.Attempts != seen.Attempts {
			return err
		}
		ended = true
		if p.Attempts+1 >= maxAttempts {
			p.State, p.Refusal = refused, string(reason)
			return r.end(ctx, tx, p, nil)
		}
		p.State, p.Attempts, p.Generation = awaiting, p.Attempts+1, p.Attempts+1
		if _, err := tx.Exec(ctx, `UPDATE proof SET state = $3, received_at = NULL, upload_id = '', attempts = $4,
			generation = $5
			WHERE org_id = $1 AND id = $2`, org, p.ID, int16(awaiting), p.Attempts, p.Generation); err != nil {
			return err
		}
		return place(tx, p)
	})
	if err != nil {
		return p, err
	}
	if ended {
		r.discard(context.WithoutCancel(ctx), at)
	}
	if !p.settled() {
		err = fault.New(reason, "")
	}
	return p, err
}

// settledOr returns a proof that somebody else has settled meanwhile, and else the error.
func (r *Proofs) settledOr(ctx context.Context, org, id uuid.UUID, otherwise error) (p *row, err error) {
	err = r.Store.Read(ctx, change.Org(org), func(tx *postgres.Tx) error {
		p, err = find(ctx, tx, id, false)
		return err
	})
	if err == nil && !p.settled() {
		err = otherwise
	}
	return p, err
}

// discard removes the object of an attempt that has ended. What stays after a failure, the sweep removes.
func (r *Proofs) discard(ctx context.Context, at string) {
	if err := r.Objects.remove(ctx, at); err != nil {
		r.Log.WarnContext(ctx, "an object that nobody uses stays for the sweep", "object", at, "error", err)
	}
}

// judge locks a proof for its last step, after its ticket, which that step writes to.
func (r *Proofs) judge(ctx context.Context, tx *postgres.Tx, seen *row) (*row, error) {
	if err := r.tickets.Lock(ctx, tx, seen.TicketID); err != nil {
		return nil, err
	}
	return find(ctx, tx, seen.ID, true)
}

// settle ends a proof, once: what was found, the receipt, custody, trail and the ticket in one transaction.
//
// No receipt is signed for bytes that are not in the store. They are looked for before the transaction. They cannot
// go until it commits: only an attempt's object is ever removed, after the attempt has ended, and that an attempt
// goes on is read under the row's lock.
func (r *Proofs) settle(
	ctx context.Context, org uuid.UUID, seen *row, read object, end func(*row), picture *media.Picture,
) (p *row, err error) {
	there, err := r.Objects.stat(ctx, seen.original(org))
	if errors.Is(err, errAbsent) || err == nil && there != read {
		return r.settledOr(ctx, org, seen.ID, fault.Wrap(err, BytesMissing, ""))
	}
	if err != nil {
		return nil, err
	}
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		if p, err = r.judge(ctx, tx, seen); err != nil || p.settled() {
			return err
		}
		if p.Attempts != seen.Attempts || p.Generation != seen.Generation {
			return errGivenUp()
		}
		end(p)
		return r.end(ctx, tx, p, picture)
	})
	return p, err
}

// end writes what a proof has come to.
func (r *Proofs) end(ctx context.Context, tx *postgres.Tx, p *row, picture *media.Picture) error {
	if p.State == verified {
		at := micro(tx.Now())
		p.VerifiedAt = &at
		p.Receipt, p.ReceiptKey = r.Signer.Sign(ReceiptText(tx.OrgID(), p.entity()))
		if picture.Thumbnail != nil {
			p.ThumbnailType = string(media.JPEG)
		}
		p.SharedType = string(picture.SharedType)
		if err := found(ctx, tx, p.ID, picture); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE proof SET state = $3, refusal = $4, verified_at = $5, receipt = $6, receipt_key = $7,
			thumbnail_type = $8, shared_type = $9, upload_id = '', overdue_at = NULL,
			verified_generation = generation WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), p.ID, int16(p.State), p.Refusal, p.VerifiedAt, p.Receipt, p.ReceiptKey, p.ThumbnailType,
		p.SharedType); err != nil {
		return err
	}
	if err := place(tx, p); err != nil {
		return err
	}
	return r.tell(ctx, tx, p)
}

// found keeps what the bytes told.
func found(ctx context.Context, tx *postgres.Tx, id uuid.UUID, picture *media.Picture) error {
	var latitude, longitude, accuracy, taken any
	if at := picture.Facts.Position; at != nil {
		latitude, longitude, accuracy = at.Latitude, at.Longitude, at.AccuracyM
	}
	if !picture.Facts.Taken.IsZero() {
		taken = picture.Facts.Taken
	}
	_, err := tx.Exec(ctx, `UPDATE proof SET width = $3, height = $4, orientation = $5, exif_latitude = $6,
		exif_longitude = $7,
			exif_accuracy_m = $8, exif_taken = $9, exif_zoned = $10, media_type = $11 WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), id, picture.Width, picture.Height, int16(picture.Facts.Orientation), latitude, longitude, accuracy, taken,
		picture.Facts.TakenZone,
		string(picture.Type))
	return err
}

// tell writes custody and trail, and tells the ticket.
func (r *Proofs) tell(ctx context.Context, tx *postgres.Tx, p *row) error {
	event := "verified"
	if p.State == refused {
		event = "refused"
	}
	if err := (custody{proof: p.ID, event: event, actor: actorOffice, detail: p.Refusal}).write(ctx, tx); err != nil {
		return err
	}
	fact := map[string]string{"proof": p.ID.String()}
	if p.Refusal != "" {
		fact["reason"] = p.Refusal
	}
	if err := r.tickets.ProofTrail(ctx, tx, p.TicketID, "proof."+event, fact); err != nil {
		return err
	}
	if p.State != verified {
		return nil
	}
	return r.tickets.ProofVerified(ctx, tx, p.TicketID)
}
