// Sealing 1 GB, the digest of the result included, against age followed by sha256sum.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { clock } from '../../src/system/clock.ts'
import { files } from '../../src/system/files.ts'
import { memory } from '../../src/system/memory.ts'
import { network } from '../../src/system/network.ts'
import { processes } from '../../src/system/processes.ts'
import { createCaller } from '../../src/tools/caller.ts'
import { sealTo } from '../../src/tools/seal.ts'
import { median, resident } from './figures.mjs'

const BYTES = 1e9
// a run over 1 GB takes seconds, in which what disturbs a short one averages out
const RUNS = 3
const REAL = join(process.env.REAL ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'talos-preflight-real'), 'bin')

/** A file system in memory, where it has room for the plaintext and two sealed files; disks differ too much from one run to the next. */
function folderFor(bytes) {
  const { bavail = 0, bsize = 0 } = existsSync('/dev/shm') ? statfsSync('/dev/shm') : {}
  return mkdtempSync(join(bavail * bsize > bytes ? '/dev/shm' : tmpdir(), 'bench-'))
}

export default async function sealing({ env: given, say, atLeast, atMost, cannot }) {
  const env = { ...given, PATH: [given.PATH, REAL].join(delimiter) }
  if (spawnSync('age', ['--version'], { env }).status !== 0)
    return cannot('sealing 1 GB', 'no age found: build it with test/real/build age, or install it')
  const folder = folderFor(4 * BYTES)
  try {
    const plain = join(folder, 'plain')
    const piece = randomBytes(1e6)
    const file = openSync(plain, 'w')
    for (let i = 0; i < BYTES / piece.length; i++) writeSync(file, piece)
    closeSync(file)
    const recipient = () => /^# public key: (\S+)$/m.exec(spawnSync('age-keygen', [], { env, encoding: 'utf8' }).stdout)?.[1]
    const recipients = [recipient(), recipient()]
    const port = processes(env)
    const system = { processes: port, files: files(env, folder), memory: memory(env, port), network, clock }
    const caller = createCaller(system, [])
    const ours = async (i) => {
      const begun = performance.now()
      await sealTo(system, caller, { bytes: BYTES, path: plain }, { path: join(folder, `ours-${i}`), recipients })
      const took = performance.now() - begun
      rmSync(join(folder, `ours-${i}`))
      return took
    }
    const run = (command, args) =>
      new Promise((resolve, reject) =>
        spawn(command, args, { env, stdio: 'ignore' }).on('exit', (code) =>
          code === 0 ? resolve() : reject(new Error(`${command} ended ${code}`)),
        ),
      )
    const theirs = async (i) => {
      const out = join(folder, `theirs-${i}`)
      const begun = performance.now()
      await run('age', [...recipients.flatMap((r) => ['--recipient', r]), '--output', out, plain])
      await run('sha256sum', [out])
      const took = performance.now() - begun
      rmSync(out)
      return took
    }
    const before = resident(process.pid)
    const seen = { ours: [], theirs: [] }
    for (let i = 0; i < RUNS; i++) {
      seen.theirs.push(await theirs(i))
      seen.ours.push(await ours(i))
    }
    say('age, then sha256sum, 1 GB, s', median(seen.theirs) / 1000)
    atLeast('sealing 1 GB with us, as a share of that speed', median(seen.theirs) / median(seen.ours), 0.9)
    atMost('what our memory grew by, MB', resident(process.pid) - before, 64)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
