import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkSnapshot } from '../../src/observe/snapshot/check.ts'
import { etcdSnapshot } from '../../src/practice/snapshot.ts'
import { type Place, realPlace } from './real-system.ts'
import { check, plain, snapshot } from './snapshot-files.ts'

/** How a check goes: what it tells, when it stops, what it holds. */

let place: Place
beforeEach(() => {
  place = realPlace()
})
afterEach(() => place.remove())
const at = (path: string): string => join(place.folder, path)

describe('a check', () => {
  test('says how far it is, and stops when it is told to', async () => {
    const bytes = snapshot([{ key: 'a', value: Buffer.alloc(20 << 20) }])
    const seen: number[] = []
    await check(bytes, { onProgress: (done, total) => void seen.push(done / total) })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect([seen[0], seen.at(-1)]).toEqual([0, 1])
    const stop = new AbortController()
    const stopped = await check(bytes, { signal: stop.signal, onProgress: () => stop.abort() })
    expect(stopped).toEqual({ ok: false, code: 'stopped', reason: 'stopped' })
  })

  test('holds little of a file with many keys', async () => {
    const count = 200_000
    const manyKeys = () => {
      const objects = Array.from({ length: count }, (_, i) => ({
        key: `/registry/configmaps/namespace-${i % 100}/name-${i}`,
        value: plain(''),
      }))
      return etcdSnapshot({ revision: count + 1, members: [], clusterVersion: '3.6.0', objects })
    }
    place.write(at('etcd.snapshot'), manyKeys())
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = () => {
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    // what held the file goes in a later round
    await vi.waitFor(
      () => {
        collect()
        expect(process.memoryUsage().arrayBuffers).toBeLessThan(1 << 20)
      },
      { timeout: 30_000 },
    )
    const before = used()
    let most = 0
    const onProgress = () => {
      most = Math.max(most, used() - before)
    }
    expect(await checkSnapshot(place.system.files, at('etcd.snapshot'), { onProgress })).toMatchObject({ ok: true, facts: { keys: count } })
    // the buffers for pages have 3 MiB; the keys alone would have 8
    expect(most).toBeGreaterThan(3 << 20)
    expect(most).toBeLessThan(16 << 20)
  })
})
