import type { SecretPlace } from '../domain/observations.ts'

/**
 * Tells what kind of plaintext secret a piece of text holds. Looks for values, not for field names: an encrypted file (SOPS, sealed
 * secrets) and a template with placeholders hold none.
 */

export type SecretKind = SecretPlace['kind']

/** What whoever reads it can do; one sentence, lower case. */
export const GIVES: Record<SecretKind, string> = {
  'secrets bundle':
    'whoever reads it can make itself os:admin and cluster admin for ten years, read every Secret in a backup and join nodes',
  'machine config': 'whoever reads it can join nodes and get server certificates; one of a control plane holds every CA key',
  talosconfig: 'whoever reads it holds its role on every node until the certificate ends, and cannot be shut out without a new CA',
  kubeconfig: 'whoever reads it is its user in Kubernetes until the credential ends',
  'age identity': 'whoever reads it opens everything that was sealed to it',
  'private key': 'whoever reads it can be taken for its owner',
  'etcd snapshot': 'whoever reads it has every object of the cluster; ConfigMaps and custom resources are not encrypted in it',
}

const PEM_KEY = /-----BEGIN (?!ENCRYPTED )[A-Z0-9 ]*PRIVATE KEY-----(?:\\[nr]|[\s"'+,])*[A-Za-z0-9+/]{40}/
const AGE_KEY = /AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{50,}/
/** `-----BEGIN` in base64; a private key behind it shows when it is decoded. */
const BASE64_PEM = /LS0tLS1CRUdJTi[A-Za-z0-9+/]{60,}={0,2}/g
const BUNDLE = /\b(?:secretboxencryptionsecret|aescbcencryptionsecret|secretboxEncryptionSecret)["']?:\s*["']?[A-Za-z0-9+/]{40,}={0,2}/
const JOIN_TOKEN = /\btoken["']?:\s*["']?[a-z0-9]{6}\.[a-z0-9]{16}\b/
const KUBE_CREDENTIAL = /\b(?:client-key-data["']?:\s*["']?[A-Za-z0-9+/]{60,}|token["']?:\s*["']?[A-Za-z0-9._-]{30,})/
/**
 * A base64 run that could hold a key, folded or not, as in a Kubernetes Secret. The shortest key, of age, has 74 bytes. It begins where no
 * such character stands before it: a word that is too short is then read once, and not again from each of its letters.
 */
const BASE64_RUN = /(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{96,}={0,2}|(?:[A-Za-z0-9+/]{48,100}\s+)+[A-Za-z0-9+/]*={0,2})/g
const SNAPSHOT_MAGIC = Buffer.from([0xed, 0xda, 0x0c, 0xed])
const SNAPSHOT_MAGIC_AT = 16

/** Byte strings one of which is in everything that `kindIn` recognises as text. */
const NEEDLES = [
  'PRIVATE KEY-----',
  'LS0tLS1CRUdJTi',
  'AGE-SECRET-KEY-',
  'encryptionsecret',
  'EncryptionSecret',
  'client-key-data',
  'token',
].map((n) => Buffer.from(n))

const mayHoldOne = (bytes: Buffer): boolean => NEEDLES.some((n) => bytes.includes(n))

/** Base64 stands in text, and among the first bytes of a text there is no NUL. */
const mayHideOne = (bytes: Buffer): boolean => !bytes.subarray(0, 8192).includes(0)

/** The kind of secret in these bytes, or none. `start` is true for the beginning of a file. */
export function kindIn(bytes: Buffer, start: boolean): SecretKind | undefined {
  if (start && bytes.length > SNAPSHOT_MAGIC_AT + 4 && bytes.subarray(SNAPSHOT_MAGIC_AT, SNAPSHOT_MAGIC_AT + 4).equals(SNAPSHOT_MAGIC))
    return 'etcd snapshot'
  if (mayHoldOne(bytes)) {
    const kind = kindOfText(bytes.toString('latin1'))
    if (kind) return kind
  }
  return mayHideOne(bytes) ? kindBehindBase64(bytes.toString('latin1')) : undefined
}

function kindOfText(text: string): SecretKind | undefined {
  const privateKey =
    PEM_KEY.test(text) || [...text.matchAll(BASE64_PEM)].some((m) => PEM_KEY.test(Buffer.from(m[0], 'base64').toString('latin1')))
  const bundle = BUNDLE.test(text)
  if (bundle && /\btrustdinfo\b/i.test(text)) return 'secrets bundle'
  if (/(?:^|[{,])[ \t]*["']?machine["']?:/m.test(text) && (privateKey || bundle || JOIN_TOKEN.test(text))) return 'machine config'
  if (bundle) return 'secrets bundle'
  if (/\bcontexts["']?:/.test(text) && /\bclusters["']?:/.test(text) && (KUBE_CREDENTIAL.test(text) || privateKey)) return 'kubeconfig'
  if (/\bcontexts["']?:/.test(text) && /\bcrt["']?:/.test(text) && privateKey) return 'talosconfig'
  if (AGE_KEY.test(text)) return 'age identity'
  return privateKey ? 'private key' : undefined
}

function kindBehindBase64(text: string): SecretKind | undefined {
  for (const [run] of text.matchAll(BASE64_RUN)) {
    const bytes = Buffer.from(run.replace(/\s+/g, ''), 'base64')
    const kind = mayHoldOne(bytes) ? kindOfText(bytes.toString('latin1')) : undefined
    if (kind) return kind
  }
  return undefined
}
