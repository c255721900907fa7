package field

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/field/v1/fieldv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Uploads moves the bytes of proofs by ProofService. A file's id is its proof's id.
type Uploads struct{ Client *offline.Client }

func (u Uploads) service(ctx context.Context) (fieldv1connect.ProofServiceClient, error) {
	h, server, err := u.Client.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return fieldv1connect.NewProofServiceClient(h, server, u.Client.Options()...), nil
}

// partSize is the length of every part but the last; up to it a file goes in one request. See docs/PROOF.md.
const partSize = 5 << 20

// Start implements offline.Uploads.
func (u Uploads) Start(ctx context.Context, file uuid.UUID, bytes io.ReaderAt, size int64) ([]offline.Part, error) {
	hashes, err := partHashes(bytes, size)
	if err != nil {
		return nil, fault.Wrap(err, fault.FileGone, "")
	}
	s, err := u.service(ctx)
	if err != nil {
		return nil, err
	}
	res, err := s.StartUpload(ctx, connect.NewRequest(&fieldv1.StartUploadRequest{ProofId: file[:], PartSha256: hashes}))
	if err != nil || res.Msg.GetComplete() {
		return nil, err
	}
	parts := make([]offline.Part, len(res.Msg.GetRequests()))
	for i, r := range res.Msg.GetRequests() {
		h := http.Header{}
		for _, one := range r.GetHeaders() {
			h.Add(one.GetName(), one.GetValue())
		}
		parts[i] = offline.Part{
			Method: r.GetMethod(), URL: r.GetUrl(), Header: h, Offset: int64(r.GetOffset()),
			Length: int64(r.GetLength()),
		}
	}
	return parts, nil
}

// partHashes are the SHA-256 of the parts of a file that goes in parts: with them the store itself refuses a part
// that was cut on the way, and no other part has to be sent again.
func partHashes(bytes io.ReaderAt, size int64) ([][]byte, error) {
	if size <= partSize {
		return nil, nil
	}
	var hashes [][]byte
	for from := int64(0); from < size; from += partSize {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(bytes, from, min(partSize, size-from))); err != nil {
			return nil, err
		}
		hashes = append(hashes, sum.Sum(nil))
	}
	return hashes, nil
}

// Finish implements offline.Uploads. The answer kept is the Proof with its receipt.
func (u Uploads) Finish(ctx context.Context, file uuid.UUID) (offline.Finished, error) {
	s, err := u.service(ctx)
	if err != nil {
		return offline.Finished{}, err
	}
	res, err := s.FinishUpload(ctx, connect.NewRequest(&fieldv1.FinishUploadRequest{ProofId: file[:]}))
	if err != nil {
		return offline.Finished{}, err
	}
	p := res.Msg.GetProof()
	answer, err := proto.Marshal(p)
	f := offline.Finished{Answer: answer}
	if p.GetState() == fieldv1.ProofState_PROOF_STATE_REFUSED {
		f.Refusal = p.GetRefusal()
	}
	return f, err
}
