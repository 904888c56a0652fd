import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '../../../src/contract.ts'
import type { VerbName, Verbs } from '../../../src/domain/verbs.ts'
import type { Version } from './cluster.ts'
import { configOf, nodeOf, patchConfig } from './nodes.ts'
import type { Operator } from './operator.ts'
import type { Form, Places } from './shape.ts'

/** The calls that are recorded: every verb as it is meant, and what the real tools refuse. */

export interface Recorded<V extends VerbName = VerbName> {
  verb: V
  case: string
  args: Verbs[V]
  /** Whose context is taken, whatever the verb needs. */
  as?: 'admin' | 'reader' | 'nobody'
  input?: Buffer | string
  form?: Form
  /** Paths of the JSON fields that are compared; all of them where there are none. */
  fields?: readonly string[]
  /** Another verb, whose recordings need this call before them. */
  keptWith?: VerbName
  /** What has to be done first, past the program. */
  before?: () => unknown
  /** It is asked again until this holds of what it prints: what a change does is seen a moment later. */
  until?: (stdout: string) => boolean
  /** Why practice has nothing like it. */
  beyondPractice?: string
}

const firewallOf = (net: string): Json[] => [
  {
    apiVersion: 'v1alpha1',
    kind: 'NetworkRuleConfig',
    name: 'talos-api',
    portSelector: { ports: [50000], protocol: 'tcp' },
    ingress: [{ subnet: `${net}.0/24` }],
  },
  { apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress: 'block' },
]

/** An address that moves, in the form of each version. */
export const movingAddress = (version: Version, address: string): Json =>
  version === '1.14'
    ? { apiVersion: 'v1alpha1', kind: 'Layer2VIPConfig', name: address, link: 'eth0' }
    : { machine: { network: { interfaces: [{ interface: 'eth0', vip: { ip: address } }] } } }

const OBJECT = ['node', 'metadata.id', 'metadata.namespace', 'metadata.type', 'metadata.version', 'metadata.owner']
const STATIC_POD = [
  ...OBJECT,
  'spec.metadata.annotations.*',
  'spec.metadata.namespace',
  'spec.spec.containers[].name',
  'spec.spec.containers[].image',
  'spec.spec.containers[].command[]',
]
const NETWORKS = [...OBJECT, 'spec.podCIDRs[]', 'spec.serviceCIDRs[]', 'spec.args[]']
const OPERATORS = [...OBJECT, 'spec.operator', 'spec.linkName', 'spec.vip.ip']

const KEY = 'net.ipv4.tcp_rfc1337'

/** Talosctl's calls, in an order in which each finds what it needs: the patches are a sequence that begins with no sysctls at all. */
export function talosctlCalls(me: Operator): Recorded[] {
  const { cluster } = me
  const [cp1, cp2, w1] = ['cp1', 'cp2', 'w1'].map((name) => nodeOf(cluster, name).address) as [string, string, string]
  const nobody = `${cluster.net}.77`
  const config = join(me.folder, 'config.yaml')
  writeFileSync(config, configOf(cluster, nodeOf(cluster, 'w1')), { mode: 0o600 })
  const planeConfig = join(me.folder, 'plane.yaml')
  writeFileSync(planeConfig, configOf(cluster, nodeOf(cluster, 'cp1')), { mode: 0o600 })
  const snapshot = join(me.folder, 'db.snapshot')
  const call = <V extends VerbName>(verb: V, name: string, args: Verbs[V], more: Partial<Recorded<V>> = {}): Recorded => ({
    verb,
    case: name,
    args,
    ...more,
  })
  const machine = (value: unknown) => ({ machine: { sysctls: { [KEY]: value } } }) as never
  const document = (value: unknown) => ({ apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: { [KEY]: value } }) as never
  const drop = { apiVersion: 'v1alpha1', kind: 'SysctlConfig', $patch: 'delete' } as never
  const absent = { $patch: 'delete' }
  const patch = (name: string, change: never, more: { dryRun?: boolean; node?: string } & Partial<Recorded> = {}): Recorded => {
    const { dryRun = false, node = w1, ...rest } = more
    return call('talosctl.patch', name, { node, patches: [change], dryRun }, rest as never)
  }
  return [
    call('talosctl.clientVersion', 'plain', {}),
    call('talosctl.version', 'worker', { node: w1 }),
    call('talosctl.version', 'unknown node', { node: nobody }),
    call('talosctl.members', 'control plane', { node: cp1 }),
    call('talosctl.members', 'worker', { node: w1 }),
    call('talosctl.members', 'reader', { node: cp1 }, { as: 'reader' }),
    call('talosctl.members', 'unknown node', { node: nobody }),
    call('talosctl.members', 'unknown context', { node: cp1 }, { as: 'nobody' }),
    call('talosctl.infos', 'control plane', { node: cp1 }),
    call('talosctl.infos', 'unknown node', { node: nobody }),
    call('talosctl.kernelParams', 'one node', { nodes: [w1] }),
    call('talosctl.kernelParams', 'two nodes', { nodes: [cp1, w1] }),
    call('talosctl.kernelParams', 'two nodes, one unknown', { nodes: [nobody, cp1] }),
    call('talosctl.list', 'one node', { nodes: [w1], path: '/proc/sys/net/ipv4/conf/all' }, { form: 'names' }),
    call('talosctl.list', 'two nodes', { nodes: [cp1, w1], path: '/proc/sys/net/ipv4/conf/all' }, { form: 'names' }),
    call('talosctl.list', 'folder that is not there', { nodes: [w1], path: '/proc/sys/net/nothing' }),
    call('talosctl.list', 'folder that is not there on two nodes', { nodes: [cp1, w1], path: '/proc/sys/net/nothing' }),
    call('talosctl.list', 'unknown node', { nodes: [nobody], path: '/proc/sys/net/ipv4/conf/all' }),
    call('talosctl.list', 'two nodes, one unknown', { nodes: [nobody, cp1], path: '/proc/sys/net/ipv4/conf/all' }, { form: 'names' }),
    call('talosctl.machineConfig', 'worker', { node: w1 }, { form: 'config' }),
    call('talosctl.machineConfig', 'reader', { node: w1 }, { as: 'reader' }),
    call('talosctl.machineConfig', 'unknown node', { node: nobody }),
    call('talosctl.etcdMembers', 'control plane', { node: cp1 }),
    call('talosctl.etcdMembers', 'reader', { node: cp1 }, { as: 'reader' }),
    call('talosctl.etcdMembers', 'worker', { node: w1 }),
    call('talosctl.etcdMembers', 'unknown node', { node: nobody }),
    call('talosctl.etcdStatus', 'control plane', { nodes: [cp1] }),
    call('talosctl.etcdStatus', 'two control planes', { nodes: [cp1, cp2] }),
    call('talosctl.etcdStatus', 'reader', { nodes: [cp1] }, { as: 'reader' }),
    call('talosctl.etcdStatus', 'worker', { nodes: [w1] }),
    call('talosctl.snapshot', 'control plane', { node: cp1, path: snapshot }),
    call('talosctl.snapshot', 'reader', { node: cp1, path: snapshot }, { as: 'reader' }),
    call('talosctl.snapshot', 'worker', { node: w1, path: snapshot }),
    call('talosctl.snapshot', 'unknown node', { node: nobody, path: snapshot }),
    call('talosctl.newBundle', 'plain', {}, { form: 'bundle' }),
    call('talosctl.bundleFrom', 'control plane', { config: planeConfig }, { form: 'bundle' }),
    call('talosctl.bundleFrom', 'config that is not there', { config: join(me.folder, 'nothing.yaml') }),
    call('talosctl.staticPods', 'control plane and worker', { nodes: [cp1, w1] }, { fields: STATIC_POD }),
    call('talosctl.staticPods', 'worker', { nodes: [w1] }),
    call('talosctl.configs', 'one node', { nodes: [w1] }),
    call('talosctl.configs', 'two nodes', { nodes: [cp1, w1] }),
    call('talosctl.configs', 'reader', { nodes: [w1] }, { as: 'reader' }),
    call('talosctl.configs', 'reader, two nodes', { nodes: [cp1, w1] }, { as: 'reader' }),
    call('talosctl.configs', 'two nodes, one unknown', { nodes: [nobody, cp1] }),
    call('talosctl.sockets', 'one node', { nodes: [w1] }, { form: 'sockets' }),
    call('talosctl.sockets', 'two nodes', { nodes: [cp1, w1] }, { form: 'sockets' }),
    call('talosctl.sockets', 'unknown node', { nodes: [nobody] }),
    call('talosctl.firewallChains', 'none is set', { nodes: [w1] }),
    ...firewallOf(cluster.net).map((p) => patch('a firewall is set', p as never, { keptWith: 'talosctl.firewallChains' })),
    call('talosctl.firewallChains', 'one is set', { nodes: [w1] }, { until: (stdout) => stdout.includes('"drop"') }),
    call('talosctl.firewallChains', 'reader', { nodes: [w1] }, { as: 'reader' }),
    call('talosctl.admission', 'control plane and worker', { nodes: [cp1, w1] }),
    call('talosctl.admission', 'worker', { nodes: [w1] }),
    call('talosctl.auditPolicy', 'control plane and worker', { nodes: [cp1, w1] }),
    call('talosctl.auditPolicy', 'reader', { nodes: [cp1] }, { as: 'reader' }),
    call('talosctl.networks', 'control plane and worker', { nodes: [cp1, w1] }, { fields: NETWORKS }),
    call('talosctl.operators', 'none is set', { nodes: [cp1, w1] }),
    call(
      'talosctl.operators',
      'an address that moves',
      { nodes: [cp2] },
      {
        fields: OPERATORS,
        before: () => patchConfig(cluster, nodeOf(cluster, 'cp2'), movingAddress(cluster.version, `${cluster.net}.50`) as object),
        until: (stdout) => stdout.includes('"vip"'),
        beyondPractice: 'no address of its cluster moves',
      },
    ),
    call('talosctl.try', 'reader', { node: w1, patches: [machine('1')], seconds: 20 }, { as: 'reader' }),
    call('talosctl.try', 'unknown node', { node: nobody, patches: [machine('1')], seconds: 20 }),
    call('talosctl.try', 'a new key', { node: w1, patches: [machine('1')], seconds: 20 }),
    patch('the same is kept', machine('1'), { keptWith: 'talosctl.try' }),
    call('talosctl.try', 'what is there already', { node: w1, patches: [machine('1')], seconds: 20 }),
    call('talosctl.machineLog', 'worker', { node: w1 }, { form: 'machine log' }),
    call('talosctl.machineLog', 'unknown node', { node: nobody }),
    call('talosctl.controllerLog', 'control plane', { node: cp1, about: 'sysctl' }, { form: 'log' }),
    call('talosctl.controllerLog', 'unknown node', { node: nobody, about: 'sysctl' }),
    patch('reader', machine('1'), { as: 'reader', dryRun: true }),
    patch('unknown node', machine('1'), { node: nobody, dryRun: true }),
    patch('dry run of a new key', machine('1'), { dryRun: true }),
    patch('a new key', machine('1')),
    patch('the same key and value again', machine('1')),
    patch('dry run of the same key and value again', machine('1'), { dryRun: true }),
    patch('another value', machine('0')),
    patch('delete the key', machine(absent)),
    patch('delete a key that is not there', machine(absent)),
    patch('dry run of deleting a key that is not there', machine(absent), { dryRun: true }),
    patch('dry run of a new key in the document', document('1'), { dryRun: true }),
    patch('delete a key of a document that is not there', document(absent), { dryRun: true }),
    patch('a new key in the document', document('1')),
    patch('the same in the document again', document('1')),
    patch('delete the key of the document', document(absent)),
    patch('delete a key that is not in the document', document(absent)),
    patch('delete the document', drop),
    patch('delete a document that is not there', drop),
    patch('dry run of deleting a document that is not there', drop, { dryRun: true }),
    call('talosctl.merge', 'a new key', { config, patches: [machine('1')] }, { form: 'config' }),
    call('talosctl.merge', 'a new key in the document', { config, patches: [document('1')] }, { form: 'config' }),
    call('talosctl.merge', 'delete a key that is not there', { config, patches: [machine(absent)] }),
    call('talosctl.merge', 'config that is not there', { config: join(me.folder, 'nothing.yaml'), patches: [machine('1')] }),
  ]
}

/** Calls that have nothing to do with the version of Talos. */
export function otherCalls(me: Operator): { calls: Recorded[]; places: Places } {
  const { file, recipient } = me.recovery()
  const tool = (name: string) => join(me.tools, name)
  const other = join(me.folder, 'other.txt')
  execFileSync(tool('age-keygen'), ['-o', other], { stdio: 'ignore' })
  const sealed = execFileSync(tool('age'), ['--recipient', recipient], { input: 'words' })
  const folder = join(me.folder, 'repository')
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'commit.gpgsign=false', ...args], {
      encoding: 'utf8',
      env: { ...me.env, PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  git('init', '--quiet', folder)
  writeFileSync(join(folder, 'kept.txt'), 'words\n')
  writeFileSync(join(folder, '.gitignore'), 'ignored.txt\n')
  git('-C', folder, 'add', '.')
  git('-C', folder, 'commit', '--quiet', '-m', 'one')
  const object = git('-C', folder, 'rev-parse', 'HEAD:kept.txt')
  const nowhere = me.home
  return {
    places: { [git('-C', folder, 'rev-parse', '--short', 'HEAD')]: '<commit>', [folder]: '<folder>' },
    calls: [
      { verb: 'age.version', case: 'plain', args: {} },
      { verb: 'age.keygen', case: 'plain', args: {} },
      { verb: 'age.recipientOf', case: 'plain', args: { identity: file } },
      { verb: 'age.recipientOf', case: 'file that is not there', args: { identity: join(me.folder, 'nothing.txt') } },
      { verb: 'age.encrypt', case: 'plain', args: { recipients: [recipient] }, input: 'words', form: 'sealed' },
      { verb: 'age.encrypt', case: 'bad recipient', args: { recipients: ['age1nobody'] }, input: 'words' },
      { verb: 'age.decrypt', case: 'plain', args: { identity: file }, input: sealed },
      { verb: 'age.decrypt', case: 'another identity', args: { identity: other }, input: sealed },
      { verb: 'git.root', case: 'plain', args: { folder } },
      { verb: 'git.root', case: 'no repository', args: { folder: nowhere } },
      { verb: 'git.tracked', case: 'plain', args: { folder } },
      { verb: 'git.ignored', case: 'plain', args: { folder, paths: [] }, input: 'ignored.txt\0kept.txt\0' },
      { verb: 'git.ignored', case: 'nothing ignored', args: { folder, paths: [] }, input: 'kept.txt\0' },
      { verb: 'git.objects', case: 'plain', args: { folder } },
      { verb: 'git.contents', case: 'plain', args: { folder }, input: `${object}\n` },
      { verb: 'git.whoBrought', case: 'plain', args: { folder, object } },
      { verb: 'kubectl.clientVersion', case: 'plain', args: {} },
    ] as Recorded[],
  }
}
