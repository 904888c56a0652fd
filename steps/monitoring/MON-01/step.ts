import {
  type Blocked,
  blocked,
  canonical,
  eachFinding,
  eachPart,
  type Finding,
  one,
  type Part,
  type Remediation,
  step,
  yesNo,
} from '../../../src/contract.ts'
import { type ApiServerRecord, mixedForms } from '../../../src/domain/api-server-forms.ts'
import {
  alsoLogQuestion,
  auditPatches,
  auditPatchYaml,
  auditPolicyYaml,
  auditUndo,
  dropQuestion,
  idleAdditions,
  lackingAdditions,
} from '../../../src/domain/audit-additions.ts'
import { judgeAuditPolicy } from '../../../src/domain/audit-judge.ts'
import { parseAuditPolicy, problemSentence } from '../../../src/domain/audit-policy.ts'
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
import { auditPolicy, keptConfig, ofApiServers, runsNone } from '../../../src/domain/hardening-config.ts'
import { apiServerPod } from '../../../src/domain/kubernetes.ts'
import { concludeFrom } from '../../../src/domain/remarks.ts'
import { asPatch } from '../../../src/domain/templates.ts'

const TEMPLATE = 'MON-01/policy.yaml'
const PLAN = 'talos-preflight plan MON-01'

export default step({
  id: 'MON-01',
  category: 'monitoring',
  title: 'Audit policy',
  severity: 'high',
  why: 'After an incident the audit log says who did what; a wrong rule keeps silent about it, or writes secrets into it.',
  references: [
    { title: 'Kubernetes, auditing', url: 'https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/' },
    { title: 'CIS Kubernetes Benchmark 3.2.1, 3.2.2', url: 'https://www.cisecurity.org/benchmark/kubernetes' },
    { title: 'Talos, audit policy', url: 'https://docs.siderolabs.com/talos/v1.13/reference/configuration/v1alpha1/config' },
  ],
  questions: {
    bodies: yesNo('Log changes of rights with their bodies?', { default: true }),
    alsoLog: alsoLogQuestion('Of what else are changes logged with their bodies?'),
    drop: dropQuestion('Whose reads, and which paths, need not be logged?'),
    window: windowQuestion,
  },
  observes: { policy: auditPolicy, server: apiServerPod },
  plansWith: API_SERVER_PLAN,

  evaluate: ({ policy, server }, answers, context): Finding[] => {
    const versionOf = (node: string): string => {
      const look = server.find((s) => s.object.name === node)?.look
      return look?.ok && !runsNone(look.value) ? look.value.version : ''
    }
    const each = eachFinding({ policy }, ({ policy: live }, node) => {
      if (runsNone(live)) return []
      const remarks = [
        ...judgeAuditPolicy(live ?? undefined, answers, versionOf(node.name)),
        ...lackingAdditions(live, context.template(TEMPLATE), answers),
      ]
      return concludeFrom(remarks, 'every request that matters is logged, and no secret with it', PLAN)
    })
    if (each.length === 0) return [notSeenFinding('audit policy')]
    return [...each, ...unlikeFinding(policy, 'audit policy', PLAN)]
  },

  remediate: ({ policy, server, ...seen }, answers, context): Remediation => {
    const yaml = auditPolicyYaml(context.template(TEMPLATE), answers)
    const wanted = asPatch(yaml)
    const known = one(seen.members)
    const versionOf = (name: string) => versionIn(known, name)
    const forms = seen.config.flatMap(({ object: { name }, look }) =>
      look.ok && policy.some((p) => p.object.name === name && p.look.ok && !runsNone(p.look.value))
        ? [{ name, version: versionOf(name), form: formOf(look.value.active, versionOf(name)) }]
        : [],
    )
    const mixed = mixedForms(forms)
    const notes = [...idleAdditions(context.template(TEMPLATE), answers).map((i) => i.sentence), ...(mixed ? [mixed] : [])]
    const { config } = seen
    const isUnlike = unlikeFinding(policy, 'audit policy', PLAN).length > 0
    const made = eachPart({ policy: ofApiServers(policy), server, config }, (values, node): Part | Blocked | undefined => {
      const { policy: live, server: pod, config: configs } = values
      if (runsNone(live) || canonical(live) === canonical(wanted)) return undefined
      const fails =
        judgeAuditPolicy(live ?? undefined, answers, runsNone(pod) ? '' : pod.version).some((r) => r.weight === 'fail') ||
        lackingAdditions(live, context.template(TEMPLATE), answers).length > 0
      // two policies that are good are still two: what is logged depends on who is asked
      if (!fails && !isUnlike) return undefined
      if (runsNone(pod))
        return blocked(node, 'Talos wants no API server on it now, so nothing would take the policy', 'see why: talosctl get staticpods')
      const wrong = parseAuditPolicy(wanted, pod.version).problems.find((p) => p.stops !== 'nothing')
      if (wrong)
        return blocked(node, `the answers make a policy that does not work: ${problemSentence(wrong)}`, 'change the answers of MON-01')
      const around = aroundApiServer(seen, node, context)
      const stop = stopsApiServerChange(around, node)
      if (stop) return stop
      const form = formOf(configs.active, versionOf(node.name))
      const record: ApiServerRecord = { form, before: keptConfig(configs).auditPolicy ?? null, set: wanted }
      return changeApiServer(node, around, {
        stepId: 'MON-01',
        summary: 'set our audit policy',
        topic: 'auditPolicy',
        wanted,
        patches: auditPatches(form, wanted),
        yaml: auditPatchYaml(form, yaml),
        back: auditUndo(record),
        undo: {
          sentence: record.before === null ? 'takes our policy out, and Talos has its own again' : 'puts back the policy that was there',
          record,
        },
        windowSeconds: answers.window,
        ...(notes.length > 0 ? { blocks: [{ type: 'list', items: notes }] } : {}),
      })
    })
    return inOrder(made, known, config, context)
  },

  undo: ({ policy: _, server: __, ...seen }, applied, context, { window }) =>
    takeBackApiServer(seen, applied, context, {
      stepId: 'MON-01',
      topic: 'auditPolicy',
      windowSeconds: window,
      what: 'audit policy',
      patches: (form, from, to) => auditUndo({ form, before: to, set: from }),
    }),
})
