import {
  type Block,
  type Blocked,
  blocked,
  canonical,
  choice,
  eachFinding,
  eachPart,
  type Finding,
  fail,
  one,
  type Part,
  pass,
  type Remediation,
  step,
  unknown,
  yesNo,
} from '../../../src/contract.ts'
import {
  ALWAYS_EXEMPT,
  judgeAdmission,
  namespacesQuestion,
  parsePodSecurity,
  podSecurityFile,
  podSecurityPatches,
  podSecurityUndo,
  wantedPodSecurity,
} from '../../../src/domain/admission.ts'
import {
  goneSentence,
  levelPreviews,
  type Preview,
  previewBlocks,
  previewStops,
  privilegedAnswer,
} from '../../../src/domain/admission-preview.ts'
import type { ApiServerRecord } from '../../../src/domain/api-server-forms.ts'
import {
  API_SERVER_PLAN,
  aroundApiServer,
  changeApiServer,
  formOf,
  inOrder,
  notSeenFinding,
  stopsApiServerChange,
  takeBackApiServer,
  unlikeFinding,
  versionIn,
  windowQuestion,
} from '../../../src/domain/change-api-server.ts'
import { admission, keptConfig, ofApiServers, runsNone } from '../../../src/domain/hardening-config.ts'
import { byHandOf, concludeFrom, isForAPlan } from '../../../src/domain/remarks.ts'

const TEMPLATE = 'K8S-02/PodSecurity.yaml'
const PLAN = 'talos-preflight plan K8S-02'
const NOT_TAKEN = 'its machine config holds what is wanted already, and its API server runs with another'
const SEE_WHY = 'see why it is not taken: talosctl logs controller-runtime'
const ASKED = { kind: 'cluster', name: 'a privileged pod' }
const LABEL = 'where the namespace has a label of its own, take that away'
/** Where every API server would refuse it by default. */
const LET_IN = 'take away what lets it in: a label of the namespace default, or its exemption'

/** What differs and is good on each: the plan never takes a level down or an exemption away, so it cannot make them alike. */
const ALIKE =
  'give all of them the configuration of one, by hand: talosctl get admissioncontrolconfigs.kubernetes.talos.dev -o yaml shows each'

/** Namespaces that the default begins to count for, by what runs in them now. */
function stricterFor(previews: readonly Preview[], exempt: readonly string[]): Preview[] {
  return previews.filter((p) => !exempt.includes(p.namespace))
}

export default step({
  id: 'K8S-02',
  category: 'kubernetes',
  title: 'Pod security by default',
  severity: 'high',
  why: 'A pod that may do everything on its node owns the node; a namespace that nobody labelled must not allow that.',
  references: [
    { title: 'Kubernetes, pod security admission', url: 'https://kubernetes.io/docs/concepts/security/pod-security-admission/' },
    { title: 'CIS Kubernetes Benchmark 5.2.1', url: 'https://www.cisecurity.org/benchmark/kubernetes' },
    { title: 'Talos, pod security', url: 'https://docs.siderolabs.com/kubernetes-guides/security/pod-security' },
  ],
  questions: {
    level: choice('What must a namespace that says nothing be held to?', {
      default: 'baseline',
      options: { baseline: 'nothing that reaches the node', restricted: 'nothing that a hardened pod does not need' },
    }),
    exempt: namespacesQuestion('Which namespaces are exempt, beside kube-system?', 'as in monitoring rook-ceph'),
    despite: yesNo('Go on although pods that run now would not start again?', { default: false }),
    window: windowQuestion,
  },
  observes: { admission, asked: privilegedAnswer },
  plansWith: { ...API_SERVER_PLAN, previews: levelPreviews },

  evaluate: ({ admission: live, asked }, { level, exempt }): Finding[] => {
    const each = eachFinding({ live }, ({ live: named }) => {
      if (runsNone(named)) return []
      return concludeFrom(judgeAdmission(named, level, exempt), `a namespace that says nothing gets ${level} or stricter`, PLAN)
    })
    const mends = each.some((f) => f.remedy?.endsWith(PLAN))
    const isSeen = each.length > 0 && each.every((f) => f.verdict !== 'unknown')
    const tried = eachFinding({ asked }, ({ asked: answer }) => {
      if (answer.answer === 'refused') return pass(`is refused in the namespace default, by ${answer.level}`)
      if (answer.answer === 'unclear')
        return unknown(`nobody said whether it is refused: ${answer.why}`, 'use a kubeconfig that may create pods in default')
      return fail('would be let in in the namespace default', mends || !isSeen ? `${PLAN}; ${LABEL}` : LET_IN)
    }).map((f) => ({ ...f, object: ASKED }))
    const seen = each.length > 0 ? each : [notSeenFinding('pod security')]
    return [...seen, ...unlikeFinding(live, 'pod security', mends ? PLAN : ALIKE), ...tried]
  },

  remediate: ({ admission: live, asked: _, previews, ...seen }, answers, context): Remediation => {
    const known = one(seen.members)
    const found = one(previews)
    const { config } = seen
    let first = true
    const made = eachPart({ live: ofApiServers(live), config }, ({ live: named, config: configs }, node): Part | Blocked | undefined => {
      if (runsNone(named)) return undefined
      const wrong = judgeAdmission(named, answers.level, answers.exempt).filter((r) => r.weight === 'fail')
      if (wrong.length === 0) return undefined
      const byHand = byHandOf(wrong).join('; then: ')
      const sentences = wrong.map((r) => r.sentence).join('; ')
      if (named.length > 1 || !wrong.some(isForAPlan)) return blocked(node, sentences, byHand)
      const kept = keptConfig(configs).podSecurity
      const wanted = wantedPodSecurity(kept, { level: answers.level, exempt: [...ALWAYS_EXEMPT, ...answers.exempt] })
      if (kept !== undefined && canonical(kept) === canonical(wanted)) return blocked(node, NOT_TAKEN, SEE_WHY)
      const { levels, exemptions } = parsePodSecurity(wanted).config
      // where the level stays, nothing that runs is held to anything new
      const isRaised = levels.enforce !== parsePodSecurity(kept).config.levels.enforce
      if (isRaised && context.delivery === 'live' && !found.ok)
        return blocked(node, `it is not known whether what runs would start again: ${found.reason}`, found.remedy)
      const held =
        isRaised && found.ok && levels.enforce !== 'privileged' ? stricterFor(found.value[levels.enforce], exemptions.namespaces) : []
      const stop = previewStops(held, answers.despite)
      if (stop && context.delivery === 'live') return blocked(node, stop.reason, stop.remedy)
      const around = aroundApiServer(seen, node, context)
      const stopsIt = stopsApiServerChange(around, node)
      if (stopsIt) return stopsIt
      const form = formOf(configs.active, versionIn(known, node.name))
      const record: ApiServerRecord = { form, before: kept ?? null, set: wanted }
      const gone = goneSentence(held)
      const blocks: Block[] = first ? [...previewBlocks(held), ...(gone ? [{ type: 'text' as const, text: gone }] : [])] : []
      first = false
      return changeApiServer(node, around, {
        stepId: 'K8S-02',
        summary: `hold namespaces that say nothing to ${levels.enforce}`,
        topic: 'podSecurity',
        wanted,
        patches: podSecurityPatches(form, kept, wanted),
        yaml: podSecurityFile(form, context.template(TEMPLATE), wanted),
        back: podSecurityUndo(wanted, record) ?? [],
        undo: { sentence: 'puts back what was there before', record },
        windowSeconds: answers.window,
        ...(blocks.length > 0 ? { blocks } : {}),
      })
    })
    return inOrder(made, known, config, context)
  },

  undo: ({ admission: _, asked: __, previews: ___, ...seen }, applied, context, { window }) =>
    takeBackApiServer(seen, applied, context, {
      stepId: 'K8S-02',
      topic: 'podSecurity',
      windowSeconds: window,
      what: 'pod security',
      patches: (form, from, to) =>
        to === null ? (podSecurityUndo(from, { form, before: null, set: from }) ?? []) : podSecurityPatches(form, from ?? undefined, to),
    }),
})
