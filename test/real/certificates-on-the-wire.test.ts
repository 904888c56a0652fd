import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { portsOf, type WirePort } from '../../src/domain/wire.ts'
import { expectCalm } from './support/calm.ts'
import { VERSIONS } from './support/cluster.ts'
import type { Checked } from './support/document.ts'
import { type KubernetesCluster, kubernetesOf } from './support/kubernetes.ts'
import { nodeOf, triedOn } from './support/nodes.ts'
import { opensslSees } from './support/openssl.ts'
import { goHome, Operator } from './support/operator.ts'

/** CRT-06 on a cluster with Kubernetes: what it says of each port is what openssl sees there, and a stranger among the nodes is found. */

const version = inject('version')
const other = VERSIONS.find((v) => v !== version) ?? version
let cluster: KubernetesCluster
let stranger: KubernetesCluster
beforeAll(async () => {
  cluster = await kubernetesOf(version)
  stranger = await kubernetesOf(other)
})
afterEach(goHome)

/** What is shown of the first certificate: how long it lives, and who it is from. */
const ISSUERS: Partial<Record<WirePort['service'], string>> = {
  apid: 'O=talos',
  trustd: 'O=talos',
  'kube-apiserver': 'O=kubernetes',
  'etcd client': 'O=etcd',
  'etcd peer': 'O=etcd',
  'etcd http': 'O=etcd',
}

const findingOf = (checked: Checked, port: string) => checked.findings('CRT-06').find((f) => f.object === `port/${port}`)

describe('certificates on the wire', () => {
  it('are good on every port of a fresh cluster, and every value is what openssl sees', async () => {
    const me = new Operator(cluster)
    await me.must('init', '--environment', 'lab')
    const checked = await me.check('CRT-06')
    expect(checked.code, JSON.stringify(checked.findings('CRT-06'))).toBe(0)
    expect(checked.findings('CRT-06').map((f) => f.object)).toEqual(
      cluster.nodes.flatMap((n) => portsOf(n.type, `v${version}.0`).map((p) => `port/${n.name}:${p.port}`)),
    )
    for (const { object, value } of me.observed<WirePort[]>('wire')) {
      const host = nodeOf(cluster, object).address
      for (const ours of value) {
        const at = `${ours.service} of ${object}`
        const theirs = await opensslSees({ host, port: ours.port, ...(/^(apid|trustd)$/.test(ours.service) ? { alpn: 'h2' } : {}) })
        expect(ours.accepts, at).toEqual(theirs.accepts)
        expect(ours.asksForCertificate, at).toBe(theirs.asks)
        // the aggregator's CA has no name at all, and openssl prints none
        expect(ours.authorities?.filter(Boolean), at).toEqual(theirs.authorities)
        expect(
          ours.chain.map((c) => ({ ...c, names: c.names.toSorted() })),
          at,
        ).toMatchObject(theirs.chain.map(({ subject: _, ...rest }) => rest))
        expect(ours.chain[0]?.issuer, at).toMatch(ISSUERS[ours.service] ?? new RegExp(`^CN=${object}-ca@\\d+$`))
      }
    }
    // 1.14 sends its CA along
    const apiServer = me.observed<WirePort[]>('wire').flatMap((s) => s.value.filter((p) => p.service === 'kube-apiserver'))
    expect(apiServer.map((p) => p.chain.length)).toEqual([version === '1.14' ? 2 : 1])
    expect(apiServer.map((p) => p.accepts)).toEqual([version === '1.14' ? ['TLSv1.3'] : ['TLSv1.2', 'TLSv1.3']])
  })

  it.runIf(triedOn('1.13'))('of another cluster on an address that was named are told from those of its own', async () => {
    const [ours, theirs] = [nodeOf(cluster, 'cp1').address, nodeOf(stranger, 'cp1').address]
    const me = new Operator(cluster)
    const checked = await me.check('CRT-06', '--nodes', `${ours},${theirs}`)
    expect(checked.code).toBe(1)
    expectCalm(checked.ran)
    const because = (port: string) => findingOf(checked, port)?.reason ?? ''
    for (const [port, ca] of [
      [50000, 'the CA of your talosconfig'],
      [50001, 'the CA of your talosconfig'],
      [6443, 'the CA of your kubeconfig'],
    ] as const) {
      expect(because(`${theirs}:${port}`)).toContain(
        `shows a certificate that is not from ${ca}: another cluster, a rotated CA, or somebody in between`,
      )
      expect(findingOf(checked, `cp1:${port}`)).toMatchObject({ verdict: 'pass', reason: expect.stringContaining(`from ${ca}`) })
    }
    // nobody here knows the CA of etcd, so what is told is that they differ
    for (const port of [2379, 2380]) expect(because(`${theirs}:${port}`)).toContain('shows a certificate of another CA than other nodes do')
  })

  it.runIf(triedOn('1.14'))('cannot be compared with a CA that is not known here, and what would tell it is named', async () => {
    const me = new Operator(cluster)
    me.withoutKubeconfig()
    const checked = await me.check('CRT-06')
    expect(checked.code).toBe(3)
    expect(checked.findings('CRT-06').filter((f) => f.verdict !== 'pass')).toEqual([
      {
        object: 'port/cp1:6443',
        verdict: 'unknown',
        reason: 'kube-apiserver shows a certificate that could not be compared with its CA: no kubeconfig holds its CA here',
        remedy: expect.stringContaining('--kubeconfig FILE'),
      },
    ])
  })

  it.runIf(triedOn('1.13'))('are judged by the clock of the node where this one is an hour off, and the difference is named', async () => {
    const me = new Operator(cluster)
    await me.must('init', '--environment', 'lab')
    for (const [seconds, said] of [
      [3600, 'behind'],
      [-3600, 'ahead of'],
    ] as const) {
      const ran = await me.child('shifted.ts', String(seconds), '--', 'check', 'CRT-06', '--output', 'json')
      expect(ran.code).toBe(1)
      const { steps } = JSON.parse(ran.stdout)
      const failing = steps[0].findings.filter((f: { verdict: string }) => f.verdict !== 'pass')
      expect(failing.map((f: { reason: string }) => f.reason)).toEqual(
        cluster.nodes.map((n) => `${n.name}: its clock is 60 minutes ${said} this machine's`),
      )
    }
  })
})
