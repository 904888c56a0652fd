import { observable } from '../contract.ts'
import type { WireCertificate } from './certificates.ts'
import { factsFor } from './versions.ts'

/**
 * What a node shows to whoever connects without a credential.
 * Ports: https://docs.siderolabs.com/talos/v1.14/networking/ingress-firewall
 */

type Service = 'apid' | 'trustd' | 'kube-apiserver' | 'kubelet' | 'etcd client' | 'etcd peer' | 'etcd http'

/** How a port answered a TLS handshake. */
export interface WirePort {
  port: number
  service: Service
  /** `silent`: no connection came about; `mute`: one did, and nothing came on it. */
  answer: 'tls' | 'refused' | 'silent' | 'mute' | 'not tls' | 'aborted'
  /** The rest is there where the answer is `tls`. The chain is what was sent, its own certificate first. */
  chain: WireCertificate[]
  accepts: string[]
  /** Versions about which it did not say anything in time. */
  unclear?: string[]
  /** By which it refused to go on, where it is `not tls` (RFC 8446 6). */
  alert?: number
  asksForCertificate?: 'no' | 'optional' | 'required' | 'unclear'
  authorities?: string[]
  /** Whether it comes from the CA that it must come from; absent where that CA is not known here. */
  ofItsCa?: boolean
}

const ANSWERS: Record<Exclude<WirePort['answer'], 'tls'>, string> = {
  refused: 'refuses connections',
  silent: 'does not answer from here',
  mute: 'takes connections and says nothing',
  'not tls': 'speaks no TLS',
  aborted: 'was not looked at',
}

/** Why a request came to no status. `certificate required`: the handshake ends where no client certificate is shown. */
export type NoAnswer = Exclude<WirePort['answer'], 'tls'> | 'not http' | 'certificate required'

/** The status of a request without a credential by path, or why there was none. */
export type AnonymousAnswers = { service: 'kube-apiserver' | 'kubelet'; port: number; answers: Record<string, number | NoAnswer> }[]

interface PortOf {
  port: number
  service: Service
  /** What it must do about client certificates. */
  asks: 'required' | 'any'
  /** The operator must get there; of the others a firewall may well keep them out. */
  mustAnswer: boolean
}

const APID: PortOf = { port: 50000, service: 'apid', asks: 'required', mustAnswer: true }
const KUBELET: PortOf = { port: 10250, service: 'kubelet', asks: 'any', mustAnswer: false }
const OF_CONTROL_PLANES: PortOf[] = [
  { port: 50001, service: 'trustd', asks: 'any', mustAnswer: false },
  { port: 6443, service: 'kube-apiserver', asks: 'any', mustAnswer: true },
  { port: 2379, service: 'etcd client', asks: 'required', mustAnswer: false },
  { port: 2380, service: 'etcd peer', asks: 'required', mustAnswer: false },
]
/** From 1.14 on etcd has its metrics and health there; before, nothing listens. */
const ETCD_HTTP: PortOf = { port: 2383, service: 'etcd http', asks: 'required', mustAnswer: false }

/** The ports of a node that speak TLS. */
export function portsOf(type: 'controlplane' | 'worker', version: string): PortOf[] {
  if (type === 'worker') return [{ ...APID, mustAnswer: false }, KUBELET]
  return [APID, ...OF_CONTROL_PLANES, ...(factsFor(version)?.etcdHttpPort ? [ETCD_HTTP] : []), KUBELET]
}

/** The three paths that a load balancer may ask without a credential, where they are open at all. */
export const HEALTH_PATHS = ['/livez', '/readyz', '/healthz']
/** What is asked of each service without a credential. A `GET` of these changes nothing. */
export const ANONYMOUS_PATHS: Record<'kube-apiserver' | 'kubelet', string[]> = {
  'kube-apiserver': [...HEALTH_PATHS, '/version', '/api', '/metrics'],
  kubelet: ['/healthz', '/metrics', '/pods'],
}

export const wire = observable<WirePort[]>({
  name: 'wire',
  scope: 'node',
  title: 'certificates on the wire',
  predicates: {
    /** args: `[50000, 6443]`: each is reached from here now, and is who it must be. */
    reached: (ports, args) => {
      const off = (args as number[]).flatMap((wanted) => {
        const found = ports.find((p) => p.port === wanted)
        if (found?.answer !== 'tls') return [`${wanted} ${found ? ANSWERS[found.answer] : 'was not tried'}`]
        return found.ofItsCa === false ? [`${wanted} shows a certificate of another CA`] : []
      })
      return off.length === 0 || off.join(', ')
    },
  },
})

export const anonymousAnswers = observable<AnonymousAnswers>({
  name: 'anonymousAnswers',
  scope: 'node',
  title: 'answers to requests without a credential',
})

/** Whom a kubelet lets in, by the configuration that it runs with. */
export interface KubeletAccess {
  anonymous: boolean
  /** `Webhook`: the API server is asked; `AlwaysAllow`: everybody may do everything. */
  authorization: string
  /** A port without any sign-in; 0: none. */
  readOnlyPort: number
}

export const kubeletAccess = observable<KubeletAccess>({ name: 'kubeletAccess', scope: 'node', title: 'whom the kubelet lets in' })

/** How far the clocks of the nodes are ahead of this machine's, in seconds; by the Date of their answers, so to the second. */
export const clockOffset = observable<{ seconds: number }>({ name: 'clockOffset', scope: 'node', title: 'clock of the node' })
