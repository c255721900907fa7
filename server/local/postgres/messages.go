package postgres

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"%s: account %s, that PostgreSQL runs as, may not enter %s": "%s：运行 PostgreSQL 的账号 %s 不能进入 %s",
	"PostgreSQL %s":                                   "PostgreSQL %s",
	"PostgreSQL %s for %s/%s":                         "PostgreSQL %s（%s/%s）",
	"PostgreSQL, %s":                                  "PostgreSQL，%s",
	"PostgreSQL, port %s":                             "PostgreSQL，端口 %s",
	"PostgreSQL, process %s":                          "PostgreSQL，进程 %s",
	"an account that is not root: postgres or nobody": "须有非 root 账号：postgres 或 nobody",
	"process %s does not end":                         "进程 %s 没有结束",
})
