package offline

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Client brings a store and a server together.
type Client struct {
	Store *Store
	// HTTP does all calls; one that notices dead connections when nil. It must have no timeout of its own, for a
	// watch is one long call.
	HTTP *http.Client
	// Uploads moves files; nil leaves them waiting.
	Uploads Uploads
	// AppVersion and DeviceName are what the office reads in its list of devices.
	AppVersion, DeviceName string
	// CallTimeout bounds one call, and how long the bytes of a file may stand still; 30 s when 0.
	CallTimeout time.Duration
	// PageBytes is what a pull asks for at once; 0 leaves it to the server.
	PageBytes uint32
	// Progress, if not nil, hears after each page how far the first download is. Store.Progress tells the same.
	Progress func(Progress)
	// Moving, if not nil, hears how far a file is: when its turn comes, again and again while it is sent, and when the
	// server begins to verify it. It is called by one goroutine at a time and must not call the Client.
	Moving func(FileProgress)
	// Rand gives numbers from 0 to 1 for the jitter of waits; math/rand when nil.
	Rand func() float64
	// Sleep waits; it returns early with an error when ctx ends. A timer when nil.
	Sleep func(ctx context.Context, d time.Duration) error

	syncing    turn       // one round at a time
	refreshing turn       // one refresh at a time
	telling    sync.Mutex // one call of Moving at a time
	// believed is an access token that was fresh when the device's clock said that it had run out: the clock is wrong.
	believed atomic.Pointer[string]
	// offering: a next round for files that had trouble is planned.
	offering atomic.Bool
}

func (c *Client) httpClient() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return usual
}

// usual asks a silent HTTP/2 connection whether it lives. All calls share that connection: behind a network that
// went away without a word they would all wait on it, call after call, until the system gives it up after minutes.
// A standing watch is never silent that long, so that asking costs a radio nothing.
var usual = func() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 35 * time.Second, PingTimeout: 10 * time.Second}
	return &http.Client{Transport: t}
}()

// Options are for the Connect clients of other services on the same server: they carry the device's access
// token, renew it when needed, and turn the server's errors into *Refusal.
func (c *Client) Options() []connect.ClientOption {
	return []connect.ClientOption{
		connect.WithInterceptors(&bearer{c}), connect.WithSendGzip(), connect.WithCompressMinBytes(1 << 10), acceptZstd(),
		connect.WithReadMaxBytes(16 << 20),
	}
}

// Dial returns the HTTP client and the address of the server for the Connect clients of other services.
func (c *Client) Dial(ctx context.Context) (connect.HTTPClient, string, error) {
	d, err := c.Store.Device(ctx)
	if err == nil && !d.Enrolled() {
		err = fault.New(fault.NotEnrolled, "")
	}
	return c.httpClient(), d.Server, err
}

func (c *Client) sync(ctx context.Context) (syncv1connect.SyncServiceClient, error) {
	h, server, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return syncv1connect.NewSyncServiceClient(h, server, c.Options()...), nil
}

// watching is for the watch: a stream that was opened with gzip would be answered with gzip, whatever else is accepted.
func (c *Client) watching(ctx context.Context) (syncv1connect.SyncServiceClient, error) {
	h, server, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return syncv1connect.NewSyncServiceClient(h, server, append(c.Options(), connect.WithSendCompression("identity"))...),
		nil
}

// within gives a call its time limit.
func (c *Client) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.limit())
}

func (c *Client) limit() time.Duration {
	if c.CallTimeout <= 0 {
		return 30 * time.Second
	}
	return c.CallTimeout
}

// Enrol makes this store the device of whom the code belongs to. Unsent work of the same person goes on under
// the new identity; that of another person refuses with UnsentWork. So does what can be read of a store that was set
// aside as damaged.
func (c *Client) Enrol(ctx context.Context, server, code string) (Device, error) {
	end, err := c.syncing.take(ctx, c.Store, turnSync, nil)
	if err != nil {
		return Device{}, err
	}
	defer end()
	call, cancel := c.within(ctx)
	defer cancel()
	res, err := accountv1connect.NewAuthServiceClient(c.httpClient(), server).EnrolDevice(call,
		connect.NewRequest(&accountv1.EnrolDeviceRequest{Code: code, DeviceName: c.DeviceName, AppVersion: c.AppVersion}))
	if err != nil {
		return Device{}, Refused(ctx, err)
	}
	if err := c.Store.enrolled(ctx, server, res.Msg); err != nil {
		return Device{}, err
	}
	if err := c.Store.takeOver(ctx); err != nil {
		return Device{}, err
	}
	return c.Store.Device(ctx)
}

// refresh renews the tokens unless somebody has done so since the access token used was read, or the device has
// enrolled anew. The new pair is on disk before it is used; when the answer is lost, the old refresh token still works.
func (c *Client) refresh(ctx context.Context, used string) (*accountv1.Tokens, error) {
	end, err := c.refreshing.take(ctx, c.Store, turnRefresh, nil)
	if err != nil {
		return nil, err
	}
	defer end()
	now, err := c.Store.tokens(ctx)
	if err != nil || now.GetAccess() != used {
		return now, err
	}
	h, server, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	word, err := c.Store.attempt(ctx, now)
	if err != nil {
		return nil, err
	}
	call, cancel := c.within(ctx) // a watch has no limit of its own, and all other calls wait for this one
	defer cancel()
	res, err := accountv1connect.NewAuthServiceClient(h, server).RefreshToken(call,
		connect.NewRequest(&accountv1.RefreshTokenRequest{Refresh: now.GetRefresh(), Attempt: word}))
	if err != nil {
		err = Refused(ctx, err)
		if code := CodeOf(err); code == fault.RefreshInvalid {
			return nil, errors.Join(err, c.Store.endLogin(ctx, now, code))
		}
		return nil, err
	}
	next, err := c.Store.renewed(ctx, now, proto.CloneOf(res.Msg.Tokens))
	if err == nil && c.runsOut(next) {
		c.believed.Store(&next.Access)
	}
	return next, err
}

// runsOut tells whether an access token is at its end by the device's clock.
func (c *Client) runsOut(t *accountv1.Tokens) bool {
	return t.GetAccessExpires().AsTime().Sub(c.Store.Now()) < renewBefore
}

// bearer is the interceptor that carries the access token.
type bearer struct{ c *Client }

// renewBefore is how long before its end an access token is renewed, by the device's clock. A wrong clock costs
// one call more for each token: one that is fast renews it once for nothing, with one that is slow the server says
// token_expired and the call is repeated.
const renewBefore = 30 * time.Second

func (b *bearer) token(ctx context.Context) (string, error) {
	t, err := b.c.Store.tokens(ctx)
	if err != nil {
		return "", err
	}
	fresh := b.c.believed.Load()
	if t.GetAccess() != "" && b.c.runsOut(t) && (fresh == nil || *fresh != t.GetAccess()) {
		// Not reached or refused: the old token says it better.
		if next, err := b.c.refresh(ctx, t.GetAccess()); err == nil {
			t = next
		} else if CodeOf(err) == fault.RefreshInvalid {
			return "", err
		}
	}
	return t.GetAccess(), nil
}

// WrapUnary implements connect.Interceptor.
func (b *bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		token, err := b.token(ctx)
		if err != nil {
			return nil, err
		}
		req.Header().Set("Authorization", "Bearer "+token)
		res, err := next(ctx, req)
		if err = Refused(ctx, err); CodeOf(err) != fault.TokenExpired {
			return res, err
		}
		renewed, err := b.c.refresh(ctx, token)
		if err != nil {
			return nil, err
		}
		req.Header().Set("Authorization", "Bearer "+renewed.GetAccess())
		res, err = next(ctx, req)
		return res, Refused(ctx, err)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (b *bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		// A failure to renew shows as the server's refusal of the stream.
		if token, err := b.token(ctx); err == nil {
			conn.RequestHeader().Set("Authorization", "Bearer "+token)
		}
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (b *bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
