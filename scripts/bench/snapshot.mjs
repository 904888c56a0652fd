// Checking an etcd snapshot, every byte for its digest and every page of its tree, against sha256sum of the same file.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkSnapshot } from '../../src/observe/snapshot/check.ts'
import { etcdSnapshot } from '../../src/practice/snapshot.ts'
import { files } from '../../src/system/files.ts'
import { median } from './figures.mjs'

const OBJECTS = 40_000
const RUNS = 11

export default async function snapshot({ env, say, atLeast }) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    const path = join(folder, 'snapshot')
    const objects = Array.from({ length: OBJECTS }, (_, i) => {
      const isSecret = i % 3 === 0
      return {
        key: `/registry/${isSecret ? 'secrets' : 'configmaps'}/namespace-${i % 50}/object-${i}`,
        value: Buffer.concat([Buffer.from(isSecret ? 'k8s:enc:secretbox:v1:key2:' : 'k8s\0'), randomBytes(2000)]),
      }
    })
    const members = [{ id: '8e9e05c52164694d', name: 'cp1' }]
    const bytes = etcdSnapshot({ revision: OBJECTS * 3, members, clusterVersion: '3.6.0', storageVersion: '3.6.0', objects })
    writeFileSync(path, bytes)
    const seen = { ours: [], theirs: [] }
    const port = files(env, folder)
    for (let i = 0; i < RUNS; i++) {
      let begun = performance.now()
      await new Promise((resolve) => spawn('sha256sum', [path], { stdio: 'ignore' }).on('exit', resolve))
      seen.theirs.push(performance.now() - begun)
      begun = performance.now()
      const checked = await checkSnapshot(port, path)
      seen.ours.push(performance.now() - begun)
      if (!checked.ok) throw new Error(checked.reason)
    }
    say(`sha256sum of ${Math.round(bytes.length / 1e6)} MB, ms`, median(seen.theirs))
    atLeast('checking it with us, as a share of that speed', median(seen.theirs) / median(seen.ours), 0.5)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
