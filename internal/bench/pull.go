package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"

	"github.com/jackc/pgx/v5"
)

const firstSyncRows = 5000

// firstSyncPhone has rows to fetch and pushes nothing.
const firstSyncPhone = phones - 1

// counted is a transport that counts bytes on the wire, heads and all.
func counted() (*http.Client, *atomic.Int64) {
	var n atomic.Int64
	h := h2c()
	h.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return countedConn{c, &n}, err
	}
	return h, &n
}

type countedConn struct {
	net.Conn
	n *atomic.Int64
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// sync pulls from nothing (or from cursor) to a checkpoint and returns the cursor and the number of entries.
func (p *phone) sync(ctx context.Context, cursor []byte) ([]byte, int, error) {
	entries := 0
	for {
		res, err := p.Pull(ctx, connect.NewRequest(&syncv1.PullRequest{Cursor: cursor, MaxBytes: feed.MaxPageBytes}))
		if err != nil {
			return nil, 0, err
		}
		for _, f := range res.Msg.Feeds {
			entries += len(f.Entries)
		}
		if len(res.Msg.Cursor) > 0 {
			cursor = res.Msg.Cursor
		}
		if res.Msg.Checkpoint != nil {
			return cursor, entries, nil
		}
	}
}

// ticketLike is a kilobyte that compresses as real tickets do: words, numbers, ids.
func ticketLike(r *rand.Rand) []byte {
	words := []string{"热水器", "安装", "朝阳区", "望京街道", "water heater", "wall mount", "2026-11-23T09:30:00Z", "138****0001", "备件", "warranty"}
	var b bytes.Buffer
	for b.Len() < 1000 {
		fmt.Fprintf(&b, "%s %x ", words[r.IntN(len(words))], r.Uint64())
	}
	return b.Bytes()[:1000]
}

func (b *bench) firstSync() error {
	if err := b.forget(); err != nil {
		return err
	}
	store := &postgres.Store{Pool: b.app, Now: time.Now}
	r := rand.New(rand.NewPCG(1, 2))
	var rows []map[string]any
	err := store.Transact(b.ctx, benchOrg, func(tx *postgres.Tx) error {
		for range firstSyncRows {
			id, text := uuid.Must(uuid.NewV7()), ticketLike(r)
			tx.Place(1, id, feed.Placement{Feed: feedOf(firstSyncPhone), Body: text})
			rows = append(rows, map[string]any{"kind": 1, "id": id, "sequence": len(rows) + 1, "body": string(text)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	h, wire := counted()
	defer h.CloseIdleConnections()
	c, err := client(b.server.URL, firstSyncPhone, h)
	if err != nil {
		return err
	}
	p := &phone{SyncServiceClient: c}
	var took []float64
	ours, theirs, err := b.pairs(func() (float64, error) {
		wire.Store(0)
		begin := time.Now()
		_, n, err := p.sync(b.ctx, nil)
		if err == nil && n != firstSyncRows {
			err = fmt.Errorf("%d entries, want %d", n, firstSyncRows)
		}
		d := time.Since(begin).Seconds()
		took = append(took, d*1000)
		return firstSyncRows / d, err
	}, b.copyRows)
	if err != nil {
		return err
	}
	b.report.ratio("first sync, 5,000 entries of 1 KB", "≥ 0.5 ×", ours, "rows/s", theirs, "rows/s of COPY of the same rows")
	b.report.spread("first sync, 5,000 entries of 1 KB to one phone", "≤ 80 ms", took, "ms")
	plain, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(plain); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	b.report.add("first sync, bytes on the wire", "≤ 60% of gzipped JSON",
		fmt.Sprintf("**%.0f%%**: %d KB beside %d KB", 100*float64(wire.Load())/float64(zipped.Len()), wire.Load()>>10, zipped.Len()>>10))
	return nil
}

// copyRows reads the same rows with COPY, by one client, and throws them away.
func (b *bench) copyRows() (float64, error) {
	conn, err := pgx.Connect(b.ctx, b.dbURL)
	if err != nil {
		return 0, err
	}
	defer conn.Close(b.ctx)
	begin := time.Now()
	tag, err := conn.PgConn().CopyTo(b.ctx, io.Discard, fmt.Sprintf(
		`COPY (SELECT kind, entity_id, seq, removed, body FROM sync_entry WHERE org_id = '%s' AND feed = '%s' ORDER BY seq) TO STDOUT (FORMAT binary)`,
		benchOrg, feedOf(firstSyncPhone)))
	if err != nil {
		return 0, err
	}
	return float64(tag.RowsAffected()) / time.Since(begin).Seconds(), nil
}

func (b *bench) noop() error {
	h, wire := counted()
	defer h.CloseIdleConnections()
	c, err := client(b.server.URL, firstSyncPhone, h)
	if err != nil {
		return err
	}
	p := &phone{SyncServiceClient: c}
	cursor, _, err := p.sync(b.ctx, nil)
	if err != nil {
		return err
	}
	var took []float64
	for i := range 1100 {
		if i == 100 {
			wire.Store(0)
		}
		begin := time.Now()
		if _, _, err := p.sync(b.ctx, cursor); err != nil {
			return err
		}
		if i >= 100 {
			took = append(took, time.Since(begin).Seconds()*1000)
		}
	}
	b.report.spread("no-op sync, one round trip", "cost independent of data", took, "ms")
	b.report.add("no-op sync, bytes both ways with heads", "≤ 200 bytes", fmt.Sprintf("**%d bytes**", wire.Load()/1000))
	return nil
}
