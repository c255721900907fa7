package app

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/pay"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// completed is the kind of mutation that books pay and installs a unit.
const completed = "visit.complete"

// lockPush locks what a push of several mutations is about, in the one lock order, however the phone has ordered them:
// the tickets, and of those that it completes whom they pay and their units. Mutations name tickets, or their visits,
// in the fields ticket_id and visit_id.
func lockPush(known delta.Payloads, r Rooms) func(context.Context, *postgres.Tx, []change.Mutation) error {
	return func(ctx context.Context, tx *postgres.Tx, ms []change.Mutation) error {
		var ids, visits, ends []uuid.UUID
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
				if m.Kind == completed {
					ends = append(ends, id)
				}
			}
		}
		if err := r.Ticket.LockAll(ctx, tx, ids, visits); err != nil || len(ends) == 0 {
			return err
		}
		technicians, units, err := r.Ticket.Ends(ctx, tx, ends)
		if err != nil {
			return err
		}
		if err := pay.LockPayees(ctx, tx, technicians); err != nil {
			return err
		}
		return code.Units{}.Lock(ctx, tx, units)
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
