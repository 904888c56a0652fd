import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import {
  newProfile,
  profileSchema,
  type RecipientEntry,
  readProfile,
  withAnswer,
  withIdentity,
  withoutRecipient,
  withRecipient,
  withWord,
} from '../../src/domain/profile.ts'

const small = 'version: 1\ncluster: {name: lab, environment: lab}\n'
const read = (source: string) => {
  const result = readProfile(source)
  if ('problems' in result) throw new Error(result.problems.map((p) => `${p.line}:${p.column} ${p.message}`).join('; '))
  return result.profile
}
const problems = (source: string) => {
  const result = readProfile(source)
  if (!('problems' in result)) throw new Error('was accepted')
  return result
}

const you: RecipientEntry = { name: 'you', role: 'operator', recipient: 'age1you', opens: ['secrets', 'backups'] }
const word = { step: 'CRT-01', by: 'ann@desk', why: 'moved on Friday', on: '2026-11-23', until: '2026-12-31' }
const identity = { ca: 'ab'.repeat(32), id: 'c2VsZg==' }

describe('a profile', () => {
  test('with a private key anywhere in it is refused with the place, and the key is not repeated', () => {
    const key = 'AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSN'
    expect(problems(`${small}steps: {K8S-04: {namespace: x}}\nwaivers:\n  - {step: X, until: ${key}}\n`).problems).toEqual([
      {
        line: 5,
        column: 22,
        path: '',
        message: 'a private key stands here, in a file that is meant for git: take it out, and make a new one',
      },
    ])
  })

  test('is refused with line, column and what was expected', () => {
    expect(problems('version: 1\ncluster:\n  name: lab\n  environment: prod\n').problems).toEqual([
      { line: 4, column: 16, path: 'cluster.environment', message: 'expected one of production, staging, lab, found "prod"' },
    ])
    expect(problems(`${small}waivers:\n  - {step: X, by: me, why: so, on: today, until: 2026-12-31}\n`).problems).toEqual([
      { line: 4, column: 36, path: 'waivers[0].on', message: 'expected a day as in 2026-12-31, found "today"' },
    ])
  })

  test('with a key that nobody knows is refused and the key is named', () => {
    expect(problems(`${small}recipient: []\n`).problems[0]).toEqual({
      line: 3,
      column: 1,
      path: 'recipient',
      message: 'unknown key "recipient", did you mean "recipients"',
    })
  })

  test('of a newer version is refused as newer, with its line, whatever else it holds', () => {
    expect(problems('# mine\nversion: 2\nsomething: new\n')).toEqual({
      newer: 2,
      problems: [{ line: 2, column: 1, path: 'version', message: 'version 2 is newer than 1, which this program knows' }],
    })
    expect(problems('version: 0\ncluster: {name: a, environment: lab}\n')).not.toHaveProperty('newer')
  })

  test('that is new is read again as it was made, and says in comments what may be added', () => {
    const source = newProfile({ name: 'a: "b"', environment: 'staging', observe: 'me@lab', delivery: 'gitops', identity })
    expect(read(source)).toEqual({
      version: 1,
      cluster: { name: 'a: "b"', environment: 'staging', identity },
      delivery: 'gitops',
      access: { observe: 'me@lab' },
      recipients: [],
    })
    expect(source).toContain('# change: NAME')
  })
})

describe('an edit', () => {
  test('keeps a comment that stands beside an empty list, an empty map or nothing', () => {
    expect(withRecipient(`${small}recipients: [] # nobody yet\nnodes: []\n`, you)).toBe(
      [
        'version: 1',
        'cluster: { name: lab, environment: lab }',
        'recipients:',
        '  # nobody yet',
        '  - name: you',
        '    role: operator',
        '    recipient: age1you',
        '    opens:',
        '      - secrets',
        '      - backups',
        'nodes: []',
        '',
      ].join('\n'),
    )
    expect(withRecipient(`${small}recipients: # nobody yet\n`, you)).toContain('  # nobody yet\n  - name: you\n')
    expect(withAnswer(`${small}steps: # none yet\n`, 'X-01', 'log', true)).toContain('steps:\n  # none yet\n  X-01:\n    log: true\n')
  })

  test('of an answer keeps the comment beside the value', () => {
    const source = `${small}steps:\n  X-01: # mine\n    log: false # too loud\n`
    expect(withAnswer(source, 'X-01', 'log', true)).toBe(
      'version: 1\ncluster: { name: lab, environment: lab }\nsteps:\n  X-01:\n    # mine\n    log: true # too loud\n',
    )
  })

  test('takes a recipient out by its name alone', () => {
    const two = withRecipient(withRecipient(newProfile({ name: 'a', environment: 'lab', delivery: 'live' }), you), { ...you, name: 'safe' })
    expect(read(withoutRecipient(two, 'you')).recipients?.map((r) => r.name)).toEqual(['safe'])
    expect(withoutRecipient(two, 'nobody')).toBe(two)
  })

  test('writes no text that another program would read as something else', () => {
    for (const value of ['no', '1e3', '0x10', '~', '- a', 'a: b', '# a', "it's", 'two\nlines', '\u001b[31m']) {
      const source = withWord(withAnswer(small, 'X-01', 'q', value), 'waivers', { ...word, why: value })
      expect(read(source).steps).toEqual({ 'X-01': { q: value } })
      expect(read(source).waivers?.[0]?.why).toBe(value)
    }
  })

  test('sets the identity once and changes it in place, comments and all', () => {
    const bound = withIdentity(small, identity)
    expect(read(bound).cluster.identity).toEqual(identity)
    const block = 'version: 1\ncluster:\n  name: lab\n  environment: lab\n  identity:\n    # seen on Monday\n    ca: x # one\n    id: y\n'
    expect(withIdentity(block, identity)).toBe(
      `version: 1\ncluster:\n  name: lab\n  environment: lab\n  identity:\n    # seen on Monday\n    ca: ${identity.ca} # one\n    id: ${identity.id}\n`,
    )
  })

  /** Blocks of a whole profile, as somebody might have written them. */
  const BLOCKS = [
    ['version: 1'],
    ['cluster:', '  name: lab', '  environment: lab'],
    ['delivery: live'],
    ['access:', '  observe: reader@lab', '  change: admin@lab'],
    ['nodes:', '  - 10.0.0.1', '  - 10.0.0.2'],
    ['recipients:', '  - name: ann', '    role: operator', '    recipient: age1ann', '    opens: [secrets]'],
    ['steps:', '  INF-10:', '    logMartians: yes', '  CRT-04:', '    adminDays: 7'],
    ['waivers:', '  - step: CRT-04', '    by: ann', '    why: "soon"', '    on: 2026-11-01', '    until: 2026-12-01'],
    ['scan:', '  exclude:', '    - vendor'],
  ]
  const EMPTY: Record<string, string[]> = { recipients: ['recipients: []'], steps: ['steps: {}'], waivers: ['waivers:'] }

  const profiles = fc
    .record({
      order: fc.shuffledSubarray(BLOCKS, { minLength: BLOCKS.length }),
      empty: fc.subarray(Object.keys(EMPTY)),
      before: fc.infiniteStream(fc.boolean()),
      behind: fc.infiniteStream(fc.boolean()),
    })
    .map(({ order, empty, before, behind }) => {
      let count = 0
      const lines = order
        .flatMap((block) => {
          const key = (block[0] ?? '').split(':')[0] ?? ''
          return empty.includes(key) ? (EMPTY[key] ?? []) : block
        })
        .flatMap((line) => {
          const indent = /^ */.exec(line)?.[0] ?? ''
          return [...(before.next().value ? [`${indent}# note ${count++}`] : []), behind.next().value ? `${line} # note ${count++}` : line]
        })
      return `${lines.join('\n')}\n`
    })

  const notes = (source: string) => [...source.matchAll(/# note \d+/g)].map((m) => m[0])
  const keys = (source: string) => Object.keys(parse(source) as Record<string, unknown>)

  const edits = fc.constantFrom<[string, (source: string) => string, (profile: ReturnType<typeof read>) => unknown, unknown]>(
    ['adds a recipient', (s) => withRecipient(s, you), (p) => p.recipients?.at(-1), you],
    ['attests', (s) => withWord(s, 'attestations', word), (p) => p.attestations?.at(-1), word],
    ['waives', (s) => withWord(s, 'waivers', { ...word, object: 'node/cp1' }), (p) => p.waivers?.at(-1), { ...word, object: 'node/cp1' }],
    ['answers anew', (s) => withAnswer(s, 'CRT-04', 'readerDays', 30), (p) => p.steps?.['CRT-04']?.readerDays, '30'],
    ['answers again', (s) => withAnswer(s, 'INF-10', 'logMartians', 'no'), (p) => p.steps?.['INF-10']?.logMartians, 'no'],
    ['binds', (s) => withIdentity(s, identity), (p) => p.cluster.identity, identity],
  )

  test('keeps every comment in its order, the order of keys and all other values', () => {
    fc.assert(
      fc.property(profiles, fc.array(edits, { minLength: 1, maxLength: 4 }), (source, list) => {
        let now = source
        for (const [, edit, see, expected] of list) {
          const before = now
          now = edit(before)
          expect(see(read(now))).toEqual(expected)
          expect(notes(now)).toEqual(notes(before))
          expect(keys(now).slice(0, keys(before).length)).toEqual(keys(before))
        }
        const was = read(source)
        const is = read(now)
        expect(is).toMatchObject({ version: was.version, delivery: was.delivery, access: was.access, nodes: was.nodes, scan: was.scan })
        expect(is.recipients?.slice(0, was.recipients?.length ?? 0)).toEqual(was.recipients ?? [])
      }),
    )
  })
})

describe('the published schema', () => {
  const published = JSON.parse(readFileSync(new URL('../../schemas/preflight.schema.json', import.meta.url), 'utf8'))

  test('is what the program checks by; npm run schemas writes it', () => {
    expect(published).toEqual(profileSchema())
  })

  test('takes and refuses what the program takes and refuses', () => {
    const valid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(published)
    const whole = {
      version: 1,
      cluster: { name: 'lab', environment: 'lab', identity },
      delivery: 'live',
      access: { observe: 'a', change: 'b', backup: 'c' },
      talosconfig: 'a',
      kubernetes: { kubeconfig: 'a', context: 'b' },
      nodes: ['10.0.0.1'],
      recipients: [you],
      steps: { 'INF-10': { logMartians: true, days: 7, alsoSet: 'a=b' } },
      attestations: [word],
      waivers: [{ ...word, object: 'node/cp1' }],
      scan: { exclude: ['vendor'], seconds: 60 },
    }
    const paths = (value: unknown, at: string[] = []): string[][] => [
      at,
      ...(typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([k, v]) => paths(v, [...at, k])) : []),
    ]
    const values = fc.constantFrom<unknown>(
      '',
      'a',
      'node/cp1',
      'live',
      '2026-12-31',
      0,
      1,
      2,
      true,
      [],
      {},
      ['a'],
      ['secrets'],
      [1],
      { a: 'b' },
      { a: { b: 1 } },
    )
    const change = fc.oneof(
      fc.record({ path: fc.constantFrom(...paths(whole).slice(1)), value: values }),
      fc.record({ path: fc.constantFrom(...paths(whole).map((p) => [...p, 'surprise'])), value: values }),
      fc.record({ path: fc.constantFrom(...paths(whole).slice(1)), value: fc.constant(undefined) }),
    )
    const changed = (value: unknown, [key, ...rest]: string[], to: unknown): unknown => {
      if (key === undefined) return to
      if (Array.isArray(value)) return value.map((v, i) => (String(i) === key ? changed(v, rest, to) : v)).filter((v) => v !== undefined)
      if (typeof value !== 'object' || value === null) return value
      const map = value as Record<string, unknown>
      return { ...map, [key]: changed(map[key], rest, to) }
    }
    expect(valid(whole)).toBe(true)
    fc.assert(
      fc.property(change, ({ path, value }) => {
        const profile: unknown = JSON.parse(JSON.stringify(changed(whole, path, value)))
        expect([path, value, valid(profile)]).toEqual([path, value, !('problems' in readProfile(JSON.stringify(profile)))])
      }),
      { numRuns: 1000 },
    )
  })
})
