import type { Observable } from '../contract.ts'
import { levelPreviews, privilegedAnswer } from './admission-preview.ts'
import { apiServerReady, controlPlanePods, leases, wantedPods } from './api-server.ts'
import { enforcementProbe, enforcementProofs } from './enforcement-probe.ts'
import {
  addressOperators,
  admission,
  auditPolicy,
  clusterNetworks,
  configVersions,
  firewallChain,
  hardeningConfig,
} from './hardening-config.ts'
import { anonymousBindings, apiServerPod, namespaces, networkPolicies, pods, services, storageWrites, workloads } from './kubernetes.ts'
import {
  clusterInfo,
  configOwner,
  etcdMembers,
  etcdStatus,
  freshApi,
  kernelKeys,
  kernelParams,
  members,
  nodeVersion,
  secretsScan,
  sysctlConfig,
  talosContexts,
} from './observations.ts'
import {
  backupOpenings,
  bundleOpenings,
  checkedSnapshot,
  openedBackup,
  openedBundle,
  openingIdentity,
  sealedFiles,
  snapshotProofs,
} from './sealed.ts'
import { operatorSeen, sockets } from './sockets.ts'
import { anonymousAnswers, clockOffset, kubeletAccess, wire } from './wire.ts'

const ALL = [
  members,
  clusterInfo,
  talosContexts,
  secretsScan,
  configOwner,
  kernelParams,
  kernelKeys,
  sysctlConfig,
  nodeVersion,
  freshApi,
  etcdMembers,
  etcdStatus,
  wire,
  anonymousAnswers,
  kubeletAccess,
  clockOffset,
  apiServerPod,
  anonymousBindings,
  storageWrites,
  sealedFiles,
  openingIdentity,
  checkedSnapshot,
  snapshotProofs,
  openedBackup,
  backupOpenings,
  openedBundle,
  bundleOpenings,
  namespaces,
  pods,
  services,
  workloads,
  networkPolicies,
  enforcementProbe,
  enforcementProofs,
  levelPreviews,
  privilegedAnswer,
  leases,
  controlPlanePods,
  apiServerReady,
  wantedPods,
  hardeningConfig,
  configVersions,
  firewallChain,
  sockets,
  operatorSeen,
  addressOperators,
  admission,
  auditPolicy,
  clusterNetworks,
]

/** Every observation by name, for conditions and for evidence that is read back. */
// biome-ignore lint/suspicious/noExplicitAny: the type of a value is known by the name alone
export const OBSERVATIONS: Record<string, Observable<any>> = Object.fromEntries(ALL.map((o) => [o.name, o]))
