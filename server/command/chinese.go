package command

import "github.com/doorstep-dev/doorstep/internal/help"

// chinese is the help in Chinese. TestEveryHelpIsSaidInChinese finds what it lacks.
var chinese = help.Texts{Helps: chineseHelps, Details: chineseDetails}

var chineseHelps = map[string]string{
	"Doorstep (上门) serves companies that send people to customers' doors. Begin with: " +
		"doorstep demo": "Doorstep（上门）：上门服务公司的后台。先试试：doorstep demo",
	"Say also what lies behind an error.": "出错时同时显示底层原因。",
	"Print the version.":                  "显示版本。",
	"What to work on:":                    "数据与存储：",
	"Serving:":                            "对外服务：",
	"Keeping:":                            "保留期限：",

	// commands
	"Run an invented company on this machine and look around.":     "在本机运行一家示范公司，随便看看。",
	"Serve phones and the office.":                                 "启动服务，供手机和后台使用。",
	"Bring the database to this program's schema.":                 "把数据库升级到本程序的结构。",
	"Forget all data of the embedded services in the data folder.": "清除数据目录中内嵌服务的全部数据。",
	"Take orders in from a CSV or XLSX file.":                      "从 CSV 或 XLSX 文件导入订单。",
	"Make, print, revoke and look up codes.":                       "生成、打印、作废和查询二维码。",
	"A technician's or clerk's phone in the terminal; see doorstep phone --help.": "终端里的师傅或店员手机，见 doorstep " +
		"phone --help。",
	"Put a running server under load with many phones; see doorstep load --help.": "用大量手机对服务做压力测试，见 doorstep " +
		"load --help。",
	"Set up companies, people and devices; take devices out of service.":             "管理公司、人员和设备。",
	"Make codes for units, shops or tickets, and print their links and short codes.": "为产品、门店或工单生成码，并显示链接和短码。",
	"Print labels: an A4 sheet as PDF, or ZPL for a label printer, or a PNG or SVG of one.": "打印标签：A4 版式的 PDF、标签打印机的 " +
		"ZPL，或单张 PNG、SVG。",
	"Make a code hold no more, from now on, for everybody.":                         "立即作废一个码，对所有人生效。",
	"Tell what scanned texts hold: product, batch, serial number. Needs no server.": "解析扫码内容：产品、批次、序列号，无需服务器。",
	"Tell what a scanned text is, and draw the code in the terminal.":               "查询扫码内容是什么，并在终端画出二维码。",
	"Make a company to put load on, and a file that lets its phones in.":            "建立压测公司，并生成手机登录文件。",
	"7:00: all phones come at once with nothing, sync, and watch.":                  "早高峰：所有手机同时从零开始同步并保持连接。",
	"Phones watch and push status changes, one a call.":                             "手机保持连接并逐条上报状态。",
	"The same in batches: how many changes a second reach the phones.":              "批量上报：测每秒能送达手机的变更数。",
	"Tickets are claimed from one pool that all phones look at.":                    "所有手机盯着同一个抢单池抢单。",
	"Phones are connected and nothing happens.":                                     "手机只保持连接，不做任何操作。",
	"Companies: add, set, list.":                                                    "公司：新建、设置、列出。",
	"Add a company with its first administrator.":                                   "新建公司及其首位管理员。",
	"Change a company's settings.":                                                  "修改公司设置。",
	"List companies.":                                                               "列出公司。",
	"People: add, list, disable, enable.":                                           "人员：新增、列出、停用、启用。",
	"Add a person, or change one.":                                                  "新增或修改人员。",
	"List people.":                                                                  "列出人员。",
	"End a person's access; unsent work of their phones is still taken in.":         "停用人员；其手机上未发送的工作仍会收下。",
	"Give it back.":                                           "重新启用。",
	"Regions, teams and shops: add, list.":                    "大区、班组和门店：新增、列出。",
	"Add a region, team or shop.":                             "新增大区、班组或门店。",
	"List them.":                                              "列出全部。",
	"Devices: how one is doing, list.":                        "设备：查看状态、列出。",
	"How a device is doing, and what became of what it sent.": "查看设备状态，以及它上报内容的处理结果。",
	"List devices.":                                           "列出设备。",
	"Why a person's phones have or lack a ticket.":            "解释某人的手机为什么有或没有某张工单。",
	"Work that waits for a decision: list, show, edit, replay, dismiss.":      "待处理的操作：列出、查看、修改、重新执行、驳回。",
	"List what waits for a decision.":                                         "列出待处理的操作。",
	"Show one with its payload.":                                              "查看一项及其内容。",
	"Lay an edited payload beside the one that came.":                         "保存修改后的内容，原内容保留。",
	"Try it again, for its author and at its time.":                           "以原作者、原时间重新执行。",
	"Close it with a reason; its payload stays.":                              "注明原因并驳回，内容保留。",
	"Tickets: list, fill in the contact, mark a no-show.":                     "工单：列出、补全联系方式、标记师傅未到。",
	"List tickets, also those that lack details or that nobody fits.":         "列出工单，可只看资料不全或无人可派的。",
	"Fill in who and where the customer is.":                                  "补全客户的姓名、电话和地址。",
	"Say that the technician did not come; the ticket is assigned anew.":      "标记师傅未到，工单重新派单。",
	"What was said of customers beside their records: list, accept, dismiss.": "客户资料的变更申请：列出、采纳、忽略。",
	"List what was said of customers and waits for a decision.":               "列出待处理的客户资料变更。",
	"Take it over into the customer's record.":                                "采纳到客户资料。",
	"Leave the record as it is.":                                              "忽略，客户资料保持不变。",
	"A one-time code for a person's next phone.":                              "为某人的新手机生成一次性登记码。",
	"Take a device out of service.":                                           "停用一台设备。",
	"Begin a new signing key.":                                                "启用新的签名密钥。",
	"Make the installation's root secret.":                                    "生成本套系统的根密钥。",
	"Say that the database was restored from a backup.":                       "声明数据库已从备份恢复。",
	"Spread the companies' tables over the nodes of a Citus cluster.":         "把各公司的数据表分布到 Citus 集群的节点上。",
	"Take what is old off phones, and collect old tombstones, now.":           "立即清理手机上的旧数据和过期的删除记录。",
	"Show phones everything as the tables and this program have it.":          "按数据表重建手机上的全部内容。",
	"Compare what phones are shown with the tables.":                          "核对手机上的内容与数据表是否一致。",

	// where the installation is
	"PostgreSQL 15 or newer, by the server's own login, for example postgres://doorstep_server:…@db/doorstep. Without " +
		"it, an embedded PostgreSQL in the data folder.": "PostgreSQL 15 或更新版本，使用服务器自己的登录，如 " +
		"postgres://doorstep_server:…@db/doorstep；不填则使用数据目录中的内嵌 PostgreSQL。",
	"The same database by the login that owns its tables, for example postgres://doorstep_owner:…@db/doorstep. Servers " +
		"never need it.": "同一数据库，使用数据表所有者的登录，如 postgres://doorstep_owner:…@db/doorstep；运行服务时不需要。",
	"S3 store as the server reaches it; https:// in front switches TLS on. Without it, an embedded store.": "服务器访问的 S3 " +
		"地址，加 https:// 则启用 TLS；不填则使用内嵌存储。",
	"The same as phones reach it, where that differs.": "手机访问的 S3 地址，与上面不同时填写。",
	"Bucket for photos and signatures (${default}).":   "存放照片和签名的存储桶（${default}）。",
	"Region of the bucket (${default}).":               "存储桶所在地域（${default}）。",
	"Access key; better given by the environment.":     "访问密钥 ID，建议用环境变量提供。",
	"Secret key; better given by the environment.":     "访问密钥，建议用环境变量提供。",
	"The installation's root secret, made by: doorstep admin secret FILE. The same on all replicas, for ever. Embedded: " +
		"made in the data folder.": "本套系统的根密钥，由 doorstep admin secret FILE 生成；所有副本相同，且永不更换。内嵌运行时在数据目录中自动生成。",
	"Folder of the embedded services (.doorstep).": "内嵌服务的数据目录（.doorstep）。",

	// serving
	"Where to listen (${default}); the default lets a phone in the same " +
		"network in.": "监听地址（${default}）；默认允许同一网络内的手机访问。",
	"Where to listen (${default}); :8080 for all " +
		"addresses.": "监听地址（${default}）；:8080 表示所有地址。",
	"Nothing happens but what you do: no new orders, no colleagues " +
		"at work.": "安静模式：没有新订单，也没有同事在工作，只有您自己的操作。",
	"Days of work before today that are told when the company is made, 1 to 14 (${default}); with fewer it " +
		"starts sooner.": "建立公司时生成的历史天数，1 到 14（${default}）；天数少启动更快。",
	"debug, info, warn or error (${default}).": "debug、info、warn 或 error（${default}）。",
	"json or text (${default}).":               "json 或 text（${default}）。",
	"The address for phones; this machine's own in its network " +
		"when absent.": "手机访问的地址；不填则用本机在局域网中的地址。",
	"The address that phones and printed codes use, for example " +
		"https://doorstep.example.com.": "手机和二维码使用的地址，如 https://doorstep.example.com。",
	"Web pages of other hosts that may call, for example " +
		"http://localhost:5173.": "允许跨域调用的网页来源，如 http://localhost:5173。",
	"Web pages of other hosts that may call, for example " +
		"https://app.example.com.": "允许跨域调用的网页来源，如 https://app.example.com。",
	"Where /metrics is served, apart from what is public (${default}); :9464 for a Prometheus on another machine, empty " +
		"for nowhere.": "/metrics 的监听地址，与公开服务分开（${default}）；Prometheus 在另一台机器上时用 :9464，留空则不提供。",
	"Certificate; without it plain HTTP, for a proxy in front or for trying.": "TLS 证书；不填则为明文 HTTP，用于前置代理或试用。",
	"Its key.": "证书私钥。",
	"Proxies whose X-Forwarded-For is believed, for example " +
		"10.0.0.0/8.": "信任其 X-Forwarded-For 的代理，如 10.0.0.0/8。",
	"Greatest number of database connections " +
		"(${default}).": "数据库连接数上限（${default}）。",
	"How many phones may hold a stream to this replica; more are sent to another (${default}, some 63 " +
		"KB each).": "本副本最多保持多少台手机的长连接，超出的转到其他副本（${default}，每台约 63 KB）。",
	"On the way down, go on answering this long while /readyz says no, for a load balancer; 5s is usual " +
		"(${default}).": "停机时，/readyz 已报不可用后继续应答的时长，供负载均衡切换，通常为 5s（${default}）。",
	"How long calls in flight may take to finish then " +
		"(${default}).": "此后等待进行中的请求完成的时长（${default}）。",
	"The greatest age in days of a backup that you would restore; phones keep what they sent for as long " +
		"(${default}).": "可能用来恢复的备份最长多少天；手机会把已发送的内容保留同样天数（${default}）。",
	"Days that finished tickets stay on phones, where a company sets nothing else " +
		"(${default}).": "已完成工单在手机上保留的天数，公司可另行设置（${default}）。",
	"Days that a phone may be away and still catch up without fetching a feed anew " +
		"(${default}).": "手机离线多少天以内仍可增量同步（${default}）。",

	// import
	"Short name of the company; not needed where there is only one, not counting those " +
		"for load.": "公司简称；只有一家公司时可不填（压测公司不计）。",
	"The address that printed codes hold; that of the running embedded server if there is one.": "二维码中的地址；内嵌服务运行时用它的地址。",
	"Which column means what; examples: docs/examples.": "列与字段的对应关系，示例见 " +
		"docs/examples。",
	"Print a mapping for the file's own columns, to begin with; imports nothing.": "按文件的列生成一份映射供修改，不导入任何内容。",
	"Where refused lines are written; FILE.refused.csv beside the file.":          "被拒行写入的文件；默认是旁边的“文件名.refused.csv”。",
	"Read and check everything, write nothing.":                                   "只读取和检查，不写入。",
	"CSV or XLSX file.": "CSV 或 XLSX 文件。",

	// codes
	"How long the codes are good, for example 720h; 0 is for ever (for tickets: 90 days).": "码的有效期，如 720h；0 表示永久（工单为 " +
		"90 天）。",
	"What the codes stand for: unit, entry (a shop) " +
		"or ticket.": "码的用途：unit（产品）、entry（门店）或 ticket（工单）。",
	"Shops by name, tickets by number, units by serial number; or ids.": "门店名称、工单号、产品序列号，或它们的编号。",
	"Print all units of this shop (its name or id), with new codes for those that " +
		"have none.": "打印该门店（名称或编号）的全部产品，没有码的自动生成。",
	"The file to write; its ending says what: .pdf, .zpl, .png or .svg.": "输出文件，由后缀决定格式：.pdf、.zpl、.png 或 .svg。",
	"A built-in layout (a4-3x8, a4-2x7, a4-plain-2x5) or a JSON file.": "内置版式（a4-3x8、a4-2x7、a4-plain-2x5）或 JSON " +
		"文件。",
	"A TrueType font for names that the built-in font (GB 2312) cannot write.": "内置字体（GB 2312）缺字时使用的 TrueType 字体。",
	"Leave the first labels of the sheet free; they were used already.":        "跳过版面开头已用掉的标签数。",
	"Short codes or code ids.":              "短码或码的编号。",
	"Why; kept with the code.":              "原因，随码保存。",
	"One JSON object a line, for programs.": "每行一个 JSON 对象，供程序使用。",
	`What a scanner handed over. \u001d and \x1d stand for the separator FNC1.`: `扫码枪读到的内容；\u001d 和 \x1d 表示分隔符 FNC1。`,
	"Words only.":                           "只显示文字。",
	"What a scanner read, or a short code.": "扫码内容或短码。",

	// load
	"Short name of the company; it begins with load- (${default}).": "压测公司简称，以 " +
		"load- 开头（${default}）。",
	"How many phones (${default}).": "手机数量（${default}）。",
	"Visits for each, for day and fanout " +
		"(${default}).": "每台手机的上门数，用于 day 和 fanout（${default}）。",
	"Tickets in the pool, for shared; it is filled up to as many (${default}).": "抢单池的工单数，用于 " +
		"shared，不足时补齐（${default}）。",
	"Entries of a kilobyte in each phone's feed, for storm: no room has them, only the feed (${default}).": "每台手机同步流中 1 " +
		"KB 的条目数，用于 storm；只存在于同步流（${default}）。",
	"Also a company whose name does not begin with load-: it gets invented people and tickets.": "允许使用不以 load- " +
		"开头的公司：会写入虚构的人员和工单。",
	"File to write; phones of one that exists stay and get fresh tokens.": "输出文件；已存在时保留其中的手机并更新令牌。",
	"The server (${default}).":                       "服务器地址（${default}）。",
	"Use only the first so many phones of the file.": "只用文件中的前若干台手机。",
	"How long, once all phones stand; of a storm, how long it may take (${default}).": "全部手机就绪后持续的时长；对 storm " +
		"则是最长用时（${default}）。",
	"Over how long the phones arrive; without it all at once.":          "手机在多长时间内陆续到达；不填则同时到达。",
	"HTTP/1.1 instead of HTTP/2.":                                       "使用 HTTP/1.1 而不是 HTTP/2。",
	"Print the summary as JSON.":                                        "以 JSON 输出汇总。",
	"Also on a company that is not marked for load.":                    "允许对未标记为压测的公司执行。",
	"File of phones, made by doorstep load prepare.":                    "手机文件，由 doorstep load prepare 生成。",
	"Status changes a second, all phones together (${default}).":        "所有手机合计每秒的状态变更数（${default}）。",
	"Changes a call (${default}).":                                      "每次请求的变更数（${default}）。",
	"Claims a second; it goes on until the pool is empty (${default}).": "每秒抢单数，直到抢完（${default}）。",

	// admin
	"Name in English.":                               "英文名称。",
	"Time zone (${default}).":                        "时区（${default}）。",
	"Currency (${default}).":                         "币种（${default}）。",
	"Login of the first administrator (${default}).": "首位管理员的账号（${default}）。",
	"The administrator's password; better given by the environment DOORSTEP_ADMIN_PASSWORD.": "管理员密码，建议用环境变量 " +
		"DOORSTEP_ADMIN_PASSWORD 提供。",
	"Short name, for signing in: a-z, 0-9, -.": "登录用的简称：a-z、0-9、-。",
	"Name in Chinese.":                         "中文名称。",
	"Days that finished tickets and old notices stay on its phones, 1 to 3650; 0 for the installation's " +
		"setting.": "已完成工单和旧通知在手机上保留的天数，1 到 3650；0 表示沿用系统设置。",
	"Whether the rules assign waiting tickets by themselves.": "是否按规则自动派单。",
	"What it speaks with customers of whom nobody knows better. For tickets opened " +
		"from now on.": "客户语言未知时使用的语言，对此后新开的工单生效。",
	"Company.": "公司。",
	"What they may do and where, for example admin, dispatcher:华北, clerk:国贸店, technician:华北.": "角色和范围，如 " +
		"admin、dispatcher:华北、clerk:国贸店、technician:华北。",
	"Of a technician: teams.":                     "师傅所在班组。",
	"Of a technician: skills.":                    "师傅的技能。",
	"Of a technician: number on the badge.":       "师傅的工牌号。",
	"Of a technician: visits a day (${default}).": "师傅每天的上门数（${default}）。",
	"For the console; phones need none.":          "登录后台用的密码，手机不需要。",
	"Login name; one that exists is changed.":     "账号；已存在则修改。",
	"Name.":                                                     "姓名。",
	"Login, name or badge.":                                     "账号、姓名或工牌号。",
	"Of a team or store: its region.":                           "班组或门店所属大区。",
	"Of a store: degrees north.":                                "门店纬度。",
	"Of a store: degrees east.":                                 "门店经度。",
	"region, team or store.":                                    "region（大区）、team（班组）或 store（门店）。",
	"How many of its actions, the newest (${default}).":         "显示最近多少项操作（${default}）。",
	"Only actions before this number, for the next page.":       "只显示该序号之前的操作，用于翻页。",
	"Print the whole answer as JSON.":                           "以 JSON 输出完整结果。",
	"Device's id, from: doorstep admin device list ORG.":        "设备编号，见 doorstep admin device list ORG。",
	"Device or technician: an id, a login, a name or a badge.":  "设备或师傅：编号、账号、姓名或工牌号。",
	"Ticket: its id or number, or a code on it or on its unit.": "工单：编号、工单号，或工单、产品上的码。",
	"Also those that were decided.":                             "包括已处理的。",
	"Print them whole as JSON.":                                 "以 JSON 完整输出。",
	"Print it whole as JSON.":                                   "以 JSON 完整输出。",
	"Id, from: doorstep admin parked list ORG.":                 "编号，见 doorstep admin parked list ORG。",
	"Id, from: doorstep admin customer list ORG.":               "编号，见 doorstep admin customer list ORG。",
	"Whose decision it is: a dispatcher, supervisor or administrator who reaches over " +
		"the author.": "由谁决定：权限覆盖该作者的调度、主管或管理员。",
	"JSON of the payload, as parked show prints it; - reads it from " +
		"the input.": "操作内容的 JSON，格式同 parked show；- 表示从标准输入读取。",
	"When the work was done, of a phone whose clock was wrong: 'received' for when the server got it, or a time of the " +
		"company's: 2026-11-23T09:30. The phone's own time stays in the trail.": "手机时间有误时，实际完成的时间：received " +
		"表示以服务器收到时间为准，或填公司时区的时间，如 2026-11-23T09:30；手机时间仍保留在记录中。",
	"Why; its author reads it.": "原因，作者可以看到。",
	"Only those that lack a name, a phone number or an address. Nobody is sent there.": "只看缺少姓名、电话或地址的工单；这类工单不会派单。",
	"Only those for which the rules found no technician, with the reason.":             "只看按规则找不到师傅的工单及原因。",
	"Only those without a technician.":                                                 "只看未派单的工单。",
	"How many, the newest (${default}).":                                               "显示最近多少张（${default}）。",
	"Who does it: a dispatcher, supervisor or administrator over the ticket.":          "由谁操作：权限覆盖该工单的调度、主管或管理员。",
	"The customer's name.":                                          "客户姓名。",
	"The customer's phone number.":                                  "客户电话。",
	"City, street, house and door.":                                 "省市区、街道、楼栋和门牌号。",
	"Where the address is, WGS-84; with --longitude.":               "地址的纬度（WGS-84），与 --longitude 同时填写。",
	"Where the address is, WGS-84; with --latitude.":                "地址的经度（WGS-84），与 --latitude 同时填写。",
	"The region whose technicians go there: its name or id.":        "由哪个大区的师傅上门：名称或编号。",
	"It is a job of its own, though the unit has a ticket in work.": "确认是另一项服务，尽管该产品已有进行中的工单。",
	"Ticket: its number or id.":                                     "工单：工单号或编号。",
	"Why, in words.":                                                "原因。",
	"Whose decision it is: a dispatcher, supervisor or administrator over the order, or the technician who has met the " +
		"customer.": "由谁决定：权限覆盖该订单的调度、主管或管理员，或上门见过客户的师傅。",
	"What it signs: token, code or receipt.":                   "签名用途：token、code 或 receipt。",
	"File to write; one that exists stays as it is.":           "输出文件；已存在则不覆盖。",
	"Only check, and print the statements that would be made.": "只检查，并显示将执行的语句。",
	"How many parts the companies are spread over, ${default} unless given: two to four for each core of the largest " +
		"cluster that you foresee. Decided by the first run.": "分片数，默认 ${default}：按预计最大集群的每个核心 2 到 4 个；首次执行后不可更改。",
	"Only this company; all without it.":                          "只处理这家公司；不填则处理全部。",
	"Only these: ${projections}.":                                 "只处理：${projections}。",
	"Only say what would be written.":                             "只显示将写入的内容。",
	"Name every difference, not only the first twenty of a kind.": "列出每一处差异，而不只是每类前 20 处。",
}
