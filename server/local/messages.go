package local

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s bytes free":                "剩余 %s 字节",
	"%s ended by itself":           "%s 意外退出",
	"%s: %s MB free, %s MB needed": "%s：剩余 %s MB，需要 %s MB",
	"doorstep-store is neither in %s nor on PATH: put it there (make build builds both programs), or give " +
		"DOORSTEP_DATABASE_URL and DOORSTEP_S3_ENDPOINT": "在 %s 和 PATH 中都找不到 doorstep-store：请把它放到其中（make build " +
		"会构建两个程序），或设置 DOORSTEP_DATABASE_URL 和 DOORSTEP_S3_ENDPOINT",
	"object store, %s":        "对象存储，%s",
	"object store, bucket %s": "对象存储，存储桶 %s",
	"object store, port %s":   "对象存储，端口 %s",
})
