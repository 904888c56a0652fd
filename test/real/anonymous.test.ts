import { afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { ANONYMOUS_PATHS, type AnonymousAnswers } from '../../src/domain/wire.ts'
import { anonymousApiServerOn, curl } from './support/api-server.ts'
import { expectCalm } from './support/calm.ts'
import { type KubernetesCluster, kubernetesOf, mustKubectl } from './support/kubernetes.ts'
import { eventually, nodeOf, patchConfig, triedOn } from './support/nodes.ts'
import { goHome, Operator } from './support/operator.ts'

/** ACC-07 on a cluster with Kubernetes: its answers are those that curl gets, and whatever is open is found. */

const version = inject('version')
let cluster: KubernetesCluster
beforeAll(async () => {
  cluster = await kubernetesOf(version)
})
afterEach(goHome)

/** What a fresh cluster answers without a credential. A load balancer may ask 1.14 how it is. */
const HEALTH = version === '1.14' ? 200 : 401
const ANSWERS: Record<'kube-apiserver' | 'kubelet', Record<string, number>> = {
  'kube-apiserver': { '/livez': HEALTH, '/readyz': HEALTH, '/healthz': HEALTH, '/version': 401, '/api': 401, '/metrics': 401 },
  kubelet: { '/healthz': 401, '/metrics': 401, '/pods': 401 },
}

describe('requests without a credential', () => {
  it('are rejected by a fresh cluster, and every answer is the one that curl gets', async () => {
    const me = new Operator(cluster)
    await me.must('init', '--environment', 'lab')
    const checked = await me.check('ACC-07')
    expect(checked.findings('ACC-07').map((f) => [f.object, f.verdict])).toEqual([
      ['port/cp1:6443', 'pass'],
      ['port/cp1:10250', 'pass'],
      ['port/w1:10250', 'pass'],
      ['ClusterRoleBinding/system:public-info-viewer', 'pass'],
    ])
    expect(checked.code).toBe(0)
    for (const { object, value } of me.observed<AnonymousAnswers>('anonymousAnswers'))
      for (const { service, port, answers } of value) {
        expect(answers, `${service} of ${object}`).toEqual(ANSWERS[service])
        expect(Object.keys(answers)).toEqual(ANONYMOUS_PATHS[service])
        for (const [path, status] of Object.entries(answers))
          expect(curl(`https://${nodeOf(cluster, object).address}:${port}${path}`), `${object}:${port}${path}`).toBe(status)
      }
  })

  it.runIf(triedOn('1.13'))('that a binding gives something to are named, and a deleted one is not', async () => {
    const me = new Operator(cluster)
    const remove = () => {
      mustKubectl(cluster, ['delete', 'clusterrolebinding', 'tp-everybody', '--ignore-not-found'])
      mustKubectl(cluster, ['delete', 'rolebinding', 'tp-anybody', '--namespace', 'default', '--ignore-not-found'])
    }
    onTestFinished(remove)
    mustKubectl(cluster, ['create', 'clusterrolebinding', 'tp-everybody', '--clusterrole=view', '--group=system:unauthenticated'])
    mustKubectl(cluster, ['create', 'rolebinding', 'tp-anybody', '--clusterrole=edit', '--user=system:anonymous', '--namespace=default'])
    const red = await me.check('ACC-07')
    expect(red.code).toBe(1)
    expect(red.findings('ACC-07').filter((f) => f.verdict === 'fail')).toEqual([
      {
        object: 'ClusterRoleBinding/tp-everybody',
        verdict: 'fail',
        reason: 'gives view to everybody (system:unauthenticated)',
        remedy: expect.stringContaining('kubectl delete clusterrolebinding tp-everybody'),
      },
      {
        object: 'RoleBinding/default/tp-anybody',
        verdict: 'fail',
        reason: 'gives edit to everybody (system:anonymous)',
        remedy: expect.stringContaining('kubectl delete rolebinding tp-anybody -n default'),
      },
    ])
    remove()
    expect((await me.check('ACC-07')).code).toBe(0)
  })

  // Talos refuses the field for it, and takes the argument
  it.runIf(triedOn('1.14'))('that a kubelet lets in are named', async () => {
    const w1 = nodeOf(cluster, 'w1')
    const kubelet = (value: unknown) => patchConfig(cluster, w1, { machine: { kubelet: { extraArgs: { 'anonymous-auth': value } } } })
    const answers = (status: number) =>
      eventually(`the kubelet of w1 answers with ${status}`, () => (curl(`https://${w1.address}:10250/pods`) === status ? true : undefined))
    const refused = patchConfig(cluster, w1, {
      machine: { kubelet: { extraConfig: { authentication: { anonymous: { enabled: true } } } } },
    })
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(`field "authentication" can't be overridden`) })

    onTestFinished(async () => {
      expect(kubelet({ $patch: 'delete' }).code).toBe(0)
      await answers(401)
    })
    expect(kubelet('true').code).toBe(0)
    await answers(403)
    const checked = await new Operator(cluster).check('ACC-07')
    expect(checked.code).toBe(1)
    const failing = checked.findings('ACC-07').filter((f) => f.verdict !== 'pass')
    expect(failing.map((f) => [f.object, f.reason])).toEqual([
      [
        'port/w1:10250',
        'kubelet lets everybody in as system:anonymous and only then refuses /healthz, /metrics, /pods (403): one wrong binding opens it',
      ],
    ])
  })

  const OPEN = [
    { what: 'to what is public', opens: 'nothing more', open: ['/version'], on: '1.13' },
    { what: 'to everything', opens: 'everything', open: ['/version', '/api', '/metrics'], on: '1.14' },
  ] as const
  it.each(OPEN.filter(({ on }) => triedOn(on)))('that an API server lets in $what are named', async ({ opens, open }) => {
    const address = cluster.gateway
    onTestFinished(await anonymousApiServerOn(address, opens))
    const me = new Operator(cluster)
    await me.must('init', '--environment', 'lab')
    const checked = await me.check('ACC-07', '--nodes', address)
    expect(checked.code).toBe(1)
    expectCalm(checked.ran)
    const answers = me.observed<AnonymousAnswers>('anonymousAnswers').flatMap((s) => s.value.flatMap((v) => Object.entries(v.answers)))
    for (const [path, status] of answers.filter(([, s]) => typeof s === 'number'))
      expect(curl(`https://${address}:6443${path}`), path).toBe(status)
    expect(checked.findings('ACC-07').find((f) => f.object === `port/${address}:6443`)).toMatchObject({
      verdict: 'fail',
      reason: `kube-apiserver answers ${open.join(', ')} to anybody`,
    })
  })
})
