import { knownRoles } from '../domain/roles.ts'
import { absentIn, mergeInto, mergeText } from './merge.ts'
import { inventedSecret, isNew, kernelFiles, machineConfig, managed, type PracticeNode, type PracticeState } from './state.ts'

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
  const addresses = list.split(',')
  const who = caller(talosconfig, context)
  if (!who)
    return fails(
      addresses.map((a) => `${a}: error getting server version: error constructing client: failed to determine endpoints`).join('\n'),
    )
  const roles = knownRoles(who.roles)
  const asked = addresses.map((address) => state.nodes.find((n) => n.address === address)).filter((n) => n !== undefined)
  const dead = addresses.filter((address) => !asked.some((n) => n.address === address))
  const older = rest[0] === 'get' || rest[0] === 'patch' ? asked.filter((n) => !isNew(n)) : []
  const answer = dead.length > 0 ? unreachable(rest, asked, dead) : answerOf(state, rest, asked, roles.includes('os:admin'))
  const warning = older.map((n) => `${n.address}: server version ${n.version.slice(1)} is older than client version ${CLIENT.slice(1)}`)
  return warning.length > 0 ? { ...answer, stderr: `WARNING: ${warning.join(', ')}\n${answer.stderr ?? ''}` } : answer
}

const notReached = (address: string): string =>
  `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp ${address}:50000: connect: no route to host"`

/** What each command says where a node is not there; one without a table says nothing of the others. */
function unreachable(rest: readonly string[], asked: readonly PracticeNode[], dead: readonly string[]): Answer {
  const errors = (before: (address: string) => string) => dead.map((a) => `${before(a)}: ${notReached(a)}\n`).join('')
  switch (rest[0]) {
    case 'version':
      return { exitCode: 1, stdout: `Client:\nTalos ${CLIENT}\nServer:\n`, stderr: errors((a) => `error getting version from node ${a}`) }
    case 'get':
    case 'patch':
      return { exitCode: 1, stderr: errors((a) => `${a}: error getting server version`) }
    case 'list': {
      const others = asked.length > 0 ? listFolder(asked, rest[1] ?? '', true) : { exitCode: 1 }
      return { exitCode: 1, stdout: others.stdout ?? '', stderr: `${errors((a) => `error from node ${a}`)}${others.stderr ?? ''}` }
    }
    case 'etcd':
      return { exitCode: 1, stdout: table([ETCD_HEAD]), stderr: errors((a) => `error from node ${a}`) }
    default:
      return { exitCode: 1, stderr: errors((a) => `error from node ${a}`) }
  }
}

const ETCD_HEAD = ['NODE', 'ID', 'HOSTNAME', 'PEER URLS', 'CLIENT URLS', 'LEARNER']

function answerOf(state: PracticeState, rest: readonly string[], asked: readonly PracticeNode[], isAdmin: boolean): Answer {
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
        return {
          exitCode: 1,
          stdout: table([ETCD_HEAD]),
          stderr: `error from node ${asked[0]?.address}: rpc error: code = Unimplemented desc = member list is only available on control plane nodes\n`,
        }
      const id = (n: PracticeNode) => Buffer.from(inventedSecret(`etcd ${n.name}`, 8), 'base64').toString('hex')
      return {
        exitCode: 0,
        stdout: table([
          ETCD_HEAD,
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
  return unknownCall(rest)
}

const unknownCall = (args: readonly string[]): Answer => fails(`practice does not know this: talosctl ${args.join(' ')}`)

function listFolder(asked: readonly PracticeNode[], folder: string, named = asked.length > 1): Answer {
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
    stdout: !named ? `${names.join('\n')}\n` : table([['NODE', 'NAME'], ...asked.flatMap((n) => names.map((f) => [n.address, f]))]),
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
  const head = `patched MachineConfigs.config.talos.dev/v1alpha1 at the node ${node.address}\n`
  if ('error' in merged) return fails(merged.from === 'node' ? head + merged.error : merged.error)
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
  if (args[1] === 'patch' && input === undefined) return fails(`open ${args[2]}: no such file or directory`)
  if (!patches || input === undefined) return unknownCall(args)
  const absent = absentIn(input, patches)
  if (absent) return fails(absent)
  const text = mergeText(input, patches)
  return text === undefined ? fails('practice does not know this patch') : { exitCode: 0, stdout: text }
}

/** The controller that owns a resource; a machine configuration has none. */
const OWNERS: Record<string, string> = {
  'Members.cluster.talos.dev': 'cluster.MemberController',
  'Infos.cluster.talos.dev': 'cluster.InfoController',
  'KernelParamStatuses.runtime.talos.dev': 'runtime.KernelParamSpecController',
}

function cosi(type: string, namespace: string, id: string, node: string, spec: unknown): string {
  const annotations = type in OWNERS ? {} : { annotations: { 'talos.dev/yaml-spec': 1 } }
  const times = { created: '2026-11-23T16:00:00Z', updated: '2026-11-23T16:00:00Z' }
  const metadata = { ...annotations, ...times, id, namespace, owner: OWNERS[type] ?? null, phase: 'running', type, version: 1 }
  return `${JSON.stringify({ metadata, node, spec }, null, 4)}\n`
}

function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((r) => r[column]?.length ?? 0)))
  return rows.map((row) => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] ?? 0) + 3))).join('')}\n`).join('')
}
