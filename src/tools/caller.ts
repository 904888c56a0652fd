import type { Call } from '../contract.ts'
import { mayDo, strength } from '../domain/roles.ts'
import type { VerbName, Verbs } from '../domain/verbs.ts'
import type { ProcessSpec, System } from '../system/ports.ts'
import type { Access, KubernetesAccess } from './access.ts'
import { explain, LACKS_KUBERNETES, lacksAccess } from './explain.ts'
import { REGISTRY } from './registry.ts'
import type { Verb } from './verb.ts'
import { MAX_BYTES } from './verb.ts'

/**
 * Runs verbs with explicit credentials and a clean environment: a context that is switched in another shell changes nothing.
 */

export interface CallOptions {
  input?: Buffer | string
  inputFile?: string
  outputFile?: string
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
      /** No connection came about, so that another address may well answer. */
      unreached?: true
    }

export interface Caller {
  run: <V extends VerbName>(verb: V, args: Verbs[V], options?: CallOptions) => Promise<Ran>
  /** As a person would type it. */
  commandLine: (call: Call) => string
  access: readonly Access[]
  kubernetes: KubernetesAccess | undefined
  verbOf: (name: string) => Verb<unknown>
}

/** What children keep of our environment; proxies, locale and what ssh and sops-like helpers need. Never a talosconfig or kubeconfig. */
const KEPT =
  /^(HOME|PATH|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_[A-Z_]+|TERM|COLORTERM|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)$/
/** What the helpers that a kubeconfig names for signing in look for. */
const KEPT_TO_SIGN_IN =
  /^(AWS|AZURE|AAD|GOOGLE|CLOUDSDK|CLOUDFLARE|OIDC|KUBELOGIN|DBUS)_[A-Z0-9_]+$|^(DISPLAY|WAYLAND_DISPLAY|BROWSER|SSH_AGENT_PID)$/
/** Given to kubectl itself, so that it says why before our limit ends it. */
const REQUEST_TIMEOUT = '15s'

export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>, signsIn = false): Record<string, string> {
  const kept = (name: string) => KEPT.test(name) || (signsIn && KEPT_TO_SIGN_IN.test(name))
  return Object.fromEntries(Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined && kept(e[0])))
}

/** Quotes an argument for a POSIX shell, only where it is needed. */
export const shellQuote = (word: string): string => (/^[A-Za-z0-9_/.:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

/**
 * Looks at the cluster that run at a time, over all that is observed: each is a process with a handshake of its own. Where there are
 * many more, none of them comes to its end within its time, and nodes that are well seem not to answer.
 */
const LOOKS_AT_ONCE = 16

/** Runs work in turns, at most so much of it at a time. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    // whoever ends hands its turn on
    if (running < most) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

export function createCaller(system: System, access: readonly Access[], kubernetes?: KubernetesAccess): Caller {
  const verbOf = (name: string): Verb<unknown> => {
    const verb = (REGISTRY as Record<string, Verb<unknown> | undefined>)[name]
    if (!verb) throw new Error(`no verb ${name}`)
    return verb
  }
  /** The credential that the profile names for what the verb does, where that may; else the weakest that may. */
  const choose = ({ needs, changes, backup }: Verb<unknown>): Access | undefined => {
    const may = access.filter((a) => needs && mayDo(a.roles, needs)).toSorted((a, b) => strength(a.roles) - strength(b.roles))
    const named = changes ? 'change' : backup ? 'backup' : undefined
    return may.find((a) => a.purpose === named) ?? may[0]
  }

  const argvOf = (verb: Verb<unknown>, args: unknown, chosen: Access | undefined): string[] => {
    if (verb.kubernetes && kubernetes) {
      const { kubeconfig, context } = kubernetes
      return ['--kubeconfig', kubeconfig, '--context', context, '--request-timeout', REQUEST_TIMEOUT, ...verb.argv(args)]
    }
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

  const inTurn = turns(LOOKS_AT_ONCE)

  return {
    access,
    kubernetes,
    verbOf,
    commandLine: (call) => {
      const verb = verbOf(call.verb)
      const line = [verb.tool, ...argvOf(verb, call.args, choose(verb) ?? access[0])].map(shellQuote).join(' ')
      return verb.input ? `echo ${shellQuote(verb.input(call.args))} | ${line}` : line
    },
    run: async (name, args, options = {}) => {
      const verb = verbOf(name)
      let takenAt = system.clock.now().toISOString()
      const chosen = choose(verb)
      const argv = argvOf(verb, args, chosen)
      const command = [verb.tool, ...argv].map(shellQuote).join(' ')
      const none = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), command, takenAt, timedOut: false }
      const changes = verb.changes?.(args) === true
      if (verb.needs && !chosen) return { ok: false, ...lacksAccess(verb.needs, access), ...none }
      if (verb.kubernetes && !kubernetes) return { ok: false, ...LACKS_KUBERNETES, ...none }
      const spec: ProcessSpec = {
        file: verb.tool,
        args: argv,
        env: cleanEnvironment(system.files.env, verb.kubernetes === true),
        timeoutMs: verb.seconds * 1000,
        maxBytes: verb.maxBytes ?? MAX_BYTES,
        ...(verb.cwd ? { cwd: verb.cwd(args) } : {}),
        ...(verb.terminal ? { terminal: true } : {}),
        ...(verb.input ? { input: verb.input(args) } : {}),
        ...(changes
          ? { apart: 'to its end' }
          : // what asks a person needs our terminal, as a helper may by which kubectl signs in
            verb.terminal || verb.mayAsk || verb.kubernetes
            ? {}
            : { apart: 'until we end' }),
        ...options,
      }
      const start = () => {
        takenAt = system.clock.now().toISOString()
        return system.processes.run(spec)
      }
      // a change waits for nobody, and what looks at no cluster is no load on it
      const exit = await (changes || !(verb.needs || verb.kubernetes) ? start() : inTurn(start))
      if (exit.started && exit.exitCode === 0 && !exit.timedOut && !exit.truncated)
        return { ok: true, stdout: exit.stdout, stderr: exit.stderr, command, takenAt, exitCode: 0 }
      const why = await explain(exit, verb, chosen, system, verb.nodes?.(args) ?? [])
      if (!exit.started) return { ok: false, ...why, ...none }
      // what was printed before an end that was not its own is a part, and half a list reads like a whole one
      const isPart = exit.timedOut || exit.truncated || exit.aborted || exit.signal !== undefined
      return {
        ok: false,
        ...why,
        stdout: isPart ? Buffer.alloc(0) : exit.stdout,
        stderr: exit.stderr,
        command,
        takenAt,
        timedOut: exit.timedOut,
        ...(exit.exitCode !== undefined ? { exitCode: exit.exitCode } : {}),
      }
    },
  }
}
