import { type Document, parseAllDocuments } from 'yaml'
import { plainLine } from '../contract.ts'
import type { EtcdHealth, EtcdMember, Member } from '../domain/observations.ts'
import type { KernelParams, SysctlConfig } from '../domain/sysctl.ts'
import { asMap, asText, type Raw } from './raw.ts'

/**
 * Parsers of what talosctl prints. Each is fed recordings of real runs. Output of a node is not trusted: what is kept is bounded
 * and cleaned of control characters.
 */

export interface CosiObject {
  node: string
  id: string
  /** Grows with every change of the object. */
  version: string
  spec: unknown
}

/**
 * The objects of `get TYPE -o json`: indented objects one after the other, neither an array nor lines.
 * Ids pass through YAML, so that `123` arrives as a number. A piece that does not parse is left out.
 */
export function cosiObjects(stdout: string): CosiObject[] {
  const objects: CosiObject[] = []
  for (const piece of stdout.split(/^\}$/m)) {
    if (!piece.trim()) continue
    let value: { node?: unknown; metadata?: { id?: unknown; version?: unknown }; spec?: unknown }
    try {
      value = JSON.parse(`${piece}}`)
    } catch {
      continue
    }
    if (typeof value.node !== 'string') continue
    objects.push({
      node: value.node,
      id: String(value.metadata?.id ?? ''),
      version: String(value.metadata?.version ?? ''),
      spec: value.spec,
    })
  }
  return objects
}

/** Objects by the node that gave them. */
export const bySpec = (stdout: string): Map<string, CosiObject[]> => Map.groupBy(cosiObjects(stdout), (o) => o.node)
/** Only those of which something was made. */
export const present = <T>(map: Map<string, T | undefined>): Map<string, T> =>
  new Map([...map].filter((entry): entry is [string, T] => entry[1] !== undefined))
export const mapped = <A, B>(map: Map<string, A>, f: (a: A) => B): Map<string, B> => new Map([...map].map(([k, v]) => [k, f(v)]))

/** A node names files of ours, so nothing in its name may lead to another folder. */
const asName = (text: string): string => text.replace(/[^\p{L}\p{N}._-]/gu, '-')

export function parseMembers(objects: readonly CosiObject[]): Member[] {
  const members = new Map<string, Member>()
  for (const object of objects) {
    const spec = asMap(object.spec)
    const addresses = Array.isArray(spec.addresses) ? spec.addresses.map((a) => asText(a)).filter(Boolean) : []
    // the id is the name that Kubernetes has for the node; the hostname may have a domain behind it
    const name = asName(plainLine(object.id, 200) || asText(spec.hostname))
    const address = addresses[0]
    const port = Number(asMap(spec.controlPlane).port) || 0
    if (!address || !name) continue
    members.set(name, {
      name,
      address,
      addresses,
      type: spec.machineType === 'worker' ? 'worker' : 'controlplane',
      version: /\(?(v\d+\.\d+\.\d+[^)\s]*)\)?/.exec(asText(spec.operatingSystem))?.[1] ?? '',
      ...(port ? { apiPort: port } : {}),
    })
  }
  return [...members.values()]
}

const PARAM_PREFIX = 'proc.sys.'

export function parseKernelParams(objects: readonly CosiObject[]): KernelParams {
  const params: KernelParams = {}
  for (const { id, spec } of objects) {
    if (!id.startsWith(PARAM_PREFIX)) continue
    const { current, unsupported } = asMap(spec)
    params[plainLine(id.slice(PARAM_PREFIX.length), 200)] = {
      current: plainLine(String(current ?? ''), 200),
      unsupported: unsupported === true,
    }
  }
  return params
}

/** The value of a document; nothing for one whose aliases lead nowhere or multiply. */
export function plainValue(doc: Document): unknown {
  try {
    return doc.toJS({ maxAliasCount: 100 })
  } catch {
    return undefined
  }
}

/** The documents of a machine configuration as plain values. Reading one is slow, so whoever wants several things of it reads it once. */
export const configDocuments = (config: string): Raw[] =>
  parseAllDocuments(config).flatMap((doc) => ('contents' in doc ? [asMap(plainValue(doc))] : []))

/** What a machine configuration says of kernel parameters; everything else of it is dropped here. */
export function parseSysctlConfig(config: string): SysctlConfig {
  const found: SysctlConfig = {}
  for (const value of configDocuments(config)) {
    const values = (map: unknown) =>
      Object.fromEntries(Object.entries(asMap(map)).map(([k, v]) => [plainLine(k, 200), plainLine(String(v), 200)]))
    if (value.kind === 'SysctlConfig') found.document = values(value.params)
    const machine = asMap(value.machine)
    if (!value.kind && 'sysctls' in machine) found.machine = values(machine.sysctls)
  }
  return found
}

/** Rows of a tabwriter table by column. A cell stands below its head, so that an empty one moves no other. */
export function rows(stdout: string): Record<string, string>[] {
  const [head, ...lines] = stdout.split('\n').filter((l) => l.trim() !== '')
  const columns = [...(head ?? '').matchAll(/\S+(?: \S+)*/g)].map((m) => ({ name: m[0], at: m.index }))
  return lines.map((line) =>
    Object.fromEntries(columns.map(({ name, at }, i) => [name, line.slice(at, columns[i + 1]?.at ?? line.length).trim()])),
  )
}

export function parseEtcdMembers(stdout: string): EtcdMember[] {
  return rows(stdout)
    .filter((r) => /^[0-9a-f]{1,16}$/.test(r.ID ?? ''))
    .map((r) => ({ id: r.ID ?? '', hostname: plainLine(r.HOSTNAME ?? '', 100), learner: r.LEARNER === 'true' }))
}

/** `12 MB` in bytes; talosctl gives SI prefixes, rounded. */
function bytesIn(text: string): number {
  const found = /^([\d.]+) ?([kMGT]?)B$/.exec(text)
  return found ? Math.round(Number(found[1]) * 1000 ** ' kMGT'.indexOf(found[2] || ' ')) : 0
}

/** One row a member. A member without a leader says so in ERRORS, and the command ends well all the same. */
export function parseEtcdStatus(stdout: string): Omit<EtcdHealth, 'address'>[] {
  return rows(stdout)
    .filter((r) => /^[0-9a-f]{1,16}$/.test(r.MEMBER ?? ''))
    .map((r) => ({
      member: r.MEMBER ?? '',
      databaseBytes: bytesIn(r['DB SIZE'] ?? ''),
      leader: r.LEADER ?? '',
      learner: r.LEARNER === 'true',
      version: plainLine(r.PROTOCOL ?? '', 40),
      errors: plainLine(r.ERRORS ?? '', 200),
    }))
}

/** Names in a folder by node. With one node 1.14 prints bare names, otherwise there is a column NODE. */
export function parseList(stdout: string, nodes: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const add = (node: string, name: string) => {
    if (name === '.') return
    const names = found.get(node)
    if (names) names.push(plainLine(name, 200))
    else found.set(node, [plainLine(name, 200)])
  }
  const lines = stdout.split('\n').filter((l) => l.trim() !== '')
  if (/^NODE\s+NAME\s*$/.test(lines[0] ?? '')) {
    for (const line of lines.slice(1)) {
      const [node, name] = line.split(/ {2,}/)
      if (node && name) add(node.trim(), name.trim())
    }
  } else if (nodes.length === 1 && nodes[0]) {
    for (const line of lines) add(nodes[0], line.trim())
  }
  return found
}

export function parseVersion(stdout: string): string | undefined {
  const server = stdout.slice(Math.max(0, stdout.indexOf('Server:')))
  return /^\s*Tag:\s*(v\S+)/m.exec(server)?.[1]
}

/** The last thing that a controller complained of, as one line; empty where it did not. */
export function lastControllerError(log: string, controller: RegExp): string {
  const line = log.split('\n').findLast((l) => controller.test(l) && l.includes('"error"'))
  const text = /"error": ("(?:[^"\\]|\\.)*")/.exec(line ?? '')?.[1]
  if (!text) return ''
  try {
    return plainLine(
      String(JSON.parse(text))
        .replace(/^\d+ errors? occurred:\s*/, '')
        .replace(/\*/g, ''),
      200,
    )
  } catch {
    return ''
  }
}

/** Whether a text is a machine configuration at all. */
export const isMachineConfig = (text: string): boolean =>
  /^machine:/m.test(text) && /^[ \t]+type:[ \t]*"?(controlplane|worker|init)/m.test(text)

/** The configurations of a node as text: secret. */
export interface ConfigTexts {
  active: string
  /** What the node would start with. A node that was not written since it started does not show it. */
  persistent?: string
  /** Of their objects; a configuration that is not shown has none. */
  versions: { active: string; persistent: string }
}

/** The configurations that `talosctl get machineconfigs` shows of one node; undefined where the active one is missing, or one is none. */
export function configTexts(objects: readonly CosiObject[]): ConfigTexts | undefined {
  const objectOf = (id: string) => objects.find((o) => o.id === id)
  const isConfig = (object: CosiObject) => typeof object.spec === 'string' && isMachineConfig(object.spec)
  const [active, persistent] = [objectOf('v1alpha1'), objectOf('persistent')]
  if (!active || !isConfig(active) || (persistent && !isConfig(persistent))) return undefined
  return {
    active: String(active.spec),
    ...(persistent ? { persistent: String(persistent.spec) } : {}),
    versions: { active: active.version, persistent: persistent?.version ?? 'none' },
  }
}

/** What is active and not kept is tried by somebody, or waits for a restart. */
export const whetherTried = ({ active, persistent }: ConfigTexts): { tried?: true } => (active === persistent ? {} : { tried: true })

/** How often a machine began to try a configuration since it started, and how often it went back, as its own log tells. */
export const triesIn = (log: string): { tries: number; returns: number } => ({
  tries: log.match(/apply config request: mode try$/gm)?.length ?? 0,
  returns: log.match(/rolling back the configuration$/gm)?.length ?? 0,
})

/** The last complaint in the log of a container, as one line; empty where there is none. Lines have the container runtime's own head. */
export function lastPodError(log: string): string {
  const line = log.split('\n').findLast((l) => /"command failed"|\bE\d{4} |panic:|Error:/.test(l))
  const text = line?.replace(/^\S+: \S+ (?:stdout|stderr) [FP] /, '') ?? ''
  return plainLine(text.replace(/^[EWIF]\d{4} [\d:.]+ +\d+ [\w.-]+:\d+\] /, '').replace(/^"command failed" err="?/, ''), 300)
}
