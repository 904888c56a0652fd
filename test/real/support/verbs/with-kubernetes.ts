import { PODS } from './hardening.ts'
import { KUBECTL } from './kubectl.ts'

/** The tests of all verbs that need a cluster with Kubernetes. */
export const WITH_KUBERNETES = { ...PODS, ...KUBECTL }
