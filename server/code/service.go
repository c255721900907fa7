package code

import (
	"context"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/store/v1/storev1connect"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/label"
	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/server/label/sheet"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Service answers CodeService. Requests were validated before.
type Service struct{ Codes *Codes }

var _ storev1connect.CodeServiceHandler = Service{}

// issuers may issue and print the codes of what lies within their reach, a clerk those of the own shop; revokers may
// revoke them. app.Access says the same of the calls.
var (
	issuers  = []identity.Role{identity.Clerk, identity.Dispatcher, identity.Supervisor, identity.Admin}
	revokers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}
)

// IssueCode makes a code.
func (s Service) IssueCode(
	ctx context.Context, req *connect.Request[storev1.IssueCodeRequest],
) (*connect.Response[storev1.IssueCodeResponse], error) {
	who, reach, err := identity.Acting(ctx, issuers...)
	if err != nil {
		return nil, err
	}
	kind, target := token.Kind(req.Msg.Kind), uuid.UUID(req.Msg.TargetId)
	life := time.Duration(req.Msg.ValidHours) * time.Hour
	if kind == token.Ticket && life == 0 {
		life = TicketCodeLife
	}
	var out *storev1.Code
	err = s.Codes.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		if err := s.Codes.within(ctx, tx, reach, "target_id", kind, target); err != nil {
			return err
		}
		i, err := s.Codes.Issue(ctx, tx, kind, target, life, change.User(who.User))
		if err != nil {
			return err
		}
		text, err := s.Codes.Text(ctx, tx, i)
		out = &storev1.Code{
			Id: i.ID[:], Kind: req.Msg.Kind, TargetId: req.Msg.TargetId, Url: text, HumanCode: i.Human.String(),
			Expires: stamp(i.Expires),
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&storev1.IssueCodeResponse{Code: out}), nil
}

// RevokeCode makes a code hold no more.
func (s Service) RevokeCode(
	ctx context.Context, req *connect.Request[storev1.RevokeCodeRequest],
) (*connect.Response[storev1.RevokeCodeResponse], error) {
	who, reach, err := identity.Acting(ctx, revokers...)
	if err != nil {
		return nil, err
	}
	id := uuid.UUID(req.Msg.Id)
	err = s.Codes.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		if err := s.mayTouch(ctx, tx, reach, id); err != nil {
			return err
		}
		return s.Codes.Revoke(ctx, tx, id, req.Msg.Reason, change.User(who.User))
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&storev1.RevokeCodeResponse{}), nil
}

func (s Service) mayTouch(ctx context.Context, tx *postgres.Tx, reach identity.Reach, id uuid.UUID) error {
	i, ok, err := codeByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if !ok {
		return identity.Unseen("id")
	}
	return s.Codes.within(ctx, tx, reach, "id", i.Kind, i.Target)
}

// ResolveCode tells what a scanned text is, as far as the caller may know. Strangers have the public pages.
func (s Service) ResolveCode(
	ctx context.Context, req *connect.Request[storev1.ResolveCodeRequest],
) (*connect.Response[storev1.ResolveCodeResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.Codes.Resolve(ctx, who, req.Msg.Scanned)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// RenderCodes draws codes.
func (s Service) RenderCodes(
	ctx context.Context, req *connect.Request[storev1.RenderCodesRequest],
) (*connect.Response[storev1.RenderCodesResponse], error) {
	who, reach, err := identity.Acting(ctx, issuers...)
	if err != nil {
		return nil, err
	}
	var labels []draw.Label
	err = s.Codes.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		labels = labels[:0]
		for _, id := range req.Msg.Ids {
			if err := s.mayTouch(ctx, tx, reach, uuid.UUID(id)); err != nil {
				return err
			}
			l, err := s.Codes.Label(ctx, tx, uuid.UUID(id))
			if err != nil {
				return err
			}
			labels = append(labels, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	layout, err := sheet.Named("")
	if err != nil {
		return nil, err
	}
	content, mediaType, err := label.Render(labels, req.Msg.Format, layout, s.Codes.Now())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&storev1.RenderCodesResponse{Content: content, MediaType: mediaType}), nil
}
