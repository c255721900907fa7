package field

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1/fieldv1connect"
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

// Start implements offline.Uploads.
func (u Uploads) Start(ctx context.Context, file uuid.UUID) ([]offline.Part, error) {
	s, err := u.service(ctx)
	if err != nil {
		return nil, err
	}
	res, err := s.StartUpload(ctx, connect.NewRequest(&fieldv1.StartUploadRequest{ProofId: file[:]}))
	if err != nil || res.Msg.GetComplete() {
		return nil, err
	}
	parts := make([]offline.Part, len(res.Msg.GetRequests()))
	for i, r := range res.Msg.GetRequests() {
		h := http.Header{}
		for _, one := range r.GetHeaders() {
			h.Add(one.GetName(), one.GetValue())
		}
		parts[i] = offline.Part{Method: r.GetMethod(), URL: r.GetUrl(), Header: h, Offset: int64(r.GetOffset()), Length: int64(r.GetLength())}
	}
	return parts, nil
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
