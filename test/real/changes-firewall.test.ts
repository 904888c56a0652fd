import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { answers, asAtFirst, FULL, firewallAnswers, holdKeeps, lane, secondAddress, settled, somebodysDryRun } from './support/changes.ts'
import { aloneOf, type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { configContent, configOf, nodeOf, talosctl, versionsOf } from './support/nodes.ts'
import { goHome, type Operator, type Ran } from './support/operator.ts'

const version = inject('version')
const said = (ran: Ran) => ran.stdout + ran.stderr
const RULES = firewallAnswers()
const BOTH = ['cp1', 'w1']
/** What is done to one node waits for what is done to it before. */
const LIMIT = 1_200_000

describe('INF-02 on real nodes with Kubernetes', () => {
  let cluster: KubernetesCluster
  let alone: KubernetesCluster
  const [onCluster, onAlone] = [lane(), lane()]
  const node = (name: string, of = cluster) => nodeOf(of, name)
  const contents = (of = cluster) => Object.fromEntries(of.nodes.map((n) => [n.name, configContent(configOf(of, n))]))
  const firewallIn = (name: string, of = cluster) =>
    configContent(configOf(of, node(name, of))).filter((d) =>
      /^Network(Rule|DefaultAction)Config$/.test((d as { kind?: string }).kind ?? ''),
    )
  const chainOf = (name: string) => talosctl(cluster, '--nodes', node(name).address, 'get', 'nftableschain', 'ingress').stdout

  beforeAll(async () => {
    ;[cluster, alone] = await Promise.all([kubernetesOf(version), aloneOf(version)])
    await Promise.all([asAtFirst(cluster), asAtFirst(alone)])
  })
  afterAll(goHome)

  it('is red, is tried and kept, closes ports to others and leaves them to the operator, changes nothing again, and is undone', async () => {
    const me = await settled(cluster)
    const before = contents()
    const [mine, other] = [cluster.gateway, secondAddress(cluster)]
    const red = await me.check('INF-02')
    expect(red.findings('INF-02').map(({ object, verdict }) => [object, verdict])).toEqual(BOTH.map((n) => [`node/${n}`, 'fail']))

    const cut = await me.run('plan', 'INF-02', ...RULES, '--answer', `INF-02.cut=50000/tcp=${mine}`)
    expect(said(cut)).toContain(`you come from ${mine}, which lies in ${mine}, which "cut" takes from 50000/tcp`)
    expect(cut.code).toBe(4)

    const doors: [name: string, port: number][] = [
      ['cp1', 50000],
      ['cp1', 6443],
      ['cp1', 2379],
      ['cp1', 10250],
      ['w1', 50000],
      ['w1', 10250],
    ]
    const seenFrom = async (from: string) =>
      Object.fromEntries(await Promise.all(doors.map(async ([n, port]) => [`${n}:${port}`, await answers(from, node(n).address, port)])))
    const allOpen = Object.fromEntries(doors.map(([n, port]) => [`${n}:${port}`, 'open']))
    expect(await seenFrom(other)).toEqual(allOpen)

    const planned = await me.must('plan', 'INF-02', ...RULES, '--out', 'inf-02.json')
    expect(planned.stdout).toContain('goes back by itself after 75 s unless it is kept')
    expect(contents()).toEqual(before)
    const applied = await me.run('apply', 'INF-02', ...RULES, '--yes')
    expect(said(applied)).toContain('INF-02 mended on w1, cp1')
    expect(applied.code).toBe(0)
    for (const name of BOTH) {
      const kinds = firewallIn(name).map((d) => (d as { kind: string }).kind)
      expect(
        kinds.filter((k) => k === 'NetworkDefaultActionConfig'),
        name,
      ).toHaveLength(1)
      expect(kinds.filter((k) => k === 'NetworkRuleConfig').length, name).toBe(name === 'w1' ? 2 : version === '1.14' ? 6 : 5)
      expect(chainOf(name)).toMatch(/drop/)
    }
    expect(await seenFrom(other)).toEqual(Object.fromEntries(Object.keys(allOpen).map((door) => [door, 'silent'])))
    expect(await seenFrom(mine)).toMatchObject({ 'cp1:50000': 'open', 'cp1:6443': 'open', 'cp1:2379': 'silent' })
    expect((await me.check('INF-02')).findings('INF-02').map((f) => f.verdict)).toEqual(['pass', 'pass'])

    const versions = versionsOf(cluster)
    const again = await me.run('apply', 'INF-02', ...RULES, '--yes')
    expect(again.stdout).toContain('Nothing to do.')
    expect(again.code).toBe(0)
    expect(versionsOf(cluster)).toEqual(versions)

    const undone = await me.run('apply', '--undo', 'INF-02', '--yes')
    expect(said(undone)).toContain('INF-02 taken back on w1, cp1')
    expect(undone.code).toBe(0)
    expect(contents()).toEqual(before)
    expect(await seenFrom(other)).toEqual(allOpen)
    expect((await me.check('INF-02')).verdicts).toMatchObject({ 'INF-02': 'fail' })
  })

  describe('killed', () => {
    /** What the next start says, and that it brings the change to its end. */
    const mendedBy = async (me: Operator, became: RegExp, ...more: string[]) => {
      const of = me.cluster as KubernetesCluster
      const next = await me.run('apply', 'INF-02', ...RULES, '--yes', ...more)
      expect(said(next)).toMatch(became)
      expect(next.code, said(next)).toBe(0)
      for (const { name } of of.nodes) expect(firewallIn(name, of)).not.toEqual([])
      expect((await me.must('journal', 'verify')).stdout).toContain('every chain is whole')
      const undone = await me.run('apply', '--undo', 'INF-02', '--yes')
      expect(undone.code, said(undone)).toBe(0)
      for (const { name } of of.nodes) expect(firewallIn(name, of)).toEqual([])
    }
    const killedAt = async (me: Operator, when: 'after' | 'before', kind: string) => {
      const killed = await me.child('killed.ts', when, kind, 'try', '1', '--', 'apply', 'INF-02', ...RULES, '--yes')
      expect(killed.signal, said(killed)).toBe('SIGKILL')
    }

    it.concurrent(
      'in the window: a second operator is refused, and the next start says so, waits for the way back, and goes on',
      () =>
        onAlone(async () => {
          const [me, other] = [await settled(alone), await settled(alone)]
          await killedAt(me, 'after', 'tried')
          const tried = configOf(alone, node('cp1', alone))
          const refused = await other.run('apply', 'INF-02', ...RULES, '--yes')
          expect(said(refused)).toContain('cp1: a change is being tried on it now: what is active is not what is kept')
          expect(refused.code).toBe(4)
          expect((await other.run('plan', 'INF-10')).stdout).toContain('cp1: a change is being tried on it now')
          expect(configOf(alone, node('cp1', alone))).toBe(tried)
          const told = await me.run('check', 'INF-02')
          expect(said(told)).toMatch(/ended in the middle: it was at "block what no rule names, \d rules" on cp1/)
          await mendedBy(
            me,
            /cp1 was being tried and takes itself back by [\s\S]*What became of it: not done \(it was not kept, and went back/,
          )
        }),
      LIMIT,
    )

    it.concurrent(
      'in the window, in which somebody makes a dry run: what took the way back away is said, and it is taken back where that is agreed to',
      () =>
        onCluster(async () => {
          const me = await settled(cluster)
          await killedAt(me, 'after', 'tried')
          const dry = somebodysDryRun(cluster, node('w1'))
          expect(dry.code, dry.stderr).toBe(0)
          if (version === '1.13') {
            const next = await me.run('apply', 'INF-02', ...RULES, '--yes')
            expect(said(next)).toContain('it is still there though its time is over, and was never kept: something took the way back away')
            expect(said(next)).toContain('--take-back')
            expect(next.code).toBe(2)
            expect(firewallIn('w1')).not.toEqual([])
          }
          const became =
            version === '1.13' ? /not done \(it was still there and was taken back/ : /not done \(it was not kept, and went back/
          await mendedBy(me, became, ...(version === '1.13' ? ['--take-back'] : []))
        }),
      LIMIT,
    )

    it.runIf(FULL || version === '1.14').concurrent(
      'before the keep: it goes back, and the next start says so',
      () =>
        onCluster(async () => {
          const me = await settled(cluster)
          const held = holdKeeps(me)
          const { child, ended } = me.begin('apply', 'INF-02', ...RULES, '--yes')
          const keeping = await held.begun()
          child.kill('SIGKILL')
          process.kill(keeping, 'SIGKILL')
          await ended
          me.tool('talosctl', cluster.talosctl)
          expect(firewallIn('w1')).not.toEqual([])
          await mendedBy(me, /What became of it: not done \(it was not kept, and went back/)
        }),
      LIMIT,
    )

    it.concurrent(
      'after the keep: the next start finds it done, and finishes the checks behind it',
      () =>
        onAlone(async () => {
          const me = await settled(alone)
          await killedAt(me, 'before', 'outcome')
          expect(firewallIn('cp1', alone)).not.toEqual([])
          await mendedBy(me, /What became of it: done \(what stays after a restart has these rules\)/)
          expect(
            me
              .journal()
              .filter((l) => l.kind === 'outcome' && l.result === 'done')
              .map((l) => l.action),
          ).toEqual(expect.arrayContaining(['api', 'etcd']))
        }),
      LIMIT,
    )
  })
})
