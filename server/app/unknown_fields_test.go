package app_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// A newer app's words are kept for the server that will know them.
func TestUnknownFieldsOfAPushSurviveStorageListingEditAndReplay(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	job := c.assigned(t)
	token := c.phone(t, c.tech).GetTokens().GetAccess()
	unknown := protowire.AppendString(protowire.AppendTag(nil, 9999, protowire.BytesType), "of a newer app")
	args := func(visit uuid.UUID) []byte {
		b, err := proto.Marshal(&fieldv1.VisitAccept{VisitId: visit[:]})
		if err != nil {
			t.Fatal(err)
		}
		return append(b, unknown...)
	}
	wrong, right := args(uuid.Must(uuid.NewV7())), args(job.visit)
	late, early := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	push := &syncv1.PushRequest{Mutations: []*syncv1.Mutation{
		{Sequence: 1, Id: late[:], Kind: "visit.accept", Args: wrong, DeviceTime: timestamppb.New(c.clock.Now())},
		{
			Sequence: 2, Id: early[:], Kind: "visit.accept", Args: right,
			DeviceTime: timestamppb.New(c.clock.Now().Add(2 * time.Hour)),
		},
	}}
	sent := func(when string, codes ...fault.Code) {
		t.Helper()
		res, err := c.sync().Push(t.Context(), with(push, token))
		if err != nil {
			t.Fatal(when, err)
		}
		for i, code := range codes {
			if v := res.Msg.GetVerdicts()[i]; v.GetOutcome() != syncv1.Outcome_OUTCOME_PARKED || v.GetCode() != string(code) {
				t.Errorf("%s: %v", when, v)
			}
		}
	}
	sent("first", fault.TargetUnknown, fault.DeviceTimeFuture)

	q := c.queue(t)
	listed := func(when string) {
		t.Helper()
		for id, want := range map[uuid.UUID][]byte{late: wrong, early: right} {
			if p := q.show(id[:]); !bytes.Equal(p.GetMutation().GetArgs(), want) || p.GetPayload() == "" {
				t.Errorf("%s: %v", when, p)
			}
		}
	}
	listed("parked")
	_, fixed := c.Rooms.Delta.Payloads.Read("visit.accept", right)
	want(t, "the right visit", q.edit(&syncv1.EditParkedRequest{Id: late[:], Payload: fixed}), "")
	c.within(t, func(tx *postgres.Tx) error {
		edits, err := tx.Edits(t.Context(), late)
		if e := edits[late]; err == nil && (len(e) != 1 || !bytes.Equal(e[0].Args, right)) {
			t.Errorf("edited: %q", e)
		}
		return err
	})
	if v := q.replay(late[:]); v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
		t.Errorf("replayed as it was edited: %v", v)
	}
	want(t, "the time alone",
		q.edit(&syncv1.EditParkedRequest{Id: early[:], DoneAt: q.show(early[:]).GetVerdict().GetServerTime()}), "")
	if v := q.replay(early[:]); v.GetCode() == string(fault.DeviceTimeFuture) ||
		v.GetOutcome() == syncv1.Outcome_OUTCOME_PARKED {
		t.Errorf("replayed at the time that was decided: %v", v)
	}
	listed("decided")
	sent("again", fault.TargetUnknown, fault.DeviceTimeFuture)
}
