package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// pushScript is what the server sends to PostgreSQL for one push of one mutation: the same statements, in the
// same round trips. What the server computes is a constant here.
const pushScript = `
\set n :client_id
SELECT id AS phone, 'tech:' || id AS feed FROM bench_phone WHERE n = :n::int \gset
\startpipeline
begin;
set local doorstep.org = ':org';
\endpipeline
SELECT d.last_seq AS last, d.generation <> g.generation AS fresh
FROM sync_device d CROSS JOIN sync_generation g
WHERE d.org_id = ':org' AND d.device_id = :phone::uuid FOR UPDATE OF d \gset
\set seq :last + 1
SELECT count(*) AS known FROM (
	SELECT device_id, seq, id, user_id, kind, args, device_time, outcome, code, detail, changes, at, receipt, key_id,
		duplicate FROM sync_mutation
	WHERE org_id = ':org' AND device_id = :phone::uuid AND seq BETWEEN :seq::bigint AND :seq::bigint
	UNION ALL
	SELECT device_id, seq, id, user_id, kind, args, device_time, outcome, code, detail, changes, at, receipt, key_id,
		duplicate FROM sync_mutation
	WHERE org_id = ':org' AND id = ANY (ARRAY[gen_random_uuid()]) AND NOT duplicate) k \gset
UPDATE bench_item SET count = count + 1 WHERE org_id = ':org' AND id = :phone::uuid;
\startpipeline
UPDATE sync_device SET last_seq = :seq::bigint, seen_at = now(), generation = (SELECT generation FROM sync_generation)
WHERE org_id = ':org' AND device_id = :phone::uuid;
INSERT INTO sync_mutation (org_id, device_id, seq, id, user_id, kind, args, device_time, outcome, code, detail, changes,
	at, receipt, key_id, duplicate)
VALUES (':org', :phone::uuid, :seq::bigint, gen_random_uuid(), :phone::uuid, 'bench.touch', decode(':body', 'hex'),
now(), 1, '', '', NULL, now(), decode(':receipt', 'hex'), 'bench-receipt', false);
SELECT e.feed, e.kind, e.entity_id FROM unnest(ARRAY[1], ARRAY[:phone::uuid]) AS w (kind, entity_id)
JOIN sync_entry e ON e.org_id = ':org' AND e.entity_id = w.entity_id AND e.kind = w.kind AND NOT e.removed;
\endpipeline
\startpipeline
SELECT feed, seq, floor, digest, live, bytes FROM sync_feed
WHERE org_id = ':org' AND feed = ANY (ARRAY[:feed::text]) ORDER BY feed FOR UPDATE;
SELECT w.i, e.seq, octet_length(e.body)
FROM unnest(ARRAY[:feed::text], ARRAY[1], ARRAY[:phone::uuid]) WITH ORDINALITY AS w (feed, kind, entity_id, i)
JOIN sync_entry e ON e.org_id = ':org' AND e.feed = w.feed AND e.kind = w.kind AND e.entity_id = w.entity_id
	WHERE NOT e.removed;
\endpipeline
\startpipeline
UPDATE sync_feed f SET seq = w.seq, digest = w.digest, live = w.live, bytes = w.bytes
FROM unnest(ARRAY[:feed::text], ARRAY[:seq::bigint], ARRAY[4711::bigint], ARRAY[1::bigint],
	ARRAY[400::bigint]) AS w (feed, seq, digest, live, bytes)
WHERE f.org_id = ':org' AND f.feed = w.feed;
INSERT INTO sync_entry (org_id, feed, kind, entity_id, seq, removed, body, at)
SELECT ':org', feed, kind, entity_id, seq, removed, body, now()
FROM unnest(ARRAY[:feed::text], ARRAY[1], ARRAY[:phone::uuid], ARRAY[:seq::bigint], ARRAY[false],
	ARRAY[decode(':body', 'hex')])
	AS w (feed, kind, entity_id, seq, removed, body)
ON CONFLICT (org_id, feed, kind, entity_id)
DO UPDATE SET seq = excluded.seq, removed = excluded.removed, body = excluded.body, at = excluded.at;
\endpipeline
commit;
`

var tps = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// pgbench runs the script for b.length with as many clients, as the server's role, and returns transactions per
// second.
func (b *bench) pgbench(clients int) (float64, error) {
	if err := b.forget(); err != nil {
		return 0, err
	}
	if err := b.bareSeq(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "doorstep-pgbench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	script := strings.NewReplacer(
		":org", benchOrg.String(), ":body", fmt.Sprintf("%x", body), ":receipt", strings.Repeat("00", 64),
	).Replace(pushScript)
	file := filepath.Join(dir, "push.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(b.ctx, "pgbench", "-n", "-M", "prepared", "-f", file,
		"-c", strconv.Itoa(clients), "-j", "1", "-T", strconv.Itoa(int(b.length.Seconds())), b.dbURL)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	m := tps.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("pgbench said no rate: %s", out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// bareSeq makes the table by which a pgbench client finds its phone.
func (b *bench) bareSeq() error {
	_, err := b.owner.Exec(b.ctx, `
		CREATE TABLE IF NOT EXISTS bench_phone (n int PRIMARY KEY, id uuid);
		GRANT SELECT ON bench_phone TO doorstep_app`)
	if err != nil {
		return err
	}
	for n := range phones {
		if _, err := b.owner.Exec(b.ctx, `INSERT INTO bench_phone VALUES ($1, $2) ON CONFLICT
			DO NOTHING`, n, phoneID(n)); err != nil {
			return err
		}
	}
	return nil
}
