import { describe, expect, test } from 'vitest'
import type { Look } from '../../src/contract.ts'
import type { WantedPods } from '../../src/domain/api-server.ts'
import type { BothConfigs } from '../../src/domain/hardening-config.ts'
import {
  addressOperatorsLook,
  admissionLook,
  apiServerReadyLook,
  auditPolicyLook,
  configVersionsLook,
  controlPlanePodsLook,
  firewallChainLook,
  hardeningConfigLook,
  leasesLook,
  networksLook,
  operatorSeenLook,
  socketsLook,
  wantedPodsLook,
} from '../../src/observe/hardening-looks.ts'
import { kubeletAccessLook } from '../../src/observe/kubernetes-looks.ts'
import { recording, VERSIONS } from './recording.ts'
import { type Answer, CP1, cosi, listOf, said, takingOf, W1 } from './taking.ts'

/** Looks at what decides about firewall, admission and audit policy: what comes, what does not, and what was never asked. */

const DENIED = 'error: rpc error: code = PermissionDenied desc = not authorized\n'
const denied: Answer = { exitCode: 1, stderr: DENIED }
const down = 'error: rpc error: code = Unavailable desc = connection error: dial tcp 10.0.0.11:50000: connect: connection refused\n'
const CONFIG = 'version: v1alpha1\nmachine:\n  type: worker\ncluster: {}\n'
const configs = (node: string) => cosi(node, 'v1alpha1', CONFIG) + cosi(node, 'persistent', CONFIG)

describe('a node that has nothing of it', () => {
  test('blocks nothing, has no moving address, and runs no API server', async () => {
    const { taking } = takingOf(() => ({}))
    expect((await firewallChainLook([W1], taking)).map((s) => said(s.look))).toEqual([{ blocks: false, rules: [] }])
    expect((await addressOperatorsLook([W1], taking)).map((s) => said(s.look))).toEqual([{ vips: [], dhcp6: false }])
    for (const look of [admissionLook, auditPolicyLook])
      expect((await look([W1], taking)).map((s) => said(s.look))).toEqual([{ absent: true }])
  })

  test('is told from one that does not answer', async () => {
    const { taking } = takingOf((_, nodes) => (nodes.includes(W1.address) ? { exitCode: 1, stderr: down } : {}))
    for (const look of [firewallChainLook, admissionLook, auditPolicyLook, addressOperatorsLook, socketsLook])
      expect((await look([CP1, W1], taking)).find((s) => s.object.name === 'w1')?.look).toMatchObject({
        ok: false,
        reason: expect.stringContaining('10.0.0.11'),
      })
  })

  test('is asked alone once where it is missing from an answer', async () => {
    const { taking, asked } = takingOf((_, nodes) => ({
      exitCode: nodes.length > 1 ? 1 : 0,
      stdout: nodes.map(configs).slice(0, 1).join(''),
    }))
    const seen = await hardeningConfigLook([CP1, W1], taking)
    expect(seen.map((s) => s.look.ok)).toEqual([true, true])
    expect(asked.map((a) => a.split(':')[0])).toEqual(['10.0.0.1,10.0.0.11', '10.0.0.11'])
  })
})

describe('half of the nodes', () => {
  test('do not answer, and the others are seen all the same; none is asked more than twice', async () => {
    const nodes = Array.from({ length: 60 }, (_, i) => ({ name: `n${i}`, address: `10.0.1.${i}` }))
    const isUp = (address: string) => Number(address.split('.')[3]) % 2 === 0
    // talosctl of 1.14 gives nothing at all for a batch with a dead node in it
    const { taking, asked } = takingOf((_, batch) =>
      batch.every(isUp)
        ? { stdout: batch.map((n) => cosi(n, 'ingress', { hook: 'input', policy: 'drop' })).join('') }
        : {
            exitCode: 1,
            stderr: `error: rpc error: code = Unavailable desc = dial tcp ${batch.find((n) => !isUp(n))}:50000: connect: no route to host\n`,
          },
    )
    const seen = await firewallChainLook(nodes, taking)
    for (const [i, { object, look }] of seen.entries()) {
      expect([object.name, look.ok]).toEqual([`n${i}`, i % 2 === 0])
      if (!look.ok) expect(look.reason).toContain(`10.0.1.${i}`)
    }
    for (const { address } of nodes)
      expect(asked.filter((a) => a.split(':')[0]?.split(',').includes(address)).length).toBeLessThanOrEqual(2)
  })
})

describe('an answer that is nested without end', () => {
  const plugin = (configuration: unknown) => ({ config: [{ name: 'PodSecurity', configuration }] })
  const deep = (levels: number) => {
    let value: unknown = 'x'
    for (let i = 0; i < levels; i++) value = { a: value }
    return value
  }
  /** As text, since nothing of ours can write as many levels. */
  const bottomless = (node: string) =>
    cosi(node, 'admission-control', plugin('HERE')).replace('"HERE"', `${'['.repeat(50_000)}${']'.repeat(50_000)}`)

  test('of one node fails the look at that node, and at no other', async () => {
    const { taking, asked } = takingOf((_, nodes) => ({
      stdout: nodes
        .map((n) => (n === W1.address ? bottomless(n) : cosi(n, 'admission-control', plugin({ defaults: { enforce: 'baseline' } }))))
        .join(''),
    }))
    const seen = await admissionLook([CP1, W1], taking)
    expect(seen.map((s) => said(s.look))).toEqual([
      [{ defaults: { enforce: 'baseline' } }],
      'its answer could not be read: it is nested more than 100 levels deep',
    ])
    expect(seen[1]?.look.evidence).toHaveLength(1)
    expect(asked).toHaveLength(3)
  })

  test('is read as deep as a person would write', async () => {
    const { taking } = takingOf(() => ({ stdout: cosi(CP1.address, 'admission-control', plugin(deep(90))) }))
    expect((await admissionLook([CP1], taking)).map((s) => said(s.look))).toEqual([[deep(90)]])
  })

  test('as a machine configuration fails it too, and nothing of it is repeated', async () => {
    const nested = `${CONFIG}---\nkind: KubeAuditPolicyConfig\nconfiguration: ${'['.repeat(300)}secret${']'.repeat(300)}\n`
    const { taking } = takingOf(() => ({ stdout: cosi(CP1.address, 'v1alpha1', nested) }))
    expect((await hardeningConfigLook([CP1], taking)).map((s) => said(s.look))).toEqual([
      'its answer could not be read: it is nested more than 100 levels deep',
    ])
  })
})

describe('both configurations', () => {
  test('are not asked for with less than an admin, and the reason says so', async () => {
    const { taking, asked } = takingOf(() => ({}), { roles: ['os:reader'] })
    const [seen] = await hardeningConfigLook([CP1], taking)
    expect(seen?.look).toMatchObject({
      ok: false,
      reason: 'needs os:admin; admin is os:reader',
      remedy: expect.stringContaining('--context'),
    })
    expect(asked).toEqual([])
  })

  test('that a node will not show are not taken for empty ones', async () => {
    const { taking } = takingOf(() => denied)
    expect((await hardeningConfigLook([CP1], taking)).map((s) => s.look.ok)).toEqual([false])
  })

  test('of which the active one is missing are none', async () => {
    const { taking } = takingOf(() => ({ stdout: cosi(CP1.address, 'persistent', CONFIG) }))
    expect((await hardeningConfigLook([CP1], taking)).map((s) => said(s.look))).toEqual(['cp1 is missing from the answer'])
  })

  test('have versions, which are all that tells of somebody else', async () => {
    const { taking } = takingOf(() => ({ stdout: configs(CP1.address) }))
    expect((await configVersionsLook([CP1], taking)).map((s) => said(s.look))).toEqual([{ active: '1', persistent: '1' }])
  })
})

describe('a node that was not written since it started', () => {
  /** `log` is what its machine did; what was asked of it is kept. */
  const unwritten = async (version: number, log: string | Answer = '') => {
    const { taking, asked } = takingOf((command) =>
      command === 'logs machined'
        ? typeof log === 'string'
          ? { stdout: log }
          : log
        : { stdout: cosi(CP1.address, 'v1alpha1', CONFIG, version) },
    )
    const [seen] = await hardeningConfigLook([CP1], taking)
    return { look: seen?.look as Look<BothConfigs>, askedForLog: asked.some((a) => a.includes('logs machined')) }
  }
  const TRY = '10.0.0.10: 2026/11/24 15:44:01.452041 [talos] 2026/11/24 15:44:01 apply config request: mode try\n'
  const BACK = '10.0.0.10: 2026/11/24 15:44:11.452485 [talos] 2026/11/24 15:44:11 rolling back the configuration\n'

  test('would start with what is active, where that is what it started with', async () => {
    const { look, askedForLog } = await unwritten(1)
    expect(look).toMatchObject({
      ok: true,
      value: { persistent: { firewall: { rules: [] } }, versions: { active: '1', persistent: 'none' } },
    })
    expect(look.ok && look.value.tried).toBeUndefined()
    expect(askedForLog).toBe(false)
  })

  test.each([2, 4])('is trying a change, where a try has no way back yet (version %i)', async (version) => {
    const { look, askedForLog } = await unwritten(version)
    expect(look).toMatchObject({ ok: true, value: { tried: true } })
    expect(look.ok && look.value.persistent).toBeUndefined()
    expect(askedForLog).toBe(false)
  })

  test('has gone back, where its log tells of every try and its way back', async () => {
    const { look } = await unwritten(5, TRY + BACK + TRY + BACK)
    expect(look).toMatchObject({
      ok: true,
      value: { persistent: { firewall: { rules: [] } } },
      evidence: [{}, { what: expect.stringContaining('logs machined') }],
    })
    expect(look.ok && look.value.tried).toBeUndefined()
  })

  test.each([
    ['a second try over the first', 3, TRY + TRY, '2 tries and 0 ways back'],
    ['a log that does not reach back so far', 5, TRY + BACK, '1 tries and 1 ways back'],
    ['an empty log', 3, '', '0 tries and 0 ways back'],
  ])('is not known to have gone back: %s', async (_, version, log, told) => {
    const { look } = await unwritten(version, log)
    expect(look).toMatchObject({
      ok: false,
      reason: `whether a change is being tried on cp1 cannot be seen: its configuration was replaced ${version - 1} times since it started, and its log tells of ${told}`,
      remedy: expect.stringContaining('a restart of the node'),
    })
  })

  test('says why its log cannot be read', async () => {
    expect((await unwritten(3, { exitCode: 1, stderr: down })).look).toMatchObject({
      ok: false,
      reason: expect.stringContaining('10.0.0.11'),
    })
  })
})

describe('where pods and services live', () => {
  test('is said by the first control plane that answers', async () => {
    const { taking } = takingOf(() => ({ stdout: recording('1.14', 'networks-two-nodes').stdout }))
    expect(said(await networksLook(taking))).toEqual({ pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] })
  })

  test('is not known where none says it', async () => {
    expect(said(await networksLook(takingOf(() => ({})).taking))).toBe('no control plane says where pods and services live')
    expect(said(await networksLook(takingOf(() => ({ stdout: 'hello\n' })).taking))).toBe('what came is not what a Talos API answers')
  })
})

describe('control plane pods', () => {
  const both = (kubectl: Answer) => (command: string) =>
    command.startsWith('kubectl')
      ? kubectl
      : { stdout: recording('1.13', 'static-pods-two-nodes').stdout.replaceAll('10.5.0.2', CP1.address) }

  test('are those that are wanted and those that run', async () => {
    const { taking } = takingOf(both({ stdout: recording('1.13', 'kubectl/control-plane-pods').stdout }))
    const [seen] = await controlPlanePodsLook([CP1], taking)
    const value = said(seen?.look) as { wanted: object; running: object; ready: boolean }
    expect([value.ready, value.running]).toEqual([true, value.wanted])
    expect(seen?.look.evidence).toHaveLength(2)
  })

  test('are not known where one of the two cannot be asked', async () => {
    const without = takingOf(both({}), { kubernetes: false })
    expect((await controlPlanePodsLook([CP1], without.taking)).map((s) => said(s.look))).toEqual(['no kubeconfig was found'])
    const garbled = takingOf(both({ stdout: '<html>' }))
    expect((await controlPlanePodsLook([CP1], garbled.taking)).map((s) => said(s.look))).toEqual([
      'what came is not what an API server answers',
    ])
  })
})

describe.each(VERSIONS)('pods as Talos %s wants them', (version) => {
  const from = version === '1.13' ? '10.5.0.2' : '10.6.0.2'
  const told = (name: string) => ({ stdout: recording(version, name).stdout.replaceAll(from, CP1.address) })
  const answers = (command: string): Answer => {
    if (command.includes('admissioncontrolconfigs')) return told('admission-two-nodes')
    return told(command.includes('auditpolicyconfigs') ? 'audit-policy-two-nodes' : 'static-pods-two-nodes')
  }

  test('come with the versions of the settings that their files are made of', async () => {
    const [seen] = await wantedPodsLook([CP1], takingOf(answers).taking)
    const value = said(seen?.look) as WantedPods
    expect([value.settings, value.pods['kube-apiserver']?.['talos.dev/config-file-version']]).toEqual(['11', '1111'])
    expect(seen?.look.evidence).toHaveLength(3)
  })

  test('are not known where the settings cannot be seen', async () => {
    const refused = { exitCode: 1, stderr: 'error getting resources: rpc error: code = PermissionDenied desc = not authorized\n' }
    const { taking } = takingOf((command) => (command.includes('auditpolicyconfigs') ? refused : answers(command)))
    const [seen] = await wantedPodsLook([CP1], taking)
    expect(seen?.look.ok).toBe(false)
  })
})

describe('whether an API server is ready', () => {
  test('is asked of this one, three times', async () => {
    const { taking, asked } = takingOf(() => ({ stdout: 'ok' }))
    expect((await apiServerReadyLook([CP1], taking)).map((s) => said(s.look))).toEqual([['ok', 'ok', 'ok']])
    expect(asked).toEqual(Array.from({ length: 3 }, () => 'kubectl --server https://10.0.0.1:6443 get --raw /readyz'))
  })

  test('ends at the first answer that is none, with what it says', async () => {
    let turn = 0
    const { taking, asked } = takingOf(() =>
      ++turn === 2 ? { exitCode: 1, stderr: 'Error from server: etcd failed\n' } : { stdout: 'ok' },
    )
    const answers = (await apiServerReadyLook([CP1], taking)).map((s) => said(s.look) as string[])[0] ?? []
    expect([answers[0], answers.length, asked.length]).toEqual(['ok', 2, 2])
    expect(answers[1]).toContain('etcd failed')
  })

  test('cannot be asked without kubectl, or without a kubeconfig', async () => {
    const without = await apiServerReadyLook([CP1], takingOf(() => ({ missing: true })).taking)
    expect(without.map((s) => said(s.look))).toEqual(['kubectl is not on PATH'])
    const nobody = await apiServerReadyLook([CP1], takingOf(() => ({}), { kubernetes: false }).taking)
    expect(nobody.map((s) => said(s.look))).toEqual(['no kubeconfig was found'])
  })
})

describe('Leases', () => {
  const leases = (scheduler: string, manager = 'x') =>
    listOf([
      { metadata: { name: 'kube-scheduler' }, spec: { renewTime: scheduler } },
      { metadata: { name: 'kube-controller-manager' }, spec: { renewTime: manager } },
    ])

  test('are renewed where a second look shows another time', async () => {
    let turn = 0
    const { taking } = takingOf(() => ({ stdout: ++turn === 1 ? leases('12:00:00') : leases('12:00:06') }))
    expect(said(await leasesLook(taking))).toEqual([
      { name: 'kube-scheduler', renewed: true },
      { name: 'kube-controller-manager', renewed: false },
    ])
    expect(taking.system.clock.now().toISOString()).toBe('2026-11-23T12:00:06.000Z')
  })

  test('that just came are not renewed, and those that nobody holds are not either', async () => {
    let turn = 0
    expect(said(await leasesLook(takingOf(() => ({ stdout: ++turn === 1 ? listOf([]) : leases('12:00:06', '') })).taking))).toEqual([
      { name: 'kube-scheduler', renewed: false },
      { name: 'kube-controller-manager', renewed: false },
    ])
  })

  test('that cannot be seen twice are not known', async () => {
    let turn = 0
    const { taking } = takingOf(() =>
      ++turn === 1 ? { stdout: leases('x') } : { exitCode: 1, stderr: 'Unable to connect to the server\n' },
    )
    expect((await leasesLook(taking)).ok).toBe(false)
  })
})

const HEAD = 'NODE        Proto   Recv-Q   Send-Q   Local Address          Foreign Address      State         PID/Program name   Pod\n'
const connection = (from: string, pod = '-') =>
  `10.0.0.1    tcp6    0        0        10.0.0.1:50000         ${from.padEnd(21)}ESTABLISHED   9/apid             ${pod}\n`

describe('this machine as a node sees it', () => {
  /** What the node shows before connections are held, and twice behind that. */
  const seenBy = async (before: string[], first: string[], second: string[], open = 5) => {
    let turn = 0
    let held = 0
    const shown = [before, first, second]
    const { taking } = takingOf(() => ({ stdout: HEAD + (shown[turn++] ?? []).map((c) => connection(c)).join('') }), {
      network: {
        hold: async (_host, _port, count) => {
          held += count
          const release = () => {
            held -= count
          }
          return { open, release }
        },
      },
    })
    const [seen] = await operatorSeenLook([CP1], taking)
    return { value: said(seen?.look), held }
  }
  const five = (address: string, from = 40000) => Array.from({ length: 5 }, (_, i) => `${address}:${from + i}`)

  test('is whoever holds as many new connections as we do, whatever the address; they are let go', async () => {
    const nat = five('192.0.2.10')
    expect(await seenBy(['192.0.2.10:39999', '10.0.0.11:500'], [...nat, '10.0.0.11:501'], [...nat, '10.0.0.11:502'])).toEqual({
      value: { reaches: true, addresses: ['192.0.2.10'] },
      held: 0,
    })
  })

  test('is not a client that was there before, or whose calls come and go', async () => {
    const old = five('10.0.8.8', 30000)
    const ours = five('192.0.2.10')
    expect((await seenBy(old, [...old, ...ours, ...five('10.0.8.9', 1000)], [...old, ...ours, ...five('10.0.8.9', 2000)])).value).toEqual({
      reaches: true,
      addresses: ['192.0.2.10'],
    })
  })

  test('is several where that is not clear, and nobody where it does not get there', async () => {
    const both = [...five('192.0.2.10'), ...five('192.0.2.11')]
    expect((await seenBy([], both, both)).value).toEqual({ reaches: true, addresses: ['192.0.2.10', '192.0.2.11'] })
    expect((await seenBy([], [], [], 0)).value).toEqual({ reaches: false, addresses: [] })
    expect((await seenBy([], five('192.0.2.10'), five('192.0.2.10'), 4)).value).toEqual({ reaches: false, addresses: [] })
  })

  test('is not known where the node does not say who is connected', async () => {
    const { taking } = takingOf(() => denied)
    expect((await operatorSeenLook([CP1], taking)).map((s) => s.look.ok)).toEqual([false])
  })
})

describe('whom a kubelet lets in', () => {
  test.each(['1.13', '1.14'] as const)('is in what it runs with (%s)', async (version) => {
    const { taking, asked } = takingOf(() => ({ stdout: recording(version, 'kubectl/kubelet-config').stdout }))
    expect((await kubeletAccessLook([W1], taking)).map((s) => said(s.look))).toEqual([
      { anonymous: false, authorization: 'Webhook', readOnlyPort: 0 },
    ])
    expect(asked).toEqual(['kubectl get --raw /api/v1/nodes/w1/proxy/configz'])
  })

  test('is everybody where it does not say otherwise', async () => {
    const stdout = JSON.stringify({
      kubeletconfig: { kind: 'KubeletConfiguration', authorization: { mode: 'AlwaysAllow' }, readOnlyPort: 10255 },
    })
    expect((await kubeletAccessLook([W1], takingOf(() => ({ stdout })).taking)).map((s) => said(s.look))).toEqual([
      { anonymous: true, authorization: 'AlwaysAllow', readOnlyPort: 10255 },
    ])
  })

  test('is not known where something else answers, or nothing', async () => {
    expect((await kubeletAccessLook([W1], takingOf(() => ({ stdout: '{}' })).taking)).map((s) => said(s.look))).toEqual([
      'what came is not what a kubelet answers',
    ])
    const { taking } = takingOf(() => ({ exitCode: 1, stderr: 'Error from server (Forbidden): nodes "w1" is forbidden\n' }))
    expect((await kubeletAccessLook([W1], taking)).map((s) => said(s.look))[0]).toContain('forbidden')
  })
})
