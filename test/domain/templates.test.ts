import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { type SysctlForm, wantedSysctls } from '../../src/domain/sysctl.ts'
import { asPatch, fillMap } from '../../src/domain/templates.ts'
import { mergeInto, mergeText } from '../../src/practice/merge.ts'
import { machineConfig, newState, type PracticeNode } from '../../src/practice/state.ts'

const folder = new URL('../../templates/', import.meta.url)
const template = (path: string): string => readFileSync(new URL(path, folder), 'utf8')
const PATHS: Record<SysctlForm, string[]> = { 'machine.sysctls': ['machine', 'sysctls'], SysctlConfig: ['params'] }
const FORMS = Object.keys(PATHS) as SysctlForm[]
const everyKey = wantedSysctls({ logMartians: true, alsoSet: {} })

const small = ['# head', 'map:', '  # first of two', '  a: "1" # one', '  b: "2"', '  # alone', '  c: "3"', '# end', 'rest: [1]', ''].join(
  '\n',
)

describe('a template', () => {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))

  test.each(names)('%s is valid YAML on its own and says in comments what it is', (name) => {
    for (const doc of [parseAllDocuments(template(name))].flat()) expect([...doc.errors, ...doc.warnings]).toEqual([])
    expect(template(name)).toMatch(/^# /)
  })

  test.each(FORMS)('of %s holds exactly the keys that the step wants, with their values', (form) => {
    const whole: unknown = parse(template(`INF-10/${form}.yaml`))
    expect(PATHS[form].reduce((value, key) => (value as Record<string, unknown>)[key], whole)).toEqual(everyKey)
  })
})

describe('filling a template', () => {
  test('keeps place and comments of keys that stay, and adds others at the end', () => {
    expect(fillMap(small, ['map'], { b: '0', d: '4', a: '9', c: '3' })).toBe(
      [
        '# head',
        'map:',
        '  # first of two',
        '  a: "9" # one',
        '  b: "0"',
        '  # alone',
        '  c: "3"',
        '  d: "4"',
        '# end',
        'rest: [ 1 ]',
        '',
      ].join('\n'),
    )
  })

  test('hands a comment on to the next key that it stands for, and drops it with the last', () => {
    expect(fillMap(small, ['map'], { b: '0', c: '3' })).toContain('map:\n  # first of two\n  b: "0"\n  # alone\n  c: "3"\n')
    expect(fillMap(small, ['map'], { c: '3' })).toContain('map:\n  # alone\n  c: "3"\n')
  })

  test('refuses a template without a map at the path', () => {
    expect(() => fillMap(small, ['rest'], {})).toThrow('the template has no map at rest')
    expect(() => fillMap(small, ['map', 'a', 'b'], {})).toThrow()
    expect(() => fillMap('a: [', ['a'], {})).toThrow('the template has no map at a')
  })

  test('takes any key and value as text, and never lets one change the structure', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('a: b', '- x', '---', '...', '*x', '&x', '!!int 3', '"', "'", '\n', '#', '{', 'null', '1e9', '<<'),
    )
    fc.assert(
      fc.property(fc.dictionary(word, word), (values) => {
        const filled = parse(fillMap(small, ['map'], values)) as { map: Record<string, string>; rest: unknown }
        expect(Object.keys(filled)).toEqual(['map', 'rest'])
        expect(new Map(Object.entries(filled.map))).toEqual(new Map(Object.entries(values)))
        expect(filled.rest).toEqual([1])
      }),
    )
  })
})

describe('a patch made from a template', () => {
  const state = newState('default')
  const node = (version: string, sysctls: Record<string, string> | null, document: Record<string, string> | null): PracticeNode => ({
    ...(state.nodes[0] as PracticeNode),
    version,
    machineSysctls: sysctls,
    sysctlDocument: document,
  })
  const someKeys = fc.dictionary(
    fc.constantFrom(...Object.keys(everyKey), 'net.ipv4.tcp_rfc1337', 'vm.swappiness'),
    fc.constantFrom('0', '1', '2'),
    { minKeys: 1 },
  )
  const held = fc.option(fc.dictionary(fc.constantFrom(...Object.keys(everyKey), 'vm.swappiness'), fc.constantFrom('0', '1', '2')), {
    nil: null,
  })

  test.each(FORMS)('of %s changes nothing the second time, in the state and in the text', (form) => {
    fc.assert(
      fc.property(someKeys, held, held, (values, sysctls, document) => {
        const patch = asPatch(fillMap(template(`INF-10/${form}.yaml`), PATHS[form], values))
        const before = node('v1.14.1', sysctls, document)
        const once = mergeInto(before, [patch])
        if ('error' in once) throw new Error(once.error)
        expect(mergeInto(once.node, [patch])).toEqual({ node: once.node, changed: false })
        const text = mergeText(machineConfig(before, state.clusterId), [patch])
        expect(mergeText(text ?? '', [patch])).toBe(text)
      }),
    )
  })

  test.each(FORMS)('of %s sets its keys and touches nothing else', (form) => {
    const before = node('v1.14.1', { 'vm.swappiness': '1' }, { 'vm.swappiness': '2' })
    const after = mergeInto(before, [asPatch(template(`INF-10/${form}.yaml`))])
    const set =
      form === 'SysctlConfig'
        ? { sysctlDocument: { 'vm.swappiness': '2', ...everyKey } }
        : { machineSysctls: { 'vm.swappiness': '1', ...everyKey } }
    expect(after).toEqual({ node: { ...before, ...set }, changed: true })
  })
})
