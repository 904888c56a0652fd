import { knownRoles } from '../domain/roles.ts'
import { mergeInto, mergeText } from './merge.ts'
import { inventedSecret, kernelFiles, machineConfig, managed, type PracticeNode, type PracticeState } from './state.ts'

/** talosctl as it answers on the simulated cluster: exactly the argument lists that we run, shaped as recorded from the real one. */

export interface Answer {
  exitCode: number
  stdout?: string
  stderr?: string
  /** The world afterwards, where the call changed it. */
  state?: PracticeState
}

const fails = (stderr: string): Answer => ({ exitCode: 1, stderr: `${stderr}\n` })
const DENIED = 'rpc error: code = PermissionDenied desc = not authorized'
const CLIENT = 'v1.14.1'

export interface Caller {
  /** Organizations of the context's certificate. */
  roles: readonly string[]
}

export function talosctl(
  state: PracticeState,
  args: readonly string[],
  held: (path: string) => string | undefined,
  caller: (talosconfig: string, context: string) => Caller | undefined,
): Answer {
  if (args.join(' ') === 'version --client --short') return { exitCode: 0, stdout: `Client:\nTalos ${CLIENT}\n` }
  if (args[0] === 'machineconfig') return merge(args, held)
  const [flag1, talosconfig, flag2, context, flag3, list, ...rest] = args
  if (flag1 !== '--talosconfig' || flag2 !== '--context' || flag3 !== '--nodes' || !talosconfig || !context || !list)
    return unknownCall(args)
  const who = caller(talosconfig, context)
  if (!who) return fails(`error: context "${context}" is not defined`)
  const roles = knownRoles(who.roles)
  const nodes = list.split(',').map((address) => ({ address, node: state.nodes.find((n) => n.address === address) }))
  const dead = nodes.filter((n) => !n.node)
  if (dead.length > 0)
    return fails(
      dead
        .map(
          (n) =>
            `${n.address}: error getting server version: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp ${n.address}:50000: connect: no route to host"`,
        )
        .join('\n'),
    )
  const asked = nodes.map((n) => n.node as PracticeNode)
  const isAdmin = roles.includes('os:admin')
  const command = rest.join(' ')
  switch (command) {
    case 'version --short':
      return {
        exitCode: 0,
        stdout: `Client:\nTalos ${CLIENT}\nServer:\n${asked.map((n) => `\tNODE:        ${n.address}\n\tTag:         ${n.version}\n\tSHA:         undefined\n\tBuilt:       \n\tGo version:  go1.26.8\n\tOS/Arch:     linux/amd64\n\tEnabled:     RBAC\n`).join('')}`,
      }
    case 'get members.cluster.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((via) =>
            state.nodes
              .map((n) =>
                cosi('Members.cluster.talos.dev', 'cluster', n.name, via.address, {
                  addresses: [n.address],
                  ...(n.type === 'controlplane' ? { controlPlane: { port: 6443 } } : {}),
                  hostname: n.name,
                  machineType: n.type,
                  nodeId: inventedSecret(`node ${n.name}`, 33),
                  operatingSystem: `Talos (${n.version})`,
                }),
              )
              .join(''),
          )
          .join(''),
      }
    case 'get infos.cluster.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((n) =>
            cosi('Infos.cluster.talos.dev', 'cluster', 'current', n.address, { clusterId: state.clusterId, clusterName: 'practice' }),
          )
          .join(''),
      }
    case 'get kernelparamstatuses.runtime.talos.dev -o json':
      return {
        exitCode: 0,
        stdout: asked
          .map((n) =>
            Object.entries(managed(n))
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, [current, before]]) =>
                cosi('KernelParamStatuses.runtime.talos.dev', 'runtime', `proc.sys.${key}`, n.address, {
                  current,
                  default: before,
                  unsupported: false,
                }),
              )
              .join(''),
          )
          .join(''),
      }
    case 'get machineconfigs.config.talos.dev v1alpha1 -o json':
      return isAdmin
        ? {
            exitCode: 0,
            stdout: asked
              .map((n) => cosi('MachineConfigs.config.talos.dev', 'config', 'v1alpha1', n.address, machineConfig(n, state.clusterId)))
              .join(''),
          }
        : fails(asked.map((n) => `error getting resource on node ${n.address}: ${DENIED}`).join('\n'))
    case 'get machineconfigs.config.talos.dev v1alpha1 -o jsonpath={.spec}':
      return isAdmin
        ? { exitCode: 0, stdout: `${machineConfig(asked[0] as PracticeNode, state.clusterId)}\n` }
        : fails(`error getting resource on node ${asked[0]?.address}: ${DENIED}`)
    case 'etcd members': {
      const cps = state.nodes.filter((n) => n.type === 'controlplane')
      if (asked[0]?.type !== 'controlplane')
        return fails(
          `error from node ${asked[0]?.address}: rpc error: code = Unimplemented desc = member list is only available on control plane nodes`,
        )
      const id = (n: PracticeNode) => Buffer.from(inventedSecret(`etcd ${n.name}`, 8), 'base64').toString('hex')
      return {
        exitCode: 0,
        stdout: table([
          ['NODE', 'ID', 'HOSTNAME', 'PEER URLS', 'CLIENT URLS', 'LEARNER'],
          ...cps.map((n) => [asked[0]?.address ?? '', id(n), n.name, `https://${n.address}:2380`, `https://${n.address}:2379`, 'false']),
        ]),
      }
    }
    case 'logs controller-runtime --tail 200':
      return {
        exitCode: 0,
        stdout: `${asked[0]?.address}: ${state.now} DEBUG controller starting {"component": "controller-runtime", "controller": "runtime.KernelParamSpecController"}\n`,
      }
  }
  if (rest[0] === 'list' && rest.length === 2) return listFolder(asked, rest[1] ?? '')
  if (command.startsWith('patch machineconfigs.config.talos.dev v1alpha1 --mode no-reboot'))
    return patch(state, asked[0] as PracticeNode, rest.slice(5), isAdmin)
  return unknownCall(args)
}

const unknownCall = (args: readonly string[]): Answer => fails(`practice does not know this: talosctl ${args.join(' ')}`)

function listFolder(asked: readonly PracticeNode[], folder: string): Answer {
  const files = kernelFiles(folder)
  if (!files)
    return fails(
      asked
        .map((n) => `error from node ${n.address}: rpc error: code = Unknown desc = lstat ${folder}: no such file or directory`)
        .join('\n'),
    )
  const names = ['.', ...files]
  return {
    exitCode: 0,
    stdout:
      asked.length === 1 ? `${names.join('\n')}\n` : table([['NODE', 'NAME'], ...asked.flatMap((n) => names.map((f) => [n.address, f]))]),
  }
}

function patchesIn(words: readonly string[]): ReturnType<typeof JSON.parse>[] | undefined {
  const patches = []
  for (let i = 0; i < words.length; i += 2) {
    if (words[i] !== '--patch') return undefined
    patches.push(JSON.parse(words[i + 1] ?? 'null'))
  }
  return patches
}

function patch(state: PracticeState, node: PracticeNode, words: readonly string[], isAdmin: boolean): Answer {
  const dryRun = words[0] === '--dry-run'
  const patches = patchesIn(dryRun ? words.slice(1) : words)
  if (!patches || patches.length === 0) return unknownCall(['patch', ...words])
  if (!isAdmin) return fails(`error getting resource on node ${node.address}: ${DENIED}`)
  const merged = mergeInto(node, patches)
  if ('error' in merged) return fails(merged.error)
  const head = `patched MachineConfigs.config.talos.dev/v1alpha1 at the node ${node.address}\n`
  if (!merged.changed) return { exitCode: 0, stderr: 'Apply was skipped: no changes detected.\n' }
  // the real diff shows keys as context lines; this one does so too, so that a leak of it would be found
  if (dryRun)
    return {
      exitCode: 0,
      stderr: `${head}Dry run summary:\nApplied configuration without a reboot (skipped in dry-run).\nConfig diff:\n\n--- a\n+++ b\n@@ -5,6 +5,7 @@\n     secret: ${inventedSecret('cluster secret')}\n+    (changed)\n\n`,
    }
  return {
    exitCode: 0,
    stderr: `${head}Applied configuration without a reboot\n`,
    state: { ...state, nodes: state.nodes.map((n) => (n.name === node.name ? merged.node : n)) },
  }
}

function merge(args: readonly string[], held: (path: string) => string | undefined): Answer {
  const input = held(args[2] ?? '')
  const patches = args[1] === 'patch' && input !== undefined ? patchesIn(args.slice(3)) : undefined
  if (!patches || input === undefined) return unknownCall(args)
  const text = mergeText(input, patches)
  return text === undefined ? fails('practice does not know this patch') : { exitCode: 0, stdout: text }
}

function cosi(type: string, namespace: string, id: string, node: string, spec: unknown): string {
  return `${JSON.stringify({ metadata: { created: '2026-11-23T16:00:00Z', id, namespace, owner: null, phase: 'running', type, updated: '2026-11-23T16:00:00Z', version: 1 }, node, spec }, null, 4)}\n`
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((r) => r[column]?.length ?? 0)))
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + 3))).join('')}\n`).join('')
}
