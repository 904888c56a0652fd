import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { thereAndBack } from './support/api-server-changes.ts'
import { asAtFirst, auditLines, LIMIT, settled } from './support/changes.ts'
import { type KubernetesCluster, kubernetesOf, mustKubectl } from './support/kubernetes.ts'
import { eventually, nodeOf } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const version = inject('version')

describe('MON-01 on a real cluster', () => {
  let cluster: KubernetesCluster
  beforeAll(async () => {
    cluster = await kubernetesOf(version)
    await asAtFirst(cluster)
  })
  afterEach(goHome)

  it(
    'is red, is mended, logs who did what and no secret, changes nothing again, and is undone',
    async () => {
      const plane = nodeOf(cluster, 'cp1')
      await thereAndBack(await settled(cluster), 'MON-01', async () => {
        const [name, value] = [`whispered-${Date.now()}`, `not-to-be-logged-${Date.now()}`]
        mustKubectl(cluster, ['create', 'secret', 'generic', name, `--from-literal=word=${value}`])
        mustKubectl(cluster, ['create', 'clusterrole', name, '--verb=get', '--resource=pods'])
        const lines = await eventually('both are in the audit log', () => {
          const found = auditLines(plane, name).filter((l) => l.verb === 'create')
          return found.length >= 2 ? found : undefined
        })
        const of = (resource: string) => lines.filter((l) => l.objectRef?.resource === resource)
        expect(of('secrets').map(({ level, stage, requestObject }) => ({ level, stage, requestObject }))).toEqual([
          { level: 'Metadata', stage: 'ResponseComplete', requestObject: undefined },
        ])
        expect(of('clusterroles').map(({ level, requestObject }) => [level, requestObject?.rules])).toEqual([
          ['RequestResponse', [expect.objectContaining({ resources: ['pods'], verbs: ['get'] })]],
        ])
        for (const text of [value, Buffer.from(value).toString('base64')]) expect(auditLines(plane, text)).toEqual([])
        mustKubectl(cluster, ['delete', 'secret', name])
        mustKubectl(cluster, ['delete', 'clusterrole', name])
      })
    },
    LIMIT,
  )
})
