import {
  type Applied,
  type Block,
  type Blocked,
  type Condition,
  eachFinding,
  eachPart,
  type Json,
  one,
  type Part,
  type Probe,
  type Remediation,
  step,
  unknown,
} from '../../../src/contract.ts'
import { inOrder, stopsTwice } from '../../../src/domain/change-api-server.ts'
import { formatCidr } from '../../../src/domain/cidr.ts'
import { firewallQuestions, networkOf } from '../../../src/domain/firewall-answers.ts'
import { tableBlock } from '../../../src/domain/firewall-block.ts'
import type { FirewallConfig } from '../../../src/domain/firewall-config.ts'
import { firewallPatches, firewallUndo } from '../../../src/domain/firewall-documents.ts'
import { wantedFlows } from '../../../src/domain/firewall-flows.ts'
import { apiPortOf, firewallInput, unansweredBy } from '../../../src/domain/firewall-plan.ts'
import { rulesByNode } from '../../../src/domain/firewall-rules.ts'
import { truthTable } from '../../../src/domain/firewall-table.ts'
import { judgeFirewall } from '../../../src/domain/firewall-verdict.ts'
import {
  addressOperators,
  clusterNetworks,
  configHolds,
  firewallChain,
  hardeningConfig,
  keptConfig,
} from '../../../src/domain/hardening-config.ts'
import { apiServerPod, pods, services, workloads } from '../../../src/domain/kubernetes.ts'
import { API_PORT, configOwner, etcdMembers, freshApi, members } from '../../../src/domain/observations.ts'
import { type Surroundings, stopsChange, tryConfig } from '../../../src/domain/patch-config.ts'
import { counted } from '../../../src/domain/remarks.ts'
import { operatorSeen, sockets } from '../../../src/domain/sockets.ts'
import { wire } from '../../../src/domain/wire.ts'

/** New connections, because those that were open before survive any firewall. */
function probesFor(isPlane: boolean, apiPort: number, after: FirewallConfig) {
  return (): Probe[] => [
    { condition: condition(firewallChain.name, 'has', after as unknown as Json, 'the kernel has the rules'), deadlineSeconds: 30 },
    ...(isPlane
      ? [
          {
            condition: condition(wire.name, 'reached', [50000, apiPort], `50000 and ${apiPort} answer here on new connections`),
            deadlineSeconds: 60,
          },
        ]
      : []),
    {
      condition: condition(freshApi.name, 'answers', null, 'a control plane reaches its Talos API on a new connection'),
      deadlineSeconds: 60,
    },
  ]
}

const condition = (observation: string, predicate: string, args: Json, sentence: string): Condition => ({
  observation,
  predicate,
  args,
  sentence,
})

const held = (after: FirewallConfig) => {
  const value = after as unknown as Json
  return {
    kept: configHolds('persistent', 'firewall', value, 'what stays after a restart has these rules'),
    tried: configHolds('active', 'firewall', value, 'the active machine config has these rules'),
  }
}

export default step({
  id: 'INF-02',
  category: 'infrastructure',
  title: 'Ingress firewall',
  severity: 'high',
  why: 'Anyone who can reach a node can reach etcd and the Talos API on it.',
  references: [
    { title: 'Talos ingress firewall', url: 'https://docs.siderolabs.com/talos/v1.14/networking/ingress-firewall' },
    {
      title: 'NSA/CISA Kubernetes Hardening Guide, network separation',
      url: 'https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF',
    },
  ],
  questions: firewallQuestions,
  observes: { chain: firewallChain, members },
  plansWith: {
    configs: hardeningConfig,
    networks: clusterNetworks,
    operators: addressOperators,
    sockets,
    you: operatorSeen,
    server: apiServerPod,
    pods,
    services,
    workloads,
    etcd: etcdMembers,
    owners: configOwner,
  },

  evaluate: ({ chain, members: seen }) => {
    const known = one(seen)
    return eachFinding({ chain }, ({ chain: now }, node) => {
      const judged = judgeFirewall(now, node.name, known.ok ? known.value : [])
      // without the members nobody knows whether it shuts out its own nodes
      return judged.verdict === 'pass' && !known.ok
        ? unknown(`${judged.reason}; who has to be let in is not known: ${known.reason}`, known.remedy)
        : judged
    })
  },

  remediate: ({ chain, ...seen }, answers, context): Remediation => {
    const cluster = { kind: 'cluster', name: context.cluster.name || 'cluster' }
    const input = firewallInput(seen, answers, cluster)
    if ('reason' in input) return { parts: [], blocked: [input] }
    const { flows, problems, notes } = wantedFlows(input)
    if (problems.length > 0) return { parts: [], blocked: problems.map((p) => unansweredBy(cluster, p)) }
    const rules = rulesByNode(input.members, flows)
    const owner = new Map(input.members.flatMap((m) => m.addresses.map((a) => [subnetOf(a), m.name] as const)))
    const who = (subnet: string): string | undefined => owner.get(subnet)
    const around: Surroundings = { members: one(seen.members), etcd: one(seen.etcd), owners: one(seen.owners), context }
    const changes = new Map(
      seen.configs.flatMap(({ object: { name }, look }) =>
        look.ok && rules.has(name)
          ? [[name, firewallPatches(keptConfig(look.value).firewall, rules.get(name) ?? [], context.template, who)] as const]
          : [],
      ),
    )
    const table = truthTable(
      input.members.flatMap(({ name, type }) => {
        const config = seen.configs.find((c) => c.object.name === name)?.look
        const change = changes.get(name)
        return config?.ok && change ? [{ name, type, before: config.value.active.firewall, after: change.after }] : []
      }),
      flows,
    )
    if (table.problems.length > 0) return { parts: [], blocked: table.problems.map(({ sentence }) => unansweredBy(cluster, sentence)) }
    // who is connected to a node, or listens on it, and was not seen would be cut by rules that do not know of them
    const needed = { chain, configs: seen.configs, sockets: seen.sockets, operators: seen.operators }
    const made = eachPart(needed, ({ configs }, node): Part | Blocked | undefined => {
      const stop = stopsChange(around, node) ?? stopsTwice(configs, node, around)
      if (stop) return stop
      const change = changes.get(node.name)
      if (!change || change.patches.length === 0) return undefined
      const isPlane = input.members.find((m) => m.name === node.name)?.type === 'controlplane'
      return tryConfig(node, around, {
        stepId: 'INF-02',
        summary: `block what no rule names, ${counted(rules.get(node.name)?.length ?? 0, 'rule')}`,
        patches: change.patches,
        yaml: change.yaml,
        windowSeconds: answers.window,
        probes: probesFor(isPlane, input.apiServerPort ?? API_PORT, change.after),
        ...held(change.after),
        back: firewallUndo([change.record], change.after).patches,
        undo: { sentence: 'takes back only what it set, and the default action that was there', record: change.record },
        restarts: 'nothing',
        behind: [],
      })
    })
    const shown: Block[] = [tableBlock(table, input.members), ...(notes.length > 0 ? [{ type: 'list' as const, items: notes }] : [])]
    const ordered = inOrder(made, around.members, seen.configs, context)
    return { ...ordered, parts: ordered.parts.map((part, i) => (i === 0 ? { ...part, blocks: shown } : part)) }
  },

  undo: ({ configs, members: seen, etcd, owners, server }, applied: Applied[], context, answers): Remediation => {
    const around: Surroundings = { members: one(seen), etcd: one(etcd), owners: one(owners), context }
    const made = eachPart({ configs }, ({ configs: now }, node): Part | Blocked | undefined => {
      const records = applied.filter((a) => a.object.name === node.name).map((a) => a.record)
      const { patches, yaml, after, ours, theirs, action } = firewallUndo(records, keptConfig(now).firewall)
      if (records.length === 0 || patches.length === 0) return undefined
      const stop = stopsChange(around, node) ?? stopsTwice(now, node, around)
      if (stop) return stop
      const isPlane = around.members.ok && around.members.value.find((m) => m.name === node.name)?.type === 'controlplane'
      const left = theirs.length > 0 ? `, leave ${counted(theirs.length, 'rule')} that somebody else changed since` : ''
      return tryConfig(node, around, {
        stepId: 'INF-02',
        summary: `take back ${counted(ours.length, 'rule')}${action ? ' and the default action' : ''}${left}`,
        patches,
        yaml,
        windowSeconds: answers.window,
        probes: probesFor(isPlane, apiPortOf(server), after),
        ...held(after),
        back: firewallPatches(after, keptConfig(now).firewall.rules, context.template).patches,
        undo: { sentence: 'mend INF-02 again', record: records.at(-1) ?? null },
        restarts: 'nothing',
        behind: [],
      })
    })
    return inOrder(made, around.members, configs, context)
  },
})

const subnetOf = (address: string): string => {
  const network = networkOf(address)
  return network ? formatCidr(network) : address
}
