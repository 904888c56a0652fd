import { formatAddress, parseAddress } from '../domain/cidr.ts'
import { knownRoles } from '../domain/roles.ts'
import { type Answer, DENIED, fails, table, unknownCall } from './answer.ts'
import { generate, merge, patch, tryPatch } from './config.ts'
import { databaseSize, etcdId, takeSnapshot } from './etcd.ts'
import { reachable } from './reach.ts'
import { resource } from './resources.ts'
import { type HeldOpen, netstat, netstatHead } from './sockets.ts'
import { isNew, kernelFiles, type PracticeNode, type PracticeState } from './state.ts'

/** talosctl as it answers on the simulated cluster: exactly the argument lists that we run, shaped as recorded from the real one. */

const CLIENT = 'v1.14.1'

export interface Caller {
  /** Organizations of the context's certificate. */
  roles: readonly string[]
}

export function talosctl(
  state: PracticeState,
  args: readonly string[],
  held: (path: string) => string | undefined,
  caller: (context: string) => Caller | undefined,
  connections: HeldOpen = new Map(),
): Answer {
  if (args.join(' ') === 'version --client --short') return { exitCode: 0, stdout: `Client:\nTalos ${CLIENT}\n` }
  if (args[0] === 'machineconfig') return merge(args, held)
  if (args[0] === 'gen') return generate(args, held)
  const [flag1, talosconfig, flag2, context, flag3, list, ...rest] = args
  if (flag1 !== '--talosconfig' || flag2 !== '--context' || flag3 !== '--nodes' || !talosconfig || !context || !list)
    return unknownCall('talosctl', args)
  const addresses = list.split(',')
  const who = caller(context)
  if (!who)
    return fails(
      addresses.map((a) => `${a}: error getting server version: error constructing client: failed to determine endpoints`).join('\n'),
    )
  const roles = knownRoles(who.roles)
  const nodeAt = (address: string) => state.nodes.find((n) => n.address === plainly(address) && reachable(state, n))
  const asked = addresses.map(nodeAt).filter((n) => n !== undefined)
  const dead = addresses.filter((address) => !nodeAt(address))
  const older = rest[0] === 'get' || rest[0] === 'patch' ? asked.filter((n) => !isNew(n)) : []
  const answer = dead.length > 0 ? unreachable(rest, asked, dead) : answerOf(state, rest, asked, roles, connections)
  const warning = older.map((n) => `${n.address}: server version ${n.version.slice(1)} is older than client version ${CLIENT.slice(1)}`)
  return warning.length > 0 ? { ...answer, stderr: `WARNING: ${warning.join(', ')}\n${answer.stderr ?? ''}` } : answer
}

/** An address in whatever spelling. */
function plainly(address: string): string {
  const parsed = parseAddress(address)
  return parsed ? formatAddress(parsed) : address
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
      if (rest[1] === 'snapshot') return { exitCode: 1, stderr: errors(() => 'error reading') }
      return { exitCode: 1, stdout: table([ETCD_HEAD]), stderr: errors((a) => `error from node ${a}`) }
    case 'netstat':
      return { exitCode: 1, stderr: errors((a) => `error getting containers from node ${a}`) }
    default:
      return { exitCode: 1, stderr: errors((a) => `error from node ${a}`) }
  }
}

const STATUS_HEAD = [
  'NODE',
  'MEMBER',
  'DB SIZE',
  'IN USE',
  'LEADER',
  'RAFT INDEX',
  'RAFT TERM',
  'RAFT APPLIED INDEX',
  'LEARNER',
  'PROTOCOL',
  'STORAGE',
  'ERRORS',
]
const controlPlanes = (state: PracticeState): PracticeNode[] => state.nodes.filter((n) => n.type === 'controlplane')
const onlyControlPlanes = (asked: readonly PracticeNode[], what: string, head: string[][]): Answer => ({
  exitCode: 1,
  stdout: table(head),
  stderr: asked
    .filter((n) => n.type !== 'controlplane')
    .map((n) => `error from node ${n.address}: rpc error: code = Unimplemented desc = ${what} is only available on control plane nodes\n`)
    .join(''),
})

const LOGGED = { try: 'apply config request: mode try', back: 'rolling back the configuration' }

const ETCD_HEAD = ['NODE', 'ID', 'HOSTNAME', 'PEER URLS', 'CLIENT URLS', 'LEARNER']

function answerOf(
  state: PracticeState,
  rest: readonly string[],
  asked: readonly PracticeNode[],
  roles: readonly string[],
  connections: HeldOpen,
): Answer {
  const isAdmin = roles.includes('os:admin')
  const command = rest.join(' ')
  const got = resource(command, { state, asked, isAdmin })
  if (got) return got
  switch (command) {
    case 'version --short':
      return {
        exitCode: 0,
        stdout: `Client:\nTalos ${CLIENT}\nServer:\n${asked.map((n) => `\tNODE:        ${n.address}\n\tTag:         ${n.version}\n\tSHA:         undefined\n\tBuilt:       \n\tGo version:  go1.26.8\n\tOS/Arch:     linux/amd64\n\tEnabled:     RBAC\n`).join('')}`,
      }
    case 'etcd members':
      return asked[0]?.type === 'controlplane'
        ? {
            exitCode: 0,
            stdout: table([
              ETCD_HEAD,
              ...controlPlanes(state).map((n) => [
                asked[0]?.address ?? '',
                etcdId(n.name),
                n.name,
                `https://${n.address}:2380`,
                `https://${n.address}:2379`,
                'false',
              ]),
            ]),
          }
        : onlyControlPlanes(asked, 'member list', [ETCD_HEAD])
    case 'etcd status': {
      const size = databaseSize(state)
      const leader = etcdId(controlPlanes(state)[0]?.name ?? '')
      return asked.every((n) => n.type === 'controlplane')
        ? {
            exitCode: 0,
            stdout: table([
              STATUS_HEAD,
              ...asked.map((n) => [
                n.address,
                etcdId(n.name),
                size,
                `${size} (100.00%)`,
                leader,
                '1056',
                '2',
                '1056',
                'false',
                '3.6.12',
                '3.6.0',
                '',
              ]),
            ]),
          }
        : onlyControlPlanes(asked, 'etcd status', [STATUS_HEAD])
    }
    case 'netstat --all --tcp --udp --programs --pods':
      return { exitCode: 0, stdout: table([netstatHead, ...netstat(asked, connections)]) }
    case 'logs machined':
      return {
        exitCode: 0,
        stdout: ['service[machined](Running): Health check successful', ...(asked[0]?.log ?? []).map((what) => LOGGED[what])]
          .map((line) => `${asked[0]?.address}: ${state.now.replaceAll('-', '/').replace('T', ' ').replace('Z', '000')} [talos] ${line}\n`)
          .join(''),
      }
    case 'logs controller-runtime --tail 200':
      return {
        exitCode: 0,
        stdout: `${asked[0]?.address}: ${state.now} DEBUG controller starting {"component": "controller-runtime", "controller": "runtime.KernelParamSpecController"}\n`,
      }
  }
  if (rest[0] === 'etcd' && rest[1] === 'snapshot' && rest[2]) {
    if (!roles.includes('os:admin') && !roles.includes('os:operator') && !roles.includes('os:etcd:backup'))
      return fails(`error reading: ${DENIED}`)
    if (asked[0]?.type !== 'controlplane')
      return fails('error reading: rpc error: code = Unimplemented desc = etcd snapshot is only available on control plane nodes')
    const { bytes, said } = takeSnapshot(state, rest[2])
    return { exitCode: 0, stdout: said, writes: { path: rest[2], bytes } }
  }
  if (rest[0] === 'list' && rest.length === 2) return listFolder(asked, rest[1] ?? '')
  if (command.startsWith('patch machineconfigs.config.talos.dev v1alpha1 --mode no-reboot'))
    return patch(state, asked[0] as PracticeNode, rest.slice(5), isAdmin)
  if (command.startsWith('patch machineconfigs.config.talos.dev v1alpha1 --mode try'))
    return tryPatch(state, asked[0] as PracticeNode, rest.slice(5), isAdmin)
  if (rest[0] === 'logs' && rest[1] === '--kubernetes')
    return {
      exitCode: 0,
      stdout: `${asked[0]?.address}: ${state.now} stderr F I1124 10:59:42.902808       1 controller.go:667] quota admission added evaluator for: endpoints\n`,
      stderr: 'Flag --kubernetes has been deprecated, use --namespace cri instead\n',
    }
  return unknownCall('talosctl', rest)
}

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
