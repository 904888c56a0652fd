import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { Network } from '../../src/system/ports.ts'
import { cleanEnvironment, createCaller, type Ran, shellQuote } from '../../src/tools/caller.ts'
import { kubectlRecording, TALOS } from '../domain/kubectl-recording.ts'
import { recording } from '../observe/recording.ts'
import { accessOf, answering, type Machine, machine, silent } from './fixtures.ts'

const reader = accessOf('reader@lab', ['os:reader'])
const operator = accessOf('operator@lab', ['os:operator'])
const admin = accessOf('admin@lab', ['os:admin'], { purpose: 'change', endpoints: ['10.5.0.3'] })
const why = (ran: Ran) => (ran.ok ? 'it succeeded' : { reason: ran.reason, remedy: ran.remedy })

let made: Machine[] = []
const machineOf: typeof machine = (options) => {
  const one = machine(options)
  made.push(one)
  return one
}
afterEach(() => {
  for (const one of made) one.remove()
  made = []
})

describe('the credential of a call', () => {
  const contextOf = async (accesses: (typeof reader)[], run: (caller: ReturnType<typeof createCaller>) => Promise<Ran>) => {
    const system = answering(() => ({}))
    const ran = await run(createCaller(system, accesses))
    return ran.ok ? system.ran[0]?.args.slice(0, 6) : ran.reason
  }
  const look = (c: ReturnType<typeof createCaller>) => c.run('talosctl.kernelParams', { nodes: ['10.5.0.2', '10.5.0.9'] })
  const change = (c: ReturnType<typeof createCaller>) => c.run('talosctl.patch', { node: '10.5.0.9', patches: [], dryRun: true })
  const at = (context: string, nodes: string) => ['--talosconfig', '/t/config', '--context', context, '--nodes', nodes]

  test('is the weakest that will do, wherever it stands', async () => {
    for (const accesses of [
      [admin, operator, reader],
      [reader, operator, admin],
    ]) {
      expect(await contextOf(accesses, look)).toEqual(at('reader@lab', '10.5.0.2,10.5.0.9'))
      expect(await contextOf(accesses, change)).toEqual(at('admin@lab', '10.5.0.9'))
    }
    expect(await contextOf([admin, operator], look)).toEqual(at('operator@lab', '10.5.0.2,10.5.0.9'))
  })

  test('is the one that the profile names for the purpose, where it may, and else the weakest that may', async () => {
    const snapshot = (c: ReturnType<typeof createCaller>) => c.run('talosctl.snapshot', { node: '10.5.0.9', path: 'db' })
    const asChange = accessOf('change@lab', ['os:admin', 'os:reader'], { purpose: 'change' })
    const asBackup = accessOf('backup@lab', ['os:admin'], { purpose: 'backup' })
    const impersonator = accessOf('weaker@lab', ['os:impersonator'])
    for (const accesses of [
      [impersonator, operator, asChange, asBackup],
      [asBackup, asChange, operator, impersonator],
    ]) {
      expect(await contextOf(accesses, change)).toEqual(at('change@lab', '10.5.0.9'))
      expect(await contextOf(accesses, snapshot)).toEqual(at('backup@lab', '10.5.0.9'))
      expect(await contextOf(accesses, look)).toEqual(at('operator@lab', '10.5.0.2,10.5.0.9'))
    }
    const mayNot = [
      accessOf('change@lab', ['os:operator'], { purpose: 'change' }),
      accessOf('backup@lab', ['os:reader'], { purpose: 'backup' }),
    ]
    expect(await contextOf([...mayNot, impersonator], change)).toEqual(at('weaker@lab', '10.5.0.9'))
    expect(await contextOf([...mayNot, impersonator], snapshot)).toEqual(at('change@lab', '10.5.0.9'))
  })

  test('may be one for several purposes, and is named once where it may not', async () => {
    const both = [accessOf('one@lab', ['os:admin']), accessOf('one@lab', ['os:admin'], { purpose: 'backup' })]
    expect(await contextOf(both, change)).toEqual(at('one@lab', '10.5.0.9'))
    const reads = both.map((a) => ({ ...a, roles: ['os:reader'] }))
    expect(await contextOf(reads, change)).toBe('needs os:admin; one@lab is os:reader')
  })

  test('names an endpoint as the node where the call names none', async () => {
    expect(await contextOf([reader], (c) => c.run('talosctl.members', {}))).toEqual(at('reader@lab', '10.5.0.2'))
  })

  test('is missing: nothing is run, and the sentence says what is needed and what there is', async () => {
    const system = answering(() => ({}))
    const ask = async (accesses: (typeof reader)[]) => why(await change(createCaller(system, accesses)))
    expect(await ask([reader, operator])).toEqual({
      reason: 'needs os:admin; reader@lab is os:reader, operator@lab is os:operator',
      remedy: 'name a context with os:admin: --context NAME, or access.change in preflight.yaml',
    })
    expect(await ask([])).toEqual({ reason: 'no talosconfig was found', remedy: 'name one with --talosconfig FILE, or set TALOSCONFIG' })
    expect(await ask([accessOf('nobody@lab', [])])).toEqual({
      reason: 'the certificate of context nobody@lab has no role that the Talos API knows, so it may call nothing',
      remedy: 'take a context with os:reader: --context NAME',
    })
    expect(system.ran).toEqual([])
  })

  test('is in no call that asks no node', async () => {
    const system = answering(() => ({}))
    await createCaller(system, [reader]).run('age.encrypt', { recipients: ['age1a'] })
    expect(system.ran[0]?.args).toEqual(['--recipient', 'age1a'])
  })

  test('is in the command as a person would type it', () => {
    const caller = createCaller(
      answering(() => ({})),
      [reader, admin],
    )
    expect(caller.commandLine({ verb: 'talosctl.patch', args: { node: '10.5.0.9', patches: [{ a: "it's" }], dryRun: false } })).toBe(
      `talosctl --talosconfig /t/config --context admin@lab --nodes 10.5.0.9 patch machineconfigs.config.talos.dev v1alpha1 --mode no-reboot --patch '{"a":"it'\\''s"}'`,
    )
    expect(() => caller.commandLine({ verb: 'talosctl.reset', args: {} })).toThrow('no verb talosctl.reset')
  })

  test('of a change outlives us, that of a look ends with us, and no Ctrl-C reaches either but where somebody may be asked', async () => {
    const system = answering(() => ({}))
    const caller = createCaller(system, [admin], { kubeconfig: '/k/config', context: 'lab' })
    await caller.run('talosctl.patch', { node: 'a', patches: [], dryRun: false })
    await caller.run('talosctl.patch', { node: 'a', patches: [], dryRun: true })
    await look(caller)
    await caller.run('age.encrypt', { recipients: ['age1a'] })
    await caller.run('age.decrypt', { identity: '/i' })
    await caller.run('age.protect', { output: '/i' })
    await caller.run('kubectl.pods', {})
    expect(system.ran.map((spec) => spec.apart)).toEqual([
      'to its end',
      'until we end',
      'until we end',
      'until we end',
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('looks at the cluster', () => {
  test('run a few at a time, over all that is observed; a change and what asks no node wait for none of them', async () => {
    const ends: (() => void)[] = []
    let [running, most] = [0, 0]
    const system = answering(() => ({}))
    const { run } = system.processes
    system.processes.run = async (spec) => {
      const isLook = spec.args.includes('list')
      if (isLook) most = Math.max(most, ++running)
      const exit = await run(spec)
      if (isLook) await new Promise<void>((resolve) => ends.push(resolve)).then(() => running--)
      return exit
    }
    const caller = createCaller(system, [reader, admin])
    const looks = Array.from({ length: 100 }, (_, i) => caller.run('talosctl.list', { nodes: [`10.0.0.${i}`], path: '/proc/sys' }))
    expect((await caller.run('talosctl.patch', { node: 'a', patches: [], dryRun: false })).ok).toBe(true)
    expect((await caller.run('age.version', {})).ok).toBe(true)
    expect([running, system.ran.length]).toEqual([16, 18])
    for (let ended = 0; ended < looks.length; ended++) {
      await expect.poll(() => ends.length).toBeGreaterThan(0)
      ends.shift()?.()
    }
    expect((await Promise.all(looks)).every((ran) => ran.ok)).toBe(true)
    expect([most, running]).toEqual([16, 0])
  })
})

describe('the environment of a child', () => {
  test('holds home, path, proxies and locale, and no credential of another cluster', async () => {
    const env = {
      HTTPS_PROXY: 'http://10.0.0.1:3128',
      no_proxy: '10.0.0.0/8',
      LANG: 'C.UTF-8',
      SSH_AUTH_SOCK: '/run/agent',
      XDG_CONFIG_HOME: '/config',
      TALOSCONFIG: '/other/talosconfig',
      KUBECONFIG: '/other/kubeconfig',
      TALOS_HOME: '/other',
      AWS_SECRET_ACCESS_KEY: 'secret',
      NODE_OPTIONS: '--inspect',
      LD_PRELOAD: '/evil.so',
      GIT_DIR: '/other/.git',
    }
    const { system, program, folder } = machineOf({ env })
    program('talosctl', 'env')
    const ran = await createCaller(system, []).run('talosctl.clientVersion', {})
    const seen = Object.fromEntries(
      ran.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    for (const own of ['PWD', 'SHLVL', '_', 'OLDPWD']) delete seen[own]
    expect(seen).toEqual({
      HOME: folder,
      PATH: system.files.env.PATH,
      HTTPS_PROXY: env.HTTPS_PROXY,
      no_proxy: env.no_proxy,
      LANG: env.LANG,
      SSH_AUTH_SOCK: env.SSH_AUTH_SOCK,
      XDG_CONFIG_HOME: env.XDG_CONFIG_HOME,
    })
  })

  test('keeps no name that was not thought of', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z_]{1,20}$/), fc.string()), (env) => {
        for (const name of Object.keys(cleanEnvironment(env)))
          expect(name).toMatch(
            /^(HOME|PATH|USER|LOGNAME|SHELL|LANG|LC_.+|TZ|TMPDIR|XDG_.+|TERM|COLORTERM|SSH_AUTH_SOCK|SSL_CERT_(FILE|DIR)|.*_PROXY)$/,
          )
      }),
    )
    expect(cleanEnvironment({ HOME: undefined, PATH: '/bin' })).toEqual({ PATH: '/bin' })
  })
})

describe('a tool that does not do as it should', () => {
  test('is missing: the sentence says so and where to get it', async () => {
    const { system } = machineOf({ env: { PATH: '/nowhere' } })
    const caller = createCaller(system, [reader])
    expect(why(await caller.run('talosctl.version', { node: 'a' }))).toEqual({
      reason: 'talosctl is not on PATH',
      remedy: 'install talosctl of the version that your nodes run: https://docs.siderolabs.com/talos/v1.13/getting-started/talosctl',
    })
    expect(why(await caller.run('age.keygen', {}))).toMatchObject({
      reason: 'age-keygen is not on PATH',
      remedy: 'install age: https://github.com/FiloSottile/age',
    })
    expect(why(await caller.run('kubectl.clientVersion', {}))).toMatchObject({
      remedy: 'install kubectl: https://kubernetes.io/docs/tasks/tools/',
    })
    expect(why(await caller.run('git.root', { folder: '/' }))).toMatchObject({ remedy: 'install git' })
  })

  test('cannot be started: the sentence says so', async () => {
    const denied = answering(() => ({ started: false, reason: 'denied', message: 'Command failed with EACCES' }))
    expect(why(await createCaller(denied, []).run('age.version', {}))).toEqual({
      reason: 'age could not be started: Command failed with EACCES',
      remedy: undefined,
    })
  })

  test('hangs: it is ended at its limit', async () => {
    const { system, program } = machineOf({ limits: { timeoutMs: 300 } })
    program('age', 'exec sleep 600')
    const ran = await createCaller(system, []).run('age.version', {})
    expect(ran).toMatchObject({ ok: false, timedOut: true, reason: 'age did not answer within 10 s' })
  })

  test.each([{ timedOut: true }, { truncated: true }, { aborted: true }, { signal: 'SIGKILL' }])(
    'is ended by %j in the middle of an answer: the part that came is no answer',
    async (how) => {
      const system = answering(() => ({ exitCode: undefined, stdout: Buffer.from('.\naccept_redirects\n'), ...how }))
      const ran = await createCaller(system, [reader]).run('talosctl.list', { nodes: ['a', 'b'], path: '/proc/sys/net/ipv4' })
      expect(ran).toMatchObject({ ok: false, stdout: Buffer.alloc(0) })
    },
  )

  test('hangs and ignores that it is to end: it is killed', async () => {
    const { system, program } = machineOf({ limits: { timeoutMs: 300 } })
    program('age', "trap '' TERM\nwhile :; do sleep 0.05; done")
    expect(await createCaller(system, []).run('age.version', {})).toMatchObject({ ok: false, timedOut: true })
  })

  test('never stops talking: it is ended at the most bytes that an answer may have', async () => {
    const { system, program } = machineOf({ limits: { maxBytes: 100_000 } })
    program('talosctl', 'exec yes "I am a node"')
    const ran = await createCaller(system, [reader]).run('talosctl.version', { node: 'a' })
    expect(why(ran)).toEqual({
      reason: 'talosctl gave more output than it should (over 64 MiB) and was ended',
      remedy: 'look at the node: this is not what a Talos API answers',
    })
    expect(ran.stdout.length).toBeLessThanOrEqual(100_000)
    program('git', 'exec yes')
    expect(why(await createCaller(system, [reader]).run('git.objects', { folder: '/' }))).toEqual({
      reason: 'git gave more output than it should (over 64 MiB) and was ended',
      remedy: undefined,
    })
  })

  test('never stops complaining: it is ended too', async () => {
    const { system, program } = machineOf({ limits: { maxBytes: 100_000 } })
    program('talosctl', 'exec yes "no" >&2')
    expect((await createCaller(system, [reader]).run('talosctl.version', { node: 'a' })).ok).toBe(false)
  })

  test('is stopped by us: the sentence says no more than that', async () => {
    const { system, program } = machineOf()
    program('age', 'echo started; exec sleep 600')
    const stop = new AbortController()
    const ran = await createCaller(system, []).run('age.version', {}, { signal: stop.signal, onStart: async () => stop.abort() })
    expect(ran).toMatchObject({ ok: false, reason: 'stopped' })
  })

  test('ends with a code or a signal: the sentence has it, with the last line of what it said', async () => {
    const { system, program } = machineOf()
    const caller = createCaller(system, [reader])
    program('talosctl', 'echo one >&2; echo "the last word" >&2; echo >&2; exit 7')
    expect(why(await caller.run('talosctl.version', { node: 'a' }))).toMatchObject({
      reason: 'talosctl ended with exit code 7: the last word',
    })
    program('talosctl', 'kill -KILL $$')
    expect(why(await caller.run('talosctl.version', { node: 'a' }))).toMatchObject({ reason: 'talosctl was ended by SIGKILL' })
  })

  test('speaks in escape codes: none of them is in the reason', async () => {
    const { system, program } = machineOf()
    program(
      'talosctl',
      String.raw`printf '\033[2J\033]0;owned\007rpc error: code = Unknown desc = \033[31mred\033[0m \342\200\256evil\n' >&2; exit 1`,
    )
    expect(why(await createCaller(system, [reader]).run('talosctl.version', { node: 'a' }))).toMatchObject({ reason: 'Unknown: red evil' })
  })

  test('speaks of what it must keep to itself: the reason does not repeat it', async () => {
    const key = 'TUM0Q0FRQXdCUVlESzJWd0JDSUVJSnJtV1N5'
    const { system, program } = machineOf()
    const caller = createCaller(system, [admin])
    const patch = () => caller.run('talosctl.patch', { node: 'a', patches: [], dryRun: true })
    program('talosctl', `echo "key: ${key}" >&2; exit 1`)
    expect(why(await patch())).toMatchObject({ reason: 'talosctl ended with exit code 1' })
    program('talosctl', `echo "rpc error: code = InvalidArgument desc = wrong key ${key} in line 7" >&2; exit 1`)
    expect(why(await patch())).toMatchObject({ reason: 'InvalidArgument: wrong key (…) in line 7' })
  })
})

describe('a call of talosctl that failed gets its own sentence', () => {
  const says = async (stderr: string, access = reader, network?: Network) => {
    const system = answering(() => ({ exitCode: 1, stderr: Buffer.from(stderr) }), network ? { network } : {})
    return why(await createCaller(system, [access]).run('talosctl.version', { node: '10.5.0.9' }))
  }

  test.each([
    [
      'the CA is another one',
      'wrong-ca',
      "the node's certificate is not from the CA of context reader@lab: it is another cluster, its CA was rotated, or somebody is in between",
      'check which cluster this address belongs to before you go on',
    ],
    [
      'the role may not',
      'machine-config-denied',
      'the Talos API does not allow this to os:reader',
      'name a context with os:reader: --context NAME',
    ],
    [
      'the certificate has another role',
      'impersonator-version',
      'the Talos API does not allow this to os:reader',
      'name a context with os:reader: --context NAME',
    ],
    [
      'the certificate has ended on the clock of the node',
      'expired-cert',
      "the node closed the connection of context reader@lab: its certificate is not accepted (expired on the node's clock, or from another CA)",
      'get a new talosconfig of this cluster',
    ],
    [
      'the node is down',
      'node-down',
      '10.5.0.3:50000 does not answer: connection refused',
      'check that the node runs and that its address is right',
    ],
    [
      'the node is nowhere',
      'version-node-down',
      '10.5.0.99:50000 does not answer: no route to host',
      'check that the node runs and that its address is right',
    ],
    [
      'the endpoint is nowhere',
      'endpoint-unreachable',
      '10.5.0.77:50000 does not answer: no route to host',
      'check that the node runs and that its address is right',
    ],
    [
      'the endpoint is a worker',
      'worker-as-endpoint-proxy',
      'the endpoint is a worker, which forwards nothing',
      'set control plane addresses as endpoints: talosctl config endpoint ADDRESS',
    ],
    ['the node is a worker', 'etcd-members-worker', 'only control plane nodes answer this', undefined],
    [
      'the version does not know it',
      'unknown-type',
      'this Talos version does not have what was asked for',
      'see which versions are tried: talos-preflight doctor',
    ],
    ['there is no such file', 'read-missing', 'NotFound: stat /no/such/file: no such file or directory', undefined],
    ['there is no such folder', 'list-missing', 'Unknown: lstat /proc/sys/net/ipv6/conf/nope: no such file or directory', undefined],
  ])('where %s', async (_, name, reason, remedy) => {
    expect(await says(recording('1.13', name).stderr)).toEqual({ reason, remedy })
  })

  test.each(['machine-config-denied', 'version-node-down', 'etcd-members-worker', 'unknown-type', 'list-missing'])(
    'where 1.14 says it in other words: %s',
    async (name) => {
      const of = async (version: '1.13' | '1.14') =>
        JSON.stringify(await says(recording(version, name).stderr)).replaceAll('10.6.', '10.5.')
      expect(await of('1.14')).toBe(await of('1.13'))
    },
  )

  test.each([
    [
      'tls: expired certificate',
      "the node takes the certificate of context reader@lab for expired, though it ends on 2099-01-01 by this machine's clock",
      'compare the clocks of this machine and the node',
    ],
    [
      'tls: unknown certificate authority',
      'the node does not accept the certificate of context reader@lab: it is from another CA',
      'get a talosconfig of this cluster',
    ],
    [
      'tls: bad certificate',
      'the node does not accept the certificate of context reader@lab: it is from another CA',
      'get a talosconfig of this cluster',
    ],
  ])('where the node answers "%s"', async (alert, reason, remedy) => {
    const text = `error getting version: rpc error: code = Unavailable desc = connection error: desc = "error reading server preface: remote error: ${alert}"`
    expect(await says(text)).toEqual({ reason, remedy })
  })

  test('where the certificate has ended by our own clock, whatever the node said', async () => {
    expect(
      await says(recording('1.13', 'expired-cert').stderr, accessOf('reader@lab', ['os:reader'], { notAfter: '2020-01-02T00:00:00.000Z' })),
    ).toEqual({
      reason: 'the certificate of context reader@lab ended on 2020-01-02',
      remedy: 'get a new talosconfig from whoever holds os:admin: talosctl config new --roles os:reader',
    })
  })

  test('where nothing was said at all', async () => {
    expect(await says('')).toEqual({ reason: 'talosctl ended with exit code 1', remedy: undefined })
  })

  test.each([
    [
      '10.5.0.9',
      'open',
      'no answer from 10.5.0.9 within 10 s, though 10.5.0.2, which asks it for us, opens port 50000: its Talos API hangs, or the two do not reach each other',
      'look at the console of 10.5.0.9',
    ],
    [
      '10.5.0.2',
      'open',
      'no answer within 10 s, though port 50000 of 10.5.0.2 opens: the service behind it hangs, or it is not a Talos API',
      'talosctl --nodes 10.5.0.2 service apid, from another control plane',
    ],
    [
      '10.5.0.9',
      'refused',
      'no answer within 10 s, and port 50000 of 10.5.0.2 does not open from here',
      'check the address, the network and firewalls between',
    ],
    [
      '10.5.0.9',
      'silent',
      'no answer within 10 s, and port 50000 of 10.5.0.2 does not open from here',
      'check the address, the network and firewalls between',
    ],
  ] as const)('where %s ran out of time and the port of the endpoint is %s', async (node, port, reason, remedy) => {
    const asked: unknown[] = []
    const network: Network = {
      ...silent,
      connect: async (...args) => {
        asked.push(args)
        return port
      },
    }
    const system = answering(() => ({ exitCode: undefined, timedOut: true }), { network })
    const ran = await createCaller(system, [reader]).run('talosctl.version', { node })
    expect(why(ran)).toEqual({ reason, remedy })
    expect(asked).toEqual([['10.5.0.2', 50000, 2000]])
  })

  test('where the tool or the node is too old for a document', async () => {
    const text = 'error decoding document v1alpha1/SysctlConfig/ (line 1): "SysctlConfig" "v1alpha1": not registered'
    const remedy = 'use the talosctl of the version that your nodes run'
    expect(await says(text)).toEqual({ reason: 'this talosctl is too old to know SysctlConfig', remedy })
    expect(await says(`rpc error: code = InvalidArgument desc = ${text}`)).toEqual({
      reason: 'the node is too old to know SysctlConfig',
      remedy,
    })
  })
})

describe('a call of kubectl that failed gets its own sentence', () => {
  test.each(TALOS)('where others keep the fields that it would set, as it was told on Talos %s', async (talos) => {
    const { exitCode, stdout, stderr } = kubectlRecording(talos, 'apply-conflict')
    const system = answering(() => ({ exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) }))
    const caller = createCaller(system, [reader], { kubeconfig: '/k/config', context: 'lab' })
    expect(why(await caller.run('kubectl.apply', { manifests: [], dryRun: true }))).toEqual({
      reason: 'others keep what this would set, and nothing is forced: someone has .spec.ingress, .spec.podSelector and .spec.policyTypes',
      remedy: 'let it be taken out where they set it, or take away what they made, and plan again',
    })
  })
})

describe('an argument', () => {
  test('is quoted for a shell only where it must be', () => {
    expect(['a', '10.0.0.1,10.0.0.2', '/proc/sys', 'jsonpath={.spec}', '', "it's", '$HOME', 'a b', '*'].map(shellQuote)).toEqual([
      'a',
      '10.0.0.1,10.0.0.2',
      '/proc/sys',
      "'jsonpath={.spec}'",
      "''",
      "'it'\\''s'",
      "'$HOME'",
      "'a b'",
      "'*'",
    ])
  })

  test('comes out of a shell as it went in', () => {
    const word = fc
      .oneof(
        fc.string({ unit: 'binary' }),
        fc.string(),
        fc.constantFrom('', '$(id)', '`id`', "'", '"', '\\', '\n', '~', '-n', '!!', '{a,b}'),
      )
      .map((s) => s.replaceAll('\0', ''))
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
        const child = spawnSync('/bin/sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`], { encoding: 'utf8' })
        expect(child.stderr).toBe('')
        expect(child.stdout.split('\0').slice(0, -1)).toEqual(words.map((w) => Buffer.from(w).toString('utf8')))
      }),
      { numRuns: 60 },
    )
  })
})
