import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { IGNORED, newProfile, PROFILE_FILE, withRecipient } from '../domain/profile.ts'
import type { Files } from '../system/ports.ts'
import certificates from './certificates.json' with { type: 'json' }
import { SCRAPER } from './cluster.ts'
import { OPERATOR } from './reach.ts'
import { inventedSecret, machineConfig, type PracticeState } from './state.ts'

/** Lays out the home and the workspace of a new world. Credentials in it have real certificates and invented keys: they open nothing. */
export async function furnish(real: Files, at: { folder: string; home: string; workspace: string }, state: PracticeState): Promise<void> {
  const hardened = state.scenario === 'hardened'
  const { generateIdentity, identityToRecipient } = await import('age-encryption')
  const [own, recovery, vault] = [await generateIdentity(), await generateIdentity(), await generateIdentity()]
  for (const folder of [at.folder, at.home, at.workspace]) await real.makeFolder(folder, 0o700)
  const put = async (path: string, text: string, mode: number): Promise<void> => {
    await real.makeFolder(dirname(path), 0o700)
    await real.create(path, text, mode)
  }
  await put(join(at.home, '.talos', 'config'), talosconfig(hardened), 0o600)
  await put(join(at.home, '.kube', 'config'), kubeconfig(), 0o600)
  await put(join(at.home, '.config', 'talos-preflight', 'identity.txt'), `# practice: yours\n${own}\n`, 0o600)
  const kept = (what: string, identity: string) => `# practice: ${what}; its holder keeps it offline\n${identity}\n`
  await put(join(at.folder, 'recovery', 'identity.txt'), kept('the recovery identity of secrets', recovery), 0o600)
  await put(join(at.folder, 'recovery', 'backups.txt'), kept('the recovery identity of backups', vault), 0o600)
  const document = parseDocument(newProfile({ name: 'practice', environment: 'lab', observe: 'reader@practice', delivery: 'live' }))
  document.setIn(['access', 'change'], 'admin@practice')
  if (hardened) document.set('steps', HARDENED)
  const recipients = [
    { name: 'you', role: 'operator' as const, identity: own, opens: ['secrets' as const, 'backups' as const] },
    { name: 'safe', role: 'recovery' as const, identity: recovery, opens: ['secrets' as const] },
    { name: 'vault', role: 'recovery' as const, identity: vault, opens: ['backups' as const] },
  ]
  let profile = document.toString({ lineWidth: 0 })
  for (const { identity, ...entry } of recipients)
    profile = withRecipient(profile, { ...entry, recipient: await identityToRecipient(identity) })
  await put(join(at.workspace, PROFILE_FILE), profile, 0o644)
  await put(join(at.workspace, '.gitignore'), `${IGNORED.join('\n')}\n`, 0o644)
  const first = state.nodes[0]
  if (!hardened && first) await put(join(at.workspace, 'controlplane.yaml'), machineConfig(first, state.clusterId), 0o644)
}

/** What whoever hardened it answered. */
const HARDENED = {
  'INF-02': { admins: 'none', allow: `9100/tcp=${SCRAPER} 50000/tcp=${OPERATOR}` },
  'K8S-04': { namespace: 'payments' },
}

const invented = (label: string, name: string): string =>
  Buffer.from(`-----BEGIN ${label}-----\n${inventedSecret(name, 48)}\n-----END ${label}-----\n`).toString('base64')

const asYaml = (value: object): string => parseDocument(JSON.stringify(value)).toString({ lineWidth: 0, collectionStyle: 'block' } as never)

function talosconfig(hardened: boolean): string {
  const key = invented('ED25519 PRIVATE KEY', 'talosconfig key')
  const context = (crt: string) => ({ endpoints: ['10.20.0.11', '10.20.0.12', '10.20.0.13'], ca: certificates.ca, crt, key })
  return asYaml({
    context: 'reader@practice',
    contexts: {
      'reader@practice': context(certificates.readerForSixtyDays),
      'admin@practice': context(hardened ? certificates.adminForFiveDays : certificates.adminForAYear),
    },
  })
}

function kubeconfig(): string {
  const cluster = { server: 'https://10.20.0.11:6443', 'certificate-authority-data': certificates.k8s }
  return asYaml({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'admin@practice',
    clusters: [{ name: 'practice', cluster }],
    contexts: [{ name: 'admin@practice', context: { cluster: 'practice', user: 'admin@practice' } }],
    users: [{ name: 'admin@practice', user: { token: inventedSecret('kubeconfig token', 48) } }],
  })
}
