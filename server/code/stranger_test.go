package code_test

import (
	"context"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestCodesOfATicketAreFoundAgainInsteadOfMultiplied(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, ticket, err := w.Scan(&storev1.OpenTicketByScan{Scanned: "6901234567892"}, codetest.Morning)
	if err != nil {
		t.Fatal(err)
	}
	var first, second, link string
	w.Transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		if first, _, err = w.TicketToken(ctx, tx, ticket); err != nil {
			return err
		}
		second, link, err = w.TicketToken(ctx, tx, ticket)
		return err
	})
	if first != second || link != "HTTPS://DOORSTEP.EXAMPLE/C/"+first {
		t.Fatal(first, second, link)
	}
}
