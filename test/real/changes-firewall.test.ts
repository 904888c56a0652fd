import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { said } from './support/calm.ts'
import { answers, asAtFirst, LIMIT, secondAddress, settled, tryByHand } from './support/changes.ts'
import { firewallIn, killedAt, mendedBy, RULES } from './support/firewall-changes.ts'
import { type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { configContent, configOf, eventually, nodeOf, talosctl, triedOn, versionsOf } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const version = inject('version')
const BOTH = ['cp1', 'w1']

describe('INF-02 on real nodes with Kubernetes', () => {
  let cluster: KubernetesCluster
  const node = (name: string) => nodeOf(cluster, name)
  const contents = () => Object.fromEntries(cluster.nodes.map((n) => [n.name, configContent(configOf(cluster, n))]))
  const chainOf = (name: string) => talosctl(cluster, '--nodes', node(name).address, 'get', 'nftableschain', 'ingress').stdout

  beforeAll(async () => {
    cluster = await kubernetesOf(version)
    await asAtFirst(cluster)
  })
  afterEach(goHome)

  it('is red, is tried and kept, closes ports to others and leaves them to the operator, changes nothing again, and is undone', async () => {
    const me = await settled(cluster)
    const before = contents()
    const [mine, other] = [cluster.gateway, secondAddress(cluster)]
    const red = await me.check('INF-02')
    expect(red.findings('INF-02').map(({ object, verdict }) => [object, verdict])).toEqual(BOTH.map((n) => [`node/${n}`, 'fail']))

    const cut = await me.run('plan', 'INF-02', ...RULES, '--answer', `INF-02.cut=50000/tcp=${mine}`)
    expect(said(cut)).toContain(`you come from ${mine}, which lies in ${mine}, which "cut" takes from 50000/tcp`)
    expect(cut.code).toBe(2)

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
      const kinds = firewallIn(cluster, name).map((d) => d.kind)
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

  it.runIf(triedOn('1.14'))(
    'killed after the keep: the next start finds it done, finishes the checks behind it, and goes on with the next node',
    async () => {
      const me = await settled(cluster)
      await killedAt(me, 'before', 'outcome')
      expect(BOTH.map((name) => firewallIn(cluster, name).length > 0)).toEqual([false, true])
      await mendedBy(me, /What became of it: done \(what stays after a restart has these rules\)/)
      expect(
        me
          .journal()
          .filter((l) => l.kind === 'outcome' && l.result === 'done')
          .map((l) => l.action),
      ).toEqual(expect.arrayContaining(['api', 'etcd']))
    },
    LIMIT,
  )

  it.runIf(triedOn('1.13'))(
    'without any rule, sent past the program, shuts everybody out of the node and goes back by itself',
    async () => {
      const w1 = node('w1')
      const [mine, other] = [cluster.gateway, secondAddress(cluster)]
      const before = configContent(configOf(cluster, w1))
      const block = { apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress: 'block' }
      const tried = tryByHand(cluster, w1, [block], 75)
      expect(tried.stderr).toContain("applied in 'try' mode and will be automatically reverted back in 1m15s")
      for (const from of [mine, other])
        await eventually(`w1 is silent to ${from}`, async () => (await answers(from, w1.address, 50000)) === 'silent' || undefined, 30)
      await eventually('w1 lets the operator in again', async () => (await answers(mine, w1.address, 50000)) === 'open' || undefined, 150)
      expect(configContent(configOf(cluster, w1))).toEqual(before)
    },
    LIMIT,
  )
})
