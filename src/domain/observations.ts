import { observable } from '../contract.ts'
import { type KernelKeys, type KernelParams, type SysctlConfig, type SysctlForm, valuesOf } from './sysctl.ts'

/**
 * Observations of nodes, etcd, kernel parameters and this machine, by name, scope and type; `all-observations.ts` has every one. How each
 * is taken and stripped of secrets is bound in `observe/`.
 */

/** Where Talos lets an API server listen that nothing else is said of. */
export const API_PORT = 6443

/** A Talos node as cluster discovery knows it. */
export interface Member {
  /** As Kubernetes calls the node. */
  name: string
  address: string
  addresses: string[]
  type: 'controlplane' | 'worker'
  /** `v1.13.9`, or empty where the member does not say. */
  version: string
  /** Where the API server of a control plane listens; absent where the member does not say. */
  apiPort?: number
}

/** Which cluster answers. */
export interface ClusterInfo {
  id: string
  name: string
}

/** One context of a talosconfig file, without its key. */
export interface TalosContext {
  name: string
  file: string
  /** The file's own `context:`. */
  current: boolean
  endpoints: string[]
  nodes: string[]
  roles: string[]
  /** SHA-256 of the CA certificate in DER, hex; empty where there is none. */
  ca: string
  /** SHA-256 of the client certificate in DER, hex. */
  certificate: string
  notBefore: string
  notAfter: string
  /** Set where the context cannot be used, and why. */
  problem?: string
  /** It signs in through a service that manages the machines, which has no certificates to judge. */
  managedBy?: 'Omni'
  /** Whether the CA of this context is the one of the cluster we look at; undefined where that is not known. */
  ofThisCluster?: boolean
}

/** A place where a plaintext secret was found. Never holds any of its content. */
export interface SecretPlace {
  path: string
  kind: 'secrets bundle' | 'machine config' | 'talosconfig' | 'kubeconfig' | 'age identity' | 'private key' | 'etcd snapshot'
  /** What whoever reads it can do. */
  gives: string
  where: 'workspace' | 'git history' | 'usual place'
  /** File mode bits; absent for history. */
  mode?: number
  /** The file git holds, or would hold. */
  inGit: boolean
  /** A tool looks for this credential here by itself. */
  atDefaultPlace: boolean
  /** The commit that brought it, for history. */
  commit?: string
}

export interface SecretsScan {
  places: SecretPlace[]
  files: number
  bytes: number
  /** Versions of files in git history that were read. */
  versions: number
  /** Everything that was not looked at, in a sentence each. */
  leftOut: string[]
  /** What the profile told us to leave out. */
  excluded: string[]
}

export interface EtcdMember {
  id: string
  hostname: string
  learner: boolean
}

/** What one etcd member says of itself. */
export interface EtcdHealth {
  /** Of the node. */
  address: string
  /** Its id, hex. */
  member: string
  /** About; rounded by the tool. */
  databaseBytes: number
  /** Id of the leader it follows; zeroes where there is none. */
  leader: string
  learner: boolean
  version: string
  /** Empty where it has none. */
  errors: string
}

/** The same of a node that did not say anything, and why. */
export type EtcdStatus = EtcdHealth | { address: string; problem: string }

/** Signs that another tool owns the machine configuration. */
export interface ConfigOwner {
  tool: string
  sign: string
}

export const members = observable<Member[]>({ name: 'members', scope: 'cluster', title: 'members of the cluster' })

export const clusterInfo = observable<ClusterInfo>({ name: 'clusterInfo', scope: 'cluster', title: 'identity of the cluster' })

export const talosContexts = observable<TalosContext[]>({
  name: 'talosContexts',
  scope: 'workstation',
  title: 'talosconfig files on this machine',
})

export const secretsScan = observable<SecretsScan>({
  name: 'secretsScan',
  scope: 'workstation',
  title: 'plaintext secrets in files and git history',
})

export const configOwner = observable<ConfigOwner[]>({
  name: 'configOwner',
  scope: 'workstation',
  title: 'who owns the machine configuration',
})

export const kernelParams = observable<KernelParams>({
  name: 'kernelParams',
  scope: 'node',
  title: 'kernel parameters in effect',
  predicates: {
    /** args: `{key: value}` that must be in effect. */
    inEffect: (params, args) => {
      const off = Object.entries(args as Record<string, string>).filter(([key, value]) => params[key]?.current !== value)
      return (
        off.length === 0 ||
        `not in effect yet: ${off.map(([key]) => `${key} is ${params[key]?.current ?? 'left to the kernel'}`).join(', ')}`
      )
    },
    /** args: `{key: value}` that nobody must hold any more at that value. */
    notHeld: (params, args) => {
      const still = Object.entries(args as Record<string, string>).filter(([key, value]) => params[key]?.current === value)
      return still.length === 0 || `still in effect: ${still.map(([key]) => key).join(', ')}`
    },
  },
})

export const kernelKeys = observable<KernelKeys>({ name: 'kernelKeys', scope: 'node', title: 'keys that the kernel has' })

export const sysctlConfig = observable<SysctlConfig>({
  name: 'sysctlConfig',
  scope: 'node',
  title: 'kernel parameters in the machine config',
  predicates: {
    /** args: `{form, params}`: the configuration holds these values in this form. */
    holds: (config, args) => {
      const { form, params } = args as { form: SysctlForm; params: Record<string, string> }
      const have = valuesOf(config, form)
      const off = Object.entries(params).filter(([key, value]) => have[key] !== value)
      return off.length === 0 || `the machine config does not hold ${off.map(([key]) => key).join(', ')}`
    },
    /** args: `[{form, absent: [key], params}]`: the keys are gone and the earlier values are back. */
    restored: (config, args) => {
      const off = (args as { form: SysctlForm; absent: string[]; params: Record<string, string> }[]).flatMap(({ form, absent, params }) => {
        const have = valuesOf(config, form)
        return [...absent.filter((key) => Object.hasOwn(have, key)), ...Object.keys(params).filter((key) => have[key] !== params[key])]
      })
      return off.length === 0 || `the machine config still differs in ${off.join(', ')}`
    },
  },
})

export const nodeVersion = observable<{ version: string }>({
  name: 'nodeVersion',
  scope: 'node',
  title: 'Talos API of the node',
  predicates: { answers: () => true },
})

/** The Talos API of a node over a connection that did not exist before, through a control plane where it is not one itself. */
export const freshApi = observable<{ version: string }>({
  name: 'freshApi',
  scope: 'node',
  title: 'Talos API of the node, on a new connection',
  predicates: { answers: () => true },
})

export const etcdMembers = observable<EtcdMember[]>({
  name: 'etcdMembers',
  scope: 'cluster',
  title: 'etcd members',
  predicates: {
    /** args: `[id]`: the same voting members as before. */
    sameMembers: (now, args) => {
      const before = (args as string[]).toSorted().join(' ')
      const after = now
        .filter((m) => !m.learner)
        .map((m) => m.id)
        .toSorted()
        .join(' ')
      return before === after || `etcd has ${now.length} members, not the same as before`
    },
  },
})

export const etcdStatus = observable<EtcdStatus[]>({ name: 'etcdStatus', scope: 'cluster', title: 'state of etcd' })
