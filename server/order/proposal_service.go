package order

import (
	"context"
	"slices"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// proposers may see proposals: who takes orders, and technicians for customers whom they have met.
var proposers = append(slices.Clone(takers), identity.Technician)

// standing is what a caller may do to customers' records.
func standing(who identity.Identity) Standing {
	return Standing{Records: who.For(takers...), VIP: who.For(callers...)}
}

// ListCustomerProposals implements OrderService.
func (s service) ListCustomerProposals(
	ctx context.Context, req *connect.Request[officev1.ListCustomerProposalsRequest],
) (*connect.Response[officev1.ListCustomerProposalsResponse], error) {
	who, reach, err := identity.Acting(ctx, proposers...)
	if err != nil {
		return nil, err
	}
	f := ProposalFilter{Decided: req.Msg.GetDecided(), Limit: int(req.Msg.GetLimit()), Limited: true, Reach: reach}
	if f.After, err = optionalID("after", req.Msg.GetAfter()); err != nil {
		return nil, err
	}
	if f.Ticket, err = optionalID("ticket_id", req.Msg.GetTicketId()); err != nil {
		return nil, err
	}
	out := &officev1.ListCustomerProposalsResponse{}
	err = s.orders.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		out.Proposals = nil
		all, err := s.orders.Proposals(ctx, tx, f)
		if err != nil {
			return err
		}
		if len(all) == 0 && f.Ticket != uuid.Nil && reach.Self {
			if all, err = s.orders.met(ctx, tx, who, f); err != nil {
				return err
			}
		}
		for _, p := range all {
			w, err := s.orders.proposalToWire(ctx, tx, who, p)
			if err != nil {
				return err
			}
			out.Proposals = append(out.Proposals, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// met lists the proposals of a ticket's customer for a technician who has met that customer.
func (r *Orders) met(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, f ProposalFilter,
) ([]Proposal, error) {
	f.Limited = false
	all, err := r.Proposals(ctx, tx, f)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	met, err := r.tickets.Met(ctx, tx, who.User, all[0].Tickets)
	if err != nil || !met {
		return nil, err
	}
	return all, nil
}

// AcceptCustomerProposal implements OrderService.
func (s service) AcceptCustomerProposal(
	ctx context.Context, req *connect.Request[officev1.AcceptCustomerProposalRequest],
) (*connect.Response[officev1.AcceptCustomerProposalResponse], error) {
	p, err := s.decide(ctx, req.Msg.GetId(), true)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&officev1.AcceptCustomerProposalResponse{Proposal: p}), nil
}

// DismissCustomerProposal implements OrderService.
func (s service) DismissCustomerProposal(
	ctx context.Context, req *connect.Request[officev1.DismissCustomerProposalRequest],
) (*connect.Response[officev1.DismissCustomerProposalResponse], error) {
	p, err := s.decide(ctx, req.Msg.GetId(), false)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&officev1.DismissCustomerProposalResponse{Proposal: p}), nil
}

func (s service) decide(ctx context.Context, id []byte, accept bool) (out *officev1.CustomerProposal, err error) {
	who, reach, err := identity.Acting(ctx, append(slices.Clone(callers), identity.Technician)...)
	if err != nil {
		return nil, err
	}
	proposal, err := uuid.FromBytes(id)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "id")
	}
	err = s.orders.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		p, err := s.orders.Decide(ctx, tx, proposal, accept, Decider{User: who.User, Office: reach})
		if err != nil {
			return err
		}
		out, err = s.orders.proposalToWire(ctx, tx, who, p)
		return err
	})
	return out, err
}

// proposalToWire shows a proposal, and the record beside it to who keeps that.
func (r *Orders) proposalToWire(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, p Proposal,
) (*officev1.CustomerProposal, error) {
	out := p.Wire()
	keeps, err := keeps(ctx, tx, who.For(takers...), p.Customer)
	if err != nil || !keeps {
		return out, err
	}
	c, ok, err := r.CustomerByID(ctx, tx, p.Customer)
	if ok {
		out.Record = customerToWire(who, c, spots(p.Store, p.Region)...)
	}
	return out, err
}

// Wire is the proposal as the office's calls show it, without the record.
func (p Proposal) Wire() *officev1.CustomerProposal {
	out := &officev1.CustomerProposal{
		Id: p.ID[:], CustomerId: p.Customer[:], OrderNumber: p.OrderNumber, Name: p.Name, Address: p.Address, Vip: p.VIP,
		Source: p.Source, Actor: p.Actor, At: timestamppb.New(p.At), Decision: p.Decision, DecidedBy: p.DecidedBy,
	}
	if p.Position != nil {
		out.Position = &typesv1.Position{Latitude: p.Position.Latitude, Longitude: p.Position.Longitude}
	}
	if !p.DecidedAt.IsZero() {
		out.DecidedAt = timestamppb.New(p.DecidedAt)
	}
	for _, t := range p.Tickets {
		out.TicketIds = append(out.TicketIds, t[:])
	}
	return out
}
