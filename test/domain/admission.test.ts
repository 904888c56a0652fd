import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Json } from '../../src/contract.ts'
import {
  judgePodSecurity,
  namespacesQuestion,
  type PodLevel,
  parsePodSecurity,
  podSecurityFile,
  podSecurityPatches,
  podSecurityUndo,
  privilegedPod,
  wantedPodSecurity,
} from '../../src/domain/admission.ts'
import { isForAPlan } from '../../src/domain/remarks.ts'

const GROUP = 'pod-security.admission.config.k8s.io'
/** As Talos makes it, 1.13.9 and 1.14.1. */
const TALOS: Json = {
  apiVersion: `${GROUP}/v1alpha1`,
  kind: 'PodSecurityConfiguration',
  defaults: {
    enforce: 'baseline',
    'enforce-version': 'latest',
    audit: 'restricted',
    'audit-version': 'latest',
    warn: 'restricted',
    'warn-version': 'latest',
  },
  exemptions: { namespaces: ['kube-system'], runtimeClasses: [], usernames: [] },
}
const live = (more: { [key: string]: Json }): Json => ({ apiVersion: `${GROUP}/v1`, kind: 'PodSecurityConfiguration', ...more })
const said = (value: Json | undefined, level: 'baseline' | 'restricted' = 'baseline', allowed: string[] = []): string[] =>
  judgePodSecurity(value, level, allowed).map((r) => `${r.weight}: ${r.sentence}`)

describe('the configuration that is there', () => {
  test.each(['v1', 'v1beta1', 'v1alpha1'])('is read in its version %s', (version) => {
    const { config, problems } = parsePodSecurity({ ...(TALOS as object), apiVersion: `${GROUP}/${version}` } as Json)
    expect(problems).toEqual([])
    expect(config).toEqual({
      apiVersion: `${GROUP}/${version}`,
      levels: { enforce: 'baseline', audit: 'restricted', warn: 'restricted' },
      versions: { enforce: 'latest', audit: 'latest', warn: 'latest' },
      exemptions: { usernames: [], runtimeClasses: [], namespaces: ['kube-system'] },
    })
  })

  test('that says nothing lets everything in', () => {
    expect(parsePodSecurity(live({})).config.levels).toEqual({ enforce: 'privileged', audit: 'privileged', warn: 'privileged' })
    expect(parsePodSecurity(undefined).problems).toEqual([])
  })

  test.each<[Json, string]>([
    [live({ exemptions: { namespaces: ['kube-system', 'a', 'kube-system'] } }), 'exemptions.namespaces has "kube-system" twice'],
    [live({ exemptions: { usernames: ['', 'a'] } }), 'exemptions.usernames is no list of names'],
    [live({ exemptions: { namespaces: 'a' } }), 'exemptions.namespaces is no list of names'],
    [live({ exemptions: { namespace: ['a'] } }), 'unknown field "exemptions.namespace"'],
    [live({ default: {} }), 'unknown field "default"'],
    [live({ defaults: { enforced: 'baseline' } }), 'unknown field "defaults.enforced"'],
    [live({ defaults: [] }), 'defaults is no map'],
    [live({ defaults: { enforce: 'strict' } }), 'defaults.enforce is "strict", not one of privileged, baseline, restricted'],
    [live({ defaults: { 'warn-version': '1.30' } }), 'defaults.warn-version is "1.30", neither latest nor such as v1.36'],
    [
      { kind: 'PodSecurityConfiguration' },
      `apiVersion is not one of ${['v1', 'v1beta1', 'v1alpha1'].map((v) => `${GROUP}/${v}`).join(', ')}`,
    ],
    [{ apiVersion: `${GROUP}/v1`, kind: 'PodSecurity' }, 'kind is not PodSecurityConfiguration'],
  ])('%j would keep the API server from starting', (value, problem) => {
    expect(parsePodSecurity(value).problems).toEqual([problem])
    expect(said(value)).toContain(`fail: the API server would not start with this: ${problem}`)
  })
})

describe('the one that is wanted', () => {
  test('raises what is enforced, and leaves the rest as it is', () => {
    expect(wantedPodSecurity(TALOS, { level: 'restricted', exempt: ['storage'] })).toEqual({
      ...(TALOS as object),
      defaults: { ...(TALOS as { defaults: object }).defaults, enforce: 'restricted' },
      exemptions: { namespaces: ['kube-system', 'storage'], runtimeClasses: [], usernames: [] },
    })
  })

  test('never lowers, and audits and warns at least as strictly', () => {
    const strict = live({ defaults: { enforce: 'restricted', 'enforce-version': 'v1.30', warn: 'baseline' } })
    expect(wantedPodSecurity(strict, { level: 'baseline', exempt: [] })).toMatchObject({
      defaults: { enforce: 'restricted', 'enforce-version': 'v1.30', audit: 'restricted', warn: 'restricted' },
    })
  })

  test('has each exemption once, in the order that is there', () => {
    const doubled = live({ exemptions: { namespaces: ['b', 'a', 'b'], usernames: ['u', 'u'], runtimeClasses: ['r', 'r'] } })
    expect(wantedPodSecurity(doubled, { level: 'baseline', exempt: ['a', 'c', 'c'] })).toMatchObject({
      exemptions: { namespaces: ['b', 'a', 'c'], usernames: ['u'], runtimeClasses: ['r'] },
    })
  })

  test('is whole where there was none', () => {
    expect(wantedPodSecurity(undefined, { level: 'baseline', exempt: ['kube-system'] })).toEqual({
      apiVersion: `${GROUP}/v1`,
      kind: 'PodSecurityConfiguration',
      defaults: {
        enforce: 'baseline',
        'enforce-version': 'latest',
        // as Talos makes it: what would be refused one level up is told
        audit: 'restricted',
        'audit-version': 'latest',
        warn: 'restricted',
        'warn-version': 'latest',
      },
      exemptions: { usernames: [], runtimeClasses: [], namespaces: ['kube-system'] },
    })
  })

  const level = fc.constantFrom<PodLevel>('privileged', 'baseline', 'restricted')
  const names = fc.array(fc.constantFrom('a', 'b', 'c', 'kube-system'), { maxLength: 5 })
  const anything = fc
    .record({ enforce: level, audit: level, warn: level, names, users: names })
    .map((r) =>
      live({ defaults: { enforce: r.enforce, audit: r.audit, warn: r.warn }, exemptions: { namespaces: r.names, usernames: r.users } }),
    )

  test('starts the API server whatever was there, wants no more of itself, and takes nothing away', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom('baseline' as const, 'restricted' as const), names, (now, to, exempt) => {
        const wanted = wantedPodSecurity(now, { level: to, exempt })
        expect(parsePodSecurity(wanted).problems).toEqual([])
        expect(wantedPodSecurity(wanted, { level: to, exempt })).toEqual(wanted)
        expect(judgePodSecurity(wanted, to, exempt).filter(isForAPlan)).toEqual([])
        const rank = (l: PodLevel) => ['privileged', 'baseline', 'restricted'].indexOf(l)
        const [before, after] = [parsePodSecurity(now).config, parsePodSecurity(wanted).config]
        expect(rank(after.levels.enforce)).toBeGreaterThanOrEqual(Math.max(rank(before.levels.enforce), rank(to)))
        for (const mode of ['audit', 'warn'] as const) {
          expect(rank(after.levels[mode])).toBeGreaterThanOrEqual(rank(after.levels.enforce))
          expect(rank(after.levels[mode])).toBeGreaterThanOrEqual(rank(before.levels[mode]))
        }
        expect(new Set(after.exemptions.namespaces)).toEqual(new Set([...before.exemptions.namespaces, ...exempt]))
        expect(new Set(after.exemptions.usernames)).toEqual(new Set(before.exemptions.usernames))
      }),
    )
  })
})

/** Merges patches as Talos does it: an entry of the same name is merged, lists in it grow, and one that is deleted is gone. */
function merged(form: 'cluster.apiServer' | 'documents', now: Json | undefined, patches: readonly Json[]): Json | undefined {
  const grow = (a: Json | undefined, b: Json): Json => {
    if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b]
    if (a && b && typeof a === 'object' && typeof b === 'object' && !Array.isArray(a) && !Array.isArray(b))
      return Object.fromEntries(
        [...new Set([...Object.keys(a), ...Object.keys(b)])].map((k) => [k, k in b ? grow(a[k], b[k] as Json) : (a[k] as Json)]),
      )
    return b
  }
  let value = now
  for (const patch of patches as { [key: string]: Json }[]) {
    const entry = (
      form === 'documents' ? patch : (patch.cluster as { apiServer: { admissionControl: Json[] } }).apiServer.admissionControl[0]
    ) as {
      [key: string]: Json
    }
    expect(entry.name).toBe('PodSecurity')
    if (entry.$patch === 'delete') {
      // talosctl: "failed to delete path 'cluster.apiServer.admissionControl.[0]': lookup failed"
      if (form === 'cluster.apiServer') expect(value).toBeDefined()
      value = undefined
    } else value = grow(value, entry.configuration as Json)
  }
  return value
}

describe.each(['cluster.apiServer', 'documents'] as const)('the patches of %s', (form) => {
  const wanted = wantedPodSecurity(TALOS, { level: 'restricted', exempt: ['storage'] })

  test('bring exactly what is wanted, and the same again', () => {
    const once = merged(form, TALOS, podSecurityPatches(form, TALOS, wanted))
    expect(once).toEqual(wanted)
    expect(merged(form, once, podSecurityPatches(form, TALOS, wanted))).toEqual(wanted)
    expect(merged(form, TALOS, podSecurityPatches(form, TALOS, wanted).slice(1))).toMatchObject({
      exemptions: { namespaces: ['kube-system', 'kube-system', 'storage'] },
    })
  })

  test('take nothing out where nothing is, and double nothing where they are sent again to keep what was tried', () => {
    const patches = podSecurityPatches(form, undefined, wanted)
    const once = merged(form, undefined, patches)
    expect(once).toEqual(wanted)
    expect(merged(form, once, patches)).toEqual(wanted)
  })

  test('are in the file as well, which doubles nothing however often it is merged', () => {
    const template = readFileSync(new URL('../../templates/K8S-02/PodSecurity.yaml', import.meta.url), 'utf8')
    const file = podSecurityFile(form, template, wanted)
    const documents = parseAllDocuments(file).map((d) => d.toJS() as Json)
    expect(documents).toEqual(podSecurityPatches(form, TALOS, wanted))
    const once = merged(form, TALOS, documents)
    expect(once).toEqual(wanted)
    expect(merged(form, once, documents)).toEqual(wanted)
    expect(file).toMatch(/^# Taken out and then set: the lists in it grow/)
  })

  test('are taken back to what was there, unless somebody changed it since', () => {
    const record = { form, before: TALOS, set: wanted }
    expect(merged(form, wanted, podSecurityUndo(wanted, record) ?? [])).toEqual(TALOS)
    expect(merged(form, wanted, podSecurityUndo(wanted, { ...record, before: null }) ?? [])).toBeUndefined()
    expect(podSecurityUndo(TALOS, record)).toBeUndefined()
    expect(podSecurityUndo(undefined, record)).toBeUndefined()
  })
})

describe('what is said of it', () => {
  test('nothing, where it is as Talos makes it and baseline is wanted', () => {
    expect(said(TALOS)).toEqual([])
  })

  test('that the level is too low, or that there is none', () => {
    expect(said(TALOS, 'restricted')).toEqual(['fail: a namespace that says nothing gets baseline, not restricted'])
    expect(said(undefined)).toEqual(['fail: nothing is enforced: the API server has no configuration of pod security'])
  })

  test('who is exempt that nobody named', () => {
    const value = live({
      defaults: { enforce: 'baseline', audit: 'baseline', warn: 'privileged', 'enforce-version': 'v1.30' },
      exemptions: {
        namespaces: ['kube-system', 'storage', 'a', 'b'],
        usernames: ['system:serviceaccount:kube-system:replicaset-controller', 'ann'],
        runtimeClasses: ['kata'],
      },
    })
    expect(said(value, 'baseline', ['storage'])).toEqual([
      'fail: 2 namespaces are exempt that nobody named: a and b',
      'fail: system:serviceaccount:kube-system:replicaset-controller is exempt, and with it everybody who may create a workload',
      'note: users are exempt: ann',
      'note: runtime classes are exempt: kata',
      'note: warn is less strict than what is enforced',
      'note: enforce is judged by the rules of v1.30',
    ])
    expect(
      said(live({ defaults: { enforce: 'baseline', audit: 'baseline', warn: 'baseline' }, exemptions: { namespaces: ['a'] } })),
    ).toEqual(['fail: 1 namespace is exempt that nobody named: a'])
  })
})

test('names of namespaces are typed with commas or spaces, each once', () => {
  const question = namespacesQuestion('Exempt', 'names')
  expect(question.parse('storage, monitoring storage')).toEqual({ value: ['storage', 'monitoring'] })
  expect(question.parse('Storage')).toEqual({ error: '"Storage" is no name of a namespace' })
  expect(question.parse(question.format(['a', 'b']))).toEqual({ value: ['a', 'b'] })
})

test('the privileged pod is one that nothing but privileged lets in', () => {
  expect(privilegedPod('default')).toMatchObject({
    kind: 'Pod',
    metadata: { namespace: 'default' },
    spec: { containers: [{ securityContext: { privileged: true } }] },
  })
})
