import { parsePodSecurity } from '../domain/admission.ts'
import type { Answer } from './answer.ts'
import { NAMESPACES, PODS, SERVICES, WORKLOADS } from './cluster.ts'
import { apiServerAt } from './course.ts'
import { annotationsOf } from './resources.ts'
import type { PracticeNode, PracticeState } from './state.ts'

/** What kubectl shows of the simulated Kubernetes, and what admission says. */

const controlPlanes = (state: PracticeState): PracticeNode[] => state.nodes.filter((n) => n.type === 'controlplane')
const READY = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' }

/** The mirror pods; the one of an API server that starts anew is the old one for a while. */
export const controlPlanePods = (state: PracticeState): unknown[] =>
  controlPlanes(state).flatMap((node) =>
    ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((name) => {
      const starts = apiServerAt(node, state.now) === 'settled' ? node.apiServer.starts : node.apiServer.starts - 1
      return {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          annotations: annotationsOf(name, starts),
          labels: { tier: 'control-plane' },
          name: `${name}-${node.name}`,
          namespace: 'kube-system',
        },
        spec: { nodeName: node.name },
        status: READY,
      }
    }),
  )

/** Each is renewed every two seconds. */
export const leases = (state: PracticeState): unknown[] => {
  const renewed = new Date(Math.floor(new Date(state.now).getTime() / 2000) * 2000).toISOString().replace('Z', '000Z')
  return ['kube-scheduler', 'kube-controller-manager'].map((name) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-system' },
    spec: { holderIdentity: `cp1_${name}`, leaseDurationSeconds: 15, renewTime: renewed },
  }))
}

const line = (cells: readonly string[]): string => `${cells.join('\t')}\n`

/** Lines of the fields that we ask for. */
export const pods = (): Answer => ({
  exitCode: 0,
  stdout: PODS.map((p) => {
    const onNode = p.address === 'node'
    const ports = [{ containerPort: p.port, ...(onNode ? { hostPort: p.port } : {}), protocol: 'TCP' }]
    return line([
      p.namespace,
      p.name,
      JSON.stringify(p.labels),
      p.owner,
      p.node,
      onNode ? 'true' : '',
      onNode ? '' : p.address,
      'True',
      'Running',
      JSON.stringify(ports),
    ])
  }).join(''),
})

export const workloads = (): Answer => ({
  exitCode: 0,
  stdout: WORKLOADS.map(([kind, namespace, name, count, containers]) => {
    const numbers = kind === 'DaemonSet' ? ['', '', String(count), String(count)] : [String(count), String(count), '', '']
    return line([kind, namespace, name, ...numbers, containers.join(' ')])
  }).join(''),
})

export const services = (): unknown[] =>
  SERVICES.map(({ namespace, name, type, selector, clusterIP, port, targetPort }) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port, protocol: 'TCP', targetPort }], selector, type },
  }))

/** `label --dry-run=server --overwrite namespaces NAME... LABEL`: nothing that runs here needs more than baseline. */
export function previewLevel(_: PracticeState, words: readonly string[]): Answer | undefined {
  const [dryRun, overwrite, what, ...rest] = words
  const level = /^pod-security\.kubernetes\.io\/enforce=(baseline|restricted)$/.exec(rest.at(-1) ?? '')?.[1]
  if (dryRun !== '--dry-run=server' || overwrite !== '--overwrite' || what !== 'namespaces' || !level) return undefined
  const names = rest.slice(0, -1)
  const missing = names.filter((name) => !NAMESPACES.some((n) => n.name === name))
  const running = (name: string) => PODS.filter((p) => p.namespace === name).map((p) => p.name)
  const violating = level === 'restricted' ? names.filter((name) => running(name).length > 0) : []
  return {
    exitCode: missing.length > 0 ? 1 : 0,
    stdout: names
      .filter((n) => !missing.includes(n))
      .map((name) => `namespace/${name} labeled (server dry run)\n`)
      .join(''),
    stderr: [
      ...violating.flatMap((name) => [
        `Warning: existing pods in namespace "${name}" violate the new PodSecurity enforce level "${level}:latest"\n`,
        `Warning: ${running(name)[0]}${running(name).length > 1 ? ` (and ${running(name).length - 1} other pod${running(name).length > 2 ? 's' : ''})` : ''}: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile\n`,
      ]),
      ...missing.map((name) => `Error from server (NotFound): namespaces "${name}" not found\n`),
    ].join(''),
  }
}

/** By the API server that is asked, the one of cp1. */
export function privilegedPod(state: PracticeState): Answer {
  const enforced = parsePodSecurity(controlPlanes(state)[0]?.podSecurity ?? undefined).config.levels.enforce
  if (enforced === 'privileged') return { exitCode: 0, stdout: 'pod/talos-preflight-privileged created (server dry run)\n' }
  return {
    exitCode: 1,
    stderr: `Error from server (Forbidden): error when creating "STDIN": pods "talos-preflight-privileged" is forbidden: violates PodSecurity "${enforced}:latest": privileged (container "probe" must not set securityContext.privileged=true)\n`,
  }
}
