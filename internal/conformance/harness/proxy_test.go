package harness

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestBinaryWaitsForTheFirstAnswer: a phone that stays in sync may not have been answered yet when a scenario asks.
func TestBinaryWaitsForTheFirstAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/proto")
	}))
	t.Cleanup(server.Close)
	n, err := newNetwork("127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.close)
	if err := n.target(server.URL); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() { asked <- n.do(t.Context(), Step{Network: FaultBinary, Of: "Watch"}) }()
	res, err := http.Post(n.front.URL+"/Watch", "application/proto", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	res, err = http.Post(n.front.URL+"/Watch", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := n.do(t.Context(), Step{Network: FaultBinary, Of: "Watch"}); err == nil {
		t.Fatal("JSON went unnoticed")
	}
}
