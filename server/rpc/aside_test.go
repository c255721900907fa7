package rpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/server/rpc"
)

func TestAsideGivesValueErrorAndPanicToItsCaller(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if v, err := rpc.Aside(func() (int, error) { return 7, broken }); v != 7 || !errors.Is(err, broken) {
		t.Error(v, err)
	}
	defer func() {
		if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "boom\n") {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = rpc.Aside(func() (int, error) { panic("boom") })
	t.Error("no panic")
}
