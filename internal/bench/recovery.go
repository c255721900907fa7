package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/process"
)

// recovery kills the server, and then PostgreSQL under it, with SIGKILL in the middle of a phone's day, and measures
// from the moment when each is back until the phone's next push is applied and its next pull goes on from its old
// cursor.
func (b *bench) recovery() error {
	if err := b.forget(); err != nil {
		return err
	}
	var server, database []float64
	for range b.rounds {
		took, err := b.killServer()
		if err != nil {
			return err
		}
		server = append(server, took)
		if took, err = b.killDatabase(); err != nil {
			return err
		}
		database = append(database, took)
	}
	for _, row := range []struct {
		what string
		took []float64
	}{{"the server killed", server}, {"PostgreSQL crashed", database}} {
		lo, mid, hi := minMedianMax(row.took)
		b.report.add(row.what+": back → a phone goes on, no reset", "≤ 1 s",
			fmt.Sprintf("**%.0f ms** (%.0f–%.0f)", mid*1000, lo*1000, hi*1000))
	}
	return nil
}

// resting is a phone that was in sync when something broke.
type resting struct {
	phone
	cursor []byte
}

func (b *bench) rest(url string, n int) (*resting, error) {
	c, err := client(url, n, h2c())
	if err != nil {
		return nil, err
	}
	r := &resting{phone: phone{SyncServiceClient: c}}
	if err := b.owner.QueryRow(b.ctx, `SELECT last_seq FROM sync_device
		WHERE org_id = $1 AND device_id = $2`, benchOrg, phoneID(n)).Scan(&r.seq); err != nil {
		return nil, err
	}
	if err := r.push(b.ctx, 1); err != nil {
		return nil, err
	}
	r.cursor, _, err = r.sync(b.ctx, nil)
	return r, err
}

// goOn repeats the phone's round until it goes through, and sees that nothing was sent anew.
func (r *resting) goOn(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	for time.Since(begin) < time.Minute {
		seq := r.seq
		if err := r.push(ctx, 1); err != nil {
			r.seq = seq // the same number again, under another id: the server never took this one in
			if ctx.Err() != nil {
				return 0, err
			}
			time.Sleep(2 * time.Millisecond) // a measurement, not a test
			continue
		}
		_, n, err := r.sync(ctx, r.cursor)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d entries came, the one that was pushed was due", n)
		}
		return time.Since(begin), err
	}
	return 0, fmt.Errorf("not back after a minute")
}

func (b *bench) killServer() (float64, error) {
	var s serving
	start := func() (*child.Process, error) {
		return child.Start(b.ctx, serverChild, b.dbURL, &s, child.Options{Stderr: os.Stderr})
	}
	p, err := start()
	if err != nil {
		return 0, err
	}
	r, err := b.rest(s.URL, 0)
	if err != nil {
		return 0, firstOf(err, p.Stop(b.ctx))
	}
	if err := process.Kill(s.PID); err != nil {
		return 0, err
	}
	<-p.Done()
	if p, err = start(); err != nil {
		return 0, err
	}
	// Another port stands for the balancer's; what the phone holds is the same.
	c, err := client(s.URL, 0, h2c())
	if err != nil {
		return 0, err
	}
	r.SyncServiceClient = c
	took, err := r.goOn(b.ctx)
	return took.Seconds(), firstOf(err, p.Stop(b.ctx))
}

// killDatabase kills a backend of the server's, upon which PostgreSQL ends all of them and recovers from its log.
func (b *bench) killDatabase() (float64, error) {
	r, err := b.rest(b.server.URL, 1)
	if err != nil {
		return 0, err
	}
	var pid int
	if err := b.owner.QueryRow(b.ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return 0, err
	}
	if err := process.Kill(pid); err != nil {
		return 0, err
	}
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		var other int
		conn, err := pgx.Connect(b.ctx, b.dbURL)
		if err == nil {
			err = conn.QueryRow(b.ctx, `SELECT count(*) FROM pg_stat_activity WHERE pid = $1`, pid).Scan(&other)
			_ = conn.Close(b.ctx)
		}
		if err == nil && other == 0 {
			break // up again, and without the one that was killed
		}
		if time.Since(begin) > time.Minute {
			return 0, fmt.Errorf("PostgreSQL is not back: %w", err)
		}
	}
	took, err := r.goOn(b.ctx)
	b.owner.Reset()
	b.app.Reset()
	return took.Seconds(), err
}
