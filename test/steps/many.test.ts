import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { canonical, type Look, type Sighting, type StepContext } from '../../src/contract.ts'
import type { Preview } from '../../src/domain/admission-preview.ts'
import { evaluate, type Observed } from '../../src/engine/evaluate.ts'
import { makePlan } from '../../src/engine/plan.ts'
import { STEPS } from '../../steps/index.ts'

/** A cluster with 1,000 namespaces: what is said stays short, and is said in time. */

const NAMES = Array.from({ length: 1000 }, (_, i) => `team-${i}`)
const ok = <T>(value: T): Look<T> => ({ ok: true, value, evidence: [] })
const lab = <T>(value: T): Sighting<T>[] => [{ object: { kind: 'cluster', name: 'lab' }, look: ok(value) }]
const ofCp1 = <T>(value: T): Sighting<T>[] => [{ object: { kind: 'node', name: 'cp1' }, look: ok(value) }]

const context: StepContext = {
  now: new Date('2026-11-23T12:00:00.000Z'),
  template: (path) => readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8'),
  cluster: { name: 'lab', environment: 'lab' },
  identity: {},
  recipients: [],
  delivery: 'live',
  renew: false,
  waived: ['BAK-02'],
}

function both(id: string, observed: Observed, answers: Record<string, string>) {
  const step = STEPS.filter((s) => s.id === id)
  const given = { answers: { [id]: answers }, context }
  return {
    findings: evaluate(step, observed, { ...given, attestations: [], waivers: [] })[0]?.findings ?? [],
    plan: makePlan({ kind: 'mend', steps: [id] }, step, observed, { ...given, identity: {}, applied: {} }),
  }
}

const pods = NAMES.map((namespace, i) => ({
  namespace,
  name: 'web',
  labels: { app: 'web' },
  ips: [`10.244.${Math.floor(i / 250)}.${i % 250}`],
  ports: [{ port: 8080, protocol: 'tcp' as const }],
  hostNetwork: false,
  node: 'cp1',
}))
const network: Observed = {
  namespaces: lab(NAMES.map((name) => ({ name, labels: {} }))),
  networkPolicies: lab([]),
  workloads: lab([]),
  'enforcementProbe.proofs': lab([]),
  pods: lab(pods),
  services: lab([]),
  sockets: ofCp1([]),
  members: lab([{ name: 'cp1', address: '10.0.0.1', addresses: ['10.0.0.1'], type: 'controlplane', version: 'v1.13.9' }]),
}

test('K8S-04 has a finding for each, and asks once which of them', () => {
  const { findings, plan } = both('K8S-04', network, { image: 'none' })
  expect(findings.filter((f) => f.object.kind === 'namespace' && f.verdict === 'fail')).toHaveLength(1000)
  expect(plan.blocked).toHaveLength(1)
  expect(plan.blocked[0]).toMatchObject({
    reason: '1000 namespaces have no default deny, and none is chosen: they are shut one at a time, never all at once',
    question: 'namespace',
  })
})

test('K8S-04 shuts one of them, and says nothing of the others', () => {
  const { plan } = both('K8S-04', network, { image: 'none', namespace: 'team-77' })
  expect(plan.parts.map((p) => p.object.name)).toEqual(['team-77'])
  expect(canonical(plan.parts)).not.toContain('team-78')
})

const level = {
  kind: 'PodSecurityConfiguration',
  apiVersion: 'pod-security.admission.config.k8s.io/v1',
  defaults: { enforce: 'privileged' },
}
const config = { apiServerForm: 'cluster.apiServer', firewall: { rules: [] }, podSecurity: level }
const violating = NAMES.map(
  (namespace): Preview => ({ namespace, state: 'violates', pods: [{ pod: 'web', others: 1, faults: 'hostNetwork' }] }),
)
const admission = (previews: Preview[]): Observed => ({
  admission: ofCp1([level]),
  privilegedAnswer: lab({ answer: 'let in' }),
  hardeningConfig: ofCp1({
    active: config,
    persistent: config,
    versions: { active: '1', persistent: '1' },
    network: { endpoint: '', kubespan: false, talosApiFromPods: false },
  }),
  controlPlanePods: ofCp1({ wanted: {}, running: {}, ready: true }),
  'checkedSnapshot.proofs': lab([]),
  members: network.members ?? [],
  etcdMembers: lab([{ id: 'a1', hostname: 'cp1', learner: false }]),
  configOwner: [{ object: { kind: 'workstation', name: 'this machine' }, look: ok([]) }],
  levelPreviews: lab({ baseline: previews, restricted: previews }),
})

test('K8S-02 says in one sentence how many of their pods would not start again', () => {
  const { plan } = both('K8S-02', admission(violating), {})
  expect(plan.blocked.map((b) => b.reason)).toEqual(['2000 pods of team-0, team-1, team-2 and 997 more would not start again'])
})

test('K8S-02 shows the first of them where somebody goes on despite them, and how many more there are', () => {
  const { plan } = both('K8S-02', admission(violating), { despite: 'yes' })
  const blocks = plan.parts[0]?.blocks ?? []
  expect(blocks.flatMap((b) => (b.type === 'table' ? [b.rows.length] : []))).toEqual([20])
  expect(canonical(blocks)).toContain('980 more lines like these.')
})

test('K8S-02 names the first of those that could not be asked', () => {
  const unseen = NAMES.map((namespace): Preview => ({ namespace, state: 'unseen', pods: [], why: 'the API server is too busy' }))
  expect(both('K8S-02', admission(unseen), {}).plan.blocked.map((b) => b.reason)).toEqual([
    'it is not known whether the pods of team-0, team-1, team-2 and 997 more would start again: the API server is too busy',
  ])
})
