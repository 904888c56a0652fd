import { expect } from 'vitest'
import { said } from './calm.ts'
import { addToTries, type Poison } from './changes.ts'
import type { KubernetesCluster } from './kubernetes.ts'
import { configContent, configOf, configVersion, nodeOf } from './nodes.ts'
import type { Operator, Ran } from './operator.ts'

/** The two courses of a change of the API server: it lands and is taken back, or it goes back by itself. */

/** What it said in the end. */
export const lastOf = (ran: Ran): string => said(ran).slice(-2500)

/** What the control plane's config holds. */
export const heldBy = (cluster: KubernetesCluster): unknown[] => configContent(configOf(cluster, nodeOf(cluster, 'cp1')))

/** Mended with what nobody would plan added to the try: it goes back, and the reason is that of the node's log. */
export async function goesBack(me: Operator, step: string, { patches, reason }: Poison, ...answers: string[]): Promise<void> {
  const of = me.cluster as KubernetesCluster
  const before = heldBy(of)
  addToTries(me, patches)
  const applied = await me.run('apply', step, '--yes', '--answer', `${step}.window=75`, ...answers)
  me.tool('talosctl', of.talosctl)
  expect(lastOf(applied)).toMatch(reason)
  expect(lastOf(applied)).toMatch(/; it went back by itself, and cp1 is as before/)
  expect(applied.code, lastOf(applied)).toBe(4)
  expect(heldBy(of)).toEqual(before)
  const after = await me.check(step, ...answers)
  expect(after.verdicts).toEqual({ [step]: 'fail' })
  // a later check says it too
  expect(after.findings(step).map((f) => f.reason)).toEqual([expect.stringMatching(reason)])
}

/** Mended, the same again, and taken back; `kept` looks at what it does meanwhile. */
export async function thereAndBack(me: Operator, step: string, kept: () => Promise<void>, ...answers: string[]): Promise<void> {
  const of = me.cluster as KubernetesCluster
  const before = heldBy(of)
  const applied = await me.run('apply', step, '--yes', ...answers)
  expect(applied.code, lastOf(applied)).toBe(0)
  expect(said(applied)).toContain(`${step} mended on cp1`)
  expect(heldBy(of)).not.toEqual(before)
  expect((await me.check(step, ...answers)).verdicts).toEqual({ [step]: 'pass' })
  await kept()

  const sent = configVersion(of, nodeOf(of, 'cp1'))
  const again = await me.run('apply', step, '--yes', ...answers)
  expect(again.stdout).toContain('Nothing to do.')
  expect(again.code).toBe(0)
  expect(configVersion(of, nodeOf(of, 'cp1'))).toBe(sent)

  const undone = await me.run('apply', '--undo', step, '--yes')
  expect(undone.code, lastOf(undone)).toBe(0)
  expect(said(undone)).toContain(`${step} taken back on cp1`)
  expect(heldBy(of)).toEqual(before)
  expect((await me.check(step, ...answers)).verdicts).toEqual({ [step]: 'fail' })
}
