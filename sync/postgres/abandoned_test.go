package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestAServerThatFreezesWithinATransactionHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	pool, err := postgres.Open(t.Context(), db.URL, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	var idle, gone string
	var far bool // over TCP
	if err := pool.QueryRow(t.Context(),
		`SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('tcp_keepalives_idle'),
		inet_server_addr() IS NOT NULL`).Scan(&idle, &gone, &far); err != nil {
		t.Fatal(err)
	}
	if idle != "30s" || far && gone != "10" {
		t.Errorf("a frozen server's locks are held for %s, those of one that is gone are looked after from %s s on",
			idle, gone)
	}
	s := &postgres.Store{Pool: pool, Now: time.Now}
	org := change.Org(uuid.New())
	err = s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
		var pid int
		if err := tx.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), "SET LOCAL idle_in_transaction_session_timeout = '20ms'"); err != nil {
			return err
		}
		eventually(t, "the database to let go", func() bool { // frozen meanwhile
			var lives bool
			if err := db.Owner.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)",
				pid).Scan(&lives); err != nil {
				t.Error(err)
			}
			return !lives
		})
		_, err := tx.Exec(t.Context(), "SELECT 1")
		return err
	})
	if !postgres.Transient(err) {
		t.Errorf("its caller is not told to try again: %v", err)
	}
	if err := s.Transact(t.Context(), org, func(*postgres.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
}
