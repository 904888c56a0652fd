import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { holdsPrivateKey, kindOfRecipient, refuseRecipients } from '../../src/domain/recipients.ts'

const classic = await generateX25519Identity()
const quantum = await generateHybridIdentity()
const x25519 = await identityToRecipient(classic)
const hybrid = await identityToRecipient(quantum)
/** From the man page of age and the specification of its plugins. */
const ssh = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKVr9kC4zGdW5yKbGKfIrHYJjk1X8mSgTqSbTYvFh3zY ann@desk'
const yubikey = 'age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t'
const tag = 'age1tag1qgg72x2qfk9wg3wh0qg9u0v7l5dkq4jx69fv80p6wdus3ftg6flwgsy6qjl'

describe('a recipient', () => {
  test.each([
    ['X25519', x25519],
    ['post-quantum', hybrid],
    ['SSH', ssh],
    ['SSH', 'ssh-rsa AAAAB3NzaC1yc2E='],
    ['plugin', yubikey],
    ['hardware tag', tag],
    ['post-quantum hardware tag', tag.replace('tag', 'tagpq')],
  ])('is of kind %s', (kind, recipient) => {
    expect(kindOfRecipient(recipient)).toBe(kind)
  })

  test.each([
    '',
    'age1',
    x25519.slice(0, -1),
    x25519.toUpperCase(),
    `${x25519}\n`,
    `${x25519} `,
    'ecdsa-sha2-nistp256 AAAA',
    'ssh-ed25519',
    classic,
    '-i',
  ])('is not %j', (recipient) => {
    expect(kindOfRecipient(recipient)).toBeUndefined()
  })
})

describe('recipients together', () => {
  const named = (...recipients: string[]) => recipients.map((recipient, i) => ({ name: `n${i + 1}`, recipient }))

  test('are taken where age takes them', () => {
    expect(refuseRecipients(named(x25519, ssh, yubikey, tag))).toBeUndefined()
    expect(refuseRecipients(named(hybrid, tag.replace('tag', 'tagpq')))).toBeUndefined()
    expect(refuseRecipients([])).toBeUndefined()
  })

  test.each([classic, quantum, 'AGE-PLUGIN-YUBIKEY-1QQPSQYZ', classic.toLowerCase()])(
    'are refused with a private identity among them, which is not repeated',
    (identity) => {
      const why = refuseRecipients(named(x25519, identity))
      expect(why).toBe('n2: this is a private identity, not a recipient; take it out of the file now and make a new one')
      expect(why).not.toContain(identity)
    },
  )

  test('are refused with something that is no recipient', () => {
    expect(refuseRecipients(named('age1nothing'))).toBe('n1: "age1nothing…" is no age recipient')
  })

  test('are refused where one is named twice', () => {
    expect(refuseRecipients(named(x25519, ssh, x25519))).toBe('n3: the same recipient is named twice')
  })

  test('are refused where one is safe against a quantum computer and another is not, whichever comes first', () => {
    const why = 'is not: a file for both would not be safe against a quantum computer, and age refuses it'
    expect(refuseRecipients(named(hybrid, x25519))).toBe(`n1 is post-quantum and n2 ${why}`)
    expect(refuseRecipients(named(ssh, hybrid))).toBe(`n2 is post-quantum and n1 ${why}`)
  })
})

describe('a text that is to be kept', () => {
  const pem = `-----BEGIN ${'ED25519 PRIVATE'} KEY-----\nMC4CAQAwBQYDK2VwBCIEIAp5bNVcVJmvFEvT7DF1dOl6IBp1OYO6qd0bYVK2\n-----END`
  const identities = [classic, quantum, 'AGE-PLUGIN-YUBIKEY-1QQPSQYZ', classic.toLowerCase()]

  test.each([...identities, pem, pem.replaceAll('\n', '\\n'), pem.replaceAll('\n', ' '), btoa(pem)])('holds the private key %#', (key) => {
    for (const text of [key, `w1 is replaced;${key}`, `key: ${key}\nand more`]) expect(holdsPrivateKey(text)).toBe(true)
  })

  test.each([
    '',
    x25519,
    hybrid,
    ssh,
    yubikey,
    'an AGE-SECRET-KEY- was in the ticket, and is taken out',
    'age-plugin-yubikey-1.2.0 is not on this machine',
    'cp1 had a file with -----BEGIN PRIVATE KEY-----; it is gone',
    btoa('-----BEGIN CERTIFICATE-----\nMIIBfzCCASWgAwIBAgIRAKF0RyKp3yYpHqzjoqEDPDYwCgYIKoZIzj0EAwIwFTET'),
  ])('holds none: %#', (text) => {
    expect(holdsPrivateKey(text)).toBe(false)
  })
})
