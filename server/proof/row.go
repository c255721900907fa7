package proof

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// The states, short.
const (
	awaiting = fieldv1.ProofState_PROOF_STATE_AWAITING
	received = fieldv1.ProofState_PROOF_STATE_RECEIVED
	verified = fieldv1.ProofState_PROOF_STATE_VERIFIED
	refused  = fieldv1.ProofState_PROOF_STATE_REFUSED
)

// row is a proof as most of the room needs it.
type row struct {
	ID         uuid.UUID
	TicketID   uuid.UUID
	VisitID    uuid.UUID
	Step       string
	Kind       fieldv1.ProofKind
	State      fieldv1.ProofState
	Refusal    string
	SHA256     []byte
	Size       int64
	MediaType  string
	DeviceTime time.Time
	ServerTime time.Time
	UserID     uuid.UUID
	HolderID   *uuid.UUID
	UploadID   string
	Attempts   int32
	// Generation is of which attempt the original is or will be.
	Generation    int32
	VerifiedAt    *time.Time
	ThumbnailType string
	SharedType    string
	Receipt       []byte
	ReceiptKey    string
	SignerName    string
	ContentHash   []byte
	Language      string
}

const columns = `p.id, p.ticket_id, p.visit_id, p.step, p.kind, p.state, p.refusal, p.sha256, p.size, p.media_type,
	p.device_time, p.server_time,
	p.user_id, p.holder_id, p.upload_id, p.attempts, p.generation, p.verified_at, p.thumbnail_type, p.shared_type,
	p.receipt, p.receipt_key,
	coalesce(s.signer_name, '') AS signer_name, s.content_hash, coalesce(s.language, '') AS language
	FROM proof p LEFT JOIN proof_signature s ON s.org_id = p.org_id AND s.proof_id = p.id`

func (p *row) signature() bool { return p.Kind == fieldv1.ProofKind_PROOF_KIND_SIGNATURE }

// storedAs is the type that the store notes. What a phone says beside a type of picture is noted for nobody: the store
// itself must never show bytes as a page.
func (p *row) storedAs() string {
	if media.Type(p.MediaType).Extension() == ".bin" {
		return "application/octet-stream"
	}
	return p.MediaType
}

// settled tells that nothing will change any more.
func (p *row) settled() bool { return p.State == verified || p.State == refused }

// entity is the proof as phones keep it.
func (p *row) entity() *fieldv1.Proof {
	e := &fieldv1.Proof{
		Id: p.ID[:], TicketId: p.TicketID[:], VisitId: p.VisitID[:], Step: p.Step, Kind: p.Kind, State: p.State,
		Sha256: p.SHA256, Size: uint64(p.Size), MediaType: p.MediaType, DeviceTime: timestamppb.New(p.DeviceTime),
		ServerTime: timestamppb.New(p.ServerTime), Refusal: p.Refusal, Receipt: p.Receipt, Key: p.ReceiptKey,
		SignerName:  p.SignerName,
		ContentHash: p.ContentHash, Language: p.Language,
	}
	if p.VerifiedAt != nil {
		e.VerifiedAt = timestamppb.New(*p.VerifiedAt)
	}
	return e
}

// place puts the proof on its holder's feed. The caller holds the row's lock.
func place(tx *postgres.Tx, p *row) error {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.entity())
	if err != nil {
		return err
	}
	kind := change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROOF)
	if p.HolderID == nil {
		tx.Place(kind, p.ID)
		return nil
	}
	tx.Place(kind, p.ID, feed.Placement{Feed: change.FeedID{Kind: "tech", Key: *p.HolderID}, Body: body})
	return nil
}

// find reads a proof; NotFound when there is none in this org. With lock, it stays as read until the end of
// the transaction.
func find(ctx context.Context, tx *postgres.Tx, id uuid.UUID, lock bool) (*row, error) {
	sql := `SELECT ` + columns + ` WHERE p.org_id = $1 AND p.id = $2`
	if lock {
		sql += ` FOR UPDATE OF p`
	}
	found, err := collect(ctx, tx, sql, tx.OrgID(), id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "proof")
	}
	return found[0], nil
}

func collect(ctx context.Context, tx *postgres.Tx, sql string, args ...any) ([]*row, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[row])
}

// custody writes who had to do with a proof, and when.
type custody struct {
	proof      uuid.UUID
	event      string
	deviceTime time.Time
	actor      string
	device     uuid.UUID
	detail     string
}

// The actors that are no people.
const (
	actorOffice = "system:proof"
	actorSweep  = "system:sweep"
)

func byUser(id uuid.UUID) string { return "user:" + id.String() }

func (c custody) write(ctx context.Context, tx *postgres.Tx) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if c.deviceTime.IsZero() {
		c.deviceTime = tx.Now()
	}
	var device *uuid.UUID
	if c.device != uuid.Nil {
		device = &c.device
	}
	_, err = tx.Exec(ctx, `INSERT INTO proof_custody (org_id, proof_id, id, event, device_time, server_time, actor,
		device_id, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.OrgID(), c.proof, id, c.event, c.deviceTime, tx.Now(), c.actor, device, c.detail)
	return err
}

// Custody is one line of a proof's history.
type Custody struct {
	Event      string
	DeviceTime time.Time
	ServerTime time.Time
	// Actor is user:<id> or system:<name>.
	Actor  string
	Detail string
}

// CustodyOf lists what happened to a proof, oldest first.
func (Records) CustodyOf(ctx context.Context, tx *postgres.Tx, id uuid.UUID) ([]Custody, error) {
	rows, err := tx.Query(ctx, `SELECT event, device_time, server_time, actor, detail FROM proof_custody
		WHERE org_id = $1 AND proof_id = $2 ORDER BY server_time, id`, tx.OrgID(), id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Custody])
}

// exists tells whether the id is taken, and by what hash.
func exists(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (sha256 []byte, ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT sha256 FROM proof WHERE org_id = $1 AND id = $2`, tx.OrgID(), id).Scan(&sha256)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return sha256, err == nil, err
}

// Signatures tells how many signatures a ticket has, and whether the newest of them names what it shows.
func (Records) Signatures(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (n int, named bool, err error) {
	err = tx.QueryRow(ctx, `SELECT count(*),
		coalesce((array_agg(octet_length(s.content_hash) > 0 ORDER BY p.server_time DESC, p.id DESC))[1], false)
		FROM proof p JOIN proof_signature s ON s.org_id = p.org_id AND s.proof_id = p.id
		WHERE p.org_id = $1 AND p.ticket_id = $2`, tx.OrgID(), ticket).Scan(&n, &named)
	return n, named, err
}
