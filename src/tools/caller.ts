import { type Call, plain, plainLine } from '../contract.ts'
import { mayDo, strength } from '../domain/roles.ts'
import type { VerbName, Verbs } from '../domain/verbs.ts'
import type { Exit, System } from '../system/ports.ts'
import { REGISTRY } from './registry.ts'
import type { Verb } from './verb.ts'

/**
 * Runs verbs with explicit credentials and a clean environment: a context that is switched in another shell changes nothing.
 */

/** One credential that may be used, by its context. */
export interface Access {
  purpose: 'observe' | 'change' | 'backup'
  talosconfig: string
  context: string
  roles: string[]
  endpoints: string[]
  /** Default nodes of the context. */
  nodes: string[]
  /** ISO 8601. */
  notAfter: string
  certificate: string
}

export interface CallOptions {
  input?: Buffer | string
  signal?: AbortSignal
  onChunk?: (chunk: Buffer) => boolean | undefined
  onStart?: (child: { pid: number; started: string }) => Promise<void>
}

export type Ran =
  | { ok: true; stdout: Buffer; stderr: Buffer; command: string; takenAt: string; exitCode: number }
  | {
      ok: false
      reason: string
      remedy?: string
      stdout: Buffer
      stderr: Buffer
      command: string
      takenAt: string
      exitCode?: number
      timedOut: boolean
    }

export interface Caller {
  run: <V extends VerbName>(verb: V, args: Verbs[V], options?: CallOptions) => Promise<Ran>
  /** As a person would type it. */
  commandLine: (call: Call) => string
  access: readonly Access[]
  verbOf: (name: string) => Verb<unknown>
}

/** What children keep of our environment; proxies, locale and what ssh and sops-like helpers need. Never a talosconfig or kubeconfig. */
const KEPT =
  /^(HOME|PATH|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_[A-Z_]+|TERM|COLORTERM|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)$/
const MAX_BYTES = 64 << 20
/** Looking whether a port opens at all, when a call ran out of time. Milliseconds. */
const CONNECT_LIMIT = 2000
const APID_PORT = 50000

export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined && KEPT.test(e[0])))
}

/** Quotes an argument for a POSIX shell, only where it is needed. */
export const shellQuote = (word: string): string => (/^[A-Za-z0-9_/.:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

export function createCaller(system: System, access: readonly Access[]): Caller {
  const env = cleanEnvironment(system.files.env)
  const verbOf = (name: string): Verb<unknown> => {
    const verb = (REGISTRY as Record<string, Verb<unknown> | undefined>)[name]
    if (!verb) throw new Error(`no verb ${name}`)
    return verb
  }
  /** The weakest credential that will do; a change takes the one that the profile names for changes. */
  const choose = (verb: Verb<unknown>): Access | undefined =>
    access.filter((a) => verb.needs && mayDo(a.roles, verb.needs)).toSorted((a, b) => strength(a.roles) - strength(b.roles))[0]

  const argvOf = (verb: Verb<unknown>, args: unknown, chosen: Access | undefined): string[] => {
    if (!verb.needs || !chosen) return verb.argv(args)
    const nodes = verb.nodes?.(args) ?? []
    const at = nodes.length > 0 ? nodes : chosen.endpoints.slice(0, 1)
    return [
      '--talosconfig',
      chosen.talosconfig,
      '--context',
      chosen.context,
      ...(at.length > 0 ? ['--nodes', at.join(',')] : []),
      ...verb.argv(args),
    ]
  }

  return {
    access,
    verbOf,
    commandLine: (call) => {
      const verb = verbOf(call.verb)
      return [verb.tool, ...argvOf(verb, call.args, choose(verb) ?? access[0])].map(shellQuote).join(' ')
    },
    run: async (name, args, options = {}) => {
      const verb = verbOf(name)
      const takenAt = system.clock.now().toISOString()
      const chosen = choose(verb)
      const argv = argvOf(verb, args, chosen)
      const command = [verb.tool, ...argv].map(shellQuote).join(' ')
      const none = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), command, takenAt, timedOut: false }
      if (verb.needs && !chosen) return { ok: false, ...lacksAccess(verb.needs, access, name), ...none }
      const exit = await system.processes.run({
        file: verb.tool,
        args: argv,
        env,
        timeoutMs: verb.seconds * 1000,
        maxBytes: verb.maxBytes ?? MAX_BYTES,
        ...(verb.cwd ? { cwd: verb.cwd(args) } : {}),
        ...(verb.terminal ? { terminal: true } : {}),
        ...(verb.changes?.(args) ? { apart: true } : {}),
        ...options,
      })
      if (exit.started && exit.exitCode === 0 && !exit.timedOut && !exit.truncated)
        return { ok: true, stdout: exit.stdout, stderr: exit.stderr, command, takenAt, exitCode: 0 }
      const why = await explain(exit, verb, chosen, system, verb.nodes?.(args) ?? [])
      if (!exit.started) return { ok: false, ...why, ...none }
      return {
        ok: false,
        ...why,
        stdout: exit.stdout,
        stderr: exit.stderr,
        command,
        takenAt,
        timedOut: exit.timedOut,
        ...(exit.exitCode !== undefined ? { exitCode: exit.exitCode } : {}),
      }
    },
  }
}

interface Why {
  reason: string
  remedy?: string
}

function lacksAccess(needed: string, access: readonly Access[], verb: string): Why {
  if (access.length === 0) return { reason: 'no talosconfig was found', remedy: 'name one with --talosconfig FILE, or set TALOSCONFIG' }
  const have = access.map((a) => `${a.context} is ${a.roles.join(' and ') || 'without a role'}`).join(', ')
  if (access.every((a) => a.roles.length === 0))
    return {
      reason: `the certificate of context ${access[0]?.context} has no role that the Talos API knows, so it may call nothing`,
      remedy: 'take a context with os:reader: --context NAME',
    }
  return {
    reason: `needs ${needed}; ${have}`,
    remedy:
      verb === 'talosctl.patch' || needed === 'os:admin'
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

/** What became of a call that did not succeed, as a sentence. Never holds output that may be secret. */
async function explain(
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
      remedy: `name a context with ${verb.needs ?? 'more rights'}: --context NAME`,
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
    return { reason: `${dial[1]} does not answer: ${dial[2]?.trim()}`, remedy: 'check that the node runs and that its address is right' }
  if (/is not registered/.test(text))
    return { reason: 'this Talos version does not have what was asked for', remedy: 'see which versions are tried: talos-preflight doctor' }
  if (/only available on control plane nodes/.test(text)) return { reason: 'only control plane nodes answer this' }
  const rpc = /rpc error: code = (\w+) desc = ([^\n]*)/.exec(text)
  if (rpc) return { reason: `${rpc[1]}: ${verb.secret ? shorten(rpc[2] ?? '') : plainLine(rpc[2] ?? '')}` }
  const signal = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.exitCode}`
  const tail = verb.secret ? '' : plainLine(text.split('\n').findLast((l) => l.trim() !== '') ?? '')
  return { reason: `${verb.tool} ${signal}${tail ? `: ${tail}` : ''}` }
}

/** Error text of a call that carries secrets: its first words, and nothing that could be a key. */
const shorten = (text: string): string => plainLine(text.replace(/[A-Za-z0-9+/=_-]{24,}/g, '(…)'), 160)
