import { afterAll, afterEach, beforeAll, describe, inject, it } from 'vitest'
import { KUBERNETES_VERBS, kubernetesCalls } from './support/calls-kubernetes.ts'
import { type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { clear, furnish, LAB_PLACES } from './support/lab.ts'
import { goHome, Operator } from './support/operator.ts'
import { placesOf, recordAll } from './support/recordings.ts'

/** What a cluster with Kubernetes answers, as recordings.test.ts has it for the rest. */

const version = inject('version')
afterEach(goHome)

describe('Kubernetes answers as recorded', () => {
  let cluster: KubernetesCluster
  beforeAll(async () => {
    cluster = await kubernetesOf(version)
    furnish(cluster)
  })
  afterAll(() => clear(cluster))

  it.each(KUBERNETES_VERBS)('%s', async (verb) => {
    const me = new Operator(cluster)
    await recordAll(me, version, verb, kubernetesCalls(cluster), { ...placesOf(me), ...LAB_PLACES })
  })
})
