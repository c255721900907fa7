// Errors of this package: a code of docs/ERRORS.md, sentences for a person, and a hidden cause.

import type { Problem } from "./gen/doorstep/types/v1/types_pb.js";

/** The codes that a device gives by itself; those of the server come beside them. */
const own = {
  internal: [
    "Something failed on our side; nothing was lost. Try again, and tell your operator if it stays.",
    "服务器内部出错，数据没有丢失。请稍后重试；若一直如此，请告知管理员。",
  ],
  not_found: ["There is no such thing, or you may not see it.", "不存在，或您无权查看。"],
  sequence_reused: [
    "This sequence number was used for another mutation. Enrol the device anew; unsent work can be exported.",
    "该序号已被另一操作使用，请重新登记设备；未发送内容可导出。",
  ],
  mutation_too_large: ["The action is larger than allowed.", "操作内容超过大小限制。"],
  device_revoked: [
    "This device is out of service. What it has not sent is handed in for a person at the office to decide, then it wipes what it holds; to go on, enrol it with a new code.",
    "该设备已停用：未发送的内容会先上交公司，留待人工处理，随后清除本机数据；如需继续使用，请用新的登记码登记。",
  ],
  refresh_invalid: [
    "This sign-in has ended. Sign in again, or enrol the phone with a new code; unsent work stays on it.",
    "登录已失效，请重新登录，或用新的登记码登记手机；未发送的内容仍在手机上。",
  ],
  too_large: ["The request is larger than allowed. Send less at once.", "请求超过大小限制，请分批发送。"],
  box_passphrase: ["The passphrase is too short: this many characters at least.", "口令太短，至少需要这么多个字符。"],
  box_unreadable: [
    "This file does not open: wrong passphrase, damaged, or not an export.",
    "文件无法打开：口令错误、已损坏，或不是导出文件。",
  ],
  box_foreign: ["This export belongs to another company.", "该导出文件属于另一家公司。"],
  code_unreadable: [
    "This is not a code that we can read. Scan it again, or type the short code under it.",
    "无法识别该码，请重新扫描，或输入码下方的短码。",
  ],
  code_check_digit: [
    "A digit or letter of the code is wrong. Compare it with the label and type it again.",
    "校验位不符，请对照标签重新输入。",
  ],
  code_unknown: ["This code is not valid here. Ask the shop for a new one.", "该码无效，请向门店索取新码。"],
  not_enrolled: [
    "This phone belongs to nobody yet. Enrol it with the code from your office.",
    "本机尚未登记，请用公司给的登记码登记。",
  ],
  store_locked: [
    "Another program works with this phone's data. Close it first.",
    "本机数据正被另一程序使用，请先关闭它。",
  ],
  store_unusable: [
    "The phone's storage cannot be read or written now. What was saved is kept.",
    "暂时无法读写手机存储，已保存的内容不会丢失。",
  ],
  store_full: [
    "The phone's storage is full. Free some space; what was saved is kept.",
    "手机存储空间已满，请清理出一些空间；已保存的内容不会丢失。",
  ],
  store_damaged: [
    "The phone's store is damaged. Enrol the phone anew: the damaged store is kept aside and what can be read goes on.",
    "本机数据已损坏。请重新登记手机：损坏的数据会另行保留，能读出的内容会继续发送。",
  ],
  unsent_work: [
    "Something is not with the office yet. Send it first, or export it and hand it over.",
    "还有内容未送达公司，请先发送，或导出后移交。",
  ],
  phone_offline: [
    "The phone is switched offline. Everything is saved on it and goes out when you are online.",
    "手机处于离线模式，内容已存手机，上线后自动发送。",
  ],
  no_network: [
    "The office cannot be reached now. Everything is saved on the phone and goes out by itself.",
    "暂时连不上公司，内容已存手机，联网后自动发送。",
  ],
  upload_refused: [
    "The object store did not take the file. It stays on the phone and is sent again.",
    "文件上传被拒，仍保存在手机上，将再次发送。",
  ],
  file_empty: ["The file is empty. Take the photo again.", "文件是空的，请重新拍摄。"],
  proof_not_picture: [
    "The file is not a JPEG, PNG, WebP, HEIC or AVIF picture. Attach a photo.",
    "文件不是 JPEG、PNG、WebP、HEIC 或 AVIF 图片，请附上照片。",
  ],
  file_gone: [
    "The phone cannot read its copy of this file any more. Take it again; everything else goes on.",
    "手机已无法读取此文件，请重新拍摄；其余内容照常发送。",
  ],
  digest_differs: [
    "The phone's copy differs from the office's also after it was sent anew. Tell your operator.",
    "手机数据与公司不一致，重新下载后仍不一致，请联系管理员。",
  ],
} as const satisfies Record<string, readonly [english: string, chinese: string]>;

/** A code that this package gives without a server. */
export type OwnCode = keyof typeof own;

/** All of them. */
export const ownCodes = Object.keys(own) as OwnCode[];

/** An error with a code (docs/ERRORS.md); the server's, or one of this device's own. */
export class Fault extends Error {
  override readonly name = "Fault";

  private constructor(
    readonly code: string,
    private readonly english: string,
    private readonly chinese: string,
    detail: string,
    /** How long the server asked to wait, in milliseconds; 0 when it did not say. */
    readonly retryAfter: number,
    /** With sequence_gap: the number that the server expects next; else 0. */
    readonly expectedSequence: number,
    cause: unknown,
  ) {
    super(detail === "" ? code : `${code}: ${detail}`, cause === undefined ? undefined : { cause });
  }

  /** An error of this device. detail is for logs. */
  static of(code: OwnCode, detail = "", cause?: unknown): Fault {
    const [english, chinese] = own[code];
    return new Fault(code, english, chinese, detail, 0, 0, cause);
  }

  /** An error that the server gave. */
  static refusal(p: Problem): Fault {
    return new Fault(
      p.code,
      p.english,
      p.chinese,
      p.english,
      Number(p.retryAfterMs),
      Number(p.expectedSequence),
      undefined,
    );
  }

  /** What a person reads. */
  public(lang: "zh" | "en"): string {
    return lang === "zh" && this.chinese !== "" ? this.chinese : this.english;
  }
}

/** The code of an error; "internal" for one that has none. */
export function codeOf(err: unknown): string {
  return err instanceof Fault ? err.code : "internal";
}

/**
 * Whether a push was refused because its queue has to wait, for an upgrade of the app or for somebody at the office. All but the
 * queue goes on.
 */
export function queueWaits(err: unknown): boolean {
  return ["client_too_old", "parked_full"].includes(codeOf(err));
}

/** What a person reads of an error. */
export function sentence(err: unknown, lang: "zh" | "en"): string {
  return (err instanceof Fault ? err : Fault.of("internal")).public(lang);
}
