import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { call } from '../../src/domain/verbs.ts'
import type { Memory } from '../../src/system/ports.ts'
import { cleanScratch, makeScratch } from '../../src/system/scratch.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { type HoldOptions, holdSource } from '../../src/tools/held.ts'
import { accessOf, type Machine, machine } from './fixtures.ts'

/** Secrets that are held: in memory, in the memory folder, or where the operator says; and what becomes of them. */

let m: Machine
beforeEach(() => {
  m = machine()
})
afterEach(() => m.remove())

const MIB = 1 << 20
const snapshot = { call: call('talosctl.snapshot', { node: '10.0.0.1', path: 'db.snapshot' }) }
/** Writes this into the file that it is told, which is its last argument. */
const writes = (text: string, more = '') => m.program('talosctl', `for last; do :; done\nprintf '%s' '${text}' > "$last"\n${more}`)

const hold = (source: Parameters<typeof holdSource>[2], options: HoldOptions = {}, memory: Partial<Memory> = {}) => {
  const system = { ...m.system, memory: { ...m.system.memory, ...memory } }
  return holdSource(system, createCaller(system, [accessOf('admin', ['os:admin'])]), source, options)
}
const left = async (folder: string) => (await m.system.files.list(folder)).map((e) => e.name).filter((n) => n !== 'bin')
async function held(...args: Parameters<typeof hold>) {
  const got = await hold(...args)
  if (!got.ok) throw new Error(got.reason)
  return got.held
}

describe('what a tool prints', () => {
  test('is held in memory, and wiped when it is let go', async () => {
    m.program('talosctl', 'echo secrets')
    const secret = await held({ call: call('talosctl.newBundle', {}) })
    const { buffer } = secret
    expect([secret.bytes, secret.place, secret.path, buffer?.toString()]).toEqual([8, '', undefined, 'secrets\n'])
    await secret.release()
    expect(buffer?.every((byte) => byte === 0)).toBe(true)
  })

  test('goes to the next one through a file in memory that is gone behind it', async () => {
    m.program('talosctl', 'case "$*" in *from-controlplane-config*) cat "$4"; echo "$4" > "$0.saw";; *) echo config;; esac')
    const source = {
      call: call('talosctl.machineConfig', { node: '10.0.0.1' }),
      through: [call('talosctl.bundleFrom', { config: 'cp.yaml' })],
    }
    const secret = await held(source)
    expect(secret.buffer?.toString()).toBe('config\n')
    const seen = (await m.system.files.read(`${m.folder}/bin/talosctl.saw`)).toString().trim()
    expect(seen).toMatch(/cp\.yaml$/)
    expect(await m.system.files.info(seen)).toBeUndefined()
  })

  test('does not go there where nothing is in memory only', async () => {
    m.program('talosctl', 'echo config')
    const source = {
      call: call('talosctl.machineConfig', { node: '10.0.0.1' }),
      through: [call('talosctl.bundleFrom', { config: 'cp.yaml' })],
    }
    const problem = { reason: '/dev/sda2 is active swap', remedy: 'switch it off' }
    expect(await hold(source, {}, { problem: async () => problem })).toEqual({ ok: false, ...problem })
    expect(await hold(snapshot, {}, { problem: async () => problem })).toEqual({
      ok: false,
      reason: '/dev/sda2 is active swap',
      remedy: expect.stringMatching(/^switch it off, or name a folder on an encrypted disk/),
    })
  })
})

describe('what a tool writes', () => {
  test('is held in the memory folder, and gone when it is let go', async () => {
    writes('database', 'echo snapshot info')
    const secret = await held(snapshot)
    expect([secret.bytes, secret.place, secret.said]).toEqual([8, '', 'snapshot info\n'])
    const path = secret.path ?? ''
    expect((await m.system.files.read(path)).toString()).toBe('database')
    await secret.release()
    expect(await m.system.files.info(path)).toBeUndefined()
  })

  test('is not begun where the memory folder is too small, and the operator hears how much is needed', async () => {
    writes('database')
    expect(await hold(snapshot, { expected: 100 * MIB }, { room: async () => 64 * MIB })).toEqual({
      ok: false,
      reason: 'the memory folder has room for 64 MiB, and 120 MiB are needed',
      remedy: 'make room in it, or name a folder on an encrypted disk where it may lie in plain for that time: --scratch FOLDER',
    })
  })

  test('goes where the operator says then, is told of, and is gone from there', async () => {
    writes('database')
    const scratch = `${m.folder}/scratch`
    await m.system.files.makeFolder(scratch, 0o700)
    const secret = await held(snapshot, { expected: 100 * MIB, scratch }, { room: async () => MIB })
    expect([secret.place, secret.path?.startsWith(scratch)]).toEqual([scratch, true])
    await secret.release()
    expect(await left(scratch)).toEqual([])
  })

  test('is found at the next start where the run was killed meanwhile, wherever it lay', async () => {
    writes('database')
    const scratch = `${m.folder}/scratch`
    const { files } = m.system
    await files.makeFolder(scratch, 0o700)
    const alive = await held(snapshot, { expected: 100 * MIB, scratch }, { room: async () => MIB })
    const dead = { ...m.system, processes: { ...m.system.processes, self: () => ({ pid: 2 ** 30, started: '1' }) } }
    const lost = await makeScratch(dead, scratch)
    expect(await cleanScratch(m.system, undefined)).toEqual([`${lost.folder} was left in plain by a run that was killed; it was removed`])
    expect([await files.info(lost.folder), (await files.info(alive.path ?? ''))?.kind]).toEqual([undefined, 'file'])
    await alive.release()
    expect(await left(scratch)).toEqual([])
    expect(await files.list(`${m.folder}/.local/state/talos-preflight/scratch`)).toEqual([])
    expect(await cleanScratch(m.system, scratch)).toEqual([])
  })

  test('is looked for again where its disk is not there, and named where it cannot be removed', async () => {
    const scratch = `${m.folder}/scratch`
    const { files } = m.system
    await files.makeFolder(scratch, 0o700)
    const dead = { ...m.system, processes: { ...m.system.processes, self: () => ({ pid: 2 ** 30, started: '1' }) } }
    const { folder } = await makeScratch(dead, scratch)
    await files.rename(scratch, `${scratch}.away`)
    expect(await cleanScratch(m.system, undefined)).toEqual([])
    await files.rename(`${scratch}.away`, scratch)
    const stuck = { ...m.system, files: { ...files, remove: () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' })) } }
    expect(await cleanScratch(stuck, undefined)).toEqual([
      `${folder} was left in plain by a run that was killed; it could not be removed (EROFS), so remove it`,
    ])
    expect(await cleanScratch(m.system, undefined)).toHaveLength(1)
  })

  test('leaves nothing behind where the tool fails, and its reason counts', async () => {
    writes('half', 'echo "error: rpc error: code = Unavailable desc = etcd is down" >&2; exit 1')
    const scratch = `${m.folder}/scratch`
    await m.system.files.makeFolder(scratch, 0o700)
    const got = await hold(snapshot, { scratch }, { problem: async () => ({ reason: 'no memory', remedy: 'mount some' }) })
    expect(got).toMatchObject({ ok: false, reason: expect.stringContaining('etcd is down') })
    expect(await left(scratch)).toEqual([])
  })

  test('is no snapshot where the tool ends well and left no file', async () => {
    m.program('talosctl', 'exit 0')
    expect(await hold(snapshot)).toEqual({ ok: false, reason: 'talosctl ended well and left no file' })
  })

  test('is given up where no byte comes, because an etcd that is sick lets it hang for ever', async () => {
    m.program('talosctl', 'exec sleep 60')
    expect(await hold({ ...snapshot, silentSeconds: 1 })).toEqual({
      ok: false,
      reason: expect.stringContaining('no byte came for 1 s, so nothing will'),
      remedy: 'look at etcd on that node: talosctl service etcd, talosctl logs etcd',
    })
  })
})
