import type { Look, Sighting } from '../contract.ts'
import { plainLine } from '../contract.ts'
import type { AnonymousBinding, ApiServerPod, StorageWrites } from '../domain/kubernetes.ts'
import type { KubeletAccess } from '../domain/wire.ts'
import { chainsTo } from './certificates.ts'
import { AT_ONCE, evidenceOf, failedLook, lookAtNodes, type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import { bySpec, mapped } from './parse.ts'
import { parseApiServerPod, parseBindings, parseKubeletAccess, parseKubeNodes, parseStorageWrites } from './parse-kubernetes.ts'
import { controlPlanes, hooks, type Taking } from './taking.ts'

/** Looks at Kubernetes: through the Talos API where that shows it, else through the API server with the operator's kubeconfig. */

const HANDSHAKE_LIMIT = 3000

export const apiServerPodLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<ApiServerPod | { absent: true }>[]> =>
  lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.staticPods', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseApiServerPod),
    // a node that runs none gives no object
    absent: () => ({ absent: true }),
  })

/**
 * Why the kubeconfig must not be used for this cluster, or nothing: it belongs to it when a control plane shows a certificate of its
 * CA on 6443, and the nodes that it lists are members.
 */
export async function kubernetesProblem(taking: Taking, ca: readonly Buffer[]): Promise<string | undefined> {
  const { caller, system } = taking
  const addresses = await controlPlanes(taking)
  if (addresses.length === 0) return 'it is not known whether the kubeconfig belongs to this cluster: no control plane is known'
  if (ca.length === 0) return 'it is not known whether the kubeconfig belongs to this cluster: it holds no CA of the API server'
  const shown = await Promise.all(
    addresses.map((host) => system.network.handshake(host, 6443, { timeoutMs: HANDSHAKE_LIMIT, ...hooks(taking) })),
  )
  const chains = shown.flatMap((h) => (h.answer === 'tls' && h.certificates[0] ? [h.certificates] : []))
  if (chains.length === 0)
    return 'it is not known whether the kubeconfig belongs to this cluster: 6443 of no control plane answers from here'
  if (!chains.some(([leaf, ...rest]) => chainsTo(leaf as Buffer, rest, ca)))
    return 'the kubeconfig is of another cluster: 6443 of the control planes shows a certificate of another CA'
  const ran = await caller.run('kubectl.nodes', {}, hooks(taking))
  if (!ran.ok) return undefined
  const nodes = parseKubeNodes(ran.stdout.toString('utf8'))
  return nodes.length === 0 || nodes.some((n) => n.addresses.some((a) => addresses.includes(a)))
    ? undefined
    : `the kubeconfig is of another cluster: none of its nodes (${plainLine(
        nodes
          .slice(0, 3)
          .map((n) => n.name)
          .join(', '),
        100,
      )}) is a control plane of this one`
}

/** Through the API server, so that a firewall of the node does not matter. */
export const kubeletAccessLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<KubeletAccess>[]> =>
  sideBySide(list, AT_ONCE, async (node) => {
    const ran = await taking.caller.run('kubectl.kubeletConfig', { node: node.name }, hooks(taking))
    const value = ran.ok ? parseKubeletAccess(ran.stdout.toString('utf8')) : undefined
    const evidence = [evidenceOf(ran)]
    if (value) return { object: nodeObject(node), look: { ok: true, value, evidence } }
    return {
      object: nodeObject(node),
      look: ran.ok ? { ok: false, reason: 'what came is not what a kubelet answers', evidence } : failedLook(ran),
    }
  })

export async function bindingsLook(taking: Taking): Promise<Look<AnonymousBinding[]>> {
  const ran = await taking.caller.run('kubectl.bindings', {}, hooks(taking))
  if (!ran.ok) return failedLook(ran)
  const value = parseBindings(ran.stdout.toString('utf8'))
  return value
    ? { ok: true, value, evidence: [evidenceOf(ran)] }
    : { ok: false, reason: 'what came is not what an API server answers', evidence: [evidenceOf(ran)] }
}

export async function storageWritesLook(taking: Taking): Promise<Look<StorageWrites>> {
  const ran = await taking.caller.run('kubectl.metrics', {}, hooks(taking))
  if (!ran.ok) return failedLook(ran)
  return { ok: true, value: parseStorageWrites(ran.stdout.toString('utf8')), evidence: [evidenceOf(ran)] }
}
