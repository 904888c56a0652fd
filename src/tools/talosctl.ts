import type { VerbName } from '../domain/verbs.ts'
import type { VerbTable } from './verb.ts'

/**
 * The API of a node gives up on a node that is down after 20 seconds and says so; our limit comes after that, or we would have to
 * guess.
 */
const PER_NODE = 25

/**
 * What we ask of talosctl. Every argument list here is run against the real 1.13 and 1.14 by `npm run test:real`.
 *
 * Roles: https://docs.siderolabs.com/talos/v1.13/security/rbac. Node calls get `--talosconfig --context --nodes` in front.
 */
export const talosctl = {
  'talosctl.clientVersion': { tool: 'talosctl', argv: () => ['version', '--client', '--short'], seconds: 10 },
  'talosctl.version': { tool: 'talosctl', needs: 'os:reader', nodes: (a) => [a.node], argv: () => ['version', '--short'], seconds: 10 },
  'talosctl.members': {
    tool: 'talosctl',
    needs: 'os:reader',
    nodes: (a) => (a.node ? [a.node] : []),
    argv: () => ['get', 'members.cluster.talos.dev', '-o', 'json'],
    seconds: 15,
  },
  'talosctl.infos': {
    tool: 'talosctl',
    needs: 'os:reader',
    nodes: (a) => (a.node ? [a.node] : []),
    argv: () => ['get', 'infos.cluster.talos.dev', '-o', 'json'],
    seconds: 15,
  },
  'talosctl.kernelParams': {
    tool: 'talosctl',
    needs: 'os:reader',
    nodes: (a) => a.nodes,
    argv: () => ['get', 'kernelparamstatuses.runtime.talos.dev', '-o', 'json'],
    seconds: PER_NODE,
  },
  'talosctl.list': { tool: 'talosctl', needs: 'os:reader', nodes: (a) => a.nodes, argv: (a) => ['list', a.path], seconds: PER_NODE },
  'talosctl.machineConfigs': {
    tool: 'talosctl',
    needs: 'os:admin',
    nodes: (a) => a.nodes,
    argv: () => ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'json'],
    seconds: PER_NODE,
    secret: true,
  },
  'talosctl.machineConfig': {
    tool: 'talosctl',
    needs: 'os:admin',
    nodes: (a) => [a.node],
    argv: () => ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}'],
    seconds: PER_NODE,
    secret: true,
  },
  // hangs for ever before bootstrap and while etcd crash-loops
  'talosctl.etcdMembers': { tool: 'talosctl', needs: 'os:reader', nodes: (a) => [a.node], argv: () => ['etcd', 'members'], seconds: 10 },
  'talosctl.controllerLog': {
    tool: 'talosctl',
    needs: 'os:reader',
    nodes: (a) => [a.node],
    argv: () => ['logs', 'controller-runtime', '--tail', '200'],
    seconds: 15,
  },
  // the diff on standard error of a dry run holds private keys as context lines, so the output is secret
  'talosctl.patch': {
    tool: 'talosctl',
    needs: 'os:admin',
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
