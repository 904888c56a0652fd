import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Look, Sighting } from '../../src/contract.ts'
import type { TalosContext } from '../../src/domain/observations.ts'
import type { Socket } from '../../src/domain/sockets.ts'
import { lookAtNodes, sideBySide } from '../../src/observe/node-looks.ts'
import { createObserver, type Observer, type ObserverOptions, talosconfigPlaces } from '../../src/observe/observer.ts'
import certificates from '../../src/practice/certificates.json' with { type: 'json' }
import { machineConfig, newState, type PracticeNode } from '../../src/practice/state.ts'
import type { Exit, ProcessSpec, System } from '../../src/system/ports.ts'
import type { Access } from '../../src/tools/access.ts'
import { createCaller, type Ran } from '../../src/tools/caller.ts'
import { type Place, realPlace } from './real-system.ts'
import { recording, type Version } from './recording.ts'

/** The observer over a real file system and over processes that answer what was recorded of the real tools. */

let place: Place
beforeEach(() => {
  place = realPlace()
})
afterEach(() => place.remove())

const access = (version: Version, more: Partial<Access> = {}): Access => ({
  purpose: 'observe',
  talosconfig: '/t/config',
  context: 'reader@lab',
  roles: ['os:reader'],
  endpoints: [version === '1.13' ? '10.5.0.2' : '10.6.0.2'],
  nodes: [],
  notAfter: '2099-01-01T00:00:00.000Z',
  certificate: 'c',
  ...more,
})

const exit = (answer: { exitCode?: number; stdout?: string; stderr?: string }): Exit => ({
  started: true,
  exitCode: answer.exitCode ?? 0,
  signal: undefined,
  stdout: Buffer.from(answer.stdout ?? ''),
  stderr: Buffer.from(answer.stderr ?? ''),
  timedOut: false,
  truncated: false,
  aborted: false,
})

interface Asked {
  nodes: string[]
  command: string
}

/** What talosctl is asked, and what it says to that. */
function talosctl(answer: (asked: Asked) => { exitCode?: number; stdout?: string; stderr?: string }): {
  run: (spec: ProcessSpec) => Promise<Exit>
  asked: Asked[]
} {
  const asked: Asked[] = []
  return {
    asked,
    run: async (spec) => {
      const at = spec.args.indexOf('--nodes')
      const call = { nodes: at >= 0 ? (spec.args[at + 1] ?? '').split(',') : [], command: spec.args.slice(at >= 0 ? at + 2 : 4).join(' ') }
      asked.push(call)
      return exit(answer(call))
    },
  }
}

const RECORDED: [RegExp, string, string][] = [
  [/^get members/, 'members', 'members-two-nodes'],
  [/^get infos/, 'infos', 'infos'],
  [/^get kernelparamstatuses/, 'kernel-params-two-nodes', 'kernel-params-two-nodes'],
  [/^list \/proc\/sys\/net\/ipv6/, 'list-missing', 'list-missing-two-nodes'],
  [/^list /, 'list-one-node', 'list-two-nodes'],
  [/^etcd members/, 'etcd-members', 'etcd-members'],
  [/^version/, 'version', 'version-two-nodes'],
  [/^get machineconfigs/, 'machine-configs-denied', 'machine-configs-denied-two-nodes'],
]

/** A cluster of two nodes that answers as the real one did. */
const recorded = (version: Version) =>
  talosctl(({ nodes, command }) => {
    const found = RECORDED.find(([pattern]) => pattern.test(command))
    if (!found) return { exitCode: 1, stderr: `not recorded: ${command}\n` }
    return recording(version, nodes.length > 1 ? found[2] : found[1])
  })

function observerOf(
  run: (spec: ProcessSpec) => Promise<Exit>,
  accesses: Access[],
  more: Partial<ObserverOptions> = {},
  network = place.system.network,
): Observer {
  const system: System = { ...place.system, network, processes: { ...place.system.processes, run } }
  return createObserver({
    system,
    caller: createCaller(system, accesses),
    cluster: { name: 'lab' },
    folder: place.folder,
    talosconfigs: [],
    nodes: [],
    kernelFolders: () => ['/proc/sys/net/ipv4/conf/all'],
    scan: { exclude: [], seconds: 10, defaultPlaces: [] },
    identity: async () => undefined,
    cas: { talos: [], kubernetes: [] },
    sealed: { identity: join(place.folder, 'identity.txt'), proofs: async () => [] },
    ...more,
  })
}

const looksOf = <T>(sightings: Sighting<unknown>[] | undefined): [string, Look<T>][] =>
  (sightings ?? []).map((s) => [s.object.name, s.look as Look<T>])
const seenIn = <T>(look: Look<unknown> | undefined): T => {
  if (!look?.ok) throw new Error(look?.reason ?? 'not seen')
  return look.value as T
}

const cosi = (node: string, spec: unknown, id = 'x'): string => `${JSON.stringify({ metadata: { id }, node, spec }, null, 4)}\n`

describe.each(['1.13', '1.14'] as const)('a cluster of %s', (version) => {
  const net = version === '1.13' ? '10.5.0' : '10.6.0'
  const two = { nodes: [`${net}.2`, `${net}.101`] }

  test('is seen node by node, each thing with its evidence', async () => {
    const { run, asked } = recorded(version)
    const observer = observerOf(run, [access(version)], two)
    const seen = await observer.observe(['members', 'clusterInfo', 'kernelParams', 'kernelKeys', 'nodeVersion', 'etcdMembers'], {})
    expect(
      looksOf<Record<string, unknown>>(seen.kernelParams).map(([name, look]) => [name, Object.keys(seenIn<object>(look)).length > 10]),
    ).toEqual([
      ['cp1', true],
      ['w1', true],
    ])
    for (const [, look] of looksOf(seen.kernelKeys))
      expect(seenIn(look)).toMatchObject({ keys: expect.arrayContaining(['net.ipv4.conf.all.accept_redirects']) })
    for (const [, look] of looksOf(seen.nodeVersion)) expect(seenIn(look)).toEqual({ version: version === '1.13' ? 'v1.13.9' : 'v1.14.1' })
    expect(seenIn<unknown[]>(seen.etcdMembers?.[0]?.look)).toHaveLength(2)
    expect(seenIn<{ name: string }>(seen.clusterInfo?.[0]?.look).name).toBe(version === '1.13' ? 'lab' : 'new')
    for (const sighting of Object.values(seen).flat()) {
      expect(sighting.look.evidence.length).toBeGreaterThan(0)
      for (const evidence of sighting.look.evidence)
        expect(evidence).toMatchObject({
          kind: 'command',
          what: expect.stringContaining('talosctl --talosconfig /t/config --context reader@lab'),
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          exitCode: 0,
        })
    }
    expect(asked.filter((a) => a.command.startsWith('get members'))).toHaveLength(1)
  })

  test('whose kernel has no IPv6 says so by what it does not have', async () => {
    const { run } = recorded(version)
    const observer = observerOf(run, [access(version)], {
      ...two,
      kernelFolders: () => ['/proc/sys/net/ipv6/conf/nope', '/proc/sys/net/ipv4/conf/all'],
    })
    for (const [, look] of looksOf((await observer.observe(['kernelKeys'], {})).kernelKeys)) {
      const { keys, folders } = seenIn<{ keys: string[]; folders: string[] }>(look)
      expect(folders).toHaveLength(2)
      expect(keys.filter((k) => k.startsWith('net.ipv6'))).toEqual([])
      expect(keys).toContain('net.ipv4.conf.all.accept_redirects')
    }
  })

  test('does not show its machine configs to a reader, and says which role may see them', async () => {
    const { run, asked } = recorded(version)
    const sightings = (await observerOf(run, [access(version)], two).observe(['sysctlConfig'], {})).sysctlConfig
    expect(looksOf(sightings).map(([name, look]) => [name, look.ok, look.ok ? '' : look.reason])).toEqual([
      ['cp1', false, 'needs os:admin; reader@lab is os:reader'],
      ['w1', false, 'needs os:admin; reader@lab is os:reader'],
    ])
    expect(asked.filter((a) => a.command.startsWith('get machineconfigs'))).toEqual([])
  })

  test('that refuses an admin says so in its own words, node by node', async () => {
    const { run } = recorded(version)
    const sightings = (await observerOf(run, [access(version, { roles: ['os:admin'] })], two).observe(['sysctlConfig'], {})).sysctlConfig
    for (const [, look] of looksOf(sightings))
      expect(look).toMatchObject({
        ok: false,
        reason: 'the Talos API does not allow this to os:admin',
        remedy: expect.stringContaining('--machine-config FILE'),
      })
  })
})

describe('looking', () => {
  test('at what breaks the reader fails that look, says so without repeating it, and ends nothing', async () => {
    const { run } = recorded('1.13')
    const broken = async (spec: ProcessSpec) => {
      if (spec.args.includes('infos.cluster.talos.dev')) throw new TypeError('cannot read "the key" of undefined')
      return run(spec)
    }
    const observer = observerOf(broken, [access('1.13')], { nodes: ['10.5.0.2'] })
    const seen = await observer.observe(['clusterInfo', 'nodeVersion'], {})
    expect(looksOf(seen.nodeVersion).map(([, look]) => look.ok)).toEqual([true])
    const failed: Look<unknown> = { ok: false, reason: 'its answer could not be read (TypeError)', evidence: [] }
    expect(looksOf(seen.clusterInfo)).toEqual([['lab', failed]])
    expect((await observer.observeOne('clusterInfo', { kind: 'cluster', name: 'lab' })).look).toEqual(failed)
    await expect(observer.observeOne('noSuchThing', { kind: 'cluster', name: 'lab' })).rejects.toThrow('no observation noSuchThing')
  })

  const state = newState('default')
  const config = machineConfig(state.nodes[0] as PracticeNode, state.clusterId)
  const admin = [access('1.13', { roles: ['os:admin'] })]

  test('takes each observation once, however many ask for it, and again only when it must be fresh', async () => {
    const { run, asked } = recorded('1.13')
    const observer = observerOf(run, [access('1.13')])
    await Promise.all([observer.observe(['members', 'kernelParams'], {}), observer.observe(['members', 'kernelParams'], {})])
    const once = asked.length
    await observer.observe(['members', 'kernelParams'], {})
    expect(asked.length).toBe(once)
    await observer.observe(['members', 'kernelParams'], { fresh: true })
    expect(asked.length).toBe(once * 2)
  })

  test('tells how far it is, from nothing to everything', async () => {
    const { run } = recorded('1.13')
    const said: { done: number; total: number }[] = []
    await observerOf(run, [access('1.13')]).observe(['members', 'clusterInfo'], {
      onProgress: ({ done, total }) => said.push({ done, total }),
    })
    expect(said[0]).toEqual({ done: 0, total: 2 })
    expect(said.at(-1)).toEqual({ done: 2, total: 2 })
  })

  test('keeps of a machine config what it says of kernel parameters, and nothing else', async () => {
    const { run } = talosctl(({ nodes, command }) =>
      command.startsWith('get machineconfigs')
        ? {
            stdout: nodes
              .flatMap((n) => ['persistent', 'v1alpha1'].map((id) => cosi(n, `${config}---\nkind: SysctlConfig\nparams: {a: "1"}\n`, id)))
              .join(''),
          }
        : {},
    )
    const seen = await observerOf(run, admin, { nodes: ['10.0.0.1'] }).observe(['sysctlConfig'], {})
    expect(seenIn(seen.sysctlConfig?.[0]?.look)).toEqual({ document: { a: '1' } })
    const kept = JSON.stringify(seen)
    for (const word of config.split(/\s+/).filter((w) => w.length >= 20 && !/^[a-z0-9.:/]+$/.test(w))) expect(kept).not.toContain(word)
  })

  test('does not take the connections that it holds for those of somebody', async () => {
    const head = 'NODE        Proto   Recv-Q   Send-Q   Local Address          Foreign Address      State         PID/Program name   Pod\n'
    let held = false
    const { run } = talosctl(({ nodes, command }) => {
      const row = (at: string, from: string, state: string) =>
        `${nodes[0]}    tcp6    0        0        ${at.padEnd(23)}${from.padEnd(21)}${state.padEnd(14)}9/apid             -\n`
      const listens = row(':::50000', ':::*', 'LISTEN')
      const ours = row(`${nodes[0]}:50000`, '192.0.2.9:40000', 'ESTABLISHED')
      return command.startsWith('netstat') ? { stdout: head + listens + (held ? ours : '') } : {}
    })
    const hold = async (_: string, __: number, count: number) => {
      held = true
      return { open: count, release: () => undefined }
    }
    const observer = observerOf(run, admin, { nodes: ['10.0.0.1', '10.0.0.2'] }, { ...place.system.network, hold })
    const seen = await observer.observe(['operatorSeen', 'sockets'], {})
    expect(held).toBe(true)
    expect(seen.sockets?.map((s) => seenIn<Socket[]>(s.look).map(({ state }) => state))).toEqual([['LISTEN'], ['LISTEN']])
  })

  test('sees that a change is being tried, and what holds meanwhile', async () => {
    const held = { persistent: '0', v1alpha1: '1' }
    const { run } = talosctl(({ nodes, command }) =>
      command === 'get machineconfigs.config.talos.dev -o json'
        ? {
            stdout: Object.entries(held)
              .map(([id, a]) => cosi(nodes[0] ?? '', `${config}---\nkind: SysctlConfig\nparams: {a: "${a}"}\n`, id))
              .join(''),
          }
        : {},
    )
    const seen = await observerOf(run, admin, { nodes: ['10.0.0.1'] }).observe(['sysctlConfig'], {})
    expect(seenIn(seen.sysctlConfig?.[0]?.look)).toEqual({ document: { a: '1' }, tried: true })
  })

  test('takes the form of a node that may not be read from a file, where one is named', async () => {
    const { run } = recorded('1.13')
    const file = join(place.folder, 'controlplane.yaml')
    place.write(file, `${config}---\nkind: SysctlConfig\nparams: {a: "1"}\n`)
    const look = async (machineConfigFile: string) =>
      (await observerOf(run, [access('1.13')], { nodes: ['10.5.0.2'], machineConfig: machineConfigFile }).observe(['sysctlConfig'], {}))
        .sysctlConfig?.[0]?.look
    expect(await look(file)).toMatchObject({ ok: true, value: { document: { a: '1' } }, evidence: [{ kind: 'file', what: file }] })
    expect(await look(`${file}.not`)).toMatchObject({ ok: false, reason: `${file}.not could not be read: ENOENT` })
    place.write(join(place.folder, 'patch.yaml'), 'machine:\n  sysctls: {}\n')
    expect(await look(join(place.folder, 'patch.yaml'))).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/is no machine config$/),
      remedy: expect.stringContaining('--machine-config takes a whole'),
    })
  })

  test('asks the next endpoint where the first does not answer, and no other where the answer is a refusal', async () => {
    const endpoints = ['10.5.0.77', '10.5.0.2']
    const down = talosctl(({ nodes }) =>
      nodes[0] === '10.5.0.77' ? recording('1.13', 'endpoint-unreachable') : recording('1.13', 'members'),
    )
    const seen = await observerOf(down.run, [access('1.13', { endpoints })]).observe(['members'], {})
    expect(seen.members?.[0]?.look.ok).toBe(true)
    const denied = talosctl(() => recording('1.13', 'machine-configs-denied'))
    const refused = await observerOf(denied.run, [access('1.13', { endpoints })]).observe(['members'], {})
    expect(refused.members?.[0]?.look).toMatchObject({ ok: false, reason: 'the Talos API does not allow this to os:reader' })
    expect(denied.asked).toHaveLength(1)
  })

  test('says of every node why nothing is seen where discovery is empty, and looks at the named ones all the same', async () => {
    const { run } = talosctl(({ nodes, command }) =>
      command.startsWith('get kernelparam') ? { stdout: nodes.map((n) => cosi(n, { current: '1' }, 'proc.sys.a')).join('') } : {},
    )
    const seen = await observerOf(run, [access('1.13')]).observe(['kernelParams'], {})
    expect(seen.kernelParams?.map((s) => [s.object.kind, s.look.ok])).toEqual([['cluster', false]])
    expect(seen.kernelParams?.[0]?.look).toMatchObject({ reason: expect.stringMatching(/name the nodes with --nodes/) })
    const named = await observerOf(run, [access('1.13')], { nodes: ['10.0.0.1', '10.0.0.2', '10.0.0.1'] }).observe(['kernelParams'], {})
    expect(named.kernelParams?.map((s) => [s.object.name, s.look.ok])).toEqual([
      ['10.0.0.1', true],
      ['10.0.0.2', true],
    ])
  })

  test('does not take the nodes of a talosconfig for all there are, where nobody says which there are', async () => {
    const { run } = talosctl(({ nodes, command }) =>
      command.startsWith('get kernelparam') ? { stdout: nodes.map((n) => cosi(n, { current: '1' }, 'proc.sys.a')).join('') } : {},
    )
    const context = [access('1.13', { nodes: ['10.0.0.1'] })]
    const observer = observerOf(run, context)
    const { kernelParams = [] } = await observer.observe(['kernelParams'], {})
    expect(kernelParams.map((s) => [s.object.kind, s.object.name, s.look.ok])).toEqual([
      ['node', '10.0.0.1', true],
      ['cluster', 'lab', false],
    ])
    expect(kernelParams[1]?.look).toMatchObject({
      reason: expect.stringMatching(/^it is not known which other nodes there are: the cluster names no members/),
      remedy: 'name all of them with --nodes, or as nodes in preflight.yaml',
    })
    expect((await observer.observeOne('kernelParams', { kind: 'node', name: '10.0.0.1' })).look.ok).toBe(true)
    expect((await observerOf(run, context, { nodes: ['10.0.0.1'] }).observe(['kernelParams'], {})).kernelParams).toHaveLength(1)
    const told = observerOf(recorded('1.13').run, [access('1.13', { nodes: ['10.5.0.2'] })])
    expect((await told.observe(['kernelParams'], {})).kernelParams?.every((s) => s.object.kind === 'node')).toBe(true)
  })

  test('takes half an answer of a batch that ran out of time for none, and asks each node alone', async () => {
    const whole = ['.', 'accept_redirects', 'log_martians']
    const run = async (spec: ProcessSpec): Promise<Exit> => {
      const nodes = (spec.args[spec.args.indexOf('--nodes') + 1] ?? '').split(',')
      if (nodes.length === 1) return exit({ stdout: `${whole.join('\n')}\n` })
      // the second node hangs, and the first was still being listed when the time was over
      return {
        ...exit({ stdout: `NODE       NAME\n10.0.0.1   .\n10.0.0.1   accept_redirects\n` }),
        exitCode: undefined,
        timedOut: true,
      } as Exit
    }
    const seen = await observerOf(run, [access('1.13')], { nodes: ['10.0.0.1', '10.0.0.2'] }).observe(['kernelKeys'], {})
    expect(seen.kernelKeys?.map((s) => s.look.ok && (s.look.value as { keys: string[] }).keys)).toEqual([
      ['net.ipv4.conf.all.accept_redirects', 'net.ipv4.conf.all.log_martians'],
      ['net.ipv4.conf.all.accept_redirects', 'net.ipv4.conf.all.log_martians'],
    ])
  })

  test('says that no talosconfig was found where there is none', async () => {
    const { run, asked } = talosctl(() => ({}))
    const seen = await observerOf(run, []).observe(['members', 'kernelParams', 'etcdMembers', 'clusterInfo'], {})
    for (const sighting of Object.values(seen).flat())
      expect(sighting.look).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/no talosconfig was found|no control plane node is known/),
      })
    expect(asked).toEqual([])
  })

  test('asks another control plane for etcd where the first does not answer', async () => {
    const { run, asked } = talosctl(({ nodes, command }) =>
      command.startsWith('etcd')
        ? nodes[0] === '10.5.0.2'
          ? recording('1.13', 'node-down')
          : recording('1.13', 'etcd-members')
        : recording('1.13', 'members'),
    )
    const seen = await observerOf(run, [access('1.13')]).observe(['etcdMembers'], {})
    expect(seen.etcdMembers?.[0]?.look.ok).toBe(true)
    expect(asked.filter((a) => a.command.startsWith('etcd')).map((a) => a.nodes)).toEqual([['10.5.0.2'], ['10.5.0.3']])
  })

  test('takes one observation of one object again, now', async () => {
    const { run, asked } = recorded('1.13')
    const observer = observerOf(run, [access('1.13')], { nodes: ['10.5.0.2', '10.5.0.101'] })
    const cp1 = { kind: 'node', name: 'cp1' }
    expect((await observer.observeOne('nodeVersion', cp1)).look).toMatchObject({ ok: true })
    await observer.observeOne('nodeVersion', cp1)
    expect(asked.filter((a) => a.command.startsWith('version')).map((a) => a.nodes)).toEqual([['10.5.0.2'], ['10.5.0.2']])
  })

  test('looks at the node that is asked for, whichever nodes were named, and never at another in its place', async () => {
    const { run, asked } = recorded('1.13')
    const observer = observerOf(run, [access('1.13')], { nodes: ['10.5.0.101'] })
    const cp1 = { kind: 'node', name: 'cp1' }
    expect(await observer.observeOne('nodeVersion', cp1)).toMatchObject({ object: cp1, look: { ok: true } })
    expect(asked.filter((a) => a.command.startsWith('version')).map((a) => a.nodes)).toEqual([['10.5.0.2']])
    const gone = { kind: 'node', name: 'w9' }
    const versions = asked.filter((a) => a.command.startsWith('version')).length
    expect(await observer.observeOne('nodeVersion', gone)).toEqual({
      object: gone,
      look: { ok: false, reason: 'w9 cannot be looked at: it is no member of the cluster', evidence: [] },
    })
    expect(asked.filter((a) => a.command.startsWith('version'))).toHaveLength(versions)
    // what is seen of the cluster tells of each of its nodes
    expect(await observer.observeOne('etcdMembers', cp1)).toMatchObject({ object: { kind: 'cluster' }, look: { ok: true } })
  })

  test('asks again for what could not be seen, each time that somebody looks again', async () => {
    let down = true
    const { run } = talosctl(({ nodes, command }) => {
      if (down) return recording('1.13', 'node-down')
      return recording('1.13', command.startsWith('get members') ? 'members' : nodes.length > 1 ? 'version-two-nodes' : 'version')
    })
    const observer = observerOf(run, [access('1.13')], { nodes: ['10.5.0.2'] })
    const cp1 = { kind: 'node', name: 'cp1' }
    expect((await observer.observeOne('nodeVersion', cp1)).look).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^cp1 cannot be looked at: /),
    })
    down = false
    expect((await observer.observeOne('nodeVersion', cp1)).look).toMatchObject({ ok: true })
  })

  test('lets nothing a node says reach a value with control characters in it', async () => {
    const evil = '\u001b[2J\u001b]0;owned\u0007\u202e'
    const { run } = talosctl(({ nodes, command }) =>
      command.startsWith('get members')
        ? {
            stdout: nodes
              .map((n) =>
                cosi(
                  n,
                  {
                    addresses: ['10.0.0.1', evil],
                    hostname: `${evil}cp1${evil}`,
                    controlPlane: { port: evil },
                    machineType: evil,
                    operatingSystem: `Talos (v1.13.9${evil})`,
                  },
                  `${evil}cp1${evil}`,
                ),
              )
              .join(''),
          }
        : command.startsWith('version')
          ? { stdout: `Server:\n\tTag: v1.13.9${evil}\n` }
          : command.startsWith('list')
            ? { stdout: `accept_redirects${evil}\n` }
            : {
                stdout: nodes.map((n) => cosi(n, { current: evil, clusterId: evil, clusterName: evil }, `proc.sys.${evil}`)).join(''),
                stderr: evil,
              },
    )
    const seen = await observerOf(run, [access('1.13')]).observe(
      ['members', 'clusterInfo', 'kernelParams', 'kernelKeys', 'nodeVersion'],
      {},
    )
    for (const sighting of Object.values(seen).flat()) expect(sighting.look.ok).toBe(true)
    expect(JSON.stringify(seen)).not.toMatch(/[\p{Cc}\u202e]|\\u00[01]|\\[nrtbf]/u)
  })
})

describe('what lies on this machine', () => {
  const none = talosctl(() => ({ exitCode: 1 })).run
  const talosconfig = (contexts: Record<string, unknown>): string => JSON.stringify({ context: 'a', contexts })
  const certificate = { endpoints: ['10.0.0.1'], ca: certificates.ca, crt: certificates.readerForSixtyDays }

  test('every talosconfig is read, and each context is told from those of other clusters', async () => {
    const [one, two] = [join(place.home, 'one'), join(place.home, 'two')]
    place.write(one, talosconfig({ a: certificate }))
    place.write(two, talosconfig({ b: { ...certificate, ca: certificates.adminForAYear } }))
    const first = await observerOf(none, [], { talosconfigs: [one] }).observe(['talosContexts'], {})
    const ca = seenIn<TalosContext[]>(first.talosContexts?.[0]?.look)[0]?.ca ?? ''
    const seen = await observerOf(none, [], {
      talosconfigs: [one, two, join(place.home, 'three')],
      identity: async () => ({ ca }),
    }).observe(['talosContexts'], {})
    expect(seenIn<TalosContext[]>(seen.talosContexts?.[0]?.look).map((c) => [c.name, c.file, c.ofThisCluster])).toEqual([
      ['a', one, true],
      ['b', two, false],
    ])
    expect(seen.talosContexts?.[0]?.look.evidence.map((e) => e.what)).toEqual([one, two])
  })

  test('a talosconfig that is missing or broken is named', async () => {
    const path = join(place.home, 'config')
    const look = async () => (await observerOf(none, [], { talosconfigs: [path] }).observe(['talosContexts'], {})).talosContexts?.[0]?.look
    expect(await look()).toMatchObject({ ok: false, reason: `no talosconfig was found (${path})` })
    place.write(path, 'contexts: [')
    expect(await look()).toMatchObject({ ok: false, reason: `${path} is not YAML (line 1)` })
  })

  test.each([
    ['talhelper', 'talconfig.yaml', 'clusterName: a\n'],
    ['talm', 'Chart.yaml', 'name: mine\nannotations: {generator: talm}\n'],
    ['topf', 'topf.yaml', ''],
  ])('%s is known by its file, in the workspace or at the top of its repository', async (tool, file, content) => {
    const owners = async () =>
      seenIn<{ tool: string; sign: string }[]>(
        (await observerOf(none, [], { folder: join(place.folder, 'lab') }).observe(['configOwner'], {})).configOwner?.[0]?.look,
      )
    place.write(join(place.folder, 'lab', 'note'), '')
    expect(await owners()).toEqual([])
    place.write(join(place.folder, '.git', 'HEAD'), '')
    place.write(join(place.folder, file), content || 'a: b\n')
    expect(await owners()).toEqual([{ tool, sign: join(place.folder, file) }])
    place.write(join(place.folder, 'lab', file), content || 'a: b\n')
    expect((await owners())[0]).toEqual({ tool, sign: join(place.folder, 'lab', file) })
  })

  test('a chart of something else is no sign', async () => {
    place.write(join(place.folder, 'Chart.yaml'), 'name: web\n')
    expect(seenIn((await observerOf(none, []).observe(['configOwner'], {})).configOwner?.[0]?.look)).toEqual([])
  })

  test('a context that signs in through Omni is a sign of it', async () => {
    const path = join(place.home, 'config')
    place.write(path, talosconfig({ omni: { endpoints: ['a'], auth: { siderov1: {} } } }))
    const seen = await observerOf(none, [], { talosconfigs: [path] }).observe(['configOwner'], {})
    expect(seenIn(seen.configOwner?.[0]?.look)).toEqual([{ tool: 'Omni', sign: 'context omni' }])
  })

  test('a talosconfig is looked for where it is named, else in the environment, else at its default place', () => {
    const at = (env: Record<string, string>) => ({ ...place.system, files: { ...place.system.files, home: '/h', env } })
    expect(talosconfigPlaces(at({ TALOSCONFIG: '/e/config' }), [undefined, '/p/config'])).toEqual(['/p/config'])
    expect(talosconfigPlaces(at({ TALOSCONFIG: '/e/config' }), [undefined])).toEqual(['/e/config'])
    expect(talosconfigPlaces(at({ TALOS_HOME: '/t' }), [])).toEqual(['/t/config'])
    expect(talosconfigPlaces(at({}), [])).toEqual(['/h/.talos/config'])
  })
})

describe('looking at many nodes', () => {
  const nodes = Array.from({ length: 120 }, (_, i) => ({ name: `n${i}`, address: `10.0.${Math.floor(i / 100)}.${i}` }))
  const ran = (stdout: string, ok = true): Ran => {
    const common = { stdout: Buffer.from(stdout), stderr: Buffer.alloc(0), command: 'talosctl', takenAt: '2026-11-23T12:00:00.000Z' }
    return ok ? { ok: true, ...common, exitCode: 0 } : { ok: false, reason: 'no answer', ...common, timedOut: true }
  }
  const split = (stdout: string) => new Map(stdout.split(' ').map((address) => [address, address]))

  test('asks at most fifty in one call, and gives every node its own answer in order', async () => {
    const asked: string[][] = []
    const seen = await lookAtNodes(nodes, {
      call: async (addresses) => {
        asked.push(addresses)
        return ran(addresses.join(' '))
      },
      split,
    })
    expect(asked.map((a) => a.length)).toEqual([50, 50, 20])
    expect(seen.map((s) => [s.object.name, s.look.ok && s.look.value])).toEqual(nodes.map((n) => [n.name, n.address]))
  })

  test('asks a node that is missing from an answer once more, alone', async () => {
    const asked: string[][] = []
    const silent = ['10.0.0.7', '10.0.0.60']
    const seen = await lookAtNodes(nodes, {
      call: async (addresses) => {
        asked.push(addresses)
        if (addresses.length === 1 && addresses[0] === '10.0.0.60') return ran('10.0.0.60')
        return ran(addresses.filter((a) => !silent.includes(a)).join(' '))
      },
      split,
    })
    expect(asked.slice(3).toSorted()).toEqual([['10.0.0.60'], ['10.0.0.7']])
    const failed = seen.filter((s) => !s.look.ok)
    expect(failed.map((s) => [s.object.name, s.look.ok ? '' : s.look.reason])).toEqual([['n7', 'n7 is missing from the answer']])
  })

  test('takes a node that is missing from a good answer for one that has nothing, where that is what it means', async () => {
    const asked: string[][] = []
    const seen = await lookAtNodes(nodes.slice(0, 60), {
      call: async (addresses) => {
        asked.push(addresses)
        // the second batch loses a node, so what is missing from it says nothing
        if (addresses.length === 10) return ran('', false)
        return ran(addresses.filter((a) => a === '10.0.0.3').join(' '))
      },
      split,
      absent: () => 'nothing',
    })
    expect(asked.map((a) => a.length)).toEqual([50, 10, ...Array(10).fill(1)])
    expect(seen.map((s) => s.look.ok && s.look.value)).toEqual(nodes.slice(0, 60).map((_, i) => (i === 3 ? '10.0.0.3' : 'nothing')))
  })

  test('asks all of a batch that failed alone, and keeps what each says', async () => {
    const seen = await lookAtNodes(nodes.slice(0, 3), {
      call: async (addresses) => (addresses.length > 1 || addresses[0] === '10.0.0.1' ? ran('', false) : ran(addresses[0] ?? '')),
      split,
    })
    expect(seen.map((s) => (s.look.ok ? s.look.value : s.look.reason))).toEqual(['10.0.0.0', 'no answer', '10.0.0.2'])
  })

  test('does not ask a node twice where it was asked alone from the start', async () => {
    let calls = 0
    await lookAtNodes(nodes.slice(0, 1), {
      call: async () => {
        calls++
        return ran('', false)
      },
      split,
    })
    expect(calls).toBe(1)
  })

  test('does no more side by side than the bound, and loses nothing', async () => {
    let now = 0
    let most = 0
    const results = await sideBySide([...nodes.keys()], 8, async (i) => {
      most = Math.max(most, ++now)
      await Promise.resolve()
      now--
      return i * 2
    })
    expect(most).toBe(8)
    expect(results).toEqual([...nodes.keys()].map((i) => i * 2))
    expect(await sideBySide([], 8, async () => 1)).toEqual([])
  })
})
