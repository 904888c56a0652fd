import type { Look } from '../contract.ts'
import type { Probing } from '../domain/enforcement-probe.ts'
import type { Pod, Service } from '../domain/kubernetes.ts'
import type { NamespaceSeen, PolicySeen, WorkloadSeen } from '../domain/network-policy.ts'
import type { VerbName } from '../domain/verbs.ts'
import { evidenceOf, failedLook } from './node-looks.ts'
import { parseNamespaces, parsePods, parsePolicies, parseProbing, parseServices, parseWorkloads } from './parse-kubernetes.ts'
import { hooks, type Taking } from './taking.ts'

/** Looks at what runs in Kubernetes, and who may talk to whom there. */

type Lists = Extract<
  VerbName,
  'kubectl.namespaces' | 'kubectl.pods' | 'kubectl.services' | 'kubectl.workloads' | 'kubectl.policies' | 'kubectl.probePods'
>

async function listOf<T>(verb: Lists, parse: (stdout: string) => T | undefined, { caller, ...taking }: Taking): Promise<Look<T>> {
  const ran = await caller.run(verb, {}, hooks(taking))
  if (!ran.ok) return failedLook(ran)
  const value = parse(ran.stdout.toString('utf8'))
  return value
    ? { ok: true, value, evidence: [evidenceOf(ran)] }
    : { ok: false, reason: 'what came is not what an API server answers', evidence: [evidenceOf(ran)] }
}

export const namespacesLook = (taking: Taking): Promise<Look<NamespaceSeen[]>> => listOf('kubectl.namespaces', parseNamespaces, taking)
export const podsLook = (taking: Taking): Promise<Look<Pod[]>> => listOf('kubectl.pods', parsePods, taking)
export const servicesLook = (taking: Taking): Promise<Look<Service[]>> => listOf('kubectl.services', parseServices, taking)
export const workloadsLook = (taking: Taking): Promise<Look<WorkloadSeen[]>> => listOf('kubectl.workloads', parseWorkloads, taking)
export const policiesLook = (taking: Taking): Promise<Look<PolicySeen[]>> => listOf('kubectl.policies', parsePolicies, taking)
export const probingLook = (taking: Taking): Promise<Look<Probing>> => listOf('kubectl.probePods', parseProbing, taking)
