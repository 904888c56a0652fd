import { bytesField, etcdSnapshot, type SnapshotInput, snapshotHash } from './snapshot.ts'
import { BEGINS, inventedSecret, type PracticeState } from './state.ts'

/** etcd of the simulated cluster: what is in its database, and what its members say of themselves. */

export const etcdId = (name: string): string => Buffer.from(inventedSecret(`etcd ${name}`, 8), 'base64').toString('hex')

/** Something changes all the time in a cluster: a revision a second. */
const FIRST_REVISION = 1200
const revisionAt = (state: PracticeState): number =>
  FIRST_REVISION + Math.floor((new Date(state.now).getTime() - new Date(BEGINS).getTime()) / 1000)

const SECRETS = ['kube-system/bootstrap-token-practi', 'default/registry-pull', 'payments/database', 'monitoring/grafana-admin']
/** Written before encryption was there, and never since. */
const PLAIN_IN_DEFAULT = 'legacy/api-token'
const KUBE_SYSTEM_UID = '6e1f0a52-90d1-4c4b-8f0e-2d3c5b7a9e10'

/** An object as the API server lays it out: `k8s` and a zero byte, then a protobuf that holds the object. */
function plainObject(kind: string, name: string, uid = ''): Buffer {
  const meta = Buffer.concat([bytesField(1, Buffer.from(name)), ...(uid ? [bytesField(5, Buffer.from(uid))] : [])])
  const type = Buffer.concat([bytesField(1, Buffer.from('v1')), bytesField(2, Buffer.from(kind))])
  return Buffer.concat([Buffer.from('k8s\0'), bytesField(1, type), bytesField(2, bytesField(1, meta))])
}

const encrypted = (name: string): Buffer =>
  Buffer.concat([Buffer.from('k8s:enc:secretbox:v1:key2:'), Buffer.from(inventedSecret(`stored ${name}`, 96), 'base64')])

function databaseOf(state: PracticeState): SnapshotInput {
  const object = (key: string, value: Buffer) => ({ key: `/registry/${key}`, value })
  return {
    revision: revisionAt(state),
    members: state.nodes.filter((n) => n.type === 'controlplane').map((n) => ({ id: etcdId(n.name), name: n.name })),
    clusterVersion: '3.6.0',
    storageVersion: '3.6.0',
    objects: [
      object('namespaces/kube-system', plainObject('Namespace', 'kube-system', KUBE_SYSTEM_UID)),
      ...['default', 'payments', 'monitoring', 'legacy'].map((n) => object(`namespaces/${n}`, plainObject('Namespace', n))),
      ...['kube-root-ca.crt', 'settings'].map((n) => object(`configmaps/default/${n}`, plainObject('ConfigMap', n))),
      ...SECRETS.map((n) => object(`secrets/${n}`, encrypted(n))),
      ...(state.scenario === 'default'
        ? [
            object(
              `secrets/${PLAIN_IN_DEFAULT}`,
              Buffer.concat([plainObject('Secret', 'api-token'), Buffer.from(inventedSecret('legacy token', 24))]),
            ),
          ]
        : []),
    ],
  }
}

/** The snapshot, and the two lines that talosctl prints about it. */
export function takeSnapshot(state: PracticeState, path: string): { bytes: Buffer; said: string } {
  const input = databaseOf(state)
  const bytes = etcdSnapshot(input)
  const size = bytes.length - 32
  return {
    bytes,
    said: `etcd snapshot saved to "${path}" (${bytes.length} bytes)\nsnapshot info: hash ${snapshotHash(input)}, revision ${input.revision}, total keys ${input.objects.length}, total size ${size}\n`,
  }
}

/** About as many bytes as talosctl shows, which rounds. */
export const databaseSize = (state: PracticeState): string => `${Math.round((etcdSnapshot(databaseOf(state)).length - 32) / 1000)} kB`
