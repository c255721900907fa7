package fault

// operatorDetails are the details that operators and developers meet: settings, the embedded services, load, clients.
var operatorDetails = map[string]string{
	// the command line
	"company %s; doorstep admin org list shows them all": "公司 %s；doorstep admin org list 列出全部",
	"id %s": "编号 %s", "--store %s": "--store %s", "--at %s": "--at %s", "time zone %s": "时区 %s", "device %s": "设备 %s",
	"DOORSTEP_ADMIN_PASSWORD: the first administrator needs a password of 10 characters at least": "DOORSTEP_ADMIN_PASSWORD：首位管理员须有至少 10 个字符的密码",
	"a technician needs a region: technician:REGION":                                              "师傅须有区域：technician:区域",
	"--shards: 1 to 4096":                      "--shards：1 到 4096",
	"--kind %s: one of %s":                     "--kind %s：应为以下之一：%s",
	"--done %s: received, or 2026-11-23T09:30": "--done %s：应为 received，或 2026-11-23T09:30 这样的时间",
	"--finished-days, --auto-assign or --language: nothing else can be set": "--finished-days、--auto-assign 或 --language：至少填写一项",
	"--region: which region does it belong to?":                             "--region：属于哪个区域？", "--region: %s": "--region：%s",
	"position: --latitude and --longitude go together":                   "位置：--latitude 和 --longitude 须同时填写",
	"--mapping FILE is missing; --init-mapping prints one to begin with": "缺少 --mapping 文件；可用 --init-mapping 输出一份初稿",
	"--days: 1 to %s": "--days：1 到 %s",
	"DOORSTEP_S3_ENDPOINT is given and DOORSTEP_DATABASE_URL is not: give both or none": "填写了 DOORSTEP_S3_ENDPOINT 而没有填写 DOORSTEP_DATABASE_URL：请同时填写或都不填",
	"DOORSTEP_SECRET_FILE: make one with: doorstep admin secret FILE":                   "DOORSTEP_SECRET_FILE：请用 doorstep admin secret FILE 生成",
	"DOORSTEP_DATABASE_URL: %s": "DOORSTEP_DATABASE_URL：%s", "DOORSTEP_METRICS_LISTEN, %s": "DOORSTEP_METRICS_LISTEN，%s",
	"secret file: %s": "密钥文件：%s", "the secret file must hold at least %s bytes": "密钥文件至少 %s 字节",
	"the secret file is not the one that this database was begun with": "密钥文件不是该数据库最初使用的那一份",
	"DOORSTEP_FINISHED_DAYS, DOORSTEP_TOMBSTONE_DAYS: a day at least":  "DOORSTEP_FINISHED_DAYS、DOORSTEP_TOMBSTONE_DAYS：至少一天",
	"DOORSTEP_TRUSTED_PROXIES: %s is no network":                       "DOORSTEP_TRUSTED_PROXIES：%s 不是网段",
	"DOORSTEP_S3_ENDPOINT: photos need an object store":                "DOORSTEP_S3_ENDPOINT：照片需要对象存储",
	"no layout %s; there are %s":                                       "没有版式 %s；可用的有 %s", "%s: %s MB free, %s MB needed": "%s：剩余 %s MB，需要 %s MB",
	"life: not below zero": "有效时长不能为负", "cannot write %s: %s": "无法写入 %s：%s", "cannot read %s: %s": "无法读取 %s：%s",
	"name codes, or a shop with --units":                                "请填写码，或用 --units 指定门店",
	"the file must end in .pdf, .zpl, .png or .svg":                     "文件扩展名须为 .pdf、.zpl、.png 或 .svg",
	"a TLS certificate needs its key file, and the key its certificate": "TLS 证书和私钥文件须同时填写",
	"TLS certificate %s: %s":                                            "TLS 证书 %s：%s", "cannot listen on %s: %s": "无法监听 %s：%s",

	// the database
	"the database does not answer, or does not let this login in: check DOORSTEP_OWNER_DATABASE_URL": "数据库没有应答，或不允许该账号登录：请检查 DOORSTEP_OWNER_DATABASE_URL",
	"nothing was changed: %s": "未作任何改动：%s", "the database could not be migrated: %s": "数据库升级失败：%s",
	"the database lacks the tables of the job queue: run doorstep migrate": "数据库缺少任务队列的表：请执行 doorstep migrate",
	"database URL": "数据库地址",

	// the embedded services
	"%s ended by itself": "%s 意外退出", "object store": "对象存储", "object store, bucket %s": "对象存储，存储桶 %s", "object store, %s": "对象存储，%s",
	"object store, port %s": "对象存储，端口 %s", "%s bytes free": "剩余 %s 字节", "no free port": "没有空闲端口",
	"an account that is not root: postgres or nobody": "须有非 root 账号：postgres 或 nobody",
	"doorstep-store is neither in %s nor on PATH: put it there (make build builds both programs), or give DOORSTEP_DATABASE_URL and DOORSTEP_S3_ENDPOINT": "在 %s 和 PATH 中都找不到 doorstep-store：请把它放到其中（make build 会构建两个程序），或设置 DOORSTEP_DATABASE_URL 和 DOORSTEP_S3_ENDPOINT",
	"%s: account %s, that PostgreSQL runs as, may not enter %s": "%s：运行 PostgreSQL 的账号 %s 不能进入 %s",
	"PostgreSQL %s": "PostgreSQL %s", "PostgreSQL %s for %s/%s": "PostgreSQL %s（%s/%s）", "PostgreSQL, port %s": "PostgreSQL，端口 %s",
	"PostgreSQL, process %s": "PostgreSQL，进程 %s", "PostgreSQL, %s": "PostgreSQL，%s", "process %s does not end": "进程 %s 没有结束",
	"the demo's history does not fit the rules: %s": "示范数据不符合规则：%s",

	// load
	"%s is of the company %s: choose another file":                                                              "%s 属于公司 %s，请换一个文件",
	"%s holds %s phones; doorstep load prepare --phones makes more":                                             "%s 中有 %s 部手机；用 doorstep load prepare --phones 可以增加",
	"between 1 and %s phones, and up to 100,000 of the rest":                                                    "手机 1 到 %s 部，其余最多 100,000",
	"%s is not marked for load: the short name of such a company begins with %s; --force takes it all the same": "%s 未标记为压测：压测公司的简称以 %s 开头；用 --force 可强制使用",
	"the watch ended without a goodbye":                                                                         "长连接意外中断", "between 1 and %s phones": "手机 1 到 %s 部", "a length up to %s": "时长最多 %s",
	"a rate up to %s a second, in batches up to 500":              "每秒最多 %s，每批最多 500",
	"%s cannot be read; doorstep load prepare makes it":           "%s 无法读取；请用 doorstep load prepare 生成",
	"%s holds no phones; doorstep load prepare makes such a file": "%s 中没有手机；请用 doorstep load prepare 生成",

	// clients
	"%s of %s bytes": "%s／%s 字节", "verdict without an outcome": "处理结果缺少结论", "%s verdicts for %s mutations": "%s 个处理结果，对应 %s 项操作",
	"pages without end": "分页没有结束", "part beyond the file": "分块超出文件", "object store: %s": "对象存储：%s",
	"mutation kind %s belongs to two rooms":     "操作类型 %s 重复定义",
	"message of type %s is no protobuf message": "类型 %s 不是 protobuf 消息",
	"mutations are not consecutive at %s":       "操作序号在 %s 处不连续",
	"feed %s":                                   "数据流 %s", "pack: %s": "数据包：%s",
}
