package distribute

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

// lockKey is the advisory lock that one run holds.
const lockKey = 0x646f6f7273707264

// ErrBusy says that another run is under way.
var ErrBusy = errors.New("another run is spreading the tables")

const placedSQL = `
	SELECT c.relname AS table,
		coalesce(CASE WHEN p.partmethod <> 'n' THEN column_to_column_name(p.logicalrelid, p.partkey) END, '') AS column,
		CASE WHEN p.partmethod <> 'n' THEN 'tenant' WHEN p.repmodel = 't' THEN 'reference' ELSE 'local' END AS kind,
		p.colocationid AS group, pg_relation_size(c.oid) > 0 AS left
	FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
	WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.relname COLLATE "C"`

// Read reads from the catalogue what there is and what is still to be made; see Plan.
func Read(ctx context.Context, conn *pgx.Conn, shards int) ([]Step, error) {
	s, err := tenancy.Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('pg_dist_partition') IS NOT NULL").Scan(&there); err != nil {
		return nil, err
	}
	if !there { // without Citus nothing is placed, and the plan can still be looked at
		return Plan(s, nil, shards)
	}
	rows, err := conn.Query(ctx, placedSQL)
	if err != nil {
		return nil, err
	}
	placed, err := pgx.CollectRows(rows, pgx.RowToStructByName[Placed])
	if err != nil {
		return nil, err
	}
	return Plan(s, placed, shards)
}

// Run makes what is still to be made, and tells before each statement which it is. Each commits by itself: after an
// error or a cut the next run goes on from there. It returns how many statements it made. conn signed in as the
// database's owner, server as the servers do: it writes and reads a row at the end.
func Run(
	ctx context.Context, conn, server *pgx.Conn, shards int, told func(step Step, at, of int),
) (made int, err error) {
	var alone bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(lockKey)).Scan(&alone); err != nil {
		return 0, err
	}
	if !alone {
		return 0, ErrBusy
	}
	defer func() {
		_, unlock := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(lockKey))
		err = errors.Join(err, unlock)
	}()
	// The second round frees the room of rows that the first has moved; a third would find nothing.
	for range 2 {
		steps, err := Read(ctx, conn, shards)
		if err != nil {
			return made, err
		}
		for i, s := range steps {
			told(s, i+1, len(steps))
			if _, err := conn.Exec(ctx, s.SQL); err != nil {
				return made, fmt.Errorf("%s: %w", s.SQL, err)
			}
			made++
		}
	}
	return made, prove(ctx, server)
}

// prove reads and writes as a server does, for an org that does not exist, and leaves nothing behind.
func prove(ctx context.Context, server *pgx.Conn) error {
	org, err := uuid.NewV7()
	if err != nil {
		return err
	}
	tx, err := server.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it is always undone
	var seen int
	if _, err := tx.Exec(ctx, "SET LOCAL doorstep.org = '"+org.String()+"'"); err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO sync_feed (org_id, feed) VALUES ($1, 'org')", org); err != nil {
		return fmt.Errorf("prove: the servers' login cannot write: %w", err)
	}
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM sync_feed WHERE org_id = $1", org).Scan(&seen); err != nil {
		return fmt.Errorf("prove: the servers' login cannot read: %w", err)
	}
	if seen != 1 {
		return fmt.Errorf("prove: workers do not hear whose transaction it is: %d rows seen instead of 1", seen)
	}
	return nil
}
