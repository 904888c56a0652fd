import fc from 'fast-check'
import type { Json } from '../../src/contract.ts'
import type { PrivilegedAnswer } from '../../src/domain/admission-preview.ts'
import type { ControlPlanePods } from '../../src/domain/api-server.ts'
import type { Probing } from '../../src/domain/enforcement-probe.ts'
import type { FirewallConfig, FirewallRule } from '../../src/domain/firewall-config.ts'
import type { BothConfigs, FirewallChain, HardeningConfig } from '../../src/domain/hardening-config.ts'
import type { Pod, Service } from '../../src/domain/kubernetes.ts'
import { readPolicy, type WorkloadSeen } from '../../src/domain/network-policy.ts'
import type { ConfigOwner } from '../../src/domain/observations.ts'
import type { OperatorSeen, Socket } from '../../src/domain/sockets.ts'

/** What the observations of firewall, admission, audit policy and network policies may come to. */

const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

const rule = (name: string, port: string, ...subnets: string[]): FirewallRule => ({
  name,
  protocol: 'tcp',
  ports: [port],
  ingress: subnets.map((subnet) => ({ subnet })),
})
const rules: fc.Arbitrary<FirewallRule[]> = fc.subarray([
  rule('apid', '50000', '10.0.0.0/24', 'fd00::/64'),
  rule('world', '1-65535', '0.0.0.0/0'),
  rule('preflight-etcd', '2379-2380', '10.0.0.0/32', '10.0.0.1/32'),
  rule('preflight-kubelet', '10250', '::/0'),
  rule('trustd', '50001', '10.0.0.0/24'),
  rule('preflight-kubernetes-api', '6443', '10.0.0.0/24'),
  { ...rule('empty', '9100'), ingress: [] },
])
const chain: fc.Arbitrary<FirewallChain> = fc.record({ blocks: fc.boolean(), rules })
const firewall: fc.Arbitrary<FirewallConfig> = fc
  .tuple(fc.constantFrom<FirewallConfig['ingress']>('accept', 'block', undefined), rules)
  .map(([ingress, own]) => ({ ...(ingress ? { ingress } : {}), rules: own }))

const level = fc.constantFrom('privileged', 'baseline', 'restricted', 'strict')
const podSecurity: fc.Arbitrary<Json> = fc
  .record({
    enforce: level,
    namespaces: fc.constantFrom<string[]>(['kube-system'], ['kube-system', 'shop'], ['kube-system', 'kube-system'], []),
    usernames: mostly<string[]>([], ['system:serviceaccount:kube-system:job-controller'], ['ann']),
  })
  .map(({ enforce, namespaces, usernames }) => ({
    apiVersion: 'pod-security.admission.config.k8s.io/v1',
    kind: 'PodSecurityConfiguration',
    defaults: { enforce },
    exemptions: { namespaces, usernames },
  }))
const auditRule: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  { level: 'Metadata' },
  { level: 'None', verbs: ['get', 'list', 'watch'] },
  { level: 'RequestResponse', resources: [{ group: '', resources: ['secrets'] }] },
  { level: 'Request', resourcez: [] },
  { level: 'Loud' },
)
const auditPolicy: fc.Arbitrary<Json> = fc.oneof(
  fc.constant<Json>({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }),
  fc.array(auditRule, { maxLength: 3 }).map((own): Json => ({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: own })),
  fc.constantFrom<Json>(null, {}, { kind: 'Policy' }, { rules: 'all' }),
)
const orNone = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant({ absent: true as const }) })

const config: fc.Arbitrary<HardeningConfig> = fc
  .tuple(
    firewall,
    fc.option(podSecurity, { nil: undefined }),
    fc.option(auditPolicy, { nil: undefined }),
    fc.constantFrom<HardeningConfig['apiServerForm']>('cluster.apiServer', 'documents', undefined),
  )
  .map(([own, security, policy, form]) => ({
    firewall: own,
    ...(form ? { apiServerForm: form } : {}),
    ...(security === undefined ? {} : { podSecurity: security }),
    ...(policy === undefined || policy === null ? {} : { auditPolicy: policy }),
  }))
const configs: fc.Arbitrary<BothConfigs> = fc
  .tuple(config, config, mostly(true, false), mostly('10.0.0.0', 'k8s.example.com', '', '192.0.2.1'), fc.boolean(), fc.boolean())
  .map(([persistent, other, same, endpoint, kubespan, talosApiFromPods]) => ({
    active: same ? persistent : other,
    persistent,
    ...(same ? {} : { tried: true as const }),
    versions: { active: '3', persistent: same ? '3' : '2' },
    network: { endpoint, kubespan, talosApiFromPods },
  }))

const socket: fc.Arbitrary<Socket> = fc
  .record({
    protocol: mostly<Socket['protocol']>('tcp', 'udp'),
    port: fc.constantFrom(50000, 6443, 2379, 10250, 9100, 22, 8080),
    program: fc.constantFrom('apid', 'node-exporter', undefined),
    peer: fc.constantFrom('10.0.0.1', '10.244.0.7', '192.0.2.10', 'fd00::9', undefined, undefined),
    pod: mostly<string | undefined>(undefined, 'shop/web', 'shop/gone'),
  })
  .map(({ protocol, port, program, peer, pod }) => ({
    protocol,
    local: { address: peer ? '10.0.0.0' : '::', port },
    ...(peer ? { peer: { address: peer, port: 41000 } } : {}),
    state: protocol === 'udp' ? '' : peer ? 'ESTABLISHED' : 'LISTEN',
    ...(program ? { program } : {}),
    ...(pod ? { pod } : {}),
  }))
const you: fc.Arbitrary<OperatorSeen> = fc.record({
  reaches: mostly(true, false),
  addresses: mostly<string[]>(['192.0.2.10'], [], ['192.0.2.10', '192.0.2.11'], ['2001:db8::1']),
})

const namespacesOf = (names: string[]) =>
  names.map((name) => ({ name, labels: name === 'site' ? { 'argocd.argoproj.io/instance': 'x' } : {} }))
const pod: fc.Arbitrary<Pod> = fc
  .record({
    name: fc.constantFrom('web', 'db'),
    labels: fc.constantFrom<Record<string, string>>({ app: 'web' }, {}, { 'pod-template-hash': 'x' }),
    hostNetwork: mostly(false, true),
    hostPort: mostly<number | undefined>(undefined, 8080),
  })
  .map(({ name, labels, hostNetwork, hostPort }) => ({
    namespace: 'shop',
    name,
    labels,
    ips: ['10.244.0.7'],
    ports: [{ port: 8080, protocol: 'tcp' as const, ...(hostPort ? { hostPort } : {}) }],
    hostNetwork,
    node: 'w1',
  }))
const service: fc.Arbitrary<Service> = fc.record({
  namespace: fc.constant('shop'),
  name: fc.constant('web'),
  type: fc.constantFrom('ClusterIP' as const, 'NodePort', 'LoadBalancer', 'ExternalName'),
  selector: fc.constantFrom<Record<string, string>>({ app: 'web' }, {}),
  clusterIPs: fc.constantFrom(['10.96.0.9'], ['None'], []),
  ports: fc.constantFrom<Service['ports']>(
    [{ port: 80, targetPort: 8080, protocol: 'tcp', nodePort: 30080 }],
    [{ port: 80, targetPort: 'http', protocol: 'sctp', nodePort: 30081 }],
  ),
})
const workload: fc.Arbitrary<WorkloadSeen> = fc.record({
  kind: fc.constantFrom('DaemonSet', 'Deployment'),
  namespace: fc.constantFrom('kube-system', 'shop'),
  name: fc.constantFrom('kube-flannel', 'cilium', 'other'),
  desired: fc.constant(2),
  ready: fc.constantFrom(0, 2),
  containers: fc.constantFrom(['kube-flannel'], ['kube-flannel', 'kube-network-policies'], []),
})
const policies = fc
  .subarray([
    { metadata: { namespace: 'shop', name: 'default-deny' }, spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
    { metadata: { namespace: 'shop', name: 'in' }, spec: { podSelector: {}, policyTypes: ['Ingress'] } },
    { metadata: { namespace: 'site', name: 'one' }, spec: { podSelector: { matchLabels: { app: 'web' } } } },
  ])
  .map((objects) => objects.map(readPolicy))
const probing: fc.Arbitrary<Probing> = fc.record({
  server: fc.constant({ runs: true, why: '', address: '10.244.0.3' }),
  client: fc.boolean().map((reaches) => ({ runs: true, why: '', reaches })),
})
const HOURS = [1, 23, 24 * 89, 24 * 91, -48]
const ago = fc.constantFrom(...HOURS).map((h) => new Date(Date.parse('2026-11-23T12:00:00.000Z') - h * 3_600_000).toISOString())
const preview = fc.record({
  namespace: fc.constantFrom('shop', 'site'),
  state: fc.constantFrom('keeps it' as const, 'violates', 'exempt', 'gone', 'unseen'),
  pods: fc.constantFrom([], [{ pod: 'web', others: 1, faults: 'hostNetwork' }]),
})
const annotations = fc.constantFrom({ 'kube-apiserver': { 'talos.dev/config-version': '3' } }, {})
const controlPlanePods: fc.Arbitrary<ControlPlanePods> = fc.record({ wanted: annotations, running: annotations, ready: fc.boolean() })

/** How each comes to be what it is. */
export const HARDENING: Record<string, fc.Arbitrary<unknown>> = {
  firewallChain: chain,
  hardeningConfig: configs,
  clusterNetworks: fc.constantFrom({ pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] }, { pods: [], services: [] }),
  addressOperators: mostly({ vips: [] as string[], dhcp6: false }, { vips: ['10.0.0.9'], dhcp6: true }),
  sockets: fc.array(socket, { maxLength: 4 }),
  operatorSeen: you,
  pods: fc.array(pod, { maxLength: 2 }),
  services: fc.array(service, { maxLength: 2 }),
  workloads: fc.array(workload, { maxLength: 3 }),
  configOwner: mostly<ConfigOwner[]>([], [{ tool: 'talhelper', sign: 'talconfig.yaml' }]),
  admission: orNone(fc.array(podSecurity, { minLength: 0, maxLength: 2 })),
  privilegedAnswer: fc.constantFrom<PrivilegedAnswer>(
    { answer: 'refused', level: 'baseline:latest' },
    { answer: 'let in' },
    { answer: 'unclear', why: 'forbidden' },
  ),
  controlPlanePods,
  levelPreviews: fc.record({ baseline: fc.array(preview, { maxLength: 2 }), restricted: fc.array(preview, { maxLength: 2 }) }),
  auditPolicy: orNone(auditPolicy),
  namespaces: fc.subarray(['shop', 'site', 'kube-system', 'talos-preflight-probe']).map(namespacesOf),
  networkPolicies: policies,
  'enforcementProbe.proofs': fc.array(
    fc.record({ path: fc.constant('evidence/proofs/x.json'), takenAt: ago, of: fc.constant('a'.repeat(64)), value: probing }),
    { maxLength: 1 },
  ),
}

/** What somebody may have answered, as the profile holds it. */
export const ANSWERS: Record<string, fc.Arbitrary<Record<string, string>>> = {
  'INF-02': fc.record({
    admins: mostly('none', '', '198.51.100.0/24', '192.0.2.0/24'),
    loadBalancers: mostly('none', '', '203.0.113.9'),
    cniPorts: mostly('none', '', '4789/udp'),
    cut: mostly('22/tcp 9100/tcp 8080/tcp', '', '50000/tcp=192.0.2.0/24'),
    allow: mostly('', '9100/tcp=anyone', '8000-8100/tcp=10.0.7.0/24'),
    nodePorts: fc.constantFrom('anyone', 'nodes'),
  }),
  'K8S-02': fc.record({
    level: fc.constantFrom('baseline', 'restricted'),
    exempt: fc.constantFrom('', 'shop'),
    despite: fc.constantFrom('yes', 'no'),
  }),
  'K8S-04': fc.record({
    namespace: fc.constantFrom('', 'shop', 'site', 'gone', 'kube-system'),
    rules: fc.constantFrom('', 'in app=web 8080/tcp from any'),
    image: mostly('registry.example.com/busybox:1', 'none'),
  }),
  'MON-01': fc.record({
    bodies: fc.constantFrom('yes', 'no'),
    alsoLog: fc.constantFrom('', 'deployments.apps', 'clusterroles.rbac.authorization.k8s.io'),
    drop: fc.constantFrom('', '/metrics'),
  }),
}
