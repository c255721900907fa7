package app

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"DOORSTEP_METRICS_LISTEN, %s":                       "DOORSTEP_METRICS_LISTEN，%s",
	"DOORSTEP_S3_ENDPOINT: photos need an object store": "DOORSTEP_S3_ENDPOINT：照片需要对象存储",
	"mutation kind %s belongs to two rooms":             "操作类型 %s 重复定义",
	"nothing was changed: %s":                           "未作任何改动：%s",
	"the database could not be migrated: %s":            "数据库升级失败：%s",
	"the database does not answer, or does not let this login in: check " +
		"DOORSTEP_OWNER_DATABASE_URL": "数据库没有应答，或不允许该账号登录：请检查 DOORSTEP_OWNER_DATABASE_URL",
	"the database lacks the tables of the job queue: run doorstep migrate": "数据库缺少任务队列的表：请执行 doorstep migrate",
})
