import {
  type Blocked,
  blocked,
  type Condition,
  type ExpectAction,
  type Look,
  type ObjectRef,
  observable,
  type Probe,
  type Proof,
  type StepContext,
} from '../contract.ts'
import { isOlderThan, refusedSnapshot, TAKE } from './backup.ts'
import { backupOf, type CheckedSnapshot, type SealedInWorkspace } from './sealed.ts'
import { call } from './verbs.ts'

/**
 * When a change of the API server has really arrived. What Talos wants is in the annotations of its static pods, what runs in those of
 * the mirror pods; the state that Talos reports, an answer of `/readyz` and an exit code each say so too early or not at all.
 */

/** `talos.dev/...` annotations by pod. */
export type PodVersions = Record<string, Record<string, string>>

/**
 * What a control plane wants of them, and the versions of the admission control config and of the audit policy that it holds, one behind
 * the other: what the files of its API server are made of says so in the same way, further settings of it behind them.
 */
export interface WantedPods {
  pods: PodVersions
  settings: string
}

/** The three pods of a control plane: as they are wanted, as they run, and whether the API server among them is ready. */
export interface ControlPlanePods {
  wanted: PodVersions
  running: PodVersions
  ready: boolean
}

const flat = (versions: PodVersions): string =>
  Object.entries(versions)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([pod, annotations]) => `${pod} ${JSON.stringify(Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`)
    .join('; ')

/** Version of the files that an API server is started with. */
const FILES = 'talos.dev/config-file-version'

export const wantedPods = observable<WantedPods>({
  name: 'wantedPods',
  scope: 'node',
  title: 'control plane pods as Talos wants them',
  predicates: {
    /**
     * args: what was wanted before the change. A change that Talos does not render never makes it differ; an earlier one that it could not
     * render may, up to a minute and a half after it went back, so what is wanted has to be made of what the node holds now.
     */
    rendered: (now, args) => {
      if (flat(now.pods) === flat((args as unknown as WantedPods).pods)) return 'Talos does not want another API server yet'
      const files = now.pods['kube-apiserver']?.[FILES] ?? ''
      return (now.settings !== '' && files.startsWith(now.settings)) || 'Talos wants another API server, not yet the one of this change'
    },
  },
})

export const controlPlanePods = observable<ControlPlanePods>({
  name: 'controlPlanePods',
  scope: 'node',
  title: 'control plane pods as they run',
  predicates: {
    settled: ({ wanted, running, ready }) => {
      const off = Object.keys(wanted).filter((pod) => flat({ p: wanted[pod] ?? {} }) !== flat({ p: running[pod] ?? {} }))
      if (off.length > 0) return `${off.join(', ')} still ${off.length === 1 ? 'runs' : 'run'} as before`
      return ready || 'the new API server is not ready yet'
    },
  },
})

/** Answers of `/readyz` of one API server, one after the other; the last one says why where it is not `ok`. */
export const apiServerReady = observable<string[]>({
  name: 'apiServerReady',
  scope: 'node',
  title: 'API server of the node',
  predicates: {
    threeTimes: (answers) => (answers.length >= 3 && answers.every((a) => a === 'ok')) || (answers.at(-1) ?? 'it answers nothing'),
  },
})

/** Leases of scheduler and controller manager: whether somebody renewed each while it was watched. */
export const leases = observable<{ name: string; renewed: boolean }[]>({
  name: 'leases',
  scope: 'cluster',
  title: 'scheduler and controller manager',
  predicates: {
    renewed: (found) => {
      const idle = found.filter((l) => !l.renewed).map((l) => l.name)
      return (found.length > 0 && idle.length === 0) || `${idle.join(' and ') || 'no lease'} not renewed yet`
    },
  },
})

const condition = (observation: string, predicate: string, args: Condition['args'], sentence: string): Condition => ({
  observation,
  predicate,
  args,
  sentence,
})

/** What must be seen before a change of the API server is kept. */
export function apiServerProbes(node: string, address: string): Probe[] {
  return [
    {
      condition: condition(wantedPods.name, 'rendered', null, 'Talos renders the change'),
      sinceBefore: true,
      deadlineSeconds: 60,
      explain: call('talosctl.controllerLog', { node: address, about: 'api-server' }),
    },
    {
      condition: condition(controlPlanePods.name, 'settled', null, 'the API server runs as it is wanted'),
      deadlineSeconds: 270,
      explain: call('talosctl.podLog', { node: address, pod: `kube-apiserver-${node}`, container: 'kube-apiserver' }),
    },
    { condition: condition(apiServerReady.name, 'threeTimes', null, 'its /readyz answers three times in a row'), deadlineSeconds: 120 },
  ]
}

/** Behind the keep: they lost the API server, and may sit in a back-off for minutes. */
export const leasesExpected: ExpectAction = {
  kind: 'expect',
  id: 'leases',
  title: 'scheduler and controller manager hold their Leases again',
  danger: 'read',
  condition: condition(leases.name, 'renewed', null, 'both Leases are being renewed'),
  deadlineSeconds: 600,
}

/** What is looked at before an API server is made start again. */
export interface BeforeRestart {
  proofs: Look<Proof<CheckedSnapshot>[]>
  sealed: Look<SealedInWorkspace[]>
  pods: Look<ControlPlanePods>
}

/** What must be there before an API server is made start again: somebody to see it by, and a backup to come back to. */
export function stopsRestart(
  node: ObjectRef,
  { pods, ...backup }: BeforeRestart,
  context: Pick<StepContext, 'now' | 'waived' | 'delivery'>,
): Blocked | undefined {
  if (context.delivery === 'gitops') return undefined
  if (!pods.ok)
    return blocked(
      node,
      `nothing would tell whether the API server came back: ${pods.reason}`,
      pods.remedy ?? 'name a kubeconfig with --kubeconfig FILE',
    )
  return context.waived.includes('BAK-02') ? undefined : lacksBackup(node, backup, context.now)
}

const FIRST = `${TAKE} first`

/** A snapshot of the last 24 hours that was checked, was not refused, and lies sealed here. */
function lacksBackup(node: ObjectRef, { proofs, sealed }: Omit<BeforeRestart, 'pods'>, now: Date): Blocked | undefined {
  const taken = proofs.ok ? proofs.value : []
  const [newest] = taken
  if (!newest) return blocked(node, 'no snapshot of etcd was taken and checked', `${FIRST}, or waive BAK-02`)
  const refused = refusedSnapshot(taken)
  if (refused) return blocked(node, refused.reason, refused.remedy)
  if (isOlderThan(newest.takenAt, 24, now)) return blocked(node, 'the last checked snapshot of etcd is older than 24 hours', FIRST)
  if (!sealed.ok) return blocked(node, sealed.reason, sealed.remedy)
  if (backupOf(sealed.value, newest.of)) return undefined
  return blocked(node, 'the last snapshot of etcd was checked, and no whole sealed file in backups/ here holds it', FIRST)
}
