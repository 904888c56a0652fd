import {
  type Applied,
  type Block,
  type Blocked,
  blocked,
  canonical,
  eachPart,
  type Finding,
  fail,
  type Json,
  type Look,
  type ObjectRef,
  type Observable,
  one,
  type Part,
  type Question,
  type Remediation,
  type Sighting,
  unknown,
  wholeNumber,
} from '../contract.ts'
import { apiServerProbes, type BeforeRestart, controlPlanePods, leasesExpected, stopsRestart } from './api-server.ts'
import { type ApiServerRecord, patchDocuments, unlike } from './api-server-forms.ts'
import {
  type ApiServerForm,
  type BothConfigs,
  configHolds,
  type HardeningConfig,
  hardeningConfig,
  keptConfig,
  type NoApiServer,
  runsNone,
} from './hardening-config.ts'
import { configOwner, etcdMembers, type Member, members } from './observations.ts'
import { type Surroundings, stopsChange, stopsWhileTried, tryConfig } from './patch-config.ts'
import { partsInOrder } from './rollout.ts'
import { sealedFiles, snapshotProofs } from './sealed.ts'
import { factsFor } from './versions.ts'

/**
 * The one shape of a change of the API server's settings: it starts again, so it is tried, and kept only when this API server is seen to
 * run with it. Where it does not start, or Talos does not render the change, it goes back by itself.
 */

export interface ApiServerSurroundings extends Surroundings, BeforeRestart {
  configs: Look<BothConfigs>
  context: Surroundings['context'] & Parameters<typeof stopsRestart>[2]
}

/** What a step that changes the API server plans with, and what of it one node is told. */
export const API_SERVER_PLAN = {
  config: hardeningConfig,
  pods: controlPlanePods,
  proofs: snapshotProofs,
  sealed: sealedFiles,
  members,
  etcd: etcdMembers,
  owners: configOwner,
}

type Seen = { [K in keyof typeof API_SERVER_PLAN]: (typeof API_SERVER_PLAN)[K] extends Observable<infer T> ? Sighting<T>[] : never }

export function aroundApiServer(
  { config, pods, proofs, sealed, members: known, etcd, owners }: Seen,
  node: ObjectRef,
  context: ApiServerSurroundings['context'],
): ApiServerSurroundings {
  const ofNode = <T>(sightings: Sighting<T>[]): Look<T> => one(sightings.filter((s) => s.object.name === node.name))
  return {
    members: one(known),
    etcd: one(etcd),
    owners: one(owners),
    configs: ofNode(config),
    pods: ofNode(pods),
    proofs: one(proofs),
    sealed: one(sealed),
    context,
  }
}

export const windowQuestion: Question<number> = wholeNumber('How long is it tried before it goes back by itself?', {
  default: 300,
  min: 60,
  max: 900,
  unit: 'seconds',
})

export interface ApiServerChange {
  stepId: string
  summary: string
  topic: keyof Pick<HardeningConfig, 'podSecurity' | 'auditPolicy'>
  /** What the configuration holds afterwards; null: nothing. */
  wanted: Json
  patches: Json[]
  yaml: string
  back: Json[]
  undo: { sentence: string; record: Json }
  windowSeconds: number
  blocks?: Block[]
}

/** How the settings of the API server are written on this node. `version` is that of Talos. */
export function formOf(config: HardeningConfig, version: string): ApiServerForm {
  return config.apiServerForm ?? (factsFor(version)?.documents ? 'documents' : 'cluster.apiServer')
}

/** What stops it: everything that stops a change, nothing to see it by, no snapshot, and a change of somebody else that is under way. */
export function stopsApiServerChange(around: ApiServerSurroundings, node: ObjectRef): Blocked | undefined {
  const stop = stopsChange(around, node)
  if (stop) return stop
  const { configs } = around
  if (!configs.ok) return blocked(node, configs.reason, configs.remedy)
  return stopsTwice(configs.value, node, around) ?? stopsRestart(node, around, around.context)
}

/** A change that somebody tries on this node now. */
export const stopsTwice = (configs: BothConfigs, node: ObjectRef, around: Pick<Surroundings, 'context'>): Blocked | undefined =>
  configs.tried ? stopsWhileTried(node, around) : undefined

/** The part of one node. Call `stopsApiServerChange` first. */
export function changeApiServer(node: ObjectRef, around: ApiServerSurroundings, change: ApiServerChange): Part | Blocked {
  return tryConfig(node, around, {
    stepId: change.stepId,
    summary: change.summary,
    ...(change.blocks ? { blocks: change.blocks } : {}),
    patches: change.patches,
    yaml: change.yaml,
    windowSeconds: change.windowSeconds,
    probes: apiServerProbes,
    kept: configHolds('persistent', change.topic, change.wanted, 'what stays after a restart holds it'),
    tried: configHolds('active', change.topic, change.wanted, 'the active machine config holds it'),
    back: change.back,
    undo: change.undo,
    restarts: 'api-server',
    behind: [leasesExpected],
  })
}

/** Puts back what was there before the first change that still stands, where it is still ours to put back. */
export function takeBackApiServer(
  seen: Seen,
  applied: readonly Applied[],
  context: ApiServerSurroundings['context'],
  of: Pick<ApiServerChange, 'stepId' | 'topic' | 'windowSeconds'> & {
    /** `audit policy`. */
    what: string
    /** Patches from the first value to the second. */
    patches: (form: ApiServerForm, from: Json, to: Json) => Json[]
  },
): Remediation {
  const made = eachPart({ config: seen.config }, ({ config }, node): Part | Blocked | undefined => {
    const records = applied.filter((a) => a.object.name === node.name).map((a) => a.record as unknown as ApiServerRecord)
    const [first, last] = [records[0], records.at(-1)]
    const live = keptConfig(config)[of.topic] ?? null
    if (!first || !last || canonical(live) === canonical(first.before)) return undefined
    if (canonical(live) !== canonical(last.set))
      return blocked(node, `its ${of.what} is not the one that we set: somebody changed it since`, 'take back by hand what is not wanted')
    const around = aroundApiServer(seen, node, context)
    const stop = stopsApiServerChange(around, node)
    if (stop) return stop
    const patches = of.patches(first.form, last.set, first.before)
    return changeApiServer(node, around, {
      stepId: of.stepId,
      topic: of.topic,
      summary: first.before === null ? `take our ${of.what} out` : `put back the ${of.what} that was there`,
      wanted: first.before,
      patches,
      yaml: patchDocuments(patches),
      back: of.patches(last.form, first.before, last.set),
      undo: { sentence: `mend ${of.stepId} again`, record: { ...last } },
      windowSeconds: of.windowSeconds,
    })
  })
  return inOrder(made, one(seen.members), seen.config, context)
}

/** The parts in the order of a rollout; none while a change is tried anywhere, because two at a time could not be told apart. */
export function inOrder(
  { parts, blocked: stopped }: Remediation,
  known: Look<Member[]>,
  configs: readonly Sighting<BothConfigs>[],
  { delivery }: Pick<Surroundings['context'], 'delivery'>,
): Remediation {
  const tried = delivery === 'live' ? configs.find(({ look }) => look.ok && look.value.tried)?.object.name : undefined
  if (tried === undefined) return { parts: known.ok ? partsInOrder(parts, known.value) : parts, blocked: stopped }
  const waits = parts.map(({ object }) =>
    blocked(object, `a change is being tried on ${tried} now`, 'wait until it was kept or has gone back'),
  )
  return { parts: [], blocked: [...stopped, ...waits] }
}

/** The finding where all that was looked at are workers. */
export const notSeenFinding = (what: string): Finding => ({
  object: { kind: 'cluster', name: what },
  ...unknown('no node that was looked at runs an API server', 'name a control plane with --nodes'),
  evidence: [],
})

/** A finding where API servers are not configured alike: an answer then depends on who is asked. */
export function unlikeFinding(seen: Sighting<Json | NoApiServer>[], what: string, remedy: string): Finding[] {
  const values = seen.flatMap(({ object: { name }, look }) => (look.ok && !runsNone(look.value) ? [{ name, value: look.value }] : []))
  const odd = unlike(values, what)
  const evidence = seen.flatMap((s) => (s.look.ok ? s.look.evidence : []))
  return odd ? [{ ...fail(odd, remedy), object: { kind: 'cluster', name: what }, evidence }] : []
}

export const versionIn = (known: Look<Member[]>, name: string): string =>
  known.ok ? (known.value.find((m) => m.name === name)?.version ?? '') : ''
