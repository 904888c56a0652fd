import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import type { FirewallConfig, FirewallRule } from '../../../src/domain/firewall-config.ts'
import type { RealCluster, RealNode } from './cluster.ts'
import { initOf } from './inside.ts'
import { talosctl } from './nodes.ts'

/** A node with two families and an address among the pods, and a machine on its bridge that has many addresses. */

const CHILD = fileURLToPath(new URL('../children/flows.ts', import.meta.url))

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export interface Tried {
  protocol: 'tcp' | 'udp'
  from: string
  to: string
  port: number
}

/** A process inside a network namespace. */
class Inside {
  #child: ChildProcess
  #waiting = new Map<number, { resolve: (open: boolean) => void; reject: (error: Error) => void }>()
  #ids = 0
  readonly ready: Promise<void>

  constructor(enter: string[], ports: readonly number[]) {
    const [file = '', ...args] = [...enter, process.execPath, CHILD, ...ports.map(String)]
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('exit', (code) => reject(new Error(`the process inside the namespace ended with ${code}`)))
      lines.on('line', (line) => (line === '"ready"' ? resolve() : this.#told(JSON.parse(line))))
    })
  }

  #told({ id, open, error }: { id: number; open?: boolean; error?: string }): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (open === undefined) waiting?.reject(new Error(error))
    else waiting?.resolve(open)
  }

  /** Whether something came back in time. */
  open(flow: Tried, within = 400): Promise<boolean> {
    const id = this.#ids++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#child.stdin?.write(`${JSON.stringify({ id, ...flow, within })}\n`)
    })
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.ready.catch(() => undefined)
    this.#child.stdin?.end()
    await ended
  }
}

export const ruleDocument = ({ name, protocol, ports, ingress }: FirewallRule): object => ({
  apiVersion: 'v1alpha1',
  kind: 'NetworkRuleConfig',
  name,
  portSelector: { ports: ports.map((p) => (p.includes('-') ? p : Number(p))), protocol },
  ingress,
})

export class FirewallLab {
  readonly cluster: RealCluster
  readonly node: RealNode
  readonly #first: string
  readonly #space: string
  readonly #link: string
  readonly six: string
  /** The node's addresses: its own, and the one inside the pod networks. */
  readonly own: string[]
  readonly pod = '10.244.101.1'
  /** Addresses of the machine outside, by family. */
  readonly outside: { 4: string[]; 6: string[] }
  client!: Inside
  inner!: Inside

  constructor(cluster: RealCluster, node: RealNode, first: string) {
    this.cluster = cluster
    this.node = node
    this.#first = first
    this.#space = `tp-${cluster.name}-fw`
    this.#link = `${cluster.name}-fw`
    this.six = `fd00:${cluster.net.split('.')[1]}:`
    this.own = [node.address, `${this.six}:101`]
    const { net } = cluster
    this.outside = {
      4: [200, 201, 202, 203, 216, 217]
        .map((n) => `${net}.${n}`)
        .concat('192.0.2.1', '192.0.2.2', '192.0.2.9', '198.51.100.7', '10.244.9.9', '10.96.0.9'),
      6: [`${this.six}:200`, `${this.six}:201`, `${this.six}:2ff`, '2001:db8::1', '2001:db8::2', '2001:db8:1::1'],
    }
  }

  /** Enters the namespace of the node, for what Talos does not manage. */
  get #enter(): string[] {
    return ['nsenter', '-t', initOf(this.node), '-n']
  }

  #onNode(...args: string[]): void {
    const [file = '', ...enter] = this.#enter
    execFileSync(file, [...enter, 'ip', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  }

  async start(ports: readonly number[]): Promise<void> {
    const { cluster, node, six, pod } = this
    const gate = [`${cluster.net}.200`, `${six}:200`] as const
    ip('netns', 'add', this.#space)
    ip('link', 'add', this.#link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.#space)
    ip('link', 'set', this.#link, 'master', `tp-${cluster.name}`, 'up')
    ip('-n', this.#space, 'link', 'set', 'eth0', 'up')
    for (const a of this.outside[4]) ip('-n', this.#space, 'addr', 'add', `${a}/${a.startsWith(cluster.net) ? 24 : 32}`, 'dev', 'eth0')
    for (const a of this.outside[6]) ip('-n', this.#space, 'addr', 'add', `${a}/${a.startsWith(six) ? 64 : 128}`, 'dev', 'eth0', 'nodad')
    ip('-n', this.#space, 'route', 'add', `${pod}/32`, 'via', node.address)
    this.#onNode('addr', 'add', `${six}:101/64`, 'dev', 'eth0', 'nodad')
    this.#onNode('addr', 'add', `${pod}/32`, 'dev', 'eth0')
    for (const net of ['192.0.2.0/24', '198.51.100.0/24', '10.244.9.0/24', '10.96.0.9/32'])
      this.#onNode('route', 'add', net, 'via', gate[0])
    this.#onNode('-6', 'route', 'add', '2001:db8::/32', 'via', gate[1])
    this.#introduce()
    this.client = new Inside(['ip', 'netns', 'exec', this.#space], [])
    this.inner = new Inside(this.#enter, ports)
    await Promise.all([this.client.ready, this.inner.ready])
  }

  /** Both know the other's hardware address: asking for it is ICMP of IPv6, of which a node that blocks takes five a second. */
  #introduce(): void {
    const macOf = (text: string): string => /link\/ether ([0-9a-f:]+)/.exec(text)?.[1] ?? ''
    const client = macOf(ip('-n', this.#space, 'link', 'show', 'eth0'))
    const node = macOf(execFileSync('nsenter', ['-t', initOf(this.node), '-n', 'ip', 'link', 'show', 'eth0'], { encoding: 'utf8' }))
    const near = (a: string) => a.startsWith(this.cluster.net) || a.startsWith(this.six)
    for (const a of [...this.outside[4], ...this.outside[6]].filter(near))
      this.#onNode('neigh', 'replace', a, 'lladdr', client, 'nud', 'permanent', 'dev', 'eth0')
    for (const a of this.own) ip('-n', this.#space, 'neigh', 'replace', a, 'lladdr', node, 'nud', 'permanent', 'dev', 'eth0')
  }

  /** The first configuration of the node with this firewall, in place of the one before. */
  apply({ ingress, rules }: FirewallConfig): void {
    const action = ingress ? [{ apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress }] : []
    const documents = [...action, ...rules.map(ruleDocument)].map((d) => stringify(d))
    const file = join(dirname(this.node.config), `firewall-${this.node.name}.yaml`)
    writeFileSync(file, [this.#first.trimEnd(), ...documents].join('\n---\n'), { mode: 0o600 })
    const told = talosctl(this.cluster, '--nodes', this.node.address, 'apply-config', '--file', file, '--mode', 'no-reboot')
    if (told.code !== 0) throw new Error(`applying a firewall ended with ${told.code}: ${told.stderr}`)
  }

  async end(): Promise<void> {
    await Promise.all([this.client?.end(), this.inner?.end()])
    const calm = (work: () => void) => {
      try {
        work()
      } catch {
        // it was not there
      }
    }
    for (const net of ['192.0.2.0/24', '198.51.100.0/24', '10.244.9.0/24', '10.96.0.9/32']) calm(() => this.#onNode('route', 'del', net))
    calm(() => this.#onNode('-6', 'route', 'del', '2001:db8::/32'))
    for (const a of [...this.outside[4], ...this.outside[6]]) calm(() => this.#onNode('neigh', 'del', a, 'dev', 'eth0'))
    calm(() => this.#onNode('addr', 'del', `${this.pod}/32`, 'dev', 'eth0'))
    calm(() => this.#onNode('addr', 'del', `${this.six}:101/64`, 'dev', 'eth0'))
    calm(() => ip('netns', 'del', this.#space))
    calm(() => ip('link', 'del', this.#link))
  }
}
