package rpc_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAFieldThatTheMessageDoesNotHaveIsRefusedByName(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{watch: nil}, func(c *rpc.Config) {
		for p := range c.Access {
			c.Access[p] = rpc.Rule{Anonymous: true}
		}
	})
	frame := func(s string) string { return string([]byte{0, 0, 0, byte(len(s) >> 8), byte(len(s))}) + s }
	for name, c := range map[string]struct{ kind, path, body, language, says string }{
		"at the top": {
			"application/json", accountv1connect.AuthServiceLogInProcedure,
			`{"org":"a","login":"b","pasword":"c"}`, "", "(unknown field pasword, did you mean password)",
		},
		"within": {
			"application/json; charset=utf-8", syncv1connect.SyncServicePushProcedure,
			`{"mutations":[{},{"argz":""}]}`, "", "(unknown field mutations[1].argz, did you mean args)",
		},
		"in Chinese": {"application/json", accountv1connect.AuthServiceLogInProcedure, `{"firm":"a"}`, "zh", "没有字段 firm"},
		"of a stream": {
			"application/connect+json", syncv1connect.SyncServiceWatchProcedure, frame(`{"topic":["a"]}`), "",
			"(unknown field topic, did you mean topics)",
		},
		"that is a text": {
			"application/json", accountv1connect.AuthServiceLogInProcedure, `{"<b>\"":"a"}`, "",
			"(unknown field ?b??)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			req.Header.Set("Accept-Language", c.language)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if s := string(b); !strings.Contains(s, `"code":"invalid_argument"`) || !strings.Contains(s, c.says) {
				t.Errorf("%d %s", res.StatusCode, s)
			}
		})
	}
}

// A newer app's fields arrive in binary, and must not stand in its way.
func TestAFieldOfANewerAppIsTakenInBinary(t *testing.T) {
	t.Parallel()
	w := begin(t, auth{}, syncing{}, nil)
	// Fields 1 to 3, and field 1000 with the text "new".
	body := "\x0a\x04demo\x12\x02li\x1a\x0elong-password-" + "\xc2\x3e\x03new"
	res, err := http.Post(w.url+accountv1connect.AuthServiceLogInProcedure, "application/proto", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(res.Body)
		t.Errorf("%d %s", res.StatusCode, b)
	}
}

// What a caller sends, or leaves out, is the caller's: whatever it is, the answer is none of the server's failures, and
// the log holds no error that an operator would be called for.
func TestForeignBytesAreNeverTheServersFailure(t *testing.T) {
	t.Parallel()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write([]byte(`{"org":"a","login":"b","password":"c"}`))
	_ = z.Close()
	var bomb bytes.Buffer
	z = gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 64<<20))
	_ = z.Close()

	logIn, pull, watch := accountv1connect.AuthServiceLogInProcedure, syncv1connect.SyncServicePullProcedure,
		syncv1connect.SyncServiceWatchProcedure
	head := func(path string, lines ...string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	whole := func(path, kind, body string, lines ...string) string {
		return head(path, append(lines, "Content-Type: "+kind, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
	}
	get := func(query string) string {
		return "GET " + pull + "?" + query + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	}
	const chunked = "Transfer-Encoding: chunked"
	cases := map[string]string{
		"a chunk extension of a megabyte": head(logIn, "Content-Type: application/json", chunked) + "5;" +
			strings.Repeat("x", 1<<20) + "\r\n{\"a\":\r\n0\r\n\r\n",
		"no chunk": head(logIn, "Content-Type: application/proto", chunked) + "zz\r\n",
		"a chunk of 2^64 bytes": head(logIn, "Content-Type: application/proto", chunked) +
			"ffffffffffffffffff\r\n",
		"a chunk without its end": head(logIn, "Content-Type: application/json", chunked) + "2\r\n{}x\r\n0\r\n\r\n",
		"trailers without end": head(logIn, "Content-Type: application/json", chunked) + "2\r\n{}\r\n0\r\nA: " +
			strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"less than was announced": head(logIn, "Content-Type: application/json", "Content-Length: 100") + "{",
		"a length that is none":   head(logIn, "Content-Type: application/json", "Content-Length: -1") + "{}",
		"two lengths": head(logIn, "Content-Type: application/json", "Content-Length: 2",
			"Content-Length: 3") + "{}",
		"a header of a megabyte": head(logIn, "Content-Type: application/json",
			"X-A: "+strings.Repeat("x", 1<<20)) + "{}",
		"no gzip": whole(logIn, "application/json", "rubbish", "Content-Encoding: gzip"),
		"gzip that is cut off": whole(logIn, "application/json",
			gz.String()[:gz.Len()-9], "Content-Encoding: gzip"),
		"gzip with a wrong sum": whole(logIn, "application/json", gz.String()[:gz.Len()-8]+"12345678",
			"Content-Encoding: gzip"),
		"gzip that unpacks to 64 MiB": whole(logIn, "application/json", bomb.String(), "Content-Encoding: gzip"),
		"no zstd":                     whole(logIn, "application/proto", "rubbish", "Content-Encoding: zstd"),
		"zstd that is cut off": whole(logIn, "application/proto", "\x28\xb5\x2f\xfd\x04",
			"Content-Encoding: zstd"),
		"an encoding of nobody":     whole(logIn, "application/json", "{}", "Content-Encoding: br"),
		"a time limit that is none": whole(logIn, "application/json", "{}", "Connect-Timeout-Ms: soon"),
		"a time limit of ages": whole(logIn, "application/json", "{}",
			"Connect-Timeout-Ms: 99999999999999999999"),
		"a protocol of nobody":           whole(logIn, "application/json", "{}", "Connect-Protocol-Version: 9"),
		"no content type":                head(logIn, "Content-Length: 2") + "{}",
		"grpc without a frame":           whole(logIn, "application/grpc", "rubbish"),
		"grpc-web with a frame cut off":  whole(logIn, "application/grpc-web+proto", "\x00\x00\x00\x00\x09a"),
		"a frame of four gigabytes":      whole(watch, "application/connect+proto", "\x00\xff\xff\xff\xffa"),
		"a frame cut off":                whole(watch, "application/connect+proto", "\x00\x00\x00\x00\x09a"),
		"flags of nobody":                whole(watch, "application/connect+proto", "\xff\x00\x00\x00\x00"),
		"a packed frame without packing": whole(watch, "application/connect+proto", "\x01\x00\x00\x00\x01a"),
		"a packed frame of rubbish": whole(watch, "application/connect+proto", "\x01\x00\x00\x00\x01a",
			"Connect-Content-Encoding: gzip"),
		"no frame":                         whole(watch, "application/connect+proto", ""),
		"a stream with a chunk of rubbish": head(watch, "Content-Type: application/connect+proto", chunked) + "zz\r\n",
		"a query without message":          get("connect=v1&encoding=json"),
		"a query that is no base64":        get("connect=v1&encoding=proto&base64=1&message=!!!"),
		"a query packed as nobody does":    get("connect=v1&encoding=proto&base64=1&compression=br&message=AAAA"),
		"a query in a tongue of nobody":    get("connect=v1&encoding=xml&message=a"),
		"a query of rubbish, packed": get("connect=v1&encoding=json&compression=gzip&base64=1&message=" +
			url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("rubbish")))),
		"a query that is no query": get("%zz=1;a=b"),
		"bytes of no UTF-8":        whole(logIn, "application/json", "{\"org\":\"\xff\xfe\"}"),
		"a token of a megabyte": whole(logIn, "application/json", "{}",
			"Authorization: Bearer "+strings.Repeat("x", 60<<10)),
		"depth":            whole(logIn, "application/json", `{"org":`+strings.Repeat("[", 100_000)),
		"a verb of nobody": "BREW " + logIn + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	}
	log := &lockedBuffer{}
	b, err := rpc.NewBorder(rpc.Config{
		Log: slog.New(slog.NewJSONHandler(log, nil)), Metrics: prometheus.NewRegistry(), Now: time.Now,
		Authenticator: bearer{},
		Access:        rpc.Access{logIn: {Anonymous: true}, pull: {Anonymous: true}, watch: {Anonymous: true}},
		Limits:        rpc.Limits{PerAddress: rpc.Rate{PerSecond: -1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(accountv1connect.NewAuthServiceHandler(auth{}, b.Options()...))
	mux.Handle(syncv1connect.NewSyncServiceHandler(syncing{}, b.Options()...))
	srv := httptest.NewServer(b.Wrap(mux))
	t.Cleanup(srv.Close)
	for name, request := range cases {
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		// The server may answer and hang up before it has read all.
		go func() {
			_, _ = io.WriteString(c, request)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Logf("%s: hung up: %v", name, err)
			_ = c.Close()
			continue
		}
		said, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		_ = c.Close()
		if res.StatusCode >= 500 || bytes.Contains(said, []byte(`"code":"`+fault.Internal+`"`)) ||
			bytes.Contains(said, []byte(`"code":"unknown"`)) {
			t.Errorf("%s: %d %.300s", name, res.StatusCode, said)
		}
	}
	srv.Close() // waits until all is logged
	if s := log.String(); strings.Contains(s, `"level":"ERROR"`) || strings.Contains(s, "panic") {
		for line := range strings.Lines(s) {
			if strings.Contains(line, `"level":"ERROR"`) {
				t.Errorf("%.600s", line)
			}
		}
	}
}
