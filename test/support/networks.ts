import fc from 'fast-check'
import { type Address, type Cidr, widthOf } from '../../src/domain/cidr.ts'

/** Addresses and networks that meet each other now and then: from a small part of each family, and from all of it. */

const valuesOf = (family: 4 | 6): fc.Arbitrary<bigint> => {
  const all = (1n << BigInt(widthOf(family))) - 1n
  const small = family === 4 ? 0x0a000000n : 0x20010db8n << 96n
  return fc.oneof(fc.bigInt({ min: small, max: small + 1023n }), fc.bigInt({ min: 0n, max: all }), fc.constantFrom(0n, all)).filter(
    // such an address is shown and read as IPv4
    (value) => family === 4 || value >> 32n !== 0xffffn,
  )
}

const families = fc.constantFrom<4 | 6>(4, 6)

export const addresses: fc.Arbitrary<Address> = families.chain((family) => valuesOf(family).map((value) => ({ family, value })))

export const networks: fc.Arbitrary<Cidr> = families
  .chain((family) =>
    fc.record({
      family: fc.constant(family),
      value: valuesOf(family),
      bits: fc.oneof(fc.integer({ min: widthOf(family) - 10, max: widthOf(family) }), fc.integer({ min: 0, max: widthOf(family) })),
    }),
  )
  .map(({ family, value, bits }) => ({ family, bits, value: (value >> BigInt(widthOf(family) - bits)) << BigInt(widthOf(family) - bits) }))
  .filter(({ family, value }) => family === 4 || value >> 32n !== 0xffffn)
