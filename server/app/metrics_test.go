package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/server/app"
)

func TestMetricsListenApartFromWhatIsPublic(t *testing.T) {
	t.Parallel()
	w := openTrade(t, func(c *app.Config) { c.MetricsListen = "127.0.0.1:0" })
	get := func(url string) (int, string) {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if status, _ := get(w.URL() + "/metrics"); status != http.StatusNotFound {
		t.Errorf("the public is shown the metrics: %d", status)
	}
	if status, body := get(w.MetricsURL()); status != http.StatusOK || !strings.Contains(body, "doorstep_watches") {
		t.Errorf("%d %.200s", status, body)
	}
	if status, _ := get(strings.TrimSuffix(w.MetricsURL(), "/metrics") + "/healthz"); status != http.StatusNotFound {
		t.Errorf("more than the metrics is served there: %d", status)
	}
}
