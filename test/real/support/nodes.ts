import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inject } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { CLUSTERS, environmentOf, type First, HERE, type RealCluster, type RealNode, SHORT_RUN, type Version } from './cluster.ts'
import { initOf, procOf } from './inside.ts'

export { procOf, WANTED } from './inside.ts'

/** What is on the nodes, seen past the program: their config by the operator's own talosctl, their values in `/proc`. */

/** The one without Kubernetes. */
export const clusterOf = (version: Version): RealCluster => {
  const cluster = inject('clusters').find((c) => c.version === version)
  if (!cluster) throw new Error(`no cluster of ${version}`)
  return cluster
}
export const nodeOf = (cluster: RealCluster, name: string): RealNode => {
  const node = cluster.nodes.find((n) => n.name === name)
  if (!node) throw new Error(`no node ${name}`)
  return node
}

/** `MATRIX=full` tries on both versions what is otherwise tried on one of them. */
export const FULL = process.env.MATRIX === 'full'
export const triedOn = (version: Version): boolean => FULL || inject('version') === version

export interface Told {
  code: number | null
  stdout: string
  stderr: string
}

export function talosctl(cluster: RealCluster, ...args: string[]): Told {
  const ran = spawnSync(cluster.talosctl, ['--talosconfig', cluster.talosconfig, '--context', `admin@${cluster.name}`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...SHORT_RUN },
    timeout: 30_000,
  })
  return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr }
}

function must(told: Told, what: string): string {
  if (told.code !== 0) throw new Error(`${what} ended with ${told.code}: ${told.stderr}`)
  return told.stdout
}

const MACHINE_CONFIG = ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o']

export const configOf = (cluster: RealCluster, node: RealNode): string =>
  must(talosctl(cluster, '--nodes', node.address, ...MACHINE_CONFIG, 'jsonpath={.spec}'), `reading the config of ${node.name}`)

/** Rises with every change that the node accepted. */
export const configVersion = (cluster: RealCluster, node: RealNode): string =>
  must(talosctl(cluster, '--nodes', node.address, ...MACHINE_CONFIG, 'jsonpath={.metadata.version}'), `the version of ${node.name}`).trim()

export const versionsOf = (cluster: RealCluster): Record<string, string> =>
  Object.fromEntries(cluster.nodes.map((n) => [n.name, configVersion(cluster, n)]))

/** A change as somebody else makes it. */
export const patchConfig = (cluster: RealCluster, node: RealNode, patch: object): Told =>
  talosctl(cluster, '--nodes', node.address, 'patch', 'machineconfig', '--mode', 'no-reboot', '--patch', JSON.stringify(patch))

/** A change of kernel parameters as somebody else makes it, until the node says that they are in effect. */
export async function patchByHand(
  cluster: RealCluster,
  node: RealNode,
  patch: { apiVersion?: string; kind?: string; params?: Record<string, string>; machine?: { sysctls: Record<string, string> } },
): Promise<void> {
  must(patchConfig(cluster, node, patch), `patching ${node.name}`)
  for (const [key, value] of Object.entries({ ...patch.machine?.sysctls, ...patch.params }))
    await eventually(`${key} is ${value} on ${node.name}`, () => {
      const status = ['get', 'kernelparamstatus', `proc.sys.${key}`, '-o', 'jsonpath={.spec.current}']
      return talosctl(cluster, '--nodes', node.address, ...status).stdout.trim() === value ? true : undefined
    })
}

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === 'object'
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value

/** A config without its order: documents by kind and name, keys sorted. */
export function configContent(text: string): unknown[] {
  const documents = parseAllDocuments(text).map((d) => sorted('toJS' in d ? d.toJS() : undefined) as { kind?: string; name?: string })
  const key = (d: { kind?: string; name?: string }) => `${d.kind ?? ''} ${d.name ?? ''}`
  return documents.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The sysctls that a config names, in both forms; undefined where the map or the document is absent. */
export function sysctlsIn(text: string): { machine: Record<string, string> | undefined; document: Record<string, string> | undefined } {
  const documents = configContent(text) as {
    kind?: string
    params?: Record<string, string>
    machine?: { sysctls?: Record<string, string> }
  }[]
  const document = documents.find((d) => d.kind === 'SysctlConfig')
  return { machine: documents.find((d) => !d.kind)?.machine?.sysctls, document: document && (document.params ?? {}) }
}

/** The process ids of everything below the node's init whose command line begins with this. */
export function processesOf(node: RealNode, command: string): number[] {
  const all = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((m) => m !== null)
    .map(([, pid, parent, args]) => ({ pid: Number(pid), parent: Number(parent), args: args ?? '' }))
  const below = (pid: number): typeof all => all.filter((p) => p.parent === pid).flatMap((p) => [p, ...below(p.pid)])
  return below(Number(initOf(node)))
    .filter((p) => p.args.startsWith(command))
    .map((p) => p.pid)
}

/** Most looks start a tool, so that more of them would take from everybody else the time that they wait for. Milliseconds. */
const POLL = 1000

export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  seconds = 60,
  poll = POLL,
): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`${what}: not so after ${seconds} s`)
    await new Promise((done) => setTimeout(done, poll))
  }
}

/** Puts every node back to what it was before any test: its config, and its values in the kernel. */
export async function pristine(cluster: RealCluster): Promise<void> {
  for (const node of cluster.nodes) {
    const first: First = JSON.parse(readFileSync(node.first, 'utf8'))
    // what is applied ends with a line more than what was read
    if (configOf(cluster, node).trimEnd() !== first.config.trimEnd()) {
      const file = join(dirname(node.config), `first-${node.name}.yaml`)
      writeFileSync(file, first.config, { mode: 0o600 })
      must(talosctl(cluster, '--nodes', node.address, 'apply-config', '--file', file, '--mode', 'no-reboot'), `resetting ${node.name}`)
    }
    await eventually(`${node.name} has its first values back`, () =>
      JSON.stringify(procOf(node)) === JSON.stringify(first.proc) ? true : undefined,
    )
  }
}

function nodeScript(cluster: RealCluster, ...args: string[]): void {
  const wanted = CLUSTERS.find((w) => w.name === cluster.name)
  if (!wanted) throw new Error(`${cluster.name} is none of ours`)
  const env = { ...process.env, ...environmentOf(wanted) }
  const ran = spawnSync(join(HERE, 'node'), args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (ran.status !== 0) throw new Error(`node ${args.join(' ')} ended with ${ran.status}: ${ran.stderr}`)
}

/** Pulls the plug of a node. */
export const stopNode = (cluster: RealCluster, node: RealNode): void => nodeScript(cluster, 'stop', node.name)

export async function startNode(cluster: RealCluster, node: RealNode): Promise<void> {
  nodeScript(cluster, 'start', node.name, node.address, node.config)
  // a control plane that could not reach it waits before it tries again
  for (const via of cluster.nodes.filter((n) => n.type === 'controlplane'))
    await eventually(
      `${node.name} answers through ${via.name}`,
      () => (talosctl(cluster, '--endpoints', via.address, '--nodes', node.address, 'get', 'machineconfig').code === 0 ? true : undefined),
      180,
    )
}
