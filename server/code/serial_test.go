package code_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestASerialInAllItsWritingsIsOnePiece(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	err := w.Store.Transact(t.Context(), change.Org(w.Org), func(tx *postgres.Tx) error {
		var first uuid.UUID
		for i, serial := range []string{
			"2026001", "2026001.0", "２０２６００１", "2026001\u200b", `="2026001"`,
			"'2026001", " 2026001\t",
		} {
			id, err := w.PutUnit(t.Context(), tx,
				code.Unit{Product: uuid.UUID(w.Product.GetId()), GTIN: codetest.GTIN, Serial: serial, Store: w.Shop})
			if err != nil {
				return err
			}
			if i == 0 {
				first = id
			}
			if found, err := w.UnitBySerial(t.Context(), tx, serial); err != nil || id != first || found != first {
				t.Errorf("%q: unit %s, found %s, %v", serial, id, found, err)
			}
		}
		if _, err := w.PutUnit(t.Context(), tx,
			code.Unit{Product: uuid.UUID(w.Product.GetId()), GTIN: codetest.GTIN, Serial: "2.02E+17"}); fault.CodeOf(err) !=
			fault.InvalidArgument {
			t.Errorf("a shortened serial: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
