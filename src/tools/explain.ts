import { plain, plainLine } from '../contract.ts'
import { type ApplyConflict, parseConflicts } from '../domain/network-policy.ts'
import { listed } from '../domain/remarks.ts'
import type { Exit, System } from '../system/ports.ts'
import type { Access } from './access.ts'
import type { Verb } from './verb.ts'
import { MAX_BYTES } from './verb.ts'

/** What became of a call that did not succeed, as a sentence and what to do. Never holds output that may be secret. */

/** Looking whether a port opens at all, when a call ran out of time. Milliseconds. */
const CONNECT_LIMIT = 2000
const APID_PORT = 50000

export interface Why {
  reason: string
  remedy?: string
  /** No connection to what was asked came about. */
  unreached?: true
}

export const LACKS_KUBERNETES: Why = { reason: 'no kubeconfig was found', remedy: 'name one with --kubeconfig FILE, or set KUBECONFIG' }

export function lacksAccess(roles: readonly string[], access: readonly Access[]): Why {
  const needed = roles.join(' or ')
  if (access.length === 0) return { reason: 'no talosconfig was found', remedy: 'name one with --talosconfig FILE, or set TALOSCONFIG' }
  const have = [...new Set(access.map((a) => `${a.context} is ${a.roles.join(' and ') || 'without a role'}`))].join(', ')
  if (access.every((a) => a.roles.length === 0))
    return {
      reason: `the certificate of context ${access[0]?.context} has no role that the Talos API knows, so it may call nothing`,
      remedy: 'take a context with os:reader: --context NAME',
    }
  return {
    reason: `needs ${needed}; ${have}`,
    remedy:
      needed === 'os:admin'
        ? `name a context with ${needed}: --context NAME, or access.change in preflight.yaml`
        : `name a context with ${needed}: --context NAME`,
  }
}

const INSTALL: Record<Verb<unknown>['tool'], string> = {
  talosctl: 'install talosctl of the version that your nodes run: https://docs.siderolabs.com/talos/v1.13/getting-started/talosctl',
  kubectl: 'install kubectl: https://kubernetes.io/docs/tasks/tools/',
  age: 'install age: https://github.com/FiloSottile/age',
  'age-keygen': 'install age: https://github.com/FiloSottile/age',
  git: 'install git',
}

export async function explain(
  exit: Exit,
  verb: Verb<unknown>,
  access: Access | undefined,
  system: System,
  nodes: readonly string[],
): Promise<Why> {
  if (!exit.started) {
    if (exit.reason === 'missing') return { reason: `${verb.tool} is not on PATH`, remedy: INSTALL[verb.tool] }
    return { reason: `${verb.tool} could not be started: ${plainLine(exit.message)}` }
  }
  if (exit.aborted) return { reason: 'stopped' }
  if (exit.truncated)
    return {
      reason: `${verb.tool} gave more output than it should (over ${Math.round((verb.maxBytes ?? MAX_BYTES) / (1 << 20))} MiB) and was ended`,
      ...(access ? { remedy: 'look at the node: this is not what a Talos API answers' } : {}),
    }
  if (access && new Date(access.notAfter) <= system.clock.now()) {
    return {
      reason: `the certificate of context ${access.context} ended on ${access.notAfter.slice(0, 10)}`,
      remedy: 'get a new talosconfig from whoever holds os:admin: talosctl config new --roles os:reader',
    }
  }
  const target = nodes.length === 1 ? nodes[0] : access?.endpoints[0]
  if (exit.timedOut) {
    if (!access || !target) return { reason: `${verb.tool} did not answer within ${verb.seconds} s` }
    const endpoint = access.endpoints[0] ?? target
    const port = await system.network.connect(endpoint, APID_PORT, CONNECT_LIMIT)
    if (port === 'open' && target !== endpoint)
      return {
        reason: `no answer from ${target} within ${verb.seconds} s, though ${endpoint}, which asks it for us, opens port ${APID_PORT}: its Talos API hangs, or the two do not reach each other`,
        remedy: `look at the console of ${target}`,
      }
    return port === 'open'
      ? {
          reason: `no answer within ${verb.seconds} s, though port ${APID_PORT} of ${endpoint} opens: the service behind it hangs, or it is not a Talos API`,
          remedy: `talosctl --nodes ${target} service apid, from another control plane`,
        }
      : {
          reason: `no answer within ${verb.seconds} s, and port ${APID_PORT} of ${endpoint} does not open from here`,
          remedy: 'check the address, the network and firewalls between',
        }
  }
  const text = plain(exit.stderr.toString('utf8'))
  const kubernetes = verb.kubernetes && explainKubernetes(text)
  if (kubernetes) return kubernetes
  if (/certificate signed by unknown authority/.test(text)) {
    return {
      reason: `the node's certificate is not from the CA of context ${access?.context ?? '?'}: it is another cluster, its CA was rotated, or somebody is in between`,
      remedy: 'check which cluster this address belongs to before you go on',
    }
  }
  // it comes as a denied permission too
  if (/no request forwarding/.test(text))
    return {
      reason: 'the endpoint is a worker, which forwards nothing',
      remedy: 'set control plane addresses as endpoints: talosctl config endpoint ADDRESS',
    }
  const strange = /"(\w+)" "\w+": not registered/.exec(text)?.[1]
  if (strange)
    return {
      reason: `${/rpc error/.test(text) ? 'the node' : `this ${verb.tool}`} is too old to know ${strange}`,
      remedy: `use the ${verb.tool} of the version that your nodes run`,
    }
  if (/PermissionDenied/.test(text))
    return {
      reason: `the Talos API does not allow this to ${access?.roles.join(' and ') || 'this certificate'}`,
      remedy: `name a context with ${verb.needs?.join(' or ') ?? 'more rights'}: --context NAME`,
    }
  if (/expired certificate/.test(text))
    return {
      reason: `the node takes the certificate of context ${access?.context ?? '?'} for expired, though it ends on ${access?.notAfter.slice(0, 10)} by this machine's clock`,
      remedy: 'compare the clocks of this machine and the node',
    }
  // a client that has no certificate of the CAs that the node names sends none
  if (/unknown certificate authority|bad certificate|certificate required/.test(text))
    return {
      reason: `the node does not accept the certificate of context ${access?.context ?? '?'}: it is from another CA`,
      remedy: 'get a talosconfig of this cluster',
    }
  if (/broken pipe|connection reset by peer/.test(text))
    return {
      reason: `the node closed the connection of context ${access?.context ?? '?'}: its certificate is not accepted (expired on the node's clock, or from another CA)`,
      remedy: 'get a new talosconfig of this cluster',
    }
  const dial = /dial tcp ([^ ]+:\d+): (?:connect: )?([a-z/ ]+)/.exec(text)
  if (dial)
    return {
      reason: `${dial[1]} does not answer: ${dial[2]?.trim()}`,
      remedy: 'check that the node runs and that its address is right',
      unreached: true,
    }
  if (/is not registered/.test(text))
    return { reason: 'this Talos version does not have what was asked for', remedy: 'see which versions are tried: talos-preflight doctor' }
  if (/only available on control plane nodes/.test(text)) return { reason: 'only control plane nodes answer this' }
  const rpc = /rpc error: code = (\w+) desc = ([^\n]*)/.exec(text)
  if (rpc) return { reason: `${rpc[1]}: ${verb.secret ? shorten(rpc[2] ?? '') : plainLine(rpc[2] ?? '')}` }
  const signal = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.exitCode}`
  const tail = verb.secret ? '' : plainLine(text.split('\n').findLast((l) => l.trim() !== '' && !CLOSING.test(l)) ?? '')
  return { reason: `${verb.tool} ${signal}${tail ? `: ${tail}` : ''}` }
}

/** With this age ends whatever it complains of. */
const CLOSING = /^age: report unexpected or unhelpful errors at /

const conflictText = ({ manager, fields }: ApplyConflict): string => `${manager} has ${listed(fields, 6)}`

/** What kubectl says where the API server, or the way to it, is what is wrong. https://kubernetes.io/docs/reference/kubectl/ */
function explainKubernetes(text: string): Why | undefined {
  const conflicts = parseConflicts(text)
  if (conflicts.length > 0)
    return {
      reason: `others keep what this would set, and nothing is forced: ${plainLine(conflicts.map(conflictText).join('; '), 400)}`,
      remedy: 'let it be taken out where they set it, or take away what they made, and plan again',
    }
  if (/x509|certificate signed by unknown authority|tls: /.test(text))
    return {
      reason: 'the API server does not show a certificate of the CA that the kubeconfig holds: another cluster, or its CA was rotated',
      remedy: 'get a fresh kubeconfig of this cluster: talosctl kubeconfig',
    }
  if (/\(Unauthorized\)|must be logged in|Unauthorized/.test(text))
    return {
      reason: 'the API server does not accept the credential of the kubeconfig (401)',
      remedy: 'sign in again, or get a fresh kubeconfig',
    }
  const forbidden = /\(Forbidden\): (.*)/.exec(text)?.[1]
  if (forbidden)
    return {
      reason: `the API server does not allow it (403): ${plainLine(forbidden, 160)}`,
      remedy: 'name a context that may: --kube-context NAME',
    }
  const helper = /exec: executable (\S+) not found|exec: "([^"]+)": executable file not found/.exec(text)
  if (helper)
    return {
      reason: `the kubeconfig signs in with ${plainLine(helper[1] ?? helper[2] ?? 'a helper', 80)}, which is not on PATH`,
      remedy: 'install it, or take another kubeconfig',
    }
  if (/connection refused|no route to host|i\/o timeout|Client\.Timeout|context deadline exceeded|was refused|no such host|EOF/.test(text))
    return {
      reason: `the API server does not answer: ${plainLine(text.split('\n').findLast((l) => l.trim() !== '') ?? '', 160)}`,
      remedy: 'check the address in the kubeconfig, the network, and that the API server runs',
    }
  return undefined
}

/** Error text of a call that carries secrets: its first words, and nothing that could be a key. */
const shorten = (text: string): string => plainLine(text.replace(/[A-Za-z0-9+/=_-]{24,}/g, '(…)'), 160)
