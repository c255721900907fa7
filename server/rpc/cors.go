package rpc

import (
	"net/http"

	connectcors "connectrpc.com/cors"
	"github.com/rs/cors"
)

// preflightAge is how long, in seconds, a browser may keep the answer to a preflight: Chromium keeps none longer.
const preflightAge = 7200

// newCORS lets the pages of other origins call; nil without origins, and then no page but our own may. Tokens travel in
// a header, never in a cookie that a browser would add by itself to a foreign page's call, so credentials are not
// allowed.
func newCORS(origins []string) *cors.Cors {
	if len(origins) == 0 {
		return nil // to the library, no origin means all of them
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(),
			"Authorization", "Content-Encoding", "Accept-Language", "X-Request-Id"),
		ExposedHeaders: append(connectcors.ExposedHeaders(), "Retry-After", "X-Request-Id"),
		MaxAge:         preflightAge,
	})
}

// crossOrigin sets the headers that let a page of another origin read the answer. A preflight it answers itself, and
// returns true.
func (b *Border) crossOrigin(w http.ResponseWriter, r *http.Request) (done bool) {
	if b.cors == nil {
		return false
	}
	b.cors.HandlerFunc(w, r)
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
