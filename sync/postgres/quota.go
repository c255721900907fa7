package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Quota is how often something may be done under a key, for example from one address: Most times within a window.
type Quota struct {
	// Key is a keyed hash of 16 bytes.
	Key  []byte
	Most int
}

// Spend counts one more under each of the keys, over all servers, in windows that begin with the first. When one of
// them has no more, it says how long to wait until that window ends, and the transaction must not commit what it
// counted. Of two that come at once one waits for the other's end.
func (t *Tx) Spend(
	ctx context.Context, window time.Duration, quotas ...Quota,
) (wait time.Duration, ok bool, err error) {
	slices.SortFunc(quotas, func(a, b Quota) int { return bytes.Compare(a.Key, b.Key) }) // rows are locked in key order
	keys := make([][]byte, len(quotas))
	most := make(map[string]int, len(quotas))
	for i, q := range quotas {
		keys[i], most[string(q.Key)] = q.Key, q.Most
	}
	rows, err := t.Query(ctx, `
		INSERT INTO call_quota AS q (org_id, key, begun_at, last_at, count) SELECT $1, k, $2, $2, 1
			FROM unnest($3::bytea[]) AS k
		ON CONFLICT (org_id, key) DO UPDATE SET last_at = excluded.last_at,
			begun_at = CASE WHEN q.begun_at <= $4 THEN excluded.begun_at ELSE q.begun_at END,
			count = CASE WHEN q.begun_at <= $4 THEN 1 ELSE q.count + 1 END
		RETURNING q.key, q.begun_at, q.count`, t.org, t.now, keys, t.now.Add(-window))
	if err != nil {
		return 0, false, err
	}
	var key []byte
	var begun time.Time
	var count int
	_, err = pgx.ForEachRow(rows, []any{&key, &begun, &count}, func() error {
		if count > most[string(key)] {
			wait = max(wait, begun.Add(window).Sub(t.now), time.Second)
		}
		return nil
	})
	return wait, wait == 0, err
}

// Backoff is how often something may fail under a key before each next try has to wait.
type Backoff struct {
	// Free tries are counted and not delayed. After those, each next one waits twice as long as the one before, from 2 s
	// to Longest.
	Free    int
	Longest time.Duration
	// Forget is after how long without a try all is forgotten.
	Forget time.Duration
}

// Try counts a try under a key before it is made, or says how long to wait; one that has to wait is not counted, so
// asking too early prolongs nothing. Many at once are let in one after the other. Succeeded forgets the tries.
func (t *Tx) Try(ctx context.Context, key []byte, b Backoff) (wait time.Duration, ok bool, err error) {
	const delay = `least($4::float8, power(2, least(q.count - $3 + 1, 20)))`
	var count int
	err = t.QueryRow(ctx, `
		INSERT INTO call_quota AS q (org_id, key, begun_at, last_at, count) VALUES ($1, $2, $5, $5, 1)
		ON CONFLICT (org_id, key) DO UPDATE SET last_at = excluded.last_at, count = CASE WHEN q.last_at <= $6 THEN 1
		ELSE q.count + 1 END
		WHERE q.last_at <= $6 OR q.count < $3 OR q.last_at + `+delay+` * interval '1 second' <= $5
		RETURNING q.count`, t.org, key, b.Free, b.Longest.Seconds(), t.now, t.now.Add(-b.Forget)).Scan(&count)
	if !errors.Is(err, pgx.ErrNoRows) {
		return 0, err == nil, err
	}
	var seconds float64
	err = t.QueryRow(ctx, `SELECT extract(epoch FROM q.last_at - $5)::float8 + `+delay+` FROM call_quota q
		WHERE org_id = $1 AND key = $2`,
		t.org, key, b.Free, b.Longest.Seconds(), t.now).Scan(&seconds)
	return max(time.Duration(seconds*float64(time.Second)), time.Second), false, err
}

// Succeeded forgets the tries under a key.
func (t *Tx) Succeeded(ctx context.Context, key []byte) error {
	_, err := t.Exec(ctx, `DELETE FROM call_quota WHERE org_id = $1 AND key = $2`, t.org, key)
	return err
}

// ForgetQuotas deletes some counts of an org under which nothing was done since before. Whoever counts calls it now and
// then: for each count that is made more than one can be deleted, so they do not pile up.
func (s *Store) ForgetQuotas(ctx context.Context, org change.Org, before time.Time) error {
	return s.Transact(ctx, org, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM call_quota WHERE org_id = $1 AND key IN (
			SELECT key FROM call_quota WHERE org_id = $1 AND last_at < $2 ORDER BY key LIMIT 20
				FOR UPDATE SKIP LOCKED)`, tx.org, before)
		return err
	})
}
