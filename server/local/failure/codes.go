// Package failure holds the codes of what can go wrong with the services that a demo runs by itself.
package failure

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	Running     fault.Code = "local_running"
	PortBusy    fault.Code = "local_port_busy"
	DiskFull    fault.Code = "local_disk_full"
	ToolMissing fault.Code = "local_tool_missing"
	DataMajor   fault.Code = "local_data_major"
	Folder      fault.Code = "local_folder"
	Start       fault.Code = "local_start"
)

var _ = fault.Register(
	fault.Definition{
		Code: Running, Kind: fault.KindConflict,
		English: "Doorstep is already running on this data folder. Stop the other one first, or give another folder.",
		Chinese: "该数据目录已有 Doorstep 在运行，请先停止它，或换一个目录。",
	},
	fault.Definition{
		Code: PortBusy, Kind: fault.KindConflict,
		English: "Another program holds this port. Stop it, or give another port.",
		Chinese: "端口已被其他程序占用，请停止该程序或换一个端口。",
	},
	fault.Definition{
		Code: DiskFull, Kind: fault.KindUnavailable,
		English: "The disk is full. Free some space and start again; the data is kept.",
		Chinese: "磁盘空间不足，请清理后重新启动，数据不会丢失。",
	},
	fault.Definition{
		Code: ToolMissing, Kind: fault.KindUnavailable,
		English: "A program that is needed is not on this machine and could not be fetched. Install it, or go online, and " +
			"start again.",
		Chinese: "本机缺少所需程序且无法下载，请安装或联网后重新启动。",
	},
	fault.Definition{
		Code: DataMajor, Kind: fault.KindConflict,
		English: "The data folder was made by another version of PostgreSQL. Install that version, or forget the data " +
			"with: make clean.",
		Chinese: "数据目录由其他版本的 PostgreSQL 创建，请安装该版本，或用 make clean 清除数据。",
	},
	fault.Definition{
		Code: Folder, Kind: fault.KindUnavailable,
		English: "The data folder cannot be used. Give one that can be written.",
		Chinese: "数据目录无法使用，请指定一个可写的目录。",
	},
	fault.Definition{
		Code: Start, Kind: fault.KindUnavailable,
		English: "The local database or object store did not start. Its log file says why.",
		Chinese: "本地数据库或对象存储未能启动，原因见日志文件。",
	},
)
