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
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
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
		res, err := p.Pull(ctx,
			connect.NewRequest(&syncv1.PullRequest{Cursor: cursor, MaxBytes: feed.MaxPageBytes, Packed: true}))
		if err != nil {
			return nil, 0, err
		}
		for _, f := range res.Msg.Feeds {
			n, err := unpack(f)
			if err != nil {
				return nil, 0, err
			}
			entries += n
		}
		if len(res.Msg.Cursor) > 0 {
			cursor = res.Msg.Cursor
		}
		if res.Msg.Checkpoint != nil {
			return cursor, entries, nil
		}
	}
}

// unpack takes a part apart into entries, as a phone does before it writes them down, and counts them.
func unpack(f *syncv1.FeedDelta) (int, error) {
	n := len(f.Entries)
	for _, b := range f.Packs {
		entries, err := pack.Decode(b)
		if err != nil {
			return 0, err
		}
		n += len(entries)
	}
	return n, nil
}

func (b *bench) firstSync() error {
	if err := b.forget(); err != nil {
		return err
	}
	store := &postgres.Store{Pool: b.app, Now: time.Now}
	r := rand.New(rand.NewPCG(1, 2))
	var rows []json.RawMessage
	var again func(tx *postgres.Tx) error
	size := 0
	err := store.Transact(b.ctx, benchOrg, func(tx *postgres.Tx) error {
		for range firstSyncRows {
			ticket := ticketLike(r)
			body, err := proto.Marshal(ticket)
			if err != nil {
				return err
			}
			row, err := protojson.Marshal(ticket)
			if err != nil {
				return err
			}
			again = func(tx *postgres.Tx) error {
				tx.Place(10, uuid.UUID(ticket.Id), feed.Placement{Feed: feedOf(firstSyncPhone), Body: body})
				return nil
			}
			rows, size = append(rows, row), size+len(body)
			if err := again(tx); err != nil {
				return err
			}
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
	pull := func() (float64, error) {
		wire.Store(0)
		begin := time.Now()
		_, n, err := p.sync(b.ctx, nil)
		if err == nil && n != firstSyncRows {
			err = fmt.Errorf("%d entries, want %d", n, firstSyncRows)
		}
		d := time.Since(begin).Seconds()
		took = append(took, d*1000)
		return firstSyncRows / d, err
	}
	// One entry written anew makes it another range: nothing of it is in the server's memory.
	cold := func() (float64, error) {
		if err := store.Transact(b.ctx, benchOrg, again); err != nil {
			return 0, err
		}
		return pull()
	}
	ours, theirs, err := b.pairs(cold, b.copyRows)
	if err != nil {
		return err
	}
	b.report.ratio(fmt.Sprintf("first sync, 5,000 tickets of %d bytes", size/firstSyncRows), "≥ 0.5 ×", ours, "rows/s",
		theirs, "rows/s of COPY TO of the same rows")
	b.report.spread("the same, to one phone", "≤ 80 ms", took, "ms")
	ours, theirs, err = b.pairs(pull, b.copyRows)
	if err != nil {
		return err
	}
	b.report.ratio("the same, when another phone has asked before", "", ours, "rows/s",
		theirs, "rows/s of COPY TO of the same rows")
	ours, theirs, err = b.pairs(cold, b.loadRows)
	if err != nil {
		return err
	}
	b.report.ratio("first sync, beside loading the rows", "", ours, "rows/s",
		theirs, "rows/s of COPY FROM of the same rows")
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
	b.report.add("the same, bytes on the wire", "≤ 60% of gzipped JSON",
		fmt.Sprintf("**%.0f%%**: %d KB beside %d KB", 100*float64(wire.Load())/float64(zipped.Len()), wire.Load()>>10,
			zipped.Len()>>10))
	return nil
}

const entryColumns = "kind, entity_id, seq, removed, body"

// copyRows reads the same rows with COPY, by one client, and throws them away.
func (b *bench) copyRows() (float64, error) {
	conn, err := pgx.Connect(b.ctx, b.ownerURL)
	if err != nil {
		return 0, err
	}
	defer conn.Close(b.ctx)
	begin := time.Now()
	tag, err := conn.PgConn().CopyTo(b.ctx, io.Discard, fmt.Sprintf(
		`COPY (SELECT `+entryColumns+` FROM sync_entry WHERE org_id = '%s' AND feed = '%s'
			ORDER BY seq) TO STDOUT (FORMAT binary)`,
		benchOrg, feedOf(firstSyncPhone)))
	if err != nil {
		return 0, err
	}
	return float64(tag.RowsAffected()) / time.Since(begin).Seconds(), nil
}

// loadRows writes the same rows with COPY into a table without indexes, by one client.
func (b *bench) loadRows() (float64, error) {
	conn, err := pgx.Connect(b.ctx, b.ownerURL)
	if err != nil {
		return 0, err
	}
	defer conn.Close(b.ctx)
	var rows bytes.Buffer
	if _, err := conn.PgConn().CopyTo(b.ctx, &rows, fmt.Sprintf(
		`COPY (SELECT `+entryColumns+` FROM sync_entry WHERE org_id = '%s' AND feed = '%s') TO STDOUT (FORMAT binary)`,
		benchOrg, feedOf(firstSyncPhone))); err != nil {
		return 0, err
	}
	if _, err := conn.Exec(b.ctx, `CREATE TABLE IF NOT EXISTS bench_entry AS
		SELECT `+entryColumns+` FROM sync_entry LIMIT 0`); err != nil {
		return 0, err
	}
	if _, err := conn.Exec(b.ctx, `TRUNCATE bench_entry`); err != nil {
		return 0, err
	}
	begin := time.Now()
	tag, err := conn.PgConn().CopyFrom(b.ctx, &rows, `COPY bench_entry (`+entryColumns+`) FROM STDIN (FORMAT binary)`)
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
