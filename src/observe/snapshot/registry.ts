import { eachField } from './revision.ts'

/**
 * How kube-apiserver lays its objects into etcd.
 * https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/,
 * https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go
 */

const SLASH = 0x2f
const COLON = 0x3a
const DOT = 0x2e
const REGISTRY = Buffer.from('/registry/')
const SECRETS = Buffer.from('/registry/secrets/')
const KUBE_SYSTEM = Buffer.from('/registry/namespaces/kube-system')
/** How every encrypted value begins; as a prefix it stands for one whose form is not known. */
export const ENCRYPTED = 'k8s:enc:'
const ENCRYPTED_BYTES = Buffer.from(ENCRYPTED)
const PROTOBUF = Buffer.from('k8s\0')
/** `k8s:enc:PROVIDER:VERSION:KEY:`. */
const COLONS = 5
/** Bytes. Providers and the names of their keys are short; a longer prefix could be anything. */
const MOST_PREFIX = 200
/** Bytes. A group is a domain name, a resource a word. */
const MOST_RESOURCE = 400
/** Bytes. The namespace of a cluster has a few labels. */
const MOST_NAMESPACE = 1 << 20

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false
  return true
}

/** The resource of a key, two steps where the first is an API group; undefined for a key that is not of Kubernetes. */
export function resourceOf(bytes: Buffer, start: number, keyEnd: number): string | undefined {
  if (!startsWith(bytes, start, keyEnd, REGISTRY)) return undefined
  const from = start + REGISTRY.length
  const end = Math.min(keyEnd, from + MOST_RESOURCE)
  let isGroup = false
  for (let at = from; at < end; at++) {
    const byte = bytes[at]
    if (byte === DOT) isGroup = true
    if (byte !== SLASH) continue
    if (!isGroup) return bytes.toString('utf8', from, at)
    const second = at + 1
    for (at = second; at < end && bytes[at] !== SLASH; at++);
    return bytes.toString('utf8', from, at)
  }
  return bytes.toString('utf8', from, end)
}

/** Whether a key is that of a Secret. */
export const isSecret = (bytes: Uint8Array, start: number, end: number): boolean => startsWith(bytes, start, end, SECRETS)

/** `namespace/name` of a key for which `isSecret` holds. */
export const secretName = (bytes: Buffer, start: number, end: number): string => bytes.toString('utf8', start + SECRETS.length, end)

/** Whether a key is that of the namespace kube-system. */
export const isKubeSystem = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === KUBE_SYSTEM.length && startsWith(bytes, start, end, KUBE_SYSTEM)

/** What a value says of its encryption, such as `k8s:enc:secretbox:v1:key2:`; undefined for one that lies in plain text. */
export function encryptionPrefix(bytes: Buffer, start: number, end: number): string | undefined {
  if (!startsWith(bytes, start, end, ENCRYPTED_BYTES)) return undefined
  const most = Math.min(end, start + MOST_PREFIX)
  let colons = 0
  for (let i = start; i < most; i++) if (bytes[i] === COLON && ++colons === COLONS) return bytes.toString('utf8', start, i + 1)
  return ENCRYPTED
}

/** `metadata.uid` of an object in plain text, as protobuf or JSON; undefined where there is none. */
export function uidOf(bytes: Buffer, start: number, end: number): string | undefined {
  const uid = startsWith(bytes, start, end, PROTOBUF) ? uidInProtobuf(bytes, start + PROTOBUF.length, end) : uidInJson(bytes, start, end)
  return uid !== undefined && UUID.test(uid) ? uid : undefined
}

function uidInProtobuf(bytes: Buffer, start: number, end: number): string | undefined {
  let [from, to] = [start, end]
  // Unknown.raw, Namespace.metadata, ObjectMeta.uid
  for (const wanted of [2, 1, 5]) {
    let found: [number, number] | undefined
    const isSound = eachField(bytes, from, to, to, (field, a, b) => {
      if (field === wanted) found = [a, b]
    })
    if (!isSound || !found) return undefined
    ;[from, to] = found
  }
  return bytes.toString('latin1', from, to)
}

function uidInJson(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start > MOST_NAMESPACE) return undefined
  try {
    const uid: unknown = JSON.parse(bytes.toString('utf8', start, end))?.metadata?.uid
    return typeof uid === 'string' ? uid : undefined
  } catch {
    return undefined
  }
}
