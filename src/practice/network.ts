import type { Got, Handshake, Network } from '../system/ports.ts'
import certificates from './certificates.json' with { type: 'json' }
import { apiServerAt } from './course.ts'
import { lets, OPERATOR } from './reach.ts'
import { isNew, type PracticeNode, type PracticeState } from './state.ts'

/** What the ports of the simulated nodes show: the shapes of 1.13 and 1.14 as they were seen on real ones. */

const WIRE: Record<string, string[]> = certificates.wire
const derOf = (base64: string): Buffer =>
  Buffer.from(
    Buffer.from(base64, 'base64')
      .toString('latin1')
      .replace(/-----[^-]+-----|\s/g, ''),
    'base64',
  )
const shown = (name: string): Buffer[] => (WIRE[name] ?? []).map(derOf)

type Shown = Omit<Extract<Handshake, { answer: 'tls' }>, 'answer' | 'unclear' | 'protocol'>

function portOf(node: PracticeNode, port: number, scenario: PracticeState['scenario']): Shown | undefined {
  const { name } = node
  const modern: Shown['accepts'] = ['TLSv1.3']
  const older: Shown['accepts'] = isNew(node) ? modern : ['TLSv1.2', 'TLSv1.3']
  const isControlPlane = node.type === 'controlplane'
  switch (port) {
    case 50000: {
      const stuck = scenario === 'default' && name === 'w1' ? ' stuck' : ''
      return {
        certificates: shown(`apid ${name}${stuck}`),
        accepts: modern,
        asksForCertificate: 'required',
        authorities: ['O=talos'],
        alpn: 'h2',
      }
    }
    case 10250:
      return { certificates: shown(`kubelet ${name}`), accepts: modern, asksForCertificate: 'optional', authorities: ['O=kubernetes'] }
    case 50001:
      return isControlPlane
        ? { certificates: shown(`trustd ${name}`), accepts: modern, asksForCertificate: 'no', authorities: [], alpn: 'h2' }
        : undefined
    case 6443:
      return isControlPlane
        ? {
            certificates: [...shown(`apiserver ${name}`), ...(isNew(node) ? [derOf(certificates.k8s)] : [])],
            accepts: older,
            asksForCertificate: 'optional',
            authorities: ['O=kubernetes', 'CN=front-proxy'],
          }
        : undefined
    case 2379:
    case 2380:
      return isControlPlane
        ? { certificates: shown(`etcd ${name}`), accepts: older, asksForCertificate: 'required', authorities: ['O=etcd'] }
        : undefined
    case 2383:
      return isControlPlane && isNew(node)
        ? { certificates: shown(`etcd ${name}`), accepts: modern, asksForCertificate: 'required', authorities: ['O=etcd'] }
        : undefined
    default:
      return undefined
  }
}

const HEALTH = ['/livez', '/readyz', '/healthz']

/**
 * `state` gives the world as it is when a connection is made; `held` counts the connections that stay open; `refused` is told of each
 * that an API server which is away refused.
 */
export function practiceNetwork(
  state: () => PracticeState,
  held: Map<string, number> = new Map(),
  refused: () => Promise<void> = async () => undefined,
): Network {
  const nodeAt = (host: string) => state().nodes.find((n) => n.address === host)
  /** Why nothing comes of it, where nobody answers there, or a firewall is in between. */
  const shut = async (node: PracticeNode | undefined, port: number): Promise<'silent' | 'refused' | undefined> => {
    if (!node || !lets(node, OPERATOR, port)) return 'silent'
    if (port !== 6443 || apiServerAt(node, state().now) !== 'away') return undefined
    await refused()
    return 'refused'
  }
  return {
    connect: async (host, port) => (await shut(nodeAt(host), port)) ?? 'open',
    hold: async (host, port, count) => {
      const open = (await shut(nodeAt(host), port)) ? 0 : count
      held.set(host, (held.get(host) ?? 0) + open)
      return { open, release: () => void held.set(host, (held.get(host) ?? 0) - open) }
    },
    handshake: async (host, port): Promise<Handshake> => {
      const node = nodeAt(host)
      const answer = await shut(node, port)
      if (!node || answer) return { answer: answer ?? 'silent' }
      const found = portOf(node, port, state().scenario)
      return found ? { answer: 'tls', protocol: 'TLSv1.3', unclear: [], ...found } : { answer: 'refused' }
    },
    get: async ({ host, port, path }): Promise<Got> => {
      const node = nodeAt(host)
      const answer = await shut(node, port)
      if (!node || answer) return { answer: answer ?? 'silent' }
      const date = new Date(state().now).toUTCString()
      if (port === 10250) return { answer: 'status', status: 401, date }
      if (port !== 6443 || node.type !== 'controlplane') return { answer: 'refused' }
      return { answer: 'status', status: isNew(node) && HEALTH.includes(path) ? 200 : 401, date }
    },
  }
}
