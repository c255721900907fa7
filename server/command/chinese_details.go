package command

// chineseDetails are the longer helps by the command's path; examples follow from the English.
var chineseDetails = map[string]string{
	"demo": `在本机启动全部组件（PostgreSQL、对象存储、服务器），生成一家示范公司，并告诉您接下来打开什么、输入什么。
按 Ctrl-C 停止；下次启动沿用原有数据；make clean 清除数据。`,
	"serve": `用一个端口服务手机、后台和客户：支持 HTTP/1.1、明文 HTTP/2 和 TLS。
负载均衡后面可以放任意多个副本；全部状态都在 PostgreSQL 和 S3 存储中。

生产环境的副本：

  doorstep admin secret /etc/doorstep/secret          只需一次，然后复制到每个副本
  export DOORSTEP_SECRET_FILE=/etc/doorstep/secret
  export DOORSTEP_DATABASE_URL=postgres://doorstep_server:…@db.internal/doorstep
  export DOORSTEP_S3_ENDPOINT=https://s3.internal DOORSTEP_S3_ACCESS_KEY=… DOORSTEP_S3_SECRET_KEY=…
  doorstep migrate                                    先执行，需要 DOORSTEP_OWNER_DATABASE_URL，见其 --help
  doorstep serve --listen :8080 --public-url https://doorstep.example.com --drain-delay 5s

单机运行，无需安装其他软件（PostgreSQL 和存储内嵌在 .doorstep 目录）：

  doorstep serve

/healthz 表示进程存活，/readyz 表示可以接收流量。供 Prometheus 使用的 /metrics 单独监听，见 --metrics-listen。
收到 SIGTERM 或 Ctrl-C 后平滑停机：先报告不可用，通知长连接稍后重连，再等进行中的请求完成。`,
	"migrate": `把数据库升级到本程序的结构，创建服务器使用的登录，并只授予服务器所需的权限。如果一切正确，则不做任何修改。
如果所有者登录缺少权限，也不做任何修改，只列出需要数据库管理员执行的语句。旧版本仍在运行时可以安全执行；
如有另一个升级正在进行，会等待它结束。

  export DOORSTEP_OWNER_DATABASE_URL=postgres://doorstep_owner:…@db.internal/doorstep
  export DOORSTEP_DATABASE_URL=postgres://doorstep_server:…@db.internal/doorstep
  doorstep migrate

第一个登录拥有数据表，并且可以创建角色（CREATEROLE）。第二个登录按所给密码创建，已存在则检查密码。
恢复备份后请再执行一次：备份中不包含角色和权限。`,
	"clean":  `请先停止正在使用该目录的程序；目录被占用时不会清除。`,
	"import": `导入文件中的订单并开工单。同一文件重复导入不会重复开单；中途中断（包括 kill -9）后会从断点继续。每个被拒行都会报告行号和原因。`,
	"codes": `产品、门店入口和工单的二维码，以及打印这些码的标签。

  doorstep codes issue entry 国贸店                         门店柜台的码
  doorstep codes issue ticket T-26113000012                给客户的工单码
  doorstep codes sheet --units 国贸店 --out labels.pdf      门店全部产品的标签
  doorstep codes read '(01)06901234567892(21)SN0001'       解析标签内容，无需服务器
  doorstep codes show https://doorstep.example.com/c/…     查询这是什么
  doorstep codes revoke K7M3-9QX8 --reason stolen          作废`,
	"codes read": `像手机和服务器一样解析标签，但两者都不需要：可用来试扫码枪或厂家标签。

  doorstep codes read 6901234567892
  doorstep codes read ']d2010690123456789221SN0001\u001d10L7' 'https://id.example.com/01/06901234567892/21/SN0001'

有内容无法识别时，退出码为 1。`,
	"load": `由本进程对运行中的服务施加压力，便于单独观察服务器的内存和 CPU。
先在系统上建立压测公司，其简称以 load- 开头，只有这样的公司才会被压测；下次 prepare 会沿用它。
压测公司无法删除，因为记录只增不减；但它不影响其他公司，按公司执行的命令也不会把它计算在内：

  doorstep load prepare --phones 2000 --entries 500 phones.json
  doorstep load storm phones.json --server http://localhost:8080
  doorstep load day phones.json --server http://localhost:8080 --phones 200 --rate 20 --for 1m

每台手机用自己的连接走完整协议，但不保存数据库。访问令牌有效期 15 分钟，而服务器对同一地址每秒只续期少量令牌，
所以在用大量手机压测前请重新执行 prepare（只需几秒）。该文件包含这些师傅的访问令牌，请妥善保管。

延迟为 HDR 直方图的百分位数。变更从应发生的时刻开始计时，即使服务器当时来不及接收。字节数为网络上的实际字节数，包含头部。`,
	"load prepare": `与 doorstep admin 一样直接使用系统的数据库。已有内容保留不变；再次执行会补齐抢单池并更新令牌。

  doorstep load prepare --phones 200 --visits 3 phones.json          用于 day 和 fanout
  doorstep load prepare --phones 1000 --pool 600 phones.json         用于 shared
  doorstep load prepare --phones 2000 --entries 500 phones.json      用于 storm`,
	"load storm":  `每台手机从零开始，直到取得检查点、摘要一致并建立长连接才算完成。`,
	"load day":    `每台手机反复执行接单、出发、到场、休息、恢复：都是真实的状态变更，各有记录，并保留在压测公司中。`,
	"load shared": `每次抢单都会让该工单从全班组的手机上消失。prepare --pool 可补齐抢单池。`,
	"load idle":   `连接的开销请在服务器上观察，例如 /metrics 中的 doorstep_watches 和 process_resident_memory_bytes。`,

	"admin user add": `  doorstep admin user add acme li 李师傅 --role technician:华北 --team 朝阳一组 --skill water_heater --badge A017
  doorstep admin user add acme wang 王店长 --role clerk:国贸店
  doorstep admin enrol-code acme li             然后登记手机`,
	"admin device show":    `显示最近联系时间、时钟偏差、每个同步流落后多少、上次报告的未发送内容，以及已上报操作的处理结果。`,
	"admin why":            `解释手机为什么有或没有某张工单、经由哪个同步流、从何时开始，以及下次同步是否会改变。`,
	"admin ticket contact": `未填写的项保持不变。资料补全后，该工单像其他工单一样派单。`,
	"admin customer list":  `客户预约时，或非所属门店下单时，提供的与公司现有客户资料不同的内容。工单使用所填内容；客户资料在采纳前保持不变。`,
	"admin enrol-code":     `生成一次性登记码，24 小时内可登记一台手机。请在手机应用或终端手机中输入。`,
	"admin revoke":         `立即停用设备。设备下次联系时会被要求清除数据；尚未发送的内容仍会收下，由人工处理。`,
	"admin rotate-key":     `新密钥一小时后开始签名，届时所有副本和大多数手机都已知晓。旧密钥的签名继续有效。`,
	"admin secret":         `生成新的根密钥文件，仅文件所有者可读。请把同一文件提供给所有副本，并与备份一起保存：丢失后所有人都要重新登录，也无法再签发二维码。`,
	"admin restored": `从备份恢复数据库后，在 doorstep migrate 之后、重新启动服务之前执行一次。

手机上的游标和序号属于备份所不知道的历史。本命令开启新的一代：每台手机下次联系时重新获取同步流，并从自己的序号继续发送。
未发送的内容仍在手机上，会照常收下。备份中丢失的内容，手机会重新发送，范围是手机保留的已发送内容（DOORSTEP_BACKUP_DAYS）；
更早的内容随数据库丢失，可凭回执证明其内容。

备份也不知道此后停用过哪些设备和人员，它们会重新获得权限。请再次停用：服务器日志中的“a device is revoked”和
“a person is disabled”记录了它们的编号。`,
	"admin distribute": `用于单个 PostgreSQL 已无法承载的系统，何时需要见 docs/SCALING.md。数据库必须是 Citus 集群的协调节点。
同一公司的数据在同一节点上，不同公司分开存放。

请先停止服务：移动数据时会锁表。中断后再次执行会继续；已分布的表保持不变。升级带来新表后请再执行一次。`,
	"admin collect": `立即执行服务器每小时自动做的清理：已完成工单、旧通知和旧收入明细从手机上移除；保留期内联系过的手机都已知晓的删除记录从同步流中清除。
离线更久的手机会重新获取相关同步流，未发送的内容不受影响。可在服务运行时执行；请使用与服务器相同的天数。`,
	"admin rebuild-feeds": `按数据表重建手机上的全部内容并写入差异：用于升级后展示方式有变化，或 verify-feeds 发现差异时。手机保持在线，只获取变化部分，不会重置。
每一步都是短事务；中断（包括 kill -9）后，同一命令会继续。旧版本副本运行时也可执行，但应在最后一个旧副本更换后再执行一次：
旧版本期间改动的内容仍按旧方式展示。`,
	"admin verify-feeds": `核对同步流内容与数据表是否一致，以及每个同步流的摘要与条目是否一致。不修改、不加锁；每一步是一个快照，不影响手机和后台。
有差异时退出码为 1，可用 doorstep admin rebuild-feeds 修复。仅引用信息不同的条目（如客户的历史工单）计为“过时”，不算错误。`,
}
