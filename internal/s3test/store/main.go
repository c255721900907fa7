// Command store is the object store's process for tests. Package s3test builds it once, so that the many test
// binaries need not link VersityGW each.
package main

import (
	"fmt"
	"os"

	"github.com/doorstep-dev/doorstep/server/local/child"
	_ "github.com/doorstep-dev/doorstep/server/local/versity" // registers the store
)

func main() {
	child.Main()
	fmt.Fprintln(os.Stderr, "store is started by package s3test only")
	os.Exit(2)
}
