import {
  type Action,
  type Block,
  type Blocked,
  blocked,
  type Condition,
  type ExpectAction,
  type Json,
  type Look,
  type ObjectRef,
  type Part,
  type Probe,
  type Restarts,
  type RunAction,
  type StepContext,
  type TryAction,
} from '../contract.ts'
import { configVersions } from './hardening-config.ts'
import type { ConfigOwner, EtcdMember, Member } from './observations.ts'
import { call, type Verbs } from './verbs.ts'

/**
 * The one shape of a change to a node's machine configuration: seal what is there, patch, read back, and show that the node
 * and the cluster are as before.
 */

/** What the parts of a configuration change need to know of the cluster. */
export interface Surroundings {
  members: Look<Member[]>
  etcd: Look<EtcdMember[]>
  owners: Look<ConfigOwner[]>
  context: Pick<StepContext, 'delivery'>
}

export interface ConfigChange {
  stepId: string
  summary: string
  /** Applied in this order in one call. */
  patches: Json[]
  /** The same change as a file with comments; its name below `generated/<step>/` is the node's. */
  yaml: string
  /** Tells that the configuration holds the change. */
  done: Condition
  /** Tells that the change has its effect; read back for up to two minutes. */
  effect: Condition
  /** Whose complaints on the node explain an effect that does not come. */
  about: Verbs['talosctl.controllerLog']['about']
  undo: RunAction['undo']
}

/** A change took up to a minute longer where a controller had backed off before it. Seconds. */
const READ_BACK = 120
const API_BACK = 60

const noMember = (node: ObjectRef): Blocked =>
  blocked(node, `${node.name} is no member of the cluster`, 'name it with --nodes, or wait until discovery shows it')

/** What stops every change of machine configurations: another tool owns them, or the cluster cannot be seen. */
export function stopsChange(around: Surroundings, node: ObjectRef): Blocked | undefined {
  if (!around.members.ok) return blocked(node, around.members.reason, around.members.remedy)
  const member = around.members.value.find((m) => m.name === node.name)
  if (!member) return noMember(node)
  if (around.context.delivery === 'gitops') return undefined
  if (!around.owners.ok) return blocked(node, around.owners.reason, around.owners.remedy)
  const owner = around.owners.value[0]
  if (owner)
    return blocked(
      node,
      `the machine config belongs to ${owner.tool} (${owner.sign}), which would take our change back`,
      'set "delivery: gitops" in preflight.yaml: the plan then writes files',
    )
  if (member.type === 'controlplane' && !around.etcd.ok)
    return blocked(node, `etcd cannot be seen, so nothing would tell whether it is as before: ${around.etcd.reason}`, around.etcd.remedy)
  return undefined
}

/** What is active and not kept is being tried by somebody, and a second change, or its dry run, would cancel its way back. */
export const stopsWhileTried = (node: ObjectRef, { context }: Pick<Surroundings, 'context'>): Blocked | undefined =>
  context.delivery === 'gitops'
    ? undefined
    : blocked(
        node,
        'a change is being tried on it now: what is active is not what is kept',
        'wait until it was kept or has gone back; a change now would cancel the way back; one that outlived its window goes with a restart of the node',
      )

/** The part of one node. Call `stopsChange` first. */
export function patchConfig(node: ObjectRef, around: Surroundings, change: ConfigChange): Part | Blocked {
  const address = addressOf(node, around)
  if (!address) return noMember(node)
  const patch = (dryRun: boolean) => call('talosctl.patch', { node: address, patches: change.patches, dryRun })
  const actions: Action[] = [
    sealConfig(node, address),
    {
      kind: 'run',
      id: 'patch',
      title: change.summary,
      danger: 'change',
      call: patch(false),
      dryRun: patch(true),
      done: change.done,
      undo: change.undo,
      cancel: 'after this object',
      restarts: 'nothing',
      file: { path: `generated/${change.stepId}/${node.name}.yaml`, content: change.yaml },
    },
    {
      kind: 'expect',
      id: 'effect',
      title: change.effect.sentence,
      danger: 'read',
      condition: change.effect,
      deadlineSeconds: READ_BACK,
      explain: call('talosctl.controllerLog', { node: address, about: change.about }),
    },
    ...asBefore(node, around),
  ]
  return { object: node, summary: change.summary, actions }
}

/** A change that is tried, and goes back by itself unless it is kept. */
export interface TentativeChange {
  stepId: string
  summary: string
  blocks?: Block[]
  patches: Json[]
  yaml: string
  windowSeconds: number
  probes: (node: string, address: string) => Probe[]
  /** Tells that the configuration that stays holds it, and that the active one does. */
  kept: Condition
  tried: Condition
  /** Patches that take it back. */
  back: Json[]
  undo: TryAction['undo']
  restarts: Restarts
  /** Checks behind the keep. */
  behind: ExpectAction[]
}

/** The part of one node whose change is tried first. Call `stopsChange` first. */
export function tryConfig(node: ObjectRef, around: Surroundings, change: TentativeChange): Part | Blocked {
  const address = addressOf(node, around)
  if (!address) return noMember(node)
  const patch = (patches: Json[], dryRun: boolean) => call('talosctl.patch', { node: address, patches, dryRun })
  const actions: Action[] = [
    sealConfig(node, address),
    {
      kind: 'try',
      id: 'try',
      title: change.summary,
      danger: 'change',
      call: call('talosctl.try', { node: address, patches: change.patches, seconds: change.windowSeconds }),
      dryRun: patch(change.patches, true),
      windowSeconds: change.windowSeconds,
      probes: change.probes(node.name, address),
      keep: patch(change.patches, false),
      kept: change.kept,
      tried: change.tried,
      back: patch(change.back, false),
      unchanged: configVersions.name,
      undo: change.undo,
      cancel: 'waits for the way back',
      restarts: change.restarts,
      file: { path: `generated/${change.stepId}/${node.name}.yaml`, content: change.yaml },
    },
    ...change.behind,
    ...asBefore(node, around),
  ]
  return { object: node, summary: change.summary, ...(change.blocks ? { blocks: change.blocks } : {}), actions }
}

const addressOf = (node: ObjectRef, around: Surroundings): string | undefined =>
  around.members.ok ? around.members.value.find((m) => m.name === node.name)?.address : undefined

const sealConfig = (node: ObjectRef, address: string): Action => ({
  kind: 'seal',
  id: 'seal',
  title: 'seal the current config',
  danger: 'read',
  source: { call: call('talosctl.machineConfig', { node: address }) },
  path: `secrets/config-${node.name}-{time}.age`,
  opens: 'secrets',
})

/** The Talos API answers, and etcd has the members that it had. */
function asBefore(node: ObjectRef, around: Surroundings): ExpectAction[] {
  const member = around.members.ok ? around.members.value.find((m) => m.name === node.name) : undefined
  const api: ExpectAction = {
    kind: 'expect',
    id: 'api',
    title: 'the Talos API answers',
    danger: 'read',
    condition: { observation: 'nodeVersion', predicate: 'answers', args: null, sentence: 'the Talos API answers' },
    deadlineSeconds: API_BACK,
  }
  if (member?.type !== 'controlplane' || !around.etcd.ok) return [api]
  const ids = around.etcd.value
    .filter((m) => !m.learner)
    .map((m) => m.id)
    .toSorted()
  return [
    api,
    {
      kind: 'expect',
      id: 'etcd',
      title: `etcd has the same ${ids.length} ${ids.length === 1 ? 'member' : 'members'}`,
      danger: 'read',
      condition: { observation: 'etcdMembers', predicate: 'sameMembers', args: ids, sentence: 'etcd has the same members' },
      deadlineSeconds: API_BACK,
    },
  ]
}
