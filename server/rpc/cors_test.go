package rpc_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

const page = "https://app.example.com"

func serving(t *testing.T, origins ...string) string {
	t.Helper()
	return begin(t, auth{}, syncing{}, func(c *rpc.Config) { c.Origins = origins }).url +
		syncv1connect.SyncServicePullProcedure
}

// call returns the headers of an answer; pairs are the request's.
func call(t *testing.T, method, url string, pairs ...string) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(pairs, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.Header
}

// preflight is what a browser asks before a page of origin calls; headers are in lower case and in order.
func preflight(t *testing.T, url, origin, headers string) http.Header {
	t.Helper()
	return call(t, http.MethodOptions, url, "Origin", origin, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", headers)
}

func TestPagesOfNamedOriginsMayCall(t *testing.T) {
	t.Parallel()
	named, any, mixed, none := serving(t, page, "http://localhost:5173"), serving(t, "*"),
		serving(t, "https://App.Example.com"), serving(t)
	for _, c := range []struct{ name, url, origin, want string }{
		{"named", named, page, page},
		{"named with a port", named, "http://localhost:5173", "http://localhost:5173"},
		{"another", named, "https://evil.example.com", ""},
		{"another scheme", named, "http://app.example.com", ""},
		{"another port", named, page + ":8443", ""},
		{"a longer name", named, page + ".evil.example", ""},
		{"a sandboxed page", named, "null", ""},
		{"configured in capitals", mixed, page, page},
		{"any", any, "https://evil.example.com", "*"},
		{"nothing configured", none, page, ""},
	} {
		asked := preflight(t, c.url, c.origin, "content-type")
		if got := asked.Get("Access-Control-Allow-Origin"); got != c.want {
			t.Errorf("%s: preflight allows %q, want %q", c.name, got, c.want)
		}
		called := call(t, http.MethodPost, c.url, "Origin", c.origin)
		if got := called.Get("Access-Control-Allow-Origin"); got != c.want {
			t.Errorf("%s: call allows %q, want %q", c.name, got, c.want)
		}
		for _, h := range []http.Header{asked, called} {
			if got := h.Get("Access-Control-Allow-Credentials"); got != "" {
				t.Errorf("%s: credentials %q", c.name, got)
			}
			if c.url != none && !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: a cache may give one origin's answer to another: Vary %q", c.name, h.Values("Vary"))
			}
		}
	}
}

func TestPagesSendWhatClientsSend(t *testing.T) {
	t.Parallel()
	url := serving(t, page)
	// What connect-web and our clients send, in all protocols; long requests are compressed.
	h := preflight(t, url, page,
		"accept-language,authorization,connect-protocol-version,connect-timeout-ms,content-encoding,"+
			"content-type,grpc-timeout,x-grpc-web,x-request-id,x-user-agent")
	if h.Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "content-encoding") ||
		h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Access-Control-Max-Age") != "7200" {
		t.Errorf("refused: %v", h)
	}
	if h := preflight(t, url, page, "x-forwarded-for"); h.Get("Access-Control-Allow-Headers") != "" {
		t.Errorf("a header that no client sends: %v", h)
	}
	if h := call(t, http.MethodOptions, url, "Origin", page, "Access-Control-Request-Method",
		"DELETE"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a method that no call has: %v", h)
	}
}

func TestPagesReadWhatClientsRead(t *testing.T) {
	t.Parallel()
	h := call(t, http.MethodPost, serving(t, page), "Origin", page).Get("Access-Control-Expose-Headers")
	for _, want := range []string{
		"Retry-After", "X-Request-Id", "Grpc-Status", "Grpc-Message",
		"Grpc-Status-Details-Bin",
	} {
		if !slices.Contains(strings.Split(h, ", "), want) {
			t.Errorf("%s is not exposed: %q", want, h)
		}
	}
}
