package proof

import (
	"bytes"
	"context"
	"crypto/sha256"

	"buf.build/go/protovalidate"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// attach is proof.attach: the manifest of a photo whose bytes follow. The ticket may complete on it.
func (r *Proofs) attach(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	args := &fieldv1.AttachProof{}
	if result, ok := decode(m.Args, args); !ok {
		return result, nil
	}
	if !onEarth(args.GetPosition()) {
		return intake.Park(fault.MutationMalformed, "position"), nil
	}
	p := &row{
		ID: uuid.UUID(args.GetId()), VisitID: uuid.UUID(args.GetVisitId()), Step: args.GetStep(), Kind: args.GetKind(),
		State: awaiting, SHA256: args.GetSha256(), Size: int64(args.GetSize()), MediaType: args.GetMediaType(),
		DeviceTime: micro(m.DeviceTime), UserID: uuid.UUID(m.User),
	}
	return r.keep(ctx, tx, m, p, args, args.GetPosition(), nil)
}

// sign is signature.sign: strokes with time and a small image, bound to the signer's name, the terms that were
// shown and the ticket's state that the phone held. The hash of the whole is the proof's hash; the bytes are
// here with the mutation, so it is verified at once. A later signature stands beside it.
func (r *Proofs) sign(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	args := &fieldv1.SignSignature{}
	if result, ok := decode(m.Args, args); !ok {
		return result, nil
	}
	if why := badStrokes(args.GetStrokes()); why != "" {
		return intake.Park(fault.MutationMalformed, "%s", why), nil
	}
	if len(args.GetImage()) > 0 {
		x := media.Examiner{Limits: media.Limits{Pixels: 1 << 20, Memory: 16 << 20}}
		picture, err := x.Examine(ctx, args.GetImage())
		if err != nil {
			return intake.Park(fault.MutationMalformed, "image: %s", fault.CodeOf(err)), nil
		}
		if picture.Type != media.PNG || picture.Thumbnail == nil {
			return intake.Park(fault.MutationMalformed, "image: %s", fault.ProofNotPicture), nil
		}
	}
	sum := sha256.Sum256(m.Args)
	at := micro(tx.Now())
	p := &row{
		ID: uuid.UUID(args.GetId()), VisitID: uuid.UUID(args.GetVisitId()), Step: args.GetStep(),
		Kind: fieldv1.ProofKind_PROOF_KIND_SIGNATURE, State: verified, SHA256: sum[:], Size: int64(len(m.Args)),
		MediaType: "application/x-protobuf", DeviceTime: micro(m.DeviceTime), UserID: uuid.UUID(m.User), VerifiedAt: &at,
		SignerName: args.GetSignerName(), ContentHash: args.GetContentHash(), Language: args.GetLanguage(),
	}
	// The trail shows what was signed by its hash; strokes and image stay here.
	shown := &fieldv1.SignSignature{
		Id: args.GetId(), VisitId: args.GetVisitId(), Step: args.GetStep(), SignerName: args.GetSignerName(),
		Terms: args.GetTerms(), TicketHash: args.GetTicketHash(),
		Lines: args.GetLines(), Totals: args.GetTotals(), ContentHash: args.GetContentHash(), Language: args.GetLanguage(),
	}
	return r.keep(ctx, tx, m, p, shown, nil, func() error {
		_, err := tx.Exec(ctx, `INSERT INTO proof_signature (org_id, proof_id, signer_name, terms, ticket_hash, content,
			image,
				content_hash, language) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, tx.OrgID(), p.ID, args.GetSignerName(),
			args.GetTerms(),
			notNil(args.GetTicketHash()), m.Args, notNil(args.GetImage()), notNil(args.GetContentHash()), args.GetLanguage())
		return err
	})
}

// keep admits the mutation and writes the proof, its custody and its place. also writes what the kind has more.
func (r *Proofs) keep(
	ctx context.Context, tx *postgres.Tx, m change.Mutation, p *row, shown proto.Message, at *typesv1.Position,
	also func() error,
) (intake.Result, error) {
	hash, taken, err := exists(ctx, tx, p.ID)
	switch {
	case err != nil:
		return intake.Result{}, err
	case taken && bytes.Equal(hash, p.SHA256):
		return intake.Done(), nil // the same thing told again
	case taken:
		return intake.Park(ManifestDiffers, ""), nil
	}
	admission, result, ok, err := r.tickets.AdmitProof(ctx, tx, m, p.VisitID, shown)
	if err != nil || !ok {
		return result, err
	}
	p.TicketID, p.ServerTime = admission.Ticket, micro(tx.Now())
	if admission.Holder != uuid.Nil {
		p.HolderID = &admission.Holder
	}
	if p.State == verified {
		p.Receipt, p.ReceiptKey = r.Signer.Sign(ReceiptText(tx.OrgID(), p.entity()))
	}
	var latitude, longitude, accuracy any
	if at != nil {
		latitude, longitude, accuracy = at.GetLatitude(), at.GetLongitude(), at.GetAccuracyM()
	}
	_, err = tx.Exec(ctx, `INSERT INTO proof (org_id, id, ticket_id, visit_id, step, kind, state, sha256, size, media_type,
		device_time,
			latitude, longitude, accuracy_m, device_id, user_id, server_time, holder_id, received_at, verified_at, receipt,
			receipt_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20, $21)`,
		tx.OrgID(), p.ID, p.TicketID, p.VisitID, p.Step, int16(p.Kind), int16(p.State), p.SHA256, p.Size,
		p.MediaType, p.DeviceTime,
		latitude, longitude, accuracy, uuid.UUID(m.Device), p.UserID, p.ServerTime, p.HolderID, p.VerifiedAt,
		p.Receipt, p.ReceiptKey)
	if err != nil {
		return intake.Result{}, err
	}
	if also != nil {
		if err := also(); err != nil {
			return intake.Result{}, err
		}
	}
	captured := custody{
		proof: p.ID, event: "captured", deviceTime: p.DeviceTime, actor: byUser(p.UserID),
		device: uuid.UUID(m.Device),
	}
	if err := captured.write(ctx, tx); err != nil {
		return intake.Result{}, err
	}
	if p.State == verified {
		for _, event := range []string{"received", "verified"} {
			if err := (custody{proof: p.ID, event: event, actor: actorOffice}).write(ctx, tx); err != nil {
				return intake.Result{}, err
			}
		}
		if err := r.tickets.ProofVerified(ctx, tx, p.TicketID); err != nil {
			return intake.Result{}, err
		}
	}
	return result, place(tx, p)
}

// decode reads a mutation's arguments; when they are not valid, the result parks it, or rejects a text
// that nobody can have typed.
func decode(b []byte, args proto.Message) (intake.Result, bool) {
	if err := proto.Unmarshal(b, args); err != nil {
		return intake.Park(fault.MutationMalformed, "not the message that belongs to this kind"), false
	}
	if err := protovalidate.Validate(args); err != nil {
		return intake.Park(fault.MutationMalformed, "%s", err), false
	}
	if err := intake.Readable(args); err != nil {
		return intake.Reject(fault.TextUnprintable, "%s", fault.As(err).Detail), false
	}
	return intake.Result{}, true
}

func onEarth(p *typesv1.Position) bool {
	within := func(v, limit float64) bool { return v >= -limit && v <= limit } // not a number is not within
	return p == nil || within(p.GetLatitude(), 90) && within(p.GetLongitude(), 180) &&
		p.GetAccuracyM() >= 0 && p.GetAccuracyM() <= 1e8
}

// maxPoints bounds a signature; a lively one has 2,000.
const maxPoints = 20_000

func badStrokes(strokes []*fieldv1.Stroke) string {
	points := 0
	for _, s := range strokes {
		n := len(s.GetX())
		if n == 0 || n != len(s.GetY()) || n != len(s.GetTMs()) {
			return "a stroke's x, y and t differ in length"
		}
		if points += n; points > maxPoints {
			return "too many points"
		}
	}
	return ""
}

// notNil is b for a column that is not null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
