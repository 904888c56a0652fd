import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatAddress, parseAddress } from '../../src/domain/cidr.ts'
import { freshSpelling } from '../../src/domain/fresh-spelling.ts'
import { addresses } from '../support/networks.ts'

const salts = fc.integer({ min: 1_700_000_000_000, max: 2_000_000_000_000 })

test('another spelling is the same address, to us and to everybody who knows IPv6', () => {
  fc.assert(
    fc.property(addresses, salts, (address, salt) => {
      const text = freshSpelling(formatAddress(address), salt)
      expect(parseAddress(text)).toEqual(address)
      expect(isIP(text)).toBe(6)
    }),
  )
})

test('spellings of different moments differ', () => {
  const now = 1_795_000_000_000
  for (const address of ['10.0.0.11', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff']) {
    const made = new Set(Array.from({ length: 50 }, (_, i) => freshSpelling(address, now + i)))
    expect(made.size).toBeGreaterThan(40)
    expect(made.has(address)).toBe(false)
  }
})

test('what is no address is left alone', () => expect(freshSpelling('cp1.example.com', 1)).toBe('cp1.example.com'))
