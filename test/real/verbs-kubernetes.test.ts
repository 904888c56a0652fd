import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { KUBERNETES_VERBS } from './support/calls-kubernetes.ts'
import { type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { clear, furnish } from './support/lab.ts'
import { goHome } from './support/operator.ts'
import { begin } from './support/verbs/at.ts'
import { PODS } from './support/verbs/hardening.ts'
import { KUBECTL } from './support/verbs/kubectl.ts'

/** Every verb of the registry that needs Kubernetes. A verb that was not run fails the suite. */

const ran = new Set<string>()
afterEach(goHome)

describe('with Kubernetes', () => {
  let kubernetes: KubernetesCluster
  beforeAll(async () => {
    kubernetes = await kubernetesOf(inject('version'))
    furnish(kubernetes)
  })
  afterAll(() => clear(kubernetes))

  it.each(Object.entries({ ...PODS, ...KUBECTL }))('%s answers as we read it', async (_, test) => {
    await test(await begin(kubernetes, ran))
  })
})

afterAll(() => {
  const missing = KUBERNETES_VERBS.filter((verb) => !ran.has(verb))
  expect(missing, 'verbs that no test ran').toEqual([])
})
