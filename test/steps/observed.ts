import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { Look, Sighting, StepContext } from '../../src/contract.ts'
import type { WireCertificate } from '../../src/domain/certificates.ts'
import type { AnonymousBinding, ApiServerPod, StorageWrites } from '../../src/domain/kubernetes.ts'
import type { EtcdMember, EtcdStatus, Member } from '../../src/domain/observations.ts'
import type {
  BackupManifest,
  CheckedSnapshot,
  OpenedBackup,
  OpenedBundle,
  OpeningIdentity,
  SealedInWorkspace,
} from '../../src/domain/sealed.ts'
import { ANONYMOUS_PATHS, type AnonymousAnswers, type KubeletAccess, type NoAnswer, portsOf, type WirePort } from '../../src/domain/wire.ts'
import { HARDENING } from './observed-hardening.ts'

/** Everything that an observation may come to, for properties of the steps. */

const NOW = Date.parse('2026-11-23T12:00:00.000Z')
const HOUR = 3_600_000
const NODES = ['cp1', 'cp2', 'w1'] as const
const HASHES = ['a', 'b', 'c'].map((c) => c.repeat(64))

/** Mostly the one value, so that what must agree often does. */
const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
const hash = mostly(...(HASHES as [string, ...string[]]))
const few = fc.integer({ min: 0, max: 3 })
const version = fc.constantFrom('', 'v1.11.5', 'v1.13.9', 'v1.14.1')
/** ISO 8601; mostly around now, seldom far away. */
const time = fc
  .oneof(
    fc.constantFrom(-1, 0, 1, 5, 7, 23, 25).map((h) => -h * HOUR),
    fc.integer({ min: -4000 * 24, max: 400 * 24 }).map((h) => h * HOUR),
  )
  .map((ms) => new Date(NOW + ms).toISOString())
const kept = <T, K extends keyof T>(whole: fc.Arbitrary<T>, ...keys: K[]): fc.Arbitrary<Omit<T, K> & Partial<Pick<T, K>>> =>
  fc.tuple(whole, fc.subarray(keys)).map(([value, gone]) => {
    const left: Partial<T> = { ...value }
    for (const key of gone) delete left[key]
    return left as Omit<T, K> & Partial<Pick<T, K>>
  })

const member: fc.Arbitrary<Member[]> = fc.tuple(fc.oneof(fc.constant([...NODES]), fc.subarray([...NODES])), version).map(([names, v]) =>
  names.map((name, i) => ({
    name,
    address: `10.0.0.${i}`,
    addresses: [`10.0.0.${i}`],
    type: name === 'w1' ? 'worker' : 'controlplane',
    version: v,
  })),
)
const certificate: fc.Arbitrary<WireCertificate> = kept(
  fc.record({
    subject: fc.constantFrom('CN=cp1', ''),
    issuer: fc.constantFrom('O=etcd', 'O=talos'),
    notBefore: time,
    notAfter: time,
    names: fc.subarray(['10.0.0.0', '10.0.0.1', 'cp1', 'localhost']),
    sha256: hash,
    authorityKeyId: hash,
  }),
  'authorityKeyId',
)
const ports: fc.Arbitrary<WirePort[]> = fc.tuple(fc.constantFrom('controlplane' as const, 'worker' as const), version).chain(([type, v]) =>
  fc.tuple(
    ...portsOf(type, v).map(({ port, service }) =>
      fc.oneof(
        fc
          .constantFrom('refused' as const, 'silent', 'mute', 'not tls', 'aborted')
          .map((answer): WirePort => ({ port, service, answer, chain: [], accepts: [] })),
        kept(
          fc.record({
            chain: fc.array(certificate, { maxLength: 2 }),
            accepts: fc.subarray(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'], { minLength: 1 }),
            asksForCertificate: fc.constantFrom('no' as const, 'optional', 'required', 'unclear'),
            authorities: fc.constant<string[]>([]),
            ofItsCa: fc.boolean(),
          }),
          'asksForCertificate',
          'ofItsCa',
        ).map((shown): WirePort => ({ port, service, answer: 'tls', ...shown })),
      ),
    ),
  ),
)
const answer = fc.constantFrom<number | NoAnswer>(200, 301, 401, 401, 403, 404, 500, 503, 'refused', 'certificate required')
/** Where a firewall closes the port, no path is answered. */
const statuses = fc.oneof(
  fc.array(answer, { minLength: 6, maxLength: 6 }),
  fc.constant<(number | NoAnswer)[]>(Array.from({ length: 6 }, () => 'silent')),
)
const answers: fc.Arbitrary<AnonymousAnswers> = fc.subarray(['kube-apiserver', 'kubelet'] as const, { minLength: 1 }).chain((services) =>
  fc.tuple(
    ...services.map((service) =>
      statuses.map((all) => ({
        service,
        port: service === 'kubelet' ? 10250 : 6443,
        answers: Object.fromEntries(ANONYMOUS_PATHS[service].map((path, i) => [path, all[i] as number | NoAnswer])),
      })),
    ),
  ),
)
const access: fc.Arbitrary<KubeletAccess> = fc.record({
  anonymous: fc.boolean(),
  authorization: mostly('Webhook', 'AlwaysAllow'),
  readOnlyPort: mostly(0, 10255),
})
const binding: fc.Arbitrary<AnonymousBinding> = fc.record({
  kind: fc.constantFrom('ClusterRoleBinding', 'RoleBinding'),
  name: fc.constantFrom('system:public-info-viewer', 'shop/readers'),
  role: fc.constantFrom('system:public-info-viewer', 'view'),
  subject: fc.constantFrom('system:anonymous' as const, 'system:unauthenticated'),
})
const pod: fc.Arbitrary<ApiServerPod | { absent: true }> = fc.oneof(
  fc.constant({ absent: true as const }),
  fc.record({ version: fc.constant('v1.36.3'), arguments: fc.subarray(['--encryption-provider-config=/x', '--allow-privileged=true']) }),
)
const counts = (keys: string[]): fc.Arbitrary<Record<string, number>> =>
  fc
    .subarray(keys)
    .chain((some) => fc.array(few, { minLength: 2, maxLength: 2 }).map((n) => Object.fromEntries(some.map((k, i) => [k, n[i] as number]))))
const writes: fc.Arbitrary<StorageWrites> = counts(['k8s:enc:secretbox:v1:', 'identity'])
const names = fc.subarray(['shop/a', 'shop/b', 'shop/c', 'shop/d', 'shop/e', 'shop/f'])
const snapshot: fc.Arbitrary<CheckedSnapshot> = kept(
  fc.record({
    bytes: few,
    databaseBytes: few,
    sha256: hash,
    hash: fc.constant('c3d1f5e9'),
    revision: few,
    keys: few,
    etcdVersion: fc.constant('3.6.5'),
    storageVersion: fc.constant('3.6.0'),
    members: fc.constant([{ id: 'a1', name: 'cp1' }]),
    kubeSystemUid: hash,
    types: fc.constant({}),
    secrets: fc
      .tuple(counts(['k8s:enc:secretbox:v1:key2:', 'k8s:enc:']), names, few, names, few)
      .map(([encrypted, plain, more, olderPlain, olderMore]) => ({
        encrypted,
        plain,
        plainCount: plain.length + more,
        olderPlain,
        olderPlainCount: olderPlain.length + olderMore,
      })),
    tool: fc.constant(null),
  }),
  'etcdVersion',
  'storageVersion',
  'kubeSystemUid',
)
const manifest: fc.Arbitrary<BackupManifest> = fc.record({
  takenAt: time,
  revision: few,
  sha256: hash,
  sealed: fc.record({ sha256: hash, bytes: mostly(9120, 200) }),
  recipients: fc.constant(['ann']),
})
const PATHS = ['secrets/bundle-1.age', 'secrets/bundle-2.age', 'secrets/config-cp1.age', 'backups/etcd-1.age', 'backups/etcd-2.age']
const files: fc.Arbitrary<SealedInWorkspace[]> = fc.subarray(PATHS).chain((paths) =>
  fc.tuple(
    ...paths.map((path) =>
      kept(fc.record({ bytes: mostly(9120, 200), stanzas: mostly(['X25519', 'X25519'], ['scrypt'], []), manifest }), 'manifest').map(
        (f): SealedInWorkspace => ({
          ...f,
          path,
          kind: path.startsWith('backups') ? 'backup' : path.includes('bundle') ? 'bundle' : 'config',
        }),
      ),
    ),
  ),
)
const proofs = <T>(value: fc.Arbitrary<T>) =>
  fc.array(
    kept(
      fc.record({ path: fc.constant('evidence/proofs/x.json'), takenAt: time, of: hash, value, refused: fc.constant('it is of another') }),
      'refused',
    ),
    { maxLength: 3 },
  )
const openedBackup: fc.Arbitrary<OpenedBackup> = fc.record({
  path: fc.constantFrom(...PATHS),
  sha256: hash,
  bytes: few,
  trailer: mostly(true, false),
})
const openedBundle: fc.Arbitrary<OpenedBundle> = fc.record({
  path: fc.constantFrom(...PATHS),
  clusterId: fc.constant('id'),
  cas: fc.record({ os: hash, k8s: hash, etcd: hash, aggregator: hash }),
  missing: mostly<string[]>([], ['certs.os.key']),
})
const identity: fc.Arbitrary<OpeningIdentity> = fc.record({
  path: fc.constant('/id'),
  kind: fc.constantFrom('plain' as const, 'asks', 'none'),
})
const etcd: fc.Arbitrary<EtcdStatus[]> = fc.array(
  fc.oneof(
    fc.constant({ address: '10.0.0.0', problem: 'etcd says nothing of itself' }),
    fc.record({
      address: fc.constantFrom('10.0.0.0', '10.0.0.1'),
      member: fc.constant('a1'),
      databaseBytes: few,
      leader: fc.constant('a1'),
      learner: fc.boolean(),
      version: fc.constant('3.6.5'),
      errors: fc.constantFrom('', 'etcdserver: no leader'),
    }),
  ),
  { maxLength: 3 },
)
const etcdMembers: fc.Arbitrary<EtcdMember[]> = fc.constantFrom([], [{ id: 'a1', hostname: 'cp1', learner: false }])

/** How each observation comes to be what it is. */
const VALUES: Record<string, fc.Arbitrary<unknown>> = {
  wire: ports,
  members: member,
  clockOffset: fc.record({ seconds: fc.constantFrom(0, 300, 301, -301, 3600, -3600) }),
  anonymousAnswers: answers,
  kubeletAccess: access,
  anonymousBindings: fc.array(binding, { maxLength: 3 }),
  apiServerPod: pod,
  storageWrites: writes,
  'checkedSnapshot.proofs': proofs(snapshot),
  'openedBackup.proofs': proofs(openedBackup),
  'openedBundle.proofs': proofs(openedBundle),
  sealedFiles: files,
  openingIdentity: identity,
  etcdStatus: etcd,
  etcdMembers,
  ...HARDENING,
}

const look = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Look<unknown>> =>
  fc.oneof(
    { weight: 4, arbitrary: value.map((v): Look<unknown> => ({ ok: true, value: v, evidence: [] })) },
    { weight: 1, arbitrary: fc.constant<Look<unknown>>({ ok: false, reason: 'the lamp is out', remedy: 'light it', evidence: [] }) },
  )
/** What an observation may come to, of each of its objects; `calm`: everything answers. */
export function sightings(name: string, scope: string, calm = false): fc.Arbitrary<Sighting<unknown>[]> {
  const value = VALUES[name]
  if (!value) throw new Error(`nothing says what ${name} may come to`)
  const one = calm ? value.map((v): Look<unknown> => ({ ok: true, value: v, evidence: [] })) : look(value)
  if (scope !== 'node') return one.map((l) => [{ object: { kind: scope, name: scope === 'cluster' ? 'lab' : 'this machine' }, look: l }])
  const nodes = calm ? fc.constant([...NODES]) : fc.subarray([...NODES], { minLength: 1 })
  return nodes.chain((all) => fc.tuple(...all.map((n) => one.map((l) => ({ object: { kind: 'node', name: n }, look: l })))))
}

export const context: fc.Arbitrary<StepContext> = fc.record({
  now: fc.constant(new Date(NOW)),
  template: fc.constant((path: string) => readFileSync(new URL(`../../templates/${path}`, import.meta.url), 'utf8')),
  cluster: fc.constant<StepContext['cluster']>({ name: 'lab', environment: 'lab' }),
  identity: fc.oneof(
    fc.constant<Record<string, string>>({}),
    hash.map((ca): Record<string, string> => ({ ca })),
  ),
  recipients: fc
    .array(fc.subarray(['secrets' as const, 'backups' as const], { minLength: 1 }), { maxLength: 4 })
    .map((all) => all.map((opens, i) => ({ name: `r${i}`, role: 'operator' as const, recipient: `age1${i}`, opens }))),
  delivery: fc.constantFrom('live' as const, 'gitops' as const),
  renew: fc.boolean(),
  waived: fc.constant<string[]>([]),
})
