package offline

import (
	"strings"

	"github.com/doorstep-dev/doorstep/internal/picture"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// mediaOf tells under which type a file is kept, by its first bytes: what it is called elsewhere (by a browser, a file
// manager, the ending of its name) is often wrong or missing, and the server believes the bytes. What can never be
// verified is refused when it is taken, while the picture can still be taken: FileEmpty, ProofNotPicture. The vectors
// are sync/conformance/vectors/picture.json.
func mediaOf(declared string, head []byte, otherFiles bool) (string, error) {
	if len(head) == 0 {
		return "", fault.New(fault.FileEmpty, "")
	}
	if t := picture.Sniff(head); t != "" {
		return string(t), nil
	}
	if !otherFiles || strings.HasPrefix(strings.ToLower(declared), "image/") {
		return "", fault.New(fault.ProofNotPicture, "")
	}
	if declared == "" {
		declared = "application/octet-stream"
	}
	return declared, nil
}
