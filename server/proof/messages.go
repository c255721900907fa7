package proof

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"part %s of %s":                "第 %s 部分，共 %s 部分",
	"part_sha256: %s for %s parts": "part_sha256：给出 %s 个，应为 %s 个",
	"the object store's endpoint":  "对象存储的地址",
	"image: %s":                    "image：%s",
})
