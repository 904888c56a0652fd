import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { goesBack, heldBy } from './support/api-server-changes.ts'
import { apiServerAnswers, asAtFirst, DENIED_SAID, LIMIT, patchesOf, poisonsFor, settled, tryByHand } from './support/changes.ts'
import { aloneOf, type KubernetesCluster } from './support/kubernetes.ts'
import { eventually, FULL, nodeOf, talosctl } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const version = inject('version')

describe('what nobody would plan, sent on purpose past our checks', () => {
  let alone: KubernetesCluster
  beforeAll(async () => {
    alone = await aloneOf(version)
    await asAtFirst(alone)
  })
  afterEach(goHome)

  it.each(poisonsFor(version, ['doubled exemption', 'unwritable log']))(
    'MON-01 with a $name stops the API server, and both go back by themselves',
    async (poison) => goesBack(await settled(alone), 'MON-01', poison),
    LIMIT,
  )

  it.runIf(FULL)(
    'a denied argument changes nothing, and goes back by itself',
    async () => {
      const plane = nodeOf(alone, 'cp1')
      await apiServerAnswers(alone)
      const before = heldBy(alone)
      const told = tryByHand(alone, plane, patchesOf('denied argument', version), 75)
      expect(told.code, told.stderr).toBe(0)
      expect(heldBy(alone)).not.toEqual(before)
      const look = (...args: string[]) => talosctl(alone, '--nodes', plane.address, ...args).stdout
      try {
        await eventually('the node says why', () => DENIED_SAID.test(look('logs', 'controller-runtime', '--tail', '200')) || undefined)
        // Talos sets this argument itself
        expect(look('get', 'staticpods', 'kube-apiserver', '-o', 'yaml')).not.toContain('/nowhere/')
      } finally {
        await eventually('the config is as before', () => JSON.stringify(heldBy(alone)) === JSON.stringify(before) || undefined, 150)
      }
    },
    LIMIT,
  )

  // at the end: Talos makes an API server that it could not render start again after a while
  it.each(poisonsFor(version, ['misspelt field']))(
    'a $name in the policy of MON-01 is not rendered by Talos, and goes back by itself',
    async (poison) => goesBack(await settled(alone), 'MON-01', poison),
    LIMIT,
  )
})
