// Package media looks at the bytes of a proof: what they really are, whether they are safe to decode, where and
// when they were taken, and what may be shown of them. It is pure: bytes in, a Picture or a refusal out.
//
// Foreign bytes are hostile. Nothing here panics on them; dimensions and scans are read from the headers and
// checked against Limits before a decoder sees a byte; metadata is read by a reader of our own that follows no
// chains and copies no counts. Costs are bounded by the size of the input and by Limits.
package media
