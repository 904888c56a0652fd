import type { PracticeState } from './state.ts'

/** How a simulated tool answers, and the shapes that talosctl prints. */

export interface Answer {
  exitCode: number
  stdout?: string
  stderr?: string
  /** The world afterwards, where the call changed it. */
  state?: PracticeState
  /** What it takes on the simulated clock, where that is not what a call takes. Milliseconds. */
  takes?: number
  /** A file that the call wrote. */
  writes?: { path: string; bytes: Buffer }
}

export const fails = (stderr: string): Answer => ({ exitCode: 1, stderr: `${stderr}\n` })
export const DENIED = 'rpc error: code = PermissionDenied desc = not authorized'
export const unknownCall = (tool: string, args: readonly string[]): Answer =>
  fails(`practice does not know this: ${tool} ${args.join(' ')}`)

/** The controller that owns a resource; a machine configuration has none. */
const OWNERS: Record<string, string> = {
  'Members.cluster.talos.dev': 'cluster.MemberController',
  'Infos.cluster.talos.dev': 'cluster.InfoController',
  'KernelParamStatuses.runtime.talos.dev': 'runtime.KernelParamSpecController',
  'StaticPods.kubernetes.talos.dev': 'k8s.ControlPlaneStaticPodController',
  'NfTablesChains.net.talos.dev': 'network.NfTablesChainConfigController',
  'AdmissionControlConfigs.kubernetes.talos.dev': 'k8s.ControlPlaneAdmissionControlController',
  'AuditPolicyConfigs.kubernetes.talos.dev': 'k8s.ControlPlaneAuditPolicyController',
  'ControllerManagerConfigs.kubernetes.talos.dev': 'k8s.ControlPlaneControllerManagerController',
}

export function cosi(type: string, namespace: string, id: string, node: string, spec: unknown, version = 1): string {
  const annotations = type in OWNERS ? {} : { annotations: { 'talos.dev/yaml-spec': 1 } }
  const times = { created: '2026-11-23T16:00:00Z', updated: '2026-11-23T16:00:00Z' }
  const metadata = { ...annotations, ...times, id, namespace, owner: OWNERS[type] ?? null, phase: 'running', type, version }
  return `${JSON.stringify({ metadata, node, spec }, null, 4)}\n`
}

export function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((r) => r[column]?.length ?? 0)))
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + 3))).join('')}\n`).join('')
}
