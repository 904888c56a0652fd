import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cosiObjects,
  isMachineConfig,
  lastControllerError,
  lastPodError,
  parseEtcdMembers,
  parseKernelParams,
  parseList,
  parseMembers,
  parseSysctlConfig,
  parseVersion,
} from '../../src/observe/parse.ts'
import { kindIn } from '../../src/observe/secret-kinds.ts'
import { recording, recordingsOf, VERSIONS } from './recording.ts'

const NET = { '1.13': '10.5.0', '1.14': '10.6.0' } as const
const TAG = { '1.13': 'v1.13.9', '1.14': 'v1.14.1' } as const

describe.each(VERSIONS)('real answers of %s', (version) => {
  const net = NET[version]
  const stdout = (name: string) => recording(version, name).stdout

  test('hold no secret', () => {
    for (const name of recordingsOf(version)) {
      const { stdout: out, stderr } = recording(version, name)
      expect([name, kindIn(Buffer.from(out + stderr), true)]).toEqual([name, undefined])
      expect([name, /AGE-SECRET|PRIVATE KEY-----\n[A-Za-z0-9]|\b[a-z0-9]{6}\.[a-z0-9]{16}\b/.test(out + stderr)]).toEqual([name, false])
    }
  })

  test.each(['members', 'members-two-nodes'])('%s name each member once, with address, kind and version', (name) => {
    expect(parseMembers(cosiObjects(stdout(name))).toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'cp1', address: `${net}.2`, addresses: [`${net}.2`], type: 'controlplane', version: TAG[version], apiPort: 6443 },
      { name: 'cp2', address: `${net}.3`, addresses: [`${net}.3`], type: 'controlplane', version: TAG[version], apiPort: 6443 },
      { name: 'w1', address: `${net}.101`, addresses: [`${net}.101`], type: 'worker', version: TAG[version] },
    ])
  })

  test('infos say which cluster answers', () => {
    expect(cosiObjects(stdout('infos'))).toEqual([
      {
        node: `${net}.2`,
        id: 'current',
        version: expect.stringMatching(/^\d+$/),
        spec: { clusterId: expect.stringMatching(/=$/), clusterName: version === '1.13' ? 'lab' : 'new' },
      },
    ])
  })

  test('kernel parameters come node by node, by key without the folder', () => {
    const byNode = Map.groupBy(cosiObjects(stdout('kernel-params-two-nodes')), (o) => o.node)
    expect([...byNode.keys()].toSorted()).toEqual([`${net}.101`, `${net}.2`])
    for (const objects of byNode.values()) {
      const params = parseKernelParams(objects)
      expect(Object.keys(params).length).toBe(objects.length)
      expect(params['net.ipv4.ip_forward']).toEqual({ current: '1', unsupported: false })
      expect(params['net.ipv4.conf.all.accept_redirects']).toBeUndefined()
      expect(params['net.ipv4.conf.all.send_redirects']).toEqual(version === '1.14' ? { current: '0', unsupported: false } : undefined)
    }
  })

  test('a folder lists its names, whether there is a column of nodes or not', () => {
    const alone = parseList(stdout('list-one-node'), [`${net}.2`])
    const both = parseList(stdout('list-two-nodes'), [`${net}.2`, `${net}.101`])
    expect([...alone.keys()]).toEqual([`${net}.2`])
    expect([...both.keys()].toSorted()).toEqual([`${net}.101`, `${net}.2`])
    for (const names of [...alone.values(), ...both.values()]) {
      expect(names.toSorted()).toEqual(alone.get(`${net}.2`)?.toSorted())
      expect(names).toContain('accept_redirects')
      expect(names).not.toContain('.')
    }
  })

  test('a folder that is not there lists nothing for anybody', () => {
    for (const name of ['list-missing', 'list-missing-two-nodes']) {
      expect(parseList(stdout(name), [`${net}.2`])).toEqual(new Map())
      expect(recording(version, name).stderr).toContain('no such file or directory')
    }
  })

  test('etcd members have ids and names', () => {
    expect(parseEtcdMembers(stdout('etcd-members')).toSorted((a, b) => (a.hostname < b.hostname ? -1 : 1))).toEqual([
      { id: expect.stringMatching(/^[0-9a-f]{16}$/), hostname: 'cp1', learner: false },
      { id: expect.stringMatching(/^[0-9a-f]{16}$/), hostname: 'cp2', learner: false },
    ])
    expect(parseEtcdMembers(stdout('etcd-members-worker'))).toEqual([])
  })

  test('the version is the one of the server, not of the client', () => {
    expect(parseVersion(stdout('version'))).toBe(TAG[version])
    expect(parseVersion(stdout('version-node-down'))).toBeUndefined()
    expect(parseVersion(stdout('version-client'))).toBeUndefined()
  })

  test('the log of controllers tells the last complaint of one of them, where there is one', () => {
    expect(stdout('controller-log').split('\n').length).toBeGreaterThan(20)
    expect(lastControllerError(stdout('controller-log'), /PlatformConfigController/)).toBe(version === '1.14' ? 'invalid hostname ""' : '')
    expect(lastControllerError(stdout('controller-log'), /KernelParamSpec/)).toBe('')
  })

  test('what a reader may not see is an answer without objects', () => {
    for (const name of ['machine-configs-denied', 'machine-configs-denied-two-nodes', 'unknown-type'])
      expect(cosiObjects(stdout(name))).toEqual([])
  })
})

test('of two nodes, the one that answered is kept', () => {
  expect(parseMembers(cosiObjects(recording('1.13', 'members-two-nodes-one-down').stdout)).map((m) => m.name)).toContain('cp1')
  expect(parseVersion(recording('1.13', 'two-nodes-one-bad').stdout)).toBe('v1.13.9')
})

/** As logged by both versions when a machine config named a key that the kernel does not have. */
const CONTROLLER_FAILED =
  '10.5.0.101: 2026-11-23T15:40:05.493Z \u001b[31mERROR\u001b[0m controller failed {"component": "controller-runtime", "controller": "runtime.KernelParamSpecController", "error": "1 error occurred:\\n\\t* open /proc/sys/net/ipv4/conf/all/bogus_key: no such file or directory\\n\\n"}'

describe('the log of controllers', () => {
  test('gives the error as one line, without the colours of the log', () => {
    const log = [CONTROLLER_FAILED, '10.5.0.101: restarting controller {"controller": "runtime.KernelParamSpecController"}', ''].join('\n')
    expect(lastControllerError(log, /KernelParamSpec/)).toBe('open /proc/sys/net/ipv4/conf/all/bogus_key: no such file or directory')
  })

  test('gives nothing where the line cannot be read', () => {
    expect(lastControllerError('KernelParamSpec "error": "\\x"', /KernelParamSpec/)).toBe('')
    expect(lastControllerError('KernelParamSpec "error": 7', /KernelParamSpec/)).toBe('')
  })

  test('the last complaint of a container is one line, without what the container runtime and the logger put in front', () => {
    const head = '10.5.0.2: 2026-11-24T10:59:11.123456789Z stderr F '
    const fatal = `${head}E1124 10:59:11.123456       1 run.go:72] "command failed" err="PodSecurity invalid: exemptions.namespaces[1]: Duplicate value"`
    const log = [
      `${head}I1124 10:59:10.0       1 options.go:249] external host was not specified`,
      fatal,
      `${head}I1124 10:59:12.0       1 x.go:1] bye`,
    ]
    expect(lastPodError(log.join('\n'))).toMatch(/^PodSecurity invalid: exemptions\.namespaces\[1\]: Duplicate value"?$/)
    expect(lastPodError(`${head}panic: no\u001b[31m way`)).toBe('panic: no way')
    expect(lastPodError(`${head}I1124 10:59:12.0       1 x.go:1] all is well`)).toBe('')
    expect(lastPodError('')).toBe('')
  })
})

describe('a table', () => {
  const head = 'NODE       ID                 HOSTNAME   PEER URLS               CLIENT URLS             LEARNER'

  test('is read by column, so that a learner without a name yet is still a learner', () => {
    const row = '10.5.0.2   c3d3020cf75b8728              https://10.5.0.2:2380                           true'
    expect(parseEtcdMembers(`${head}\n${row}\n`)).toEqual([{ id: 'c3d3020cf75b8728', hostname: '', learner: true }])
  })

  test('of the 1.14 client has no column of nodes where one node was asked', () => {
    expect(parseList('.\naccept_redirects\nsend redirects\n', ['10.6.0.2'])).toEqual(
      new Map([['10.6.0.2', ['accept_redirects', 'send redirects']]]),
    )
    expect(parseList('.\naccept_redirects\n', ['10.6.0.2', '10.6.0.3'])).toEqual(new Map())
  })

  test('takes a very long list without losing its way', () => {
    const names = Array.from({ length: 200_000 }, (_, i) => `name${i}`)
    expect(parseList(`${names.join('\n')}\n`, ['n']).get('n')).toHaveLength(200_000)
  })
})

describe('a machine configuration', () => {
  test('is told from other YAML', () => {
    expect(isMachineConfig('version: v1alpha1\nmachine:\n    type: worker\n')).toBe(true)
    expect(isMachineConfig('machine:\n  sysctls: {}\n')).toBe(false)
    expect(isMachineConfig('kind: SysctlConfig\n')).toBe(false)
    expect(isMachineConfig('\n'.repeat(300_000))).toBe(false)
  })

  test('gives what it says of kernel parameters in each form, and nothing else', () => {
    expect(parseSysctlConfig('machine:\n  token: x\n  sysctls: {a: "1", b: 2}\n---\nkind: SysctlConfig\nparams: {c: "3"}\n')).toEqual({
      machine: { a: '1', b: '2' },
      document: { c: '3' },
    })
    expect(parseSysctlConfig('machine:\n  sysctls:\n---\nkind: SysctlConfig\n')).toEqual({ machine: {}, document: {} })
    expect(parseSysctlConfig('machine: {}\n---\nkind: Other\nmachine: {sysctls: {a: b}}\n')).toEqual({})
  })

  test('whose aliases multiply or lead nowhere gives nothing instead of an error', () => {
    const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`)
    expect(parseSysctlConfig(`a0: &a0 x\n${levels.join('\n')}\nmachine: {sysctls: {}}\n`)).toEqual({})
    expect(parseSysctlConfig('machine: {sysctls: *nowhere}\n')).toEqual({})
  })
})

describe('output that is not what a node says', () => {
  const CONTROL = /[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
  const stringsIn = (value: unknown): string[] =>
    typeof value === 'string'
      ? [value]
      : typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => [key, ...stringsIn(inner)])
        : []

  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;owned\u0007',
      '\u009b31m',
      '\u202egnp.exe',
      '\u0000',
      '\r\n',
      '../../../etc/passwd',
      'x'.repeat(5000),
      '--insecure',
      '__proto__',
    ),
  )
  const anything = fc.oneof(
    nasty,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(nasty, { maxLength: 3 }),
    fc.dictionary(nasty, nasty, { maxKeys: 3 }),
  )
  const object = fc.record(
    {
      node: anything,
      metadata: fc.oneof(
        anything,
        fc.record({
          id: fc.oneof(
            anything,
            nasty.map((s) => `proc.sys.${s}`),
          ),
        }),
      ),
      spec: fc.oneof(
        anything,
        fc.record(
          {
            addresses: fc.oneof(anything, fc.array(anything)),
            hostname: anything,
            controlPlane: fc.oneof(anything, fc.record({ port: anything })),
            machineType: anything,
            operatingSystem: anything,
            current: anything,
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  )
  const stream = fc
    .array(
      fc.oneof(
        object.map((o) => JSON.stringify(o, null, 4)),
        nasty,
      ),
      { maxLength: 5 },
    )
    .map((pieces) => `${pieces.join('\n')}\n`)

  test('never throws, and leaves no control character and no endless text in a value', () => {
    fc.assert(
      fc.property(stream, (text) => {
        const objects = cosiObjects(text)
        const kept = [
          parseMembers(objects),
          parseKernelParams(objects),
          parseSysctlConfig(text),
          parseEtcdMembers(text),
          [...parseList(text, ['n']).values()],
          [...parseList(`NODE   NAME\n${text}`, ['n']).values()],
          lastControllerError(text, /./),
        ].flatMap(stringsIn)
        for (const value of kept) {
          expect(value).not.toMatch(CONTROL)
          expect(value.length).toBeLessThanOrEqual(200)
        }
      }),
      { numRuns: 500 },
    )
  })

  const member = (id: string, spec: object) => ({ node: 'n', id, version: '1', spec: { addresses: ['10.0.0.1'], ...spec } })

  test('calls a node as Kubernetes does, whatever domain its hostname has', () => {
    expect(parseMembers([member('w1', { hostname: 'w1.example.com' })]).map((m) => m.name)).toEqual(['w1'])
    expect(parseMembers([member('', { hostname: 'w1.example.com' })]).map((m) => m.name)).toEqual(['w1.example.com'])
  })

  test('gives no node a name that leads to another folder', () => {
    const named = (id: string, hostname: string) => parseMembers([member(id, { hostname })]).map((m) => m.name)
    expect(named('../../../preflight', 'x')).toEqual(['..-..-..-preflight'])
    expect(named('', 'a\\b c')).toEqual(['a-b-c'])
    fc.assert(
      fc.property(nasty, (text) => {
        for (const name of [...named(text, text), ...named('', text)]) expect(name).not.toMatch(/[/\\\s]/)
      }),
    )
  })

  test('keeps whole objects beside broken ones', () => {
    const good = JSON.stringify({ node: 'n', metadata: { id: 123 }, spec: {} }, null, 4)
    expect(cosiObjects(`garbage\n}\n${good}\n{\n  "node": \n}\n${good}\n`)).toEqual([
      { node: 'n', id: '123', version: '', spec: {} },
      { node: 'n', id: '123', version: '', spec: {} },
    ])
  })
})
