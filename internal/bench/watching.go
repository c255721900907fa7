package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/server/app"
)

// watchingPhone is a phone of the Go client library that keeps itself in sync, with what its radio carries.
type watchingPhone struct {
	down, up *atomic.Int64
	heard    chan offline.Event
	ended    chan error
	stop     func() error
}

// arrival bounds how long a change may take to the phone before the row fails.
const arrival = 30 * time.Second

// watching lets a second device of a user in and returns when it holds all and its watch stands.
func (b *bench) watching(a *app.App, org, user uuid.UUID) (_ *watchingPhone, err error) {
	dir, err := os.MkdirTemp("", "doorstep-bench-phone-")
	if err != nil {
		return nil, err
	}
	store, err := offline.Open(b.ctx, offline.Options{Dir: dir, Now: time.Now})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	h, down, up := countedApart()
	ctx, cancel := context.WithCancel(b.ctx)
	p := &watchingPhone{down: down, up: up, heard: make(chan offline.Event, 64), ended: make(chan error, 1)}
	p.stop = func() error {
		cancel()
		err := <-p.ended
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		h.CloseIdleConnections()
		return errors.Join(err, store.Close(), os.RemoveAll(dir))
	}
	client := &offline.Client{Store: store, HTTP: h, AppVersion: "bench", DeviceName: "bench"}
	code, _, err := a.Rooms.Account.NewCode(b.ctx, org, user)
	if err == nil {
		_, err = client.Enrol(b.ctx, a.URL(), code)
	}
	if err != nil {
		p.ended <- nil
		return nil, errors.Join(err, p.stop())
	}
	go func() { p.ended <- client.Run(ctx, nil, func(e offline.Event) { p.heard <- e }) }()
	if err := p.until(func(e offline.Event) bool { return e.Connected != nil && *e.Connected }); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	_, _ = p.rest()
	return p, nil
}

// until waits for an event.
func (p *watchingPhone) until(it func(offline.Event) bool) error {
	late := time.NewTimer(arrival)
	defer late.Stop()
	for {
		select {
		case e := <-p.heard:
			if it(e) {
				return nil
			}
		case err := <-p.ended:
			p.ended <- nil
			return errors.Join(errors.New("the watching phone has ended"), err)
		case <-late.C:
			return errors.New("the watching phone heard nothing")
		}
	}
}

// rest waits until nothing has moved for a while, so that what follows a change is counted with it, and returns what
// has come down and gone up in all.
func (p *watchingPhone) rest() (down, up int64) {
	for {
		down, up = p.down.Load(), p.up.Load()
		time.Sleep(200 * time.Millisecond)
		if down == p.down.Load() && up == p.up.Load() {
			return down, up
		}
	}
}

// hears makes a change and returns what it brings to the phone and what the phone sends for it, in bytes.
func (p *watchingPhone) hears(change func() error) (down, up int64, err error) {
	downBefore, upBefore := p.rest()
	if err := change(); err != nil {
		return 0, 0, err
	}
	if err := p.until(func(e offline.Event) bool { return e.Report != nil && len(e.Report.Changed) > 0 }); err != nil {
		return 0, 0, err
	}
	down, up = p.rest()
	return down - downBefore, up - upBefore, nil
}

// countedApart is a transport that counts what comes and what goes, heads and all.
func countedApart() (h *http.Client, down, up *atomic.Int64) {
	down, up = new(atomic.Int64), new(atomic.Int64)
	h = h2c()
	h.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return apartConn{c, down, up}, err
	}
	return h, down, up
}

type apartConn struct {
	net.Conn
	down, up *atomic.Int64
}

func (c apartConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.down.Add(int64(n))
	return n, err
}

func (c apartConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.up.Add(int64(n))
	return n, err
}
