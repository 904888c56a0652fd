import { expect } from 'vitest'
import { said } from './calm.ts'
import type { KubernetesCluster } from './kubernetes.ts'
import { configContent, configOf, nodeOf } from './nodes.ts'
import type { Operator } from './operator.ts'

/** What INF-02 is tried with on nodes: its answers, what it left in a config, and its course after a kill. */

/** What it has to be told on these clusters. */
export const RULES = ['admins=none', 'cniPorts=none', 'window=75'].flatMap((answer) => ['--answer', `INF-02.${answer}`])

/** The documents of the firewall in the config of a node. */
export const firewallIn = (cluster: KubernetesCluster, name: string): { kind: string }[] =>
  configContent(configOf(cluster, nodeOf(cluster, name))).filter((d): d is { kind: string } =>
    /^Network(Rule|DefaultAction)Config$/.test((d as { kind?: string }).kind ?? ''),
  )

export async function killedAt(me: Operator, when: 'after' | 'before', kind: string): Promise<void> {
  const killed = await me.child('killed.ts', when, kind, 'try', '1', '--', 'apply', 'INF-02', ...RULES, '--yes')
  expect(killed.signal, said(killed)).toBe('SIGKILL')
}

/** What the next start says, and that it brings the change to its end. */
export async function mendedBy(me: Operator, became: RegExp, ...more: string[]): Promise<void> {
  const of = me.cluster as KubernetesCluster
  const next = await me.run('apply', 'INF-02', ...RULES, '--yes', ...more)
  expect(said(next)).toMatch(became)
  expect(next.code, said(next)).toBe(0)
  for (const { name } of of.nodes) expect(firewallIn(of, name)).not.toEqual([])
  expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
  const undone = await me.run('apply', '--undo', 'INF-02', '--yes')
  expect(undone.code, said(undone)).toBe(0)
  for (const { name } of of.nodes) expect(firewallIn(of, name)).toEqual([])
}
