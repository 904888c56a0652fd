import type { WorkloadSeen } from './network-policy.ts'

/** The network plugin by the name of its DaemonSet. */
const BY_DAEMON_SET: Record<string, string> = {
  'kube-flannel': 'flannel',
  cilium: 'cilium',
  'calico-node': 'calico',
  canal: 'calico',
  'kube-router': 'kube-router',
  'antrea-agent': 'antrea',
  'weave-net': 'weave-net',
}

/** `flannel`, `cilium`, ...; empty where none that we know is there. */
export const cniOf = (workloads: readonly WorkloadSeen[]): string =>
  workloads
    .filter((w) => w.kind === 'DaemonSet')
    .map((w) => BY_DAEMON_SET[w.name])
    .find((name) => name !== undefined) ?? ''
