import { firewallQuestions } from '../../src/domain/firewall-answers.ts'
import type { FirewallRule } from '../../src/domain/firewall-config.ts'
import { wantedFlows } from '../../src/domain/firewall-flows.ts'
import type { FirewallInput } from '../../src/domain/firewall-input.ts'
import { rulesByNode } from '../../src/domain/firewall-rules.ts'
import type { Member } from '../../src/domain/observations.ts'
import type { Socket } from '../../src/domain/sockets.ts'

/** A small cluster as INF-02 sees it: three control planes, two workers, flannel, and one operator. */

export const member = (name: string, type: Member['type'], addresses: string[], version = 'v1.13.9'): Member => ({
  name,
  type,
  address: addresses[0] ?? '',
  addresses,
  version,
})

export const MEMBERS: Member[] = [
  member('cp1', 'controlplane', ['10.0.0.11']),
  member('cp2', 'controlplane', ['10.0.0.12']),
  member('cp3', 'controlplane', ['10.0.0.13']),
  member('w1', 'worker', ['10.0.0.21']),
  member('w2', 'worker', ['10.0.0.22']),
]

export const ANSWERS: FirewallInput['answers'] = {
  admins: ['none'],
  loadBalancers: [],
  nodePorts: firewallQuestions.nodePorts.default,
  allow: {},
  cut: {},
  cniPorts: [],
  window: firewallQuestions.window.default,
}

export type Change = Partial<Omit<FirewallInput, 'answers'>> & { answers?: Partial<FirewallInput['answers']> }

export function input({ answers, ...more }: Change = {}): FirewallInput {
  const members = more.members ?? MEMBERS
  return {
    members,
    cni: 'flannel',
    networks: { pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] },
    endpoint: '10.0.0.11',
    vips: [],
    kubespan: false,
    talosApiFromPods: false,
    you: ['192.0.2.10'],
    nodePorts: [],
    hostPorts: [],
    sockets: Object.fromEntries(members.map((m) => [m.name, []])),
    ...more,
    answers: { ...ANSWERS, ...answers },
  }
}

/** The rules of one node. */
export const rulesOn = (name: string, change?: Change): FirewallRule[] =>
  rulesByNode([{ name }], wantedFlows(input(change)).flows).get(name) ?? []

/** Sockets of one node, and of the others none. */
export const socketsOn = (node: string, list: Socket[], members = MEMBERS): Record<string, Socket[]> =>
  Object.fromEntries(members.map((m) => [m.name, m.name === node ? list : []]))

export const listens = (port: number, program = 'exporter', more: Partial<Socket> = {}): Socket => ({
  protocol: 'tcp',
  local: { address: '::', port },
  state: 'LISTEN',
  ...(program ? { program } : {}),
  ...more,
})

export const talks = (from: string, port: number, more: Partial<Socket> = {}): Socket => ({
  protocol: 'tcp',
  local: { address: '::ffff:10.0.0.21', port },
  peer: { address: from, port: 51532 },
  state: 'ESTABLISHED',
  program: 'exporter',
  ...more,
})

/** An address as `formatAddress` writes it, read in another way than by the program. */
export function numberOf(word: string): bigint {
  if (!word.includes(':')) return word.split('.').reduce((n, part) => n * 256n + BigInt(part), 0n)
  const [head = '', tail] = word.split('::')
  const groups = (t: string) => (t === '' ? [] : t.split(':').map((g) => BigInt(`0x${g}`)))
  const [left, right] = [groups(head), groups(tail ?? '')]
  const zeros = Array<bigint>(tail === undefined ? 0 : 8 - left.length - right.length).fill(0n)
  return [...left, ...zeros, ...right].reduce((n, g) => (n << 16n) | g, 0n)
}
