/**
 * What age takes as a recipient, and which mixtures it refuses.
 * https://github.com/FiloSottile/age/blob/v1.3.1/doc/age.1.ronn
 */

export type RecipientKind = 'X25519' | 'post-quantum' | 'SSH' | 'hardware tag' | 'post-quantum hardware tag' | 'plugin'

/** Lower-case Bech32 after the `1`, or an SSH public key line. Undefined where age would not take it. */
export function kindOfRecipient(recipient: string): RecipientKind | undefined {
  if (/^age1pq1[02-9ac-hj-np-z]{1000,}$/.test(recipient)) return 'post-quantum'
  if (/^age1tagpq1[02-9ac-hj-np-z]+$/.test(recipient)) return 'post-quantum hardware tag'
  if (/^age1tag1[02-9ac-hj-np-z]+$/.test(recipient)) return 'hardware tag'
  if (/^age1[02-9ac-hj-np-z]{58}$/.test(recipient)) return 'X25519'
  if (/^age1[a-z0-9+._-]+1[02-9ac-hj-np-z]{6,}$/.test(recipient)) return 'plugin'
  if (/^ssh-(ed25519|rsa) [A-Za-z0-9+/]+={0,2}( .*)?$/.test(recipient)) return 'SSH'
  return undefined
}

const isPostQuantum = (kind: RecipientKind | undefined): boolean => kind === 'post-quantum' || kind === 'post-quantum hardware tag'

/** What adds them, so that whoever opens the backups is not whoever opens the keys: CRT-02 wants that. */
export const ADD_RECOVERY = 'talos-preflight keys add NAME RECIPIENT --role recovery --opens secrets, and one with --opens backups'

/** A private identity that somebody took for a recipient. */
const isPrivate = (text: string): boolean => /^AGE-(SECRET-KEY|PLUGIN)-/i.test(text)

/** Of age itself, post-quantum too, and of its plugins. A word of either without the key behind it gives nothing away. */
const AGE_IDENTITY = /AGE-(?:SECRET-KEY-(?:PQ-)?|PLUGIN-[A-Z0-9+._-]+-)1[02-9AC-HJ-NP-Z]{6,}/i
const PEM_KEY = /-----BEGIN (?!ENCRYPTED )[A-Z0-9 ]*PRIVATE KEY-----(?:\\[nr]|[\s"'+,])*[A-Za-z0-9+/]{16,}/
/** `-----BEGIN` in base64, as the keys of a talosconfig, of a kubeconfig and of a bundle are. */
const BASE64_PEM = /LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,}={0,2}/g

/** Where a private key begins in a text: an identity of age, or a key in PEM, also in base64. -1 where there is none. */
export function privateKeyAt(text: string): number {
  const encoded = [...text.matchAll(BASE64_PEM)].find(([run]) => /PRIVATE KEY-----/.test(atob(run.slice(0, run.length & ~3))))
  return [text.search(AGE_IDENTITY), text.search(PEM_KEY), encoded?.index ?? -1].find((at) => at >= 0) ?? -1
}

/** Whether a text that is to be kept has a private key anywhere in it. */
export const holdsPrivateKey = (text: string): boolean => privateKeyAt(text) >= 0

/** Why these cannot be used together, or nothing. */
export function refuseRecipients(recipients: readonly { name: string; recipient: string }[]): string | undefined {
  for (const { name, recipient } of recipients) {
    if (isPrivate(recipient)) return `${name}: this is a private identity, not a recipient; take it out of the file now and make a new one`
    if (!kindOfRecipient(recipient)) return `${name}: "${recipient.slice(0, 24)}…" is no age recipient`
  }
  const twice = recipients.find((r, i) => recipients.some((s, j) => j < i && s.recipient === r.recipient))
  if (twice) return `${twice.name}: the same recipient is named twice`
  const quantum = recipients.filter((r) => isPostQuantum(kindOfRecipient(r.recipient)))
  const classic = recipients.filter((r) => !isPostQuantum(kindOfRecipient(r.recipient)))
  if (quantum[0] && classic[0])
    return `${quantum[0].name} is post-quantum and ${classic[0].name} is not: a file for both would not be safe against a quantum computer, and age refuses it`
  return undefined
}
