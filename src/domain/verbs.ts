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
  'talosctl.machineConfigs': { nodes: string[] }
  /** The configuration itself, as text: secret. */
  'talosctl.machineConfig': { node: string }
  'talosctl.etcdMembers': { node: string }
  'talosctl.controllerLog': { node: string }
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
}

export type VerbName = keyof Verbs

/** A call as plain data, checked against the arguments that its verb takes. */
export function call<V extends VerbName>(verb: V, args: Verbs[V]): Call {
  return { verb, args: args as Call['args'] }
}
