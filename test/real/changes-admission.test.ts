import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { heldBy, lastOf, thereAndBack } from './support/api-server-changes.ts'
import {
  asAtFirst,
  DENIED,
  DENIED_SAID,
  journalled,
  LIMIT,
  patched,
  patchesOf,
  settled,
  somebodysDryRun,
  withoutArgument,
  withoutPodSecurity,
} from './support/changes.ts'
import { aloneOf, type KubernetesCluster, kubectl } from './support/kubernetes.ts'
import { FULL, nodeOf } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const version = inject('version')
const RESTRICTED = ['--answer', 'K8S-02.level=restricted']

describe('K8S-02 on a real control plane', () => {
  let alone: KubernetesCluster
  beforeAll(async () => {
    alone = await aloneOf(version)
    await asAtFirst(alone)
  })
  afterEach(goHome)

  it(
    'passes by default and refuses a privileged pod; held to more it is mended, refuses more, changes nothing again, and is undone',
    async () => {
      const me = await settled(alone)
      const asked = (securityContext: object) => {
        const spec = { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10', securityContext }] }
        const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'asked', namespace: 'default' }, spec }
        return kubectl(alone, ['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod))
      }
      expect((await me.check('K8S-02')).verdicts).toEqual({ 'K8S-02': 'pass' })
      expect(asked({ privileged: true }).stderr).toMatch(/Forbidden|forbidden.*violates PodSecurity "baseline:latest": privileged/)
      expect(asked({}).code).toBe(0)
      await thereAndBack(
        me,
        'K8S-02',
        async () => {
          expect(asked({}).stderr).toMatch(/violates PodSecurity "restricted:latest"/)
          expect(asked({ privileged: true }).code).not.toBe(0)
        },
        ...RESTRICTED,
      )
      expect(asked({}).code).toBe(0)
    },
    LIMIT,
  )

  it.runIf(version === '1.13')(
    'is not rendered by Talos where a denied argument is in the way already, and goes back, or is taken back where somebody made a dry run',
    async () => {
      const plane = nodeOf(alone, 'cp1')
      const me = await settled(alone)
      const first = heldBy(alone)
      patched(alone, plane, patchesOf('denied argument', version))
      const before = heldBy(alone)
      try {
        const { ended } = me.begin('apply', 'K8S-02', '--yes', '--answer', 'K8S-02.window=75', ...RESTRICTED)
        await journalled(me, 'tried')
        if (FULL) expect(somebodysDryRun(alone, plane).code).toBe(0)
        const applied = await ended
        expect(lastOf(applied)).toMatch(DENIED_SAID)
        expect(lastOf(applied)).toContain(
          `it ${FULL ? 'did not go back by itself and was taken back' : 'went back by itself'}, and cp1 is as before`,
        )
        expect(applied.code).toBe(4)
        expect(heldBy(alone)).toEqual(before)
      } finally {
        patched(alone, plane, withoutArgument(DENIED, version))
      }
      expect(heldBy(alone)).toEqual(first)
    },
    LIMIT,
  )

  // what was tried stands in the active config when it is kept, so a list that grows on merge would double there
  it.runIf(FULL)(
    'is set where nothing of it was configured, with each exemption once, and is taken back to nothing',
    async () => {
      const me = await settled(alone)
      patched(alone, nodeOf(alone, 'cp1'), withoutPodSecurity(version))
      const exempt = () => JSON.stringify(heldBy(alone)).match(/"kube-system"/g) ?? []
      expect(exempt()).toEqual([])
      await thereAndBack(me, 'K8S-02', async () => expect(exempt()).toHaveLength(1))
    },
    LIMIT,
  )
})
