import type { Question } from '../contract.ts'
import { covers, formatCidr, parseNetwork } from './cidr.ts'

/**
 * What a namespace allows beside its default deny, one rule a line, as a person edits it:
 *
 *   in app=web 8080/tcp from ns=ingress
 *   out app=web 5432/tcp to app=db
 *   out * 443/tcp+8443/tcp to ip=203.0.113.0/24!203.0.113.7/32
 *
 * DIRECTION PODS PORTS from|to PEER...; `*` is every pod of the namespace and `any` every port or everybody.
 */

export type RulePort = { port: number | string; endPort: number; protocol: 'tcp' | 'udp' | 'sctp' }

export type RulePeer =
  | { kind: 'any' }
  /** Of one namespace: of this one where it is empty, and of every one where it is `*`. Without labels all pods of it. */
  | { kind: 'pods'; namespace: string; labels: Record<string, string> }
  | { kind: 'ip'; cidr: string; except: string[] }

export type AllowRule = {
  direction: 'in' | 'out'
  /** Empty: every pod of the namespace. */
  pods: Record<string, string>
  /** Empty: every port. */
  ports: RulePort[]
  peers: RulePeer[]
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const KEY = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9](?:-?[a-z0-9])*$/

type Read<T> = { value: T } | { error: string }
const isError = <T>(read: Read<T>): read is { error: string } => 'error' in read

function labelsFrom(text: string): Read<Record<string, string>> {
  const value: Record<string, string> = {}
  for (const pair of text.split('+')) {
    const at = pair.indexOf('=')
    const [k, v] = [pair.slice(0, at), pair.slice(at + 1)]
    if (at < 1 || !KEY.test(k) || !VALUE.test(v)) return { error: `"${pair}" is no label such as app=web` }
    if (Object.hasOwn(value, k)) return { error: `"${k}" is given twice` }
    value[k] = v
  }
  return { value }
}

const podsFrom = (text: string): Read<Record<string, string>> => (text === '*' ? { value: {} } : labelsFrom(text))

function portFrom(text: string): Read<RulePort> {
  const [what = '', protocol, ...rest] = text.split('/')
  if (rest.length > 0 || (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp'))
    return { error: `"${text}" is no port such as 8080/tcp, 8000-8010/tcp or http/tcp` }
  if (PORT_NAME.test(what)) return { value: { port: what, endPort: 0, protocol } }
  const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(what) ?? []
  const [port, endPort] = [Number(from), Number(to)]
  if (!from || port < 1 || endPort < port || endPort > 65535)
    return { error: `"${what}" is no port from 1 to 65535, no range of them and no name of one` }
  return { value: { port, endPort: endPort > port ? endPort : 0, protocol } }
}

function networksFrom(text: string): Read<RulePeer> {
  const networks = allOf(text.split('!'), parseNetwork)
  if (isError(networks)) return networks
  const [whole, ...except] = networks.value
  const outside = whole && except.find((e) => !covers(whole, e) || e.bits === whole.bits)
  if (!whole || outside)
    return { error: `"${outside ? formatCidr(outside) : text}" does not lie inside "${whole ? formatCidr(whole) : ''}"` }
  return { value: { kind: 'ip', cidr: formatCidr(whole), except: except.map(formatCidr) } }
}

/** `any`, `cluster`, `ns=NAME`, `ns=NAME/LABELS`, where NAME may be a star, `LABELS` or `./LABELS` of this namespace, `ip=NETWORK!EXCEPT`. */
function peerFrom(text: string): Read<RulePeer> {
  if (text === 'any') return { value: { kind: 'any' } }
  if (text === 'cluster') return { value: { kind: 'pods', namespace: '*', labels: {} } }
  if (text.startsWith('ip=')) return networksFrom(text.slice(3))
  const [, namespace = '', rest = '*'] = /^ns=([^/]*)(?:\/(.+))?$/.exec(text) ?? ['', '', text.replace(/^\.\//, '')]
  if (text.startsWith('ns=') && namespace !== '*' && !NAMESPACE.test(namespace))
    return { error: `"${namespace}" is no name of a namespace` }
  const labels = podsFrom(rest)
  return isError(labels) ? labels : { value: { kind: 'pods', namespace, labels: labels.value } }
}

function allOf<T>(words: readonly string[], read: (word: string) => Read<T>): Read<T[]> {
  const value: T[] = []
  for (const word of words) {
    const one = read(word)
    if (isError(one)) return one
    value.push(one.value)
  }
  return { value }
}

export function parseRule(text: string): Read<AllowRule> {
  const [direction = '', pods = '', ports = '', way = '', ...peers] = text.trim().split(/\s+/)
  if (direction !== 'in' && direction !== 'out')
    return { error: `"${direction}" is neither in nor out, as in: in app=web 8080/tcp from ns=ingress` }
  const wanted = direction === 'in' ? 'from' : 'to'
  if (way !== wanted || peers.length === 0)
    return { error: `"${text.trim()}" does not say ${wanted} whom, as in: ${direction} app=web 8080/tcp ${wanted} ns=other` }
  const [who, what, whom] = [podsFrom(pods), ports === 'any' ? { value: [] } : allOf(ports.split('+'), portFrom), allOf(peers, peerFrom)]
  if (isError(who)) return who
  if (isError(what)) return what
  if (isError(whom)) return whom
  if (whom.value.length > 1 && whom.value.some((p) => p.kind === 'any')) return { error: '"any" is everybody: nothing stands beside it' }
  return { value: { direction, pods: who.value, ports: what.value, peers: whom.value } }
}

/* ---- and back ----------------------------------------------------------------------------------------------- */

const labelsText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([k, v]) => `${k}=${v}`)
    .join('+') || '*'

export const portText = ({ port, endPort, protocol }: RulePort): string => `${port}${endPort > 0 ? `-${endPort}` : ''}/${protocol}`

export function peerText(peer: RulePeer): string {
  if (peer.kind === 'any') return 'any'
  if (peer.kind === 'ip') return `ip=${[peer.cidr, ...peer.except].join('!')}`
  const labels = labelsText(peer.labels)
  if (peer.namespace === '') return /^(?:ns|ip)=/.test(labels) || labels === '*' ? `./${labels}` : labels
  if (peer.namespace === '*' && labels === '*') return 'cluster'
  return `ns=${peer.namespace}${labels === '*' ? '' : `/${labels}`}`
}

export const formatRule = ({ direction, pods, ports, peers }: AllowRule): string =>
  [direction, labelsText(pods), ports.map(portText).join('+') || 'any', direction === 'in' ? 'from' : 'to', ...peers.map(peerText)].join(
    ' ',
  )

/** Rules, one a line or with commas between; none means those that are proposed. */
export function rulesQuestion(label: string): Question<AllowRule[]> {
  return {
    label,
    hint: 'in|out PODS PORTS from|to PEER..., with commas between, as in: in app=web 8080/tcp from ns=ingress, out app=web 5432/tcp to app=db; empty: as proposed',
    default: [],
    parse: (text) =>
      allOf(
        text.split(/[,;\n]+/).filter((line) => line.trim() !== ''),
        parseRule,
      ),
    format: (value) => value.map(formatRule).join(', '),
  }
}
