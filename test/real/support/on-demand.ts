import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { REAL, type RealCluster, runOf, SET, type Wanted } from './cluster.ts'
import { start } from './start.ts'

/** Clusters that are started for the first test that wants one, whatever process it is in, and turns that one process has at a time. */

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))
const POLL = 500

/** Takes a lock file, unless the process of the number in it lives. */
function take(path: string): boolean {
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const holder = readFileSync(path, { encoding: 'utf8', flag: 'a+' })
    // what is empty is being written
    if (holder && !existsSync(`/proc/${holder}`)) rmSync(path, { force: true })
    return false
  }
}

/** Those that wait, in their order; who has ended waits no longer. */
const waiting = (queue: string): string[] =>
  readdirSync(queue)
    .toSorted()
    .filter((name) => {
      const lives = existsSync(`/proc/${name.split('-')[1]}`)
      if (!lives) rmSync(join(queue, name), { force: true })
      return lives
    })

/** Waits for the turn of this process, behind those of a lower place that wait too; what it returns gives it back. */
export async function turn(name: string, place = 0): Promise<() => void> {
  const path = join(REAL, 'run', `${name}.turn${SET}`)
  const queue = `${path}-queue`
  mkdirSync(queue, { recursive: true })
  const mine = `${String(place).padStart(8, '0')}-${process.pid}`
  writeFileSync(join(queue, mine), '')
  while (waiting(queue)[0] !== mine || !take(path)) await sleep(POLL)
  rmSync(join(queue, mine), { force: true })
  const giveBack = () => rmSync(path, { force: true })
  process.once('exit', giveBack)
  return () => {
    process.off('exit', giveBack)
    giveBack()
  }
}

/** One that was kept may have ended: without a kubelet a node waits an hour for it, and then gives up. */
function known(name: string): RealCluster | undefined {
  const file = join(runOf(name), 'cluster.json')
  if (!existsSync(file)) return undefined
  const cluster: RealCluster = JSON.parse(readFileSync(file, 'utf8'))
  const runs = ({ pidFile }: RealCluster['nodes'][number]) =>
    existsSync(pidFile) && existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}`)
  // a test may just have pulled the plug of a worker
  return cluster.nodes.filter((n) => n.type === 'controlplane').every(runs) ? cluster : undefined
}

/** A cluster that runs: it is started where nobody has, and waited for where somebody is about to. */
export async function running(wanted: Wanted): Promise<RealCluster> {
  const before = known(wanted.name)
  if (before) return before
  const done = await turn(`${wanted.name}.start`)
  try {
    const meanwhile = known(wanted.name)
    if (meanwhile) return meanwhile
    const cluster = await start(wanted)
    writeFileSync(join(runOf(wanted.name), 'cluster.json'), JSON.stringify(cluster))
    return cluster
  } finally {
    done()
  }
}
