import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parseDocument } from 'yaml'
import { certificateFor } from './support/certificates.ts'
import {
  clusterOf,
  configContent,
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
  versionsOf,
  WANTED,
} from './support/nodes.ts'
import { goHome, Operator, type Ran, type Talosconfig, talosconfigOf } from './support/operator.ts'

/** What a run gets that something stands in the way of: a sentence of its own, and nothing changed. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come through
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

const said = (ran: Ran): string => ran.stdout + ran.stderr
const SYNCOOKIES = 'net.ipv4.tcp_syncookies'
const document = (params: Record<string, string>) => ({ apiVersion: 'v1alpha1', kind: 'SysctlConfig', params })

/** No stack, no bug, no character that drives a terminal. */
function expectCalm(ran: Ran): void {
  expect(said(ran)).not.toMatch(CONTROL)
  expect(said(ran)).not.toMatch(/\n\s+at |\(bug\)|undefined|\[object/)
}
function listen(host: string): Promise<Server> {
  const server = createServer(() => undefined)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(50000, host, () => resolve(server))
  })
}

beforeEach(() => pristine(clusterOf('1.13')))
beforeEach(() => pristine(clusterOf('1.14')))
afterEach(goHome)

describe.each(['1.13', '1.14'] as const)('with Talos %s', (version) => {
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
    expect(checked.stdout).toMatch(/fail {4}cp1, cp2, w1: 1[35] of 15 keys left to the kernel .*; their values only os:admin can read/)
    expectCalm(checked)

    const planned = await me.run('plan', 'INF-10')
    expect(planned.code).toBe(4)
    expect(planned.stdout).toContain('Nothing can be done now.')
    for (const { name } of cluster.nodes)
      expect(planned.stdout).toContain(
        `not    ${name}: needs os:admin; reader@${cluster.name} is os:reader\n       name a context with os:admin: --context NAME`,
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
    expect(ran.stdout).toMatch(/unknown w1: \S+:50000 does not answer: .+\n\s+check that the node runs and that its address is right/)
    expectCalm(ran)
  })

  it('an endpoint that takes connections and never answers is told from one that is not there', async () => {
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

  it('a key that the kernel does not know is refused by us, because a node would take it', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    await untouched(async () => {
      for (const key of ['net.ipv4.no_such_key', 'net.nothing.here']) {
        const answer = ['--answer', `INF-10.alsoSet=${key}=1`]
        const checked = await me.run('check', 'INF-10', ...answer)
        expect(checked.code).toBe(1)
        expect(checked.stdout).toContain(`its kernel does not have ${key}`)
        const applied = await me.run('apply', 'INF-10', '--yes', ...answer)
        expect(applied.code).toBe(4)
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

  it('another cluster behind the same workspace is refused', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    me.talosconfig(talosconfigOf(other))
    const before = versionsOf(other)
    for (const command of [['check'], ['plan', 'INF-10'], ['apply', 'INF-10', '--yes']]) {
      const ran = await me.run(...command, '--context', `admin@${other.name}`)
      expect(ran.code).toBe(2)
      expect(ran.stderr).toContain('another cluster answers than the one this workspace belongs to (other-cluster)')
      expectCalm(ran)
    }
    expect(versionsOf(other)).toEqual(before)
    expect(me.files('secrets')).toEqual([])
  })

  it('a plan that was overtaken, edited, or made for another cluster is refused', async () => {
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

  it('a config that talhelper owns is refused live and offered as files, which touch no node', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    writeFileSync(join(me.workspace, 'talconfig.yaml'), 'clusterName: somebody\n')
    await untouched(async () => {
      const live = await me.run('apply', 'INF-10', '--yes')
      expect(live.code).toBe(4)
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

describe('on a machine that is not as it should be', () => {
  const cluster = clusterOf('1.14')
  const real = cluster.talosctl
  const configs = () => cluster.nodes.map((n) => configContent(configOf(cluster, n)))

  it('a talosctl that is missing, or too old for the nodes, is named with what to do, and nothing is changed', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    const before = versionsOf(cluster)
    me.tool('talosctl', clusterOf('1.13').talosctl)
    const old = await me.run('apply', 'INF-10', '--yes')
    expect(old.code).toBe(2)
    expect(old.stderr).toContain('this talosctl is too old to know SysctlConfig (dry-run-refused)')
    expectCalm(old)

    rmSync(join(me.tools, 'talosctl'))
    const missing = await me.run('check', 'INF-10')
    expect(missing.code).toBe(4)
    expect(missing.stdout).toMatch(/talosctl is not on PATH\n\s+install talosctl of the version that your nodes run/)
    expectCalm(missing)
    expect(versionsOf(cluster)).toEqual(before)
    expect(me.files('secrets')).toEqual([])
  })

  it('garbage, escape codes and output without end are bounded, cleaned and said to be no answer', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    const codes = String.raw`\033]0;owned\007\033[2J\033[31mred\033[0m`

    me.script('talosctl', `printf '${codes} {"node": "x"}\\n\\000\\001\\377 no JSON\\n'`)
    const garbage = await me.run('check', 'INF-10')
    expect(garbage.code).toBe(4)
    expect(garbage.stdout).toContain('what came is not what a Talos API answers')
    expectCalm(garbage)

    me.script('talosctl', `printf '${codes}\\n' >&2`, 'exit 1')
    const failing = await me.run('check', 'INF-10')
    expect(failing.code).toBe(4)
    expect(failing.stdout).toContain('talosctl ended with exit code 1: red')
    expectCalm(failing)

    me.script('talosctl', `line=$(printf '%4096s' x)`, 'while :; do echo "$line"; done')
    const endless = await me.run('check', 'INF-10')
    expect(endless.code).toBe(4)
    expect(endless.stdout).toMatch(/talosctl gave more output than it should \(over 64 MiB\) and was ended\n\s+look at the node/)
    expectCalm(endless)

    // the cluster is real, and one of its answers is not
    me.script('talosctl', `case "$*" in *kernelparam*) printf '${codes}\\n'; exit 0 ;; esac`, `exec '${real}' "$@"`)
    const partly = await me.run('check', 'INF-10')
    expect(partly.stdout).toMatch(/unknown .*missing from the answer/)
    expectCalm(partly)

    me.script(
      'talosctl',
      `case "$*" in *kernelparam*) '${real}' "$@" | PATH=/usr/bin:/bin sed 's/"current": "[01]"/"current": "\\\\u001b[2J\\\\u009b31mred\\\\u202e"/' ;;`,
      `*) exec '${real}' "$@" ;;`,
      'esac',
    )
    const hostile = await me.run('check', 'INF-10', '--all')
    expect(hostile.code).toBe(1)
    expect(hostile.stdout).toContain('not as wanted')
    expectCalm(hostile)
    expect(hostile.stdout).not.toMatch(/[\u200b-\u202e]/)
    for (const run of me.files('evidence/runs')) expect(me.file(join('evidence/runs', run, 'observations.json'))).not.toMatch(CONTROL)
  })

  it('a disk that gets full while a config is sealed stops the change before the node, and leaves no half file', async () => {
    const me = new Operator(cluster)
    me.mountWorkspace('1m')
    await me.settleIn()
    const before = configs()
    const age = join(me.tools, 'real-age')
    renameSync(join(me.tools, 'age'), age)
    const filler = join(me.workspace, 'filler')
    // room for the first pages of the sealed file, or for none of it
    for (const left of [8192, 0]) {
      me.script(
        'age',
        'PATH=/usr/bin:/bin',
        `case "$*" in *--recipient*) dd if=/dev/zero of='${filler}' bs=4096 2>/dev/null; truncate --size=-${left} '${filler}' ;; esac`,
        `exec '${age}' "$@"`,
      )
      const full = await me.run('apply', 'INF-10', '--nodes', 'cp1', '--yes')
      expect(full.code).toBe(4)
      expect(full.stderr).toMatch(
        /cp1, seal the current config: .*config-cp1-.*\.age: the disk is full \(action-failed\)\n\s+make room and run the same command again/,
      )
      expectCalm(full)
      expect(me.files('secrets')).toEqual([])
      expect(configs()).toEqual(before)
      const check = await me.run('check', 'INF-10')
      expect(check.code).toBe(4)
      expect(check.stderr).toContain('the disk is full (disk-full)')
      rmSync(filler)
    }
    me.tool('age', age)
    expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
    await me.must('apply', 'INF-10', '--nodes', 'cp1', '--yes')
    expect(procOf(nodeOf(cluster, 'cp1'))).toEqual(WANTED)
    expect(me.files('secrets')).toHaveLength(1)
  })

  it('a workspace on a read-only disk is refused before anything is done, and can still be planned from', async () => {
    const me = new Operator(cluster)
    me.mountWorkspace('4m')
    await me.settleIn()
    execFileSync('mount', ['-o', 'remount,ro', me.workspace])
    const before = versionsOf(cluster)
    for (const command of [['check'], ['apply', 'INF-10', '--yes'], ['plan', 'INF-10', '--out', 'plan.json']]) {
      const ran = await me.run(...command)
      expect(ran.code, command.join(' ')).toBe(2)
      expect(ran.stderr).toMatch(/: the file system is read-only \(read-only\)\n\s+take a workspace on a writable disk/)
      expectCalm(ran)
    }
    expect((await me.must('plan', 'INF-10')).stdout).toContain('3 objects, one after the other')
    expect(versionsOf(cluster)).toEqual(before)
  })

  it('two runs at once are kept apart, and the second one says who is there', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    const [begun, go] = [join(me.folder, 'begun'), join(me.folder, 'go')]
    me.script('talosctl', `: > '${begun}'`, `while [ ! -e '${go}' ]; do PATH=/usr/bin:/bin sleep 0.1; done`, `exec '${real}' "$@"`)
    const first = me.begin('apply', 'INF-10', '--yes')
    await eventually('the first run is at work', () => (existsSync(begun) ? true : undefined))
    for (const command of [['apply', 'INF-10', '--yes'], ['check'], ['keys', 'remove', 'safe']]) {
      const second = await me.run(...command)
      expect(second.code, command.join(' ')).toBe(2)
      expect(second.stderr).toMatch(new RegExp(`process ${first.child.pid} uses this workspace since .* \\(workspace-busy\\)`))
      expectCalm(second)
    }
    writeFileSync(go, '')
    const ended = await first.ended
    expect(ended.code, said(ended)).toBe(0)
    for (const n of cluster.nodes) expect(procOf(n)).toEqual(WANTED)
    expect((await me.run('check', 'INF-10')).code).toBe(0)
  })
})
