package rpc

import (
	"net/http"
	"slices"
)

// preflight answers a browser's question whether another origin's page may call, and sets the headers that let
// it read the answer. Tokens travel in a header, never in a cookie that a browser would add by itself to a
// foreign page's call, so credentials are not allowed.
func (b *Border) preflight(w http.ResponseWriter, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || len(b.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if !slices.Contains(b.Origins, origin) && !slices.Contains(b.Origins, "*") {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding, Accept-Language, X-Request-Id, X-User-Agent, "+
		"X-Grpc-Web, Grpc-Timeout, Connect-Protocol-Version, Connect-Timeout-Ms")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
