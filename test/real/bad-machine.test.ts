import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { CONTROL, expectCalm, said } from './support/calm.ts'
import {
  clusterOf,
  configContent,
  configOf,
  eventually,
  nodeOf,
  patchByHand,
  pristine,
  procOf,
  triedOn,
  versionsOf,
  WANTED,
} from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

/** What a run gets on a machine that is not as it should be: a sentence of its own, and nothing changed. */

const cluster = clusterOf(inject('version'))
beforeEach(() => pristine(cluster))
afterEach(goHome)

describe('on a machine that is not as it should be', () => {
  const real = cluster.talosctl
  const configs = () => cluster.nodes.map((n) => configContent(configOf(cluster, n)))

  it('a talosctl that is missing is named with what to do', async () => {
    const me = new Operator(cluster)
    rmSync(join(me.tools, 'talosctl'))
    const missing = await me.run('check', 'INF-10')
    expect(missing.code).toBe(4)
    expect(missing.stdout).toMatch(/talosctl is not on PATH\n\s+install talosctl of the version that your nodes run/)
    expectCalm(missing)
  })

  if (cluster.version === '1.14')
    it('a talosctl that is too old for the nodes is named with what to do, and nothing is changed', async () => {
      const me = new Operator(cluster)
      await me.settleIn()
      const before = versionsOf(cluster)
      me.tool('talosctl', clusterOf('1.13').talosctl)
      const old = await me.run('apply', 'INF-10', '--yes')
      expect(old.code).toBe(2)
      expect(old.stderr).toContain(
        'this talosctl is too old to know SysctlConfig; use the talosctl of the version that your nodes run (dry-run-refused)',
      )
      expectCalm(old)
      expect(versionsOf(cluster)).toEqual(before)
      expect(me.files('secrets')).toEqual([])
    })

  it.runIf(triedOn('1.13'))('garbage, escape codes and output without end are bounded, cleaned and said to be no answer', async () => {
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

    me.script('talosctl', `PATH=/usr/bin:/bin exec yes "$(printf '%4096s' x)"`)
    const endless = await me.run('check', 'INF-10')
    expect(endless.code).toBe(4)
    expect(endless.stdout).toMatch(/talosctl gave more output than it should \(over 64 MiB\) and was ended\n\s+look at the node/)
    expectCalm(endless)

    // the cluster is real, and one of its answers is not
    me.script('talosctl', `case "$*" in *kernelparam*) printf '${codes}\\n'; exit 0 ;; esac`, `exec '${real}' "$@"`)
    const partly = await me.run('check', 'INF-10')
    expect(partly.stdout).toMatch(/unknown .*missing from the answer/)
    expectCalm(partly)

    // 1.13 manages none of the wanted keys by itself
    const set = { 'net.ipv4.tcp_syncookies': '1' }
    const patch = cluster.version === '1.14' ? { apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: set } : { machine: { sysctls: set } }
    await patchByHand(cluster, nodeOf(cluster, 'w1'), patch)
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

  it.runIf(triedOn('1.14'))(
    'a disk that gets full while a config is sealed stops the change before the node, and leaves no half file',
    async () => {
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
    },
  )

  it.runIf(triedOn('1.13'))(
    'a workspace on a read-only disk is refused before anything is done, and can still be planned from',
    async () => {
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
    },
  )

  it.runIf(triedOn('1.14'))('two runs at once are kept apart, and the second one says who is there', async () => {
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
