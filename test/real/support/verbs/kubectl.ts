import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parsePreview, parsePrivilegedAnswer } from '../../../../src/domain/admission-preview.ts'
import { imageQuestion, PROBE_NAMESPACE, probeManifests } from '../../../../src/domain/enforcement-probe.ts'
import type { VerbName } from '../../../../src/domain/verbs.ts'
import { bySpec } from '../../../../src/observe/parse.ts'
import { parseLeases, parseRunningPods, parseWantedPods } from '../../../../src/observe/parse-hardening.ts'
import {
  parseBindings,
  parseKubeletAccess,
  parseKubeNodes,
  parseNamespaces,
  parsePods,
  parsePolicies,
  parseProbing,
  parseServices,
  parseStorageWrites,
  parseWorkloads,
} from '../../../../src/observe/parse-kubernetes.ts'
import { HERE } from '../cluster.ts'
import { LAB, MORE, NOWHERE, policyOf } from '../lab.ts'
import { eventually } from '../nodes.ts'
import { type At, answerOf, type Cases } from './at.ts'

/** What kubectl answers for a cluster that runs, verb by verb, with what `furnish` has made on it. */

/** What is no list is read as none. */
const listed = <T>(list: T[] | undefined): T[] => list ?? []

const namesOf = (list: readonly { namespace: string; name: string }[] | undefined, ...namespaces: string[]): string[] =>
  (list ?? []).filter((o) => namespaces.includes(o.namespace)).map((o) => `${o.namespace}/${o.name}`)

async function policies(at: At): Promise<string[]> {
  return namesOf(parsePolicies(await answerOf(at, 'kubectl.policies', {})), LAB)
}

/** Both streams, whether it was refused or not. */
async function bothOf<V extends VerbName>(at: At, ...args: Parameters<typeof answerOf<V>>) {
  const [, verb, given] = args
  const ran = await at.caller.run(verb, given)
  return { exitCode: ran.exitCode, stdout: ran.stdout.toString('utf8'), stderr: ran.stderr.toString('utf8') }
}

export const KUBECTL: Cases<`kubectl.${string}`> = {
  'kubectl.serverVersion': async (at) => {
    const { serverVersion } = JSON.parse(await answerOf(at, 'kubectl.serverVersion', {}))
    expect(serverVersion.gitVersion).toBe('v1.36.3')
  },
  'kubectl.nodes': async (at) => {
    const nodes = parseKubeNodes(await answerOf(at, 'kubectl.nodes', {}))
    expect(nodes.map((n) => n.name).toSorted()).toEqual(['cp1', 'w1'])
    for (const { name, addresses } of nodes)
      expect(addresses).toEqual(expect.arrayContaining([at.cluster.nodes.find((n) => n.name === name)?.address]))
  },
  'kubectl.bindings': async (at) => {
    const text = await answerOf(at, 'kubectl.bindings', {})
    expect(parseBindings(text)).toEqual([
      {
        kind: 'ClusterRoleBinding',
        name: 'system:public-info-viewer',
        role: 'system:public-info-viewer',
        subject: 'system:unauthenticated',
      },
    ])
    // both kinds are in it, or a RoleBinding to everybody would be overlooked
    expect(new Set(JSON.parse(text).items.map((i: { kind: string }) => i.kind))).toEqual(new Set(['ClusterRoleBinding', 'RoleBinding']))
  },
  'kubectl.metrics': async (at) => {
    const writes = parseStorageWrites(await answerOf(at, 'kubectl.metrics', {}))
    expect(writes['k8s:enc:secretbox:v1:']).toBeGreaterThan(0)
    expect(writes.identity).toBeUndefined()
  },
  // what the gate of a change waits for: on a cluster that is left alone it is so already
  'kubectl.controlPlanePods': async (at) => {
    const wanted = parseWantedPods(bySpec(await answerOf(at, 'talosctl.staticPods', { nodes: [at.cp1] })).get(at.cp1) ?? [])
    const { running, ready } = await eventually('every mirror pod is ready', async () => {
      const found = parseRunningPods(await answerOf(at, 'kubectl.controlPlanePods', {}), 'cp1')
      return found?.ready ? found : undefined
    })
    expect(ready).toBe(true)
    expect(running).toEqual(wanted)
    expect(parseRunningPods(await answerOf(at, 'kubectl.controlPlanePods', {}), 'w1')).toEqual({ running: {}, ready: false })
  },
  'kubectl.readyz': async (at) => {
    expect(await answerOf(at, 'kubectl.readyz', { address: at.cp1 })).toBe('ok')
    expect(await at.caller.run('kubectl.readyz', { address: at.w1 })).toMatchObject({ ok: false, exitCode: 1 })
  },
  'kubectl.leases': async (at) => {
    const look = async () => parseLeases(await answerOf(at, 'kubectl.leases', {}))
    const before = await look()
    expect(before.map((l) => l.name).toSorted()).toEqual(['kube-controller-manager', 'kube-scheduler'])
    await eventually('both are renewed', async () => {
      const now = await look()
      return now.every((l) => before.some((b) => b.name === l.name && b.renewed !== l.renewed)) ? true : undefined
    })
  },
  'kubectl.namespaces': async (at) => {
    const found = parseNamespaces(await answerOf(at, 'kubectl.namespaces', {})) ?? []
    expect(found.map((n) => n.name)).toEqual(expect.arrayContaining(['default', 'kube-system', LAB, MORE]))
    expect(found.find((n) => n.name === MORE)?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'privileged' })
  },
  'kubectl.pods': async (at) => {
    const pods = listed(parsePods(await answerOf(at, 'kubectl.pods', {}))) ?? []
    const one = (namespace: string, prefix: string) => pods.find((p) => p.namespace === namespace && p.name.startsWith(prefix))
    expect(one('kube-system', 'kube-apiserver')).toMatchObject({
      node: 'cp1',
      hostNetwork: true,
      ips: [at.cp1],
    })
    expect(one(LAB, 'gateway-0')).toMatchObject({
      node: 'w1',
      hostNetwork: false,
      ips: [expect.stringMatching(/^10\.244\./)],
      labels: { app: 'gateway' },
      ports: [{ name: 'http', port: 8080, protocol: 'tcp' }],
    })
    expect(one(MORE, 'agent')).toMatchObject({ ports: [{ port: 9100, protocol: 'tcp', hostPort: 9100 }] })
    expect(one(MORE, 'web')).toMatchObject({ ports: [{ port: 53, protocol: 'udp' }] })
  },
  'kubectl.services': async (at) => {
    const services = parseServices(await answerOf(at, 'kubectl.services', {}))
    expect(namesOf(services, LAB, MORE, 'default').toSorted()).toEqual(['default/kubernetes', `${LAB}/gateway`, `${MORE}/web`].toSorted())
    expect(services?.find((s) => s.namespace === LAB)).toMatchObject({
      type: 'NodePort',
      selector: { app: 'gateway' },
      clusterIPs: [expect.any(String)],
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'tcp', nodePort: 31080 }],
    })
    expect(services?.find((s) => s.namespace === MORE)).toMatchObject({
      type: 'LoadBalancer',
      ports: [{ port: 53, targetPort: 53, protocol: 'udp', nodePort: 31053 }],
      healthCheckNodePort: 31900,
    })
  },
  'kubectl.workloads': async (at) => {
    const found = listed(parseWorkloads(await answerOf(at, 'kubectl.workloads', {}))).filter((w) => [LAB, MORE].includes(w.namespace))
    const ready = { desired: 1, ready: 1 }
    expect(found.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: 'DaemonSet', namespace: MORE, name: 'agent', containers: ['agent'], ...ready },
      { kind: 'Deployment', namespace: MORE, name: 'web', containers: ['web'], ...ready },
      { kind: 'StatefulSet', namespace: LAB, name: 'gateway', containers: ['gateway'], ...ready },
    ])
  },
  'kubectl.policies': async (at) => {
    expect(await policies(at)).toContain(`${LAB}/from-agent`)
    const found = parsePolicies(await answerOf(at, 'kubectl.policies', {}))?.find((p) => p.name === 'from-agent')
    expect(found).toMatchObject({ namespace: LAB, name: 'from-agent' })
  },
  'kubectl.previewLevel': async (at) => {
    const previews = async (level: string, namespaces: string[]) => {
      const { stdout, stderr } = await bothOf(at, at, 'kubectl.previewLevel', { level, namespaces })
      return parsePreview(namespaces, stdout, stderr).previews.map((p) => [p.namespace, p.state])
    }
    expect(await previews('baseline', [LAB])).toEqual([[LAB, 'keeps it']])
    expect(await previews('restricted', [LAB, NOWHERE, 'kube-system'])).toEqual([
      [LAB, 'violates'],
      [NOWHERE, 'gone'],
      ['kube-system', 'exempt'],
    ])
    // nothing was labelled
    expect(parseNamespaces(await answerOf(at, 'kubectl.namespaces', {}))?.find((n) => n.name === LAB)?.labels).toEqual({
      'kubernetes.io/metadata.name': LAB,
    })
  },
  'kubectl.privilegedPod': async (at) => {
    const ask = async (namespace: string) => {
      const { stdout, stderr } = await bothOf(at, at, 'kubectl.privilegedPod', { namespace })
      return parsePrivilegedAnswer(stdout, stderr)
    }
    const [refused, letIn] = [await ask(LAB), await ask(MORE)]
    expect(refused).not.toEqual(letIn)
    expect(JSON.stringify(refused)).toContain('baseline')
    at.ran.add('kubectl.privilegedPod')
    expect(namesOf(parsePods(await answerOf(at, 'kubectl.pods', {})) ?? [], MORE).filter((n) => n.includes('privileged'))).toEqual([])
  },
  'kubectl.apply': async (at) => {
    const manifests = [policyOf('tp-applied')]
    const line = 'networkpolicy.networking.k8s.io/tp-applied serverside-applied'
    expect(await answerOf(at, 'kubectl.apply', { manifests, dryRun: true })).toBe(`${line} (server dry run)\n`)
    expect(await policies(at)).not.toContain(`${LAB}/tp-applied`)
    for (let i = 0; i < 2; i++) expect(await answerOf(at, 'kubectl.apply', { manifests, dryRun: false })).toBe(`${line}\n`)
    expect(await policies(at)).toContain(`${LAB}/tp-applied`)
    expect(await at.caller.run('kubectl.apply', { manifests: [policyOf('x', NOWHERE)], dryRun: false })).toMatchObject({
      ok: false,
      exitCode: 1,
    })
  },
  'kubectl.deletePolicies': async (at) => {
    await answerOf(at, 'kubectl.apply', { manifests: [policyOf('tp-deleted')], dryRun: false })
    const args = { namespace: LAB, names: ['tp-deleted'] }
    await answerOf(at, 'kubectl.deletePolicies', { ...args, dryRun: true })
    expect(await policies(at)).toContain(`${LAB}/tp-deleted`)
    for (let i = 0; i < 2; i++) await answerOf(at, 'kubectl.deletePolicies', { ...args, dryRun: false })
    expect(await policies(at)).not.toContain(`${LAB}/tp-deleted`)
    expect(await policies(at)).toContain(`${LAB}/from-agent`)
  },
  'kubectl.kubeletConfig': async (at) => {
    for (const node of ['cp1', 'w1'])
      expect(parseKubeletAccess(await answerOf(at, 'kubectl.kubeletConfig', { node }))).toEqual({
        anonymous: false,
        authorization: 'Webhook',
        readOnlyPort: 0,
      })
    expect(await at.caller.run('kubectl.kubeletConfig', { node: 'nobody' })).toMatchObject({ ok: false, exitCode: 1 })
  },
  'kubectl.probePods': async (at) => {
    const template = readFileSync(join(HERE, '../../templates/K8S-04/probe.yaml'), 'utf8')
    const { server } = probeManifests(template, imageQuestion.default as string)
    const look = async () => parseProbing(await answerOf(at, 'kubectl.probePods', {}))
    expect((await look())?.server.runs).toBe(false)
    await answerOf(at, 'kubectl.apply', { manifests: server as never, dryRun: false })
    const probing = await eventually('the pod that listens runs', async () => {
      const found = await look()
      return found?.server.runs && found.server.address ? found : undefined
    })
    expect(probing).toMatchObject({ server: { address: expect.stringMatching(/^10\.244\./) }, client: { runs: false, reaches: false } })
  },
  'kubectl.deleteNamespace': async (at) => {
    expect(await answerOf(at, 'kubectl.deleteNamespace', { name: PROBE_NAMESPACE })).toContain(`namespace "${PROBE_NAMESPACE}" deleted`)
    expect(parseNamespaces(await answerOf(at, 'kubectl.namespaces', {}))?.map((n) => n.name)).not.toContain(PROBE_NAMESPACE)
    expect(await answerOf(at, 'kubectl.deleteNamespace', { name: PROBE_NAMESPACE })).toBe('')
  },
}
