import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isMap, parseAllDocuments } from 'yaml'
import type { Block, Json } from '../../src/contract.ts'
import { maskedDiff } from '../../src/domain/masked-diff.ts'
import { wantedSysctls } from '../../src/domain/sysctl.ts'
import { mergeText } from '../../src/practice/merge.ts'
import { inventedSecret, machineConfig, newState, type PracticeNode } from '../../src/practice/state.ts'

const linesOf = (block: Block): string[] => (block.type === 'diff' ? block.lines.map((l) => `${l.sign} ${l.text}`) : [])

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const pem = (name: string): string =>
  [
    `-----BEGIN ${'EC PRIVATE'} KEY-----`,
    ...(inventedSecret(name, 96).match(/.{1,64}/g) ?? []),
    `-----END ${'EC PRIVATE'} KEY-----`,
    '',
  ].join('\n')

/** A control plane with every place in which a machine configuration holds a secret; `age` tells one set of secrets from another. */
function wholeConfig(age: string): { text: string; secrets: string[] } {
  const node = { ...(newState('default').nodes[0] as PracticeNode), machineSysctls: { 'vm.swappiness': '10' } }
  const docs = parseAllDocuments(machineConfig(node, 'cluster')).filter((d) => 'contents' in d)
  const [config] = docs
  if (!config) throw new Error('no config')
  const secret = (name: string, bytes = 24) => inventedSecret(`${age} ${name}`, bytes)
  const secrets: string[] = []
  const hide = (value: string): string => {
    secrets.push(value)
    return value
  }
  const put = (path: (string | number)[], value: unknown) => config.setIn(path, config.createNode(value))
  put(['machine', 'token'], hide(`${secret('a', 3).toLowerCase().slice(0, 6)}.${secret('b', 12).toLowerCase().slice(0, 16)}`))
  put(['cluster', 'token'], hide(`${secret('c', 3).toLowerCase().slice(0, 6)}.${secret('d', 12).toLowerCase().slice(0, 16)}`))
  put(['cluster', 'secret'], hide(secret('cluster', 32)))
  put(['cluster', 'secretboxEncryptionSecret'], hide(secret('secretbox', 32)))
  put(['cluster', 'aescbcEncryptionSecret'], hide(secret('aescbc', 32)))
  for (const at of [
    ['machine', 'ca'],
    ['cluster', 'ca'],
    ['cluster', 'aggregatorCA'],
    ['cluster', 'serviceAccount'],
    ['cluster', 'etcd', 'ca'],
  ])
    put([...at, 'key'], base64(hide(pem(`${age} ${at.join(' ')}`))))
  put(['machine', 'registries', 'config', 'r.example'], {
    auth: {
      username: 'puller',
      password: hide(secret('password')),
      auth: hide(secret('auth')),
      identityToken: hide(secret('identity token')),
    },
    tls: { clientIdentity: { crt: 'public', key: base64(hide(pem(`${age} registry`))) } },
  })
  put(
    ['machine', 'network', 'interfaces'],
    [
      {
        interface: 'wg0',
        wireguard: { privateKey: hide(secret('wireguard', 32)), peers: [{ publicKey: 'public', presharedKey: hide(secret('psk', 32)) }] },
      },
    ],
  )
  put(['machine', 'systemDiskEncryption'], {
    state: { provider: 'luks2', keys: [{ static: { passphrase: hide(secret('passphrase')) }, slot: 0 }] },
  })
  put(
    ['machine', 'files'],
    [
      { path: '/var/etc/a.pem', content: hide(pem(`${age} file`)) },
      { path: '/var/etc/b', content: `one line\n${hide(secret('in a file'))}\n` },
    ],
  )
  put(['machine', 'env'], { HTTPS_PROXY: `http://user:${hide(secret('proxy'))}@10.0.0.1:3128`, SOME_THING: hide(secret('environment')) })
  put(['cluster', 'inlineManifests'], [{ name: 'a', contents: `data:\n  password: ${hide(secret('manifest'))}\n` }])
  put(['cluster', 'extraManifestHeaders'], { Authorization: hide(secret('header')) })
  const extra = parseAllDocuments(
    [
      JSON.stringify({ apiVersion: 'v1alpha1', kind: 'WireguardConfig', name: 'wg1', privateKey: hide(secret('document', 32)) }),
      '---',
      JSON.stringify({
        apiVersion: 'v1alpha1',
        kind: 'VolumeConfig',
        name: 'EPHEMERAL',
        encryption: { keys: [{ static: { passphrase: hide(secret('volume')) } }] },
      }),
      '---',
      JSON.stringify({
        apiVersion: 'v1alpha1',
        kind: 'SomethingOfTomorrow',
        vault: hide(secret('tomorrow')),
        list: [hide(secret('in a list'))],
      }),
    ].join('\n'),
  ).filter((d) => 'contents' in d)
  const text = [...docs, ...extra].map((d) => d.toString({ lineWidth: 0 }).replace(/^---\n/, '')).join('---\n')
  return { text, secrets }
}

/** Every way in which a secret could stand in a text. */
function shapesOf(secret: string): string[] {
  const whole = [secret, base64(secret), encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
  const body = secret.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'))
  return [...whole, ...body, ...whole.map((s) => s.replace(/\s+/g, ''))]
}
function leaked(text: string, secrets: readonly string[]): string[] {
  const joined = text.replace(/\s+/g, '')
  return secrets.filter((secret) => shapesOf(secret).some((shape) => text.includes(shape) || joined.includes(shape)))
}

const wanted = wantedSysctls({ logMartians: true, alsoSet: {} })
const mapPatch: Json = { machine: { sysctls: wanted } }
const documentPatch: Json = { apiVersion: 'v1alpha1', kind: 'SysctlConfig', params: wanted }

describe('the diff of a change', () => {
  const { text, secrets } = wholeConfig('one')

  test('is searched for secrets that really are in the configuration', () => {
    expect(secrets.length).toBeGreaterThanOrEqual(25)
    expect(leaked(text, secrets).length).toBe(secrets.length)
    expect(parseAllDocuments(text).every((d) => 'contents' in d && isMap(d.contents))).toBe(true)
  })

  test.each([
    ['machine.sysctls', mapPatch, 'machine.sysctls'],
    ['SysctlConfig', documentPatch, 'SysctlConfig.params'],
  ])('in the form of %s shows each key that comes, and nothing else', (_, patch, path) => {
    const after = mergeText(text, [patch]) ?? ''
    const lines = linesOf(maskedDiff('machine config of cp1', text, after, [patch]))
    const added = Object.entries(wanted).map(([key, value]) => `+ ${path}."${key}": ${value}`)
    const head = path.startsWith('Sysctl') ? ['+ SysctlConfig.apiVersion: v1alpha1', '+ SysctlConfig.kind: SysctlConfig'] : []
    expect(lines.toSorted()).toEqual([...head, ...added].toSorted())
    expect(leaked(lines.join('\n'), secrets)).toEqual([])
  })

  test('shows a changed value with what was there before', () => {
    const patch: Json = { machine: { sysctls: { 'vm.swappiness': '0' } } }
    expect(linesOf(maskedDiff('t', text, mergeText(text, [patch]) ?? '', [patch]))).toEqual([
      '- machine.sysctls."vm.swappiness": 10',
      '+ machine.sysctls."vm.swappiness": 0',
    ])
  })

  test('shows what a deletion takes out', () => {
    const patch: Json = { machine: { sysctls: { 'vm.swappiness': { $patch: 'delete' } } } }
    expect(linesOf(maskedDiff('t', text, mergeText(text, [patch]) ?? '', [patch]))).toEqual(['- machine.sysctls."vm.swappiness": 10'])
    const both = mergeText(text, [documentPatch]) ?? ''
    const drop: Json = { apiVersion: 'v1alpha1', kind: 'SysctlConfig', $patch: 'delete' }
    expect(linesOf(maskedDiff('t', both, text, [drop]))).toContain('- SysctlConfig.params."net.ipv4.tcp_syncookies": 1')
  })

  test('is empty where nothing changes', () => {
    expect(linesOf(maskedDiff('t', text, text, [mapPatch]))).toEqual([])
  })

  test('shows no secret even where every secret of the configuration changes under it', () => {
    const other = wholeConfig('another')
    const lines = linesOf(maskedDiff('t', text, mergeText(other.text, [mapPatch]) ?? '', [mapPatch]))
    expect(lines.filter((line) => line.endsWith(': (not shown)')).length).toBeGreaterThan(40)
    expect(leaked(lines.join('\n'), [...secrets, ...other.secrets])).toEqual([])
  })

  test('shows no secret even where a patch names its very field', () => {
    const named: Json = {
      machine: {
        token: 'x',
        ca: { key: 'x' },
        registries: { config: { 'r.example': { auth: { password: 'x', auth: 'x', identityToken: 'x' } } } },
      },
      cluster: {
        token: 'x',
        secret: 'x',
        secretboxEncryptionSecret: 'x',
        aescbcEncryptionSecret: 'x',
        ca: { key: 'x' },
        serviceAccount: { key: 'x' },
      },
    }
    const other = wholeConfig('another')
    const lines = linesOf(maskedDiff('t', text, other.text, [named]))
    expect(lines.length).toBeGreaterThan(20)
    expect(leaked(lines.join('\n'), [...secrets, ...other.secrets])).toEqual([])
  })

  test('tells how many lines a text has instead of showing it', () => {
    const patch: Json = { machine: { note: 'a\nb' } }
    expect(linesOf(maskedDiff('t', 'machine: {}\n', 'machine:\n  note: |-\n    a\n    b\n', [patch]))).toEqual([
      '- machine: (not shown)',
      '+ machine.note: (2 lines)',
    ])
  })

  test('tells two documents of one kind apart', () => {
    const doc = (name: string, value: number) => `kind: Volume\nname: ${name}\nvalue: ${value}\n`
    const before = [doc('a', 1), doc('b', 1)].join('---\n')
    const after = [doc('a', 1), doc('b', 2)].join('---\n')
    expect(linesOf(maskedDiff('t', before, after, [{ kind: 'Volume', name: 'b', value: 2 }]))).toEqual([
      '- Volume b.value: 1',
      '+ Volume b.value: 2',
    ])
  })

  test('shows none of the values at paths that the patch does not name, whatever the configurations hold', () => {
    const secretText = fc
      .string({ unit: 'grapheme-ascii', minLength: 12, maxLength: 40 })
      .filter((s) => s.trim().length >= 12 && !/^[\d.\s+-]+$/.test(s))
    const name = fc.constantFrom('ca', 'key', 'data', 'items', 'x509', 'params', 'password', 'a.b', 'token', 'list')
    const { tree } = fc.letrec<{ tree: Json; leaf: Json; map: Json; list: Json }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('map'), tie('list')),
      leaf: secretText,
      map: fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
      list: fc.array(tie('tree'), { maxLength: 3 }),
    }))
    const stringsIn = (value: Json): string[] =>
      typeof value === 'string'
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).flatMap((v) => stringsIn(v as Json))
          : []
    fc.assert(
      fc.property(tree, tree, (a, b) => {
        const config = (hidden: Json, sysctls: Json) => JSON.stringify({ machine: { hidden, sysctls }, cluster: { hidden } })
        const lines = linesOf(maskedDiff('t', config(a, {}), config(b, wanted), [mapPatch]))
        const shown = lines.join('\n')
        expect(lines).toContain('+ machine.sysctls."net.ipv4.tcp_syncookies": 1')
        for (const hidden of [...stringsIn(a), ...stringsIn(b)]) expect(shown.includes(hidden)).toBe(false)
      }),
    )
  })
})
