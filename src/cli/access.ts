import { delimiter, dirname, join, resolve } from 'node:path'
import { plainLine } from '../contract.ts'
import type { TalosContext } from '../domain/observations.ts'
import type { Profile } from '../domain/profile.ts'
import { mayDo } from '../domain/roles.ts'
import { Refusal } from '../engine/errors.ts'
import { certificatesIn, type KubeContext, parseKubeconfig } from '../observe/kubeconfig.ts'
import { parseTalosconfig, talosCasOf } from '../observe/talosconfig.ts'
import type { System } from '../system/ports.ts'
import type { Access, KubernetesAccess } from '../tools/access.ts'
import type { Parsed } from './args.ts'

/** Which credentials may be used: those that a flag or the profile names, else those that the tools would take by themselves. */

export interface FoundContexts {
  found: TalosContext[]
  problems: string[]
}

/** Reads the contexts of every talosconfig that may be used; files that are not there are no problem. */
export async function readContexts(system: System, paths: readonly string[]): Promise<FoundContexts> {
  const found: TalosContext[] = []
  const problems: string[] = []
  for (const path of paths) {
    if (!(await system.files.info(path))) continue
    const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
    if (typeof bytes === 'string') {
      problems.push(`${path} could not be read: ${bytes}`)
      continue
    }
    const parsed = parseTalosconfig(bytes.toString('utf8'), path)
    if ('problem' in parsed) problems.push(`${path} ${parsed.problem}`)
    else found.push(...parsed.contexts)
  }
  return { found, problems }
}

function accessOf(context: TalosContext, purpose: Access['purpose']): Access {
  return {
    purpose,
    talosconfig: context.file,
    context: context.name,
    roles: context.roles,
    endpoints: context.endpoints,
    nodes: context.nodes,
    notAfter: context.notAfter,
    certificate: context.certificate,
  }
}

/** The role that each purpose of the profile is there for. */
const NEEDS = { change: ['os:admin'], backup: ['os:etcd:backup'] } as const

/**
 * The credentials that may be used, each for its purpose: the flag, then the profile, then the file's own current context. What the
 * flag names goes before what the profile names for a purpose, where it may do it.
 *
 * @throws Refusal where a named context is not there, or two of them belong to different clusters.
 */
export function chooseAccess(
  contexts: readonly TalosContext[],
  named: { flag?: string | undefined; observe?: string | undefined; change?: string | undefined; backup?: string | undefined },
): Access[] {
  const pick = (name: string, from: string): TalosContext => {
    const context = contexts.find((c) => c.name === name)
    if (!context)
      throw new Refusal(
        'no-such-context',
        `there is no context "${name}" (${from})`,
        contexts.length > 0
          ? `contexts: ${contexts.map((c) => c.name).join(', ')}`
          : 'no talosconfig was found; name one with --talosconfig FILE',
      )
    if (context.problem) throw new Refusal('bad-context', `context "${name}" ${context.problem}`, 'take another one: --context NAME')
    return context
  }
  const observe = named.flag
    ? pick(named.flag, '--context')
    : named.observe
      ? pick(named.observe, 'access.observe in preflight.yaml')
      : (contexts.find((c) => c.current && !c.problem) ?? (contexts.length === 1 && !contexts[0]?.problem ? contexts[0] : undefined))
  const others = (['change', 'backup'] as const).flatMap((purpose) => {
    const name = named[purpose]
    return name ? [{ purpose, context: pick(name, `access.${purpose} in preflight.yaml`) }] : []
  })
  for (const { context } of others)
    if (observe && observe.ca !== context.ca)
      throw new Refusal(
        'mixed-access',
        `contexts "${observe.name}" and "${context.name}" belong to different clusters`,
        'name contexts of one cluster in preflight.yaml, or --context NAME',
      )
  const flagMay = (purpose: keyof typeof NEEDS) => named.flag && observe && mayDo(observe.roles, NEEDS[purpose])
  const all = [...(observe ? [{ purpose: 'observe' as const, context: observe }] : []), ...others.filter((o) => !flagMay(o.purpose))]
  return all.map(({ context, purpose }) => accessOf(context, purpose))
}

/** CA certificates (DER) of the contexts that are used, from the file that holds them. */
export async function talosCas(system: System, access: readonly Access[]): Promise<Buffer[]> {
  const [first] = access
  if (!first) return []
  const text = await system.files.read(first.talosconfig).then(
    (b) => b.toString('utf8'),
    () => '',
  )
  return talosCasOf(text, first.context)
}

/** kubeconfig files in the order in which they count. */
function kubeconfigPlaces(system: System, named: string | undefined): string[] {
  const { home, env } = system.files
  if (named) return [resolve(system.files.cwd, named)]
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter(Boolean)
  return listed.length > 0 ? listed.map((p) => resolve(p)) : [join(home, '.kube', 'config')]
}

export interface ChosenKubernetes {
  access: KubernetesAccess
  /** CAs of the API server, DER. */
  ca: Buffer[]
  server: string
  signsIn: KubeContext['signsIn']
}

/**
 * The kubeconfig and context that may be used: the flags, then the profile, then the environment and the default place. None is no
 * problem until something needs it. The file is parsed here, and nothing that it names is run.
 *
 * @throws Refusal where a file or context that was named is not there.
 */
export async function chooseKubernetes(
  system: System,
  named: { kubeconfig?: string | undefined; context?: string | undefined },
): Promise<ChosenKubernetes | undefined> {
  const contexts: { path: string; context: KubeContext }[] = []
  for (const path of kubeconfigPlaces(system, named.kubeconfig)) {
    const bytes = await system.files.read(path).catch(() => undefined)
    if (!bytes) {
      if (named.kubeconfig)
        throw new Refusal(
          'no-kubeconfig',
          `there is no kubeconfig ${named.kubeconfig} that can be read`,
          'check the path given by --kubeconfig or preflight.yaml',
        )
      continue
    }
    const parsed = parseKubeconfig(bytes.toString('utf8'))
    if ('problem' in parsed) {
      if (named.kubeconfig) throw new Refusal('bad-kubeconfig', `${path} ${parsed.problem}`, 'take another one: --kubeconfig FILE')
      continue
    }
    contexts.push(...parsed.contexts.map((context) => ({ path, context })))
  }
  const chosen = named.context
    ? contexts.find((c) => c.context.name === named.context)
    : (contexts.find((c) => c.context.current) ?? (contexts.length === 1 ? contexts[0] : undefined))
  if (!chosen) {
    if (!named.context) return undefined
    const names = contexts.map((c) => c.context.name)
    throw new Refusal(
      'no-such-context',
      `there is no context "${plainLine(named.context, 80)}" in a kubeconfig`,
      names.length > 0 ? `contexts: ${names.join(', ')}` : 'name a kubeconfig with --kubeconfig FILE',
    )
  }
  const { path, context } = chosen
  const ca = context.ca.length > 0 || !context.caFile ? context.ca : await casIn(system, resolve(dirname(path), context.caFile))
  return { access: { kubeconfig: path, context: context.name }, ca, server: context.server, signsIn: context.signsIn }
}

const casIn = (system: System, path: string): Promise<Buffer[]> =>
  system.files.read(path).then(
    (b) => certificatesIn(b.toString('latin1')),
    () => [],
  )

export interface Credentials {
  contexts: FoundContexts
  access: Access[]
  kubernetes?: ChosenKubernetes
  /** What was named and cannot be used. It is refused where a cluster is looked at, and is no matter elsewhere. */
  refused: { what: 'talosconfig' | 'kubeconfig'; why: Refusal }[]
}

/** Everything that may be used, by the flags and the profile. */
export async function credentials(
  system: System,
  talosconfigs: readonly string[],
  { flags, profile }: { flags: Parsed['flags']; profile: Profile | undefined },
): Promise<Credentials> {
  const refused: Credentials['refused'] = []
  const or = async <T>(what: 'talosconfig' | 'kubeconfig', otherwise: T, choose: () => T | Promise<T>): Promise<T> => {
    try {
      return await choose()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refused.push({ what, why: error })
      return otherwise
    }
  }
  const contexts = await readContexts(system, talosconfigs)
  const access = await or('talosconfig', [], async () => {
    const named = flags.talosconfig ?? profile?.talosconfig
    // talosctl makes an empty config where the file is missing, so it must never get that far
    if (named && !(await system.files.info(resolve(named))))
      throw new Refusal('no-talosconfig', `there is no talosconfig ${named}`, 'check the path given by --talosconfig or preflight.yaml')
    return chooseAccess(contexts.found, { flag: flags.context, ...profile?.access })
  })
  const kubernetes = await or('kubeconfig', undefined, () =>
    chooseKubernetes(system, {
      kubeconfig: flags.kubeconfig ?? profile?.kubernetes?.kubeconfig,
      context: flags['kube-context'] ?? profile?.kubernetes?.context,
    }),
  )
  return { contexts, access, ...(kubernetes ? { kubernetes } : {}), refused }
}
