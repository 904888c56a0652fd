/**
 * As much of DER (ITU-T X.690) as names and extensions of certificates need. What comes from a network is not trusted: nothing here
 * throws, and what is malformed ends the list that it stands in.
 */

export interface Der {
  tag: number
  content: Buffer
}

/** The elements that stand one after the other in these bytes, up to the first malformed one. Contents are views, not copies. */
export function derIn(bytes: Buffer): Der[] {
  const found: Der[] = []
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes[at + 1] ?? 0
    const more = first < 0x80 ? 0 : first & 0x7f
    // four bytes are more than any certificate has; no byte at all is BER's open end, which DER does not know (8.1.3.6, 10.1)
    if ((first >= 0x80 && more === 0) || more > 4 || at + 2 + more > bytes.length) break
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more)
    const start = at + 2 + more
    if (start + length > bytes.length) break
    found.push({ tag: bytes[at] ?? 0, content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return found
}

/** OpenSSL's short names, so that a name reads the same wherever it comes from. */
const ATTRIBUTES: Record<string, string> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
}

const BMP_STRING = 0x1e
const ONE_BYTE_STRINGS = [0x13, 0x14, 0x16]

/** An object identifier as dotted numbers (X.690 8.19). */
export function oidText(content: Buffer): string {
  const numbers: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    numbers.push(value)
    value = 0
  }
  const [first = 0, ...rest] = numbers
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...rest].join('.')
}

function stringIn({ tag, content }: Der): string {
  if (tag === BMP_STRING) return new TextDecoder('utf-16be').decode(content)
  return content.toString(ONE_BYTE_STRINGS.includes(tag) ? 'latin1' : 'utf8')
}

const hexOf = (char: string): string => [...Buffer.from(char)].map((b) => `\\${b.toString(16).toUpperCase().padStart(2, '0')}`).join('')

/** RFC 4514 2.4; characters that draw nothing or reorder others are written as hex too. */
const escaped = (text: string): string => text.replace(/[,+"\\<>;]|^[# ]| $/g, '\\$&').replace(/\p{C}|\p{Zl}|\p{Zp}/gu, hexOf)

/**
 * A distinguished name (an X.501 Name in DER) as one line in the order of its bytes: `O=talos`, `CN=a, O=b + O=c`. It is what
 * node:crypto gives as `subject`, with commas for its line breaks. Empty for an empty or malformed name.
 */
export function nameText(der: Buffer): string {
  return derIn(derIn(der)[0]?.content ?? Buffer.alloc(0))
    .map((rdn) =>
      derIn(rdn.content)
        .flatMap((attribute) => {
          const [type, value] = derIn(attribute.content)
          if (!type || !value) return []
          const oid = oidText(type.content)
          return [`${ATTRIBUTES[oid] ?? oid}=${escaped(stringIn(value))}`]
        })
        .join(' + '),
    )
    .filter(Boolean)
    .join(', ')
}
