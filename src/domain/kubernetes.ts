import { observable } from '../contract.ts'
import { holdsManifests, type Manifest } from './network-manifests.ts'
import { type NamespaceSeen, type PodSeen, type PolicySeen, readyAsBefore, type ServiceSeen, type WorkloadSeen } from './network-policy.ts'

/** What is looked at in Kubernetes. */

/** The static pod of the API server as Talos wants it. */
export interface ApiServerPod {
  /** `v1.36.3`, from its image. */
  version: string
  /** Its arguments, `--name=value`. No secret is ever among them. */
  arguments: string[]
}

/** A binding to everybody, or to everybody who did not sign in. */
export interface AnonymousBinding {
  /** `ClusterRoleBinding` or `RoleBinding`. */
  kind: string
  /** With its namespace in front where it has one. */
  name: string
  role: string
  subject: 'system:anonymous' | 'system:unauthenticated'
}

/** How often the API server wrote Secrets through a transformer, by prefix; `identity` is plain text. */
export type StorageWrites = Record<string, number>

/** A pod that has not ended. A container may listen on other ports than it names. */
export interface Pod extends PodSeen {
  /** `hostPort`: open on the node itself. */
  ports: (PodSeen['ports'][number] & { hostPort?: number })[]
}

export interface Service extends ServiceSeen {
  ports: (ServiceSeen['ports'][number] & { nodePort?: number })[]
  /** On which every node tells a load balancer whether it has a pod of it. */
  healthCheckNodePort?: number
  /** `externalIPs`, and those that a load balancer gave it. */
  externalAddresses?: string[]
}

/** Without those that are being deleted. */
export const namespaces = observable<NamespaceSeen[]>({ name: 'namespaces', scope: 'cluster', title: 'namespaces' })
export const pods = observable<Pod[]>({ name: 'pods', scope: 'cluster', title: 'pods' })
export const services = observable<Service[]>({ name: 'services', scope: 'cluster', title: 'services' })
export const workloads = observable<WorkloadSeen[]>({
  name: 'workloads',
  scope: 'cluster',
  title: 'workloads',
  predicates: {
    /** args: workloads with how many of their pods were ready. */
    asReady: (now, args) => readyAsBefore(now, args as unknown as Parameters<typeof readyAsBefore>[1]),
  },
})
export const networkPolicies = observable<PolicySeen[]>({
  name: 'networkPolicies',
  scope: 'cluster',
  title: 'network policies',
  predicates: {
    /** args: manifests: the cluster has them as they are. */
    hold: (now, args) => holdsManifests(now, args as unknown as Manifest[]),
    /** args: `{namespace, names}`: none of these is there any more. */
    gone: (now, args) => {
      const { namespace, names } = args as { namespace: string; names: string[] }
      const left = now.filter((p) => p.namespace === namespace && names.includes(p.name)).map((p) => p.name)
      return left.length === 0 || `${namespace} still has ${left.join(', ')}`
    },
  },
})

export const apiServerPod = observable<ApiServerPod | { absent: true }>({
  name: 'apiServerPod',
  scope: 'node',
  title: 'static pod of the API server',
})

export const anonymousBindings = observable<AnonymousBinding[]>({
  name: 'anonymousBindings',
  scope: 'cluster',
  title: 'bindings to everybody',
})

export const storageWrites = observable<StorageWrites>({
  name: 'storageWrites',
  scope: 'cluster',
  title: 'how the API server writes to etcd',
})
