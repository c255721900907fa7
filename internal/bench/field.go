package main

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/load/crew"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// oneField changes one ticket of the whole server, its visit's status and then its appointment, and counts what that is
// to its technician's phones, heads and all: to one that watches and is given the page with the poke, as a phone that
// is on line is, and to one that comes back and pulls.
func (b *bench) oneField() error {
	if err := app.Migrate(b.ctx, b.ownerURL, b.dbURL); err != nil {
		return err
	}
	a, err := app.Start(b.ctx, app.Config{
		DatabaseURL: b.dbURL, Listen: "127.0.0.1:0", Secret: account.NewSecret(), WithoutJobs: true,
		// no photo is taken here
		Objects: app.Objects{Endpoint: "127.0.0.1:1", Bucket: "none", AccessKey: "none", SecretKey: "none"},
	})
	if err != nil {
		return err
	}
	err = b.changeField(a)
	stop, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 10*time.Second)
	defer cancel()
	return firstOf(err, a.Close(stop))
}

func (b *bench) changeField(a *app.App) (err error) {
	phones, err := crew.Fill(b.ctx, a.Rooms, crew.Plan{Slug: "load-field", Phones: 1, Visits: 1})
	if err != nil {
		return err
	}
	h, down, _ := countedApart()
	defer h.CloseIdleConnections()
	set := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("Authorization", "Bearer "+phones.Logins[0].Access)
			return next(ctx, req)
		}
	})
	c := syncv1connect.NewSyncServiceClient(h, a.URL(), connect.WithInterceptors(set), withZstd())
	var cursor []byte
	var ticket, visit uuid.UUID
	pull := func() (bytes int64, sizes []int, err error) {
		before := down.Load()
		for {
			res, err := c.Pull(b.ctx, connect.NewRequest(&syncv1.PullRequest{Cursor: cursor}))
			if err != nil {
				return 0, nil, err
			}
			for _, f := range res.Msg.Feeds {
				for _, e := range f.Entries {
					sizes = append(sizes, len(e.Body))
					switch fieldv1.EntityKind(e.Kind) {
					case fieldv1.EntityKind_ENTITY_KIND_TICKET:
						ticket = uuid.UUID(e.Id)
					case fieldv1.EntityKind_ENTITY_KIND_VISIT:
						visit = uuid.UUID(e.Id)
					}
				}
			}
			if len(res.Msg.Cursor) > 0 {
				cursor = res.Msg.Cursor
			}
			if res.Msg.Checkpoint != nil {
				return down.Load() - before, sizes, nil
			}
		}
	}
	if _, _, err := pull(); err != nil {
		return err
	}
	within := func(fn func(tx *postgres.Tx) error) error {
		return a.Rooms.Store.Transact(b.ctx, change.Org(phones.Org), fn)
	}
	for range 2 { // a ticket as it is some way into its day
		if err := within(func(tx *postgres.Tx) error {
			return a.Rooms.Ticket.Remark(b.ctx, tx, ticket, "客户要求下午两点以后上门，电话提前联系。", "调度", "system:bench")
		}); err != nil {
			return err
		}
	}
	if _, _, err := pull(); err != nil {
		return err
	}
	watching, err := b.watching(a, phones.Org, phones.Logins[0].User)
	if err != nil {
		return err
	}
	defer func() { err = firstOf(err, watching.stop()) }()
	measure := func(what, budget string, change func(i int) error) error {
		var carried, sent, pulled []float64
		var sizes []int
		for i := range 5 {
			down, up, err := watching.hears(func() error { return change(i) })
			if err != nil {
				return err
			}
			n, got, err := pull()
			if err != nil {
				return err
			}
			carried, sent, pulled, sizes = append(carried, float64(down)), append(sent, float64(up)), append(pulled, float64(n)),
				got
		}
		lo, mid, hi := minMedianMax(carried)
		_, up, _ := minMedianMax(sent)
		b.report.add(what+", to a phone that watches", budget,
			fmt.Sprintf("**%.0f bytes** (%.0f–%.0f) and %.0f from it, with heads; bodies of %v bytes", mid, lo, hi, up, sizes))
		lo, mid, hi = minMedianMax(pulled)
		b.report.add("the same, to one that pulls", budget, fmt.Sprintf("**%.0f bytes** (%.0f–%.0f) with heads", mid, lo, hi))
		return nil
	}
	steps := []string{"visit.accept", "visit.travel", "visit.arrive", "visit.break", "visit.resume"}
	if err := measure("one changed field, a visit's status", "≤ 600 bytes", func(i int) error {
		return push(b.ctx, c, uint64(i+1), steps[i], &fieldv1.VisitAccept{VisitId: visit[:]}) // all five have this one field
	}); err != nil {
		return err
	}
	return measure("an appointment that the office moved, with its notice", "", func(i int) error {
		from := time.Now().Truncate(time.Hour).Add(time.Duration(24+i) * time.Hour)
		return within(func(tx *postgres.Tx) error {
			return a.Rooms.Ticket.Reschedule(b.ctx, tx, ticket, state.Window{From: from, To: from.Add(2 * time.Hour)}, "客户改时间",
				"system:bench")
		})
	})
}

// push does one thing as a phone.
func push(ctx context.Context, c syncv1connect.SyncServiceClient, seq uint64, kind string, args proto.Message) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	b, err := proto.Marshal(args)
	if err != nil {
		return err
	}
	res, err := c.Push(ctx, connect.NewRequest(&syncv1.PushRequest{Mutations: []*syncv1.Mutation{
		{Sequence: seq, Id: id[:], Kind: kind, Args: b, DeviceTime: timestamppb.Now()},
	}}))
	if err == nil && res.Msg.Verdicts[0].Outcome != syncv1.Outcome_OUTCOME_APPLIED {
		err = fmt.Errorf("%s: %s", kind, res.Msg.Verdicts[0].English)
	}
	return err
}
