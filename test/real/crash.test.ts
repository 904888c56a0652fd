import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import {
  clusterOf,
  configContent,
  configOf,
  eventually,
  nodeOf,
  pristine,
  procOf,
  sysctlsIn,
  triedOn,
  versionsOf,
  WANTED,
} from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

/** Killed on real nodes, once per stage of a change, and brought to the same end by the next start. */

const STAGES = [
  { at: 'the config is about to be sealed', when: 'after', kind: 'intent', action: 'seal', became: /What became of it: not done / },
  { at: 'the config was sealed', when: 'after', kind: 'outcome', action: 'seal', became: undefined },
  {
    at: 'talosctl runs and nothing is known of it yet',
    when: 'before',
    kind: 'child',
    action: 'patch',
    became: /What became of it: (not )?done /,
  },
  { at: 'talosctl runs for the change', when: 'after', kind: 'child', action: 'patch', became: /What became of it: (not )?done / },
  { at: 'it waits for the effect', when: 'after', kind: 'intent', action: 'effect', became: /What became of it: done / },
] as const

/** Each is tried on one of the versions, or on both. */
const shared = <T>(cases: readonly T[]): T[] => cases.filter((_, i) => triedOn(i % 2 === 0 ? '1.13' : '1.14'))

describe('on three real nodes', () => {
  const cluster = clusterOf(inject('version'))
  const contents = () => cluster.nodes.map((n) => configContent(configOf(cluster, n)))
  const procs = () => cluster.nodes.map((n) => procOf(n))
  const mended = cluster.nodes.map(() => WANTED)
  const isMended = (name: string) => {
    const { machine, document } = sysctlsIn(configOf(cluster, nodeOf(cluster, name)))
    return machine !== undefined || document !== undefined
  }

  /** A talosctl whose change waits until the file `go` is there. */
  const slowChanges = (me: Operator) => {
    const [begun, go] = [join(me.folder, 'begun'), join(me.folder, 'go')]
    me.script(
      'talosctl',
      'case "$*" in',
      '*--dry-run*) ;;',
      `*" patch machineconfigs"*) : > '${begun}'; while [ ! -e '${go}' ]; do PATH=/usr/bin:/bin sleep 0.1; done ;;`,
      'esac',
      `exec '${cluster.talosctl}' "$@"`,
    )
    return {
      begun: () => eventually('the change has begun', () => (existsSync(begun) ? true : undefined)),
      go: () => writeFileSync(go, ''),
    }
  }

  beforeEach(() => pristine(cluster))
  afterEach(goHome)

  it.each(shared(STAGES))('a run that is killed when $at comes to the same end', async ({ when, kind, action, became }) => {
    const me = new Operator(cluster)
    const before = { contents: contents(), procs: procs() }
    await me.settleIn()
    // the first node is done then, the second is in the middle, the third has not begun
    const killed = await me.child('killed.ts', when, kind, action, '2', '--', 'apply', 'INF-10', '--yes')
    expect(killed.signal, killed.stdout + killed.stderr).toBe('SIGKILL')
    expect(me.journal().at(-1)).toMatchObject(when === 'after' ? { kind, action } : { kind: 'intent', action })
    expect([isMended('w1'), isMended('cp2')]).toEqual([true, false])

    const told = await me.run('check', 'INF-10')
    expect(told.stdout + told.stderr).toMatch(/ended in the middle: w1 was done/)

    const resumed = await me.run('apply', 'INF-10', '--yes')
    if (became) expect(resumed.stdout).toMatch(became)
    expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0)
    expect(procs()).toEqual(mended)
    expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
    expect((await me.run('check', 'INF-10')).stderr).not.toContain('ended in the middle')

    const versions = versionsOf(cluster)
    expect((await me.must('apply', 'INF-10', '--yes')).stdout).toContain('Nothing to do.')
    expect(versionsOf(cluster)).toEqual(versions)

    const sealed = me.files('secrets')
    expect(sealed.filter((name) => !name.endsWith('.age'))).toEqual([])
    for (const [i, node] of cluster.nodes.entries()) {
      const first = sealed.find((name) => name.startsWith(`config-${node.name}-`)) ?? ''
      expect(configContent(me.open(join('secrets', first))), node.name).toEqual(before.contents[i])
    }
    const inMemory = existsSync('/dev/shm') ? readdirSync('/dev/shm').filter((n) => n.startsWith('talos-preflight-')) : []
    const pid = String((me.journal().find((l) => l.kind === 'opened' && String(l.tool).includes('0.0.0'))?.process as { pid: number })?.pid)
    for (const folder of inMemory) expect(readdirSync(join('/dev/shm', folder)).filter((n) => n.startsWith(`${pid}-`))).toEqual([])

    await me.must('apply', '--undo', 'INF-10', '--yes')
    expect(contents()).toEqual(before.contents)
    expect(procs()).toEqual(before.procs)
  })

  it.runIf(triedOn('1.14'))('a talosctl that outlives us is named and waited for by the next start', async () => {
    const me = new Operator(cluster)
    const before = contents()
    await me.settleIn()
    const slow = slowChanges(me)
    const killed = await me.child('killed.ts', 'after', 'child', 'patch', '1', '--', 'apply', 'INF-10', '--yes')
    expect(killed.signal, killed.stdout + killed.stderr).toBe('SIGKILL')
    await slow.begun()
    expect(isMended('w1')).toBe(false)
    const { pid } = (me.journal().findLast((l) => l.kind === 'child') as { process: { pid: number } } | undefined)?.process ?? { pid: 0 }
    expect(existsSync(`/proc/${pid}`)).toBe(true)

    const next = me.begin('apply', 'INF-10', '--yes')
    await eventually('it says what it waits for', () =>
      next.said().includes(`Process ${pid} of that run still works; waiting for it.`) ? true : undefined,
    )
    expect(isMended('w1')).toBe(false)
    slow.go()
    const resumed = await next.ended
    expect(resumed.stdout).toMatch(/What became of it: done \(the machine config holds \d+ keys/)
    expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0)
    expect(procs()).toEqual(mended)
    // one sealed config and one change a node: nothing was done twice
    expect(me.files('secrets')).toHaveLength(3)

    await me.must('apply', '--undo', 'INF-10', '--yes')
    expect(contents()).toEqual(before)
  })

  it.each(shared(['SIGINT', 'SIGTERM', 'SIGHUP'] as const))(
    '%s finishes the node at hand, leaves the others, and the next run goes on',
    async (signal) => {
      const me = new Operator(cluster)
      await me.settleIn()
      const slow = slowChanges(me)
      const run = me.begin('apply', 'INF-10', '--yes')
      await slow.begun()
      run.child.kill(signal)
      await eventually('it says that it stops', () => (run.said().includes('stopping after the object at hand') ? true : undefined))
      slow.go()
      const stopped = await run.ended
      expect(stopped.code, stopped.stdout + stopped.stderr).toBe(130)
      expect(stopped.stderr).toContain('1 done, 2 not begun')
      expect([isMended('w1'), isMended('cp1'), isMended('cp2')]).toEqual([true, false, false])
      expect((await me.must('apply', 'INF-10', '--yes')).stdout).toContain('INF-10 mended on cp1, cp2')
      expect(procs()).toEqual(mended)
    },
  )
})
