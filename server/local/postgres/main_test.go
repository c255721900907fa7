package postgres

import (
	"os"
	"testing"

	"github.com/doorstep-dev/doorstep/server/local/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}
