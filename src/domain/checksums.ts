/**
 * The two checksums of an etcd snapshot beside SHA-256. CRC-32C (Castagnoli) is what etcd's tools print of it, FNV-1a is in the meta
 * pages of its database. https://github.com/etcd-io/etcd/blob/v3.6.0/etcdutl/snapshot/v3_snapshot.go,
 * https://github.com/etcd-io/bbolt/blob/v1.4.0/internal/common/meta.go
 */

const POLYNOMIAL = 0x82f63b78
/** Tables of 256 entries, one for each byte that is taken at once. */
const SLICES = 16

const TABLE = ((): Int32Array => {
  const table = new Int32Array(SLICES * 256)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1
    table[i] = c
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256] as number
    table[i] = (before >>> 8) ^ (table[before & 0xff] as number)
  }
  return table
})()

const at = (index: number): number => TABLE[index] as number

/** What a checksum begins with. */
export const CRC_START = -1

/** Takes the bytes from `start` to `end` into a checksum that is under way. `view` shows the same bytes, which makes words of them cheap. */
export function crc32c(crc: number, bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let c = crc
  let i = start
  for (; i + SLICES <= end; i += SLICES) {
    const w0 = c ^ view.getInt32(i, true)
    const w1 = view.getInt32(i + 4, true)
    const w2 = view.getInt32(i + 8, true)
    const w3 = view.getInt32(i + 12, true)
    c =
      at(0xf00 | (w0 & 0xff)) ^
      at(0xe00 | ((w0 >>> 8) & 0xff)) ^
      at(0xd00 | ((w0 >>> 16) & 0xff)) ^
      at(0xc00 | (w0 >>> 24)) ^
      at(0xb00 | (w1 & 0xff)) ^
      at(0xa00 | ((w1 >>> 8) & 0xff)) ^
      at(0x900 | ((w1 >>> 16) & 0xff)) ^
      at(0x800 | (w1 >>> 24)) ^
      at(0x700 | (w2 & 0xff)) ^
      at(0x600 | ((w2 >>> 8) & 0xff)) ^
      at(0x500 | ((w2 >>> 16) & 0xff)) ^
      at(0x400 | (w2 >>> 24)) ^
      at(0x300 | (w3 & 0xff)) ^
      at(0x200 | ((w3 >>> 8) & 0xff)) ^
      at(0x100 | ((w3 >>> 16) & 0xff)) ^
      at(w3 >>> 24)
  }
  for (; i < end; i++) c = (c >>> 8) ^ at((c ^ (bytes[i] as number)) & 0xff)
  return c
}

/** The finished checksum as eight hex digits. */
export const crcText = (crc: number): string => ((crc ^ -1) >>> 0).toString(16).padStart(8, '0')

/** FNV-1a of 64 bits. http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash
}
