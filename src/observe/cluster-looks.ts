import { type Look, plainLine, type Sighting } from '../contract.ts'
import { freshSpelling } from '../domain/fresh-spelling.ts'
import type { ClusterInfo, EtcdMember, EtcdStatus, Member } from '../domain/observations.ts'
import { AT_ONCE, evidenceOf, failedLook, type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import { cosiObjects, parseEtcdMembers, parseEtcdStatus, parseMembers, parseVersion } from './parse.ts'
import { askCluster, controlPlanes, hooks, type Taking } from './taking.ts'

/** Looks at the cluster as a whole: who it is, who belongs to it, and its etcd. */

export const membersLook = (taking: Omit<Taking, 'members'>): Promise<Look<Member[]>> =>
  askCluster(
    taking.caller,
    (node) => taking.caller.run('talosctl.members', node ? { node } : {}, hooks(taking)),
    (stdout) => {
      const found = parseMembers(cosiObjects(stdout))
      return found.length > 0 ? found : undefined
    },
    'the cluster names no members: discovery is off or empty; name the nodes with --nodes',
  )

export const clusterInfoLook = (taking: Taking): Promise<Look<ClusterInfo>> =>
  askCluster(
    taking.caller,
    (node) => taking.caller.run('talosctl.infos', node ? { node } : {}, hooks(taking)),
    (stdout) => {
      const spec = cosiObjects(stdout)[0]?.spec as { clusterId?: unknown; clusterName?: unknown } | undefined
      return typeof spec?.clusterId === 'string'
        ? { id: plainLine(spec.clusterId, 100), name: plainLine(String(spec.clusterName ?? ''), 100) }
        : undefined
    },
    'the cluster does not say who it is',
  )

export async function etcdMembersLook(taking: Taking): Promise<Look<EtcdMember[]>> {
  let failed: Look<EtcdMember[]> = { ok: false, reason: 'no control plane node is known', evidence: [] }
  for (const node of await controlPlanes(taking)) {
    const ran = await taking.caller.run('talosctl.etcdMembers', { node }, hooks(taking))
    const found = parseEtcdMembers(ran.stdout.toString('utf8'))
    if (ran.ok && found.length > 0) return { ok: true, value: found, evidence: [evidenceOf(ran)] }
    failed = ran.ok ? { ok: false, reason: 'etcd names no members', evidence: [evidenceOf(ran)] } : failedLook(ran)
  }
  return failed
}

/** Each control plane is asked alone, because one that hangs takes the answers of the others with it. */
export async function etcdStatusLook(taking: Taking): Promise<Look<EtcdStatus[]>> {
  const asked = await controlPlanes(taking)
  if (asked.length === 0) return { ok: false, reason: 'no control plane node is known', evidence: [] }
  const ran = await sideBySide(asked, AT_ONCE, (node) => taking.caller.run('talosctl.etcdStatus', { nodes: [node] }, hooks(taking)))
  const evidence = ran.map(evidenceOf)
  const value = ran.flatMap((r, i): EtcdStatus[] => {
    const address = asked[i] ?? ''
    const status = parseEtcdStatus(r.stdout.toString('utf8'))[0]
    if (status) return [{ ...status, address }]
    return [{ address, problem: r.ok ? 'etcd says nothing of itself' : r.reason }]
  })
  const failed = ran.find((r) => !r.ok)
  if (value.every((s) => 'problem' in s) && failed && !failed.ok) return failedLook(failed, evidence)
  return { ok: true, value, evidence }
}

/** A connection of its own, by a spelling of the address that was not used before. */
export const freshApiLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<{ version: string }>[]> =>
  nodeVersionLook(
    list.map((node) => ({ ...node, address: freshSpelling(node.address, taking.system.clock.now().getTime()) })),
    taking,
  )

export const nodeVersionLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<{ version: string }>[]> =>
  sideBySide(list, AT_ONCE, async (node) => {
    const ran = await taking.caller.run('talosctl.version', { node: node.address }, hooks(taking))
    const version = ran.ok ? parseVersion(ran.stdout.toString('utf8')) : undefined
    const look: Look<{ version: string }> = version
      ? { ok: true, value: { version: plainLine(version, 40) }, evidence: [evidenceOf(ran)] }
      : ran.ok
        ? { ok: false, reason: 'the answer names no version', evidence: [evidenceOf(ran)] }
        : failedLook(ran)
    return { object: nodeObject(node), look }
  })
