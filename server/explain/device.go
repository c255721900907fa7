package explain

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// usualVerdicts is how many of a device's mutations are shown when the caller does not say.
const usualVerdicts = 20

// Device tells how a device is doing: its last contact, its clock, how far it is behind, what it sent and what became
// of that, newest first, those before a sequence (0 for the newest). A device of somebody beyond the reach is
// NotFound.
func (r *Explainer) Device(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, id uuid.UUID, limit int, before uint64,
) (*officev1.GetDeviceResponse, error) {
	phones, err := r.people.Phones(ctx, tx, uuid.Nil, id)
	if err != nil {
		return nil, err
	}
	if id == uuid.Nil || len(phones) != 1 {
		return nil, identity.Unseen("device_id")
	}
	oversees, err := r.people.Oversees(ctx, tx, reach)
	if err != nil {
		return nil, err
	}
	ok, err := oversees(phones[0].User)
	if err == nil && !ok {
		err = identity.Unseen("device_id")
	}
	if err != nil {
		return nil, err
	}
	follows, err := tx.Follows(ctx, change.User(phones[0].User))
	if err != nil {
		return nil, err
	}
	p, err := r.phone(ctx, tx, phones[0], follows)
	if err != nil {
		return nil, err
	}
	name, err := r.people.NameOf(ctx, tx, change.User(p.User))
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = usualVerdicts
	}
	sent, err := tx.SentBy(ctx, change.Device(id), before, min(limit, 200))
	if err != nil {
		return nil, err
	}
	out := &officev1.GetDeviceResponse{
		DeviceId: p.ID[:], Name: p.Name, UserId: p.User[:], UserName: name, EnrolledAt: stamp(p.EnrolledAt),
		RevokedAt:  stamp(p.RevokedAt),
		RevokedFor: p.RevokedFor, LastContact: stamp(p.lastContact()), LastPull: stamp(p.said.PulledAt),
		AppVersion:   p.said.AppVersion,
		ClockAheadMs: p.said.AheadMS, Unsent: p.said.Unsent, OldestUnsent: stamp(p.said.OldestUnsent),
		LastSequence: p.said.LastSeq,
		Parked:       uint32(p.said.Parked), Feeds: lags(&p, follows),
	}
	if out.AppVersion == "" {
		out.AppVersion = p.AppVersion
	}
	for _, m := range sent {
		v := m.Verdict
		f := &fault.Error{Code: v.Code, Detail: v.Detail}
		w := &syncv1.Verdict{
			Sequence: v.Seq, Id: v.ID[:], Outcome: syncv1.Outcome(v.Outcome), Code: string(v.Code),
			ServerTime: timestamppb.New(v.At),
		}
		if v.Code != "" {
			w.English, w.Chinese = f.Public("en"), f.Public("zh")
		}
		out.Mutations = append(out.Mutations, &officev1.SentMutation{
			Kind: m.Kind, DeviceTime: timestamppb.New(m.DeviceTime), Parked: m.Parked, Verdict: w,
		})
	}
	if before == 0 && len(sent) > 0 {
		out.LastPush = out.Mutations[0].Verdict.ServerTime
	}
	return out, nil
}

// lags says of each feed that is followed how far the phone has read it.
func lags(p *phone, follows []change.FeedID) []*officev1.FeedLag {
	var out []*officev1.FeedLag
	for _, f := range slices.SortedFunc(slices.Values(follows), change.FeedID.Compare) {
		a := p.ahead[f]
		held, sent := p.held[f], p.sent[f]
		_, known := p.held[f]
		_, given := p.sent[f]
		l := &officev1.FeedLag{
			Feed: f.String(), Head: uint64(a.Head), Held: uint64(held.Seq), Sent: uint64(sent.Seq),
			Behind: uint64(a.After),
		}
		l.Anew = a.Head > 0 && (p.restored || (!known && !given) || max(held.Seq, sent.Seq) < a.Floor)
		out = append(out, l)
	}
	return out
}
