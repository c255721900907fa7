// Command doorstep-store is the object store that `doorstep demo` starts: VersityGW on a folder of plain files. It is a
// program of its own because VersityGW brings some 250 packages that production does not need, changes the working
// directory of its process, and can run only once in a process.
package main

import (
	"fmt"
	"os"

	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/objectstore"
)

func main() {
	child.Register(objectstore.ChildName, run)
	child.Main()
	fmt.Fprintln(os.Stderr, "doorstep-store is started by `doorstep demo`, and does nothing by itself.\n"+
		"In production give `doorstep serve` an S3 store of yours: DOORSTEP_S3_ENDPOINT.")
	os.Exit(2)
}
