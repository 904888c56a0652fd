import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { parseDocument } from 'yaml'
import { expectCalm, listen, said } from './support/calm.ts'
import { certificateFor } from './support/certificates.ts'
import { tryByHand } from './support/changes.ts'
import {
  clusterOf,
  configOf,
  eventually,
  nodeOf,
  patchByHand,
  pristine,
  processesOf,
  procOf,
  startNode,
  stopNode,
  sysctlsIn,
  talosctl,
  triedOn,
  versionsOf,
  WANTED,
} from './support/nodes.ts'
import { goHome, Operator, type Talosconfig, talosconfigOf } from './support/operator.ts'

/** What a run gets that something stands in the way of: a sentence of its own, and nothing changed. */

const SYNCOOKIES = 'net.ipv4.tcp_syncookies'
const document = (params: Record<string, string>) => ({ apiVersion: 'v1alpha1', kind: 'SysctlConfig', params })

beforeEach(() => pristine(clusterOf(inject('version'))))
afterEach(goHome)

describe('with real nodes', () => {
  const version = inject('version')
  const cluster = clusterOf(version)
  const other = clusterOf(version === '1.13' ? '1.14' : '1.13')
  const node = (name: string) => nodeOf(cluster, name)
  const adminContext = () => talosconfigOf(cluster).contexts[`admin@${cluster.name}`] as Talosconfig['contexts'][string]
  const untouched = async (work: () => Promise<void>) => {
    const before = versionsOf(cluster)
    await work()
    expect(versionsOf(cluster)).toEqual(before)
  }

  it('os:reader alone judges every node, and the plan says which role or flag is missing', async () => {
    const me = new Operator(cluster, 'reader')
    const checked = await me.run('check')
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(/fail {4}cp1, cp2, w1: 1[35] of 15 keys left to the kernel .*; only os:admin can read their values/)
    expectCalm(checked)

    const planned = await me.run('plan', 'INF-10')
    expect(planned.code).toBe(2)
    expect(planned.stdout).toContain('Nothing can be done now.')
    expect(planned.stdout).toContain(
      `not    cp1, cp2, w1: needs os:admin; reader@${cluster.name} is os:reader\n       name a context with os:admin: --context NAME`,
    )
    expect(planned.stdout).toContain('--machine-config FILE tells the form')

    // what looking needs is still the reader, when an admin is there for the change
    await me.settleIn()
    me.edit(['access'], { observe: `reader@${cluster.name}`, change: `admin@${cluster.name}` })
    const applied = await me.must('apply', 'INF-10', '--yes')
    expect(applied.stdout).toContain(`--context admin@${cluster.name} --nodes ${node('w1').address} patch`)
    for (const n of cluster.nodes) expect(procOf(n)).toEqual(WANTED)
    const looked = readFileSync(join(me.workspace, 'evidence/runs', me.files('evidence/runs').at(-1) ?? '', 'observations.json'), 'utf8')
    expect(looked).toContain(`--context reader@${cluster.name}`)
    expect(looked).not.toContain(`--context admin@${cluster.name}`)
  })

  it('an expired, a foreign and a role-less certificate, and one of another cluster, each get a sentence of their own', async () => {
    const sentences = new Map<string, string>()
    const check = async (name: string, prepare: (me: Operator) => void | Promise<void>) => {
      const me = new Operator(cluster)
      await prepare(me)
      const ran = await me.run('check', 'INF-10')
      expect(ran.code, name).toBe(4)
      expectCalm(ran)
      const [, reason, remedy] = /unknown (?:\S+: )?(the .*)\n\s+(.*)\n/.exec(ran.stdout.slice(ran.stdout.indexOf('Network sysctls'))) ?? []
      expect(remedy, said(ran)).toBeTruthy()
      sentences.set(name, reason ?? '')
    }
    await check('role-less', (me) => me.onlyContext('bare', { ...adminContext(), ...certificateFor('somebody', cluster) }))
    await check('foreign', (me) => me.onlyContext('foreign', { ...adminContext(), ...certificateFor('os:admin', 'foreign') }))
    await check('other cluster', (me) => {
      const { contexts } = talosconfigOf(other)
      me.onlyContext('stray', { ...(contexts[`admin@${other.name}`] as (typeof contexts)[string]), endpoints: adminContext().endpoints })
    })
    await check('expired', async (me) => {
      const file = join(me.folder, 'short')
      const args = ['config', 'new', '--roles', 'os:reader', '--crt-ttl', '1s', file]
      const made = spawnSync(cluster.talosctl, ['--talosconfig', cluster.talosconfig, '--nodes', node('cp1').address, ...args], {
        encoding: 'utf8',
      })
      expect(made.status, made.stderr).toBe(0)
      const short = parseDocument(readFileSync(file, 'utf8')).toJS() as Talosconfig
      me.talosconfig(short)
      await eventually('the certificate has ended', async () => {
        const { steps } = JSON.parse((await me.run('check', 'CRT-04', '--output', 'json')).stdout)
        return JSON.stringify(steps).includes('ended') ? true : undefined
      })
    })
    expect(sentences.get('role-less')).toBe('the certificate of context bare has no role that the Talos API knows, so it may call nothing')
    expect(sentences.get('foreign')).toMatch(/context foreign: .*(another CA)/)
    expect(sentences.get('other cluster')).toContain("the node's certificate is not from the CA of context stray")
    expect(sentences.get('expired')).toMatch(/^the certificate of context reader@\S+ ended on \d{4}-\d\d-\d\d$/)
    expect(new Set(sentences.values()).size).toBe(4)
  })

  it('a node that is down gets its own sentence while the others are judged', async () => {
    const me = new Operator(cluster)
    stopNode(cluster, node('w1'))
    onTestFinished(() => startNode(cluster, node('w1')))
    const ran = await me.run('check', 'INF-10')
    expect(ran.code).toBe(1)
    expect(ran.stdout).toMatch(/fail {4}cp1, cp2: 1[35] of 15 keys left to the kernel/)
    // what comes depends on whether the control plane held a connection to it open
    const { address } = node('w1')
    expect(ran.stdout).toMatch(
      new RegExp(
        `unknown w1: (${address}:50000 does not answer: .+\\n\\s+check that the node runs|no answer from ${address} within 25 s, .+ or the two do not reach each other\\n)`,
      ),
    )
    expectCalm(ran)
  })

  it.runIf(triedOn('1.14'))(
    'a node that only started is not written to while a change is tried on it, and is when that went back',
    async () => {
      const w1 = node('w1')
      stopNode(cluster, w1)
      await startNode(cluster, w1)
      const shown = () => talosctl(cluster, '--nodes', w1.address, 'get', 'machineconfigs').stdout
      expect(shown()).not.toContain('persistent')
      const me = new Operator(cluster)
      await me.settleIn()
      const plan = async () => (await me.run('plan', 'INF-10')).stdout
      expect(await plan()).toMatch(/^1 {2}w1: set 1[35] keys/m)
      expect(tryByHand(cluster, w1, [{ machine: { sysctls: { 'net.ipv4.tcp_rfc1337': '1' } } }], 20).code).toBe(0)
      expect(await plan()).toContain('w1: a change is being tried on it now')
      await eventually('it went back', () => (/v1alpha1 +3$/m.test(shown()) ? true : undefined), 60)
      expect(await plan()).toMatch(/^1 {2}w1: set 1[35] keys/m)
      expect((await me.run('apply', 'INF-10', '--nodes', 'w1', '--yes')).stdout).toContain('INF-10 mended on w1')
      expect(shown()).toContain('persistent')
    },
  )

  it.runIf(triedOn('1.13'))(
    'a second try takes the way back of the first one away, and no node with what that leaves is written to',
    async () => {
      const w1 = node('w1')
      const read = (id: string) => talosctl(cluster, '--nodes', w1.address, 'get', 'machineconfigs', id, '-o', 'jsonpath={.spec}').stdout
      const [first, second] = ['net.ipv4.tcp_rfc1337', 'net.ipv4.ip_default_ttl']
      const tryFor = (seconds: number, key: string, value: string) =>
        expect(tryByHand(cluster, w1, [{ machine: { sysctls: { [key]: value } } }], seconds).code).toBe(0)
      tryFor(15, first, '1')
      const over = Date.now() + 20_000
      tryFor(3, second, '65')
      await eventually('the second went back', () => (read('v1alpha1').includes(second) ? undefined : true))
      await eventually('the time of the first is over', () => (Date.now() > over ? true : undefined))
      expect([read('v1alpha1').includes(first), read('persistent').includes(first)]).toEqual([true, false])
      const me = new Operator(cluster)
      await me.settleIn()
      expect((await me.run('plan', 'INF-10')).stdout).toContain('w1: a change is being tried on it now')
    },
  )

  it.runIf(triedOn('1.13'))('an endpoint that takes connections and never answers is told from one that is not there', async () => {
    const server = await listen(cluster.gateway)
    onTestFinished(() => void server.close())
    const me = new Operator(cluster)
    me.onlyContext('hangs', { ...adminContext(), endpoints: [cluster.gateway] })
    const ran = await me.run('check', 'INF-10')
    expect(ran.code).toBe(4)
    expect(ran.stdout).toContain(
      `no answer within 15 s, though port 50000 of ${cluster.gateway} opens: the service behind it hangs, or it is not a Talos API`,
    )
    expectCalm(ran)

    server.close()
    const nobody = await me.run('check', 'INF-10')
    expect(nobody.code).toBe(4)
    expect(nobody.stdout).toMatch(/:50000 does not answer: connection refused/)
  })

  it(`a node whose ${version === '1.13' ? 'apid' : 'machined'} hangs gets its own sentence while the others are judged`, async () => {
    const w1 = node('w1')
    const hung = version === '1.13' ? processesOf(w1, '/apid') : [Number(readFileSync(w1.pidFile, 'utf8'))]
    expect(hung).toHaveLength(1)
    for (const pid of hung) process.kill(pid, 'SIGSTOP')
    onTestFinished(() => {
      for (const pid of hung) process.kill(pid, 'SIGCONT')
    })
    const me = new Operator(cluster)
    const ran = await me.run('check', 'INF-10')
    expect(ran.code).toBe(1)
    expect(ran.stdout).toMatch(/fail {4}cp1, cp2: 1[35] of 15 keys left to the kernel/)
    expect(ran.stdout).toMatch(
      new RegExp(
        `unknown w1: no answer from ${w1.address} within 25 s, though ${node('cp1').address}, which asks it for us, opens port 50000`,
      ),
    )
    expectCalm(ran)
  })

  it.runIf(triedOn('1.14'))('a key that the kernel does not know is refused by us, because a node would take it', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    await untouched(async () => {
      for (const key of ['net.ipv4.no_such_key', 'net.nothing.here']) {
        const answer = ['--answer', `INF-10.alsoSet=${key}=1`]
        const checked = await me.run('check', 'INF-10', ...answer)
        expect(checked.code).toBe(1)
        expect(checked.stdout).toContain(`its kernel does not have ${key}`)
        const applied = await me.run('apply', 'INF-10', '--yes', ...answer)
        expect(applied.code).toBe(2)
        expect(applied.stderr).toContain(
          `its kernel does not have ${key}: on the node that would block every later change, the undo too (blocked)`,
        )
        expectCalm(applied)
      }
      const ours = await me.run('apply', 'INF-10', '--yes', '--answer', 'INF-10.alsoSet=kernel.kptr_restrict=1')
      expect(ours.code).toBe(2)
      expect(ours.stderr).toContain("belongs to the kernel's own protection")
    })
    expect(me.files('secrets')).toEqual([])
  })

  it.runIf(triedOn('1.13'))('another cluster behind the same workspace is refused', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    me.talosconfig(talosconfigOf(other))
    // somebody else may be at work on the other one, so it is the calls that are looked at
    me.script('talosctl', `echo "$*" >> '${me.home}/calls'`, `exec '${other.talosctl}' "$@"`)
    for (const command of [['check'], ['plan', 'INF-10'], ['apply', 'INF-10', '--yes']]) {
      const ran = await me.run(...command, '--context', `admin@${other.name}`)
      expect(ran.code).toBe(2)
      expect(ran.stderr).toContain('another cluster answers than the one this workspace belongs to (other-cluster)')
      expectCalm(ran)
    }
    expect(readFileSync(join(me.home, 'calls'), 'utf8')).not.toMatch(/ (patch|apply-config) /)
    expect(me.files('secrets')).toEqual([])
  })

  it.runIf(triedOn('1.14'))('a plan that was overtaken, edited, or made for another cluster is refused', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    await me.must('plan', 'INF-10', '--out', 'plan.json')
    const text = me.file('plan.json')
    const write = (plan: unknown) => writeFileSync(join(me.workspace, 'other.json'), JSON.stringify(plan))
    const refused = async (file: string, why: string) => {
      const before = versionsOf(cluster)
      const ran = await me.run('apply', file, '--yes')
      expect(ran.code, said(ran)).toBe(2)
      expect(ran.stderr).toContain(why)
      expectCalm(ran)
      expect(versionsOf(cluster)).toEqual(before)
    }
    write(JSON.parse(text.replaceAll('accept_redirects', 'forwarding')))
    await refused('other.json', 'was changed after it was made: the part of w1 does not match its digest (plan-changed)')
    write({ ...JSON.parse(text), identity: { ca: '0'.repeat(64), id: 'somebody' } })
    await refused('other.json', 'does not hold any more: the plan is for another cluster (plan-stale)')
    await patchByHand(
      cluster,
      node('cp2'),
      version === '1.14' ? document({ [SYNCOOKIES]: '1' }) : { machine: { sysctls: { [SYNCOOKIES]: '1' } } },
    )
    await refused('plan.json', 'does not hold any more: INF-10 cp2: needs another change now (plan-stale)')
    expect(me.files('secrets')).toEqual([])
  })

  it.runIf(triedOn('1.13'))('a config that talhelper owns is refused live and offered as files, which touch no node', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    writeFileSync(join(me.workspace, 'talconfig.yaml'), 'clusterName: somebody\n')
    await untouched(async () => {
      const live = await me.run('apply', 'INF-10', '--yes')
      expect(live.code).toBe(2)
      expect(live.stderr).toMatch(
        /the machine config belongs to talhelper \(.*talconfig\.yaml\), which would take our change back \(blocked\)/,
      )
      expect(live.stderr).toContain('set "delivery: gitops" in preflight.yaml')
      expectCalm(live)

      me.edit(['delivery'], 'gitops')
      const files = await me.must('apply', 'INF-10', '--yes')
      expect(files.stdout).toContain('Nothing is touched: files only.')
      expect(files.stdout).toContain('INF-10 written as files on w1, cp1, cp2')
    })
    expect(me.files('generated/INF-10')).toEqual(['cp1.yaml', 'cp2.yaml', 'w1.yaml'])
    expect(me.files('secrets')).toEqual([])
    for (const { name } of cluster.nodes) {
      const config = join(me.folder, `${name}.yaml`)
      writeFileSync(config, configOf(cluster, node(name)), { mode: 0o600 })
      const patch = `@${join(me.workspace, 'generated/INF-10', `${name}.yaml`)}`
      const merged = spawnSync(cluster.talosctl, ['machineconfig', 'patch', config, '--patch', patch], { encoding: 'utf8' })
      expect(merged.status, merged.stderr).toBe(0)
      const { machine, document } = sysctlsIn(merged.stdout)
      expect({ ...machine, ...document }).toMatchObject({ 'net.ipv4.tcp_syncookies': '1', 'net.ipv4.conf.all.accept_redirects': '0' })
    }
  })
})
