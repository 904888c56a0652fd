import type { Call, Json } from '../contract.ts'

/**
 * The verbs that observations and actions name, with their arguments. `tools/` turns each into an argument list and says
 * which role it needs. `node` and `nodes` are addresses.
 */
export interface Verbs {
  'talosctl.clientVersion': Record<never, never>
  'talosctl.version': { node: string }
  'talosctl.members': { node?: string }
  'talosctl.infos': { node?: string }
  'talosctl.kernelParams': { nodes: string[] }
  'talosctl.list': { nodes: string[]; path: string }
  /** The configuration itself, as text: secret. */
  'talosctl.machineConfig': { node: string }
  'talosctl.etcdMembers': { node: string }
  'talosctl.etcdStatus': { nodes: string[] }
  'talosctl.staticPods': { nodes: string[] }
  /** Writes the whole database to `path`, which is only there when all of it came: secret. */
  'talosctl.snapshot': { node: string; path: string }
  /** A new secrets bundle, on standard output: secret. */
  'talosctl.newBundle': Record<never, never>
  /** The bundle of a cluster that runs, out of the configuration of a control plane: secret. */
  'talosctl.bundleFrom': { config: string }
  /** `about` says which complaints are wanted. */
  'talosctl.controllerLog': { node: string; about: 'sysctl' | 'api-server' }
  /** What the machine itself was told to do, from its start on as far as it still knows. */
  'talosctl.machineLog': { node: string }
  /** Of the static pod of this name on the node of that name. */
  'talosctl.podLog': { node: string; pod: string; container: string }
  /** Both configurations, the active and the persistent one: secret. */
  'talosctl.configs': { nodes: string[] }
  'talosctl.sockets': { nodes: string[] }
  'talosctl.firewallChains': { nodes: string[] }
  'talosctl.admission': { nodes: string[] }
  'talosctl.auditPolicy': { nodes: string[] }
  'talosctl.networks': { nodes: string[] }
  'talosctl.operators': { nodes: string[] }
  /** The same as a patch, and it goes back by itself. */
  'talosctl.try': { node: string; patches: Json[]; seconds: number }
  'talosctl.patch': { node: string; patches: Json[]; dryRun: boolean }
  /** Merges patches into a configuration file, which must lie in memory, without a node. */
  'talosctl.merge': { config: string; patches: Json[] }
  'age.version': Record<never, never>
  'age.encrypt': { recipients: string[] }
  'age.decrypt': { identity: string }
  'age.keygen': Record<never, never>
  'age.recipientOf': { identity: string }
  /** Seals an identity on standard input with a passphrase that age asks for on the terminal. */
  'age.protect': { output: string }
  'git.root': { folder: string }
  'git.tracked': { folder: string }
  'git.ignored': { folder: string; paths: string[] }
  'git.objects': { folder: string }
  'git.contents': { folder: string }
  'git.whoBrought': { folder: string; object: string }
  'kubectl.clientVersion': Record<never, never>
  'kubectl.serverVersion': Record<never, never>
  'kubectl.nodes': Record<never, never>
  'kubectl.bindings': Record<never, never>
  'kubectl.metrics': Record<never, never>
  'kubectl.controlPlanePods': Record<never, never>
  /** Of the API server at this address, whatever the kubeconfig names. */
  'kubectl.readyz': { address: string }
  'kubectl.leases': Record<never, never>
  'kubectl.namespaces': Record<never, never>
  'kubectl.pods': Record<never, never>
  'kubectl.services': Record<never, never>
  'kubectl.workloads': Record<never, never>
  'kubectl.policies': Record<never, never>
  /** What a stricter level would say of what runs now; nothing is labelled. */
  'kubectl.previewLevel': { level: string; namespaces: string[] }
  /** Whether a privileged pod would be let in; none is made. */
  'kubectl.privilegedPod': { namespace: string }
  /** Server-side apply with our field manager; a conflict is never forced. */
  'kubectl.apply': { manifests: Json[]; dryRun: boolean }
  /** With everything in it; waits until it is gone. */
  'kubectl.deleteNamespace': { name: string }
  /** What a kubelet runs with, asked through the API server. */
  'kubectl.kubeletConfig': { node: string }
  'kubectl.probePods': Record<never, never>
  'kubectl.deletePolicies': { namespace: string; names: string[]; dryRun: boolean }
}

export type VerbName = keyof Verbs

/** A call as plain data, checked against the arguments that its verb takes. */
export function call<V extends VerbName>(verb: V, args: Verbs[V]): Call {
  return { verb, args: args as Call['args'] }
}
