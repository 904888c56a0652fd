import { type Answers, type Question, type Questions, wholeNumber } from '../contract.ts'
import { type Cidr, covers, formatAddress, formatCidr, parseAddress, parseNetwork, parseSubnet, widthOf } from './cidr.ts'
import { breadthOf, formatPorts, type PortRange, parsePorts, setOf } from './firewall-sets.ts'

/** What INF-02 asks, and how it reads the answers. Networks are kept as they are shown: a single address without its length. */

/** Words that stand for networks which the program works out itself. */
const WORDS = ['nodes', 'pods', 'anyone'] as const
export type Who = (typeof WORDS)[number] | (string & {})

/** Who, by ports such as `9100/tcp`. */
type ByPorts = Record<string, Who[]>

type Read<T> = { value: T } | { error: string }

const words = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean)

export const shown = (cidr: Cidr): string => (cidr.bits === widthOf(cidr.family) ? formatAddress(cidr) : formatCidr(cidr))

/** An address, or a network as Talos reads it: of an answer that was read before, or of a machine configuration. */
export function networkOf(text: string): Cidr | undefined {
  const address = text.includes('/') ? undefined : parseAddress(text)
  return address ? { ...address, bits: widthOf(address.family) } : parseSubnet(text)
}

/** Networks and words as they are shown; the first that is wrong, or lies in another, is the error. */
function readWho(texts: readonly string[], allowed: readonly string[]): Read<Who[]> {
  const value: Who[] = []
  const networks: Cidr[] = []
  for (const text of texts) {
    const word = allowed.find((w) => w === text.toLowerCase())
    const read = word ? undefined : parseNetwork(text)
    if (read && 'error' in read)
      return { error: allowed.length > 0 ? `${read.error}, nor one of the words ${allowed.join(', ')}` : read.error }
    const name = word ?? shown((read as { value: Cidr }).value)
    if (value.includes(name)) return { error: `"${name}" is given twice` }
    if (read) {
      const [mine, other] = [read.value, networks.find((n) => covers(n, read.value) || covers(read.value, n))]
      if (other) {
        const [inner, outer] = covers(other, mine) ? [mine, other] : [other, mine]
        return { error: `"${shown(inner)}" lies in ${shown(outer)} already: leave one of them out` }
      }
      networks.push(mine)
    }
    value.push(name)
  }
  return { value }
}

/** Which of the networks, or all together, are too many to be somebody's. */
function tooWide(texts: readonly string[]): string | undefined {
  const sizes = { everybody: 'is everybody', 'too many': 'is more than any organisation has' }
  for (const some of [...texts.map((text) => [text]), texts]) {
    const breadth = breadthOf(setOf(some.flatMap((text) => networkOf(text) ?? [])))
    if (breadth) return `"${some.join(' ')}" ${sizes[breadth]}`
  }
  return undefined
}

/** Networks, or one word alone that says something else; `everybody` says why the whole internet is not taken. */
function networkList(
  label: string,
  options: { hint: string; default: string[]; words: readonly string[]; everybody?: string; empty?: string },
): Question<string[]> {
  return {
    label,
    hint: options.hint,
    default: options.default,
    parse: (text) => {
      const given = words(text)
      if (given.length === 0 && options.empty) return { error: options.empty }
      const word = given.map((w) => w.toLowerCase()).find((w) => options.words.includes(w))
      if (word && given.length > 1) return { error: `"${word}" stands alone, or is left out` }
      if (word) return { value: [word] }
      const read = readWho(given, [])
      if ('error' in read) return read
      const wide = options.everybody ? tooWide(read.value) : undefined
      return wide ? { error: `${wide}: ${options.everybody}` } : read
    },
    format: (value) => value.join(' '),
  }
}

export interface Ports {
  protocol: string
  range: PortRange
}

const PORTS_WANTED = 'a port or a range of ports with its protocol, as in 9100/tcp or 30000-32767/udp'

/** `9100/tcp`, in that one spelling. */
function readPorts(text: string, protocols: readonly string[]): Read<Ports> {
  const [ports = '', protocol = '', ...rest] = text.toLowerCase().split('/')
  const reversed = /^(\d+)-(\d+)$/.exec(ports)
  if (reversed && Number(reversed[1]) > Number(reversed[2])) return { error: `"${text}" runs backwards` }
  const range = parsePorts(ports)
  if (!range || range[0] === 0 || protocol === '' || rest.length > 0) return { error: `"${text}" is not ${PORTS_WANTED}` }
  if (!protocols.includes(protocol))
    return { error: `"${text}": the protocol is one of ${protocols.join(', ')}, because a rule of Talos knows no other` }
  return { value: { protocol, range } }
}

const showPorts = ({ protocol, range }: Ports): string => `${formatPorts(range)}/${protocol}`

/** Ports of an answer that was read before. */
export function portsOf(text: string): Ports {
  const read = readPorts(text, ['tcp', 'udp'])
  return 'value' in read ? read.value : { protocol: '', range: [0, 0] }
}

export const touches = (a: Ports, b: Ports): boolean => a.protocol === b.protocol && a.range[0] <= b.range[1] && b.range[0] <= a.range[1]

/** What the cluster itself cannot do without, on some of its nodes. */
const NEEDED: Ports[] = ['50000-50001/tcp', '6443/tcp', '2379-2380/tcp', '10250/tcp'].map(portsOf)

function overlapping(name: string, others: readonly string[]): string | undefined {
  return others.find((other) => other !== name && touches(portsOf(other), portsOf(name)))
}

interface ByPortsOptions {
  hint: string
  protocols: readonly string[]
  /** Whether ports may stand without anybody. */
  alone: boolean
  refuse?: (ports: Ports, who: string[]) => string | undefined
}

/** One `PORTS/PROTOCOL=WHO` more. */
function addEntry(word: string, found: Record<string, string[]>, options: ByPortsOptions): string | undefined {
  const at = word.indexOf('=')
  if (at < 1 && !options.alone) return `"${word}" is not PORT/PROTOCOL=WHO, as in 9100/tcp=10.0.7.0/24`
  const read = readPorts(at < 0 ? word : word.slice(0, at), options.protocols)
  if ('error' in read) return read.error
  const name = showPorts(read.value)
  const other = overlapping(name, Object.keys(found))
  if (other) return `"${name}" overlaps ${other}: name every port once, with all who belong to it`
  const who = found[name] ?? []
  if (name in found && (at < 0 || who.length === 0)) return `"${name}" is given twice`
  found[name] = at < 0 ? [] : [...who, word.slice(at + 1)]
  return options.refuse?.(read.value, found[name])
}

function byPorts(label: string, options: ByPortsOptions): Question<ByPorts> {
  return {
    label,
    hint: options.hint,
    default: {},
    parse: (text) => {
      const found: Record<string, string[]> = {}
      const value: ByPorts = {}
      for (const word of words(text)) {
        const wrong = addEntry(word, found, options)
        if (wrong) return { error: wrong }
      }
      for (const [ports, texts] of Object.entries(found)) {
        const read = readWho(texts, WORDS)
        if ('error' in read) return read
        if (read.value.includes('anyone') && read.value.length > 1) return { error: `${ports} has "anyone": leave the others out` }
        value[ports] = read.value
      }
      return { value }
    },
    format: (value) =>
      Object.entries(value)
        .flatMap(([ports, who]) => (who.length === 0 ? [ports] : who.map((w) => `${ports}=${w}`)))
        .join(' '),
  }
}

const cniPorts: Question<string[]> = {
  label: 'Ports that the network plugin needs between nodes, beside those that are known',
  hint: 'as in 4789/udp 179/tcp; the word none where it needs none',
  default: [],
  parse: (text) => {
    const given = words(text)
    if (given.length === 1 && given[0]?.toLowerCase() === 'none') return { value: ['none'] }
    const value: string[] = []
    for (const word of given) {
      const read = readPorts(word, ['tcp', 'udp'])
      if ('error' in read) return read
      const name = showPorts(read.value)
      const other = value.find((v) => touches(portsOf(v), read.value))
      if (other) return { error: other === name ? `"${name}" is given twice` : `"${name}" overlaps ${other}: name every port once` }
      value.push(name)
    }
    return { value }
  },
  format: (value) => value.join(' '),
}

const needed = (ports: Ports, who: string[]): string | undefined =>
  who.length === 0 && NEEDED.some((n) => touches(n, ports))
    ? `"${showPorts(ports)}" is what the cluster itself needs: name only whom to cut, as in ${showPorts(ports)}=10.0.7.20`
    : undefined

export const firewallQuestions = {
  admins: networkList('Second way in: from where else may admins reach the control planes?', {
    hint: 'addresses or networks, as in 192.0.2.10 10.9.0.0/24; the word none where there is no second way',
    default: [],
    words: ['none'],
    everybody: 'name the networks that admins come from',
  }),
  loadBalancers: networkList('From which addresses do load balancers and their health checks reach the control planes?', {
    hint: 'addresses or networks; the word none where there is none, or where it keeps the address of the client',
    default: [],
    words: ['none'],
    everybody: 'name the addresses that the load balancer connects from',
  }),
  nodePorts: networkList('Who may reach the NodePorts that are in use?', {
    hint: 'anyone, nodes, or addresses and networks; a NodePort that comes later stays closed until the plan runs again, unless "allow" names 30000-32767/tcp',
    default: ['anyone'],
    words: ['anyone', 'nodes'],
    empty: 'say anyone, nodes, or name networks',
  }),
  allow: byPorts('What else is let in?', {
    hint: 'PORT/PROTOCOL=WHO, as in 9100/tcp=10.0.7.0/24 or 30000-32767/tcp=anyone; WHO is a network, nodes, pods or anyone',
    protocols: ['tcp', 'udp'],
    alone: false,
  }),
  cut: byPorts('What that is open now may be cut?', {
    hint: 'PORT/PROTOCOL, or PORT/PROTOCOL=WHO, as in 9100/tcp or 9100/tcp=10.0.7.20',
    protocols: ['tcp', 'udp'],
    alone: true,
    refuse: needed,
  }),
  cniPorts,
  window: wholeNumber('How long is it tried before it goes back by itself?', { default: 300, min: 60, max: 900, unit: 'seconds' }),
} satisfies Questions

export type FirewallAnswers = Answers<typeof firewallQuestions>
