package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// explainCodes are explain.Codes.
type explainCodes struct{ *code.Room }

// TicketOf finds the ticket of a code: its own, or the open one of its unit.
func (c explainCodes) TicketOf(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error) {
	i, err := c.FindCode(ctx, tx, text)
	if err != nil {
		return uuid.Nil, err
	}
	switch i.Kind {
	case token.Ticket:
		return i.Target, nil
	case token.Unit:
		id, ok, err := c.Hooks.InWork(ctx, tx, i.Target)
		if err != nil || ok {
			return id, err
		}
	}
	return uuid.Nil, fault.New(fault.NotFound, "ticket")
}
