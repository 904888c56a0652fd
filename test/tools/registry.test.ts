import { expect, test } from 'vitest'
import type { VerbName, Verbs } from '../../src/domain/verbs.ts'
import { REGISTRY } from '../../src/tools/registry.ts'
import type { Verb } from '../../src/tools/verb.ts'

/** The argument lists that are run, as they are run. Node calls get `--talosconfig --context --nodes` in front. */

const patches = [{ machine: { sysctls: { 'net.ipv4.tcp_syncookies': '1' } } }, { kind: 'SysctlConfig', $patch: 'delete' }]

const EXPECTED: {
  [V in VerbName]: [
    Verbs[V],
    string[],
    Partial<Pick<Verb<unknown>, 'needs' | 'secret' | 'terminal'>> & { nodes?: string[]; cwd?: string; changes?: boolean },
  ]
} = {
  'talosctl.clientVersion': [{}, ['talosctl', 'version', '--client', '--short'], {}],
  'talosctl.version': [{ node: '10.0.0.1' }, ['talosctl', 'version', '--short'], { needs: 'os:reader', nodes: ['10.0.0.1'] }],
  'talosctl.members': [
    { node: '10.0.0.1' },
    ['talosctl', 'get', 'members.cluster.talos.dev', '-o', 'json'],
    { needs: 'os:reader', nodes: ['10.0.0.1'] },
  ],
  'talosctl.infos': [{}, ['talosctl', 'get', 'infos.cluster.talos.dev', '-o', 'json'], { needs: 'os:reader', nodes: [] }],
  'talosctl.kernelParams': [
    { nodes: ['10.0.0.1', '10.0.0.2'] },
    ['talosctl', 'get', 'kernelparamstatuses.runtime.talos.dev', '-o', 'json'],
    { needs: 'os:reader', nodes: ['10.0.0.1', '10.0.0.2'] },
  ],
  'talosctl.list': [
    { nodes: ['10.0.0.1'], path: '/proc/sys/net/ipv4' },
    ['talosctl', 'list', '/proc/sys/net/ipv4'],
    { needs: 'os:reader', nodes: ['10.0.0.1'] },
  ],
  'talosctl.machineConfigs': [
    { nodes: ['10.0.0.1'] },
    ['talosctl', 'get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'json'],
    { needs: 'os:admin', nodes: ['10.0.0.1'], secret: true },
  ],
  'talosctl.machineConfig': [
    { node: '10.0.0.1' },
    ['talosctl', 'get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}'],
    { needs: 'os:admin', nodes: ['10.0.0.1'], secret: true },
  ],
  'talosctl.etcdMembers': [{ node: '10.0.0.1' }, ['talosctl', 'etcd', 'members'], { needs: 'os:reader', nodes: ['10.0.0.1'] }],
  'talosctl.controllerLog': [
    { node: '10.0.0.1' },
    ['talosctl', 'logs', 'controller-runtime', '--tail', '200'],
    { needs: 'os:reader', nodes: ['10.0.0.1'] },
  ],
  'talosctl.patch': [
    { node: '10.0.0.1', patches, dryRun: false },
    [
      'talosctl',
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'no-reboot',
      '--patch',
      '{"machine":{"sysctls":{"net.ipv4.tcp_syncookies":"1"}}}',
      '--patch',
      '{"kind":"SysctlConfig","$patch":"delete"}',
    ],
    { needs: 'os:admin', nodes: ['10.0.0.1'], secret: true, changes: true },
  ],
  'talosctl.merge': [
    { config: '/memory/config.yaml', patches: patches.slice(0, 1) },
    ['talosctl', 'machineconfig', 'patch', '/memory/config.yaml', '--patch', '{"machine":{"sysctls":{"net.ipv4.tcp_syncookies":"1"}}}'],
    { secret: true },
  ],
  'age.version': [{}, ['age', '--version'], {}],
  'age.encrypt': [
    { recipients: ['age1a', 'ssh-ed25519 AAAA ann@desk'] },
    ['age', '--recipient', 'age1a', '--recipient', 'ssh-ed25519 AAAA ann@desk'],
    {},
  ],
  'age.decrypt': [{ identity: '/home/identity' }, ['age', '--decrypt', '--identity', '/home/identity'], { secret: true }],
  'age.keygen': [{}, ['age-keygen'], { secret: true }],
  'age.recipientOf': [{ identity: '/home/identity' }, ['age-keygen', '-y', '/home/identity'], {}],
  'age.protect': [{ output: '/home/identity' }, ['age', '--passphrase', '--armor', '--output', '/home/identity'], { terminal: true }],
  'git.root': [{ folder: '/w' }, ['git', 'rev-parse', '--show-toplevel'], { cwd: '/w' }],
  'git.tracked': [{ folder: '/w' }, ['git', 'ls-files', '-z'], { cwd: '/w' }],
  'git.ignored': [{ folder: '/w', paths: [] }, ['git', 'check-ignore', '-z', '--stdin'], { cwd: '/w' }],
  'git.objects': [
    { folder: '/w' },
    ['git', 'cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objectname) %(objecttype) %(objectsize)'],
    { cwd: '/w' },
  ],
  'git.contents': [{ folder: '/w' }, ['git', 'cat-file', '--batch', '--buffer'], { cwd: '/w' }],
  'git.whoBrought': [
    { folder: '/w', object: '0123abcd' },
    [
      'git',
      'log',
      '--all',
      '--reverse',
      '--format=%h',
      '--name-only',
      '-z',
      '--find-object=0123abcd',
      '--diff-filter=AM',
      '--max-count=20',
    ],
    { cwd: '/w' },
  ],
  'kubectl.clientVersion': [{}, ['kubectl', 'version', '--client', '--output', 'json'], {}],
}

const names = Object.keys(EXPECTED) as VerbName[]
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
  }).toEqual({ needs: undefined, secret: undefined, terminal: undefined, nodes: undefined, cwd: undefined, changes: undefined, ...marks })
})

test.each(names)('%s has a time limit', (name) => {
  expect(verbOf(name).seconds).toBeGreaterThan(0)
  expect(verbOf(name).seconds).toBeLessThanOrEqual(600)
})

test('a dry run of a patch says so and changes nothing', () => {
  const verb = REGISTRY['talosctl.patch']
  const args = { node: '10.0.0.1', patches, dryRun: true }
  expect(verb.argv(args).slice(0, 6)).toEqual(['patch', 'machineconfigs.config.talos.dev', 'v1alpha1', '--mode', 'no-reboot', '--dry-run'])
  expect(verb.changes?.(args)).toBe(false)
})

test('what a node keeps secret is asked of an admin alone, and no verb that asks a node goes without a role', () => {
  for (const name of names) {
    const verb = verbOf(name)
    expect([name, verb.needs !== undefined]).toEqual([name, verb.nodes !== undefined])
    if (name.startsWith('talosctl.') && verb.secret && verb.nodes) expect([name, verb.needs]).toEqual([name, 'os:admin'])
  }
})
