package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/local/child"
)

// connected holds n watches, each on a connection of its own, first on a bare handler and then on the server,
// and compares what each costs the serving process in resident memory.
func (b *bench) connected(n int) error {
	for _, http2 := range []bool{false, true} {
		var bareServer serving
		p, err := child.Start(b.ctx, bareChild, nil, &bareServer, child.Options{Stderr: os.Stderr})
		if err != nil {
			return err
		}
		theirs, _, _, err := b.hold(bareServer, n, http2)
		if err = firstOf(err, p.Stop(b.ctx)); err != nil {
			return err
		}
		var fresh serving // a server of its own, so that earlier rows leave no memory behind
		p, err = child.Start(b.ctx, serverChild, b.dbURL, &fresh, child.Options{Stderr: os.Stderr})
		if err != nil {
			return err
		}
		ours, alone, took, err := b.hold(fresh, n, http2)
		if err = firstOf(err, p.Stop(b.ctx)); err != nil {
			return err
		}
		name := "HTTP/1.1"
		if http2 {
			name = "h2c"
		}
		b.report.add(fmt.Sprintf("%d connected phones, %s", n, name), "≤ 1.25 × a bare handler",
			fmt.Sprintf("**%.2f ×**: %.1f KB a phone beside %.1f KB; all connected in %.1f s",
				ours/theirs, ours, theirs, took.Seconds()))
		if !http2 {
			b.report.add("server alone", "≤ 60 MB", fmt.Sprintf("**%.0f MB** resident", alone/1024))
		}
	}
	return nil
}

// hold opens n watches and returns the memory a watch in KB, the server's before, and how long opening took.
func (b *bench) hold(s serving, n int, http2 bool) (perPhone, alone float64, took time.Duration, err error) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	if alone, err = rss(s.PID); err != nil {
		return 0, 0, 0, err
	}
	request, err := watchRequest()
	if err != nil {
		return 0, 0, 0, err
	}
	begin := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	slots := make(chan struct{}, 64)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs <- open(ctx, s.URL, i%phones, request, http2)
		})
	}
	wg.Wait()
	took = time.Since(begin)
	for range n {
		if err := <-errs; err != nil {
			return 0, 0, 0, err
		}
	}
	time.Sleep(8 * time.Second) // let the collector of the other process come to rest: a measurement, not a test
	held, err := rss(s.PID)
	return (held - alone) / float64(n), alone, took, err
}

// watchRequest is an empty WatchRequest in Connect's envelope.
func watchRequest() ([]byte, error) {
	msg, err := proto.Marshal(&syncv1.WatchRequest{})
	if err != nil {
		return nil, err
	}
	b := make([]byte, 5, 5+len(msg))
	binary.BigEndian.PutUint32(b[1:], uint32(len(msg)))
	return append(b, msg...), nil
}

// open opens a watch on a connection of its own and returns when the answer's head is here; the stream stays
// until ctx ends.
func open(ctx context.Context, url string, n int, request []byte, http2 bool) error {
	auth, err := bearer(n)
	if err != nil {
		return err
	}
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetUnencryptedHTTP2(http2)
	t := &http.Transport{Protocols: p}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/doorstep.sync.v1.SyncService/Watch",
		bytes.NewReader(request))
	if err != nil {
		return err
	}
	req.Header = http.Header{
		"Content-Type": {"application/connect+proto"}, "Authorization": {auth},
		"Connect-Protocol-Version": {"1"},
	}
	res, err := t.RoundTrip(req)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return fmt.Errorf("watch: %s %s", res.Status, text)
	}
	context.AfterFunc(ctx, func() { _ = res.Body.Close() })
	return nil
}

// rss is the resident memory of a process in KB.
func rss(pid int) (float64, error) { return processMemory(pid, "VmRSS:") }

// processMemory is a number of KB that the kernel keeps of a process, for example VmHWM, the most it ever held.
func processMemory(pid int, name string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			var kb float64
			_, err := fmt.Sscanf(rest, "%f kB", &kb)
			return kb, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, name)
}
