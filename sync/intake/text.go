package intake

import (
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Readable is change.Readable. A mutator returns the error, so that the person hears what is wrong.
func Readable(args proto.Message) error { return change.Readable(args) }
