import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Address,
  type Cidr,
  contains,
  covers,
  formatAddress,
  formatCidr,
  isLinkLocal,
  isLoopback,
  isWildcard,
  lastOf,
  mergeCidrs,
  overlaps,
  parseAddress,
  parseNetwork,
  parseSubnet,
  widthOf,
} from '../../src/domain/cidr.ts'
import { addresses, networks } from '../support/networks.ts'

const address = (text: string): Address => parseAddress(text) ?? expect.fail(`${text} is no address`)
const network = (text: string): Cidr => {
  const read = parseNetwork(text)
  return 'value' in read ? read.value : expect.fail(read.error)
}

describe('an address', () => {
  test.each([
    ['10.0.7.20', '10.0.7.20', 4],
    ['0.0.0.0', '0.0.0.0', 4],
    ['255.255.255.255', '255.255.255.255', 4],
    ['::', '::', 6],
    ['::1', '::1', 6],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a', 6],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1', 6],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1', 6],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', 6],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221', 6],
    ['fe80::1%eth0', 'fe80::1', 6],
    // as sockets of both families show a peer
    ['::ffff:10.0.0.1', '10.0.0.1', 4],
    ['::ffff:a00:1', '10.0.0.1', 4],
  ])('%s is shown as %s', (text, shown, family) => {
    expect(address(text).family).toBe(family)
    expect(formatAddress(address(text))).toBe(shown)
  })

  test.each([
    ['', 'bastion', '10.0.0', '10.0.0.1.2', '10.0.0.256', '010.0.0.1', '10.0.0.-1', ' 10.0.0.1', '10.0.0.1/24'],
    ['1::2::3', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '12345::', '::10.0.0.256', '10.0.0.1::', 'g::', ':1'],
  ])('is none of %j ...', (...texts) => {
    for (const text of texts) expect(parseAddress(text), text).toBeUndefined()
  })

  test('is itself after it was shown and read again', () => {
    fc.assert(
      fc.property(addresses, (a) => {
        expect(parseAddress(formatAddress(a))).toEqual(a)
      }),
    )
  })

  test('of IPv6 is the same written in full, and in capitals', () => {
    fc.assert(
      fc.property(addresses, (a) => {
        if (a.family !== 6) return
        const full = a.value.toString(16).padStart(32, '0').match(/.{4}/g)?.join(':') ?? ''
        expect(parseAddress(full)).toEqual(a)
        expect(parseAddress(full.toUpperCase())).toEqual(a)
      }),
    )
  })

  test('is known for what it is', () => {
    expect(['0.0.0.0', '::', '10.0.0.1', '::1'].map((t) => isWildcard(address(t)))).toEqual([true, true, false, false])
    expect(['127.0.0.1', '127.9.9.9', '::1', '128.0.0.1', '::'].map((t) => isLoopback(address(t)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
    expect(['169.254.116.108', 'fe80::1', 'febf::1', 'fec0::1', '169.255.0.1'].map((t) => isLinkLocal(address(t)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })
})

describe('a network', () => {
  test.each([
    ['10.0.7.0/24', '10.0.7.0/24'],
    ['10.0.7.20', '10.0.7.20/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8::1', '2001:db8::1/128'],
    ['::/0', '::/0'],
    ['::ffff:10.0.0.1', '10.0.0.1/32'],
  ])('that is typed as %s is %s', (text, shown) => {
    expect(formatCidr(network(text))).toBe(shown)
  })

  test.each([
    ['10.0.7.20/24', '"10.0.7.20/24" has host bits: write the network as 10.0.7.0/24, or the address as 10.0.7.20'],
    ['10.0.7.20/0', '"10.0.7.20/0" has host bits: write the network as 0.0.0.0/0, or the address as 10.0.7.20'],
    ['2001:db8::1/64', '"2001:db8::1/64" has host bits: write the network as 2001:db8::/64, or the address as 2001:db8::1'],
    ['10.0.7.0/33', '"10.0.7.0/33" has no length from 0 to 32 behind the slash'],
    ['10.0.7.0/', '"10.0.7.0/" has no length from 0 to 32 behind the slash'],
    ['10.0.7.0/024', '"10.0.7.0/024" has no length from 0 to 32 behind the slash'],
    ['2001:db8::/129', '"2001:db8::/129" has no length from 0 to 128 behind the slash'],
    ['::ffff:10.0.0.0/104', '"::ffff:10.0.0.0/104" is IPv4 written as IPv6: write it as IPv4, 10.0.0.0/8'],
    ['bastion', '"bastion" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
    ['10.0.7/24', '"10.0.7/24" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
    ['fe80::1%eth0', '"fe80::1%eth0" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
    ['10.0.0.0/8/8', '"10.0.0.0/8/8" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
  ])('%s is refused', (text, error) => {
    expect(parseNetwork(text)).toEqual({ error })
  })

  test('with host bits names one that is taken', () => {
    fc.assert(
      fc.property(addresses, fc.nat(128), (a, bits) => {
        const read = parseNetwork(`${formatAddress(a)}/${bits % (widthOf(a.family) + 1)}`)
        if ('value' in read) return
        const named = /as (\S+), or the address as (\S+)$/.exec(read.error)
        expect(covers(network(named?.[1] ?? ''), network(named?.[2] ?? ''))).toBe(true)
      }),
    )
  })

  test('is itself after it was shown and read again, by both readers', () => {
    fc.assert(
      fc.property(networks, (n) => {
        expect(network(formatCidr(n))).toEqual(n)
        expect(parseSubnet(formatCidr(n))).toEqual(n)
      }),
    )
  })

  test('in a machine configuration loses its host bits without a word, and IPv4 inside IPv6 stays IPv6', () => {
    expect(parseSubnet('10.0.7.20/24')).toEqual(network('10.0.7.0/24'))
    expect(parseSubnet('2001:db8::5/64')).toEqual(network('2001:db8::/64'))
    expect(parseSubnet('::ffff:10.0.0.0/104')?.family).toBe(6)
    expect(['10.0.7.20', '10.0.7.0/33', 'fe80::%1/64', 'nodes', ''].map(parseSubnet)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  test('holds its first and its last address, and neither the one before nor the one behind', () => {
    fc.assert(
      fc.property(networks, (n) => {
        const at = (value: bigint): Address => ({ family: n.family, value })
        expect(contains(n, at(n.value)) && contains(n, at(lastOf(n)))).toBe(true)
        expect(contains(n, at(n.value - 1n)) || contains(n, at(lastOf(n) + 1n))).toBe(false)
        expect(contains(n, { family: n.family === 4 ? 6 : 4, value: n.value })).toBe(false)
      }),
    )
  })

  test('lies in another exactly where its ends do, and meets it exactly where one lies in the other', () => {
    fc.assert(
      fc.property(networks, networks, (a, b) => {
        const ends = contains(a, b) && contains(a, { family: b.family, value: lastOf(b) })
        expect(covers(a, b)).toBe(ends)
        expect(overlaps(a, b)).toBe(contains(a, b) || contains(b, a))
        expect(overlaps(a, b)).toBe(overlaps(b, a))
      }),
    )
  })
})

describe('many networks together', () => {
  test('are in order, and none lies in another; addresses are not joined', () => {
    const texts = ['2001:db8::/64', '10.0.7.20', '10.0.7.0/24', '10.0.8.1', '10.0.8.0', '10.0.7.0/24', '2001:db8::1']
    expect(mergeCidrs(texts.map(network)).map(formatCidr)).toEqual(['10.0.7.0/24', '10.0.8.0/32', '10.0.8.1/32', '2001:db8::/64'])
  })

  test('hold what they held, in any order and a second time', () => {
    fc.assert(
      fc.property(fc.array(networks, { maxLength: 12 }), addresses, (list, a) => {
        const merged = mergeCidrs(list)
        expect(merged.some((n) => contains(n, a))).toBe(list.some((n) => contains(n, a)))
        expect(merged.some((n, i) => merged.some((m, j) => i !== j && overlaps(n, m)))).toBe(false)
        expect(mergeCidrs(merged)).toEqual(merged)
        expect(mergeCidrs(list.toReversed())).toEqual(merged)
      }),
    )
  })
})
