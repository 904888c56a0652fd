import { parseDocument } from 'yaml'
import { canonical, type Json, type Question } from '../contract.ts'
import { type ApiServerRecord, patchDocuments, patchFile } from './api-server-forms.ts'
import type { ApiServerForm } from './hardening-config.ts'
import { counted, failing, listed, noting, type Remark } from './remarks.ts'

/**
 * What the API server enforces on pods of a namespace that says nothing itself.
 *
 * The three versions of its configuration have the same fields; it is decoded strictly, and with an unknown field, a wrong level or an
 * entry that stands twice kube-apiserver does not start (1.36.3, pod-security-admission/admission/api).
 * https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/
 */

/** Least strict first. */
const LEVELS = ['privileged', 'baseline', 'restricted'] as const
export type PodLevel = (typeof LEVELS)[number]
const MODES = ['enforce', 'audit', 'warn'] as const
type Mode = (typeof MODES)[number]
const LISTS = ['usernames', 'runtimeClasses', 'namespaces'] as const
type ListName = (typeof LISTS)[number]

export interface PodSecurity {
  apiVersion: string
  /** What a mode is where nobody sets it: privileged, latest. */
  levels: Record<Mode, PodLevel>
  versions: Record<Mode, string>
  exemptions: Record<ListName, string[]>
}

const GROUP = 'pod-security.admission.config.k8s.io'
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1'].map((v) => `${GROUP}/${v}`)

type Raw = Record<string, unknown>
const asMap = (value: unknown): Raw => (value && typeof value === 'object' && !Array.isArray(value) ? (value as Raw) : {})

function unknownIn(value: unknown, path: string, known: readonly string[]): string[] {
  if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) return [`${path || 'it'} is no map`]
  return Object.keys(asMap(value))
    .filter((name) => !known.includes(name))
    .map((name) => `unknown field "${path ? `${path}.` : ''}${name}"`)
}

function listProblems(list: unknown, path: string): string[] {
  if (list === undefined || list === null) return []
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'string' || item === '')) return [`${path} is no list of names`]
  return [...new Set(list.filter((item, i) => list.indexOf(item) !== i))].map((item) => `${path} has "${item}" twice`)
}

const MODE_FIELDS = MODES.flatMap((mode) => [mode, `${mode}-version`])

function problemsOf(raw: Raw): string[] {
  const defaults = asMap(raw.defaults)
  const exemptions = asMap(raw.exemptions)
  return [
    ...(VERSIONS.includes(String(raw.apiVersion)) ? [] : [`apiVersion is not one of ${VERSIONS.join(', ')}`]),
    ...(raw.kind === 'PodSecurityConfiguration' ? [] : ['kind is not PodSecurityConfiguration']),
    ...unknownIn(raw, '', ['apiVersion', 'kind', 'defaults', 'exemptions']),
    ...unknownIn(raw.defaults, 'defaults', MODE_FIELDS),
    ...unknownIn(raw.exemptions, 'exemptions', LISTS),
    ...MODES.filter((m) => defaults[m] && !LEVELS.some((l) => l === defaults[m])).map(
      (m) => `defaults.${m} is ${JSON.stringify(defaults[m])}, not one of ${LEVELS.join(', ')}`,
    ),
    ...MODES.filter((m) => defaults[`${m}-version`] && !/^(?:latest|v1\.\d+)$/.test(String(defaults[`${m}-version`]))).map(
      (m) => `defaults.${m}-version is ${JSON.stringify(defaults[`${m}-version`])}, neither latest nor such as v1.36`,
    ),
    ...LISTS.flatMap((list) => listProblems(exemptions[list], `exemptions.${list}`)),
  ]
}

const namesIn = (value: unknown): string[] => (Array.isArray(value) ? value.filter((v) => typeof v === 'string' && v !== '') : [])
const perMode = <T>(of: (mode: Mode) => T): Record<Mode, T> => ({ enforce: of('enforce'), audit: of('audit'), warn: of('warn') })

/** What it comes to, and what would keep the API server from starting. Doubles are kept as they stand. */
export function parsePodSecurity(live: Json | undefined): { config: PodSecurity; problems: string[] } {
  const raw = asMap(live)
  const defaults = asMap(raw.defaults)
  const exemptions = asMap(raw.exemptions)
  return {
    config: {
      apiVersion: VERSIONS.find((v) => v === raw.apiVersion) ?? `${GROUP}/v1`,
      levels: perMode((mode) => LEVELS.find((l) => l === defaults[mode]) ?? 'privileged'),
      versions: perMode((mode) => String(defaults[`${mode}-version`] || 'latest')),
      exemptions: {
        usernames: namesIn(exemptions.usernames),
        runtimeClasses: namesIn(exemptions.runtimeClasses),
        namespaces: namesIn(exemptions.namespaces),
      },
    },
    problems: live === undefined ? [] : problemsOf(raw),
  }
}

const rank = (level: PodLevel): number => LEVELS.indexOf(level)
const stricter = (a: PodLevel, b: PodLevel): PodLevel => (rank(a) >= rank(b) ? a : b)

export interface PodSecurityAnswers {
  level: 'baseline' | 'restricted'
  /** Namespaces. */
  exempt: readonly string[]
}

/**
 * The live one, raised: never a weaker level, exemptions each once and in the order that they have, ours behind them. Where
 * nobody said what is told of, it is as in what Talos makes: one level up.
 */
export function wantedPodSecurity(live: Json | undefined, { level, exempt }: PodSecurityAnswers): Json {
  const { apiVersion, levels, versions, exemptions } = parsePodSecurity(live).config
  const enforce = stricter(levels.enforce, level)
  const said = asMap(asMap(live).defaults)
  const raised = perMode((mode) => (mode === 'enforce' || said[mode] ? stricter(levels[mode], enforce) : 'restricted'))
  const once = (names: readonly string[]) => [...new Set(names)]
  return {
    apiVersion,
    kind: 'PodSecurityConfiguration',
    defaults: Object.fromEntries(
      MODES.flatMap((mode) => [
        [mode, raised[mode]],
        [`${mode}-version`, versions[mode]],
      ]),
    ),
    exemptions: {
      usernames: once(exemptions.usernames),
      runtimeClasses: once(exemptions.runtimeClasses),
      namespaces: once([...exemptions.namespaces, ...exempt]),
    },
  }
}

/* ---- patches ------------------------------------------------------------------------------------------------ */

const deletePatch = (form: ApiServerForm): Json =>
  form === 'documents'
    ? { apiVersion: 'v1alpha1', kind: 'KubeAdmissionControlConfig', name: 'PodSecurity', $patch: 'delete' }
    : { cluster: { apiServer: { admissionControl: [{ name: 'PodSecurity', $patch: 'delete' }] } } }

const setPatch = (form: ApiServerForm, configuration: Json): Json =>
  form === 'documents'
    ? { apiVersion: 'v1alpha1', kind: 'KubeAdmissionControlConfig', name: 'PodSecurity', configuration }
    : { cluster: { apiServer: { admissionControl: [{ name: 'PodSecurity', configuration }] } } }

/**
 * Takes the entry out and sets it, in one call: lists inside it grow on merge, and so nothing ever doubles. An entry that is not there
 * cannot be taken out of `cluster.apiServer` (talosctl 1.13.9: "lookup failed", exit 1), so it is set first: to set it alone would double
 * it where the same is sent again, as what was tried is to keep it.
 */
export function podSecurityPatches(form: ApiServerForm, live: Json | undefined, wanted: Json): Json[] {
  const anew = [deletePatch(form), setPatch(form, wanted)]
  return live === undefined ? [setPatch(form, wanted), ...anew] : anew
}

/** Why the entry is taken out of a file too. */
const GROWS =
  ' Taken out and then set: the lists in it grow where it is merged onto itself, and an API server with an exemption that stands twice\n does not start.'
const LOOKUP_FAILED = ' Where the config has no such entry yet, which talosctl calls "lookup failed", the first document is left out.'

/** The patches as a file, with the comments of the template. */
export function podSecurityFile(form: ApiServerForm, template: string, wanted: Json): string {
  const why = form === 'documents' ? GROWS : `${GROWS}${LOOKUP_FAILED}`
  return [patchDocuments([deletePatch(form)], why), filledIn(form, template, wanted)].join('---\n')
}

function filledIn(form: ApiServerForm, template: string, wanted: Json): string {
  const filled = parseDocument(template)
  for (const [part, values] of Object.entries(asMap(wanted)))
    if (values && typeof values === 'object') for (const [name, value] of Object.entries(values)) filled.setIn([part, name], value)
    else filled.setIn([part], values)
  return patchFile(setPatch(form, null), form, ['cluster', 'apiServer', 'admissionControl', 0, 'configuration'], filled)
}

/** Puts back what was there; undefined where somebody changed it since, and it is not ours to take back. */
export function podSecurityUndo(live: Json | undefined, { form, before, set }: ApiServerRecord): Json[] | undefined {
  if (canonical(live ?? null) !== canonical(set)) return undefined
  // set first, so that it can be taken out once more: kept is what was tried, with the same patches
  return before === null ? [setPatch(form, set), deletePatch(form)] : [deletePatch(form), setPatch(form, before)]
}

/* ---- sentences ---------------------------------------------------------------------------------------------- */

/** Whoever may create a workload would be exempt through them. */
const CONTROLLER = /^system:serviceaccount:kube-system:.*-controller$|^system:kube-controller-manager$/
/** What runs there is the cluster itself; Talos exempts it from the start. */
export const ALWAYS_EXEMPT = ['kube-system']

/** No plan takes an exemption away, because it cannot be told what would fail without it. */
const NAME_THEM = 'name the exempt namespaces in the answers of K8S-02, or take them out by hand once their pods keep the level'
const TAKE_OUT = 'take it out of exemptions.usernames by hand; a namespace whose pods need more can have a label of its own'
const LEAVE_ONE = 'leave one entry PodSecurity in cluster.apiServer.admissionControl, by hand'

/**
 * @param live one for each time that the plugin is named. Where it is named twice, a patch takes out one of them and is merged onto the
 * other (talosctl 1.13.9 and 1.14.1), so that no plan makes it one.
 */
export const judgeAdmission = (live: readonly Json[], level: PodSecurityAnswers['level'], allowed: readonly string[]): Remark[] => [
  ...judgePodSecurity(live[0], level, allowed),
  ...(live.length > 1 ? [failing(`the plugin is configured ${live.length} times, and only one can count`, LEAVE_ONE)] : []),
]

/** @param allowed namespaces that may be exempt, beside the one of the cluster itself */
export function judgePodSecurity(live: Json | undefined, level: PodSecurityAnswers['level'], allowed: readonly string[]): Remark[] {
  if (live === undefined) return [failing('nothing is enforced: the API server has no configuration of pod security')]
  const { config, problems } = parsePodSecurity(live)
  const { levels, versions, exemptions } = config
  const surplus = exemptions.namespaces.filter((n) => !allowed.includes(n) && !ALWAYS_EXEMPT.includes(n))
  const controllers = exemptions.usernames.filter((u) => CONTROLLER.test(u))
  const weak = (['audit', 'warn'] as const).filter((mode) => rank(levels[mode]) < rank(levels.enforce))
  const pinned = MODES.filter((mode) => versions[mode] !== 'latest')
  return [
    ...problems.map((p) => failing(`the API server would not start with this: ${p}`)),
    ...(rank(levels.enforce) < rank(level) ? [failing(`a namespace that says nothing gets ${levels.enforce}, not ${level}`)] : []),
    ...(surplus.length > 0
      ? [failing(`${counted(surplus.length, 'namespace is', 'namespaces are')} exempt that nobody named: ${listed(surplus)}`, NAME_THEM)]
      : []),
    ...(controllers.length > 0
      ? [failing(`${listed(controllers)} is exempt, and with it everybody who may create a workload`, TAKE_OUT)]
      : []),
    ...(exemptions.usernames.length > controllers.length
      ? [noting(`users are exempt: ${listed(exemptions.usernames.filter((u) => !CONTROLLER.test(u)))}`)]
      : []),
    ...(exemptions.runtimeClasses.length > 0 ? [noting(`runtime classes are exempt: ${listed(exemptions.runtimeClasses)}`)] : []),
    ...(weak.length > 0 ? [noting(`${weak.join(' and ')} ${weak.length === 1 ? 'is' : 'are'} less strict than what is enforced`)] : []),
    ...(pinned.length > 0 ? [noting(`${pinned.map((m) => `${m} is judged by the rules of ${versions[m]}`).join(', ')}`)] : []),
  ]
}

/* ---- questions ---------------------------------------------------------------------------------------------- */

const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Names of namespaces, separated by commas or white space. */
export function namespacesQuestion(label: string, hint: string): Question<string[]> {
  return {
    label,
    hint,
    default: [],
    parse: (text) => {
      const value = [...new Set(text.split(/[\s,]+/).filter(Boolean))]
      const wrong = value.find((name) => !NAMESPACE.test(name))
      return wrong === undefined ? { value } : { error: `"${wrong}" is no name of a namespace` }
    },
    format: (value) => value.join(' '),
  }
}

/** A pod that no level but privileged lets in. It is only ever asked about, with a dry run. */
export const privilegedPod = (namespace: string): Json => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'talos-preflight-privileged', namespace },
  spec: { containers: [{ name: 'probe', image: 'registry.k8s.io/pause:3.10', securityContext: { privileged: true } }] },
})
