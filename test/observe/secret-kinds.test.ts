import { generateKeyPairSync } from 'node:crypto'
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GIVES, kindIn, type SecretKind } from '../../src/observe/secret-kinds.ts'
import certificates from '../../src/practice/certificates.json' with { type: 'json' }
import { inventedSecret, machineConfig, newState, type PracticeNode } from '../../src/practice/state.ts'

/** Everything secret in here is made while the test runs and opens nothing. */

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const folded = (text: string, width: number, indent = ''): string =>
  (base64(text).match(new RegExp(`.{1,${width}}`, 'g')) ?? []).map((l) => `${indent}${l}\n`).join('')
const pem = (label: string, bytes: number): string =>
  `-----BEGIN ${label}-----\n${(inventedSecret(label, bytes).match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`
const kindOf = (text: string | Buffer): SecretKind | undefined => kindIn(Buffer.from(text), true)

const joinToken = ['abcdef', '0123456789abcdef'].join('.')
const ed25519 = pem('ED25519 PRIVATE KEY', 48)
const rsa = pem('RSA PRIVATE KEY', 1190)
const x25519 = await generateX25519Identity()
const hybrid = await generateHybridIdentity()

const state = newState('default')
const controlPlane = machineConfig(state.nodes[0] as PracticeNode, state.clusterId)
const worker = machineConfig(state.nodes[3] as PracticeNode, state.clusterId)
const bundle = [
  'cluster:',
  `  id: ${inventedSecret('id')}`,
  `  secret: ${inventedSecret('secret')}`,
  'secrets:',
  `  bootstraptoken: ${joinToken}`,
  `  secretboxencryptionsecret: ${inventedSecret('box')}`,
  'trustdinfo:',
  `  token: ${joinToken}`,
  'certs:',
  `  os: {crt: ${certificates.ca}, key: ${base64(ed25519)}}`,
  '',
].join('\n')
const talosconfig = [
  'context: a',
  'contexts:',
  '  a:',
  '    endpoints: [10.0.0.1]',
  `    ca: ${certificates.ca}`,
  `    crt: ${certificates.adminForAYear}`,
  `    key: ${base64(ed25519)}`,
  '',
].join('\n')
const kubeconfig = (user: string): string =>
  [
    'apiVersion: v1',
    'kind: Config',
    'clusters: [{name: a, cluster: {server: https://10.0.0.1:6443}}]',
    'contexts: [{name: a, context: {cluster: a, user: a}}]',
    'users:',
    '- name: a',
    `  user: {${user}}`,
    '',
  ].join('\n')
const recipient = await identityToRecipient(x25519)
const identityFile = `# created: 2026-11-23T12:00:00Z\n# public key: ${recipient}\n${x25519}\n`

const PLAIN: [SecretKind, string, string][] = [
  ['secrets bundle', 'a bundle of gen secrets', bundle],
  ['machine config', 'the config of a control plane', controlPlane],
  ['machine config', 'the config of a worker, which holds tokens alone', worker],
  [
    'machine config',
    'a config as JSON on one line',
    JSON.stringify({ version: 'v1alpha1', machine: { type: 'worker', token: joinToken } }),
  ],
  ['talosconfig', 'a talosconfig', talosconfig],
  [
    'kubeconfig',
    'a kubeconfig with a client key',
    kubeconfig(`client-certificate-data: ${certificates.ca}, client-key-data: ${base64(rsa)}`),
  ],
  ['kubeconfig', 'a kubeconfig with a token', kubeconfig(`token: ${inventedSecret('a token', 48).replace(/[+/=]/g, 'x')}`)],
  ['age identity', 'a file of age-keygen', identityFile],
  ['age identity', 'a bare identity', x25519],
  ['age identity', 'a post-quantum identity', `${hybrid}\n`],
  ['private key', 'an RSA key', rsa],
  ['private key', 'an ED25519 key as talosctl makes it', ed25519],
  ['private key', 'an OpenSSH key', pem('OPENSSH PRIVATE KEY', 280)],
  ['private key', 'a PKCS 8 key', pem('PRIVATE KEY', 120)],
  ['private key', 'a key inside of JSON', JSON.stringify({ private_key: pem('PRIVATE KEY', 1200) })],
  ['private key', 'a key in source code', `const key = "${pem('EC PRIVATE KEY', 120).replaceAll('\n', '\\n" +\n  "')}"\n`],
  ['private key', 'a key with Windows line breaks', rsa.replaceAll('\n', '\r\n')],
]

describe.each(PLAIN)('%s: %s', (kind, _, text) => {
  test('is found plain, with its name and what it gives', () => {
    expect(kindOf(text)).toBe(kind)
    expect(GIVES[kind]).toMatch(/^whoever reads it /)
  })

  test('is found in base64 on one line, as the value of a Kubernetes Secret', () => {
    expect(kindOf(base64(text))).toBe(kind)
    expect(kindOf(`apiVersion: v1\nkind: Secret\ndata:\n  value: ${base64(text)}\n`)).toBe(kind)
  })

  test.each([64, 76])('is found in base64 folded at %i', (width) => {
    expect(kindOf(folded(text, width))).toBe(kind)
    expect(kindOf(`data:\n  value: |\n${folded(text, width, '    ')}`)).toBe(kind)
    expect(kindOf(folded(text, width).trimEnd())).toBe(kind)
  })

  test('is found behind much other text', () => {
    expect(kindOf(`${'# nothing to see\n'.repeat(5000)}${text}`)).toBe(kind)
  })
})

describe('a snapshot of etcd', () => {
  const magic = Buffer.concat([Buffer.alloc(16), Buffer.from([0xed, 0xda, 0x0c, 0xed]), Buffer.alloc(4096)])
  test('is known by its first bytes, and only at the beginning of a file', () => {
    expect(kindIn(magic, true)).toBe('etcd snapshot')
    expect(kindIn(magic, false)).toBeUndefined()
    expect(kindIn(magic.subarray(0, 20), true)).toBeUndefined()
  })
})

describe('what is no plaintext secret', () => {
  const enc = (bytes: number) =>
    `ENC[AES256_GCM,data:${inventedSecret('sops', bytes)},iv:${inventedSecret('iv', 32)},tag:${inventedSecret('tag', 16)},type:str]`

  test.each([
    ['an empty file', ''],
    [
      'a bundle sealed with SOPS',
      [
        'cluster:',
        `    secret: ${enc(44)}`,
        'secrets:',
        `    bootstraptoken: ${enc(23)}`,
        `    secretboxencryptionsecret: ${enc(44)}`,
        'trustdinfo:',
        `    token: ${enc(23)}`,
        'certs:',
        `    os: {key: "${enc(180)}"}`,
        'sops:',
        '    age:',
        '        - enc: |',
        '            -----BEGIN AGE ENCRYPTED FILE-----',
        ...(inventedSecret('sops file', 300).match(/.{1,64}/g) ?? []).map((l) => `            ${l}`),
        '            -----END AGE ENCRYPTED FILE-----',
        '',
      ].join('\n'),
    ],
    [
      'a sealed file of age',
      `age-encryption.org/v1\n-> X25519 ${inventedSecret('share', 32)}\n${inventedSecret('body', 32)}\n--- ${inventedSecret('mac', 32)}\n${inventedSecret('payload', 400)}`,
    ],
    ['a Sealed Secret', `kind: SealedSecret\nspec:\n  encryptedData:\n    key: ${inventedSecret('sealed', 600)}\n`],
    [
      'a template of a machine config',
      [
        'machine:',
        '  type: {{ .type }}',
        '  token: $MACHINE_TOKEN',
        '  ca: {crt: "", key: "<your key>"}',
        'cluster:',
        '  token: {{ .token }}',
        '  secretboxEncryptionSecret: $SECRETBOX',
        '',
      ].join('\n'),
    ],
    [
      'a machine config with its secrets taken out',
      'machine:\n  type: worker\n  token: REMOVED\n  ca: {crt: abc, key: ""}\ncluster: {secret: "***", secretboxEncryptionSecret: REMOVED}\n',
    ],
    ['a patch of ours', 'machine:\n  sysctls:\n    net.ipv4.tcp_syncookies: "1"\n'],
    ['a public certificate', `${certificates.ca}\n`],
    ['a public certificate as PEM', Buffer.from(certificates.ca, 'base64').toString()],
    ['a certificate request and a public key', pem('CERTIFICATE REQUEST', 300) + pem('PUBLIC KEY', 120)],
    ['an encrypted private key', pem('ENCRYPTED PRIVATE KEY', 600)],
    ['a kubeconfig that asks a program', kubeconfig('exec: {command: kubelogin, args: [get-token]}')],
    ['a kubeconfig with its token taken out', kubeconfig('token: REDACTED')],
    [
      'an Omni talosconfig',
      'context: omni\ncontexts:\n  omni:\n    endpoints: [omni.example.com]\n    auth: {siderov1: {identity: ann@example.com}}\n',
    ],
    [
      'source code that speaks of keys',
      "if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) throw new Error('-----BEGIN RSA PRIVATE KEY----- found')\n",
    ],
    ['a document with a shortened key', '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg...\n-----END PRIVATE KEY-----\n'],
    ['a public key of age', `# public key: ${recipient}\n`],
    ['an explanation of identities', 'It begins with AGE-SECRET-KEY-1 and is for you alone: AGE-SECRET-KEY-1XXXX…\n'],
    [
      'a list of checksums',
      `${Array.from({ length: 200 }, (_, i) => `${Buffer.from(inventedSecret(`sum ${i}`), 'base64').toString('hex')}  dist/file-${i}.js`).join('\n')}\n`,
    ],
    ['a lockfile', Array.from({ length: 50 }, (_, i) => `"integrity": "sha512-${inventedSecret(`lock ${i}`, 64)}"`).join(',\n')],
    ['a picture inside of a style sheet', `url(data:image/png;base64,${inventedSecret('picture', 3000)})`],
  ])('%s', (_, text) => {
    expect(kindOf(text)).toBeUndefined()
    expect(kindOf(base64(text))).toBeUndefined()
  })

  test('a file of mere blank lines around the word token is looked at to its end', () => {
    expect(kindOf(`token${'\n'.repeat(1 << 20)}machin`)).toBeUndefined()
  })

  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => kindIn(Buffer.from(bytes), true) === undefined))
  })
})

test('a key of Node itself is found in every wrapping that base64 makes', () => {
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const text of [made, base64(made), folded(made, 64), folded(made, 76), base64(base64(made))])
    expect(kindOf(text)).toBe('private key')
})
