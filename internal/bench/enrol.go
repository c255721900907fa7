package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// benchTeam is the feed that all phones of the shared rows follow.
var benchTeam = change.FeedID{Kind: "team", Key: uuid.MustParse("0192f0c1-0000-7000-8000-000000000002")}

// enrol makes the rows of the phones from and up to, each with a feed of its own and, if asked, the team's.
func (b *bench) enrol(from, to int, shared bool) error {
	ids := make([]uuid.UUID, 0, to-from)
	for n := from; n < to; n++ {
		ids = append(ids, phoneID(n))
	}
	team := ""
	if shared {
		team = benchTeam.String()
	}
	for _, sql := range []string{
		`INSERT INTO bench_item (org_id, id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING`,
		`INSERT INTO sync_subscription (org_id, user_id, feed) SELECT $1, u, 'tech:' || u FROM unnest($2::uuid[]) AS u
			ON CONFLICT DO NOTHING`,
		`INSERT INTO sync_feed (org_id, feed) SELECT $1, 'tech:' || u FROM unnest($2::uuid[]) AS u ON CONFLICT DO NOTHING`,
		`INSERT INTO sync_device (org_id, device_id, generation) SELECT $1, u, generation
			FROM sync_generation, unnest($2::uuid[]) AS u ON CONFLICT DO NOTHING`,
	} {
		if _, err := b.owner.Exec(b.ctx, sql, benchOrg, ids); err != nil {
			return err
		}
	}
	_, err := b.owner.Exec(b.ctx, `INSERT INTO sync_subscription (org_id, user_id, feed)
		SELECT $1, u, $3 FROM unnest($2::uuid[]) AS u WHERE $3 <> '' ON CONFLICT DO NOTHING`, benchOrg, ids, team)
	return err
}

// disperse ends what the shared rows began.
func (b *bench) disperse() error {
	_, err := b.owner.Exec(b.ctx, `DELETE FROM sync_subscription
		WHERE org_id = $1 AND feed = $2`, benchOrg, benchTeam.String())
	return err
}

// seed puts so many tickets into the feed of each of the phones, by COPY, with heads and digests as the engine
// would have left them.
func (b *bench) seed(from, to, each int) error {
	const kinds = 2000 // different bodies; ids differ for every entry
	r := rand.New(rand.NewPCG(3, 4))
	bodies := make([][]byte, min(kinds, (to-from)*each))
	for i := range bodies {
		body, err := proto.Marshal(ticketLike(r))
		if err != nil {
			return err
		}
		bodies[i] = body
	}
	var heads []head
	var h *head
	n := 0
	rows := pgx.CopyFromFunc(func() ([]any, error) {
		if n == (to-from)*each {
			return nil, nil
		}
		if n%each == 0 {
			heads = append(heads, head{feed: feedOf(from + n/each).String()})
			h = &heads[len(heads)-1]
		}
		e := change.Entity{Kind: 10, ID: randomID(r)}
		body := bodies[r.IntN(len(bodies))]
		n++
		h.seq++
		h.digest += change.DigestOf(e, h.seq)
		h.bytes += int64(len(body))
		return []any{uuid.UUID(benchOrg), h.feed, int32(e.Kind), e.ID, int64(h.seq), false, body, benchBegin}, nil
	})
	if _, err := b.owner.CopyFrom(b.ctx, pgx.Identifier{"sync_entry"},
		[]string{"org_id", "feed", "kind", "entity_id", "seq", "removed", "body", "at"}, rows); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	names, seqs, digests, sizes := make([]string, len(heads)), make([]int64, len(heads)), make([]int64, len(heads)),
		make([]int64, len(heads))
	for i, h := range heads {
		names[i], seqs[i], digests[i], sizes[i] = h.feed, int64(h.seq), int64(uint64(h.digest)), h.bytes
	}
	if _, err := b.owner.Exec(b.ctx, `UPDATE sync_feed f SET seq = w.seq, digest = w.digest, live = w.seq, bytes = w.bytes
		FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS w (feed, seq, digest, bytes)
		WHERE f.org_id = $1 AND f.feed = w.feed`, benchOrg, names, seqs, digests, sizes); err != nil {
		return err
	}
	for _, sql := range []string{`VACUUM ANALYZE sync_entry, sync_feed, sync_subscription, sync_device`, `CHECKPOINT`} {
		if _, err := b.owner.Exec(b.ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// head is a feed as seed fills it.
type head struct {
	feed   string
	seq    change.Seq
	digest change.Digest
	bytes  int64
}

func randomID(r *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}
