import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { derIn, nameText, oidText } from '../../src/system/der.ts'
import { readHandshake } from '../../src/system/handshake.ts'

/** What reads the bytes of servers, fed with bytes of nobody. */

describe('the reader', () => {
  test('never throws, and takes nothing for a whole handshake, whatever comes', () => {
    const short = fc.uint8Array({ maxLength: 80 }).map((a) => Buffer.from(a))
    const message = fc
      .tuple(fc.constantFrom(2, 4, 8, 11, 13, 20, 24), short)
      .map(([type, body]) => Buffer.concat([Buffer.from([type, 0, 0, body.length]), body]))
    const hello = fc
      .tuple(fc.constantFrom(0x1301, 0x1302, 0x1303, 0xc02b), fc.constantFrom(0x0301, 0x0303, 0x0304))
      .map(([cipher, version]) => {
        const body = Buffer.alloc(46)
        body.set([3, 3], 0)
        body.writeUInt16BE(cipher, 35)
        body.set([0, 6, 0, 43, 0, 2], 38)
        body.writeUInt16BE(version, 44)
        return Buffer.concat([Buffer.from([2, 0, 0, 46]), body])
      })
    const records = fc.array(fc.tuple(fc.constantFrom(20, 21, 22, 23, 9), fc.oneof(short, message, hello)), { maxLength: 8 })
    fc.assert(
      fc.property(records, fc.uint8Array({ minLength: 32, maxLength: 48 }), (list, secret) => {
        const bytes = Buffer.concat(list.map(([type, body]) => Buffer.concat([Buffer.from([type, 3, 3, 0, body.length]), body])))
        const heard = readHandshake(bytes, { handshake: Buffer.from(secret), traffic: Buffer.from(secret) })
        expect(heard.complete).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  test('of names never throws and leaves nothing that moves a cursor', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const { content } of derIn(Buffer.from(bytes))) oidText(content)
        expect(nameText(Buffer.from(bytes))).not.toMatch(/\p{C}/u)
      }),
    )
  })
})
