import { expect } from 'vitest'
import type { Json } from '../../../../src/contract.ts'
import type { BothConfigs } from '../../../../src/domain/hardening-config.ts'
import { bySpec, type CosiObject, configTexts, lastPodError, parseSysctlConfig } from '../../../../src/observe/parse.ts'
import { parseAdmission, parseAuditPolicy, parseBothConfigs, parseWantedPods } from '../../../../src/observe/parse-hardening.ts'
import { parseFirewallChain, parseNetworks, parseOperators, parseSockets } from '../../../../src/observe/parse-network.ts'
import { movingAddress } from '../calls.ts'
import { configOf, eventually, nodeOf, patchConfig, procOf, sysctlsIn } from '../nodes.ts'
import { type At, answerOf, type Cases } from './at.ts'

/** What talosctl answers of firewall, admission, audit policy and networks, and changes that go back by themselves. */

const KEY = 'net.ipv4.tcp_rfc1337'
const SET = { machine: { sysctls: { [KEY]: '1' } } }

const RULE = (net: string): Json => ({
  apiVersion: 'v1alpha1',
  kind: 'NetworkRuleConfig',
  name: 'tp-rule',
  portSelector: { ports: [50000, '50001-50002'], protocol: 'tcp' },
  ingress: [{ subnet: `${net}.0/24`, except: `${net}.99/32` }],
})
const BLOCK: Json = { apiVersion: 'v1alpha1', kind: 'NetworkDefaultActionConfig', ingress: 'block' }
const without = (document: Json): Json => {
  const { apiVersion, kind, name } = document as Record<string, Json>
  return { apiVersion, kind, ...(name ? { name } : {}), $patch: 'delete' } as Json
}

async function patched(at: At, node: string, patches: Json[]): Promise<void> {
  expect(await at.caller.run('talosctl.patch', { node, patches, dryRun: false })).toMatchObject({ ok: true })
}

const asReader = (at: At, verb: 'talosctl.configs' | 'talosctl.auditPolicy') =>
  answerOf({ ...at, caller: at.as('reader') }, verb, { nodes: [at.cp1] })

function bothIn(objects: CosiObject[] = []): BothConfigs | undefined {
  const texts = configTexts(objects)
  return texts && parseBothConfigs(texts)
}

export const HARDENING: Cases<`talosctl.${string}`> = {
  'talosctl.configs': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.configs', { nodes: [at.cp1, at.w1] }))
    const [plane, worker] = [at.cp1, at.w1].map((node) => bothIn(objects.get(node)))
    expect(plane?.active).toEqual(plane?.persistent)
    expect(plane).toMatchObject({
      active: { firewall: { rules: [] }, apiServerForm: at.cluster.version === '1.13' ? 'cluster.apiServer' : 'documents' },
      network: { endpoint: at.cp1, kubespan: false, talosApiFromPods: false },
    })
    expect(plane?.active.podSecurity).toMatchObject({ kind: 'PodSecurityConfiguration', exemptions: { namespaces: ['kube-system'] } })
    expect(worker?.active.firewall).toEqual({ rules: [] })
    for (const node of [at.cp1, at.w1]) {
      const texts = configTexts(objects.get(node) ?? [])
      // where nothing is tried they are the same to the byte
      expect(texts?.active).toBe(texts?.persistent)
      expect(parseSysctlConfig(texts?.active ?? '')).toEqual({})
    }
    await expect(asReader(at, 'talosctl.configs')).rejects.toThrow('os:admin')
  },
  'talosctl.sockets': async (at) => {
    const found = parseSockets(await answerOf(at, 'talosctl.sockets', { nodes: [at.cp1, at.w1] }))
    const listening = (node: string) =>
      (found.get(node) ?? []).flatMap((s) => (s.state === 'LISTEN' && s.local.address === '::' ? [`${s.local.port} ${s.program}`] : []))
    expect(listening(at.w1)).toEqual(['50000 apid'])
    expect(listening(at.cp1).toSorted()).toEqual(
      ['2379 etcd', '2380 etcd', ...(at.cluster.version === '1.14' ? ['2383 etcd'] : []), '50000 apid', '50001 trustd'].toSorted(),
    )
    // etcd of one talks to that of the other, in both directions
    const peers = (found.get(at.cp1) ?? []).filter((s) => s.state === 'ESTABLISHED' && s.peer?.address === at.cp2)
    expect(peers.map((s) => s.local.port)).toContain(2380)
    expect(peers.map((s) => s.peer?.port)).toContain(2380)
  },
  'talosctl.firewallChains': async (at) => {
    const chain = async () => parseFirewallChain(bySpec(await answerOf(at, 'talosctl.firewallChains', { nodes: [at.w1] })).get(at.w1) ?? [])
    expect(await chain()).toEqual({ blocks: false, rules: [] })
    await patched(at, at.w1, [RULE(at.cluster.net), BLOCK])
    const seen = await eventually('the firewall is in effect', async () => ((await chain()).blocks ? await chain() : undefined))
    expect(seen.rules).toEqual([
      {
        name: expect.stringMatching(/^rule \d+ in effect$/),
        ports: ['50000', '50001-50002'],
        protocol: 'tcp',
        ingress: [{ subnet: `${at.cluster.net}.0/24`, except: `${at.cluster.net}.99/32` }],
      },
    ])
    const config = bothIn(bySpec(await answerOf(at, 'talosctl.configs', { nodes: [at.w1] })).get(at.w1))
    expect(config?.persistent?.firewall).toEqual({ ingress: 'block', rules: [{ ...seen.rules[0], name: 'tp-rule' }] })
    await patched(at, at.w1, [without(RULE(at.cluster.net)), without(BLOCK)])
    await eventually('the firewall is gone', async () => ((await chain()).blocks ? undefined : true))
  },
  'talosctl.admission': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.admission', { nodes: [at.cp1, at.w1] }))
    expect([...objects.keys()]).toEqual([at.cp1])
    expect(parseAdmission(objects.get(at.cp1) ?? [])).toMatchObject([
      { defaults: { enforce: 'baseline', audit: 'restricted', warn: 'restricted' }, exemptions: { namespaces: ['kube-system'] } },
    ])
  },
  'talosctl.auditPolicy': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.auditPolicy', { nodes: [at.cp1, at.w1] }))
    expect([...objects.keys()]).toEqual([at.cp1])
    expect(parseAuditPolicy(objects.get(at.cp1) ?? [])).toEqual({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata' }],
    })
    await expect(asReader(at, 'talosctl.auditPolicy')).rejects.toThrow('os:admin')
  },
  'talosctl.networks': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.networks', { nodes: [at.cp1, at.w1] }))
    expect([...objects.keys()]).toEqual([at.cp1])
    expect(parseNetworks(objects.get(at.cp1) ?? [])).toEqual({ pods: ['10.244.0.0/16'], services: ['10.96.0.0/12'] })
  },
  'talosctl.operators': async (at) => {
    const look = async () => parseOperators(bySpec(await answerOf(at, 'talosctl.operators', { nodes: [at.cp2] })).get(at.cp2) ?? [])
    expect(await look()).toEqual({ vips: [], dhcp6: false })
    await expect(answerOf({ ...at, caller: at.as('reader') }, 'talosctl.operators', { nodes: [at.cp2] })).rejects.toThrow('os:admin')
    const address = `${at.cluster.net}.50`
    await patched(at, at.cp2, [movingAddress(at.cluster.version, address)])
    await eventually('the address that moves is seen', async () => ((await look()).vips.includes(address) ? true : undefined))
    expect((await look()).vips).toEqual([address])
  },
  // what is tried is in effect and not persistent; kept, it stays; left alone, it goes back
  'talosctl.try': async (at) => {
    const [w1, cp2] = [nodeOf(at.cluster, 'w1'), nodeOf(at.cluster, 'cp2')]
    const before = procOf(w1, [KEY])
    for (const [node, seconds] of [
      [at.w1, 60],
      [at.cp2, 5],
    ] as const) {
      const tried = await at.caller.run('talosctl.try', { node, patches: [SET], seconds })
      expect(tried.stderr.toString('utf8')).toContain(`automatically reverted back in ${seconds === 60 ? '1m0s' : '5s'}`)
      expect(tried.ok).toBe(true)
    }
    const objects = bySpec(await answerOf(at, 'talosctl.configs', { nodes: [at.w1] })).get(at.w1) ?? []
    const held = (id: string) => sysctlsIn(String(objects.find((o) => o.id === id)?.spec)).machine
    expect([held('v1alpha1'), held('persistent')]).toEqual([{ [KEY]: '1' }, undefined])
    await expect.poll(() => procOf(w1, [KEY]), { timeout: 30_000 }).toEqual({ [KEY]: '1' })
    await patched(at, at.w1, [SET])
    await eventually('what nobody kept went back', () => (sysctlsIn(configOf(at.cluster, cp2)).machine ? undefined : true))
    expect(sysctlsIn(configOf(at.cluster, w1)).machine).toEqual({ [KEY]: '1' })
    patchConfig(at.cluster, w1, { machine: { sysctls: { [KEY]: { $patch: 'delete' } } } })
    await expect.poll(() => [procOf(w1, [KEY]), procOf(cp2, [KEY])], { timeout: 30_000 }).toEqual([before, before])
  },
}

/** What needs an API server that runs. */
export const PODS: Cases<`talosctl.${string}`> = {
  'talosctl.podLog': async (at) => {
    const pod = { pod: 'kube-apiserver-cp1', container: 'kube-apiserver' }
    const log = await answerOf(at, 'talosctl.podLog', { node: at.cp1, ...pod })
    expect(log).toMatch(/^\S+: \d{4}-\d\d-\d\dT\S+ std(out|err) [FP] /)
    // it complains while it starts; the head of the container runtime is gone
    expect(lastPodError(log)).not.toMatch(/std(out|err) [FP] /)
    expect(await at.caller.run('talosctl.podLog', { node: at.w1, ...pod })).toMatchObject({ ok: false, exitCode: 1 })
  },
  'talosctl.staticPods': async (at) => {
    const objects = bySpec(await answerOf(at, 'talosctl.staticPods', { nodes: [at.cp1, at.w1] }))
    const wanted = parseWantedPods(objects.get(at.cp1) ?? [])
    expect(Object.keys(wanted).toSorted()).toEqual(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
    const versions = ['talos.dev/config-version', 'talos.dev/secrets-version']
    for (const [name, annotations] of Object.entries(wanted))
      expect(Object.keys(annotations).toSorted(), name).toEqual(
        name === 'kube-apiserver' ? ['talos.dev/config-file-version', ...versions] : versions,
      )
    const held = await Promise.all(
      (['talosctl.admission', 'talosctl.auditPolicy'] as const).map(
        async (verb) => bySpec(await answerOf(at, verb, { nodes: [at.cp1] })).get(at.cp1)?.[0]?.version,
      ),
    )
    expect(wanted['kube-apiserver']?.['talos.dev/config-file-version']).toMatch(new RegExp(`^${held.join('')}\\d+$`))
  },
}
