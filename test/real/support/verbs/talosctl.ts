import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parseDocument } from 'yaml'
import {
  bySpec,
  cosiObjects,
  isMachineConfig,
  parseEtcdMembers,
  parseEtcdStatus,
  parseKernelParams,
  parseList,
  parseMembers,
  parseSysctlConfig,
  parseVersion,
  triesIn,
} from '../../../../src/observe/parse.ts'
import { parseApiServerPod } from '../../../../src/observe/parse-kubernetes.ts'
import { parseSummary } from '../../../../src/observe/provers.ts'
import { checkSnapshot } from '../../../../src/observe/snapshot/check.ts'
import { createCaller } from '../../../../src/tools/caller.ts'
import { ETCD_VERSIONS, statusOf } from '../etcd.ts'
import { eventually, nodeOf, procOf } from '../nodes.ts'
import { answerOf, type Cases } from './at.ts'

/** What talosctl answers on real nodes, verb by verb. */

const KEY = 'net.ipv4.tcp_rfc1337'

/** Everything that is in a bundle, as paths. */
const BUNDLE_FIELDS = [
  'certs.etcd.crt',
  'certs.etcd.key',
  'certs.k8s.crt',
  'certs.k8s.key',
  'certs.k8saggregator.crt',
  'certs.k8saggregator.key',
  'certs.k8sserviceaccount.key',
  'certs.os.crt',
  'certs.os.key',
  'cluster.id',
  'cluster.secret',
  'secrets.bootstraptoken',
  'secrets.secretboxencryptionsecret',
  'trustdinfo.token',
]

function fieldsOf(bundle: string): string[] {
  const within = (value: unknown, path: string): string[] =>
    value && typeof value === 'object'
      ? Object.entries(value).flatMap(([key, inner]) => within(inner, path ? `${path}.${key}` : key))
      : value
        ? [path]
        : []
  return within(parseDocument(bundle).toJS(), '').toSorted()
}

export const TALOSCTL: Cases<`talosctl.${string}`> = {
  'talosctl.clientVersion': async (at) => {
    expect(await answerOf(at, 'talosctl.clientVersion', {})).toContain(`Talos v${at.cluster.version}.`)
  },
  'talosctl.version': async (at) => {
    expect(parseVersion(await answerOf(at, 'talosctl.version', { node: at.w1 }))).toMatch(new RegExp(`^v${at.cluster.version}\\.\\d+$`))
  },
  'talosctl.members': async (at) => {
    for (const node of [at.cp1, at.w1]) {
      const members = parseMembers(cosiObjects(await answerOf(at, 'talosctl.members', { node })))
      expect(members.map((m) => [m.name, m.address, m.type]).toSorted()).toEqual([
        ['cp1', at.cp1, 'controlplane'],
        ['cp2', at.cp2, 'controlplane'],
        ['w1', at.w1, 'worker'],
      ])
      expect(members.every((m) => m.version.startsWith(`v${at.cluster.version}.`))).toBe(true)
    }
    expect(parseMembers(cosiObjects(await answerOf(at, 'talosctl.members', {})))).toHaveLength(3)
  },
  'talosctl.infos': async (at) => {
    const ids = new Set<unknown>()
    for (const node of [at.cp1, at.cp2, at.w1]) {
      const spec = cosiObjects(await answerOf(at, 'talosctl.infos', { node }))[0]?.spec as { clusterId: string; clusterName: string }
      expect(spec.clusterName).toBe(at.cluster.name)
      ids.add(spec.clusterId)
    }
    expect(ids.size).toBe(1)
  },
  'talosctl.kernelParams': async (at) => {
    const nodes = [at.cp1, at.cp2, at.w1]
    const objects = cosiObjects(await answerOf(at, 'talosctl.kernelParams', { nodes }))
    for (const node of nodes) {
      const params = parseKernelParams(objects.filter((o) => o.node === node))
      expect(params['net.ipv4.ip_forward']).toEqual({ current: '1', unsupported: false })
    }
  },
  'talosctl.list': async (at) => {
    for (const nodes of [[at.w1], [at.cp1, at.w1]]) {
      const found = parseList(await answerOf(at, 'talosctl.list', { nodes, path: '/proc/sys/net/ipv4/conf/all' }), nodes)
      for (const node of nodes) expect(found.get(node), node).toEqual(expect.arrayContaining(['accept_redirects', 'log_martians']))
    }
  },
  'talosctl.machineConfig': async (at) => {
    expect(isMachineConfig(await answerOf(at, 'talosctl.machineConfig', { node: at.cp2 }))).toBe(true)
  },
  'talosctl.etcdMembers': async (at) => {
    for (const node of [at.cp1, at.cp2]) {
      const members = parseEtcdMembers(await answerOf(at, 'talosctl.etcdMembers', { node }))
      expect(members.map((m) => [m.hostname, m.learner]).toSorted()).toEqual([
        ['cp1', false],
        ['cp2', false],
      ])
    }
    const refused = await at.caller.run('talosctl.etcdMembers', { node: at.w1 })
    expect(refused).toMatchObject({ ok: false, reason: 'only control plane nodes answer this' })
  },
  'talosctl.machineLog': async (at) => {
    const told = async () => triesIn(await answerOf(at, 'talosctl.machineLog', { node: at.w1 }))
    const before = await told()
    const patches = [{ machine: { sysctls: { 'net.ipv4.tcp_rfc1337': '1' } } }]
    expect(await at.caller.run('talosctl.try', { node: at.w1, patches, seconds: 5 })).toMatchObject({ ok: true })
    expect(await told()).toEqual({ tries: before.tries + 1, returns: before.returns })
    const after = before.returns + 1
    await eventually('the try went back', async () => ((await told()).returns === after ? true : undefined))
  },
  'talosctl.controllerLog': async (at) => {
    expect(await answerOf(at, 'talosctl.controllerLog', { node: at.cp1, about: 'sysctl' })).toMatch(/"component": "controller-runtime"/)
  },
  'talosctl.patch': async (at) => {
    const w1 = nodeOf(at.cluster, 'w1')
    const set = { machine: { sysctls: { [KEY]: '1' } } }
    const unset = { machine: { sysctls: { [KEY]: { $patch: 'delete' } } } }
    const patch = (patches: object[], dryRun: boolean) =>
      at.caller.run('talosctl.patch', { node: at.w1, patches: patches as never, dryRun })
    const before = procOf(w1, [KEY])
    expect(await patch([set], true)).toMatchObject({ ok: true })
    expect(procOf(w1, [KEY])).toEqual(before)
    expect(await patch([set], false)).toMatchObject({ ok: true })
    await expect.poll(() => procOf(w1, [KEY]), { timeout: 30_000 }).toEqual({ [KEY]: '1' })
    expect(await patch([unset], false)).toMatchObject({ ok: true })
    await expect.poll(() => procOf(w1, [KEY]), { timeout: 30_000 }).toEqual(before)
    expect(await patch([unset], true)).toMatchObject({ ok: false, exitCode: 1 })
  },
  'talosctl.merge': async (at) => {
    const file = join(at.me.folder, 'config.yaml')
    writeFileSync(file, await answerOf(at, 'talosctl.machineConfig', { node: at.w1 }))
    const merged = await answerOf(at, 'talosctl.merge', { config: file, patches: [{ machine: { sysctls: { [KEY]: '1' } } }] })
    expect(parseSysctlConfig(merged)).toEqual({ machine: { [KEY]: '1' } })
  },
  'talosctl.etcdStatus': async (at) => {
    for (const nodes of [[at.cp1], [at.cp1, at.cp2]]) {
      const status = parseEtcdStatus(await answerOf(at, 'talosctl.etcdStatus', { nodes }))
      const members = parseEtcdMembers(await answerOf(at, 'talosctl.etcdMembers', { node: at.cp1 }))
      expect(status).toHaveLength(nodes.length)
      for (const s of status) {
        expect(members.map((m) => m.id)).toEqual(expect.arrayContaining([s.member, s.leader]))
        expect(s).toMatchObject({ learner: false, errors: '' })
        expect(s.version).toMatch(at.cluster.version === '1.13' ? /^3\.6\.\d+$/ : /^3\.7\.\d+$/)
        expect(s.databaseBytes).toBeGreaterThan(10_000)
      }
    }
    const refused = await at.caller.run('talosctl.etcdStatus', { nodes: [at.w1] })
    expect(refused).toMatchObject({ ok: false, reason: 'only control plane nodes answer this' })
  },
  'talosctl.staticPods': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.staticPods', { nodes: [at.cp1, at.w1] }))
    expect([...objects.keys()]).toEqual([at.cp1])
    const pod = parseApiServerPod(objects.get(at.cp1) ?? [])
    expect(pod).toMatchObject({ version: 'v1.36.3', arguments: expect.arrayContaining(['--secure-port=6443']) })
    expect(JSON.stringify(pod)).toContain('--encryption-provider-config=')
    expect(bySpec(await answerOf(at, 'talosctl.staticPods', { nodes: [at.w1] })).size).toBe(0)
  },
  'talosctl.snapshot': async (at) => {
    const path = join(at.me.folder, 'db.snapshot')
    const said = parseSummary(await answerOf(at, 'talosctl.snapshot', { node: at.cp1, path }))
    const checked = await checkSnapshot(at.system.files, path)
    if (!checked.ok || !said) throw new Error('no snapshot')
    const { hash, revision, keys, databaseBytes, members } = checked.facts
    expect(said).toEqual({ hash, revision, keys, databaseBytes })
    expect(members.map((m) => m.name).toSorted()).toEqual(['cp1', 'cp2'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    for (const version of ETCD_VERSIONS)
      expect(statusOf(version, path)).toMatchObject({ hash: Number.parseInt(hash, 16), revision, totalKey: keys, totalSize: databaseBytes })

    const reader = createCaller(
      at.system,
      at.caller.access.filter((a) => a.roles.includes('os:reader')),
    )
    const refused = await reader.run('talosctl.snapshot', { node: at.cp1, path: join(at.me.folder, 'never') })
    expect(refused).toMatchObject({ ok: false, reason: expect.stringContaining('needs os:etcd:backup') })
    const worker = await at.caller.run('talosctl.snapshot', { node: at.w1, path: join(at.me.folder, 'never') })
    expect(worker).toMatchObject({ ok: false, exitCode: 1 })
    expect(readdirSync(at.me.folder)).not.toContain('never')
  },
  'talosctl.newBundle': async (at) => {
    const [first, second] = [await answerOf(at, 'talosctl.newBundle', {}), await answerOf(at, 'talosctl.newBundle', {})]
    expect(first).not.toBe(second)
    expect(fieldsOf(first)).toEqual(BUNDLE_FIELDS)
  },
  'talosctl.bundleFrom': async (at) => {
    const from = async (node: string) => {
      const config = join(at.me.folder, 'config.yaml')
      writeFileSync(config, await answerOf(at, 'talosctl.machineConfig', { node }), { mode: 0o600 })
      return answerOf(at, 'talosctl.bundleFrom', { config })
    }
    const bundle = await from(at.cp2)
    expect(fieldsOf(bundle)).toEqual(BUNDLE_FIELDS)
    expect(parseDocument(bundle).toJS()).toEqual(parseDocument(readFileSync(at.cluster.secrets, 'utf8')).toJS())
    // the config of a worker is taken without a word, and what comes is hollow
    expect(fieldsOf(await from(at.w1))).not.toContain('certs.etcd.key')
    expect(await at.caller.run('talosctl.bundleFrom', { config: join(at.me.folder, 'nothing') })).toMatchObject({ ok: false, exitCode: 1 })
  },
}
