package command

import "github.com/doorstep-dev/doorstep/sync/fault"

// What this package says, in Chinese; the keys are those of fault.Textf.
var _ = fault.Translate(map[string]string{
	"--role %s: one of %s": "--role %s：可选 %s",
	"%s holds %s phones; doorstep load prepare --phones makes more": "%s 中有 %s 部手机；用 doorstep load prepare --phones 可以增加",
	"%s is of the company %s: choose another file":                  "%s 属于公司 %s，请换一个文件",
	"--days: 1 to %s":                          "--days：1 到 %s",
	"--done %s: received, or 2026-11-23T09:30": "--done %s：应为 received，或 2026-11-23T09:30 这样的时间",
	"--finished-days, --auto-assign or --language: nothing else can be set": "--finished-days、--auto-assign 或 " +
		"--language：至少填写一项",
	"--kind %s: one of %s": "--kind %s：应为以下之一：%s",
	"--mapping FILE is missing; --init-mapping prints one to begin with": "缺少 --mapping 文件；可用 --init-mapping 输出一份初稿",
	"--org: which company? doorstep admin org list shows them all":       "--org：哪家公司？doorstep admin org list 列出全部",
	"--region: %s": "--region：%s",
	"--region: which region does it belong to?": "--region：属于哪个区域？",
	"--shards: 1 to 4096":                       "--shards：1 到 4096",
	"DOORSTEP_ADMIN_PASSWORD: the first administrator needs a password of 10 characters " +
		"at least": "DOORSTEP_ADMIN_PASSWORD：首位管理员须有至少 10 个字符的密码",
	"DOORSTEP_DATABASE_URL: %s": "DOORSTEP_DATABASE_URL：%s",
	"DOORSTEP_FINISHED_DAYS, DOORSTEP_TOMBSTONE_DAYS: a day " +
		"at least": "DOORSTEP_FINISHED_DAYS、DOORSTEP_TOMBSTONE_DAYS：至少一天",
	"DOORSTEP_S3_ENDPOINT is given and DOORSTEP_DATABASE_URL is not: give both or none": "填写了 DOORSTEP_S3_ENDPOINT " +
		"而没有填写 DOORSTEP_DATABASE_URL：请同时填写或都不填",
	"DOORSTEP_SECRET_FILE: make one with: doorstep admin secret FILE": "DOORSTEP_SECRET_FILE：请用 doorstep admin secret " +
		"FILE 生成",
	"DOORSTEP_TRUSTED_PROXIES: %s is no network":         "DOORSTEP_TRUSTED_PROXIES：%s 不是网段",
	"a technician needs a region: technician:REGION":     "师傅须有区域：technician:区域",
	"company %s; doorstep admin org list shows them all": "公司 %s；doorstep admin org list 列出全部",
	"device %s": "设备 %s",
	"id %s":     "编号 %s",
	"position: --latitude and --longitude go together":                  "位置：--latitude 和 --longitude 须同时填写",
	"region, team or shop %s; doorstep admin place list shows them all": "区域、班组或门店“%s”；doorstep admin place list 列出全部",
	"secret file: %s": "密钥文件：%s",
	"several places are called %s: give the id, doorstep admin place list shows it": "有多个地点叫“%s”：请改用编号，见 doorstep admin " +
		"place list",
	"time zone %s": "时区 %s",
})
