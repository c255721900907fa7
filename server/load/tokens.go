package load

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Login is a device that was let in.
type Login struct {
	User    uuid.UUID `json:"user"`
	Device  uuid.UUID `json:"device"`
	Access  string    `json:"access"`
	Expires time.Time `json:"expires"`
	Refresh string    `json:"refresh,omitempty"`
}

// Phones is the file that `doorstep load prepare` writes and the other commands read. It lets its reader into
// the company as its technicians: it is a secret.
type Phones struct {
	Org    uuid.UUID `json:"org"`
	Slug   string    `json:"slug"`
	Logins []Login   `json:"logins"`
}

// Read reads a file of phones.
func Read(path string) (p Phones, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return p, fault.Wrap(err, fault.InvalidArgument, "%s cannot be read; doorstep load prepare makes it", path)
	}
	if err := json.Unmarshal(b, &p); err != nil || len(p.Logins) == 0 {
		return p, fault.Wrap(err, fault.InvalidArgument, "%s holds no phones; doorstep load prepare makes such a file", path)
	}
	return p, nil
}

// Write writes the file so that it is whole at every moment, and only its owner can read it.
func (p Phones) Write(path string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".phones-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename it is gone already
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// tokens is the interceptor that carries a phone's access token and renews it.
type tokens struct {
	url  string
	http *http.Client

	mu    sync.Mutex
	login Login
}

// renewBefore is how long before its end a token is renewed.
const renewBefore = 30 * time.Second

// current returns a token that is good for a while. refused is one that the server said is over.
func (t *tokens) current(ctx context.Context, refused string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login.Access != refused && time.Until(t.login.Expires) > renewBefore || t.login.Refresh == "" {
		return t.login.Access, nil
	}
	res, err := accountv1connect.NewAuthServiceClient(t.http, t.url).RefreshToken(ctx,
		connect.NewRequest(&accountv1.RefreshTokenRequest{Refresh: t.login.Refresh}))
	if err != nil {
		return "", offline.Refused(ctx, err)
	}
	n := res.Msg.GetTokens()
	t.login.Access, t.login.Expires, t.login.Refresh = n.GetAccess(), n.GetAccessExpires().AsTime(), n.GetRefresh()
	return t.login.Access, nil
}

// held is the login as it is now, for the file.
func (t *tokens) held() Login {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.login
}

// WrapUnary implements connect.Interceptor.
func (t *tokens) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		token, err := t.current(ctx, "")
		if err != nil {
			return nil, err
		}
		req.Header().Set("Authorization", "Bearer "+token)
		res, err := next(ctx, req)
		if err = offline.Refused(ctx, err); offline.CodeOf(err) != fault.TokenExpired {
			return res, err
		}
		if token, err = t.current(ctx, token); err != nil {
			return nil, err
		}
		req.Header().Set("Authorization", "Bearer "+token)
		res, err = next(ctx, req)
		return res, offline.Refused(ctx, err)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (t *tokens) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		// A failure to renew shows as the server's refusal of the stream.
		if token, err := t.current(ctx, ""); err == nil {
			conn.RequestHeader().Set("Authorization", "Bearer "+token)
		}
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (t *tokens) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
