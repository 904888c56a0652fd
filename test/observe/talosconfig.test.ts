import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTalosconfig } from '../../src/observe/talosconfig.ts'
import certificates from '../../src/practice/certificates.json' with { type: 'json' }
import recorded from '../recordings/certificates.json' with { type: 'json' }

const key = Buffer.from(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64')
const context = (crt: string, more: Record<string, unknown> = {}) => ({
  endpoints: ['10.0.0.1', '10.0.0.2'],
  ca: certificates.ca,
  crt,
  key,
  ...more,
})
const config = (contexts: Record<string, unknown>, current = 'admin') => JSON.stringify({ context: current, contexts })
const contextsOf = (source: string) => {
  const parsed = parseTalosconfig(source, '/home/ann/.talos/config')
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed.contexts
}

describe('a talosconfig', () => {
  test('gives role, lifetime and fingerprints of each context, and no key', () => {
    const source = config({
      admin: context(certificates.adminForAYear, { nodes: ['10.0.0.9'] }),
      reader: context(certificates.readerForSixtyDays),
    })
    const contexts = contextsOf(source)
    expect(contexts).toEqual([
      {
        name: 'admin',
        file: '/home/ann/.talos/config',
        current: true,
        endpoints: ['10.0.0.1', '10.0.0.2'],
        nodes: ['10.0.0.9'],
        roles: ['os:admin'],
        ca: expect.stringMatching(/^[0-9a-f]{64}$/),
        certificate: expect.stringMatching(/^[0-9a-f]{64}$/),
        notBefore: '2026-11-23T15:54:40.000Z',
        notAfter: '2027-11-23T15:54:40.000Z',
      },
      expect.objectContaining({ name: 'reader', current: false, nodes: [], roles: ['os:reader'] }),
    ])
    expect(contexts[0]?.ca).toBe(contexts[1]?.ca)
    expect(contexts[0]?.certificate).not.toBe(contexts[1]?.certificate)
    expect(JSON.stringify(contexts)).not.toContain(key)
  })

  test('of a person with two roles gives both', () => {
    expect(contextsOf(config({ a: context(recorded.readerAndBackup) }))[0]?.roles).toEqual(['os:reader', 'os:etcd:backup'])
  })

  test('of a certificate without a role gives none', () => {
    expect(contextsOf(config({ a: context(certificates.ca) }))[0]).toMatchObject({ roles: [], certificate: expect.stringMatching(/./) })
  })

  test.each([
    ['has no client certificate that can be read', { ca: certificates.ca, key }],
    ['has no client certificate that can be read', context('bm90IGEgY2VydGlmaWNhdGU=')],
    ['has no CA certificate that can be read', { ...context(certificates.adminForAYear), ca: 7 }],
    ['has no endpoints', { ...context(certificates.adminForAYear), endpoints: [] }],
    ['has no endpoints', { ...context(certificates.adminForAYear), endpoints: 'all' }],
    ['has no client certificate that can be read', null],
    ['signs in through Omni, not with a certificate', { endpoints: ['omni.example.com'], auth: { siderov1: { identity: 'ann' } } }],
  ])('says that a context %s', (problem, raw) => {
    expect(contextsOf(config({ admin: raw }))[0]?.problem).toBe(problem)
  })

  test('that is none says so, with the line where it is no YAML', () => {
    expect(parseTalosconfig('a: [\n', 'f')).toEqual({ problem: 'is not YAML (line 2)' })
    for (const source of ['', '[]', 'contexts: 7', 'contexts:\n', 'apiVersion: v1\nkind: Config\n', 'text'])
      expect(parseTalosconfig(source, 'f')).toEqual({ problem: 'holds no contexts, so it is no talosconfig' })
  })

  test('whose aliases multiply or lead nowhere is none', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)
    expect(parseTalosconfig(`a0: &a0 x\n${levels.join('\n')}\ncontexts: {a: {crt: *a30}}\n`, 'f')).toHaveProperty('problem')
    expect(parseTalosconfig('contexts: *nowhere\n', 'f')).toHaveProperty('problem')
  })

  test('never throws, never repeats the key, and leaves no control character, whatever it holds', () => {
    const word = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\u001b[2J', key, certificates.ca, '\n', '\u202e'))
    const value = fc.oneof(word, fc.array(word, { maxLength: 3 }), fc.integer(), fc.constant(null))
    const raw = fc.record(
      {
        endpoints: value,
        nodes: value,
        ca: fc.oneof(value, fc.constant(certificates.ca)),
        crt: fc.oneof(value, fc.constant(certificates.adminForFiveDays)),
        key: fc.constant(key),
        auth: value,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.dictionary(
          word.filter((w) => w !== key),
          fc.oneof(raw, value),
        ),
        (contexts) => {
          const parsed = parseTalosconfig(config(contexts), 'f')
          if ('problem' in parsed) return
          const { endpoints: _, nodes: __, ...first } = parsed.contexts[0] ?? { endpoints: [], nodes: [] }
          expect(JSON.stringify(first)).not.toContain(key)
          for (const c of parsed.contexts)
            for (const text of [c.name, ...c.endpoints, ...c.nodes, ...c.roles])
              expect(text).not.toMatch(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u)
        },
      ),
    )
  })
})
