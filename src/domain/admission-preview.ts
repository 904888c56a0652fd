import { type Block, observable, plainLine } from '../contract.ts'
import type { PodLevel, PodSecurity } from './admission.ts'
import { counted, listed } from './remarks.ts'

/**
 * What a stricter level would say of the pods that run now, as `kubectl label --dry-run=server` tells it on standard error.
 *
 * The API server looks at the pods of a namespace only where the level changes and the namespace is not exempt, and at 3,000 of them
 * at most (1.36.3, pod-security-admission/admission/admission.go). kubectl prints a warning that it has printed once no second time
 * (1.36.3, kubectl/pkg/cmd/cmd.go): where pods of two namespaces have the same name and faults, only the first shows them.
 */

interface FailingPods {
  /** The first by name; `others` have the same faults. */
  pod: string
  others: number
  faults: string
}

export interface Preview {
  namespace: string
  /** `gone`: it was there and is not any more. `unseen`: it could not be asked, and why is in `why`. */
  state: 'keeps it' | 'violates' | 'exempt' | 'gone' | 'unseen'
  pods: FailingPods[]
  why?: string
}

export interface Previews {
  previews: Preview[]
  /** Whose answer is not whole: ask each of these alone. Empty for a call about one namespace. */
  again: string[]
}

const VIOLATES = /^Warning: existing pods in namespace "([^"]+)" violate the new PodSecurity enforce level "[^"]+"$/
const EXEMPT = /^Warning: namespace "([^"]+)" is exempt from Pod Security/
const PARTLY = /^Warning: new PodSecurity enforce level only checked against the first (\d+) of (\d+) existing pods$/
const UNLISTED = /^Warning: failed to list pods while checking new PodSecurity enforce level$/
const POD = /^Warning: ([a-z0-9.-]+)(?: \(and (\d+) other pods?\))?: (.+)$/
const GONE = /^Error from server \(NotFound\): namespaces "([^"]+)" not found$/
const REFUSED = /^Error from server \(\w+\): namespaces "([^"]+)" is (forbidden: .+)$/
const INVALID = /^The Namespace "([^"]+)" is (invalid: .+)$/
const ANSWERED = /^namespace\/(\S+) (?:not )?labeled \(server dry run\)$/

/** @param asked the namespaces of the call */
export function parsePreview(asked: readonly string[], stdout: string, stderr: string): Previews {
  const answered = new Set(stdout.split('\n').flatMap((line) => ANSWERED.exec(line)?.[1] ?? []))
  const found = new Map(
    asked.map((n): [string, Preview] => [n, { namespace: n, state: answered.has(n) ? 'keeps it' : 'unseen', pods: [] }]),
  )
  const set = (name: string | undefined, more: Partial<Preview>) => {
    const before = found.get(name ?? '')
    if (before) found.set(before.namespace, { ...before, ...more })
  }
  const lines = stderr.split('\n').map((line) => line.trimEnd())
  let current: string | undefined
  for (const line of lines) {
    const [, header] = VIOLATES.exec(line) ?? []
    const [, pod, others = '0', faults = ''] = POD.exec(line) ?? []
    if (header) {
      current = header
      set(header, { state: 'violates' })
    } else if (EXEMPT.test(line)) set(EXEMPT.exec(line)?.[1], { state: 'exempt' })
    else if (GONE.test(line)) set(GONE.exec(line)?.[1], { state: 'gone' })
    else if (pod && current)
      set(current, { pods: [...(found.get(current)?.pods ?? []), { pod, others: Number(others), faults: plainLine(faults) }] })
    else {
      const [, name, why = ''] = REFUSED.exec(line) ?? INVALID.exec(line) ?? []
      set(name, { state: 'unseen', why: plainLine(why) })
    }
  }
  return incomplete([...found.values()], lines)
}

/** What the lines that name no namespace say of all of them. */
function incomplete(previews: Preview[], lines: readonly string[]): Previews {
  const partly = lines.map((line) => PARTLY.exec(line)).find((m) => m !== null)
  const unlisted = lines.some((line) => UNLISTED.test(line))
  const other = lines.find((line) => line && !line.startsWith('Warning: ') && ![GONE, REFUSED, INVALID].some((r) => r.test(line)))
  const filled = previews.map((p) => (p.state === 'unseen' && !p.why ? { ...p, why: plainLine(other ?? 'there was no answer') } : p))
  if (previews.length === 1)
    return {
      previews: filled.map((p) => {
        if (unlisted) return { ...p, state: 'unseen', why: 'the API server could not list its pods' }
        return partly
          ? {
              ...p,
              ...(p.state === 'keeps it' ? { state: 'unseen' } : {}),
              why: `only ${partly[1]} of its ${partly[2]} pods were looked at`,
            }
          : p
      }),
      again: [],
    }
  const vague = partly || unlisted
  const later = filled.filter((p) => p.state === 'violates').slice(1)
  return {
    previews: filled,
    again: (vague ? filled.filter((p) => p.state === 'keeps it' || p.state === 'violates') : later).map((p) => p.namespace),
  }
}

/** What each level would say of the namespaces that have none of their own. */
export const levelPreviews = observable<Record<Exclude<PodLevel, 'privileged'>, Preview[]>>({
  name: 'levelPreviews',
  scope: 'cluster',
  title: 'what a stricter level would say of the pods that run',
})

/* ---- whom to ask -------------------------------------------------------------------------------------------- */

const LABEL = 'pod-security.kubernetes.io/enforce'

/** Namespaces that the default is for: they have no level of their own and are not exempt. */
export function undecided(
  namespaces: readonly { name: string; labels: Record<string, string> }[],
  config: Pick<PodSecurity, 'exemptions'>,
): string[] {
  return namespaces.filter((n) => !n.labels[LABEL] && !config.exemptions.namespaces.includes(n.name)).map((n) => n.name)
}

/** So many in one call: a cluster may have thousands, and a call may take a minute. */
export function inBatches<T>(items: readonly T[], size = 50): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/* ---- what it comes to --------------------------------------------------------------------------------------- */

const MOST_ROWS = 20
export const AT_THE_NEXT_RESTART = 'What runs now goes on running; it fails when it is started again, and until then nothing shows.'

const podsOf = (p: Preview): number => p.pods.reduce((n, pod) => n + 1 + pod.others, 0)

/** The table of what would fail, and what that means. Empty where nothing would. */
export function previewBlocks(previews: readonly Preview[]): Block[] {
  const rows = previews
    .filter((p) => p.state === 'violates')
    .flatMap((p): string[][] => {
      if (p.pods.length === 0) return [[p.namespace, 'not named', p.why ?? '']]
      return p.pods.map(({ pod, others, faults }) => [p.namespace, others > 0 ? `${pod} and ${others} more` : pod, faults])
    })
  if (rows.length === 0) return []
  const more = rows.length > MOST_ROWS ? [{ type: 'text' as const, text: `${rows.length - MOST_ROWS} more lines like these.` }] : []
  return [
    { type: 'table', head: ['namespace', 'pods', 'why'], rows: rows.slice(0, MOST_ROWS) },
    ...more,
    { type: 'text', text: AT_THE_NEXT_RESTART },
  ]
}

/** Why the plan waits: pods would not start again, or it is not known whether they would. */
export function previewStops(previews: readonly Preview[], despite: boolean): { reason: string; remedy: string } | undefined {
  const unseen = previews.filter((p) => p.state === 'unseen')
  if (unseen.length > 0)
    return {
      reason: `it is not known whether the pods of ${listed(unseen.map((p) => p.namespace))} would start again: ${unseen[0]?.why ?? 'there was no answer'}`,
      remedy: 'name a kubeconfig that may read and patch namespaces, or exempt them in the answers of K8S-02',
    }
  const bad = previews.filter((p) => p.state === 'violates')
  if (bad.length === 0 || despite) return undefined
  const pods = bad.reduce((n, p) => n + podsOf(p), 0)
  const named = bad.every((p) => p.pods.length > 0)
  const what = pods > 0 ? `${named ? '' : 'at least '}${counted(pods, 'pod')} of ` : 'pods of '
  return {
    reason: `${what}${listed(bad.map((p) => p.namespace))} would not start again`,
    remedy: 'mend them, give their namespace a label of its own, exempt it in the answers of K8S-02, or answer that you go on despite them',
  }
}

/** Namespaces that were there when the look began. */
export const goneSentence = (previews: readonly Preview[]): string | undefined => {
  const gone = previews.filter((p) => p.state === 'gone').map((p) => p.namespace)
  return gone.length === 0
    ? undefined
    : `${listed(gone)} ${gone.length === 1 ? 'was' : 'were'} deleted meanwhile: there is nothing to ask about`
}

/* ---- the negative proof ------------------------------------------------------------------------------------- */

export type PrivilegedAnswer = { answer: 'refused'; level: string } | { answer: 'let in' } | { answer: 'unclear'; why: string }

/** Asked in the namespace `default`. */
export const privilegedAnswer = observable<PrivilegedAnswer>({
  name: 'privilegedAnswer',
  scope: 'cluster',
  title: 'whether a privileged pod would be let in',
})

/** What came of asking whether a privileged pod may be made, with a dry run. A right that is missing refuses it too, and proves nothing. */
export function parsePrivilegedAnswer(stdout: string, stderr: string): PrivilegedAnswer {
  const [, level] = /is forbidden: violates PodSecurity "([^"]+)": /.exec(stderr) ?? []
  if (level) return { answer: 'refused', level }
  if (/^pod\/\S+ created \(server dry run\)$/m.test(stdout)) return { answer: 'let in' }
  return {
    answer: 'unclear',
    why: plainLine(stderr.split('\n').find((line) => line && !line.startsWith('Warning: ')) ?? 'there was no answer'),
  }
}
