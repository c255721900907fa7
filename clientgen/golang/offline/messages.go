package offline

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s of %s bytes":               "%s／%s 字节",
	"%s verdicts for %s mutations": "%s 个处理结果，对应 %s 项操作",
	"made by a newer app: its version is %s, this app knows %s": "由更新版本的应用创建：其版本 %s，本应用支持 %s",
	"object store: %s":           "对象存储：%s",
	"pages without end":          "分页没有结束",
	"part beyond the file":       "分块超出文件",
	"verdict without an outcome": "处理结果缺少结论",
})
