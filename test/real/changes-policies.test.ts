import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { said } from './support/calm.ts'
import { asAtFirst, settled } from './support/changes.ts'
import { type KubernetesCluster, kubectl, kubernetesOf, mustKubectl } from './support/kubernetes.ts'
import { eventually } from './support/nodes.ts'
import { goHome } from './support/operator.ts'

const SHOP = 'shop'
const ANSWERS = [`namespace=${SHOP}`, 'rules=in app=web 8080/tcp from app=till'].flatMap((a) => ['--answer', `K8S-04.${a}`])
const BUSYBOX = 'registry.k8s.io/e2e-test-images/busybox:1.36.1-1'
const WEB = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: SHOP },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          { name: 'web', image: BUSYBOX, command: ['/bin/sleep', '86400'], readinessProbe: { exec: { command: ['/bin/true'] } } },
        ],
      },
    },
  },
}
const THEIRS = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'theirs', namespace: SHOP },
  spec: { podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] },
}

describe('K8S-04 on a real cluster', () => {
  let cluster: KubernetesCluster
  beforeAll(async () => {
    cluster = await kubernetesOf(inject('version'))
    await asAtFirst(cluster)
    kubectl(cluster, ['delete', 'namespace', SHOP, '--ignore-not-found'])
    mustKubectl(cluster, ['create', 'namespace', SHOP])
    for (const made of [WEB, THEIRS]) mustKubectl(cluster, ['apply', '-f', '-'], JSON.stringify(made))
  })
  afterAll(() => {
    kubectl(cluster, ['delete', 'namespace', SHOP, '--wait=false'])
    return goHome()
  })
  const policies = () =>
    mustKubectl(cluster, ['get', 'networkpolicies', '--namespace', SHOP, '-o', 'jsonpath={.items[*].metadata.name}']).split(' ').toSorted()
  const versionsOf = () =>
    mustKubectl(cluster, ['get', 'networkpolicies', '--namespace', SHOP, '-o', 'jsonpath={.items[*].metadata.resourceVersion}'])

  it('shuts one namespace and allows what was named, proves that nothing enforces it here, changes nothing again, and takes only its own back', async () => {
    const me = await settled(cluster)
    await eventually(
      'the pod is ready',
      () =>
        kubectl(cluster, ['get', 'deployment', 'web', '--namespace', SHOP, '-o', 'jsonpath={.status.readyReplicas}']).stdout === '1' ||
        undefined,
      240,
    )
    const red = await me.check('K8S-04')
    const of = (checked: typeof red, object: string) => checked.findings('K8S-04').find((f) => f.object === object)
    expect(of(red, `namespace/${SHOP}`)?.verdict).toBe('fail')
    expect(of(red, 'namespace/kube-system')?.verdict).toBe('notApplicable')
    expect(of(red, 'cluster/enforcement')?.verdict).toBe('unknown')

    const applied = await me.run('apply', 'K8S-04', ...ANSWERS, '--yes')
    expect(said(applied)).toContain(`K8S-04 mended on`)
    // nothing enforces policies here, which the plan has just proved
    expect(applied.code).toBe(1)
    expect(policies()).toEqual(['allow-dns', 'allow-in-web', 'default-deny', 'theirs'])
    const web = JSON.parse(mustKubectl(cluster, ['get', 'networkpolicy', 'allow-in-web', '--namespace', SHOP, '-o', 'json'])).spec
    expect(web).toEqual({
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'till' } } }], ports: [{ port: 8080, protocol: 'TCP' }] }],
    })
    expect(kubectl(cluster, ['get', 'namespace', 'talos-preflight-probe']).stderr).toContain('NotFound')

    const shut = await me.check('K8S-04')
    expect(of(shut, `namespace/${SHOP}`)?.verdict).toBe('pass')
    expect(of(shut, 'cluster/enforcement')?.verdict).toBe('fail')
    expect(of(shut, 'cluster/enforcement')?.reason).toMatch(
      /a pod that a policy shuts in reached another one all the same .*nothing enforces network policies here/,
    )

    const versions = versionsOf()
    const again = await me.run('apply', 'K8S-04', ...ANSWERS, '--yes')
    expect(again.stdout).toContain('Nothing to do.')
    expect(versionsOf()).toBe(versions)

    const undone = await me.run('apply', '--undo', 'K8S-04', '--yes')
    expect(said(undone)).toContain(`K8S-04 taken back on ${SHOP}`)
    expect(undone.code).toBe(0)
    expect(policies()).toEqual(['theirs'])
    expect(of(await me.check('K8S-04'), `namespace/${SHOP}`)?.verdict).toBe('fail')
  })
})
