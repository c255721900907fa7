package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// feedsTrue fails the test where a feed of any company is not what the rooms' tables say.
func (c company) feedsTrue(t *testing.T) {
	t.Helper()
	if t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	orgs, err := c.Rooms.Account.Orgs(ctx)
	must(t, err)
	for _, o := range orgs {
		for _, d := range c.differences(ctx, t, change.Org(o.ID)) {
			t.Errorf("%s holds %d %s: stray %v, missing %v\n stands %x\n should %x", d.Feed, d.Entity.Kind, d.Entity.ID, d.Stray,
				d.Missing, d.Stands, d.Should)
		}
		_, err := c.Rooms.Store.VerifyHeads(ctx,
			change.Org(o.ID), func(d postgres.HeadDifference) { t.Errorf("head says %+v, is %+v", d.Says, d.Is) })
		must(t, err)
	}
}

func (c company) differences(ctx context.Context, t *testing.T, org change.Org) (out []feed.Difference) {
	t.Helper()
	for _, p := range c.Rooms.Projections() {
		_, err := c.Rooms.Store.Verify(ctx, org, p, func(d feed.Difference) { out = append(out, d) }, nil)
		must(t, err)
	}
	return out
}

func (c company) rebuild(t *testing.T, version string) (sum postgres.Progress) {
	t.Helper()
	for _, p := range c.Rooms.Projections() {
		done, err := c.Rooms.Store.Rebuild(t.Context(), change.Org(c.org.ID), p, version, nil)
		must(t, err)
		if done.Roots != done.Of {
			t.Errorf("%s: %d of %d", p.Name, done.Roots, done.Of)
		}
		sum.Written += done.Written
		sum.Removed += done.Removed
	}
	return sum
}

// job opens a ticket by an order and has it assigned.
func (w trade) job(t *testing.T, number string) []byte {
	t.Helper()
	taken, err := officev1connect.NewOrderServiceClient(http.DefaultClient, w.URL()).CreateOrder(t.Context(),
		with(&officev1.CreateOrderRequest{Order: &officev1.Order{
			Source: "api", Number: number, OrderedAt: timestamppb.New(w.clock.Now()), StoreId: w.shop.ID[:],
			Customer: &fieldv1.Customer{
				Name: "王女士", Phone: "13800000001", Address: "北京市朝阳区建国路 1 号",
				Position: &typesv1.Position{Latitude: 39.91, Longitude: 116.46},
			},
			Lines: []*officev1.OrderLine{{
				Item: 1, ProductId: w.product.GetId(), Quantity: 1,
				Price: &typesv1.Money{Minor: 199900, Currency: "CNY"},
			}},
		}}, w.boss))
	must(t, err)
	must2(t)(officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL()).AutoAssign(t.Context(),
		with(&officev1.AutoAssignRequest{}, w.boss)))
	return taken.Msg.GetOrder().GetLines()[0].GetTicketIds()[0]
}

// pull goes on from a cursor to a checkpoint.
func (h *hand) pull(cursor []byte) (next []byte, entries []*syncv1.Entry, resets int) {
	h.t.Helper()
	next = cursor
	for {
		res, err := h.w.sync().Pull(h.t.Context(), with(&syncv1.PullRequest{Cursor: next}, h.token))
		must(h.t, err)
		for _, f := range res.Msg.GetFeeds() {
			entries = append(entries, f.GetEntries()...)
			if f.GetReset_() {
				resets++
			}
		}
		if c := res.Msg.GetCursor(); len(c) > 0 {
			next = c
		}
		if res.Msg.GetCheckpoint() != nil {
			return next, entries, resets
		}
	}
}

func TestARebuildWritesWhatAnOlderVersionShowedOtherwiseAndResetsNobody(t *testing.T) {
	t.Parallel()
	w := openTrade(t)
	phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
	for _, number := range []string{"O-1", "O-2", "O-3"} {
		w.job(t, number)
	}
	cursor, _, _ := phone.pull(nil)

	if sum := w.rebuild(t, "1"); sum.Written != 0 && len(w.differences(t.Context(), t, change.Org(w.org.ID))) != 0 {
		t.Fatalf("nothing had changed, and yet %+v", sum)
	}
	cursor, _, _ = phone.pull(cursor)

	// What the feeds would hold if an older version had projected otherwise: one ticket with another name, one visit
	// missing, a ticket that is in no table; and a feed whose digest is wrong.
	var tickets, visits []uuid.UUID
	for _, b := range phone.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET) {
		var m fieldv1.Ticket
		must(t, proto.Unmarshal(b, &m))
		tickets = append(tickets, uuid.UUID(m.GetId()))
	}
	for _, b := range phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT) {
		var m fieldv1.Visit
		must(t, proto.Unmarshal(b, &m))
		visits = append(visits, uuid.UUID(m.GetId()))
	}
	own := change.FeedID{Kind: "tech", Key: w.tech.ID}
	stray := uuid.Must(uuid.NewV7())
	w.within(t, func(tx *postgres.Tx) error {
		old := &fieldv1.Ticket{Id: tickets[0][:], Number: "of an older version"}
		b, err := proto.Marshal(old)
		must(t, err)
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), tickets[0], feed.Placement{Feed: own, Body: b})
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT), visits[1])
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), stray, feed.Placement{Feed: own, Body: b})
		return nil
	})
	cursor, entries, _ := phone.pull(cursor)
	if len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	if n := len(w.differences(t.Context(), t, change.Org(w.org.ID))); n != 3 {
		t.Errorf("%d differences found, 3 made", n)
	}

	if sum := w.rebuild(t, "2"); sum.Written != 2 || sum.Removed != 1 {
		t.Errorf("rebuilt: %+v", sum)
	}
	_, entries, resets := phone.pull(cursor)
	if len(entries) != 3 || resets != 0 {
		t.Errorf("the phone fetched %d entries and was reset %d times", len(entries), resets)
	}

	_, err := w.db.Owner.Exec(t.Context(), `UPDATE sync_feed SET digest = digest + 1, live = live + 1
		WHERE feed = $1`, own.String())
	must(t, err)
	var wrong []change.FeedID
	_, err = w.Rooms.Store.VerifyHeads(t.Context(),
		change.Org(w.org.ID), func(d postgres.HeadDifference) { wrong = append(wrong, d.Says.Feed) })
	must(t, err)
	if len(wrong) != 1 || wrong[0] != own {
		t.Fatalf("wrong heads: %v", wrong)
	}
	must(t, w.Rooms.Store.MendHead(t.Context(), change.Org(w.org.ID), own))
}
