package offline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// smallFile is the size in bytes up to which a file goes before the larger ones.
const smallFile = 256 << 10

// Uploads is how an application's server takes files.
type Uploads interface {
	// Start returns the requests for the bytes that the object store lacks, none when all are there. Calling it
	// again resumes. bytes are the size bytes of the file, for a server that wants to sign their hashes.
	Start(ctx context.Context, file uuid.UUID, bytes io.ReaderAt, size int64) ([]Part, error)
	// Finish has the server verify the bytes. It may be repeated.
	Finish(ctx context.Context, file uuid.UUID) (Finished, error)
}

// Part is one request to the object store that only these bytes satisfy.
type Part struct {
	Method, URL    string
	Header         http.Header
	Offset, Length int64
}

// Finished is the server's lasting answer about a file.
type Finished struct {
	// Answer is kept with the file: the receipt.
	Answer []byte
	// Refusal is a code when the bytes are not acceptable; empty when they were verified.
	Refusal string
}

// errAside ends uploading for a moment: a person has done something meanwhile, which is small and goes first.
var errAside = errors.New("offline: something was done that goes first")

// upload sends the bytes of the files whose mutation the server has, but for those tried before. One that fails does
// not hold up the next, unless the network is gone. moved tells that the server may have something new, aside that what
// was done meanwhile is to be pushed before the rest.
func (c *Client) upload(ctx context.Context, r *Report, tried map[uuid.UUID]bool) (moved, aside bool, err error) {
	if c.Uploads == nil {
		return false, false, nil
	}
	files, err := c.Store.Files(ctx)
	if err != nil {
		return false, false, err
	}
	for _, f := range files {
		if f.State != FileWaiting && f.State != FileHeld || tried[f.ID] {
			continue
		}
		a, err := c.Store.Action(ctx, f.Mutation)
		if err != nil {
			return moved, false, err
		}
		if a.Waits {
			continue
		}
		if err = c.first(ctx); err == nil {
			err = c.send(ctx, r, &f)
		}
		tried[f.ID] = !errors.Is(err, errAside)
		switch code := CodeOf(err); {
		case errors.Is(err, errAside):
			return moved, true, nil
		case err == nil:
			moved = true
			if f.State == FileDone {
				r.Uploaded++
			} else {
				r.Refused = append(r.Refused, f)
			}
		case ctx.Err() != nil || code == fault.NoNetwork || code == fault.DeviceRevoked || code == fault.TokenExpired ||
			code == fault.RefreshInvalid:
			return moved, false, err
		default:
			// The bytes stay here and are offered again; a person sees why.
			f.Code = string(code)
			refused := a.Verdict.Outcome == syncv1.Outcome_OUTCOME_REJECTED || a.Verdict.Outcome == syncv1.Outcome_OUTCOME_PARKED
			if f.State = FileWaiting; refused || code == fault.FileGone {
				f.State = FileHeld
			}
			if code == fault.ProofVerifying {
				f.Sent = f.Size
				r.Verifying++
				moved = true // the server has noted that they are there
			} else if r.Trouble == nil {
				r.Trouble = err
			}
			if err := c.Store.setFile(ctx, f); err != nil {
				return moved, false, err
			}
		}
	}
	return moved, false, nil
}

// first is errAside when something waits to be pushed. A file of a hundred megabytes on one bar of signal must not hold
// up the word that the job is done.
func (c *Client) first(ctx context.Context) error {
	waits, err := c.Store.waits(ctx)
	if err == nil && waits {
		err = errAside
	}
	return err
}

// maxStarts is how often one try asks for requests again: signed requests expire.
const maxStarts = 3

// send sends what the object store lacks of one file, and has it verified.
func (c *Client) send(ctx context.Context, r *Report, f *File) error {
	for range maxStarts {
		parts, err := c.start(ctx, f)
		if err != nil {
			return err
		}
		missing := int64(0)
		for _, p := range parts {
			missing += p.Length
		}
		f.Sent = f.Size - missing
		if len(parts) == 0 {
			return c.finish(ctx, f)
		}
		c.moved(FileProgress{File: *f})
		refused := false
		for _, p := range parts {
			pushed := r.Pushed
			if refused, err = c.put(ctx, r, f, p); err != nil {
				return err
			}
			if refused {
				break // ask for fresh requests
			}
			f.Sent += p.Length
			c.moved(FileProgress{File: *f})
			if err := c.Store.setFile(ctx, *f); err != nil {
				return err
			}
			if err := c.first(ctx); err != nil {
				return err
			}
			if r.Pushed > pushed {
				return errAside // what went beside the part has its verdict; the rest of a round belongs to it, too
			}
		}
		if !refused {
			return c.finish(ctx, f)
		}
	}
	return fault.New(fault.UploadRefused, "")
}

func (c *Client) start(ctx context.Context, f *File) ([]Part, error) {
	file, err := c.Store.openWhole(f.ID, f.Size)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	call, cancel := c.within(ctx)
	defer cancel()
	return c.Uploads.Start(call, f.ID, file, f.Size)
}

// FileProgress is how far one file is; File.Sent of its File.Size bytes have gone out.
type FileProgress struct {
	File
	// Verifying: all bytes are at the server, which is looking at them now.
	Verifying bool
}

func (c *Client) moved(p FileProgress) {
	if c.Moving == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	c.Moving(p)
}

// finishTime bounds a call that has a file verified. The server answers long before, if only that it needs more time.
const finishTime = 3 * time.Minute

func (c *Client) finish(ctx context.Context, f *File) error {
	c.moved(FileProgress{File: *f, Verifying: true})
	call, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	done, err := c.Uploads.Finish(call, f.ID)
	if err != nil {
		return err
	}
	f.State, f.Code, f.Answer, f.Sent = FileDone, done.Refusal, done.Answer, f.Size
	if done.Refusal != "" {
		f.State = FileRefused
	}
	return c.Store.setFile(ctx, *f)
}

// moving are the bytes of a part on their way. A part may take as long as it needs, but not stand still: stalled ends
// its request when no byte was taken for the limit, or the answer does not come within twice that: what the system has
// buffered must go out first.
type moving struct {
	from    io.Reader
	limit   time.Duration
	stalled *time.Timer
	// lost is why the file could not be read.
	lost atomic.Pointer[error]
	// tell hears how many bytes of the part were taken, every tellEvery bytes.
	tell        func(taken int64)
	taken, told int64
}

// tellEvery is after how many bytes it is told how far a file is: some seconds on one bar of signal.
const tellEvery = 64 << 10

func (m *moving) Read(b []byte) (int, error) {
	m.stalled.Reset(m.limit)
	n, err := m.from.Read(b)
	if m.taken += int64(n); m.taken-m.told >= tellEvery {
		m.told = m.taken
		m.tell(m.taken)
	}
	switch {
	case errors.Is(err, io.EOF):
		m.stalled.Reset(2 * m.limit)
	case err != nil:
		m.lost.Store(&err)
	}
	return n, err
}

// beside does the request of a part, and pushes what is done until its answer begins. What a push fails with is for the
// round after the part, which pushes again.
func (c *Client) beside(ctx context.Context, r *Report, req *http.Request) (res *http.Response, err error) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		res, err = c.httpClient().Do(req) //nolint:bodyclose // put closes it
	}()
	for {
		stirred := c.Store.stirred()
		if errors.Is(c.first(ctx), errAside) {
			_ = c.push(ctx, r)
		}
		select {
		case <-answered:
			return res, err
		case <-stirred:
		}
	}
}

// put sends one part, and pushes beside it what is done meanwhile: on one bar of signal a part takes minutes, and one
// that is cut off for every word would never arrive. refused: the store was reached and does not take this request.
func (c *Client) put(ctx context.Context, r *Report, f *File, p Part) (refused bool, err error) {
	file, err := c.Store.openWhole(f.ID, f.Size)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if p.Offset < 0 || p.Length < 0 || p.Offset+p.Length > f.Size {
		return false, fault.New(fault.UploadRefused, "part beyond the file")
	}
	call, cancel := context.WithCancel(ctx)
	defer cancel()
	bytes := &moving{from: io.NewSectionReader(file, p.Offset, p.Length), limit: c.limit()}
	bytes.tell = func(taken int64) {
		now := *f
		now.Sent += taken
		c.moved(FileProgress{File: now})
	}
	bytes.stalled = time.AfterFunc(bytes.limit, cancel)
	defer bytes.stalled.Stop()
	req, err := http.NewRequestWithContext(call, p.Method, p.URL, bytes)
	if err != nil {
		return false, fault.Wrap(err, fault.UploadRefused, "")
	}
	for name, values := range p.Header {
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = values[0]
			continue
		}
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.ContentLength = p.Length
	res, err := c.beside(ctx, r, req)
	if err != nil {
		if lost := bytes.lost.Load(); lost != nil {
			return false, fault.Wrap(*lost, fault.FileGone, "")
		}
		return false, Refused(ctx, err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return false, Refused(ctx, err)
	}
	switch {
	case res.StatusCode < 300:
		return false, nil
	case res.StatusCode >= 500:
		return false, fault.Wrap(fmt.Errorf("object store: %s", res.Status), fault.NoNetwork, "")
	}
	return true, nil
}
