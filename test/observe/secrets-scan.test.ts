import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { generateX25519Identity } from 'age-encryption'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SecretPlace, SecretsScan } from '../../src/domain/observations.ts'
import type { ScanOptions } from '../../src/observe/scan-options.ts'
import { scanSecrets } from '../../src/observe/secrets-scan.ts'
import { inventedSecret, machineConfig, newState, type PracticeNode } from '../../src/practice/state.ts'
import type { System } from '../../src/system/ports.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { type Place, realPlace } from './real-system.ts'

const MIB = 1 << 20
const state = newState('default')
const config = machineConfig(state.nodes[0] as PracticeNode, state.clusterId)
const pem = `-----BEGIN ${'RSA PRIVATE'} KEY-----\n${(inventedSecret('rsa', 600).match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${'RSA PRIVATE'} KEY-----\n`

let place: Place
beforeEach(() => {
  place = realPlace()
})
afterEach(() => place.remove())

const scan = (options: Partial<ScanOptions> = {}, system: System = place.system): Promise<SecretsScan> =>
  scanSecrets(system, createCaller(system, []), { folder: place.folder, exclude: [], seconds: 60, defaultPlaces: [], ...options })
const brief = (found: SecretsScan) => found.places.map((p: SecretPlace) => [p.where, p.path, p.kind, p.inGit])
const at = (path: string): string => join(place.folder, path)

describe('in a folder without git', () => {
  test('finds what is plain, at any depth, says what it gives, and keeps none of it', async () => {
    place.write(at('controlplane.yaml'), config, 0o640)
    place.write(at('deep/down/here/key.pem'), pem)
    place.write(at('README.md'), 'talosctl gen secrets makes a bundle; keep it sealed\n')
    const found = await scan()
    expect(brief(found)).toEqual([
      ['workspace', 'controlplane.yaml', 'machine config', false],
      ['workspace', 'deep/down/here/key.pem', 'private key', false],
    ])
    expect(found).toMatchObject({ files: 3, versions: 0, leftOut: [], excluded: [] })
    expect(found.places[0]).toMatchObject({ mode: 0o640, gives: expect.stringMatching(/join nodes/), atDefaultPlace: false })
    const kept = JSON.stringify(found)
    for (const line of [...config.split('\n'), ...pem.split('\n')]
      .map((l) => l.trim().split(' ').at(-1) ?? '')
      .filter((l) => l.length >= 20))
      expect(kept).not.toContain(line)
  })

  test('leaves out what the profile leaves out, and says so', async () => {
    place.write(at('vendor/a.pem'), pem)
    place.write(at('vendored/b.pem'), pem)
    place.write(at('one.pem'), pem)
    const found = await scan({ exclude: ['vendor', 'one.pem'] })
    expect(brief(found).map(([, path]) => path)).toEqual(['vendored/b.pem'])
    expect(found.excluded).toEqual(['vendor', 'one.pem'])
  })

  test.each([0, 1, 30, 64, 500, 800])('finds a key of which %i bytes lie before the border of two pieces', async (before) => {
    place.write(at('large.bin'), `${'x'.repeat(MIB - 1 - before)}\n${pem}${'y'.repeat(MIB)}`)
    expect(brief(await scan())).toEqual([['workspace', 'large.bin', 'private key', false]])
  })

  test('knows a snapshot by its first bytes and not by its name', async () => {
    place.write(at('nightly'), Buffer.concat([Buffer.alloc(16), Buffer.from([0xed, 0xda, 0x0c, 0xed]), randomBytes(4096)]))
    place.write(at('etcd.snapshot'), randomBytes(4096))
    expect(brief(await scan())).toEqual([['workspace', 'nightly', 'etcd snapshot', false]])
  })

  test('says which folder and file it could not read, and goes on', async () => {
    place.write(at('open.pem'), pem)
    place.write(at('shut/a.pem'), pem)
    place.write(at('gone.pem'), pem)
    const deny = (code: string) => Object.assign(new Error(code), { code })
    const { files } = place.system
    const system: System = {
      ...place.system,
      files: {
        ...files,
        list: (path) => (path === at('shut') ? Promise.reject(deny('EACCES')) : files.list(path)),
        readChunks: (path, take) => (path === at('gone.pem') ? Promise.reject(deny('EIO')) : files.readChunks(path, take)),
      },
    }
    const found = await scan({}, system)
    expect(brief(found)).toEqual([['workspace', 'open.pem', 'private key', false]])
    expect(found.leftOut).toEqual(['file gone.pem could not be read: EIO', 'folder shut could not be read: EACCES'])
  })

  // root is denied nothing
  test.skipIf(process.getuid?.() === 0)('says which folder the file system would not let it read', async () => {
    place.write(at('shut/a.pem'), pem)
    chmodSync(at('shut'), 0)
    expect((await scan()).leftOut).toEqual(['folder shut could not be read: EACCES'])
    chmodSync(at('shut'), 0o700)
  })

  test('with no time at all says that nothing was looked at', async () => {
    place.write(at('a.pem'), pem)
    const found = await scan({ seconds: 0 })
    expect(found).toMatchObject({ places: [], files: 0 })
    expect(found.leftOut).toEqual([
      `time ran out after 0 s: at least 1 folder below ${place.folder} were not looked at (scan.seconds in preflight.yaml gives it more)`,
    ])
  })

  test('stopped in the middle of a folder says how many files it did not read', async () => {
    for (let i = 0; i < 100; i++) place.write(at(`file-${i}`), 'nothing')
    const stop = new AbortController()
    const { files } = place.system
    let read = 0
    const system: System = {
      ...place.system,
      files: {
        ...files,
        readChunks: async (path, take) => {
          await files.readChunks(path, take)
          if (++read === 16) stop.abort()
        },
      },
    }
    const found = await scan({ signal: stop.signal }, system)
    expect(found.files).toBe(16)
    expect(found.leftOut[0]).toMatch(/^time ran out after 60 s: at least 84 files below /)
  })

  test('stopped in the middle of a large file says that it was not read to its end', async () => {
    place.write(at('large'), Buffer.alloc(5 * MIB, 'x\n'))
    const stop = new AbortController()
    const { files } = place.system
    const system: System = {
      ...place.system,
      files: {
        ...files,
        readChunks: (path, take) =>
          files.readChunks(path, (chunk) => {
            stop.abort()
            return take(chunk)
          }),
      },
    }
    expect((await scan({ signal: stop.signal }, system)).leftOut[0]).toMatch(/at least 1 file below /)
  })
})

describe('in the usual places', () => {
  const home = (path: string): string => join(place.home, path)
  const usual = (found: SecretsScan) => found.places.filter((p) => p.where === 'usual place')

  test('tells a credential at its default place from one that was left lying around', async () => {
    const identity = `${await generateX25519Identity()}\n`
    place.write(
      home('.kube/config'),
      `apiVersion: v1\nclusters: []\ncontexts: []\nusers: [{name: a, user: {token: ${'abc123'.repeat(8)}}}]\n`,
    )
    place.write(home('.config/sops/age/keys.txt'), identity)
    place.write(home('.config/talos-preflight/identity.txt'), identity)
    place.write(home('Downloads/secrets.yaml'), config, 0o644)
    place.write(home('Downloads/holiday.txt'), config)
    const found = await scan({ defaultPlaces: [home('.config/talos-preflight/identity.txt')] })
    expect(usual(found).map((p) => [p.path, p.kind, p.atDefaultPlace, p.mode])).toEqual([
      [home('.config/sops/age/keys.txt'), 'age identity', true, 0o600],
      [home('.config/talos-preflight/identity.txt'), 'age identity', true, 0o600],
      [home('.kube/config'), 'kubeconfig', true, 0o600],
      [home('Downloads/secrets.yaml'), 'machine config', false, 0o644],
    ])
  })

  test('looks where the environment says that tools look', async () => {
    const [one, two, three] = [home('elsewhere/one'), home('elsewhere/two'), home('elsewhere/three')]
    for (const path of [one, two, three]) place.write(path, config)
    const { files } = place.system
    const system: System = { ...place.system, files: { ...files, env: { ...files.env, TALOSCONFIG: one, KUBECONFIG: `${two}:${three}` } } }
    expect(usual(await scan({}, system)).map((p) => [p.path, p.atDefaultPlace])).toEqual([
      [one, true],
      [three, true],
      [two, true],
    ])
  })

  test('says of a credential that it lies in a git work tree', async () => {
    place.write(home('.talos/config'), `contexts: {a: {crt: x, key: ${Buffer.from(pem).toString('base64')}}}\n`)
    place.write(home('.git/HEAD'), 'ref: refs/heads/main\n')
    expect(usual(await scan()).map((p) => [p.kind, p.inGit])).toEqual([['talosconfig', true]])
  })

  test('follows a link, and tells of the file that it leads to', async () => {
    const talosconfig = `contexts: {a: {crt: x, key: ${Buffer.from(pem).toString('base64')}}}\n`
    const [linked, stray] = [home('dotfiles/talos/config'), home('dotfiles/cp.yaml')]
    place.write(linked, talosconfig, 0o644)
    place.write(home('dotfiles/.git/HEAD'), 'ref: refs/heads/main\n')
    place.write(stray, config)
    for (const folder of ['.talos', '.kube', 'talos-repository']) mkdirSync(home(folder))
    symlinkSync(linked, home('.talos/config'))
    symlinkSync(linked, home('talosconfig'))
    symlinkSync('../dotfiles/cp.yaml', home('.talos/controlplane.yaml'))
    symlinkSync(home('talos-repository'), home('talos'))
    const found = await scan()
    expect(usual(found).map((p) => [p.path, p.kind, p.atDefaultPlace, p.inGit, p.mode])).toEqual([
      [stray, 'machine config', false, true, 0o600],
      [linked, 'talosconfig', true, true, 0o644],
    ])
    expect(found.leftOut).toEqual([])
    mkdirSync(home('.config/sops'), { recursive: true })
    place.write(home('dotfiles/age/keys.txt'), `${await generateX25519Identity()}\n`)
    symlinkSync(home('dotfiles/age'), home('.config/sops/age'))
    const below = usual(await scan()).filter((p) => p.path === home('.config/sops/age/keys.txt'))
    expect(below.map((p) => [p.atDefaultPlace, p.inGit])).toEqual([[true, true]])
    symlinkSync(home('gone'), home('.kube/config'))
    expect((await scan()).leftOut).toEqual([`link ${home('.kube/config')} could not be followed`])
  })

  test('leaves a large file out and says so, and reads no more of a snapshot than its beginning', async () => {
    place.write(home('talos-logs.txt'), Buffer.alloc(5 * MIB, 'x'))
    place.write(home('etcd.db'), Buffer.alloc(9 * MIB, 'x'))
    place.write(home('etcd-2.db'), Buffer.concat([Buffer.alloc(16), Buffer.from([0xed, 0xda, 0x0c, 0xed]), Buffer.alloc(9 * MIB)]))
    const found = await scan()
    expect(usual(found).map((p) => [p.path, p.kind])).toEqual([[home('etcd-2.db'), 'etcd snapshot']])
    expect(found.leftOut.toSorted()).toEqual([
      `file ${home('etcd.db')} is large (9 MiB), only its beginning was looked at`,
      `file ${home('talos-logs.txt')} is large (5 MiB)`,
    ])
    expect(found.bytes).toBeLessThanOrEqual(2 * MIB)
  })
})

describe('in a git repository', () => {
  const commit = (message: string): void => {
    place.git('add', '--all')
    place.git('commit', '--quiet', '--message', message)
  }
  beforeEach(() => {
    place.git('init', '--quiet')
    place.write(at('.gitignore'), 'ignored/\n')
    commit('begin')
  })

  test('finds a file in the work tree and says whether git holds it, would take it in, or ignores it', async () => {
    place.write(at('tracked.yaml'), config)
    commit('oops')
    place.write(at('new.yaml'), `${config}# another\n`)
    place.write(at('ignored/old.yaml'), `${config}# a third\n`)
    const found = await scan()
    expect(brief(found)).toEqual([
      ['git history', 'tracked.yaml', 'machine config', true],
      ['workspace', 'ignored/old.yaml', 'machine config', false],
      ['workspace', 'new.yaml', 'machine config', true],
      ['workspace', 'tracked.yaml', 'machine config', true],
    ])
    expect(found.versions).toBe(2)
    expect(found.leftOut).toEqual([])
  })

  test('finds a file that was deleted long ago, with the commit that brought it', async () => {
    place.write(at('secrets.yaml'), config)
    commit('oops')
    const brought = place.git('rev-parse', '--short', 'HEAD').trim()
    rmSync(at('secrets.yaml'))
    commit('gone, surely')
    for (let i = 0; i < 5; i++) {
      place.write(at('notes'), `${i}`)
      commit(`note ${i}`)
    }
    const [only, ...rest] = (await scan()).places
    expect(rest).toEqual([])
    expect(only).toMatchObject({ where: 'git history', path: 'secrets.yaml', kind: 'machine config', commit: brought, inGit: true })
    expect(only).not.toHaveProperty('mode')
  })

  test('finds it on a branch that is not checked out', async () => {
    place.git('checkout', '--quiet', '-b', 'side')
    place.write(at('a.pem'), pem)
    commit('aside')
    place.git('checkout', '--quiet', 'main')
    expect(brief(await scan())).toEqual([['git history', 'a.pem', 'private key', true]])
  })

  test('finds an object that no commit holds any more', async () => {
    place.write(at('a.pem'), pem)
    commit('oops')
    place.git('reset', '--quiet', '--hard', 'HEAD~1')
    place.git('reflog', 'expire', '--expire=now', '--all')
    const [only, ...rest] = (await scan()).places
    expect(rest).toEqual([])
    expect(only).toMatchObject({
      where: 'git history',
      kind: 'private key',
      path: expect.stringMatching(/^object [0-9a-f]{12}, in no commit any more$/),
    })
  })

  test('finds it in objects that git packed', async () => {
    place.write(at('a.pem'), pem)
    commit('oops')
    rmSync(at('a.pem'))
    commit('gone')
    place.git('gc', '--quiet')
    expect(brief(await scan())).toEqual([['git history', 'a.pem', 'private key', true]])
  })

  test('leaves out of history what the profile leaves out', async () => {
    place.write(at('fixtures/a.pem'), pem)
    place.write(at('b.pem'), `${pem}\n`)
    commit('both')
    rmSync(at('fixtures'), { recursive: true })
    rmSync(at('b.pem'))
    commit('gone')
    expect(brief(await scan({ exclude: ['fixtures'] })).map(([, path]) => path)).toEqual(['b.pem'])
    expect(brief(await scan({ exclude: ['fixtures/', 'b.pem'] }))).toEqual([])
  })

  test('takes what is left out from the workspace, which may lie deep inside of the repository', async () => {
    place.write(at('lab/vendor/a.pem'), pem)
    place.write(at('vendor/b.pem'), `${pem}\n`)
    commit('both')
    rmSync(at('lab/vendor'), { recursive: true })
    rmSync(at('vendor'), { recursive: true })
    place.write(at('lab/preflight.yaml'), 'version: 1\n')
    commit('gone')
    expect(brief(await scan({ folder: at('lab'), exclude: ['vendor'] }))).toEqual([['git history', 'vendor/b.pem', 'private key', true]])
  })

  test('knows a name with spaces, quotes and line breaks', async () => {
    place.write(at('a "b"\n c.pem'), pem)
    commit('odd')
    expect(brief(await scan())).toEqual([
      ['git history', 'a "b" c.pem', 'private key', true],
      ['workspace', 'a "b" c.pem', 'private key', true],
    ])
  })

  test('with no time at all says that history was not looked at to its end', async () => {
    place.write(at('large'), Buffer.alloc(4 * MIB, 'x\n'))
    commit('more than one piece')
    const said = (await scan({ seconds: 0 })).leftOut.join('\n')
    expect(said).toMatch(/time ran out after 0 s: at least 1 folder below/)
    expect(said).toMatch(/time ran out: [12] of 2 versions of files in git history were not looked at/)
  })

  test('says that a shallow clone has no older history', async () => {
    place.write(at('note'), 'x')
    commit('second')
    const clone = join(place.home, 'clone')
    place.git('clone', '--quiet', '--depth', '1', `file://${place.folder}`, clone)
    expect((await scan({ folder: clone })).leftOut).toContain('the repository is a shallow clone: its older history is not here')
  })

  test('says that a version above 16 MiB was not looked at', async () => {
    place.write(at('large'), Buffer.alloc(17 * MIB, 'x\n'))
    commit('large')
    expect((await scan()).leftOut).toEqual(['1 versions of files in git history are over 16 MiB and were not looked at'])
  })

  test('says that history was not looked at where git is not there', async () => {
    const { system } = place
    const without: System = {
      ...system,
      processes: { ...system.processes, run: async () => ({ started: false, reason: 'missing', message: 'git' }) },
    }
    expect((await scan({}, without)).leftOut).toEqual(['git history was not looked at: git is not on PATH'])
  })
})
