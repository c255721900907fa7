package ticket_test

import (
	"context"
	"crypto/ed25519"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/chain"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// nine is when the world's day begins.
var nine = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) // nine in Shanghai

var shanghai = time.FixedZone("CST", 8*3600)

// world is one company with a ticket room on a real database. What other rooms would know stands in maps.
type world struct {
	t       testing.TB
	db      *pgtest.DB
	org     change.Org
	tickets *ticket.Tickets
	intake  *intake.Intake[*postgres.Tx]

	mu     sync.Mutex
	now    time.Time
	techs  map[uuid.UUID]ticket.Technician
	proofs map[uuid.UUID][]checklist.Proof
	// signatures tells of a ticket's signatures; without it there are none.
	signatures func() (n int, named bool)
	// waits is told which tickets begin to wait.
	waits     func(uuid.UUID)
	completed []completion
	approved  []uuid.UUID
	moves     []uuid.UUID // from, to, from, to, …
	reworked  []uuid.UUID

	product, part, surcharge uuid.UUID
	team                     uuid.UUID
	template                 *fieldv1.Template
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, db: pgtest.New(t), org: change.Org(uuid.New()), now: nine,
		techs: map[uuid.UUID]ticket.Technician{}, proofs: map[uuid.UUID][]checklist.Proof{},
		product: uuid.New(), part: uuid.New(), surcharge: uuid.New(), team: uuid.New(),
	}
	store := &postgres.Store{Pool: w.db.App, Now: w.clock}
	w.tickets = ticket.New(store, others{w}, goods{w}, others{w}, others{w}, others{w}, others{w})
	w.intake = &intake.Intake[*postgres.Tx]{
		Store: store, Mutators: w.tickets.Mutators(),
		Signer: change.Ed25519Signer{KeyID: "k", Key: ed25519.NewKeyFromSeed(make([]byte, 32))},
		Now:    w.clock, MaxAhead: state.MaxAhead,
		Panicked: func(m change.Mutation, v any, stack []byte) { t.Errorf("%s panicked: %v\n%s", m.Kind, v, stack) },
	}
	w.do(func(tx *postgres.Tx) error {
		var err error
		w.template, err = w.tickets.PutTemplate(t.Context(), tx, &fieldv1.Template{
			Key: "heater", Name: &typesv1.Label{Zh: "热水器", En: "Heater"},
			Steps: []*fieldv1.Step{
				{
					Key: "pressure", Kind: fieldv1.StepKind_STEP_KIND_NUMBER, Name: &typesv1.Label{Zh: "水压", En: "Pressure"},
					Required: true, HasRange: true, Min: 0, Max: 1,
				},
				{
					Key: "after", Kind: fieldv1.StepKind_STEP_KIND_PHOTO, Name: &typesv1.Label{Zh: "完工照", En: "After"}, Required: true,
					Proof: fieldv1.ProofKind_PROOF_KIND_AFTER,
				},
			},
		})
		return err
	})
	return w
}

// completion is what pay heard of a completed job.
type completion struct {
	source uuid.UUID
	plan.Facts
}

// others are the rooms around tickets, as the world has them.
type others struct{ *world }

func (o others) Technician(_ context.Context, _ *postgres.Tx, id uuid.UUID) (ticket.Technician, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if who, ok := o.techs[id]; ok {
		return who, nil
	}
	return ticket.Technician{}, fault.New(fault.NotFound, "technician")
}

func (others) Unsent(context.Context, *postgres.Tx) ([]uuid.UUID, error) { return nil, nil }

func (others) Relate(
	_ context.Context, _ *postgres.Tx, _ identity.Identity, reach ticket.Reach, ends ...identity.End,
) error {
	for _, e := range ends {
		if e.Kind != identity.ScopeSelf && !reach.Covers(identity.Place{Kind: e.Kind, ID: e.ID}) {
			return identity.Unseen(e.Field)
		}
	}
	return nil
}

func (others) Zone(context.Context, *postgres.Tx) (*time.Location, error) { return shanghai, nil }

func (others) Language(context.Context, *postgres.Tx) (string, error) { return "zh", nil }

func (others) Shop(context.Context, *postgres.Tx, uuid.UUID) (string, uuid.UUID, error) {
	return "", uuid.Nil, nil
}

func (o others) OfVisit(_ context.Context, _ *postgres.Tx, visit uuid.UUID) ([]*fieldv1.Proof, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*fieldv1.Proof
	for _, p := range o.proofs[visit] {
		out = append(out, &fieldv1.Proof{Step: p.Step, Kind: p.Kind, Refusal: string(p.Refusal)})
	}
	return out, nil
}

func (others) OfTicket(context.Context, *postgres.Tx, uuid.UUID) ([]*fieldv1.Proof, error) {
	return nil, nil
}

func (o others) Signatures(context.Context, *postgres.Tx, uuid.UUID) (n int, named bool, err error) {
	if o.signatures != nil {
		n, named = o.signatures()
	}
	return n, named, nil
}

func (o others) Moved(_ context.Context, _ *postgres.Tx, _, from, to uuid.UUID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.moves = append(o.moves, from, to)
	return nil
}

func (others) Estimate(context.Context, *postgres.Tx, plan.Facts) (money.Amount, bool, error) {
	return money.Fen(12000), true, nil
}

func (o others) Accrue(_ context.Context, _ *postgres.Tx, source uuid.UUID, f plan.Facts) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.completed = append(o.completed, completion{source, f})
	return nil
}

func (o others) Approve(_ context.Context, _ *postgres.Tx, id uuid.UUID) (bool, error) {
	o.approved = append(o.approved, id)
	return false, nil
}

func (others) Confirm(context.Context, *postgres.Tx, uuid.UUID) (bool, error) { return true, nil }

func (o others) Clawback(_ context.Context, _ *postgres.Tx, original, rework uuid.UUID, _ string) error {
	o.reworked = append(o.reworked, original, rework)
	return nil
}

func (others) Installed(context.Context, *postgres.Tx, uuid.UUID) error { return nil }

func (o others) Waits(_ context.Context, _ *postgres.Tx, id uuid.UUID) error {
	if o.waits != nil {
		o.waits(id)
	}
	return nil
}

func (others) ProposalsOf(context.Context, *postgres.Tx, uuid.UUID) ([]*officev1.CustomerProposal, error) {
	return nil, nil
}

func (others) Region(context.Context, *postgres.Tx, uuid.UUID) (string, string, error) {
	return "浙江", "Zhejiang", nil
}

// goods is the catalogue of the world: one product, one part, one surcharge.
type goods struct{ *world }

func (g goods) Product(_ context.Context, _ *postgres.Tx, id uuid.UUID) (ticket.Product, error) {
	if id != g.product {
		return ticket.Product{}, fault.New(fault.NotFound, "product")
	}
	return ticket.Product{
		Name: "即热式热水器", Model: "JR-60", ClassID: uuid.NewSHA1(uuid.Nil, []byte("heater")),
		TemplateID: uuid.UUID(g.template.GetId()), Skills: []string{"gas"}, Duration: 90 * time.Minute, WarrantyMonths: 24,
	}, nil
}

func (g goods) PriceItem(_ context.Context, _ *postgres.Tx, id uuid.UUID, _ time.Time) (ticket.PriceItem, error) {
	switch id {
	case g.part:
		return ticket.PriceItem{
			Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, Name: "角阀", SKU: "valve", Price: money.Fen(2500),
		}, nil
	case g.surcharge:
		return ticket.PriceItem{
			Kind: fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, Name: "高空作业", SKU: "height", Price: money.Fen(8000),
		}, nil
	}
	return ticket.PriceItem{}, fault.New(fault.NotFound, "price item")
}

func (goods) ClassKey(context.Context, *postgres.Tx, uuid.UUID) (string, error) { return "heater", nil }

// service is what the office calls; nobody is assigned by rules.
func (w *world) service() *ticket.Service {
	return &ticket.Service{Tickets: w.tickets, Orders: others{w}}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass moves the office's clock.
func (w *world) pass(d time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	return w.now
}

func (w *world) try(fn func(tx *postgres.Tx) error) error {
	return w.tickets.Store.Transact(w.t.Context(), w.org, fn)
}

func (w *world) do(fn func(tx *postgres.Tx) error) {
	w.t.Helper()
	if err := w.try(fn); err != nil {
		w.t.Fatal(err)
	}
}

// request is a ticket for the world's product at People's Square.
func (w *world) request() ticket.OpenRequest {
	return ticket.OpenRequest{
		Source: "test", Actor: ticket.BySystem("test"), ProductID: w.product,
		Customer: ticket.Customer{
			Name: "王女士", Phone: "13812340001", Address: "上海市黄浦区人民大道200号3栋501室",
			At: &score.Point{Latitude: 31.2304, Longitude: 121.4737},
		},
		Wanted: state.Window{From: nine.Add(time.Hour), To: nine.Add(3 * time.Hour)},
	}
}

func (w *world) open(edit func(*ticket.OpenRequest)) ticket.Opened {
	w.t.Helper()
	q := w.request()
	if edit != nil {
		edit(&q)
	}
	var o ticket.Opened
	w.do(func(tx *postgres.Tx) (err error) {
		o, err = w.tickets.Open(w.t.Context(), tx, q)
		return err
	})
	return o
}

// phone is one device of a technician.
type phone struct {
	w    *world
	id   change.Device
	user uuid.UUID
	seq  uint64
}

func (w *world) technician(name string) *phone {
	id := uuid.New()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.techs[id] = ticket.Technician{ID: id, Name: name, Badge: "B-" + name, Active: true, Teams: []uuid.UUID{w.team}}
	return &phone{w: w, id: change.Device(uuid.New()), user: id}
}

func (p *phone) second() *phone { return &phone{w: p.w, id: change.Device(uuid.New()), user: p.user} }

func (w *world) assign(id uuid.UUID, p *phone) uuid.UUID {
	w.t.Helper()
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Assign(w.t.Context(), tx, ticket.AssignRequest{
			TicketID: id, TechnicianID: p.user, Actor: ticket.ByUser(uuid.New()), Way: "office", ReasonZH: "近", ReasonEN: "near",
		})
	})
	visits := w.get(id).GetVisits()
	return uuid.UUID(visits[len(visits)-1].GetId())
}

// mutate queues one mutation done at a time by the phone's clock.
func (p *phone) mutate(kind string, args proto.Message, at time.Time) change.Mutation {
	b, err := proto.Marshal(args)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.seq++
	return change.Mutation{Seq: p.seq, ID: uuid.Must(uuid.NewV7()), Kind: kind, Args: b, DeviceTime: at}
}

// push hands mutations in and returns the verdicts.
func (p *phone) push(ms ...change.Mutation) []change.Verdict {
	p.w.t.Helper()
	vs, err := p.w.intake.Take(p.w.t.Context(),
		intake.Push{Org: p.w.org, Device: p.id, User: change.User(p.user), Mutations: ms})
	if err != nil {
		p.w.t.Fatal(err)
	}
	return vs
}

// does is mutate and push of one; the verdict must be the one wanted.
func (p *phone) does(
	kind string, args proto.Message, at time.Time, want change.Outcome, code fault.Code,
) change.Verdict {
	p.w.t.Helper()
	v := p.push(p.mutate(kind, args, at))[0]
	if v.Outcome != want || v.Code != code {
		p.w.t.Errorf("%s: got %s %s (%s), want %s %s", kind, v.Outcome, v.Code, v.Detail, want, code)
	}
	return v
}

// holds reads what a feed shows of an entity; nil when it shows nothing.
func (w *world) holds(kind fieldv1.EntityKind, id uuid.UUID, f string, into proto.Message) bool {
	w.t.Helper()
	var b []byte
	err := w.db.Owner.QueryRow(w.t.Context(), `SELECT body FROM sync_entry
		WHERE org_id = $1 AND kind = $2 AND entity_id = $3 AND feed = $4 AND NOT removed`,
		uuid.UUID(w.org), int32(kind), id, f).Scan(&b)
	if err != nil {
		return false
	}
	if into != nil {
		if err := proto.Unmarshal(b, into); err != nil {
			w.t.Fatal(err)
		}
	}
	return true
}

func (w *world) tech(p *phone) string { return feedID("tech", p.user) }

func feedID(kind string, id uuid.UUID) string { return change.FeedID{Kind: kind, Key: id}.String() }

// chainHolds checks the trail of a ticket and returns the kinds of its events.
func (w *world) chainHolds(id uuid.UUID) []string {
	w.t.Helper()
	var kinds []string
	var hash []byte
	w.do(func(tx *postgres.Tx) error {
		links, err := ticket.Events(w.t.Context(), tx, id)
		if err != nil {
			return err
		}
		kinds = nil
		for _, l := range links {
			kinds = append(kinds, l.Kind)
		}
		if err := tx.QueryRow(w.t.Context(), `SELECT event_hash FROM ticket
			WHERE org_id = $1 AND id = $2`, tx.OrgID(), id).Scan(&hash); err != nil {
			return err
		}
		return chain.Verify(id, links, chain.Hash(hash))
	})
	return kinds
}

func b(id uuid.UUID) []byte { return id[:] }
