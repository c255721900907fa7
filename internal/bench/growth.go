package main

import (
	"fmt"
	"time"

	"connectrpc.com/connect"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

const (
	// growthEach is how many tickets each phone of the growth rows holds, whatever their number altogether.
	growthEach = 500
	// growthPhones of them are asked, spread over all.
	growthPhones = 20
	growthCalls  = 1000
)

// growth measures push and pull with ten thousand tickets in the tables and again with most: what a phone holds stays
// the same, what the tables and indexes hold grows. Bodies are 200 bytes, so that ten million fit on a disk.
func (b *bench) growth(most int) error {
	if err := b.forget(); err != nil {
		return err
	}
	var first, last [2][]float64
	for size, from := 10_000, 0; size <= most; size, from = size*10, size {
		begin := time.Now()
		if err := b.grow(from, size); err != nil {
			return err
		}
		filled := time.Since(begin)
		pushes, pulls, err := b.ask(size / growthEach)
		if err != nil {
			return err
		}
		b.report.spread(fmt.Sprintf("push, %d tickets in the tables", size), "", pushes, "ms")
		b.report.spread(fmt.Sprintf("pull of one change, %d tickets (filled in %.0f s)", size, filled.Seconds()), "",
			pulls, "ms")
		if last = [2][]float64{pushes, pulls}; size == 10_000 {
			first = last
		}
	}
	for i, name := range []string{"push", "pull"} {
		small, large := quantile(first[i], 0.99), quantile(last[i], 0.99)
		b.report.add(fmt.Sprintf("growth, %s: p99 with %d tickets beside 10000", name, most), "flat", fmt.Sprintf(
			"**%.2f ×**: %.1f ms beside %.1f ms (p50 %.2f × : %.1f ms beside %.1f ms)", large/small, large, small,
			quantile(last[i], 0.5)/quantile(first[i], 0.5), quantile(last[i], 0.5), quantile(first[i], 0.5)))
	}
	return b.forget()
}

// grow fills the tables from so many tickets up to so many: entries, their feeds and phones, and a mutation behind
// each.
func (b *bench) grow(from, to int) error {
	const id = `encode(substring(sha256(decode('70' || lpad(to_hex(n), 6, '0'), 'hex')) FOR 16), 'hex')::uuid` // phoneID
	if err := b.enrol(from/growthEach, to/growthEach, false); err != nil {
		return err
	}
	for _, sql := range []string{
		`INSERT INTO sync_entry (org_id, feed, kind, entity_id, seq, removed, body, at)
			SELECT $1, 'tech:' || ` + id +
			`, 10, md5(n || '/' || i)::uuid, i, false, decode(repeat(md5(i::text), 12) || md5(n::text) || '00000000', 'hex'), now()
			FROM generate_series($2::int, $3::int - 1) AS n, generate_series(1, $4::int) AS i`,
		`INSERT INTO sync_mutation (org_id, device_id, seq, id, user_id, kind, args, device_time, outcome, code, detail, at,
			receipt, key_id)
			SELECT $1, ` + id + `, i, md5('m' || n || '/' || i)::uuid, ` + id +
			`, 'bench.touch', '', now(), 1, '', '', now(), sha512(n::text::bytea), 'bench-receipt'
			FROM generate_series($2::int, $3::int - 1) AS n, generate_series(1, $4::int) AS i`,
		`UPDATE sync_feed SET seq = $4::int, live = $4::int, bytes = 212 * $4::int
			FROM generate_series($2::int, $3::int - 1) AS n WHERE org_id = $1 AND feed = 'tech:' || ` + id,
		`UPDATE sync_device SET last_seq = $4::int FROM generate_series($2::int, $3::int - 1) AS n
			WHERE org_id = $1 AND device_id = ` + id,
	} {
		if _, err := b.owner.Exec(b.ctx, sql, benchOrg, from/growthEach, to/growthEach, growthEach); err != nil {
			return fmt.Errorf("grow: %w", err)
		}
	}
	for _, sql := range []string{`VACUUM ANALYZE sync_entry, sync_mutation, sync_feed, sync_device`, `CHECKPOINT`} {
		if _, err := b.owner.Exec(b.ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// ask lets some of all the phones push and pull in turn.
func (b *bench) ask(all int) (pushes, pulls []float64, err error) {
	h := h2c()
	defer h.CloseIdleConnections()
	var asked []*phone
	var cursors [][]byte
	for i := range growthPhones {
		c, err := client(b.server.URL, i*all/growthPhones, h)
		if err != nil {
			return nil, nil, err
		}
		p := &phone{SyncServiceClient: c, seq: growthEach}
		cursor, n, err := p.sync(b.ctx, nil)
		if err == nil && n < growthEach {
			err = fmt.Errorf("%d entries, want %d", n, growthEach)
		}
		if err != nil {
			return nil, nil, err
		}
		// What an earlier size let this phone push counts.
		res, err := p.Pull(b.ctx, connect.NewRequest(&syncv1.PullRequest{Cursor: cursor}))
		if err != nil {
			return nil, nil, err
		}
		p.seq = res.Msg.LastSequence
		asked, cursors = append(asked, p), append(cursors, cursor)
	}
	for i := range growthCalls + 100 {
		n := i % growthPhones
		begin := time.Now()
		if err := asked[n].push(b.ctx, 1); err != nil {
			return nil, nil, err
		}
		pushed := time.Now()
		var got int
		if cursors[n], got, err = asked[n].sync(b.ctx, cursors[n]); err != nil || got == 0 {
			return nil, nil, fmt.Errorf("%d entries after a push: %w", got, err)
		}
		if i >= 100 {
			pushes = append(pushes, pushed.Sub(begin).Seconds()*1000)
			pulls = append(pulls, time.Since(pushed).Seconds()*1000)
		}
	}
	return pushes, pulls, nil
}
