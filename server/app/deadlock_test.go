package app_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/s3test"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/field/v1/fieldv1connect"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// crowd is a company in which everybody works on the same few tickets at once.
type crowd struct {
	trade
	all     [][]byte // every ticket
	tickets [][]byte // the few that all work on now
	techs   []account.User
	picture []byte

	mu     sync.Mutex
	counts map[string]int // what succeeded, by its kind
	plan   uint32         // the newest version
}

// TestNobodyDeadlocksOnTheSameTickets lets phones, the office and photos change the same few tickets at once, in every
// order. PostgreSQL must not find one deadlock, and what stands in the end must be whole.
func TestNobodyDeadlocksOnTheSameTickets(t *testing.T) {
	t.Parallel()
	bucket := s3test.New(t)
	c := &crowd{trade: openTrade(t, func(cfg *app.Config) {
		cfg.Objects = app.Objects{
			Endpoint: bucket.Endpoint, Bucket: bucket.Name, Region: bucket.Region,
			AccessKey: bucket.AccessKey, SecretKey: bucket.SecretKey,
		}
	}), counts: map[string]int{}, plan: 1}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil))
	c.picture = b.Bytes()
	c.techs = []account.User{c.tech}
	c.within(t, func(tx *postgres.Tx) error {
		for i := range 2 {
			u, err := c.Rooms.Account.PutUser(t.Context(), tx, account.User{
				Login: fmt.Sprintf("li%d", i), NameZH: "李师傅",
				Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
				Technician: &account.Technician{
					Badge: fmt.Sprintf("B1%d", i), Region: c.north.ID, Teams: []uuid.UUID{c.team.ID},
					Skills: []string{"water_heater"}, DailyCapacity: 100,
				},
			}, password)
			if err != nil {
				return err
			}
			c.techs = append(c.techs, u)
		}
		return nil
	})
	for i := range 8 {
		c.tickets = append(c.tickets, c.job(t, fmt.Sprintf("O-%d", i)))
	}
	c.all = slices.Clone(c.tickets)
	var all sync.WaitGroup
	for i, u := range c.techs {
		token := c.phone(t, u).GetTokens().GetAccess()
		all.Go(func() { c.works(t, token, rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	for i := range 2 {
		all.Go(func() { c.dispatches(t, rand.New(rand.NewPCG(uint64(i), 2))) })
	}
	all.Wait()

	if n := c.Rooms.Store.Deadlocks(); n != 0 {
		t.Errorf("PostgreSQL found %d deadlocks", n)
	}
	t.Log(c.counts)
	for _, kind := range kinds {
		if c.counts[kind] < often {
			t.Errorf("%s: done %d times only", kind, c.counts[kind])
		}
	}
	c.whole(t)
}

// kinds is all that the crowd does at once.
var kinds = []string{
	"complete", "claim", "assign", "pool", "cancel", "approve", "rework", "replay", "verified", "two at once", "plan",
}

// The crowd works until it has done each kind that often, but for no more than so many rounds each.
const often, rounds = 3, 300

func (c *crowd) enough() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(kinds, func(k string) bool { return c.counts[k] < often })
}

// whole checks that each trail is unbroken, and that the ledger has what counts, once.
func (c *crowd) whole(t *testing.T) {
	t.Helper()
	office := officev1connect.NewTicketServiceClient(http.DefaultClient, c.URL())
	for _, id := range c.all {
		got, err := office.GetTicket(t.Context(), with(&officev1.GetTicketRequest{Id: id}, c.boss))
		must(t, err)
		if !got.Msg.GetChainIntact() {
			t.Errorf("the trail of %s is broken", got.Msg.GetTicket().GetNumber())
		}
	}
	// A visit counts as long as no rework has taken it back, and a rework itself counts nothing: once in its technician's
	// month, with one line for each component, and each entry of the ledger adds up to nothing.
	for what, sql := range map[string]string{
		"visits that are completed and not accrued once": `SELECT count(*) FROM visit v WHERE v.state = $1
			AND (SELECT count(*) FROM pay_accrual a WHERE a.org_id = v.org_id AND a.source = v.id) <> 1`,
		"accruals of visits that are not completed": `SELECT count(*) FROM pay_accrual a
			WHERE NOT EXISTS (SELECT FROM visit v WHERE v.org_id = a.org_id AND v.id = a.source AND v.state = $1)`,
		"accruals that nothing was booked for": `SELECT count(*) FROM pay_accrual a
			WHERE a.facts ->> 'rework' IS NULL AND (SELECT count(*) FROM pay_entry e
				WHERE e.org_id = a.org_id AND e.source = a.source AND e.kind = 'accrual' AND e.component = 'base') <> 1`,
		"entries that do not add up": `SELECT count(*) FROM (SELECT FROM pay_posting GROUP BY entry_id, currency
			HAVING sum(amount) <> 0) AS p`,
		"entries without postings": `SELECT count(*) FROM pay_entry e
			WHERE NOT EXISTS (SELECT FROM pay_posting p WHERE p.org_id = e.org_id AND p.entry_id = e.id)`,
		"technicians whose month counts other jobs than theirs": `SELECT count(*) FROM (
				SELECT payee_id, sum(tickets) AS n FROM pay_measure GROUP BY payee_id) AS m
			FULL
			JOIN (SELECT v.technician_id, count(*) AS n FROM visit v
				JOIN pay_accrual a ON a.org_id = v.org_id AND a.source = v.id
				WHERE a.clawed_at IS NULL AND a.facts ->> 'rework' IS NULL GROUP BY v.technician_id) AS j
					ON j.technician_id = m.payee_id
			WHERE coalesce(m.n, 0) <> coalesce(j.n, 0)`,
		"tickets that are posted without approval and proof": `SELECT count(*) FROM pay_accrual
			WHERE confirmed_at IS NOT NULL AND approved_at IS NULL`,
		"open visits of one ticket beside each other": `SELECT count(*)
			FROM (SELECT FROM visit WHERE state IN (1, 2, 3, 4, 6, 7, 8) GROUP BY ticket_id HAVING count(*) > 1) AS v`,
	} {
		var n int
		var args []any
		if strings.Contains(sql, "$1") {
			args = []any{int16(fieldv1.VisitState_VISIT_STATE_COMPLETED)}
		}
		must(t, c.db.Owner.QueryRow(t.Context(), sql, args...).Scan(&n))
		if n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}

func (c *crowd) count(kind string, ok bool) {
	if ok {
		c.mu.Lock()
		c.counts[kind]++
		c.mu.Unlock()
	}
}

// decided tells whether a call did something. Others may have been there first; nothing else may go wrong.
func (c *crowd) decided(t *testing.T, kind string, err error) {
	if err != nil {
		if k := codeOf(t, err).Kind(); k == fault.KindInternal || k == fault.KindUnavailable {
			t.Errorf("%s: %v", kind, err)
		}
	}
	c.count(kind, err == nil)
}

// any is one of the few tickets that all work on.
func (c *crowd) any(rng *rand.Rand) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tickets[rng.IntN(len(c.tickets))]
}

// instead puts a new ticket in the place of one of the few.
func (c *crowd) instead(rng *rand.Rand, id []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, id)
	c.tickets[rng.IntN(len(c.tickets))] = id
}

// works is a technician's phone: it takes jobs from the pool and works all it holds, two at once where it can.
func (c *crowd) works(t *testing.T, token string, rng *rand.Rand) {
	phone := &hand{t: t, w: c.trade, token: token}
	for i := 0; i < rounds && !c.enough(); i++ {
		for range 3 {
			c.count("claim",
				phone.do("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: c.any(rng)}).GetOutcome() ==
					syncv1.Outcome_OUTCOME_APPLIED)
		}
		mine := c.held(phone)
		// The newest two, in any order: older ones may wait for something parked.
		slices.SortFunc(mine, func(a, b *fieldv1.Visit) int { return bytes.Compare(b.GetId(), a.GetId()) })
		mine = mine[:min(2, len(mine))]
		rng.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		if len(mine) == 0 {
			continue
		}
		var batch []*syncv1.Mutation
		for _, v := range mine {
			batch = append(batch, c.later(phone, rng, "visit.accept", &fieldv1.VisitAccept{VisitId: v.GetId()}))
			batch = append(batch, c.later(phone, rng, "visit.arrive", &fieldv1.VisitArrive{VisitId: v.GetId()}))
			batch = append(batch, c.later(phone, rng, "task.answer", &fieldv1.AnswerTask{
				VisitId: v.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4},
			}))
		}
		photo := uuid.Must(uuid.NewV7())
		hash := sha256.Sum256(c.picture)
		batch = append(batch, c.later(phone, rng, "proof.attach", &fieldv1.AttachProof{
			Id: photo[:], VisitId: mine[0].GetId(), Kind: fieldv1.ProofKind_PROOF_KIND_OTHER, Sha256: hash[:],
			Size: uint64(len(c.picture)), MediaType: "image/jpeg",
		}))
		c.push(t, phone, batch)
		var all sync.WaitGroup
		all.Go(func() { c.uploads(t, token, photo) })
		var done []*syncv1.Mutation
		for _, v := range mine {
			done = append(done, c.later(phone, rng, "visit.complete", &fieldv1.VisitComplete{VisitId: v.GetId()}))
		}
		n := 0
		for _, v := range c.push(t, phone, done) {
			if v.GetOutcome() == syncv1.Outcome_OUTCOME_APPLIED {
				n++
			}
		}
		c.count("complete", n > 0)
		c.count("two at once", n > 1)
		all.Wait()
	}
}

// later makes a mutation of what the phone does next. One in thirty is of a clock far ahead, and is parked.
func (c *crowd) later(h *hand, rng *rand.Rand, kind string, args proto.Message) *syncv1.Mutation {
	b, err := proto.Marshal(args)
	must(h.t, err)
	h.seq++
	id, at := uuid.Must(uuid.NewV7()), c.clock.Now()
	if rng.IntN(30) == 0 {
		at = at.AddDate(1, 0, 0)
	}
	return &syncv1.Mutation{Sequence: h.seq, Id: id[:], Kind: kind, Args: b, DeviceTime: timestamppb.New(at)}
}

func (c *crowd) push(t *testing.T, h *hand, batch []*syncv1.Mutation) []*syncv1.Verdict {
	res, err := c.sync().Push(t.Context(), with(&syncv1.PushRequest{Mutations: batch}, h.token))
	must(t, err)
	return res.Msg.GetVerdicts()
}

// held are the visits that a technician holds and that are not over.
func (c *crowd) held(h *hand) (out []*fieldv1.Visit) {
	for _, body := range h.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT) {
		v := &fieldv1.Visit{}
		must(h.t, proto.Unmarshal(body, v))
		if v.GetState() < fieldv1.VisitState_VISIT_STATE_COMPLETED {
			out = append(out, v)
		}
	}
	return out
}

// uploads sends the bytes of a photo and has them verified, twice at once.
func (c *crowd) uploads(t *testing.T, token string, photo uuid.UUID) {
	proofs := fieldv1connect.NewProofServiceClient(http.DefaultClient, c.URL())
	res, err := proofs.StartUpload(t.Context(), with(&fieldv1.StartUploadRequest{ProofId: photo[:]}, token))
	if err != nil {
		c.decided(t, "upload", err)
		return
	}
	for _, q := range res.Msg.GetRequests() {
		r, err := http.NewRequestWithContext(t.Context(), q.GetMethod(), q.GetUrl(), bytes.NewReader(c.picture))
		must(t, err)
		for _, f := range q.GetHeaders() {
			r.Header.Set(f.GetName(), f.GetValue())
		}
		sent, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, sent.Body.Close())
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			_, err := proofs.FinishUpload(t.Context(), with(&fieldv1.FinishUploadRequest{ProofId: photo[:]}, token))
			c.decided(t, "verified", err)
		})
	}
	both.Wait()
}

// dispatches is somebody of the office, who changes his mind all the time.
func (c *crowd) dispatches(t *testing.T, rng *rand.Rand) {
	office := officev1connect.NewTicketServiceClient(http.DefaultClient, c.URL())
	plans := payv1connect.NewPlanServiceClient(http.DefaultClient, c.URL())
	queue := syncv1connect.NewParkedServiceClient(http.DefaultClient, c.URL())
	for i := 0; i < rounds && !c.enough(); i++ {
		id := c.any(rng)
		switch rng.IntN(8) {
		case 0, 1:
			who := c.techs[rng.IntN(len(c.techs))].ID
			for _, id := range [][]byte{id, c.any(rng)} { // a phone has two to push at once
				_, err := office.AssignTicket(t.Context(),
					with(&officev1.AssignTicketRequest{Id: id, TechnicianId: who[:]}, c.boss))
				c.decided(t, "assign", err)
			}
		case 2:
			_, err := office.PoolTicket(t.Context(), with(&officev1.PoolTicketRequest{Id: id, TeamId: c.team.ID[:]}, c.boss))
			c.decided(t, "pool", err)
		case 3, 4:
			_, err := office.ApproveTicket(t.Context(), with(&officev1.ApproveTicketRequest{Id: id}, c.boss))
			c.decided(t, "approve", err)
		case 5:
			next := uuid.Must(uuid.NewV7())
			_, err := office.ReworkTicket(t.Context(),
				with(&officev1.ReworkTicketRequest{Id: id, ReworkId: next[:], Reason: "漏水"}, c.boss))
			c.decided(t, "rework", err)
			if err == nil {
				c.instead(rng, next[:])
			}
		case 6:
			parked, err := queue.ListParked(t.Context(), with(&syncv1.ListParkedRequest{}, c.boss))
			must(t, err)
			open := parked.Msg.GetParked()
			rng.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
			for _, p := range open[:min(3, len(open))] {
				_, err := queue.ReplayParked(t.Context(), with(&syncv1.ReplayParkedRequest{Id: p.GetId()}, c.boss))
				c.decided(t, "replay", err)
			}
		case 7:
			c.replaces(t, rng, office, plans)
		}
	}
}

// replaces ends one of the tickets and brings another, and publishes a plan.
func (c *crowd) replaces(
	t *testing.T, rng *rand.Rand, office officev1connect.TicketServiceClient, plans payv1connect.PlanServiceClient,
) {
	_, err := office.CancelTicket(t.Context(), with(&officev1.CancelTicketRequest{Id: c.any(rng), Reason: "不要了"}, c.boss))
	c.decided(t, "cancel", err)
	next := uuid.Must(uuid.NewV7())
	_, err = office.OpenTicket(t.Context(), with(&officev1.OpenTicketRequest{
		Id: next[:], ProductId: c.product.GetId(), CustomerName: "王女士", CustomerPhone: "13800000001",
		Address: "北京市朝阳区建国路 1 号", StoreId: c.shop.ID[:], RegionId: c.north.ID[:],
	}, c.boss))
	must(t, err)
	_, err = office.PoolTicket(t.Context(), with(&officev1.PoolTicketRequest{Id: next[:], TeamId: c.team.ID[:]}, c.boss))
	must(t, err)
	c.instead(rng, next[:])
	c.mu.Lock()
	version := c.plan + 1 // somebody else may publish it first
	c.mu.Unlock()
	_, err = plans.PublishPlan(t.Context(), with(&payv1.PublishPlanRequest{Plan: &payv1.PlanVersion{
		Plan: "standard", Version: version, Name: label("标准", "Standard"), Currency: "CNY", TimeZone: "UTC",
		EffectiveFrom: fmt.Sprintf("%d-01-01", 2100+version), VersionDate: payv1.VersionDate_VERSION_DATE_ORDERED,
		Components: []*payv1.Component{{
			Key: "base", Name: label("安装费", "Install fee"), Category: 1, Rounding: 2,
			Rule: &payv1.Component_BaseFee{BaseFee: &payv1.BaseFee{OtherwiseMinor: 9000}},
		}},
	}}, c.boss))
	c.decided(t, "plan", err)
	if err == nil {
		c.mu.Lock()
		c.plan = max(c.plan, version)
		c.mu.Unlock()
	}
}
