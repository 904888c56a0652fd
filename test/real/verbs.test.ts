import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { realSystem } from '../../src/cli/place.ts'
import { chooseAccess, readContexts } from '../../src/cli/world.ts'
import type { VerbName, Verbs } from '../../src/domain/verbs.ts'
import {
  cosiObjects,
  isMachineConfig,
  parseEtcdMembers,
  parseKernelParams,
  parseList,
  parseMembers,
  parseSysctlConfig,
  parseVersion,
} from '../../src/observe/parse.ts'
import { type Caller, type CallOptions, createCaller } from '../../src/tools/caller.ts'
import { REGISTRY } from '../../src/tools/registry.ts'
import { SMALL } from '../support/terminal.ts'
import type { RealCluster } from './clusters.ts'
import { clusterOf, nodeOf, pristine, procOf } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

/** Every verb of the registry against the real tools, with both versions of talosctl. A verb that was not run fails the suite. */

const VERSIONS = ['1.13', '1.14'] as const
const ran = { '1.13': new Set<string>(), '1.14': new Set<string>() }

interface At {
  cluster: RealCluster
  me: Operator
  caller: Caller
  cp1: string
  cp2: string
  w1: string
}

/** A caller as the program makes it, that notes which verbs reached their tool. */
async function begin(cluster: RealCluster): Promise<At> {
  const me = new Operator(cluster)
  const system = realSystem({ env: me.env, cwd: me.workspace })
  const { found } = await readContexts(system, [join(me.home, '.talos', 'config')])
  const caller = createCaller(system, chooseAccess(found, { observe: `reader@${cluster.name}`, change: `admin@${cluster.name}` }))
  const noting: Caller = {
    ...caller,
    run: async (verb, args, options) => {
      const result = await caller.run(verb, args, options)
      if (result.ok) ran[cluster.version].add(verb)
      return result
    },
  }
  const address = (name: string) => nodeOf(cluster, name).address
  return { cluster, me, caller: noting, cp1: address('cp1'), cp2: address('cp2'), w1: address('w1') }
}

async function answerOf<V extends VerbName>(at: At, verb: V, args: Verbs[V], options: CallOptions = {}): Promise<string> {
  const result = await at.caller.run(verb, args, options)
  if (!result.ok) throw new Error(`${result.command}: ${result.reason}`)
  return result.stdout.toString('utf8')
}

/** A repository with two commits; the first version of its file is only in the history. */
function repository(at: At): { folder: string; object: string } {
  const folder = at.me.workspace
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', '-c', 'commit.gpgsign=false', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...at.me.env, PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  git('init', '--quiet')
  writeFileSync(join(folder, '.gitignore'), 'ignored.txt\n')
  writeFileSync(join(folder, 'kept.txt'), 'first\n')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  const object = git('rev-parse', 'HEAD:kept.txt').trim()
  writeFileSync(join(folder, 'kept.txt'), 'second\n')
  git('commit', '--quiet', '-am', 'two')
  return { folder, object }
}

const KEY = 'net.ipv4.tcp_rfc1337'

const VERBS: { [V in VerbName]: (at: At) => Promise<void> } = {
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
  'talosctl.machineConfigs': async (at) => {
    const objects = cosiObjects(await answerOf(at, 'talosctl.machineConfigs', { nodes: [at.cp1, at.w1] }))
    expect(objects.map((o) => o.node).toSorted()).toEqual([at.cp1, at.w1].toSorted())
    for (const { spec } of objects) {
      expect(isMachineConfig(String(spec))).toBe(true)
      expect(parseSysctlConfig(String(spec))).toEqual({})
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
  'talosctl.controllerLog': async (at) => {
    expect(await answerOf(at, 'talosctl.controllerLog', { node: at.cp1 })).toMatch(/"component": "controller-runtime"/)
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
  'age.version': async (at) => {
    expect(await answerOf(at, 'age.version', {})).toMatch(/^v\d+\.\d+\.\d+/)
  },
  'age.keygen': async (at) => {
    expect(await answerOf(at, 'age.keygen', {})).toMatch(/^# public key: age1[a-z0-9]{58}$/m)
  },
  'age.recipientOf': async (at) => {
    const { file, recipient } = at.me.recovery()
    expect((await answerOf(at, 'age.recipientOf', { identity: file })).trim()).toBe(recipient)
  },
  'age.encrypt': async (at) => {
    const recipients = [at.me.recovery().recipient]
    expect(await answerOf(at, 'age.encrypt', { recipients }, { input: 'words' })).toMatch(/^age-encryption\.org\/v1\n-> X25519 /)
    expect(await at.caller.run('age.encrypt', { recipients: ['age1nobody'] }, { input: 'words' })).toMatchObject({ ok: false, exitCode: 1 })
  },
  'age.decrypt': async (at) => {
    const { file, recipient } = at.me.recovery()
    const sealed = await at.caller.run('age.encrypt', { recipients: [recipient] }, { input: 'words' })
    expect(await answerOf(at, 'age.decrypt', { identity: file }, { input: sealed.stdout })).toBe('words')
    const other = join(at.me.folder, 'other.txt')
    writeFileSync(other, await answerOf(at, 'age.keygen', {}), { mode: 0o600 })
    expect(await at.caller.run('age.decrypt', { identity: other }, { input: sealed.stdout })).toMatchObject({ ok: false, exitCode: 1 })
  },
  // age asks on the terminal of the process that runs it, so a process of its own runs the verb on one
  'age.protect': async (at) => {
    const output = join(at.me.folder, 'protected.txt')
    const terminal = at.me.terminal([], SMALL, [process.execPath, new URL('./children/protect.ts', import.meta.url).pathname, output])
    await terminal.until('Enter passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('Confirm passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('protected')
    await terminal.end()
    expect(terminal.transcript()).not.toContain('not protected')
    expect(readFileSync(output, 'utf8')).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----/)
    ran[at.cluster.version].add('age.protect')
  },
  'git.root': async (at) => {
    const { folder } = repository(at)
    expect((await answerOf(at, 'git.root', { folder })).trim()).toBe(folder)
    expect(await at.caller.run('git.root', { folder: at.me.home })).toMatchObject({ ok: false, exitCode: 128 })
  },
  'git.tracked': async (at) => {
    const { folder } = repository(at)
    expect((await answerOf(at, 'git.tracked', { folder })).split('\0').filter(Boolean)).toEqual(['.gitignore', 'kept.txt'])
  },
  'git.ignored': async (at) => {
    const { folder } = repository(at)
    expect(await answerOf(at, 'git.ignored', { folder, paths: [] }, { input: 'ignored.txt\0kept.txt\0' })).toBe('ignored.txt\0')
  },
  'git.objects': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.objects', { folder })).toContain(`${object} blob 6\n`)
  },
  'git.contents': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.contents', { folder }, { input: `${object}\n` })).toBe(`${object} blob 6\nfirst\n\n`)
  },
  'git.whoBrought': async (at) => {
    const { folder, object } = repository(at)
    expect(await answerOf(at, 'git.whoBrought', { folder, object })).toMatch(/^[0-9a-f]{7,}\0\n?kept\.txt\0/)
  },
  'kubectl.clientVersion': async (at) => {
    const { clientVersion } = JSON.parse(await answerOf(at, 'kubectl.clientVersion', {}))
    expect(clientVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/)
  },
}

describe.each(VERSIONS)('with talosctl %s and nodes of that version', (version) => {
  let at: At
  beforeAll(() => pristine(clusterOf(version)))
  afterEach(goHome)

  it.each(Object.keys(VERBS) as VerbName[])('%s answers as we read it', async (verb) => {
    at = await begin(clusterOf(version))
    await VERBS[verb](at)
  })

  it('protects an identity of the operator so that only they can read the file', async () => {
    const me = new Operator(clusterOf(version))
    await me.must('init', '--environment', 'lab')
    const terminal = me.terminal(['keys', 'create', '--passphrase', '--name', 'me'], SMALL)
    await terminal.until('Enter passphrase')
    terminal.write('six words that nobody else knows\r')
    await terminal.until('Confirm passphrase')
    terminal.write('six words that nobody else knows\r')
    expect((await terminal.end()).exitCode).toBe(0)
    const identity = join(me.home, '.config', 'talos-preflight', 'identity.txt')
    expect(statSync(identity).mode & 0o777).toBe(0o600)
    expect((await me.must('keys')).stdout).toContain('protected with a passphrase')
  })
})

afterAll(() => {
  for (const version of VERSIONS) {
    const missing = Object.keys(REGISTRY).filter((verb) => !ran[version].has(verb))
    expect(missing, `verbs that no test ran with talosctl ${version}`).toEqual([])
  }
})
