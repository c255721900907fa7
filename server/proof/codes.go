package proof

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	SizeDiffers     fault.Code = "proof_size_differs"
	HashDiffers     fault.Code = "proof_hash_differs"
	BytesMissing    fault.Code = "proof_bytes_missing"
	StoreDown       fault.Code = "proof_store_down"
	ManifestDiffers fault.Code = "proof_manifest_differs"
)

var _ = fault.Register(
	fault.Definition{
		Code: SizeDiffers, Kind: fault.KindInvalid,
		English: "The file that arrived has another size than was announced. It will be asked for again.",
		Chinese: "收到的文件大小与申报不符，将要求重新上传。",
	},
	fault.Definition{
		Code: HashDiffers, Kind: fault.KindInvalid,
		English: "The file that arrived is not the one that was announced. It will be asked for again.",
		Chinese: "收到的文件与申报内容不符，将要求重新上传。",
	},
	fault.Definition{
		Code: BytesMissing, Kind: fault.KindConflict,
		English: "The picture has not arrived whole. Send what is missing, then finish again.",
		Chinese: "图片尚未完整上传，请继续发送后再完成。",
	},
	fault.Definition{
		Code: StoreDown, Kind: fault.KindUnavailable, Retryable: true,
		English: "The store of pictures does not answer. Nothing is lost; try again as told.",
		Chinese: "图片存储暂时没有响应，数据没有丢失，请按提示稍后重试。",
	},
	fault.Definition{
		Code: ManifestDiffers, Kind: fault.KindConflict,
		English: "There is a proof with this id already, and it is another one. Attach it under a new id.",
		Chinese: "该编号已用于另一份凭证，请用新编号添加。",
	},
)
