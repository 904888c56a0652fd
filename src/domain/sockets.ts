import { observable, type Sighting } from '../contract.ts'

/** What listens on a node, and who is connected, as `talosctl netstat` shows it. */
export interface Socket {
  protocol: 'tcp' | 'udp'
  local: { address: string; port: number }
  /** Absent for one that listens. */
  peer?: { address: string; port: number }
  /** `LISTEN`, `ESTABLISHED`, ...; empty for udp. */
  state: string
  /** `kubelet`; absent where the node does not say. */
  program?: string
  /** `namespace/name` of the pod whose socket it is; absent for sockets of the node itself. */
  pod?: string
}

/** Members whose sockets nobody looked at, because other nodes were named. */
export const notAsked = <T extends { name: string }>(members: readonly T[], seen: readonly Sighting<Socket[]>[]): T[] =>
  members.filter((m) => !seen.some(({ object }) => object.name === m.name))
/** What would let them be looked at. */
export const ASK_ALL = 'leave out --nodes, and "nodes" in preflight.yaml, for this step'

export const sockets = observable<Socket[]>({ name: 'sockets', scope: 'node', title: 'sockets of the node and of its pods' })

/** This machine as a node sees it. */
export interface OperatorSeen {
  /** Its Talos API can be reached from here without another node in between. */
  reaches: boolean
  /** From which addresses; several where that is not clear. */
  addresses: string[]
}

export const operatorSeen = observable<OperatorSeen>({ name: 'operatorSeen', scope: 'node', title: 'this machine, as nodes see it' })
