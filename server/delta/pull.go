package delta

import (
	"context"
	"math"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Pull implements SyncService.
func (s *Service) Pull(
	ctx context.Context, req *connect.Request[syncv1.PullRequest],
) (*connect.Response[syncv1.PullResponse], error) {
	who, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	cursor, err := change.DecodeCursor(req.Msg.Cursor)
	if err != nil {
		return nil, err
	}
	r := feed.Request{
		Org: change.Org(who.Org), Device: change.Device(who.Device), User: change.User(who.User),
		Cursor: cursor, MaxBytes: int(req.Msg.MaxBytes), Packed: req.Msg.Packed,
	}
	for _, name := range req.Msg.ResetFeeds {
		f, err := change.ParseFeedID(name)
		if err != nil {
			return nil, err
		}
		r.Reset = append(r.Reset, f)
	}
	if req.Msg.Early && s.Early != nil {
		if out, err := s.early(ctx, who, r); out != nil || err != nil {
			return out, err
		}
	}
	page, err := s.Store.Page(ctx, r)
	if err != nil {
		return nil, err
	}
	if unsent := min(req.Msg.Unsent, math.MaxInt32); unsent != page.Unsent { // more is no count of anything
		if err := s.Store.Report(ctx, r.Org, r.Device, unsent); err != nil {
			return nil, err
		}
	}
	out := pageToWire(page)
	given := out.Cursor
	if len(given) == 0 {
		given = req.Msg.Cursor
	}
	s.carried.learn(carrier{r.Org, r.Device}, given, who.Until)
	if s.Contacts != nil {
		s.Contacts.Pulled(r.Org, r.Device, req.Msg, out.Cursor, page.At)
	}
	return connect.NewResponse(out), nil
}

// early answers with what the device needs first; nil when it has had a checkpoint, or the whole fits into one page,
// which then does as well.
func (s *Service) early(
	ctx context.Context, who identity.Identity, r feed.Request,
) (*connect.Response[syncv1.PullResponse], error) {
	e, worth, err := s.Store.Early(ctx,
		r, func(ctx context.Context, tx *postgres.Tx) (feed.Wanted, error) { return s.Early(ctx, tx, who) })
	if err != nil || !worth {
		return nil, err
	}
	out := &syncv1.PullResponse{
		LastSequence: e.LastSeq, ServerTime: timestamppb.New(e.At), Whole: sizeToWire(e.Whole),
		Early: &syncv1.Early{},
	}
	for _, d := range e.Deltas {
		out.Early.Feeds = append(out.Early.Feeds, deltaToWire(d))
	}
	return connect.NewResponse(out), nil
}

func sizeToWire(s feed.Size) *syncv1.Size {
	if s.Entries == 0 {
		return nil
	}
	return &syncv1.Size{Entries: uint64(s.Entries), Bytes: uint64(s.Bytes)}
}

func pageToWire(p feed.Page) *syncv1.PullResponse {
	out := &syncv1.PullResponse{LastSequence: p.LastSeq, ServerTime: timestamppb.New(p.At), Whole: sizeToWire(p.Whole)}
	if p.Changed {
		out.Cursor = p.Cursor.Encode()
	}
	for _, f := range p.Dropped {
		out.DroppedFeeds = append(out.DroppedFeeds, f.String())
	}
	for _, d := range p.Deltas {
		out.Feeds = append(out.Feeds, deltaToWire(d))
	}
	if p.Final {
		out.Checkpoint = &syncv1.Checkpoint{}
		for _, h := range p.Heads {
			out.Checkpoint.Feeds = append(out.Checkpoint.Feeds, &syncv1.FeedState{
				Feed: h.Feed.String(), Sequence: uint64(h.Seq), Digest: uint64(h.Digest), Count: uint64(h.Live),
			})
		}
	}
	return out
}

func deltaToWire(d feed.Delta) *syncv1.FeedDelta {
	fd := &syncv1.FeedDelta{
		Feed: d.Feed.String(), Reset_: d.Reset, Entries: make([]*syncv1.Entry, len(d.Entries)),
		Packs: d.Packs,
	}
	all := make([]syncv1.Entry, len(d.Entries)) // in one piece: a page has thousands
	for i := range d.Entries {
		e, w := &d.Entries[i], &all[i]
		w.Kind, w.Id, w.Sequence, w.Removed, w.Body = uint32(e.Kind), e.ID[:], uint64(e.Seq), e.Removed, e.Body
		fd.Entries[i] = w
	}
	return fd
}
