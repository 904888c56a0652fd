import { describe, expect, test } from 'vitest'
import { levelPreviewsLook, privilegedLook } from '../../src/observe/admission-looks.ts'
import { namespacesLook, podsLook, policiesLook, probingLook, servicesLook, workloadsLook } from '../../src/observe/workload-looks.ts'
import { kubectlRecording, TALOS } from '../domain/kubectl-recording.ts'
import { recording, VERSIONS } from './recording.ts'
import { type Answer, cosi, listOf, said, takingOf } from './taking.ts'

/** Looks at what runs in Kubernetes, and at what admission would say to it. */

const LOOKS = { namespacesLook, podsLook, servicesLook, workloadsLook, policiesLook, probingLook }
const refused: Answer = { exitCode: 1, stderr: 'Error from server (Forbidden): it is forbidden: User "ann" cannot list it\n' }

test('policies that are nested without end are not walked', async () => {
  const nested = `{"items":[{"spec":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`
  await expect(policiesLook(takingOf(() => ({ stdout: nested })).taking)).rejects.toThrow('nested more than 100 levels deep')
})

describe.each(Object.entries(LOOKS))('%s', (_, look) => {
  test('says why where it may not be looked at, or there is nobody to ask', async () => {
    expect(said(await look(takingOf(() => refused).taking))).toContain('cannot list it')
    expect(said(await look(takingOf(() => ({}), { kubernetes: false }).taking))).toBe('no kubeconfig was found')
    expect(said(await look(takingOf(() => ({ missing: true })).taking))).toBe('kubectl is not on PATH')
  })

  test('has its evidence', async () => {
    const stdout = look === podsLook || look === workloadsLook ? '' : listOf([])
    const seen = await look(takingOf(() => ({ stdout })).taking)
    expect(seen).toMatchObject({
      ok: true,
      evidence: [{ kind: 'command', what: expect.stringContaining('kubectl --kubeconfig /k/config') }],
    })
  })
})

test.each(Object.entries(LOOKS))('%s takes no page of something else for an empty list', async (_, look) => {
  expect(said(await look(takingOf(() => ({ stdout: '<html>sign in</html>' })).taking))).toBe('what came is not what an API server answers')
})

describe.each(VERSIONS)('real answers of %s', (version) => {
  const net = version === '1.13' ? '10.5.0' : '10.6.0'
  const of = async (name: string, look: (taking: ReturnType<typeof takingOf>['taking']) => Promise<Parameters<typeof said>[0]>) =>
    said(await look(takingOf(() => ({ stdout: recording(version, `kubectl/${name}`).stdout })).taking))

  test('name the pods with their labels, addresses and ports', async () => {
    const pods = (await of('pods', podsLook)) as { name: string }[]
    expect(pods.find((p) => p.name === 'kube-apiserver-cp1')).toMatchObject({
      namespace: 'kube-system',
      node: 'cp1',
      hostNetwork: true,
      ips: [`${net}.2`],
      ports: [],
    })
    expect(pods.find((p) => p.name.startsWith('agent-'))).toMatchObject({
      namespace: 'tp-more',
      node: 'w1',
      hostNetwork: false,
      labels: { app: 'agent' },
      ports: [{ port: 9100, hostPort: 9100, protocol: 'tcp' }],
    })
    expect(pods.find((p) => p.name === 'gateway-0')).toMatchObject({ ports: [{ name: 'http', port: 8080, protocol: 'tcp' }] })
    expect(pods.find((p) => p.name.startsWith('web-'))).toMatchObject({ ports: [{ port: 53, protocol: 'udp' }] })
  })

  test('count what is ready of each kind of workload', async () => {
    expect(await of('workloads', workloadsLook)).toEqual([
      { kind: 'Deployment', namespace: 'tp-more', name: 'web', desired: 1, ready: 1, containers: ['web'] },
      { kind: 'StatefulSet', namespace: 'tp', name: 'gateway', desired: 1, ready: 1, containers: ['gateway'] },
      { kind: 'DaemonSet', namespace: 'tp-more', name: 'agent', desired: 1, ready: 1, containers: ['agent'] },
    ])
  })

  test('name Services, with where the API server is', async () => {
    expect(await of('services', servicesLook)).toContainEqual({
      namespace: 'default',
      name: 'kubernetes',
      type: 'ClusterIP',
      selector: {},
      clusterIPs: ['10.96.0.1'],
      ports: [{ name: 'https', port: 443, targetPort: 6443, protocol: 'tcp' }],
    })
  })

  test('name namespaces', async () => {
    expect(await of('namespaces', namespacesLook)).toContainEqual({
      name: 'kube-system',
      labels: { 'kubernetes.io/metadata.name': 'kube-system' },
    })
  })
})

describe('what kubectl prints', () => {
  const pods = async (line: string) => said(await podsLook(takingOf(() => ({ stdout: line })).taking))
  const cells = (...cells: string[]) => `${cells.join('\t')}\n`

  test('of a pod that stands alone and has nothing yet is a pod all the same', async () => {
    expect(await pods(cells('shop', 'bare', '', '', '', '', '', '', 'Pending', ''))).toEqual([
      { namespace: 'shop', name: 'bare', labels: {}, node: '', hostNetwork: false, ips: [], ports: [] },
    ])
  })

  test('of a pod with two containers and two addresses has all of them', async () => {
    const ports = '[{"containerPort":80,"protocol":"TCP"}] [{"containerPort":53,"protocol":"UDP","hostPort":5353}]'
    const [pod] = (await pods(
      cells('a', 'b', '{"x":"y"}', 'ReplicaSet', 'w1', '', '10.244.0.3 fd00::3', 'True', 'Running', ports),
    )) as object[]
    expect(pod).toMatchObject({
      ips: ['10.244.0.3', 'fd00::3'],
      ports: [
        { port: 80, protocol: 'tcp' },
        { port: 53, protocol: 'udp', hostPort: 5353 },
      ],
    })
  })

  test.each(['Succeeded', 'Failed'])('of a pod that has ended (%s) is left out', async (phase) => {
    expect(await pods(cells('a', 'b', '', 'Job', 'w1', '', '', 'False', phase, ''))).toEqual([])
  })

  test('carries no escape codes on', async () => {
    const [pod] = (await pods(cells('a', 'b\u001b[2J', '{"\u202ekey":"v\\u001b[31mx"}', '', '', '', '', '', 'Running', ''))) as object[]
    expect(pod).toMatchObject({ name: 'b', labels: { key: 'vx' } })
  })

  test('of a workload that is scaled to nothing wants none', async () => {
    const { taking } = takingOf(() => ({ stdout: cells('Deployment', 'a', 'b', '0', '', '', '', 'web') }))
    expect(said(await workloadsLook(taking))).toEqual([
      { kind: 'Deployment', namespace: 'a', name: 'b', desired: 0, ready: 0, containers: ['web'] },
    ])
  })

  test('of a Service has the addresses that are not its own, whoever gave them', async () => {
    const items = [
      {
        metadata: { namespace: 'edge', name: 'gateway' },
        spec: { type: 'LoadBalancer', externalIPs: ['192.0.2.7', 7], ports: [{ port: 443 }] },
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }, { hostname: 'lb.example.com' }, { ip: '192.0.2.7' }, null] } },
      },
      { metadata: { namespace: 'edge', name: 'plain' }, spec: {}, status: { loadBalancer: {} } },
    ]
    const [gateway, plain] = said(await servicesLook(takingOf(() => ({ stdout: listOf(items) })).taking)) as object[]
    expect(gateway).toMatchObject({ name: 'gateway', externalAddresses: ['192.0.2.7', '192.0.2.8'] })
    expect(plain).not.toHaveProperty('externalAddresses')
  })

  test('of a namespace that is being deleted is left out', async () => {
    const items = [
      { metadata: { name: 'gone' }, status: { phase: 'Terminating' } },
      { metadata: { name: 'shop', labels: { team: 'a' } }, status: { phase: 'Active' } },
    ]
    expect(said(await namespacesLook(takingOf(() => ({ stdout: listOf(items) })).taking))).toEqual([
      { name: 'shop', labels: { team: 'a' } },
    ])
  })
})

describe('pods that try whether policies are enforced', () => {
  const pod = (component: string, created: string, status: object) => ({
    metadata: { creationTimestamp: created, labels: { 'app.kubernetes.io/component': component } },
    status,
  })
  const ready = (status: string) => ({ phase: 'Running', podIP: '10.244.0.9', conditions: [{ type: 'Ready', status }] })
  const seen = async (items: object[]) => said(await probingLook(takingOf(() => ({ stdout: listOf(items) })).taking))

  test('that are not there yet do not run, and say so', async () => {
    const none = { runs: false, why: 'it was not made yet' }
    expect(await seen([])).toEqual({ server: { ...none, address: '' }, client: { ...none, reaches: false } })
  })

  test('reach each other as long as the one that connects is ready', async () => {
    const both = (status: string) => [pod('server', '1', ready('True')), pod('client', '2', ready(status))]
    expect(await seen(both('True'))).toEqual({
      server: { runs: true, why: '', address: '10.244.0.9' },
      client: { runs: true, why: '', reaches: true },
    })
    expect(await seen(both('False'))).toMatchObject({ client: { runs: true, reaches: false } })
  })

  test('say why they do not run', async () => {
    const waiting = { containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull', message: 'no such host' } } }], phase: 'Pending' }
    expect(await seen([pod('server', '1', waiting)])).toMatchObject({ server: { runs: false, why: 'ErrImagePull, no such host' } })
  })

  test('count by the newest of each', async () => {
    const items = [pod('client', '2026-11-23T11:00:00Z', ready('True')), pod('client', '2026-11-23T12:00:00Z', ready('False'))]
    expect(await seen(items)).toMatchObject({ client: { reaches: false } })
  })
})

describe('what a stricter level would say', () => {
  const all = Array.from({ length: 120 }, (_, i) => `team-${i}`)
  const space = (name: string, labels = {}) => ({ metadata: { name, labels }, status: { phase: 'Active' } })
  const asked = (command: string) => command.replace(/^kubectl label --dry-run=server --overwrite namespaces (.*) \S+$/, '$1').split(' ')
  const admission = cosi('10.0.0.1', 'admission-control', {
    config: [{ name: 'PodSecurity', configuration: { exemptions: { namespaces: ['kube-system'] } } }],
  })
  /** A cluster in which a call about namespaces is answered like this. */
  const cluster = (items: object[], answer: (names: string[]) => Answer) =>
    takingOf((command) => {
      if (command.startsWith('kubectl get namespaces')) return { stdout: listOf(items) }
      return command.startsWith('kubectl label') ? answer(asked(command)) : { stdout: admission }
    })
  const labeled = (names: string[]) => names.map((n) => `namespace/${n} labeled (server dry run)\n`).join('')
  type Previews = Record<'baseline' | 'restricted', { namespace: string; state: string; why?: string }[]>

  test('is asked in batches of those that say nothing themselves and are not exempt, for each level', async () => {
    const sizes: number[] = []
    const items = [...all.map((n) => space(n)), space('kube-system'), space('own', { 'pod-security.kubernetes.io/enforce': 'privileged' })]
    const { taking } = cluster(items, (names) => {
      sizes.push(names.length)
      return { stdout: labeled(names) }
    })
    const seen = said(await levelPreviewsLook(taking)) as Previews
    expect(sizes).toEqual([50, 50, 20, 50, 50, 20])
    for (const level of ['baseline', 'restricted'] as const)
      expect(seen[level].map((p) => [p.namespace, p.state])).toEqual(all.map((n) => [n, 'keeps it']))
  })

  test('says of a namespace that vanishes while we look that it is gone, and of the others what it would', async () => {
    const { taking } = cluster([space('shop'), space('gone')], (names) => ({
      exitCode: 1,
      stdout: labeled(names.filter((n) => n !== 'gone')),
      stderr: 'Error from server (NotFound): namespaces "gone" not found\n',
    }))
    expect((said(await levelPreviewsLook(taking)) as Previews).baseline.map((p) => [p.namespace, p.state])).toEqual([
      ['shop', 'keeps it'],
      ['gone', 'gone'],
    ])
  })

  test('asks a namespace alone whose answer another one may have swallowed', async () => {
    const violates = (n: string) =>
      `Warning: existing pods in namespace "${n}" violate the new PodSecurity enforce level "baseline:latest"\n`
    const calls: string[][] = []
    const { taking } = cluster([space('a'), space('b')], (names) => {
      calls.push(names)
      const fault = 'Warning: web: privileged\n'
      return { stdout: labeled(names), stderr: names.map((n, i) => violates(n) + (i === 0 ? fault : '')).join('') }
    })
    const seen = said(await levelPreviewsLook(taking)) as Previews
    expect(seen.baseline.map((p) => [p.namespace, p.state])).toEqual([
      ['a', 'violates'],
      ['b', 'violates'],
    ])
    expect(calls).toEqual([['a', 'b'], ['b'], ['a', 'b'], ['b']])
  })

  test('is not known of any where the API server does not answer', async () => {
    const { taking } = cluster([space('shop')], () => ({ exitCode: 1, stderr: 'Unable to connect to the server: EOF\n' }))
    const [shop] = (said(await levelPreviewsLook(taking)) as Previews).baseline
    expect(shop).toMatchObject({ state: 'unseen', why: expect.stringContaining('EOF') })
  })

  test('is not asked where namespaces cannot be listed', async () => {
    expect(said(await levelPreviewsLook(takingOf(() => refused).taking))).toContain('cannot list it')
  })
})

describe('whether a privileged pod would be let in', () => {
  test.each(TALOS)('is what the API server says (%s)', async (version) => {
    const of = async (name: string) => said(await privilegedLook(takingOf(() => kubectlRecording(version, name)).taking))
    expect(await of('privileged-pod')).toEqual({ answer: 'refused', level: 'baseline:latest' })
    expect(await of('privileged-pod-let-in')).toEqual({ answer: 'let in' })
  })

  test('is unclear where a right is missing, and not known where nobody is asked', async () => {
    expect(said(await privilegedLook(takingOf(() => refused).taking))).toEqual({ answer: 'unclear', why: refused.stderr?.trim() })
    expect(said(await privilegedLook(takingOf(() => ({}), { kubernetes: false }).taking))).toBe('no kubeconfig was found')
    const stderr = 'The connection to the server 10.5.0.2:6443 was refused - did you specify the right host or port?\n'
    expect(await privilegedLook(takingOf(() => ({ exitCode: 1, stderr })).taking)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('does not answer'),
      remedy: expect.stringContaining('that the API server runs'),
    })
  })
})
