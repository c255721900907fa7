package demo

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func installation(t *testing.T) app.Config {
	t.Helper()
	db, store := pgtest.New(t), s3test.New(t)
	if err := app.Migrate(t.Context(), db.OwnerURL, db.URL); err != nil {
		t.Fatal(err)
	}
	return app.Config{
		DatabaseURL: db.URL, Listen: "127.0.0.1:0", WithoutJobs: true, Secret: account.NewSecret(),
		Argon: account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1},
		Objects: app.Objects{
			Endpoint: store.Endpoint, Bucket: store.Name, Region: store.Region, AccessKey: store.AccessKey,
			SecretKey: store.SecretKey,
		},
	}
}

var present = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

func TestTheCompanyIsFilledOnceAndGoesOn(t *testing.T) {
	t.Parallel()
	c := installation(t)
	d := &Demo{Password: "demo demo demo", Days: 3, PerDay: 16}
	start := time.Now()
	l, err := d.Load(t.Context(), c, present)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v in %v", l, time.Since(start))
	if !l.Fresh || l.History != 48 || l.Today != todays {
		t.Errorf("%+v", l)
	}
	again, err := (&Demo{Password: "demo demo demo"}).Load(t.Context(), c, present.Add(time.Hour))
	if err != nil || again.Fresh || again.History != 0 || again.Today != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	tomorrow, err := (&Demo{Password: "demo demo demo"}).Load(t.Context(), c, present.Add(24*time.Hour))
	if err != nil || tomorrow.Today != todays {
		t.Errorf("%+v, %v", tomorrow, err)
	}
}

func TestABrokenOffLoadGoesOn(t *testing.T) {
	t.Parallel()
	c := installation(t)
	ctx, cancel := context.WithCancel(t.Context())
	days := 0
	d := &Demo{Password: "demo demo demo", Days: 4, PerDay: 8, Told: func(zh, _ string) {
		if days++; days == 3 {
			cancel()
		}
	}}
	if _, err := d.Load(ctx, c, present); err == nil {
		t.Fatal("it was not broken off")
	}
	d = &Demo{Password: "demo demo demo", Days: 1, PerDay: 8} // it was begun with four
	l, err := d.Load(t.Context(), c, present.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if l.Fresh || l.History != 32 {
		t.Errorf("%+v", l)
	}
}

func TestTheHandMovesTheDayAndLeavesVisitorsAlone(t *testing.T) {
	t.Parallel()
	c := installation(t)
	d := &Demo{Password: "demo demo demo", Days: 1, PerDay: 8}
	l, err := d.Load(t.Context(), c, present)
	if err != nil {
		t.Fatal(err)
	}
	clock := &clock{}
	clock.set(present)
	c.Now = clock.Now
	a, err := app.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	h := &Hand{Rooms: a.Rooms, Org: l.Org, Log: slog.New(slog.DiscardHandler)}
	for range 250 {
		clock.set(clock.Now().Add(20 * time.Second))
		if err := h.Act(t.Context()); err != nil && fault.CodeOf(err) != fault.Conflict {
			t.Fatal(err)
		}
	}
	finished := 0
	err = a.Rooms.Store.Read(t.Context(), change.Org(l.Org), func(tx *postgres.Tx) error {
		list, err := a.Rooms.Ticket.List(t.Context(), tx, ticket.Filter{Limit: 200, Reach: ticket.Reach{All: true}})
		if err != nil {
			return err
		}
		guest := map[string]bool{}
		for _, who := range staff()[:guests] {
			guest[string(who.id[:])] = true
		}
		for _, s := range list {
			full, err := a.Rooms.Ticket.Get(t.Context(), tx, uuid.UUID(s.GetId()), ticket.Reach{All: true}, false)
			if err != nil {
				return err
			}
			if guest[string(s.GetTechnicianId())] && s.GetOpenedAt().AsTime().After(present.Add(-4*time.Hour)) &&
				s.GetVisitState() != fieldv1.VisitState_VISIT_STATE_DISPATCHED {
				t.Errorf("%s of a visitor is %s", s.GetNumber(), s.GetVisitState())
			}
			if s.GetState() != fieldv1.TicketState_TICKET_STATE_COMPLETED &&
				s.GetState() != fieldv1.TicketState_TICKET_STATE_CLOSED ||
				s.GetOpenedAt().AsTime().Before(present.Add(-4*time.Hour)) {
				continue
			}
			finished++
			photos := 0
			for _, p := range full.GetProofs() {
				if p.GetKind() != fieldv1.ProofKind_PROOF_KIND_SIGNATURE {
					photos++
				}
				if p.GetState() != fieldv1.ProofState_PROOF_STATE_VERIFIED {
					t.Errorf("%s: a proof is %s", s.GetNumber(), p.GetState())
				}
			}
			if photos != 2 || !full.GetChainIntact() {
				t.Errorf("%s has %d photos, chain intact: %v", s.GetNumber(), photos, full.GetChainIntact())
			}
		}
		return nil
	})
	if err != nil || finished < 10 {
		t.Errorf("%d tickets finished, %v", finished, err)
	}
	t.Log(finished, "finished")
}

func TestTheHandStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := &Hand{Rooms: app.Rooms{Store: &postgres.Store{Now: time.Now}}, Log: slog.New(slog.DiscardHandler)}
	h.Run(ctx) // returns
}

func TestTheShopsExportIsTakenInFromBothItsForms(t *testing.T) {
	t.Parallel()
	c := installation(t)
	l, err := (&Demo{Password: "demo demo demo", Days: 1, PerDay: 8}).Load(t.Context(), c, present)
	if err != nil {
		t.Fatal(err)
	}
	c.Now = func() time.Time { return present }
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	paths, err := Export(t.TempDir(), present)
	if err != nil {
		t.Fatal(err)
	}
	m, err := os.ReadFile("../../docs/examples/import-shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths) // the CSV first
	for n, p := range paths {
		var refused []refusal.Refusal
		out, err := a.Rooms.Order.Import(t.Context(), order.Import{
			Org: change.Org(l.Org), File: p, Mapping: m, Actor: actor,
			Refused: func(r refusal.Refusal) error { refused = append(refused, r); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if out.Refused != ExportBad || len(refused) != ExportBad || out.Skipped != 2 ||
			n == 0 && (out.Added != ExportSound || out.Tickets < ExportSound) || n == 1 && out.Existing != ExportSound {
			t.Errorf("%s: %+v", p, out)
			for _, r := range refused {
				t.Logf("%+v", r)
			}
		}
	}
}
