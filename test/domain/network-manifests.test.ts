import { describe, expect, test } from 'vitest'
import {
  foreignSentence,
  holdsManifests,
  isOurs,
  type Manifest,
  manifestsFor,
  namesOf,
  policiesAfter,
  staleNames,
} from '../../src/domain/network-manifests.ts'
import { deniesByDefault, type PolicySeen, readPolicy } from '../../src/domain/network-policy.ts'
import { type AllowRule, parseRule } from '../../src/domain/network-rules.ts'

const rules = (...texts: string[]): AllowRule[] =>
  texts.map((text) => {
    const parsed = parseRule(text)
    if ('error' in parsed) throw new Error(parsed.error)
    return parsed.value
  })
const specOf = (manifest: Manifest | undefined) => manifest?.spec
const named = (manifests: Manifest[], name: string) => manifests.find((m) => (m.metadata as { name: string }).name === name)
const live = (manifests: Manifest[]): PolicySeen[] => manifests.map(readPolicy)
const theirs = (name: string, namespace = 'red'): PolicySeen => readPolicy({ metadata: { name, namespace }, spec: { podSelector: {} } })

describe('the manifests', () => {
  test('allow DNS first and deny last, and carry our name', () => {
    const all = manifestsFor('red', [])
    expect(all).toEqual([
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'allow-dns', namespace: 'red', labels: { 'app.kubernetes.io/managed-by': 'talos-preflight' } },
        spec: {
          podSelector: {},
          policyTypes: ['Egress'],
          egress: [
            {
              to: [
                {
                  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
                  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
                },
              ],
              ports: [
                { protocol: 'UDP', port: 53 },
                { protocol: 'TCP', port: 53 },
              ],
            },
          ],
        },
      },
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'default-deny', namespace: 'red', labels: { 'app.kubernetes.io/managed-by': 'talos-preflight' } },
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
      },
    ])
    expect(deniesByDefault(live(all))).toEqual({ ingress: true, egress: true })
  })

  test('have one policy for each direction and application', () => {
    const all = manifestsFor(
      'red',
      rules(
        'out app=web 5432/tcp to app=db',
        'in app=web 8080/tcp from ns=ingress',
        'in app=web any from ns=ops/app=prom+tier=x cluster ns=*/app=a',
        'out * 8000-8010/udp+http/tcp to ip=10.0.0.0/8!10.1.0.0/16 ip=2001:db8::/32',
        'in * any from any',
        'in * 1/tcp from *',
      ),
    )
    expect(namesOf(all)).toEqual(['allow-dns', 'allow-in-web', 'allow-in-all', 'allow-out-web', 'allow-out-all', 'default-deny'])
    expect(specOf(named(all, 'allow-in-web'))).toEqual({
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress'],
      ingress: [
        {
          ports: [{ protocol: 'TCP', port: 8080 }],
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } }],
        },
        {
          from: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ops' } },
              podSelector: { matchLabels: { app: 'prom', tier: 'x' } },
            },
            { namespaceSelector: {} },
            { namespaceSelector: {}, podSelector: { matchLabels: { app: 'a' } } },
          ],
        },
      ],
    })
    expect(specOf(named(all, 'allow-out-all'))).toEqual({
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { ipBlock: { cidr: '2001:db8::/32' } }],
          ports: [
            { protocol: 'UDP', port: 8000, endPort: 8010 },
            { protocol: 'TCP', port: 'http' },
          ],
        },
      ],
    })
    expect(specOf(named(all, 'allow-in-all'))).toEqual({
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 1 }] }, {}],
    })
  })

  test('have names that Kubernetes takes, each once', () => {
    const all = namesOf(
      manifestsFor(
        'red',
        rules('in app=Web_1 any from any', 'in app=web-1 any from any', `in app=${'x'.repeat(63)} any from any`, 'in app= any from any'),
      ),
    )
    expect(new Set(all).size).toBe(all.length)
    for (const name of all) expect(name).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
    expect(all).toContain('allow-in-web-1-2')
  })

  test('have names that counting gave to no other', () => {
    const labels = ['app=web', 'app=web-2', 'app.kubernetes.io/name=web', 'k8s-app=web', 'app=web-3']
    const all = manifestsFor('red', rules(...labels.map((l) => `in ${l} any from any`)))
    expect(new Set(namesOf(all)).size).toBe(labels.length + 2)
    expect(specOf(named(all, 'allow-in-web'))).toMatchObject({ podSelector: { matchLabels: { app: 'web' } } })
    expect(specOf(named(all, 'allow-in-web-2'))).toMatchObject({ podSelector: { matchLabels: { app: 'web-2' } } })
  })

  test('are the same whatever the order of the rules', () => {
    const [a, b] = [
      rules('in app=web 1/tcp from any', 'in app=web 2/tcp from any'),
      rules('in app=web 2/tcp from any', 'in app=web 1/tcp from any'),
    ]
    expect(manifestsFor('red', a)).toEqual(manifestsFor('red', b))
  })
})

describe('beside what is there', () => {
  const manifests = manifestsFor('red', rules('in app=web 8080/tcp from any'))
  const old = live(manifestsFor('red', rules('in app=old 1/tcp from any')))

  test('ours that are not wanted any more are named, those of others and of other namespaces are not', () => {
    expect(
      staleNames('red', manifests, [...old, theirs('allow-in-mine'), ...live(manifestsFor('blue', rules('in app=b any from any')))]),
    ).toEqual(['allow-in-old'])
  })

  test('a policy of somebody else with our name stops us', () => {
    expect(foreignSentence('red', manifests, [theirs('default-deny'), theirs('other'), theirs('allow-dns', 'blue')])).toBe(
      'red has default-deny of somebody else: rename it, or take it out first',
    )
    expect(foreignSentence('red', manifests, old)).toBeUndefined()
  })

  test('the cluster holds them, or it is said which it does not', () => {
    expect(holdsManifests(live(manifests), manifests)).toBe(true)
    expect(holdsManifests(live(manifests).slice(1), manifests)).toBe('red does not hold allow-dns')
    expect(holdsManifests([theirs('default-deny')], manifests)).toBe('red does not hold allow-dns, allow-in-web and default-deny')
    const others = live(manifests).map((p) => ({ ...p, labels: {} }))
    expect(others.some(isOurs)).toBe(false)
    expect(holdsManifests(others, manifests)).toMatch(/^red does not hold/)
  })

  test('what comes is what is there with ours replaced', () => {
    const other = live(manifestsFor('blue', []))
    expect(policiesAfter('red', manifests, [...old, theirs('mine'), ...other])).toEqual([theirs('mine'), ...other, ...live(manifests)])
  })
})
