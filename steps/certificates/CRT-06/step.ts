import {
  about,
  type Conclusion,
  eachFinding,
  type Finding,
  fail,
  notApplicable,
  one,
  pass,
  type Sighting,
  step,
  unknown,
  wholeNumber,
} from '../../../src/contract.ts'
import { firewallChain } from '../../../src/domain/hardening-config.ts'
import { members } from '../../../src/domain/observations.ts'
import { counted, lasting } from '../../../src/domain/remarks.ts'
import { clockOffset, portsOf, type WirePort, wire } from '../../../src/domain/wire.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Certificates of the Talos API live for 24 hours and are renewed every 12; less than this left means that nobody renews them. */
const STUCK_HOURS = 6
/** A clock that is off by more makes every figure here wrong. Seconds. */
const CLOCK = 300

const TALOS = {
  of: 'the CA of your talosconfig',
  lacks: 'no talosconfig holds its CA here',
  remedy: 'name a talosconfig: --talosconfig FILE',
}
/** The CAs that are known here, and what is missing where one is not. */
const CAS: Partial<Record<WirePort['service'], typeof TALOS>> = {
  apid: TALOS,
  trustd: TALOS,
  'kube-apiserver': {
    of: 'the CA of your kubeconfig',
    lacks: 'no kubeconfig holds its CA here',
    remedy: 'name a kubeconfig of this cluster: --kubeconfig FILE --kube-context NAME',
  },
}

const named = (versions: readonly string[]): string =>
  versions.map((v) => v.replace('TLSv', 'TLS ').replace(/^TLS 1$/, 'TLS 1.0')).join(' and ')

interface Around {
  now: Date
  daysLeft: number
  address: string
  mustAnswer: boolean
  asks: 'required' | 'any'
}

const isClosed = ({ answer }: WirePort): boolean => answer === 'refused' || answer === 'silent'

/** A port that shows no certificate. */
function withoutTls(shown: WirePort, { mustAnswer, address }: Around): Conclusion {
  const { answer, service, alert } = shown
  if (answer === 'not tls' && alert !== undefined)
    return fail(
      `${service} refuses every handshake, with TLS alert ${alert}`,
      `see what listens there, and what it says: talosctl --nodes ${address} netstat -l -t -p`,
    )
  if (answer === 'not tls')
    return fail(
      `${service} answers, and no TLS handshake comes about: it speaks no TLS, or has no certificate`,
      `see what listens there, and what it says: talosctl --nodes ${address} netstat -l -t -p`,
    )
  if (answer === 'mute') return unknown(`${service} takes connections and says nothing: it hangs`, `talosctl --nodes ${address} service`)
  if (!isClosed(shown)) return unknown(`the look at ${service} was stopped`, 'look again')
  const closed = answer === 'refused' ? 'refuses connections' : 'does not answer'
  if (!mustAnswer) return notApplicable(`${service} ${closed} from here, so it shows its certificate to nobody here`)
  return unknown(`${service} ${closed} from here`, 'check the address, the network and firewalls between')
}

/** Each is renewed by itself, long before its end. */
function renewal(service: WirePort['service'], life: number): string {
  if (life < 3 * DAY) return 'look at trustd of the control planes and at the clock: talosctl service trustd, talosctl time'
  if (service === 'kubelet') return 'a kubelet makes a new one when it starts: talosctl service kubelet restart'
  return 'it should have been renewed long ago: look at the clock (talosctl time); the node makes a new one when it boots: talosctl reboot, one node at a time'
}

const ADD_NAME: Partial<Record<WirePort['service'], string>> = {
  apid: 'add it to machine.certSANs',
  trustd: 'add it to machine.certSANs',
  'kube-apiserver': 'add it to the certSANs of the API server',
}

/** What the first certificate says, and who it is from. */
function judgeLeaf(shown: WirePort, { now, address, daysLeft }: Around): Conclusion {
  const { service } = shown
  const leaf = shown.chain[0]
  if (!leaf)
    return fail(`${service} shows something that is no certificate`, 'trust nothing that comes from there until you know what answers')
  if (shown.ofItsCa === false)
    return fail(
      `${service} shows a certificate that is not from ${CAS[service]?.of ?? 'its CA'}: another cluster, a rotated CA, or somebody in between`,
      'trust nothing that comes from this address until you know which; compare the fingerprints on the console',
    )
  const [begins, ends] = [new Date(leaf.notBefore).getTime(), new Date(leaf.notAfter).getTime()]
  const [life, left] = [ends - begins, ends - now.getTime()]
  if (left <= 0) return fail(`${service} shows a certificate that ended on ${leaf.notAfter.slice(0, 10)}`, renewal(service, life))
  if (begins > now.getTime())
    return fail(
      `${service} shows a certificate that begins in the future, on ${leaf.notBefore.slice(0, 16)}Z: a clock is wrong`,
      'compare the clocks of this machine and the node: talosctl time',
    )
  if (life < 3 * DAY && left < STUCK_HOURS * HOUR)
    return fail(
      `${service} shows a certificate with ${lasting(left)} left: it is renewed every 12 hours, so renewal is stuck`,
      renewal(service, life),
    )
  // one of a few weeks cannot have weeks left: its last quarter is when to renew it
  if (life >= 3 * DAY && left < Math.min(daysLeft * DAY, life / 4))
    return fail(`${service} shows a certificate that ends in ${lasting(left)}`, renewal(service, life))
  if (service !== 'kubelet' && !leaf.names.includes(address))
    return fail(
      `${service} shows a certificate that does not name its address ${address}`,
      ADD_NAME[service] ?? 'etcd takes the addresses that a node has when it boots: talosctl get addresses, then talosctl reboot',
    )
  return pass(
    life < 3 * DAY ? 'renewed in time' : left < daysLeft * DAY ? `${lasting(left)} left` : `at least ${counted(daysLeft, 'day')} left`,
  )
}

const CLIENT: Record<NonNullable<WirePort['asksForCertificate']>, string> = {
  required: 'wants a client certificate',
  optional: 'takes a client certificate',
  unclear: 'asks for a client certificate',
  no: 'asks for no client certificate',
}

function judge(shown: WirePort, around: Around): Conclusion {
  const { service, accepts, asksForCertificate: asks } = shown
  if (shown.answer !== 'tls') return withoutTls(shown, around)
  const leaf = judgeLeaf(shown, around)
  if (leaf.verdict !== 'pass') return leaf
  const old = accepts.filter((v) => v === 'TLSv1' || v === 'TLSv1.1')
  if (old.length > 0)
    return fail(`${service} accepts ${named(old)}, and nobody should any more`, 'find out what answers there: no version of Talos does')
  const unclear = (shown.unclear ?? []).filter((v) => v === 'TLSv1' || v === 'TLSv1.1')
  if (unclear.length > 0) return unknown(`${service} did not say in time whether it accepts ${named(unclear)}`, 'look again')
  if (around.asks === 'required' && (asks === 'no' || asks === 'optional'))
    return fail(`${service} lets clients in without a certificate`, 'find out what answers there: no version of Talos does')
  if (around.asks === 'required' && asks !== 'required')
    return unknown(`${service} did not say whether it goes on without a client certificate`, 'look again')
  const ca = CAS[service]
  if (ca && shown.ofItsCa === undefined)
    return unknown(`${service} shows a certificate that could not be compared with its CA: ${ca.lacks}`, ca.remedy)
  return pass(
    `${service}: ${leaf.reason}${ca ? `, from ${ca.of}` : ''}, ${named(accepts)}, ${asks ? CLIENT[asks] : 'says nothing of client certificates'}`,
  )
}

/** Ports of one service whose issuer is not the one of most others; only told where no CA is known to compare with. */
function strangers(all: readonly { node: string; ports: readonly WirePort[] }[]): Set<string> {
  const found = new Set<string>()
  for (const service of ['etcd client', 'etcd peer', 'etcd http', 'kube-apiserver'] as const) {
    const shown = all.flatMap(({ node, ports }) =>
      ports.flatMap((p) =>
        p.service === service && p.ofItsCa === undefined && p.chain[0]
          ? [{ key: `${node}:${p.port}`, issuer: p.chain[0].authorityKeyId ?? p.chain[0].issuer }]
          : [],
      ),
    )
    const counts = Map.groupBy(shown, (s) => s.issuer)
    const most = Math.max(0, ...[...counts.values()].map((c) => c.length))
    if (counts.size > 1)
      for (const group of counts.values()) if (group.length < most || most * 2 <= shown.length) for (const s of group) found.add(s.key)
  }
  return found
}

const STRANGER = 'trust nothing that comes from this address until you know why; compare the fingerprints on the console'

/** A clock that is off is a finding of its own. */
function clocksOff(clock: readonly Sighting<{ seconds: number }>[]): Finding[] {
  return clock.flatMap(({ object, look }) => {
    if (!look.ok || Math.abs(look.value.seconds) <= CLOCK) return []
    const { seconds } = look.value
    const reason = `${object.name}: its clock is ${counted(Math.round(Math.abs(seconds) / 60), 'minute')} ${seconds > 0 ? 'ahead of' : 'behind'} this machine's`
    return [
      {
        object,
        ...fail(reason, 'set the one that is wrong (talosctl time); its certificates are judged by its own clock'),
        evidence: look.evidence,
      },
    ]
  })
}

export default step({
  id: 'CRT-06',
  category: 'certificates',
  title: 'Certificates on the wire',
  severity: 'high',
  why: 'What a port really shows tells an expired certificate, a stuck renewal and a stranger in between, before a client does.',
  references: [
    { title: 'Talos certificate management', url: 'https://docs.siderolabs.com/talos/v1.13/security/cert-management' },
    {
      title: 'NSA/CISA Kubernetes Hardening Guide, TLS',
      url: 'https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF',
    },
  ],
  questions: {
    daysLeft: wholeNumber('How many days must a certificate of a year or more still have?', {
      default: 30,
      min: 1,
      max: 365,
      unit: 'days',
    }),
  },
  observes: { wire, members, clock: clockOffset, firewall: firewallChain },

  evaluate: ({ wire: shown, members: seen, clock, firewall }, { daysLeft }, { now }) => {
    const known = one(seen)
    const odd = strangers(shown.flatMap((s) => (s.look.ok ? [{ node: s.object.name, ports: s.look.value }] : [])))
    const ports = eachFinding({ wire: shown }, ({ wire: ports }, node) => {
      const member = known.ok ? known.value.find((m) => m.name === node.name) : undefined
      const look = clock.find((c) => c.object.name === node.name)?.look
      const offset = look?.ok && Math.abs(look.value.seconds) > CLOCK ? look.value.seconds * 1000 : 0
      const wanted = portsOf(member?.type ?? 'controlplane', member?.version ?? '')
      const each = ports.map((p) => {
        const of = wanted.find((w) => w.port === p.port)
        const object = { kind: 'port', name: `${node.name}:${p.port}` }
        if (odd.has(object.name)) return about(object, fail(`${p.service} shows a certificate of another CA than other nodes do`, STRANGER))
        return about(
          object,
          judge(p, {
            now: new Date(now.getTime() + offset),
            daysLeft,
            // what was connected to: a node that is no known member has the name that it was named by
            address: member?.address ?? node.name,
            mustAnswer: of?.mustAnswer ?? false,
            asks: of?.asks ?? 'any',
          }),
        )
      })
      if (each.some((c) => c.verdict !== 'notApplicable')) return each
      const chain = firewall.find((f) => f.object.name === node.name)?.look
      if (chain?.ok && chain.value.blocks)
        return [
          unknown(
            `${node.name}: its firewall lets this machine in to none of its ports, so nobody here saw its certificates`,
            'let this machine in to one: --answer INF-02.allow=50000/tcp=ADDRESS, then mend INF-02; or attest it',
          ),
          ...each,
        ]
      return [
        unknown(`${node.name}: none of its ports answers from here`, 'check that it runs, and the network and firewalls between'),
        ...each,
      ]
    })
    return [...clocksOff(clock), ...ports]
  },
})
