import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ProcessSpec } from '../../src/system/ports.ts'
import { type Machine, machine } from './fixtures.ts'

/** How a child is run: what goes in, what comes out, and how it ends. */

let m: Machine
beforeEach(() => {
  m = machine()
})
afterEach(() => m.remove())

const run = (script: string, more: Partial<ProcessSpec> = {}) => {
  m.program('tool', script)
  return m.system.processes.run({
    file: 'tool',
    args: [],
    env: { PATH: m.system.files.env.PATH ?? '' },
    timeoutMs: 20_000,
    maxBytes: 1 << 20,
    ...more,
  })
}

describe('a child', () => {
  test('gets its arguments as they are, with no shell between', async () => {
    const args = ['a b', '$HOME', '; exit 9', '*', '']
    const exit = await run('printf "%s\\n" "$@"', { args })
    expect(exit).toMatchObject({ started: true, exitCode: 0, timedOut: false, truncated: false, aborted: false })
    expect(exit.started && exit.stdout.toString().split('\n').slice(0, -1)).toEqual(args)
  })

  test('gets bytes on standard input and gives bytes back, of any kind', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256))
    const exit = await run('cat', { input: bytes })
    expect(exit.started && exit.stdout.equals(bytes)).toBe(true)
  })

  test('finds nothing on standard input where there is nothing', async () => {
    expect(await run('cat; echo end')).toMatchObject({ exitCode: 0, stdout: Buffer.from('end\n') })
  })

  test('may end without reading what it is given', async () => {
    expect(await run('exit 3', { input: Buffer.alloc(1 << 20) })).toMatchObject({ started: true, exitCode: 3 })
  })

  test('works where it is told to', async () => {
    expect(await run('pwd', { cwd: m.folder })).toMatchObject({ stdout: Buffer.from(`${m.folder}\n`) })
  })

  test('keeps its two streams apart', async () => {
    expect(await run('echo out; echo err >&2; exit 2')).toMatchObject({
      exitCode: 2,
      stdout: Buffer.from('out\n'),
      stderr: Buffer.from('err\n'),
    })
  })

  test('tells who it is before it answers', async () => {
    const told: unknown[] = []
    const exit = await run('echo $$', { onStart: async (child) => void told.push(child) })
    expect(told).toEqual([{ pid: Number(exit.started && exit.stdout.toString()), started: expect.stringMatching(/^\d*$/) }])
  })

  test('gives its output piece by piece, and ends when nobody wants more', async () => {
    const pieces: Buffer[] = []
    const exit = await run('while :; do echo line; done', {
      maxBytes: 1 << 12,
      onChunk: (chunk) => {
        pieces.push(chunk)
        return Buffer.concat(pieces).length < 200_000
      },
    })
    expect(exit).toMatchObject({ started: true, exitCode: 0, truncated: false, timedOut: false })
    expect(Buffer.concat(pieces).subarray(0, 10).toString()).toBe('line\nline\n')
  })

  test('that is kept apart has a group of its own, which a Ctrl-C on our terminal does not reach', async () => {
    const groupOf = async (apart?: ProcessSpec['apart']) => {
      const exit = await run('ps -o pid=,pgid= -p $$', apart ? { apart } : {})
      const [pid, group] = exit.started ? exit.stdout.toString().trim().split(/\s+/) : []
      return { own: pid === group }
    }
    expect([await groupOf('until we end'), await groupOf('to its end'), await groupOf()]).toEqual([
      { own: true },
      { own: true },
      { own: false },
    ])
  })

  test.each([
    ['until we end', false],
    ['to its end', true],
  ] as const)('that is to run %s does so, with what it has started', async (apart, outlives) => {
    m.program('tool', 'sleep 60 & echo $! >"$0.pid"; mv "$0.pid" "$0.started"; wait')
    const started = join(m.folder, 'bin', 'tool.started')
    const spec = { file: 'tool', args: [], env: { PATH: m.system.files.env.PATH }, timeoutMs: 60_000, maxBytes: 1000, apart }
    const script = `
      const { processes } = await import(${JSON.stringify(new URL('../../src/system/processes.ts', import.meta.url).href)})
      const { existsSync } = await import('node:fs')
      void processes(process.env).run(${JSON.stringify(spec)})
      setInterval(() => existsSync(${JSON.stringify(started)}) && process.exit(0), 20)`
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: spec.env as never })
    const pid = Number(readFileSync(started, 'utf8'))
    const left = { pid, started: '' }
    await vi.waitFor(() => expect(m.system.processes.alive(left)).toBe(outlives), 5000)
    if (outlives) process.kill(pid)
  })

  test('that is missing or may not run is told from one that failed', async () => {
    const spec = { args: [], env: { PATH: m.system.files.env.PATH ?? '' }, timeoutMs: 1000, maxBytes: 1000 }
    expect(await m.system.processes.run({ ...spec, file: 'no-such-tool' })).toMatchObject({ started: false, reason: 'missing' })
    expect(await m.system.processes.run({ ...spec, file: m.folder })).toMatchObject({ started: false, reason: 'denied' })
  })

  test('that is ended at its limit, or by us, is not waited for by what it has started itself', async () => {
    const wrapper = 'echo hello; sleep 20; true'
    expect(await run(wrapper, { timeoutMs: 300 })).toMatchObject({ started: true, timedOut: true, stdout: Buffer.from('hello\n') })
    expect(await run(wrapper, { onChunk: () => false })).toMatchObject({ started: true, exitCode: 0 })
    const stop = new AbortController()
    expect(await run(wrapper, { signal: stop.signal, onStart: async () => stop.abort() })).toMatchObject({ started: true, aborted: true })
    expect(await run('yes | head -c 100000; sleep 20', { maxBytes: 1000 })).toMatchObject({ started: true, truncated: true })
  })

  test('that was stopped before it began says so', async () => {
    expect(await run('echo never', { signal: AbortSignal.abort() })).toMatchObject({ started: true, aborted: true })
  })
})

describe('a process', () => {
  test('is found on PATH, first place first', async () => {
    m.program('age', 'true')
    expect(await m.system.processes.find('age')).toBe(`${m.folder}/bin/age`)
    expect(await m.system.processes.find('no-such-tool')).toBeUndefined()
  })

  test('lives or does not, and a later one of the same number is another', () => {
    const { processes } = m.system
    const self = processes.self()
    expect(self.pid).toBe(process.pid)
    expect(processes.alive(self)).toBe(true)
    expect(processes.alive({ pid: self.pid, started: '' })).toBe(true)
    if (self.started !== '') expect(processes.alive({ pid: self.pid, started: '1' })).toBe(false)
    expect(processes.alive({ pid: 2 ** 22 + 1, started: '' })).toBe(false)
  })
})
