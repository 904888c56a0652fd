import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { manifestsFor, policiesAfter } from '../../src/domain/network-manifests.ts'
import { wouldBite } from '../../src/domain/network-match.ts'
import type { PodSeen, ServiceSeen } from '../../src/domain/network-policy.ts'
import { appLabels, proposalBlocks, proposeRules, type SeenForProposal } from '../../src/domain/network-proposal.ts'
import { formatRule } from '../../src/domain/network-rules.ts'
import type { Socket } from '../../src/domain/sockets.ts'
import { MEMBERS, NAMESPACES, nodeOf, PODS, pod, SERVICES, socket } from './network-world.ts'

const world = (sockets: Socket[], more: Partial<SeenForProposal> = {}): SeenForProposal => ({
  pods: PODS,
  services: SERVICES,
  sockets,
  members: MEMBERS,
  ...more,
})
const proposed = (sockets: Socket[], more: Partial<SeenForProposal> = {}): string[] =>
  proposeRules('red', world(sockets, more)).rules.map((r) => `${formatRule(r.rule)} # ${r.why}`)
const notes = (sockets: Socket[], more: Partial<SeenForProposal> = {}, namespace = 'red'): string[] =>
  proposeRules(namespace, world(sockets, more)).notes
const SERVED = 'in app=db 5432/tcp from cluster # Service db'

describe('the labels of an application', () => {
  test.each<[Record<string, string>, Record<string, string> | undefined]>([
    [{ app: 'web', 'pod-template-hash': 'x', version: '2' }, { app: 'web' }],
    [
      { 'app.kubernetes.io/name': 'pg', 'app.kubernetes.io/instance': 'one', 'app.kubernetes.io/version': '17', app: 'old' },
      { 'app.kubernetes.io/name': 'pg', 'app.kubernetes.io/instance': 'one' },
    ],
    [{ 'k8s-app': 'kube-dns' }, { 'k8s-app': 'kube-dns' }],
    [
      { role: 'a', tier: 'b', 'statefulset.kubernetes.io/pod-name': 'x-0' },
      { role: 'a', tier: 'b' },
    ],
    [{ 'job-name': 'x', 'batch.kubernetes.io/job-name': 'x', 'controller-uid': 'y' }, undefined],
    [{}, undefined],
  ])('%j are %j', (labels, app) => {
    expect(appLabels(labels)).toEqual(app)
  })
})

describe('what is proposed', () => {
  test('is what flows, by application, in both directions', () => {
    const sockets = [
      socket('red/web', ['10.244.0.1', 8080], ['10.244.1.1', 40000]),
      socket('red/web', ['10.244.0.1', 41000], ['10.96.0.2', 5432]),
      socket('red/web', ['10.244.0.1', 41001], ['203.0.113.9', 443]),
      socket('red/web', ['10.244.0.1', 41002], ['10.96.0.1', 443]),
    ]
    expect(proposed(sockets)).toEqual([
      'in app=db 5432/tcp from app=web # seen',
      'in app=web 8080/tcp from ns=blue/app=web # seen',
      'out app=web 443/tcp to ip=203.0.113.9/32 # seen',
      'out app=web 5432/tcp to app=db # seen',
      'out app=web 6443/tcp to ip=10.0.0.1/32 # the API server',
    ])
  })

  test('is every address of the API servers, each with its own port', () => {
    const members = [
      { name: 'cp1', address: '10.0.0.1', addresses: ['10.0.0.1', '10.9.0.1', 'fd00::1'], type: 'controlplane' as const, apiPort: 7443 },
      { name: 'cp2', address: '10.0.0.2', addresses: ['10.0.0.2'], type: 'controlplane' as const },
      { name: 'w1', address: '10.0.0.3', addresses: ['10.0.0.3'], type: 'worker' as const },
    ]
    const wanted = [
      SERVED,
      'out app=web 6443/tcp to ip=10.0.0.2/32 # the API server',
      'out app=web 7443/tcp to ip=10.0.0.1/32 ip=10.9.0.1/32 ip=fd00::1/128 # the API server',
    ]
    expect(proposed([socket('red/web', ['10.244.0.1', 41002], ['10.96.0.1', 443])], { members })).toEqual(wanted)
    expect(proposed([socket('red/web', ['10.244.0.1', 41002], ['10.9.0.1', 7443])], { members })).toEqual(wanted)
    expect(proposed([socket('red/web', ['10.244.0.1', 41002], ['10.9.0.1', 6443])], { members })).toEqual([
      SERVED,
      'out app=web 6443/tcp to ip=10.9.0.1/32 # seen',
    ])
  })

  test('is the whole cluster for a Service that nobody is seen to use, and everybody for one that reaches outside', () => {
    expect(proposed([])).toEqual([SERVED])
    const outside: ServiceSeen = {
      namespace: 'red',
      name: 'shop',
      type: 'LoadBalancer',
      selector: { app: 'web' },
      clusterIPs: ['10.96.0.3'],
      ports: [{ port: 80, targetPort: 'http', protocol: 'tcp' }],
    }
    expect(proposed([socket('red/web', ['10.244.0.1', 8080], ['10.244.1.1', 40000])], { services: [...SERVICES, outside] })).toEqual([
      SERVED,
      'in app=web 8080/tcp from any # Service shop reaches outside, seen',
    ])
    const named: ServiceSeen = { ...outside, type: 'ExternalName' }
    expect(proposed([], { services: [...SERVICES, named] })).toEqual([SERVED])
  })

  test('is one rule for several ports of the same, and one for several peers', () => {
    const sockets = [
      socket('red/web', ['10.244.0.1', 8080], ['10.244.1.1', 40000]),
      socket('red/web', ['10.244.0.1', 9090], ['10.244.1.1', 40001]),
      socket('red/web', ['0.0.0.0', 9090], undefined),
      socket('red/db', ['10.244.0.2', 5432], ['10.244.1.1', 40002]),
      socket('red/db', ['10.244.0.2', 5432], ['10.0.0.1', 40003]),
    ]
    expect(proposed(sockets)).toEqual([
      'in app=db 5432/tcp from ip=10.0.0.1/32 ns=blue/app=web # seen',
      'in app=web 8080/tcp+9090/tcp from ns=blue/app=web # seen',
    ])
  })

  test('is nothing for what the node of the pod asks, which always passes', () => {
    expect(proposed([socket('red/web', ['10.244.0.1', 8080], ['10.0.0.2', 40000])])).toEqual([SERVED])
  })

  test('is everybody where more addresses come than one can name, and says so', () => {
    const sockets = Array.from({ length: 30 }, (_, i) => socket('red/web', ['10.244.0.1', 8080], [`198.51.100.${i + 1}`, 40000]))
    expect(proposed(sockets)).toEqual([SERVED, 'in app=web 8080/tcp from any # seen'])
    expect(notes(sockets)).toContain('8080/tcp has connections with 30 addresses: anybody is proposed')
  })

  test('is never a rule for a pod without labels, which has its own sentence', () => {
    const sockets = [socket('red/bare', ['10.244.0.3', 41000], ['203.0.113.9', 443])]
    expect(proposed(sockets)).toEqual([SERVED])
    expect(notes(sockets)).toEqual([
      'bare has no labels that a rule could name: nothing but DNS is left to it; label it, or write a rule for *',
    ])
    const two = [...PODS, pod('red/bare2', '10.244.0.4', {})]
    expect(notes(sockets, { pods: two })[0]).toBe(
      'bare and bare2 have no labels that a rule could name: nothing but DNS is left to them; label them, or write a rule for *',
    )
  })

  test('is the namespace of a peer without labels', () => {
    const sockets = [socket('red/web', ['10.244.0.1', 8080], ['10.244.1.2', 40000])]
    expect(proposed(sockets)).toEqual([SERVED, 'in app=web 8080/tcp from ns=blue # seen'])
    expect(notes(sockets)).toContain('blue/job has no labels: all of the namespace is proposed in place of it')
  })

  test('leaves out what goes to a Service whose endpoints are not to be seen, and says so', () => {
    const elsewhere: ServiceSeen = { ...(SERVICES[1] as ServiceSeen), name: 'ext', selector: {}, clusterIPs: ['10.96.0.9'] }
    const sockets = [socket('red/web', ['10.244.0.1', 41000], ['10.96.0.9', 5432])]
    expect(proposed(sockets, { services: [elsewhere] })).toEqual([])
    expect(notes(sockets, { services: [elsewhere] })).toContain('where red/ext leads is not to be seen: write a rule for it')
  })

  test('says of whom nothing is known', () => {
    expect(notes([], { pods: PODS.filter((p) => p.name !== 'bare') })).toEqual([
      'no pod of red is seen to talk: what it needs has to be known, or seen when it works',
    ])
    expect(notes([], {}, 'green')).toEqual(['green has no pods: whatever comes later is shut in'])
    expect(notes([], {}, 'blue')).toContain('agent is in the network of the node: no policy holds there')
    expect(notes([], { members: [] })).toContain('no control plane node is known, so that nothing is proposed for the API server')
    expect(notes([socket('red/gone', ['10.244.0.99', 1], ['10.244.0.1', 8080])])).toContain(
      'red/gone is seen to talk, and gone when the pods were listed',
    )
  })

  test('is shown as a table, as lines to edit, and with what is to be known', () => {
    const blocks = proposalBlocks(proposeRules('red', world([])))
    expect(blocks).toEqual([
      { type: 'table', head: ['', 'pods', 'ports', 'with', 'why'], rows: [['in', 'app=db', '5432/tcp', 'cluster', 'Service db']] },
      { type: 'list', items: ['in app=db 5432/tcp from cluster'] },
      { type: 'text', text: 'bare has no labels that a rule could name: nothing but DNS is left to it; label it, or write a rule for *.' },
      { type: 'text', text: 'no pod of red is seen to talk: what it needs has to be known, or seen when it works.' },
    ])
    expect(proposalBlocks({ rules: [], notes: [] })).toEqual([])
  })
})

/** One connection, seen from either side or from both. */
const pods = fc.constantFrom(...PODS.filter((p) => !p.hostNetwork))
const far = fc.constantFrom('203.0.113.9', '10.0.0.1', '10.0.0.2', '10.96.0.1', '10.96.0.2', '2001:db8::9')
const connection = fc.oneof(
  fc
    .tuple(pods, pods, fc.constantFrom(8080, 5432, 9999), fc.subarray(['client', 'server'], { minLength: 1 }))
    .map(([client, server, on, sides]) => {
      const [c, s] = [client.ips[0] as string, server.ips[0] as string]
      const key = (p: PodSeen) => `${p.namespace}/${p.name}`
      return [
        socket(key(server), ['0.0.0.0', on], undefined),
        ...(sides.includes('client') ? [socket(key(client), [c, 40000], [s, on])] : []),
        ...(sides.includes('server') ? [socket(key(server), [s, on], [c, 40000])] : []),
      ]
    }),
  fc
    .tuple(pods, far, fc.constantFrom(443, 5432))
    .map(([client, to, on]) => [socket(`${client.namespace}/${client.name}`, [client.ips[0] as string, 40001], [to, on])]),
  fc
    .tuple(pods, far, fc.constantFrom(8080, 5432))
    .map(([server, from, on]) => [
      socket(`${server.namespace}/${server.name}`, ['::', on], undefined),
      socket(`${server.namespace}/${server.name}`, [server.ips[0] as string, on], [from, 40002]),
    ]),
)

test('the proposal cuts nothing that flows now, but what is of pods without labels or leads where it is not to be seen', () => {
  fc.assert(
    fc.property(fc.array(connection, { maxLength: 8 }), fc.constantFrom('red', 'blue'), (connections, namespace) => {
      const proposal = proposeRules(namespace, world(connections.flat()))
      const policies = policiesAfter(
        namespace,
        manifestsFor(
          namespace,
          proposal.rules.map((r) => r.rule),
        ),
        [],
      )
      const bites = wouldBite(policies, proposal.flows, { namespaces: NAMESPACES, pods: PODS }, nodeOf)
      const explained = bites.filter(({ flow, direction }) => {
        const end = direction === 'Egress' ? flow.from : flow.to
        const near = PODS.find((p) => 'pod' in end && end.pod === `${p.namespace}/${p.name}`)
        return !appLabels(near?.labels ?? {}) || ('address' in flow.to && flow.through !== undefined)
      })
      expect(bites).toEqual(explained)
    }),
    { numRuns: 2000 },
  )
})
