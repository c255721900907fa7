package rank

import (
	"context"
	"strings"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var _ payv1connect.RankServiceHandler = (*Service)(nil)

// Service serves the boards.
type Service struct{ Boards *Boards }

// hidden is shown instead of the name of somebody whom the caller may not know.
const hidden = "***"

// GetBoard implements RankService.
func (s *Service) GetBoard(
	ctx context.Context, req *connect.Request[payv1.GetBoardRequest],
) (*connect.Response[payv1.GetBoardResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	top := int(req.Msg.Top)
	if top == 0 {
		top = 10
	}
	var out *payv1.GetBoardResponse
	err = s.Boards.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		board, home, err := s.Boards.choose(ctx, tx, who, req.Msg)
		if err != nil {
			return err
		}
		standing, err := Read(ctx, tx, board.Key(), who.User, top)
		if err != nil {
			return err
		}
		out, err = s.Boards.show(ctx, tx, who, home, board, standing)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// choose finds the board that is asked for and whether the caller may see it: one's own, or one that a leading
// role reaches.
func (r *Boards) choose(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, q *payv1.GetBoardRequest,
) (Board, Place, error) {
	var home Place
	own := who.For(identity.Technician).Self
	if own {
		var err error
		if home, err = r.people.Place(ctx, tx, who.User); err != nil {
			return Board{}, home, err
		}
	}
	var id uuid.UUID
	if len(q.ScopeId) > 0 {
		var err error
		if id, err = uuid.FromBytes(q.ScopeId); err != nil {
			return Board{}, home, fault.New(fault.InvalidArgument, "scope_id")
		}
	}
	may := false
	switch q.Scope {
	case payv1.BoardScope_BOARD_SCOPE_TEAM:
		if id == uuid.Nil && len(home.Teams) > 0 {
			id = home.Teams[0]
		}
		for _, t := range home.Teams {
			may = may || t == id
		}
		may = may || leads(who, identity.Place{Kind: identity.ScopeTeam, ID: id})
	case payv1.BoardScope_BOARD_SCOPE_REGION:
		if id == uuid.Nil {
			id = home.Region
		}
		may = (id != uuid.Nil && id == home.Region) || leads(who, identity.Place{Kind: identity.ScopeRegion, ID: id})
	default:
		if id != uuid.Nil && id != who.Org {
			return Board{}, home, fault.New(fault.NotFound, "")
		}
		id = who.Org
		may = own || leads(who, identity.Place{Kind: identity.ScopeOrg, ID: id})
	}
	if !may || id == uuid.Nil {
		return Board{}, home, fault.New(fault.NotFound, "")
	}
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return Board{}, home, err
	}
	return Board{who.Org, q.Scope, id, q.Period, starts(q.Period, civil.DayOf(tx.Now(), zone))}, home, nil
}

// leads tells whether a role that may see boards reaches over the place of one; app.Access names the same roles.
func leads(who identity.Identity, board identity.Place) bool {
	return who.For(identity.Supervisor, identity.Finance, identity.Admin, identity.Dealer).Covers(board)
}

// show names the rows. A technician sees peers by their alias where they have one, and on the org's board the
// names of the own region only; a leading role that reaches the board sees names.
func (r *Boards) show(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, home Place, b Board, s Standing,
) (*payv1.GetBoardResponse, error) {
	ids := make([]uuid.UUID, 0, len(s.Top)+len(s.Around))
	for _, row := range s.Top {
		ids = append(ids, row.Payee)
	}
	for _, row := range s.Around {
		ids = append(ids, row.Payee)
	}
	peers, err := r.people.Peers(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	kinds := map[payv1.BoardScope]identity.ScopeKind{
		payv1.BoardScope_BOARD_SCOPE_TEAM: identity.ScopeTeam, payv1.BoardScope_BOARD_SCOPE_REGION: identity.ScopeRegion,
		payv1.BoardScope_BOARD_SCOPE_ORG: identity.ScopeOrg,
	}
	all := leads(who, identity.Place{Kind: kinds[b.Scope], ID: b.ID})
	amount := func(minor int64) *typesv1.Money {
		return &typesv1.Money{Minor: minor, Currency: string(s.Currency)}
	}
	rows := func(in []Row) []*payv1.BoardRow {
		out := make([]*payv1.BoardRow, len(in))
		for i, row := range in {
			out[i] = &payv1.BoardRow{
				Rank: row.Rank, Score: amount(row.Score), Pending: amount(row.Pending), Me: row.Payee == who.User,
				Name: shown(peers[row.Payee], all || row.Payee == who.User, b.Scope, home.Region),
			}
		}
		return out
	}
	res := &payv1.GetBoardResponse{
		Rank: s.Me.Rank, Of: s.Of, Top: rows(s.Top), Around: rows(s.Around), Topic: b.Topic(), AsOf: timestamppb.New(s.AsOf),
	}
	if s.AsOf.IsZero() {
		res.AsOf = timestamppb.New(tx.Now())
	}
	if s.Me.Rank > 0 {
		res.Score = amount(s.Me.Score)
	}
	if s.ToNext != nil {
		res.ToNext = amount(s.ToNext.Minor)
	}
	return res, nil
}

// shown is the name under which a peer appears.
func shown(p Peer, all bool, scope payv1.BoardScope, home uuid.UUID) string {
	switch {
	case p.Name == "":
		return hidden
	case all:
		return p.Name
	case p.Alias != "":
		return p.Alias
	case scope == payv1.BoardScope_BOARD_SCOPE_ORG && p.Region != home:
		return hidden
	}
	return p.Name
}

// MayHear tells whether a topic is a board's. A board's topic says only that something changed, and its name can
// be had only from GetBoard, which checks the right to see the board.
func MayHear(topic string) bool {
	key, ok := strings.CutPrefix(topic, TopicPrefix)
	if !ok {
		return false
	}
	_, err := uuid.Parse(key)
	return err == nil
}
