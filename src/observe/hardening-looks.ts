import { type Json, type Look, type Sighting, together } from '../contract.ts'
import type { ControlPlanePods, PodVersions, WantedPods } from '../domain/api-server.ts'
import {
  type AddressOperators,
  type BothConfigs,
  type ClusterNetworks,
  type FirewallChain,
  NO_API_SERVER,
  type NoApiServer,
} from '../domain/hardening-config.ts'
import type { OperatorSeen, Socket } from '../domain/sockets.ts'
import type { Ran } from '../tools/caller.ts'
import { configLook } from './config-looks.ts'
import { AT_ONCE, evidenceOf, failedLook, lookAtNodes, type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import { bySpec, cosiObjects, mapped } from './parse.ts'
import { parseAdmission, parseAuditPolicy, parseBothConfigs, parseLeases, parseRunningPods, parseWantedPods } from './parse-hardening.ts'
import { parseFirewallChain, parseNetworks, parseOperators, parseSockets } from './parse-network.ts'
import { askCluster, hooks, type Taking } from './taking.ts'

/** Looks at what decides about firewall, admission and audit policy, and at whether a change of them has arrived. */

export const hardeningConfigLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<BothConfigs>[]> =>
  configLook(list, taking, parseBothConfigs)

export const configVersionsLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<BothConfigs['versions']>[]> =>
  configLook(list, taking, ({ versions }) => versions)

export const firewallChainLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<FirewallChain>[]> =>
  lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.firewallChains', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseFirewallChain),
    // where no firewall is set there is no chain
    absent: () => ({ blocks: false, rules: [] }),
  })

export const socketsLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<Socket[]>[]> =>
  lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.sockets', { nodes: a }, hooks(taking)),
    split: parseSockets,
  })

export const addressOperatorsLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<AddressOperators>[]> =>
  lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.operators', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseOperators),
    absent: () => ({ vips: [], dhcp6: false }),
  })

export const admissionLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<Json[] | NoApiServer>[]> =>
  lookAtNodes<Json[] | NoApiServer>(list, {
    call: (a) => taking.caller.run('talosctl.admission', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseAdmission),
    absent: () => NO_API_SERVER,
  })

export const auditPolicyLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<Json | NoApiServer>[]> =>
  lookAtNodes<Json | NoApiServer>(list, {
    call: (a) => taking.caller.run('talosctl.auditPolicy', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseAuditPolicy),
    absent: () => NO_API_SERVER,
  })

export const networksLook = (taking: Taking): Promise<Look<ClusterNetworks>> =>
  askCluster(
    taking.caller,
    (node) => taking.caller.run('talosctl.networks', { nodes: node ? [node] : [] }, hooks(taking)),
    (stdout) => parseNetworks(cosiObjects(stdout)),
    'no control plane says where pods and services live',
  )

const staticPodsLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<PodVersions>[]> =>
  lookAtNodes<PodVersions>(list, {
    call: (a) => taking.caller.run('talosctl.staticPods', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseWantedPods),
    // a node that runs none gives no object
    absent: () => ({}),
  })

const versionLook = (verb: 'talosctl.admission' | 'talosctl.auditPolicy', list: readonly NodeRef[], taking: Taking) =>
  lookAtNodes<string>(list, {
    call: (a) => taking.caller.run(verb, { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), ([object]) => object?.version ?? ''),
    absent: () => '',
  })

export async function wantedPodsLook(list: readonly NodeRef[], taking: Taking): Promise<Sighting<WantedPods>[]> {
  const [pods, admission, audit] = await Promise.all([
    staticPodsLook(list, taking),
    versionLook('talosctl.admission', list, taking),
    versionLook('talosctl.auditPolicy', list, taking),
  ])
  return pods.map(({ object }): Sighting<WantedPods> => {
    const seen = together({ pods, admission, audit }, object)
    if ('failed' in seen) return { object, look: seen.failed }
    const { values, evidence } = seen
    return { object, look: { ok: true, value: { pods: values.pods, settings: values.admission + values.audit }, evidence } }
  })
}

export async function controlPlanePodsLook(list: readonly NodeRef[], taking: Taking): Promise<Sighting<ControlPlanePods>[]> {
  const [wanted, ran] = await Promise.all([staticPodsLook(list, taking), taking.caller.run('kubectl.controlPlanePods', {}, hooks(taking))])
  const pods = ran.stdout.toString('utf8')
  return wanted.map(({ object, look }): Sighting<ControlPlanePods> => {
    if (!look.ok) return { object, look }
    const evidence = [...look.evidence, evidenceOf(ran)]
    if (!ran.ok) return { object, look: failedLook(ran, evidence) }
    const running = parseRunningPods(pods, object.name)
    return running
      ? { object, look: { ok: true, value: { wanted: look.value, ...running }, evidence } }
      : { object, look: { ok: false, reason: 'what came is not what an API server answers', evidence } }
  })
}

/** Times that an API server is asked, one after the other. */
const TIMES = 3

/** Stops at the first answer that is none. */
export const apiServerReadyLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<string[]>[]> =>
  sideBySide(list, AT_ONCE, async (node) => {
    const answers: string[] = []
    const evidence = []
    for (let i = 0; i < TIMES; i++) {
      const ran = await taking.caller.run('kubectl.readyz', { address: node.address }, hooks(taking))
      evidence.push(evidenceOf(ran))
      if (!ran.ok && answers.length === 0 && ran.exitCode === undefined)
        return { object: nodeObject(node), look: failedLook(ran, evidence) }
      answers.push(ran.ok ? ran.stdout.toString('utf8').trim().slice(0, 20) : ran.reason)
      if (!ran.ok) break
    }
    return { object: nodeObject(node), look: { ok: true, value: answers, evidence } }
  })

/** Somebody renews a Lease every two seconds; two looks that far apart tell whether anybody does. Milliseconds. */
const BETWEEN = 6000

export async function leasesLook(taking: Taking): Promise<Look<{ name: string; renewed: boolean }[]>> {
  const before = await taking.caller.run('kubectl.leases', {}, hooks(taking))
  if (!before.ok) return failedLook(before)
  await taking.system.clock.sleep(BETWEEN, taking.signal)
  const after = await taking.caller.run('kubectl.leases', {}, hooks(taking))
  if (!after.ok) return failedLook(after)
  const then = parseLeases(before.stdout.toString('utf8'))
  const value = parseLeases(after.stdout.toString('utf8')).map(({ name, renewed }) => ({
    name,
    renewed: renewed !== '' && then.some((l) => l.name === name && l.renewed !== renewed),
  }))
  return { ok: true, value, evidence: [evidenceOf(before), evidenceOf(after)] }
}

/** Connections that are held open while a node is asked who is connected. Nobody else is likely to open as many at that moment. */
const HELD = 5
const HOLD_LIMIT = 3000

/**
 * From which address this machine is seen by the node, behind whatever translates addresses in between: connections are held open to
 * its Talos API, and whoever has that many that were not there before, and that stay, is us. Calls come and go meanwhile.
 */
export const operatorSeenLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<OperatorSeen>[]> =>
  sideBySide(list, AT_ONCE, async (node) => {
    const object = nodeObject(node)
    const before = await connectedTo(node, taking)
    if (!before.ran.ok) return { object, look: failedLook<OperatorSeen>(before.ran) }
    const held = await taking.system.network.hold(node.address, 50000, HELD, HOLD_LIMIT)
    const [first, second] = await (async () => [await connectedTo(node, taking), await connectedTo(node, taking)] as const)().finally(
      held.release,
    )
    const failed = [first.ran, second.ran].find((ran) => !ran.ok)
    if (failed && !failed.ok) return { object, look: failedLook<OperatorSeen>(failed) }
    const isKnown = new Set(before.peers.map(text))
    const stays = new Set(second.peers.map(text))
    const ours = Map.groupBy(
      first.peers.filter((p) => !isKnown.has(text(p)) && stays.has(text(p))),
      (p) => p.address,
    )
    const reaches = held.open === HELD
    const addresses = [...ours].flatMap(([address, connections]) => (reaches && connections.length >= HELD ? [address] : []))
    return { object, look: { ok: true, value: { reaches, addresses }, evidence: [before, first, second].map((t) => evidenceOf(t.ran)) } }
  })

type Peer = NonNullable<Socket['peer']>
const text = ({ address, port }: Peer): string => `${address} ${port}`

/** Who is connected to the Talos API of a node. */
async function connectedTo(node: NodeRef, taking: Taking): Promise<{ ran: Ran; peers: Peer[] }> {
  const ran = await taking.caller.run('talosctl.sockets', { nodes: [node.address] }, hooks(taking))
  const found = parseSockets(ran.stdout.toString('utf8')).get(node.address) ?? []
  return { ran, peers: found.flatMap((s) => (s.local.port === 50000 && s.peer && s.state === 'ESTABLISHED' && !s.pod ? [s.peer] : [])) }
}
