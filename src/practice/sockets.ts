import { PODS, SCRAPER, TALKS } from './cluster.ts'
import { OPERATOR } from './reach.ts'
import { isNew, type PracticeNode } from './state.ts'

/** What `talosctl netstat` shows of a simulated node: a row for each socket. */

/** Connections that the program itself holds open, by the address of the node. */
export type HeldOpen = ReadonlyMap<string, number>

type Row = [protocol: string, local: string, peer: string, state: string, program: string, pod: string]

const podOf = (name: string) => {
  const found = PODS.find((p) => p.name === name)
  if (!found) throw new Error(`no pod ${name}`)
  return found
}

function talks(node: PracticeNode): Row[] {
  return TALKS.flatMap(([from, to], i): Row[] => {
    const [client, server] = [podOf(from), podOf(to)]
    const port = 41000 + i
    return [
      ...(client.node === node.name
        ? [
            [
              'tcp',
              `${client.address}:${port}`,
              `${server.address}:${server.port}`,
              'ESTABLISHED',
              '-',
              `${client.namespace}/${client.name}`,
            ] as Row,
          ]
        : []),
      ...(server.node === node.name
        ? [
            [
              'tcp',
              `${server.address}:${server.port}`,
              `${client.address}:${port}`,
              'ESTABLISHED',
              '-',
              `${server.namespace}/${server.name}`,
            ] as Row,
          ]
        : []),
    ]
  })
}

function rowsOf(node: PracticeNode, held: number): Row[] {
  const isPlane = node.type === 'controlplane'
  const listens = (port: number, program: string): Row => ['tcp6', `:::${port}`, ':::*', 'LISTEN', program, '-']
  const connected = (port: number, peer: string, program: string): Row => [
    'tcp6',
    `${node.address}:${port}`,
    peer,
    'ESTABLISHED',
    program,
    '-',
  ]
  const own = PODS.filter((p) => p.node === node.name && p.address !== 'node')
  return [
    ['tcp', '127.0.0.1:7445', '0.0.0.0:*', 'LISTEN', '1/init', '-'],
    ['tcp', '127.0.0.1:10248', '0.0.0.0:*', 'LISTEN', '315/kubelet', '-'],
    listens(50000, '185/apid'),
    listens(10250, '315/kubelet'),
    listens(9100, '610/node_exporter'),
    connected(9100, `${SCRAPER}:51532`, '610/node_exporter'),
    ...(isPlane
      ? [
          listens(50001, '190/trustd'),
          listens(6443, '540/kube-apiserver'),
          listens(2379, '402/etcd'),
          listens(2380, '402/etcd'),
          ...(isNew(node) ? [listens(2383, '402/etcd')] : []),
        ]
      : []),
    ...Array.from({ length: held }, (_, i) => connected(50000, `${OPERATOR}:${52000 + i}`, '185/apid')),
    ['udp', '0.0.0.0:4789', '0.0.0.0:*', '', '-', '-'],
    ...own.map((p): Row => ['tcp6', `:::${p.port}`, ':::*', 'LISTEN', '-', `${p.namespace}/${p.name}`]),
    ...talks(node),
  ]
}

export const netstatHead = ['NODE', 'Proto', 'Recv-Q', 'Send-Q', 'Local Address', 'Foreign Address', 'State', 'PID/Program name', 'Pod']

export const netstat = (nodes: readonly PracticeNode[], held: HeldOpen): string[][] =>
  nodes.flatMap((node) =>
    rowsOf(node, held.get(node.address) ?? 0).map(([protocol, local, peer, state, program, pod]) => [
      node.address,
      protocol,
      '0',
      '0',
      local,
      peer,
      state,
      program,
      pod,
    ]),
  )
