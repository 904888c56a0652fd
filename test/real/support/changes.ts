import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { RealCluster, RealNode, Version } from './cluster.ts'
import { initOf } from './inside.ts'
import { type KubernetesCluster, kubectl } from './kubernetes.ts'
import { eventually, nodeOf, pristine, type Told, talosctl, triedOn } from './nodes.ts'
import { Operator } from './operator.ts'

/** What the four changes that can hurt are tested with: a second address, somebody else's hand, and a talosctl that adds to a try. */

/** Milliseconds for a test of one. Most of it is waiting for an API server or for the end of a window. */
export const LIMIT = 900_000

/** Milliseconds without an answer that say closed. */
const SILENT_AFTER = 2000

export type Answered = 'open' | 'refused' | 'silent'

/** This machine as somebody who is not the operator: another address on the bridge of the nodes. It goes with the bridge. */
export function secondAddress(cluster: RealCluster): string {
  const address = `${cluster.net}.77`
  const there = execFileSync('ip', ['-br', 'addr', 'show', 'dev', `tp-${cluster.name}`], { encoding: 'utf8' })
  if (!there.includes(`${address}/`)) execFileSync('ip', ['addr', 'add', `${address}/24`, 'dev', `tp-${cluster.name}`])
  return address
}

/** What a new connection from that address meets. */
export function answers(from: string, to: string, port: number): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to, port, localAddress: from })
    const end = (result: Answered) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end('silent'), SILENT_AFTER)
    socket.on('connect', () => end('open'))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') return end('refused')
      clearTimeout(timer)
      reject(error)
    })
  })
}

const patch = (cluster: RealCluster, node: RealNode, patches: readonly object[], ...flags: string[]): Told => {
  const each = patches.flatMap((p) => ['--patch', JSON.stringify(p)])
  return talosctl(cluster, '--nodes', node.address, 'patch', 'machineconfig', ...flags, ...each)
}

/** A change as somebody else makes it. */
export function patched(cluster: RealCluster, node: RealNode, patches: readonly object[]): void {
  const told = patch(cluster, node, patches, '--mode', 'no-reboot')
  if (told.code !== 0) throw new Error(`patching ${node.name} ended with ${told.code}: ${told.stderr}`)
}

/** Sent on purpose, past the program: it goes back by itself. */
export const tryByHand = (cluster: RealCluster, node: RealNode, patches: readonly object[], seconds: number): Told =>
  patch(cluster, node, patches, '--mode', 'try', '--timeout', `${seconds}s`)

/** A dry run of somebody else, of something that has nothing to do with us. */
export const somebodysDryRun = (cluster: RealCluster, node: RealNode): Told =>
  patch(cluster, node, [{ machine: { sysctls: { 'net.ipv4.tcp_rfc1337': '1' } } }], '--mode', 'no-reboot', '--dry-run')

/** A talosctl that adds this to everything that is tried, as if it came from the program. */
export function addToTries(me: Operator, patches: readonly object[]): void {
  const each = patches.map((p) => `--patch '${JSON.stringify(p)}'`).join(' ')
  me.script('talosctl', `case "$*" in *" --mode try "*) set -- "$@" ${each} ;; esac`, `exec '${me.cluster.talosctl}' "$@"`)
}

/** An operator who may change API servers: BAK-02 is waived, which a change that restarts one asks for. */
export async function settled(cluster: KubernetesCluster): Promise<Operator> {
  await apiServerAnswers(cluster)
  const me = new Operator(cluster)
  me.limit = 900_000
  await me.settleIn()
  await me.must('waive', 'BAK-02', '--why', 'nothing here is worth a backup', '--until', tomorrow())
  return me
}

const DAY = 86_400_000
const tomorrow = (): string => new Date(Date.now() + DAY).toISOString().slice(0, 10)

/** Waits until the program has a line of this kind in its journal. */
export const journalled = (me: Operator, kind: string, seconds = 120): Promise<Record<string, unknown>> =>
  eventually(`"${kind}" is in the journal`, () => me.journal().findLast((l) => l.kind === kind), seconds)

/** A talosctl that begins to keep what was tried only when it is told to. */
export function holdKeeps(me: Operator): { begun: () => Promise<number> } {
  const begun = join(me.folder, 'keeping')
  me.script(
    'talosctl',
    'case "$*" in',
    '*--dry-run*) ;;',
    `*" --mode no-reboot "*) echo $$ > '${begun}'; exec /bin/sleep 600 ;;`,
    'esac',
    `exec '${me.cluster.talosctl}' "$@"`,
  )
  return {
    begun: () =>
      eventually('the keep has begun', () => (existsSync(begun) ? Number(readFileSync(begun, 'utf8')) || undefined : undefined), 120),
  }
}

/** What nobody would plan, and what the log of a node says of it. */
export interface Poison {
  name: string
  patches: object[]
  reason: RegExp
}

/** Talos sets it itself, and lets nobody else. */
export const DENIED = 'encryption-provider-config'
export const DENIED_SAID = new RegExp(`extra arg \\\\?"${DENIED}\\\\?" is not allowed`)

const POISONS = {
  'doubled exemption': { of: '1.13', reason: /exemptions\.namespaces\[1\]: Duplicate value: \\?"kube-system/ },
  'unwritable log': { of: '1.13', reason: /nowhere/ },
  'misspelt field': { of: '1.14', reason: /unknown field \\?"rules\[0\]\.resourcez/ },
  'denied argument': { of: '1.13', reason: DENIED_SAID },
} as const
type PoisonName = keyof typeof POISONS

const argumentPatch = (version: Version, extraArgs: object): object[] =>
  version === '1.14' ? [{ apiVersion: 'v1alpha1', kind: 'KubeAPIServerConfig', extraArgs }] : [{ cluster: { apiServer: { extraArgs } } }]

export const withoutArgument = (name: string, version: Version): object[] => argumentPatch(version, { [name]: { $patch: 'delete' } })

export const withoutPodSecurity = (version: Version): object[] => {
  const entry = { name: 'PodSecurity', $patch: 'delete' }
  return version === '1.14'
    ? [{ apiVersion: 'v1alpha1', kind: 'KubeAdmissionControlConfig', ...entry }]
    : [{ cluster: { apiServer: { admissionControl: [entry] } } }]
}

export function patchesOf(name: PoisonName, version: Version): object[] {
  const isNew = version === '1.14'
  const document = (kind: string, more: object) => [{ apiVersion: 'v1alpha1', kind, ...more }]
  const apiServer = (more: object) => [{ cluster: { apiServer: more } }]
  switch (name) {
    case 'doubled exemption': {
      const entry = { name: 'PodSecurity', configuration: { exemptions: { namespaces: ['kube-system'] } } }
      return isNew ? document('KubeAdmissionControlConfig', entry) : apiServer({ admissionControl: [entry] })
    }
    case 'misspelt field': {
      const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata', resourcez: [] }] }
      return isNew ? document('KubeAuditPolicyConfig', { configuration: policy }) : apiServer({ auditPolicy: policy })
    }
    case 'unwritable log':
      return argumentPatch(version, { 'audit-log-path': '/nowhere/audit.log' })
    case 'denied argument':
      return argumentPatch(version, { [DENIED]: '/nowhere/encryption.yaml' })
  }
}

/** Each is tried on one of the versions. */
export const poisonsFor = (version: Version, names: readonly PoisonName[]): Poison[] =>
  names
    .filter((name) => triedOn(POISONS[name].of))
    .map((name) => ({ name, patches: patchesOf(name, version), reason: POISONS[name].reason }))

const annotations = (text: string): string => (text.match(/"talos\.dev\/[\w-]+": "[^"]*"/g) ?? []).toSorted().join()

/** Whether what Talos wants is made of what the node holds: behind a change that it could not render it looks again after a while only. */
function isRendered(cluster: KubernetesCluster, address: string, wanted: string): boolean {
  const version = (type: string) =>
    /"version": (\d+)/.exec(talosctl(cluster, '--nodes', address, 'get', `${type}.kubernetes.talos.dev`, '-o', 'json').stdout)?.[1]
  const files = `config-file-version": "${version('admissioncontrolconfigs')}${version('auditpolicyconfigs')}`
  return wanted.includes(files) && wanted.includes(`/config-version": "${version('apiserverconfigs')}"`)
}

/** Waits until the API server is the one that Talos wants of what the node holds, and says three times that it is well. */
export async function apiServerAnswers(cluster: KubernetesCluster): Promise<void> {
  const { name, address } = nodeOf(cluster, 'cp1')
  const isWell = () => kubectl(cluster, ['get', '--raw', '/readyz', '--request-timeout=5s']).stdout === 'ok'
  await eventually(
    'the API server is ready',
    async () => {
      if (!isWell()) return undefined
      const wanted = annotations(talosctl(cluster, '--nodes', address, 'get', 'staticpods', 'kube-apiserver', '-o', 'json').stdout)
      const pod = kubectl(cluster, ['get', 'pod', '--namespace', 'kube-system', `kube-apiserver-${name}`, '-o', 'json']).stdout
      if (wanted === '' || wanted !== annotations(pod) || !isRendered(cluster, address, wanted)) return undefined
      for (const _ of ['a second time', 'a third time']) {
        await new Promise((done) => setTimeout(done, 1000))
        if (!isWell()) return undefined
      }
      return true
    },
    300,
    3000,
  )
}

/** As it was before any test, and with an API server that is well: putting its config back may make it start again. */
export async function asAtFirst(cluster: KubernetesCluster): Promise<void> {
  await pristine(cluster)
  await apiServerAnswers(cluster)
}

interface AuditLine {
  level: string
  stage: string
  verb: string
  objectRef?: { resource: string; name?: string }
  requestObject?: { rules?: unknown }
}

/** Lines of the audit log of a control plane in which this stands, read on the node past Talos. */
export function auditLines(node: RealNode, text: string): AuditLine[] {
  const args = ['-t', initOf(node), '-m', '/usr/libexec/busybox', 'grep', '-hF', text, '/var/log/audit/kube/kube-apiserver.log']
  const { status, stdout } = spawnSync('nsenter', args, { encoding: 'utf8', maxBuffer: 64 << 20 })
  if (status !== 0 && status !== 1) throw new Error(`the audit log of ${node.name} cannot be read`)
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}
