package human

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"the short code has %s characters, not %s":   "短码应为 %s 个字符，实为 %s",
	"the short code has %s characters, not more": "短码为 %s 个字符，不能更多",
	"the short code has no character %s":         "短码中没有字符 %s",
})
