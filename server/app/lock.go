package app

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// lockTickets locks the tickets that a push is about, in the order of their ids. Its mutations name them, or their
// visits, in the fields ticket_id and visit_id.
func lockTickets(known delta.Payloads, tickets *ticket.Room) func(context.Context, *postgres.Tx, []change.Mutation) error {
	return func(ctx context.Context, tx *postgres.Tx, ms []change.Mutation) error {
		var ids, visits []uuid.UUID
		for _, m := range ms {
			t, ok := known[m.Kind]
			if !ok {
				continue
			}
			args := t.New()
			if proto.Unmarshal(m.Args, args.Interface()) != nil {
				continue // it will be parked
			}
			if id, ok := idIn(args, "ticket_id"); ok {
				ids = append(ids, id)
			}
			if id, ok := idIn(args, "visit_id"); ok {
				visits = append(visits, id)
			}
		}
		return tickets.LockAll(ctx, tx, ids, visits)
	}
}

func idIn(m protoreflect.Message, field protoreflect.Name) (id uuid.UUID, ok bool) {
	f := m.Descriptor().Fields().ByName(field)
	if f == nil || f.Kind() != protoreflect.BytesKind || f.IsList() {
		return id, false
	}
	id, err := uuid.FromBytes(m.Get(f).Bytes())
	return id, err == nil
}
