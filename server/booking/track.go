package booking

import (
	"context"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	trackv1 "github.com/doorstep-dev/doorstep/proto/doorstep/track/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/track/v1/trackv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

// Track answers TrackService: what the public pages do, for apps. Calls are anonymous; the border limits them by
// address; Book limits bookings of one address, of one phone number and of one code.
type Track struct {
	Desk      Public
	PublicURL func() string
}

var _ trackv1connect.TrackServiceHandler = Track{}

// GetProgress shows how far the job of a ticket's code is.
func (s Track) GetProgress(
	ctx context.Context, req *connect.Request[trackv1.GetProgressRequest],
) (*connect.Response[trackv1.GetProgressResponse], error) {
	g, err := s.Desk.Look(ctx, req.Msg.Code)
	if err != nil {
		return nil, err
	}
	p := g.Progress
	if p == nil {
		return nil, errUnknown("not the code of a ticket")
	}
	out := &trackv1.GetProgressResponse{Number: p.Number, State: p.State, ProductName: p.Product.In("zh")}
	for _, stage := range p.Stages {
		out.Stages = append(out.Stages, &trackv1.Stage{Key: stage.Key, At: stamp(stage.At)})
	}
	if p.Badge.Name != "" {
		out.Badge = &trackv1.Badge{Name: p.Badge.Name, Number: p.Badge.Number}
	}
	if !p.Earliest.IsZero() || !p.Latest.IsZero() {
		out.Arrival = &typesv1.Window{Earliest: stamp(p.Earliest), Latest: stamp(p.Latest)}
	}
	if !p.WantedLatest.IsZero() {
		out.Wanted = &typesv1.Window{Earliest: stamp(p.WantedEarliest), Latest: stamp(p.WantedLatest)}
	}
	out.StoreName, out.MayChange, out.MayRate, out.Stars = g.Store.In("zh"), p.MayChange, p.MayRate, uint32(p.Stars)
	return connect.NewResponse(out), nil
}

// Cancel ends a job that nobody is on the way to.
func (s Track) Cancel(
	ctx context.Context, req *connect.Request[trackv1.CancelRequest],
) (*connect.Response[trackv1.CancelResponse], error) {
	if err := s.Desk.Cancel(ctx, req.Msg.GetCode(), req.Msg.GetReason()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&trackv1.CancelResponse{}), nil
}

// Reschedule says another time that suits the customer.
func (s Track) Reschedule(
	ctx context.Context, req *connect.Request[trackv1.RescheduleRequest],
) (*connect.Response[trackv1.RescheduleResponse], error) {
	earliest, latest := ends(req.Msg.GetWanted())
	if err := s.Desk.Reschedule(ctx, req.Msg.GetCode(), earliest, latest); err != nil {
		return nil, err
	}
	return connect.NewResponse(&trackv1.RescheduleResponse{}), nil
}

// Rate says how a completed job was.
func (s Track) Rate(
	ctx context.Context, req *connect.Request[trackv1.RateRequest],
) (*connect.Response[trackv1.RateResponse], error) {
	if err := s.Desk.Rate(ctx, req.Msg.GetCode(), int(req.Msg.GetStars()), req.Msg.GetComment()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&trackv1.RateResponse{}), nil
}

// Book opens a ticket from an entry or product code.
func (s Track) Book(
	ctx context.Context, req *connect.Request[trackv1.BookRequest],
) (*connect.Response[trackv1.BookResponse], error) {
	m := req.Msg
	w := Wish{
		Code: m.Code, Request: uuid.UUID(m.RequestId), Name: m.Name, Phone: m.Phone, Address: m.Address,
		Note: m.Note, Language: m.Language, From: rpc.Address(ctx),
	}
	w.Earliest, w.Latest = ends(m.Wanted)
	b, err := s.Desk.Book(ctx, w)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&trackv1.BookResponse{Number: b.Number, ProgressUrl: token.URL(s.PublicURL(), b.Token)}),
		nil
}

func ends(w *typesv1.Window) (earliest, latest time.Time) {
	if w.GetEarliest() != nil {
		earliest = w.Earliest.AsTime()
	}
	if w.GetLatest() != nil {
		latest = w.Latest.AsTime()
	}
	return earliest, latest
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t.Truncate(time.Microsecond))
}
