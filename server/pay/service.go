package pay

import (
	"context"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var (
	_ payv1connect.EarningServiceHandler = (*Service)(nil)
	_ payv1connect.PlanServiceHandler    = (*Service)(nil)
)

// Service serves earnings and plans.
type Service struct {
	Earnings *Earnings
	Tickets  Tickets
}

// span is the longest time that one list of lines may cover.
const span = 400 * 24 * time.Hour

// GetEarnings implements EarningService.
func (s *Service) GetEarnings(
	ctx context.Context, req *connect.Request[payv1.GetEarningsRequest],
) (*connect.Response[payv1.GetEarningsResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	var out *payv1.GetEarningsResponse
	err = s.Earnings.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		payee, err := s.Earnings.reach(ctx, tx, who, req.Msg.TechnicianId)
		if err != nil {
			return err
		}
		at := tx.Now()
		if req.Msg.At != nil {
			at = req.Msg.At.AsTime()
		}
		out, err = s.Earnings.earnings(ctx, tx, payee, at)
		if out != nil {
			out.AsOf = timestamppb.New(tx.Now())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// ListEarningLines implements EarningService: newest first by id.
func (s *Service) ListEarningLines(
	ctx context.Context, req *connect.Request[payv1.ListEarningLinesRequest],
) (*connect.Response[payv1.ListEarningLinesResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	out := &payv1.ListEarningLinesResponse{}
	err = s.Earnings.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		payee, err := s.Earnings.reach(ctx, tx, who, req.Msg.TechnicianId)
		if err != nil {
			return err
		}
		out.Lines, err = s.Earnings.list(ctx, tx, payee, req.Msg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

func (r *Earnings) list(
	ctx context.Context, tx *postgres.Tx, payee uuid.UUID, q *payv1.ListEarningLinesRequest,
) ([]*payv1.EarningLine, error) {
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return nil, err
	}
	_, from, to := month(tx.Now(), zone)
	if q.From != nil {
		from = q.From.AsTime()
	}
	if q.To != nil {
		to = q.To.AsTime()
	}
	if !from.Before(to) || to.Sub(from) > span {
		return nil, fault.New(fault.InvalidArgument, "from, to: a span of at most 400 days")
	}
	limit := int(q.Limit)
	if limit == 0 {
		limit = 100
	}
	after := uuid.Max
	if len(q.After) > 0 {
		if after, err = uuid.FromBytes(q.After); err != nil {
			return nil, fault.New(fault.InvalidArgument, "after")
		}
	}
	found, err := lines(ctx, tx, `
		WHERE org_id = $1 AND payee_id = $2 AND earned_at >= $3 AND earned_at < $4 AND id < $5 ORDER BY id DESC LIMIT $6`,
		payee, from, to, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]*payv1.EarningLine, len(found))
	for i, l := range found {
		if out[i], err = l.message(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AdjustEarning implements EarningService.
func (s *Service) AdjustEarning(
	ctx context.Context, req *connect.Request[payv1.AdjustEarningRequest],
) (*connect.Response[payv1.AdjustEarningResponse], error) {
	who, reach, err := identity.Acting(ctx, payers...)
	if err != nil {
		return nil, err
	}
	id, err := uuid.FromBytes(req.Msg.Id)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "id")
	}
	target, err := uuid.FromBytes(req.Msg.LineId)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "line_id")
	}
	out := &payv1.AdjustEarningResponse{}
	err = s.Earnings.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		found, err := lines(ctx, tx, `WHERE org_id = $1 AND id = $2`, target)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return identity.Unseen("line_id")
		}
		places, err := s.Earnings.homes(ctx, tx, found[0].PayeeID)
		if err != nil {
			return err
		}
		if err := reach.Existing("line_id", places...); err != nil {
			return err
		}
		l, err := s.Earnings.adjust(ctx, tx, Adjustment{
			ID: id, Line: target, Reason: req.Msg.Reason, Actor: who.User,
			Difference: money.New(req.Msg.Difference.GetMinor(), money.Currency(req.Msg.Difference.GetCurrency())),
		})
		if err != nil {
			return err
		}
		out.Line, err = l.message()
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// PublishPlan implements PlanService.
func (s *Service) PublishPlan(
	ctx context.Context, req *connect.Request[payv1.PublishPlanRequest],
) (*connect.Response[payv1.PublishPlanResponse], error) {
	who, err := planner(ctx)
	if err != nil {
		return nil, err
	}
	priced, err := s.Publish(ctx, who.Org, who.User, req.Msg.Plan)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&payv1.PublishPlanResponse{Priced: uint32(priced)}), nil
}

// ListPlans implements PlanService.
func (s *Service) ListPlans(
	ctx context.Context, _ *connect.Request[payv1.ListPlansRequest],
) (*connect.Response[payv1.ListPlansResponse], error) {
	who, err := planner(ctx)
	if err != nil {
		return nil, err
	}
	out := &payv1.ListPlansResponse{}
	err = s.Earnings.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		versions, err := s.Earnings.published(ctx, tx)
		if err != nil {
			return err
		}
		for i := len(versions) - 1; i >= 0; i-- {
			out.Plans = append(out.Plans, versions[i].Source())
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM pay_accrual WHERE org_id = $1 AND plan IS NULL AND clawed_at IS NULL`,
			tx.OrgID()).Scan(&out.Unpriced)
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// Who may do what, by the grants that reach the payee; app.Access says the same of the calls.
var (
	payers  = []identity.Role{identity.Finance, identity.Admin}
	leaders = []identity.Role{identity.Finance, identity.Admin, identity.Supervisor, identity.Dealer}
)

// planner is a caller who may see and publish plans: finance or admin over the whole org.
func planner(ctx context.Context) (identity.Identity, error) {
	who, reach, err := identity.Acting(ctx, payers...)
	if err == nil && !reach.All {
		err = fault.New(fault.Forbidden, "")
	}
	return who, err
}

// reach is whose earnings are asked for, if the caller may see them: one's own, or those of a technician whom a
// leading role reaches by org, region or team. Nobody learns whether a stranger exists.
func (r *Earnings) reach(ctx context.Context, tx *postgres.Tx, who identity.Identity, raw []byte) (uuid.UUID, error) {
	own := who.For(identity.Technician).Self
	if len(raw) == 0 {
		if !own {
			return uuid.Nil, fault.New(fault.InvalidArgument, "technician_id")
		}
		return who.User, nil
	}
	payee, err := uuid.FromBytes(raw)
	if err != nil {
		return uuid.Nil, fault.New(fault.InvalidArgument, "technician_id")
	}
	if payee == who.User && own {
		return payee, nil
	}
	places, err := r.homes(ctx, tx, payee)
	if err != nil {
		return payee, err
	}
	return payee, who.For(leaders...).Existing("technician_id", places...)
}

// homes are the places to which a payee belongs; none for who is no technician.
func (r *Earnings) homes(ctx context.Context, tx *postgres.Tx, payee uuid.UUID) ([]identity.Place, error) {
	teams, region, err := r.people.Home(ctx, tx, payee)
	if err != nil || region == uuid.Nil {
		return nil, err
	}
	out := []identity.Place{{Kind: identity.ScopeRegion, ID: region}}
	for _, t := range teams {
		out = append(out, identity.Place{Kind: identity.ScopeTeam, ID: t})
	}
	return out, nil
}
