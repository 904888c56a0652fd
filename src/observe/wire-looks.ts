import type { Look, Sighting } from '../contract.ts'
import { ANONYMOUS_PATHS, type AnonymousAnswers, portsOf, type WirePort } from '../domain/wire.ts'
import { chainsTo, parseCertificate } from './certificates.ts'
import { type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import { evidenceSeen, hooks, type Taking } from './taking.ts'

/** Looks at what nodes show to whoever connects: handshakes and requests without a credential. */

/** The certificates that ports must come from, in DER; empty where one is not known here. */
export interface KnownCas {
  talos: readonly Buffer[]
  kubernetes: readonly Buffer[]
}

/** One connection. A node on another continent answers in a third of it. Milliseconds. */
const LIMIT = 3000
/** Nodes side by side; each has up to seven ports, and each port three handshakes. */
const NODES_AT_ONCE = 16

/** What is known of a node: control plane or worker, and its version. A node that nobody knows is looked at as a control plane. */
async function kindOf(node: NodeRef, taking: Taking): Promise<{ type: 'controlplane' | 'worker'; version: string }> {
  const seen = await taking.members()
  const member = seen.ok ? seen.value.find((m) => m.name === node.name) : undefined
  return { type: member?.type ?? 'controlplane', version: member?.version ?? '' }
}

async function shakeHands(host: string, of: ReturnType<typeof portsOf>[number], taking: Taking, cas: KnownCas): Promise<WirePort> {
  const { port, service } = of
  // the Talos API speaks HTTP/2 alone
  const protocols = service === 'apid' || service === 'trustd' ? ['h2'] : undefined
  const shown = await taking.system.network.handshake(host, port, {
    timeoutMs: LIMIT,
    ...(protocols ? { protocols } : {}),
    ...hooks(taking),
  })
  if (shown.answer !== 'tls')
    return { port, service, answer: shown.answer, chain: [], accepts: [], ...(shown.alert !== undefined ? { alert: shown.alert } : {}) }
  const [leaf, ...rest] = shown.certificates
  const known = service === 'apid' || service === 'trustd' ? cas.talos : service === 'kube-apiserver' ? cas.kubernetes : []
  return {
    port,
    service,
    answer: 'tls',
    // one that cannot be read is no leaf, and the next one is none either
    chain: leaf && parseCertificate(leaf) ? shown.certificates.map(parseCertificate).filter((c) => c !== undefined) : [],
    accepts: shown.accepts,
    ...(shown.unclear.length > 0 ? { unclear: shown.unclear } : {}),
    asksForCertificate: shown.asksForCertificate,
    authorities: shown.authorities,
    ...(known.length > 0 && leaf ? { ofItsCa: chainsTo(leaf, rest, known) } : {}),
  }
}

export const wireLook = (list: readonly NodeRef[], taking: Taking, cas: KnownCas): Promise<Sighting<WirePort[]>[]> =>
  sideBySide(list, NODES_AT_ONCE, async (node) => {
    const { type, version } = await kindOf(node, taking)
    const value = await Promise.all(portsOf(type, version).map((p) => shakeHands(node.address, p, taking, cas)))
    const look: Look<WirePort[]> = {
      ok: true,
      value,
      evidence: value.map((p) => evidenceSeen(taking.system, 'handshake', `${node.address}:${p.port}`, p)),
    }
    return { object: nodeObject(node), look }
  })

/** Asks as nobody in particular. Nothing of the answers is kept but their status. */
export const anonymousLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<AnonymousAnswers>[]> =>
  sideBySide(list, NODES_AT_ONCE, async (node) => {
    const { type, version } = await kindOf(node, taking)
    const services = portsOf(type, version).flatMap(({ port, service }) =>
      service === 'kube-apiserver' || service === 'kubelet' ? [{ port, service }] : [],
    )
    const value = await Promise.all(
      services.map(async ({ port, service }) => {
        const answers = await Promise.all(
          ANONYMOUS_PATHS[service].map(async (path) => {
            const got = await taking.system.network.get({ host: node.address, port, path }, { timeoutMs: LIMIT, ...hooks(taking) })
            return [path, got.answer === 'status' ? got.status : got.answer] as const
          }),
        )
        return { service, port, answers: Object.fromEntries(answers) }
      }),
    )
    const shown = value.map((v) =>
      evidenceSeen(taking.system, 'command', `curl -k https://${node.address}:${v.port}/…, without a credential`, v),
    )
    return { object: nodeObject(node), look: { ok: true, value, evidence: shown } }
  })

/** By the Date of an answer to a request without a credential; the time in between is shared between both ways. */
export const clockLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<{ seconds: number }>[]> =>
  sideBySide(list, NODES_AT_ONCE, async (node) => {
    const { type, version } = await kindOf(node, taking)
    const { clock, network } = taking.system
    for (const { port, service } of portsOf(type, version).toSorted((a, b) => a.port - b.port)) {
      if (service !== 'kube-apiserver' && service !== 'kubelet') continue
      const begun = clock.now().getTime()
      const got = await network.get({ host: node.address, port, path: '/version' }, { timeoutMs: LIMIT, ...hooks(taking) })
      const at = got.answer === 'status' && got.date ? Date.parse(got.date) : Number.NaN
      if (Number.isNaN(at)) continue
      // the header has no fractions, so half a second stands for them
      const seconds = Math.round((at + 500 - (begun + clock.now().getTime()) / 2) / 1000)
      const what = `Date of https://${node.address}:${port}/version`
      return {
        object: nodeObject(node),
        look: { ok: true, value: { seconds }, evidence: [evidenceSeen(taking.system, 'command', what, seconds)] },
      }
    }
    return { object: nodeObject(node), look: { ok: false, reason: `${node.name} tells its time to nobody here`, evidence: [] } }
  })
