import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { said } from './support/calm.ts'
import { asAtFirst, holdKeeps, LIMIT, settled, somebodysDryRun } from './support/changes.ts'
import { firewallIn, killedAt, mendedBy, RULES } from './support/firewall-changes.ts'
import { aloneOf, type KubernetesCluster } from './support/kubernetes.ts'
import { configOf, nodeOf, triedOn } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const version = inject('version')

describe('INF-02 on a real control plane, killed', () => {
  let alone: KubernetesCluster
  beforeAll(async () => {
    alone = await aloneOf(version)
    await asAtFirst(alone)
  })
  afterEach(goHome)

  it.runIf(triedOn('1.14'))(
    'in the window: a second operator is refused, and the next start says so, waits for the way back, and goes on',
    async () => {
      const [me, other] = [await settled(alone), await settled(alone)]
      await killedAt(me, 'after', 'tried')
      const tried = configOf(alone, nodeOf(alone, 'cp1'))
      const refused = await other.run('apply', 'INF-02', ...RULES, '--yes')
      expect(said(refused)).toContain('cp1: a change is being tried on it now: what is active is not what is kept')
      expect(refused.code).toBe(2)
      expect((await other.run('plan', 'INF-10')).stdout).toContain('cp1: a change is being tried on it now')
      expect(configOf(alone, nodeOf(alone, 'cp1'))).toBe(tried)
      const told = await me.run('check', 'INF-02')
      expect(said(told)).toMatch(/ended in the middle: it was at "block what no rule names, \d rules" on cp1/)
      await mendedBy(me, /cp1 was being tried and takes itself back by [\s\S]*What became of it: not done \(it was not kept, and went back/)
    },
    LIMIT,
  )

  it.runIf(triedOn('1.13'))(
    'in the window, in which somebody makes a dry run: what took the way back away is said, and it is taken back where that is agreed to',
    async () => {
      const me = await settled(alone)
      await killedAt(me, 'after', 'tried')
      const dry = somebodysDryRun(alone, nodeOf(alone, 'cp1'))
      expect(dry.code, dry.stderr).toBe(0)
      if (version === '1.13') {
        const next = await me.run('apply', 'INF-02', ...RULES, '--yes')
        expect(said(next)).toContain('it is still there though its time is over, and was never kept: something took the way back away')
        expect(said(next)).toContain('--take-back')
        expect(next.code).toBe(2)
        expect(firewallIn(alone, 'cp1')).not.toEqual([])
      }
      const became = version === '1.13' ? /not done \(it was still there and was taken back/ : /not done \(it was not kept, and went back/
      await mendedBy(me, became, ...(version === '1.13' ? ['--take-back'] : []))
    },
    LIMIT,
  )

  it.runIf(triedOn('1.14'))(
    'before the keep: it goes back, and the next start says so',
    async () => {
      const me = await settled(alone)
      const held = holdKeeps(me)
      const { child, ended } = me.begin('apply', 'INF-02', ...RULES, '--yes')
      const keeping = await held.begun()
      child.kill('SIGKILL')
      process.kill(keeping, 'SIGKILL')
      await ended
      me.tool('talosctl', alone.talosctl)
      expect(firewallIn(alone, 'cp1')).not.toEqual([])
      await mendedBy(me, /What became of it: not done \(it was not kept, and went back/)
    },
    LIMIT,
  )
})
