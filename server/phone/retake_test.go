package phone

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

func TestAPhotoIsToBeTakenAgainUntilTheOfficeHasALaterOne(t *testing.T) {
	t.Parallel()
	const (
		refused  = fieldv1.ProofState_PROOF_STATE_REFUSED
		verified = fieldv1.ProofState_PROOF_STATE_VERIFIED
		awaiting = fieldv1.ProofState_PROOF_STATE_AWAITING
	)
	noon := time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
	// came is when the office took it in, in minutes; below 0 it has not. taken is what the phone's clock said.
	photo := func(id byte, state fieldv1.ProofState, came, taken int) *fieldv1.Proof {
		p := &fieldv1.Proof{
			Id: []byte{id}, VisitId: []byte{1}, Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER, State: state,
			DeviceTime: timestamppb.New(noon.Add(time.Duration(taken) * time.Minute)),
		}
		if came >= 0 {
			p.ServerTime = timestamppb.New(noon.Add(time.Duration(came) * time.Minute))
		}
		return p
	}
	elsewhere := photo(9, verified, 9, 9)
	elsewhere.Step = "before"
	nextVisit := photo(9, verified, 9, 9)
	nextVisit.VisitId = []byte{2}
	for name, c := range map[string]struct {
		proofs []*fieldv1.Proof
		want   []byte
	}{
		"nothing":       {nil, nil},
		"a refused one": {[]*fieldv1.Proof{photo(1, refused, 1, 1)}, []byte{1}},
		"one before it": {
			[]*fieldv1.Proof{photo(1, verified, 1, 5), photo(2, refused, 2, 2)},
			[]byte{2},
		},
		"one after it":                     {[]*fieldv1.Proof{photo(1, refused, 1, 1), photo(2, verified, 2, 2)}, nil},
		"one after it, the clock set back": {[]*fieldv1.Proof{photo(1, refused, 1, 60), photo(2, verified, 2, 0)}, nil},
		"one taken and not sent, set back": {[]*fieldv1.Proof{photo(1, refused, 1, 60), photo(2, awaiting, -1, 0)}, nil},
		"one of the same transaction":      {[]*fieldv1.Proof{photo(1, refused, 1, 60), photo(2, verified, 1, 0)}, nil},
		"at another step":                  {[]*fieldv1.Proof{photo(1, refused, 1, 1), elsewhere}, []byte{1}},
		"on the next visit":                {[]*fieldv1.Proof{photo(1, refused, 1, 1), nextVisit}, nil},
		"two refused, one after them": {[]*fieldv1.Proof{
			photo(1, refused, 1, 1), photo(2, refused, 2, 2),
			photo(3, verified, 3, 3),
		}, []byte{2}},
		"the one taken again is refused, too": {
			[]*fieldv1.Proof{photo(1, refused, 1, 1), photo(2, refused, 2, 2)},
			[]byte{1, 2},
		},
	} {
		var got []byte
		for _, p := range outstanding(c.proofs) {
			got = append(got, p.GetId()...)
		}
		if string(got) != string(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
