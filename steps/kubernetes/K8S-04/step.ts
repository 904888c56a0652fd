import {
  type Applied,
  type Blocked,
  blocked,
  eachFinding,
  type Finding,
  fail,
  notApplicable,
  one,
  type Part,
  pass,
  type Question,
  type Remediation,
  step,
  unanswered,
  unknown,
  wholeNumber,
} from '../../../src/contract.ts'
import {
  clearPart,
  enforcementProofs,
  enforcementSentence,
  imageQuestion,
  mayProbe,
  PROBE_NAMESPACE,
  probeLeftOver,
  probeManifests,
  probePart,
  toldBy,
} from '../../../src/domain/enforcement-probe.ts'
import { namespaces, networkPolicies, pods, services, workloads } from '../../../src/domain/kubernetes.ts'
import { denyManifest } from '../../../src/domain/network-manifests.ts'
import { opensSentence } from '../../../src/domain/network-match.ts'
import { NARROW, namespacePart, type PolicyRecord } from '../../../src/domain/network-plan.ts'
import { deniesSentence, enforcement, LEFT_ALONE, readinessOf } from '../../../src/domain/network-policy.ts'
import { rulesQuestion } from '../../../src/domain/network-rules.ts'
import { undoPart } from '../../../src/domain/network-undo.ts'
import { members } from '../../../src/domain/observations.ts'
import { sockets } from '../../../src/domain/sockets.ts'

const ENFORCEMENT = { kind: 'cluster', name: 'enforcement' }
const PLAN = 'talos-preflight plan K8S-04'

/** Where the answers say that no pod may be run. */
const LET_IT = 'let two pods be run that try it: answer K8S-04.image with an image that has busybox'

const namespaceQuestion: Question<string> = {
  label: 'Which namespace is to be shut? One at a time',
  hint: 'the name of one namespace; empty: none',
  default: '',
  parse: (text) =>
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?$/.test(text.trim())
      ? { value: text.trim() }
      : { error: `"${text}" is no name of a namespace; one at a time` },
  format: (value) => value,
}

/** Whether a namespace can be shut at all. */
const isOurs = (name: string): boolean => !LEFT_ALONE.includes(name) && name !== PROBE_NAMESPACE

export default step({
  id: 'K8S-04',
  category: 'kubernetes',
  title: 'Default deny between pods',
  severity: 'high',
  why: 'Without network policies one compromised pod talks to every other pod, and to the outside.',
  references: [
    { title: 'Kubernetes, network policies', url: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/' },
    { title: 'CIS Kubernetes Benchmark 5.3.2', url: 'https://www.cisecurity.org/benchmark/kubernetes' },
    {
      title: 'NSA/CISA Kubernetes Hardening Guide, network separation',
      url: 'https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF',
    },
  ],
  questions: {
    namespace: namespaceQuestion,
    rules: rulesQuestion('What does that namespace allow?'),
    image: imageQuestion,
    provedDays: wholeNumber('For how many days does a proof count that policies are enforced?', {
      default: 90,
      min: 1,
      max: 365,
      unit: 'days',
    }),
  },
  observes: { namespaces, policies: networkPolicies, workloads, proofs: enforcementProofs },
  plansWith: { pods, services, sockets, members },

  evaluate: ({ namespaces: there, policies, workloads: running, proofs }, { provedDays, image }, { now }): Finding[] => {
    const each = eachFinding({ there, policies }, ({ there: names, policies: live }) =>
      names
        .filter(({ name }) => name !== PROBE_NAMESPACE || probeLeftOver(names))
        .map(({ name }) => {
          const object = { kind: 'namespace', name }
          if (name === PROBE_NAMESPACE) return { ...fail('a probe that was interrupted left it here', PLAN), object }
          if (LEFT_ALONE.includes(name)) return { ...notApplicable('belongs to the cluster itself'), object }
          const lacks = deniesSentence(name, live)
          if (lacks) return { ...fail(lacks, `one at a time: ${PLAN} --answer K8S-04.namespace=NAME`), object }
          const open = opensSentence(name, live)
          return { ...(open ? fail(open, NARROW) : pass('what no policy names is shut, in and out')), object }
        }),
    )
    const enforced = eachFinding({ running, proofs }, ({ running: all, proofs: taken }) => {
      const found = enforcement(all.filter((w) => w.kind === 'DaemonSet'))
      const told = toldBy(taken, provedDays, now)
      const sentence = enforcementSentence(found, told)
      if (told.proof)
        return told.proof.value.client.reaches
          ? fail(sentence, 'take a network plugin that enforces, or let the one that is there: see the references')
          : pass(sentence)
      if (found.enforces === false) return fail(sentence, 'set kubeNetworkPoliciesEnabled, or take another network plugin')
      return unknown(`it was not proved that policies are enforced: ${sentence}${told.lacks}`, mayProbe(image) ? PLAN : LET_IT)
    }).map((f) => ({ ...f, object: ENFORCEMENT }))
    return [...each, ...enforced]
  },

  remediate: ({ namespaces: there, policies, workloads: running, proofs, ...seen }, answers, context): Remediation => {
    const cluster = there[0]?.object ?? ENFORCEMENT
    const [names, live, all, taken] = [one(there), one(policies), one(running), one(proofs)]
    const stop = [names, live, all].find((look) => !look.ok)
    if (stop && !stop.ok) return { parts: [], blocked: [blocked(cluster, stop.reason, stop.remedy)] }
    if (!names.ok || !live.ok || !all.ok) return { parts: [], blocked: [] }
    const found = enforcement(all.value.filter((w) => w.kind === 'DaemonSet'))
    const told = toldBy(taken.ok ? taken.value : [], answers.provedDays, context.now)
    const known = one(seen.members)
    const results: (Part | Blocked | undefined)[] = []

    // a plugin that is known not to enforce needs no proof of it
    if (!told.proof && found.enforces !== false && context.delivery === 'live' && mayProbe(answers.image)) {
      const pods = probeManifests(context.template('K8S-04/probe.yaml'), answers.image)
      results.push(probePart(ENFORCEMENT, names.value, { ...pods, deny: denyManifest(PROBE_NAMESPACE) }))
    } else if (probeLeftOver(names.value) && context.delivery === 'live') results.push(clearPart(ENFORCEMENT))

    const lacking = names.value.filter(({ name }) => isOurs(name) && deniesSentence(name, live.value) !== undefined)
    if (answers.namespace === '' && lacking.length > 0)
      results.push(
        unanswered(
          cluster,
          'K8S-04',
          'namespace',
          `${lacking.length === 1 ? 'one namespace has' : `${lacking.length} namespaces have`} no default deny, and none is chosen: they are shut one at a time, never all at once`,
          lacking[0]?.name,
        ),
      )
    if (answers.namespace === '')
      results.push(
        ...names.value.flatMap(({ name }) => {
          const open = isOurs(name) && deniesSentence(name, live.value) === undefined ? opensSentence(name, live.value) : undefined
          return open ? [blocked({ kind: 'namespace', name }, open, NARROW)] : []
        }),
      )
    else
      results.push(
        namespacePart(answers.namespace, answers.rules, {
          namespaces: names.value,
          policies: live.value,
          workloads: all.value,
          pods: one(seen.pods),
          services: one(seen.services),
          members: known,
          sockets: seen.sockets,
          enforcement: {
            sentence: enforcementSentence(found, told),
            mayBite: !(found.enforces === false || told.proof?.value.client.reaches),
          },
          delivery: context.delivery,
          template: context.template,
        }),
      )
    const made = results.filter((r) => r !== undefined)
    return { parts: made.filter((r): r is Part => 'actions' in r), blocked: made.filter((r): r is Blocked => !('actions' in r)) }
  },

  undo: ({ namespaces: there, policies, workloads: running }, applied: Applied[]): Remediation => {
    const [live, all] = [one(policies), one(running)]
    const stop = [live, all].find((look) => !look.ok)
    if (stop && !stop.ok) return { parts: [], blocked: [blocked(there[0]?.object ?? ENFORCEMENT, stop.reason, stop.remedy)] }
    if (!live.ok || !all.ok) return { parts: [], blocked: [] }
    const byNamespace = Map.groupBy(
      applied.map((a) => a.record as PolicyRecord),
      (r) => r.namespace,
    )
    const made = [...byNamespace]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([namespace, records]) => undoPart(namespace, records, live.value, readinessOf(all.value, namespace)))
      .filter((r) => r !== undefined)
    return { parts: made.filter((r): r is Part => 'actions' in r), blocked: made.filter((r): r is Blocked => !('actions' in r)) }
  },
})
