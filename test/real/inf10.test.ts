import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { LARGE } from '../support/terminal.ts'
import {
  clusterOf,
  configContent,
  configOf,
  nodeOf,
  patchByHand,
  pristine,
  procOf,
  sysctlsIn,
  talosctl,
  triedOn,
  versionsOf,
  WANTED,
} from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

interface PlanFile {
  parts: { object: { name: string }; actions: { kind: string; call?: { args: { patches: object[] } } }[] }[]
}

const LOG_MARTIANS = 'net.ipv4.conf.all.log_martians'
const SYNCOOKIES = 'net.ipv4.tcp_syncookies'
const THEIR_OWN = 'net.ipv4.tcp_rfc1337'

describe('INF-10 on three real nodes', () => {
  const cluster = clusterOf(inject('version'))
  const isNew = cluster.version === '1.14'
  const configs = () => Object.fromEntries(cluster.nodes.map((n) => [n.name, configOf(cluster, n)]))
  const contents = () => Object.fromEntries(cluster.nodes.map((n) => [n.name, configContent(configOf(cluster, n))]))
  const procs = () => Object.fromEntries(cluster.nodes.map((n) => [n.name, procOf(n)]))
  const sysctls = (node: string) => sysctlsIn(configOf(cluster, nodeOf(cluster, node)))
  const patchOf = (values: Record<string, string>) =>
    isNew ? { apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: values } : { machine: { sysctls: values } }
  // 1.14 holds these two itself
  const ours = Object.fromEntries(Object.entries(WANTED).filter(([key]) => !isNew || !key.endsWith('.send_redirects')))
  const count = Object.keys(ours).length
  const held = (node: string) => (isNew ? sysctls(node).document : sysctls(node).machine)
  const everywhere = (values: object) => ({ cp1: values, cp2: values, w1: values })

  beforeEach(() => pristine(cluster))
  afterEach(goHome)

  it('is red on every node, is mended from a plan file, changes nothing the second time, and is undone to the same config', async () => {
    const me = new Operator(cluster)
    const before = { configs: configs(), contents: contents(), procs: procs() }
    await me.settleIn()

    const red = await me.run('check', 'INF-10')
    expect(red.code).toBe(1)
    expect(red.stdout).toContain(`fail    cp1, cp2, w1: ${count} of 15 keys left to the kernel`)

    const planned = await me.must('plan', 'INF-10', '--out', 'inf-10.json')
    expect(planned.stdout).toContain('3 objects, one after the other')
    const plan: PlanFile = JSON.parse(me.file('inf-10.json'))
    expect(plan.parts.map((p) => p.object.name)).toEqual(['w1', 'cp1', 'cp2'])
    expect(contents()).toEqual(before.contents)

    const applied = await me.run('apply', 'inf-10.json', '--yes')
    expect(applied.stderr + applied.stdout).toContain('INF-10 mended on w1, cp1, cp2')
    expect(applied.code).toBe(0)
    expect(procs()).toEqual(everywhere(WANTED))

    const versions = versionsOf(cluster)
    const again = await me.run('apply', 'INF-10', '--yes')
    expect(again.stdout).toContain('Nothing to do.')
    expect(again.code).toBe(0)
    expect(versionsOf(cluster)).toEqual(versions)

    const sealed = me.files('secrets')
    expect(sealed.map((name) => name.replace(/-\d{4}-.*$/, ''))).toEqual(['config-cp1', 'config-cp2', 'config-w1'])
    for (const name of sealed) {
      const node = /^config-(\w+)-/.exec(name)?.[1] as 'cp1' | 'cp2' | 'w1'
      expect(me.open(join('secrets', name))).toBe(before.configs[node])
      expect(me.open(join('secrets', name), join(me.home, '.config', 'talos-preflight', 'identity.txt'))).toBe(before.configs[node])
    }

    const undone = await me.run('apply', '--undo', 'INF-10', '--yes')
    expect(undone.stdout).toContain('INF-10 taken back on w1, cp1, cp2')
    expect(undone.code).toBe(0)
    expect(contents()).toEqual(before.contents)
    for (const { name } of cluster.nodes) expect(sysctls(name)).toEqual({ machine: undefined, document: undefined })
    expect(procs()).toEqual(before.procs)
    expect((await me.run('check', 'INF-10')).code).toBe(1)
    expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
  })

  it('makes patches that talosctl merges into a config that is valid, and that change nothing when they are merged again', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    await me.must('plan', 'INF-10', '--out', 'inf-10.json')
    const plan: PlanFile = JSON.parse(me.file('inf-10.json'))
    const merge = (file: string, patches: object[]) =>
      spawnSync(cluster.talosctl, ['machineconfig', 'patch', file, ...patches.flatMap((p) => ['--patch', JSON.stringify(p)])], {
        encoding: 'utf8',
      })
    for (const part of plan.parts) {
      const name = part.object.name
      const patches = part.actions.flatMap((a) => a.call?.args.patches ?? [])
      expect(patches, name).not.toEqual([])
      const file = join(me.folder, `${name}.yaml`)
      writeFileSync(file, configOf(cluster, nodeOf(cluster, name)), { mode: 0o600 })
      const once = merge(file, patches)
      expect(once.status, once.stderr).toBe(0)
      expect(sysctlsIn(once.stdout)).toEqual(isNew ? { machine: undefined, document: ours } : { machine: ours, document: undefined })
      writeFileSync(file, once.stdout)
      expect(merge(file, patches).stdout).toBe(once.stdout)
      for (const mode of ['container', 'metal']) {
        const valid = spawnSync(cluster.talosctl, ['validate', '--mode', mode, '--config', file], { encoding: 'utf8' })
        expect(valid.stderr + valid.stdout, `${name} for ${mode}`).toContain(`is valid for ${mode} mode`)
        expect(valid.status).toBe(0)
      }
    }
  })

  it.runIf(triedOn('1.13'))(
    'gives a key that had another value before that value back, and leaves the keys that are none of ours',
    async () => {
      const me = new Operator(cluster)
      const w1 = nodeOf(cluster, 'w1')
      await patchByHand(cluster, w1, patchOf({ [LOG_MARTIANS]: '0', [THEIR_OWN]: '1', [SYNCOOKIES]: '1' }))
      const before = configContent(configOf(cluster, w1))
      await me.settleIn()
      await me.must('apply', 'INF-10', '--yes')
      expect(held('w1')).toEqual({ ...ours, [THEIR_OWN]: '1' })
      expect(procOf(w1)).toEqual(WANTED)

      await me.must('apply', '--undo', 'INF-10', '--yes')
      expect(held('w1')).toEqual({ [LOG_MARTIANS]: '0', [THEIR_OWN]: '1', [SYNCOOKIES]: '1' })
      expect(configContent(configOf(cluster, w1))).toEqual(before)
      expect(procOf(w1, [LOG_MARTIANS, THEIR_OWN, SYNCOOKIES])).toEqual({ [LOG_MARTIANS]: '0', [THEIR_OWN]: '1', [SYNCOOKIES]: '1' })
    },
  )

  it.runIf(triedOn('1.14'))('leaves a key that somebody else changed after us, and says so', async () => {
    const me = new Operator(cluster)
    const cp1 = nodeOf(cluster, 'cp1')
    await me.settleIn()
    await me.must('apply', 'INF-10', '--yes')
    await patchByHand(cluster, cp1, patchOf({ [LOG_MARTIANS]: '0' }))

    const undone = await me.run('apply', '--undo', 'INF-10', '--yes')
    expect(undone.stdout).toContain(
      `cp1: take back ${count - 1} keys from ${isNew ? 'SysctlConfig' : 'machine.sysctls'}, leave 1 that somebody else changed since`,
    )
    expect(undone.stdout).toContain(LOG_MARTIANS)
    expect(undone.code).toBe(0)
    expect(held('cp1')).toEqual({ [LOG_MARTIANS]: '0' })
    expect(held('w1')).toBeUndefined()
    expect(procOf(cp1, [LOG_MARTIANS])).toEqual({ [LOG_MARTIANS]: '0' })
  })

  it('keeps to the form in which a node has its keys already', async () => {
    const me = new Operator(cluster)
    const [w1, cp1] = [nodeOf(cluster, 'w1'), nodeOf(cluster, 'cp1')]
    // both forms on one node are accepted by 1.14 without a word, and the document wins
    await patchByHand(cluster, w1, { machine: { sysctls: { [THEIR_OWN]: '1', [SYNCOOKIES]: '2' } } })
    if (isNew) await patchByHand(cluster, w1, { apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: { [LOG_MARTIANS]: '0' } })
    await patchByHand(cluster, cp1, { machine: { sysctls: { [THEIR_OWN]: '1' } } })
    const before = contents()
    await me.settleIn()

    await me.must('apply', 'INF-10', '--yes')
    expect(sysctls('w1')).toEqual(
      isNew
        ? { machine: { [THEIR_OWN]: '1', [SYNCOOKIES]: '2' }, document: ours }
        : { machine: { ...ours, [THEIR_OWN]: '1' }, document: undefined },
    )
    expect(sysctls('cp1')).toEqual({ machine: { ...ours, [THEIR_OWN]: '1' }, document: undefined })
    expect(procs()).toEqual(everywhere(WANTED))

    await me.must('apply', '--undo', 'INF-10', '--yes')
    expect(contents()).toEqual(before)
  })

  it('is mended through the wizard by pressing Enter along, with the same result as by flags', async () => {
    const me = new Operator(cluster)
    await me.settleIn()
    const wizard = me.terminal([], LARGE)
    await wizard.until(`${cluster.name} in `)
    wizard.press('c')
    await wizard.until(/> ✗ INF-02 .*fail/)
    wizard.press('down')
    await wizard.until(/> ✗ INF-10 .*fail/)
    wizard.press('enter')
    await wizard.until('enter see the plan')
    wizard.press('enter')
    await wizard.until('enter go on to review')
    wizard.press('enter')
    await wizard.until('enter change 3 objects')
    wizard.press('enter')
    await wizard.until(/INF-10 +Network sysctls +✓ pass/)
    wizard.press('q')
    const { exitCode } = await wizard.end()
    expect(exitCode).toBeLessThan(2)
    expect(wizard.transcript()).toContain('INF-10 mended on w1, cp1, cp2')
    expect(procs()).toEqual(everywhere(WANTED))
    expect(me.files('secrets')).toHaveLength(3)

    const again = await me.run('apply', 'INF-10', '--yes')
    expect(again.stdout).toContain('Nothing to do.')
    expect(talosctl(cluster, 'etcd', 'members', '--nodes', nodeOf(cluster, 'cp1').address).stdout.match(/ false$/gm)).toHaveLength(2)
  })
})
