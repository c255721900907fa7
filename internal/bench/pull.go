package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
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
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
	typesv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/types/v1"
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
		res, err := p.Pull(ctx, connect.NewRequest(&syncv1.PullRequest{Cursor: cursor, MaxBytes: feed.MaxPageBytes, Packed: true}))
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

// ticketLike is a ticket of about a kilobyte as an office would write it, different each time.
func ticketLike(r *rand.Rand) *fieldv1.Ticket {
	products := []string{"燃气热水器 16L 恒温", "智能马桶一体机 即热", "指纹锁 全自动", "嵌入式洗碗机 13套", "净水器 RO反渗透 800G"}
	streets := []string{"朝阳区望京街道阜通东大街", "海淀区中关村街道知春路", "浦东新区陆家嘴街道世纪大道", "天河区石牌街道体育西路"}
	steps := []string{"现场通电正常，墙体为空心砖，已加固。", "客户要求下午两点以后上门，电话提前联系。", "旧机已拆除，水路老化，建议更换三角阀。", "Customer asks for a call before arrival."}
	at := func() *timestamppb.Timestamp {
		return timestamppb.New(benchBegin.Add(time.Duration(r.IntN(20_000_000)) * time.Second))
	}
	id := func() []byte {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(0x0192f0c1_00007000)+r.Uint64N(1<<20))
		binary.BigEndian.PutUint64(b[8:], r.Uint64())
		return b[:]
	}
	t := &fieldv1.Ticket{
		Id: id(), Number: fmt.Sprintf("T-2611%02d%06d", r.IntN(30), r.IntN(1_000_000)), State: fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency_URGENCY_NORMAL,
		Customer: &fieldv1.Customer{
			Id: id(), Name: "王女士", Phone: fmt.Sprintf("1380013%04d", r.IntN(10_000)),
			Address:  fmt.Sprintf("%s%d号院%d号楼%d单元%d", streets[r.IntN(4)], r.IntN(90)+1, r.IntN(20)+1, r.IntN(6)+1, r.IntN(2800)+101),
			Position: &typesv1.Position{Latitude: 39 + r.Float64(), Longitude: 116 + r.Float64()},
		},
		ProductId: id(), ProductName: products[r.IntN(5)], Model: fmt.Sprintf("JSQ30-%d", r.IntN(90)+10), Serial: fmt.Sprintf("SN26%09d", r.IntN(1e9)),
		PurchasedAt: at(), WarrantyUntil: at(), ShopName: "旗舰店（国贸）", TemplateId: id(), ClassId: id(), Due: at(), ChangedAt: at(),
		Wanted: &typesv1.Window{Earliest: at(), Latest: at()}, Arrival: &typesv1.Window{Earliest: at(), Latest: at()},
		AssignmentReason: &typesv1.Label{Zh: fmt.Sprintf("距离 %.1f 公里，技能相符，今日 %d 单", r.Float64()*20, r.IntN(6)), En: fmt.Sprintf("%.1f km away, skills fit, %d jobs today", r.Float64()*20, r.IntN(6))},
		OrderNumber:      fmt.Sprintf("JD%d", r.Uint64N(1e12)),
	}
	for range 3 {
		t.Notes = append(t.Notes, &fieldv1.Note{Id: id(), Text: steps[r.IntN(4)], Author: "调度", DeviceTime: at()})
		t.History = append(t.History, &fieldv1.HistoryItem{Number: fmt.Sprintf("T-2510%08d", r.IntN(1e8)), State: 6, At: at(), Summary: steps[r.IntN(4)]})
	}
	return t
}

func (b *bench) firstSync() error {
	if err := b.forget(); err != nil {
		return err
	}
	store := &postgres.Store{Pool: b.app, Now: time.Now}
	r := rand.New(rand.NewPCG(1, 2))
	var rows []json.RawMessage
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
			tx.Place(10, uuid.UUID(ticket.Id), feed.Placement{Feed: feedOf(firstSyncPhone), Body: body})
			rows, size = append(rows, row), size+len(body)
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
	b.report.ratio(fmt.Sprintf("first sync, 5,000 tickets of %d bytes", size/firstSyncRows), "≥ 0.5 ×", ours, "rows/s", theirs, "rows/s of COPY of the same rows")
	b.report.spread("the same, to one phone", "≤ 80 ms", took, "ms")
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
