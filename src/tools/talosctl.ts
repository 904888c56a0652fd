import type { NeededRole } from '../domain/roles.ts'
import type { VerbName } from '../domain/verbs.ts'
import type { Verb, VerbTable } from './verb.ts'

/**
 * The API of a node gives up on a node that is down after 20 seconds and says so; our limit comes after that, or we would have to
 * guess.
 */
const PER_NODE = 25

/** All objects of a type, from many nodes at once. */
const objectsOf = (type: string, role: NeededRole, more: { secret?: true } = {}): Verb<{ nodes: string[] }> => ({
  tool: 'talosctl',
  needs: [role],
  nodes: (a) => a.nodes,
  argv: () => ['get', type, '-o', 'json'],
  seconds: PER_NODE,
  ...more,
})

/**
 * What we ask of talosctl. Every argument list here is run against the real 1.13 and 1.14 by `npm run test:real`.
 *
 * Roles: https://docs.siderolabs.com/talos/v1.13/security/rbac. Node calls get `--talosconfig --context --nodes` in front.
 */
export const talosctl = {
  'talosctl.clientVersion': { tool: 'talosctl', argv: () => ['version', '--client', '--short'], seconds: 10 },
  'talosctl.version': { tool: 'talosctl', needs: ['os:reader'], nodes: (a) => [a.node], argv: () => ['version', '--short'], seconds: 10 },
  'talosctl.members': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => (a.node ? [a.node] : []),
    argv: () => ['get', 'members.cluster.talos.dev', '-o', 'json'],
    seconds: 15,
  },
  'talosctl.infos': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => (a.node ? [a.node] : []),
    argv: () => ['get', 'infos.cluster.talos.dev', '-o', 'json'],
    seconds: 15,
  },
  'talosctl.kernelParams': objectsOf('kernelparamstatuses.runtime.talos.dev', 'os:reader'),
  'talosctl.list': { tool: 'talosctl', needs: ['os:reader'], nodes: (a) => a.nodes, argv: (a) => ['list', a.path], seconds: PER_NODE },
  'talosctl.machineConfig': {
    tool: 'talosctl',
    needs: ['os:admin'],
    nodes: (a) => [a.node],
    argv: () => ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}'],
    seconds: PER_NODE,
    secret: true,
  },
  // hangs for ever before bootstrap and while etcd crash-loops
  'talosctl.etcdMembers': {
    tool: 'talosctl',
    needs: ['os:reader', 'os:etcd:backup'],
    nodes: (a) => [a.node],
    argv: () => ['etcd', 'members'],
    seconds: 10,
  },
  'talosctl.etcdStatus': {
    tool: 'talosctl',
    needs: ['os:reader', 'os:etcd:backup'],
    nodes: (a) => a.nodes,
    argv: () => ['etcd', 'status'],
    seconds: 10,
  },
  'talosctl.staticPods': objectsOf('staticpods.kubernetes.talos.dev', 'os:reader'),
  // a database may be large and the way to it slow; that no byte comes is noticed much earlier
  'talosctl.snapshot': {
    tool: 'talosctl',
    needs: ['os:etcd:backup'],
    nodes: (a) => [a.node],
    argv: (a) => ['etcd', 'snapshot', a.path],
    seconds: 4 * 3600,
    writes: 'path',
    backup: true,
  },
  'talosctl.newBundle': { tool: 'talosctl', argv: () => ['gen', 'secrets', '--output-file', '-'], seconds: 60, secret: true },
  'talosctl.bundleFrom': {
    tool: 'talosctl',
    argv: (a) => ['gen', 'secrets', '--from-controlplane-config', a.config, '--output-file', '-'],
    seconds: 30,
    secret: true,
    reads: 'config',
  },
  'talosctl.controllerLog': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => [a.node],
    argv: () => ['logs', 'controller-runtime', '--tail', '200'],
    seconds: 15,
  },
  'talosctl.machineLog': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => [a.node],
    argv: () => ['logs', 'machined'],
    seconds: PER_NODE,
  },
  'talosctl.podLog': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => [a.node],
    argv: (a) => ['logs', '--kubernetes', `kube-system/${a.pod}:${a.container}`, '--tail', '50'],
    seconds: 15,
  },
  'talosctl.configs': objectsOf('machineconfigs.config.talos.dev', 'os:admin', { secret: true }),
  'talosctl.sockets': {
    tool: 'talosctl',
    needs: ['os:reader'],
    nodes: (a) => a.nodes,
    argv: () => ['netstat', '--all', '--tcp', '--udp', '--programs', '--pods'],
    seconds: PER_NODE,
  },
  'talosctl.firewallChains': objectsOf('nftableschains.net.talos.dev', 'os:reader'),
  'talosctl.admission': objectsOf('admissioncontrolconfigs.kubernetes.talos.dev', 'os:reader'),
  'talosctl.auditPolicy': objectsOf('auditpolicyconfigs.kubernetes.talos.dev', 'os:admin'),
  'talosctl.networks': objectsOf('controllermanagerconfigs.kubernetes.talos.dev', 'os:reader'),
  // others count as sensitive, though nothing in them is
  'talosctl.operators': objectsOf('operatorspecs.net.talos.dev', 'os:admin'),
  'talosctl.try': {
    tool: 'talosctl',
    needs: ['os:admin'],
    nodes: (a) => [a.node],
    argv: (a) => [
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'try',
      '--timeout',
      `${a.seconds}s`,
      ...a.patches.flatMap((p) => ['--patch', JSON.stringify(p)]),
    ],
    seconds: 60,
    secret: true,
    changes: () => true,
  },
  // the diff on standard error of a dry run holds private keys as context lines, so the output is secret
  'talosctl.patch': {
    tool: 'talosctl',
    needs: ['os:admin'],
    nodes: (a) => [a.node],
    argv: (a) => [
      'patch',
      'machineconfigs.config.talos.dev',
      'v1alpha1',
      '--mode',
      'no-reboot',
      ...(a.dryRun ? ['--dry-run'] : []),
      ...a.patches.flatMap((p) => ['--patch', JSON.stringify(p)]),
    ],
    seconds: 60,
    secret: true,
    changes: (a) => !a.dryRun,
  },
  // it opens its file by name, and what Node gives a child as standard input is a socket, which cannot be opened by name
  'talosctl.merge': {
    tool: 'talosctl',
    argv: (a) => ['machineconfig', 'patch', a.config, ...a.patches.flatMap((p) => ['--patch', JSON.stringify(p)])],
    seconds: 15,
    secret: true,
  },
} satisfies VerbTable<Extract<VerbName, `talosctl.${string}`>>
