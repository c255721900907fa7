package proof

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// PartSize is the length in bytes of every part but the last, and the greatest length of a single request.
	// It is the smallest part that S3 knows: a cut costs the phone at most one of them.
	PartSize = 5 << 20
	// uploadLife is how long a signed request holds: long enough for a slow network, short enough for a lost phone.
	uploadLife = 30 * time.Minute
)

// StartUpload implements fieldv1connect.ProofServiceHandler.
func (r *Proofs) StartUpload(
	ctx context.Context, req *connect.Request[fieldv1.StartUploadRequest],
) (*connect.Response[fieldv1.StartUploadResponse], error) {
	p, who, err := r.mine(ctx, req.Msg.GetProofId())
	if err != nil {
		return nil, err
	}
	if p.settled() || p.signature() {
		return connect.NewResponse(&fieldv1.StartUploadResponse{Complete: true}), nil
	}
	at := p.original(who.Org)
	there, err := r.Objects.stat(ctx, at)
	switch {
	case err == nil && there.size == p.Size:
		return connect.NewResponse(&fieldv1.StartUploadResponse{Complete: true}), nil
	case err != nil && !errors.Is(err, errAbsent):
		return nil, err
	}
	out := &fieldv1.StartUploadResponse{}
	if p.Size <= PartSize {
		out.Requests, err = r.single(ctx, at, p)
	} else {
		out.PartSize = PartSize
		hashes := req.Msg.GetPartSha256()
		if len(hashes) != 0 && len(hashes) != partCount(p.Size) {
			return nil, fault.New(fault.InvalidArgument, "part_sha256: %d for %d parts", len(hashes), partCount(p.Size))
		}
		out.Requests, out.Complete, err = r.missing(ctx, who.Org, at, p, hashes)
	}
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// mine reads a proof that the caller made: nobody else sends its bytes. Others are told that there is none.
func (r *Proofs) mine(ctx context.Context, id []byte) (p *row, who identity.Identity, err error) {
	if who, err = identity.Require(ctx); err != nil {
		return nil, who, err
	}
	err = r.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		p, err = find(ctx, tx, uuid.UUID(id), false)
		return err
	})
	if err == nil && p.UserID != who.User {
		err = fault.New(fault.NotFound, "proof")
	}
	return p, who, err
}

func (r *Proofs) single(ctx context.Context, at string, p *row) ([]*fieldv1.SignedRequest, error) {
	address, headers, err := r.Objects.presignPut(ctx, at, p.Size, p.SHA256, p.storedAs(), uploadLife)
	if err != nil {
		return nil, err
	}
	return []*fieldv1.SignedRequest{{
		Method: "PUT", Url: address, Headers: onWire(headers), Length: uint64(p.Size),
		Expires: timestamppb.New(r.Store.Now().Add(uploadLife)),
	}}, nil
}

func onWire(headers []header) []*fieldv1.Header {
	out := make([]*fieldv1.Header, len(headers))
	for i, h := range headers {
		out[i] = &fieldv1.Header{Name: h.name, Value: h.value}
	}
	return out
}

// missing gives the requests for the parts that the store does not have yet. With hashes, a part that is there
// with another hash, or with none, counts as missing.
func (r *Proofs) missing(
	ctx context.Context, org uuid.UUID, at string, p *row, hashes [][]byte,
) (requests []*fieldv1.SignedRequest, complete bool, err error) {
	have, err := r.partsOf(ctx, org, at, p, len(hashes) > 0)
	if err != nil {
		return nil, false, err
	}
	there := arrived(p.Size, have)
	expires := timestamppb.New(r.Store.Now().Add(uploadLife))
	for number := 1; number <= partCount(p.Size); number++ {
		var hash []byte
		if len(hashes) > 0 {
			hash = hashes[number-1]
		}
		if part, ok := there[number]; ok && (hash == nil || part.ChecksumSHA256 == base64.StdEncoding.EncodeToString(hash)) {
			continue
		}
		from, n := partRange(p.Size, number)
		address, headers, err := r.Objects.presignPart(ctx, at, p.UploadID, number, n, hash, uploadLife)
		if err != nil {
			return nil, false, err
		}
		requests = append(requests, &fieldv1.SignedRequest{
			Method: "PUT", Url: address, Headers: onWire(headers), Offset: uint64(from), Length: uint64(n),
			PartNumber: uint32(number), Expires: expires,
		})
	}
	return requests, len(requests) == 0, nil
}

// partsOf lists the parts of the proof's upload, and begins one where there is none (any more).
func (r *Proofs) partsOf(
	ctx context.Context, org uuid.UUID, at string, p *row, hashed bool,
) ([]minio.ObjectPart, error) {
	if p.UploadID != "" {
		have, err := r.Objects.parts(ctx, at, p.UploadID)
		if !errors.Is(err, errAbsent) {
			return have, err
		}
	}
	begun, err := r.Objects.startParts(ctx, at, p.storedAs(), hashed)
	if err != nil {
		return nil, err
	}
	old, attempts := p.UploadID, p.Attempts
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		return tx.QueryRow(ctx, `UPDATE proof SET upload_id = CASE WHEN upload_id = $3 AND attempts = $6 THEN $4
			ELSE upload_id END,
				upload_at = $5 WHERE org_id = $1 AND id = $2 RETURNING upload_id, attempts`,
			org, p.ID, old, begun, tx.Now(), p.Attempts).Scan(&p.UploadID, &attempts)
	})
	if err != nil || p.UploadID != begun {
		// Another call was faster, or nothing was written: ours is not needed.
		if abort := r.Objects.abortParts(context.WithoutCancel(ctx), at, begun); abort != nil {
			r.Log.WarnContext(ctx, "an upload that nobody uses stays for the sweep", "proof", p.ID, "error", abort)
		}
	}
	if err != nil {
		return nil, err
	}
	if p.UploadID == begun {
		return nil, nil
	}
	if attempts != p.Attempts {
		return nil, fault.New(fault.Unavailable, "").After(time.Second) // the next call reads the next attempt's
	}
	return r.Objects.parts(ctx, at, p.UploadID)
}

func partCount(size int64) int { return int((size + PartSize - 1) / PartSize) }

// partRange is the first byte and the length of a part; numbers begin with 1.
func partRange(size int64, number int) (from, n int64) {
	from = int64(number-1) * PartSize
	return from, min(PartSize, size-from)
}

// arrived are the parts that are whole; a part of a wrong length counts as missing and is sent anew.
func arrived(size int64, have []minio.ObjectPart) map[int]minio.ObjectPart {
	out := make(map[int]minio.ObjectPart, len(have))
	for _, part := range have {
		if part.PartNumber < 1 || part.PartNumber > partCount(size) {
			continue
		}
		if _, n := partRange(size, part.PartNumber); n == part.Size {
			out[part.PartNumber] = part
		}
	}
	return out
}
