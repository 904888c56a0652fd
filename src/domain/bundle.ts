import {
  type Action,
  type Blocked,
  blocked,
  type Json,
  type Look,
  type ObjectRef,
  type Opens,
  type Part,
  type ProveAction,
  type Recipient,
} from '../contract.ts'
import type { Member } from './observations.ts'
import { type OpeningIdentity, openedBundle } from './sealed.ts'
import { call } from './verbs.ts'

/**
 * The secrets bundle, the root of a cluster: a new one for a cluster that does not exist yet, or the one of a cluster that runs, out
 * of the configuration of a control plane. https://docs.siderolabs.com/talos/v1.13/reference/cli#talosctl-gen-secrets
 */

const openAgain = (identity: Look<OpeningIdentity>, expected: Json, of: ProveAction['of'] = { sealed: 'seal' }): Action => ({
  kind: 'prove',
  id: 'open',
  title: 'open it again, and compare its CA',
  danger: 'read',
  observation: openedBundle.name,
  of,
  expects: {
    predicate: 'ofCluster',
    args: expected,
    sentence: expected ? 'it opens, and its CA is that of the cluster' : 'it opens, and nothing is missing in it',
  },
  required: false,
  ...(identity.ok && identity.value.kind === 'asks' ? { terminal: true as const } : {}),
})

/** Seals a bundle that is made on the way. It is never written anywhere in plain. */
export function newBundlePart(cluster: ObjectRef, identity: Look<OpeningIdentity>): Part {
  return {
    object: cluster,
    summary: 'make a new secrets bundle, straight into a sealed file',
    actions: [
      {
        kind: 'seal',
        id: 'seal',
        title: 'make a bundle and seal it to the recipients that open secrets',
        danger: 'read',
        source: { call: call('talosctl.newBundle', {}) },
        path: 'secrets/bundle-{time}.age',
        opens: 'secrets',
      },
      openAgain(identity, null),
    ],
  }
}

/** Opens one that was made, and that nobody has opened yet: whoever made it was stopped before. */
export const openPart = (cluster: ObjectRef, identity: Look<OpeningIdentity>, path: string): Part => ({
  object: cluster,
  summary: `open ${path}, which was sealed and not opened yet`,
  actions: [openAgain(identity, null, { file: path })],
})

/** Seals the bundle of a cluster that runs. */
export function adoptPart(
  cluster: ObjectRef,
  members: Look<Member[]>,
  identity: Look<OpeningIdentity>,
  clusterIdentity: Record<string, string>,
): Part | Blocked {
  if (!members.ok) return blocked(cluster, members.reason, members.remedy)
  const from = members.value.filter((m) => m.type === 'controlplane').toSorted((a, b) => (a.name < b.name ? -1 : 1))[0]
  if (!from)
    return blocked(
      cluster,
      `none of the ${members.value.length} members is a control plane: only the config of one holds every key`,
      'look at the members: talosctl get members',
    )
  if (!clusterIdentity.ca)
    return blocked(
      cluster,
      'the cluster did not say who it is, so a bundle could not be compared with it',
      'see what it says of itself: talosctl get infos.cluster.talos.dev',
    )
  return {
    object: cluster,
    summary: `seal the secrets bundle of the cluster, from the config of ${from.name}`,
    actions: [
      {
        kind: 'seal',
        id: 'seal',
        title: `take the bundle out of the config of ${from.name} and seal it to the recipients that open secrets`,
        danger: 'read',
        source: {
          call: call('talosctl.machineConfig', { node: from.address }),
          through: [call('talosctl.bundleFrom', { config: 'controlplane.yaml' })],
        },
        path: 'secrets/bundle-{time}.age',
        opens: 'secrets',
      },
      openAgain(identity, { ca: clusterIdentity.ca }),
    ],
  }
}

/** Who opens what, by name. */
export const openersOf = (recipients: readonly Recipient[], opens: Opens): string[] =>
  recipients
    .filter((r) => r.opens.includes(opens))
    .map((r) => r.name)
    .toSorted()
