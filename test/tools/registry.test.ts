import { expect, test } from 'vitest'
import type { VerbName } from '../../src/domain/verbs.ts'
import { REGISTRY } from '../../src/tools/registry.ts'
import type { Verb } from '../../src/tools/verb.ts'
import { type Expected, OF_OTHERS, OF_TALOSCTL, patches } from './argument-lists.ts'
import { OF_KUBECTL } from './kubectl-argument-lists.ts'

const EXPECTED: Expected = { ...OF_TALOSCTL, ...OF_KUBECTL, ...OF_OTHERS }

const names = Object.keys(EXPECTED) as VerbName[]
const UNMARKED = Object.fromEntries(
  ['needs', 'secret', 'terminal', 'nodes', 'cwd', 'changes', 'kubernetes', 'input'].map((mark) => [mark, undefined]),
)
const verbOf = (name: VerbName) => REGISTRY[name] as Verb<unknown>

test('every verb is here', () => {
  expect(Object.keys(REGISTRY).toSorted()).toEqual(names.toSorted())
})

test.each(names)('%s runs exactly this', (name) => {
  const verb = verbOf(name)
  const [args, argv, marks] = EXPECTED[name]
  expect([verb.tool, ...verb.argv(args)]).toEqual(argv)
  expect({
    needs: verb.needs,
    secret: verb.secret,
    terminal: verb.terminal,
    nodes: verb.nodes?.(args),
    cwd: verb.cwd?.(args),
    changes: verb.changes?.(args),
    kubernetes: verb.kubernetes,
    input: verb.input?.(args),
  }).toEqual({ ...UNMARKED, ...marks })
})

test.each(names)('%s has a time limit', (name) => {
  expect(verbOf(name).seconds).toBeGreaterThan(0)
  // a large file may take its time; that nothing comes is noticed by whoever watches it grow
  expect(verbOf(name).seconds).toBeLessThanOrEqual(verbOf(name).writes ? 4 * 3600 : 600)
})

test('a dry run of a patch says so and changes nothing', () => {
  const verb = REGISTRY['talosctl.patch']
  const args = { node: '10.0.0.1', patches, dryRun: true }
  expect(verb.argv(args).slice(0, 6)).toEqual(['patch', 'machineconfigs.config.talos.dev', 'v1alpha1', '--mode', 'no-reboot', '--dry-run'])
  expect(verb.changes?.(args)).toBe(false)
})

test.each([
  ['kubectl.apply', { manifests: [], dryRun: true }],
  ['kubectl.deletePolicies', { namespace: 'shop', names: ['a'], dryRun: true }],
] as const)('a dry run of %s is one of the server, and changes nothing', (name, args) => {
  const verb = verbOf(name)
  expect(verb.argv(args)).toContain('--dry-run=server')
  expect(verb.changes?.(args)).toBe(false)
})

test('a look at what a stricter level would say changes no label', () => {
  expect(REGISTRY['kubectl.previewLevel'].argv({ level: 'baseline', namespaces: ['shop'] })).toContain('--dry-run=server')
  expect(verbOf('kubectl.previewLevel').changes).toBeUndefined()
})

test('an address of an API server is written as a URL has it', () => {
  expect(REGISTRY['kubectl.readyz'].argv({ address: '10.0.0.1' })[1]).toBe('https://10.0.0.1:6443')
})

test('what a node keeps secret is asked of an admin alone, and no verb that asks a node goes without a role', () => {
  for (const name of names) {
    const verb = verbOf(name)
    expect([name, verb.needs !== undefined]).toEqual([name, verb.nodes !== undefined])
    if (name.startsWith('talosctl.') && verb.secret && verb.nodes) expect([name, verb.needs]).toEqual([name, ['os:admin']])
  }
})
