package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// at makes a mutation that is sent with others.
func (h *hand) at(when time.Time, kind string, args proto.Message) *syncv1.Mutation {
	h.t.Helper()
	b, err := proto.Marshal(args)
	must(h.t, err)
	h.seq++
	id := uuid.Must(uuid.NewV7())
	return &syncv1.Mutation{Sequence: h.seq, Id: id[:], Kind: kind, Args: b, DeviceTime: timestamppb.New(when)}
}

// together pushes mutations in one request. All of them must be applied.
func (h *hand) together(all ...*syncv1.Mutation) {
	h.t.Helper()
	res, err := h.w.sync().Push(h.t.Context(), with(&syncv1.PushRequest{Mutations: all}, h.token))
	must(h.t, err)
	for i, v := range res.Msg.GetVerdicts() {
		if v.GetOutcome() != syncv1.Outcome_OUTCOME_APPLIED {
			h.t.Fatalf("%s: %v", all[i].GetKind(), v)
		}
	}
}

// TestAPushLocksInOneOrderHoweverThePhoneOrderedItsWork does in one request what locks several rows of one kind: units
// that are scanned, and jobs with units that are completed in two months, in both orders. The watch over locks judges
// it.
func TestAPushLocksInOneOrderHoweverThePhoneOrderedItsWork(t *testing.T) {
	t.Parallel()
	for name, turned := range map[string]bool{"in order": false, "turned round": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openTrade(t)
			units := make([]uuid.UUID, 4)
			w.within(t, func(tx *postgres.Tx) (err error) {
				for i := range units {
					units[i], err = w.Rooms.Code.PutUnit(t.Context(), tx, code.Unit{
						Product: uuid.UUID(w.product.GetId()), GTIN: "06901234567892", Serial: fmt.Sprintf("SN%d", i), Store: w.shop.ID,
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			clerk := &hand{t: t, w: w, token: w.phone(t, w.clerk).GetTokens().GetAccess()}
			numbers := []int{0, 1, 2, 3, 4, 5} // the last two are of pieces that nobody has registered
			if turned {
				slices.Reverse(numbers)
			}
			var scans []*syncv1.Mutation
			tickets := map[int]uuid.UUID{}
			for _, n := range numbers {
				id := uuid.Must(uuid.NewV7())
				tickets[n] = id
				scans = append(scans, clerk.at(w.clock.Now(), "store.open_ticket", &storev1.OpenTicketByScan{
					TicketId: id[:], StoreId: w.shop.ID[:], Scanned: fmt.Sprintf("https://id.example/01/06901234567892/21/SN%d", n),
					CustomerName: "王女士", CustomerPhone: "13800000001", Address: "北京市朝阳区建国路 1 号",
				}))
			}
			clerk.together(scans...)

			office := officev1connect.NewTicketServiceClient(http.DefaultClient, w.URL())
			for n := range units {
				id := tickets[n]
				must2(t)(office.AssignTicket(t.Context(),
					with(&officev1.AssignTicketRequest{Id: id[:], TechnicianId: w.tech.ID[:]}, w.boss)))
			}
			phone := &hand{t: t, w: w, token: w.phone(t, w.tech).GetTokens().GetAccess()}
			visits := map[uuid.UUID]*fieldv1.Visit{}
			for _, body := range phone.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT) {
				v := &fieldv1.Visit{}
				must(t, proto.Unmarshal(body, v))
				visits[uuid.UUID(v.GetTicketId())] = v
			}
			begun := w.clock.Now()
			w.clock.Advance(40 * 24 * time.Hour)
			phone.token = w.phone(t, w.tech).GetTokens().GetAccess()
			phone.seq = 0
			var begins, ends []*syncv1.Mutation
			for _, n := range numbers {
				v := visits[tickets[n]]
				if v == nil {
					continue
				}
				begins = append(begins,
					phone.at(begun.Add(time.Minute), "visit.accept", &fieldv1.VisitAccept{VisitId: v.GetId()}),
					phone.at(begun.Add(2*time.Minute), "visit.arrive", &fieldv1.VisitArrive{VisitId: v.GetId()}),
					phone.at(begun.Add(3*time.Minute), "task.answer", &fieldv1.AnswerTask{
						VisitId: v.GetId(), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4},
					}))
			}
			phone.together(begins...)
			for i, n := range numbers {
				if v := visits[tickets[n]]; v != nil {
					done := begun.Add(4 * time.Minute)
					if i%2 == 0 {
						done = w.clock.Now()
					}
					ends = append(ends, phone.at(done, "visit.complete", &fieldv1.VisitComplete{VisitId: v.GetId()}))
				}
			}
			phone.together(ends...)
			var months, installed int
			must(t, w.db.Owner.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pay_measure WHERE tickets = 2),
				(SELECT count(*) FROM unit WHERE state = 'installed')`).Scan(&months, &installed))
			if months != 2 || installed != len(units) {
				t.Errorf("%d months of 2 jobs, %d units installed", months, installed)
			}
		})
	}
}
