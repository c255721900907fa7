package field_test

import (
	"bytes"
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// A newer server's fields are there for the next version of the app: in the store byte for byte, and in what an effect
// changes.
func TestAnEntityInTheStoreKeepsTheFieldsThatThisAppDoesNotKnow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *offline.Store {
		s, err := offline.Open(context.WithoutCancel(t.Context()), offline.Options{
			Dir: dir, Now: time.Now, Effects: field.Effects(field.ByHand{}), FeedOrder: []string{"tech"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(open().Close())

	visit := item(t, fieldv1.EntityKind_ENTITY_KIND_VISIT, visitID, &fieldv1.Visit{
		Id: visitID, TicketId: ticketID, State: fieldv1.VisitState_VISIT_STATE_DISPATCHED,
	})
	unknown := protowire.AppendString(protowire.AppendTag(nil, 9999, protowire.BytesType), "of a newer server")
	body := append(visit.Body, unknown...)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "store.db"))
	must(err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO meta VALUES ('device', x'0000000000000000000000000000000a')
		ON CONFLICT DO UPDATE SET value = excluded.value;
		INSERT INTO entry VALUES ('tech:00000000-0000-0000-0000-000000000002', ?, ?, 1, ?)`, visit.Kind, visit.ID[:], body)
	must(err)
	must(db.Close())

	s := open()
	defer func() { must(s.Close()) }()
	look := func(state fieldv1.VisitState) (shown []byte) {
		t.Helper()
		must(s.Read(t.Context(), func(v *offline.View) error {
			m := visitOf(v)
			if m.GetState() != state || !bytes.Equal(m.ProtoReflect().GetUnknown(), unknown) {
				t.Errorf("%v", m)
			}
			shown, _ = v.Get(visit.Entity)
			return nil
		}))
		return shown
	}
	if got := look(fieldv1.VisitState_VISIT_STATE_DISPATCHED); !bytes.Equal(got, body) {
		t.Errorf("%x", got)
	}
	_, err = field.VisitAccept.Do(t.Context(), s, &fieldv1.VisitAccept{VisitId: visitID})
	must(err)
	look(fieldv1.VisitState_VISIT_STATE_ACCEPTED)
}
