package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// phone is a technician's phone without a screen: it queues what he does and pushes it through the real intake.
type phone struct {
	rooms  app.Rooms
	org    uuid.UUID
	device uuid.UUID
	user   uuid.UUID
	seq    uint64
	queue  []change.Mutation
	// ids makes mutation ids; a phone of the past makes the same ones again, so that a broken-off load repeats itself
	// without doing anything twice.
	ids func(seq uint64) uuid.UUID
}

// pastPhone is the phone that a technician had in the past.
func pastPhone(rooms app.Rooms, org, user uuid.UUID) *phone {
	device := uuid.NewSHA1(user, []byte("past phone"))
	return &phone{rooms: rooms, org: org, device: device, user: user, ids: func(seq uint64) uuid.UUID {
		return uuid.NewSHA1(device, fmt.Append(nil, seq))
	}}
}

// newPhone is a phone out of the box.
func newPhone(rooms app.Rooms, org, user uuid.UUID) *phone {
	return &phone{
		rooms: rooms, org: org, device: uuid.New(), user: user,
		ids: func(uint64) uuid.UUID { return uuid.Must(uuid.NewV7()) },
	}
}

// do queues one action, done at a time by the phone's clock.
func (p *phone) do(kind string, args proto.Message, at time.Time) error {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(args)
	if err != nil {
		return fmt.Errorf("marshal %s: %w", kind, err)
	}
	p.seq++
	p.queue = append(p.queue, change.Mutation{Seq: p.seq, ID: p.ids(p.seq), Kind: kind, Args: b, DeviceTime: at})
	return nil
}

// pushSize is how many actions go in one call.
const pushSize = 50

// push hands the queue in and returns the verdicts that are not plain success, as words.
func (p *phone) push(ctx context.Context) (problems []string, err error) {
	for len(p.queue) > 0 {
		n := min(pushSize, len(p.queue))
		vs, err := p.rooms.Intake.Take(ctx,
			intake.Push{
				Org: change.Org(p.org), Device: change.Device(p.device), User: change.User(p.user),
				Mutations: p.queue[:n],
			})
		if err != nil {
			return problems, err
		}
		for i, v := range vs {
			if v.Outcome != change.Applied && v.Outcome != change.Merged {
				problems = append(problems, fmt.Sprintf("%s: %v %s %s", p.queue[i].Kind, v.Outcome, v.Code, v.Detail))
			}
		}
		p.queue = p.queue[n:]
	}
	return problems, nil
}

// job is a visit to work through.
type job struct {
	visit   uuid.UUID
	class   int
	address *fieldv1.Customer
	serial  string
}

// answers fills the checklist in, apart from photos.
func (p *phone) answers(j job, r *rand.Rand, at time.Time) error {
	m := classes[j.class].measure
	value := float64(int((m.min+(m.max-m.min)*(0.2+0.6*r.Float64()))*100)) / 100
	v := j.visit[:]
	for _, a := range []*fieldv1.AnswerTask{
		{VisitId: v, Step: "unpack", Value: &fieldv1.AnswerTask_Check{Check: true}},
		{VisitId: v, Step: m.key, Value: &fieldv1.AnswerTask_Number{Number: value}},
		{
			VisitId: v, Step: "site",
			Value: &fieldv1.AnswerTask_Text{Text: []string{"good", "good", "narrow", "old"}[r.IntN(4)]},
		},
		{VisitId: v, Step: "trial", Value: &fieldv1.AnswerTask_Check{Check: true}},
	} {
		if err := p.do("task.answer", a, at); err != nil {
			return err
		}
	}
	return nil
}

// extras adds a part or a surcharge to some jobs.
func (p *phone) extras(j job, r *rand.Rand, at time.Time) error {
	if r.IntN(3) == 0 {
		n, item := uint64(r.Uint32()), id("price", fitting(parts, j, r))
		if err := p.do("part.add",
			&fieldv1.AddPart{Id: p.child(j, "part", n), VisitId: j.visit[:], PriceItemId: item[:], Quantity: 1 +
				uint32(r.IntN(2))}, at); err != nil {
			return err
		}
	}
	if r.IntN(4) == 0 {
		n, item := uint64(r.Uint32()), id("price", fitting(surcharges, j, r))
		return p.do("surcharge.add",
			&fieldv1.AddSurcharge{Id: p.child(j, "surcharge", n), VisitId: j.visit[:], PriceItemId: item[:], Quantity: 1}, at)
	}
	return nil
}

// fitting is one of the items that are for the job's class.
func fitting(all []priced, j job, r *rand.Rand) string {
	var fit []priced
	for _, p := range all {
		if len(p.classes) == 0 || slices.Contains(p.classes, classes[j.class].key) {
			fit = append(fit, p)
		}
	}
	return fit[r.IntN(len(fit))].sku
}

// child is the id of something that belongs to a visit.
func (p *phone) child(j job, kind string, n uint64) []byte {
	u := uuid.NewSHA1(j.visit, fmt.Append(nil, kind, n))
	return u[:]
}

// sign collects the customer's signature: three strokes.
func (p *phone) sign(j job, signer string, r *rand.Rand, at time.Time) error {
	s := &fieldv1.SignSignature{
		Id: p.child(j, "signature", 0), VisitId: j.visit[:], Step: "sign", SignerName: signer,
		Terms: "安装完成，试用正常，本人确认。",
	}
	t := uint32(0)
	for range 3 {
		k := &fieldv1.Stroke{}
		x, y := uint32(10+r.IntN(20)), uint32(10+r.IntN(20))
		for range 12 {
			x, y, t = x+uint32(r.IntN(5)), y+uint32(r.IntN(3)), t+16
			k.X, k.Y, k.TMs = append(k.X, x), append(k.Y, y), append(k.TMs, t)
		}
		s.Strokes = append(s.Strokes, k)
	}
	return p.do("signature.sign", s, at)
}
