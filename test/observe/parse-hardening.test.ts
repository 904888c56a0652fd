import { describe, expect, test } from 'vitest'
import type { CosiObject } from '../../src/observe/parse.ts'
import { configTexts, cosiObjects } from '../../src/observe/parse.ts'
import {
  parseAdmission,
  parseAuditPolicy,
  parseBothConfigs,
  parseLeases,
  parseRunningPods,
  parseWantedPods,
} from '../../src/observe/parse-hardening.ts'
import { recording, VERSIONS } from './recording.ts'

/** Parsers of what decides about firewall, admission and audit policy. */

const stdout = (version: (typeof VERSIONS)[number], name: string) => recording(version, name).stdout
const onNode = (text: string, node: string): CosiObject[] => cosiObjects(text).filter((o) => o.node === node)

describe.each(VERSIONS)('real answers of %s', (version) => {
  const net = version === '1.13' ? '10.5.0' : '10.6.0'

  test('say what pod security the API server was started with; a worker has none', () => {
    const text = stdout(version, 'admission-two-nodes')
    expect(parseAdmission(onNode(text, `${net}.2`))).toEqual([
      {
        apiVersion: 'pod-security.admission.config.k8s.io/v1alpha1',
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
      },
    ])
    expect(onNode(text, `${net}.101`)).toEqual([])
  })

  test('say which audit policy it was started with', () => {
    expect(parseAuditPolicy(cosiObjects(stdout(version, 'audit-policy-two-nodes')))).toEqual({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata' }],
    })
  })

  test('say by the same annotations which pods are wanted and which run', () => {
    const wanted = parseWantedPods(onNode(stdout(version, 'static-pods-two-nodes'), `${net}.2`))
    const running = parseRunningPods(stdout(version, 'kubectl/control-plane-pods'), 'cp1')
    expect(Object.keys(wanted).toSorted()).toEqual(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    for (const annotations of Object.values(wanted)) {
      expect(Object.keys(annotations).length).toBeGreaterThan(0)
      for (const key of Object.keys(annotations)) expect(key).toMatch(/^talos\.dev\//)
    }
    expect(running).toEqual({ running: wanted, ready: true })
    expect(parseRunningPods(stdout(version, 'kubectl/control-plane-pods'), 'w1')).toEqual({ running: {}, ready: false })
    expect(parseWantedPods(onNode(stdout(version, 'static-pods-two-nodes'), `${net}.101`))).toEqual({})
  })

  test('say when each Lease was renewed', () => {
    expect(parseLeases(stdout(version, 'kubectl/leases')).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(
      ['kube-controller-manager', 'kube-scheduler'].map((name) => ({ name, renewed: expect.stringMatching(/^20\d\d-.*Z$/) })),
    )
  })
})

describe('what is no answer', () => {
  test('is none', () => {
    expect(parseRunningPods('{"kind":"Status"}', 'cp1')).toBeUndefined()
    expect(parseRunningPods('<html>', 'cp1')).toBeUndefined()
    expect(parseLeases('')).toEqual([])
    expect(parseAdmission([])).toEqual([])
    expect(parseAuditPolicy([])).toBeNull()
  })

  test('with a plugin named twice keeps both, and other plugins are dropped', () => {
    const plugin = (name: string, enforce: string) => ({ name, configuration: { defaults: { enforce } } })
    const spec = { config: [plugin('PodSecurity', 'baseline'), plugin('EventRateLimit', 'x'), plugin('PodSecurity', 'restricted')] }
    expect(parseAdmission([{ node: 'n', id: 'admission-control', version: '1', spec }])).toEqual([
      { defaults: { enforce: 'baseline' } },
      { defaults: { enforce: 'restricted' } },
    ])
  })

  test('carries no escape codes on', () => {
    const spec = { config: { kind: '\u001b[31mPolicy', rules: [{ level: 'Meta\u0000data' }] } }
    expect(parseAuditPolicy([{ node: 'n', id: 'audit-policy', version: '1', spec }])).toEqual({
      kind: 'Policy',
      rules: [{ level: 'Metadata' }],
    })
  })
})

/** Made of two, so that no file of ours looks like a machine config with its token. */
const TOKEN = ['abcdef', '0123456789abcdef'].join('.')
const SECRET = 'c2VjcmV0LWtleS10aGF0LW5vYm9keS1tYXktc2Vl'
const OLD = `version: v1alpha1
machine:
  type: controlplane
  token: ${TOKEN}
  ca:
    crt: ${SECRET}
    key: ${SECRET}
  network:
    kubespan:
      enabled: true
  features:
    kubernetesTalosAPIAccess:
      enabled: true
cluster:
  secret: ${SECRET}
  controlPlane:
    endpoint: https://[fd00::1]:6443
  apiServer:
    certSANs: [10.0.0.1]
    admissionControl:
      - name: PodSecurity
        configuration:
          defaults:
            enforce: baseline
    auditPolicy:
      rules:
        - level: Metadata
---
apiVersion: v1alpha1
kind: NetworkDefaultActionConfig
ingress: block
---
apiVersion: v1alpha1
kind: NetworkRuleConfig
name: web
portSelector:
  ports: [80, 8000-8100]
  protocol: tcp
ingress:
  - subnet: 10.0.0.0/8
    except: 10.1.0.0/16
---
apiVersion: v1alpha1
kind: NetworkRuleConfig
name: apid
portSelector:
  ports: [50000]
  protocol: tcp
ingress:
  - subnet: 0.0.0.0/0
`
const NEW = `version: v1alpha1
machine:
  type: controlplane
  ca:
    key: ${SECRET}
cluster:
  secret: ${SECRET}
---
apiVersion: v1alpha1
kind: KubeClusterConfig
endpoint: https://k8s.example.com:6443
---
apiVersion: v1alpha1
kind: KubeSpanConfig
enabled: true
---
apiVersion: v1alpha1
kind: KubeTalosAPIAccessConfig
allowedRoles: [os:reader]
---
apiVersion: v1alpha1
kind: KubeAdmissionControlConfig
name: PodSecurity
configuration:
  defaults:
    enforce: restricted
---
apiVersion: v1alpha1
kind: KubeAuditPolicyConfig
configuration:
  rules: []
---
apiVersion: v1alpha1
kind: KubeEtcdEncryptionConfig
secret: ${SECRET}
`
const WORKER = `version: v1alpha1\nmachine:\n  type: worker\n  token: ${TOKEN}\ncluster:\n  secret: ${SECRET}\n`
const ofNode = (active: string, persistent: string) => ({ active, persistent, versions: { active: '4', persistent: '2' } })

describe('both configurations of a node', () => {
  test('in the form up to 1.13', () => {
    expect(parseBothConfigs(ofNode(OLD, OLD))).toMatchObject({
      active: {
        apiServerForm: 'cluster.apiServer',
        podSecurity: { defaults: { enforce: 'baseline' } },
        auditPolicy: { rules: [{ level: 'Metadata' }] },
        firewall: {
          ingress: 'block',
          rules: [
            { name: 'apid', ports: ['50000'], protocol: 'tcp', ingress: [{ subnet: '0.0.0.0/0' }] },
            { name: 'web', ports: ['80', '8000-8100'], protocol: 'tcp', ingress: [{ subnet: '10.0.0.0/8', except: '10.1.0.0/16' }] },
          ],
        },
      },
      versions: { active: '4', persistent: '2' },
      network: { endpoint: 'fd00::1', kubespan: true, talosApiFromPods: true },
    })
  })

  test('in documents', () => {
    expect(parseBothConfigs(ofNode(NEW, NEW))).toMatchObject({
      active: {
        apiServerForm: 'documents',
        podSecurity: { defaults: { enforce: 'restricted' } },
        auditPolicy: { rules: [] },
        firewall: { rules: [] },
      },
      network: { endpoint: 'k8s.example.com', kubespan: true, talosApiFromPods: true },
    })
  })

  test('are told apart where one is being tried', () => {
    const found = parseBothConfigs(ofNode(NEW, OLD))
    expect([found.active.apiServerForm, found.persistent?.apiServerForm, found.tried]).toEqual(['documents', 'cluster.apiServer', true])
  })

  test('of a worker say nothing of an API server', () => {
    expect(parseBothConfigs(ofNode(WORKER, WORKER)).active).toEqual({ firewall: { rules: [] } })
  })

  test('are told apart where only what is tried is shown, and by what none of the parsed parts says', () => {
    const { active, versions } = ofNode(NEW, NEW)
    expect(parseBothConfigs({ active, versions })).toMatchObject({ tried: true, active: { apiServerForm: 'documents' } })
    expect(parseBothConfigs({ active, versions })).not.toHaveProperty('persistent')
    expect(parseBothConfigs(ofNode(NEW, `${NEW}# sysctls`)).tried).toBe(true)
    expect(parseBothConfigs(ofNode(NEW, NEW))).not.toHaveProperty('tried')
  })

  test('are missing where the active one is, or one is none', () => {
    const object = (id: string, spec: string, version: string): CosiObject => ({ node: 'n', id, version, spec })
    const [active, persistent] = [object('v1alpha1', OLD, '4'), object('persistent', OLD, '2')]
    expect(configTexts([active, persistent])).toEqual(ofNode(OLD, OLD))
    expect(configTexts([active])).toEqual({ active: OLD, versions: { active: '4', persistent: 'none' } })
    expect(configTexts([persistent])).toBeUndefined()
    expect(configTexts([active, object('persistent', 'hello', '2')])).toBeUndefined()
    expect(configTexts([object('v1alpha1', 'hello', '4'), persistent])).toBeUndefined()
    expect(configTexts([])).toBeUndefined()
  })

  test.each([OLD, NEW, WORKER])('hold no secret', (text) => {
    const seen = JSON.stringify(parseBothConfigs(ofNode(text, text)))
    for (const secret of [SECRET.slice(0, 12), TOKEN.slice(0, 10)]) expect(seen).not.toContain(secret)
  })

  test('that are no YAML any more are read as far as they go, and nothing is thrown', () => {
    const torn = `${OLD}---\napiVersion: v1alpha1\nkind: NetworkRuleConfig\nname: [torn\n`
    expect(parseBothConfigs(ofNode(torn, torn)).active.firewall.rules.map((r) => r.name)).toEqual(expect.arrayContaining(['apid', 'web']))
  })
})
