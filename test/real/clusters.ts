import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { ALONE, BARE, BIN, REAL, SET, SHARED, usedBy, VERSIONS, type Wanted, WITH_KUBERNETES } from './support/cluster.ts'
import { running } from './support/on-demand.ts'
import { leftovers, script, sweep } from './support/start.ts'

/**
 * Sets up `npm run test:real`: builds the tools, and starts a cluster of each version with two control planes and a worker. Those with
 * Kubernetes are begun beside the tests, where one of the chosen files wants them. What is missing fails with a sentence and is never
 * skipped; whatever happens, nothing is left behind, unless `KEEP=1` keeps the clusters for the next run.
 */

const KEEP = process.env.KEEP === '1'

/** Names and networks are of the whole machine, whatever folder the tools are in. */
const LOCK = join(tmpdir(), `talos-preflight-test-real${SET}.lock`)
const PARTS = ['age', 'etcd', 'node', 'talos-1.13', 'talos-1.14', 'kubectl']

const say = (text: string) => process.stdout.write(`real: ${text}\n`)
const stop = (sentence: string): never => {
  throw new Error(`test:real cannot run: ${sentence}`)
}

async function phase<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const begun = performance.now()
  const result = await work()
  say(`${what} ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  return result
}

function onPath(tool: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}

function checkMachine(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') stop('Talos nodes are started on Linux on x86-64 only')
  if (process.getuid?.() !== 0) stop('Talos nodes in namespaces need root; run it as root, in a container or a virtual machine of its own')
  const needed: [string, string][] = [
    ['go', 'Go 1.26 or newer (https://go.dev/dl)'],
    ['ip', 'the package iproute2'],
    ['openssl', 'the package openssl'],
    ['curl', 'the package curl'],
    ['ssh-keygen', 'the package openssh-client'],
    ['git', 'the package git'],
    ['pgrep', 'the package procps'],
    ...['unshare', 'nsenter', 'mount', 'setsid'].map((t): [string, string] => [t, 'the packages util-linux and mount']),
  ]
  for (const [tool, from] of needed) if (!onPath(tool)) stop(`${tool} is missing: install ${from}`)
  if (!existsSync(join(BIN, 'containerd')) || !existsSync(join(BIN, 'runc')))
    for (const tool of ['gcc', 'pkg-config', 'dpkg-deb', 'apt-get'])
      if (!onPath(tool))
        stop(`${tool} is missing, and containerd and runc are not built yet: install gcc, libc6-dev and pkg-config on Debian`)
  const tried = spawnSync(
    'unshare',
    ['--mount', '--pid', '--net', '--uts', '--ipc', '--cgroup', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'],
    { encoding: 'utf8' },
  )
  if (tried.status !== 0) stop(`this machine refuses namespaces or mounts: ${(tried.stderr || String(tried.error)).trim()}`)
}

function takeLock(): void {
  const holder = existsSync(LOCK) ? Number(readFileSync(LOCK, 'utf8')) : 0
  if (
    holder > 0 &&
    holder !== process.pid &&
    existsSync(`/proc/${holder}`) &&
    readFileSync(`/proc/${holder}/cmdline`, 'utf8').includes('vitest')
  )
    stop(`process ${holder} runs it already, and there is one set of clusters`)
  writeFileSync(LOCK, String(process.pid))
}

async function build(parts: readonly string[]): Promise<void> {
  await script('build', [...parts], { env: { REAL }, shown: true })
  for (const version of VERSIONS) {
    const laid = join(REAL, `rootfs-${version}`, 'usr', 'bin', 'init')
    const built = readFileSync(join(BIN, `machined-${version}`))
    // other clusters may run from it, so it is left alone where it is the same
    if (!existsSync(laid) || !readFileSync(laid).equals(built)) await script('rootfs', [version], { env: { REAL }, shown: true })
  }
}

/** What the chosen files want. */
async function wanted({ vitest }: TestProject): Promise<{ nodes: boolean; kubernetes: readonly Wanted[]; apiServer: boolean }> {
  const { filenamePattern } = vitest as { filenamePattern?: string[] }
  const chosen = await vitest.globTestSpecifications(filenamePattern)
  const texts = chosen.map((spec) => readFileSync(spec.moduleId, 'utf8'))
  const used = new Set(texts.flatMap((text) => usedBy(text) ?? []).map((name) => SHARED[name]))
  return {
    nodes: used.has(BARE),
    kubernetes: [WITH_KUBERNETES, ALONE].flatMap((group) => (used.has(group) ? group : [])),
    apiServer: texts.some((text) => /from '\.\/support\/(kubernetes|lone-api-server)\.ts'/.test(text)),
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  checkMachine()
  takeLock()
  const end = () => {
    if (!KEEP) sweep()
    rmSync(LOCK, { force: true })
  }
  process.once('exit', end)
  const teardown = async () => {
    await phase('teardown', end)
    process.off('exit', end)
    const left = KEEP ? [] : leftovers()
    if (left.length > 0) throw new Error(`test:real left something behind:\n${left.join('\n')}`)
  }
  try {
    const { nodes, kubernetes, apiServer } = await wanted(project)
    await phase('build', () => build([...PARTS, ...(kubernetes.length > 0 || apiServer ? ['kubernetes'] : [])]))
    if (!KEEP) sweep()
    // whoever wants one first waits for it, or is told why it did not start
    for (const w of kubernetes)
      void phase(`${w.name}, beside the tests`, () => running(w)).catch((error) => say(`${w.name}: ${error.message}`))
    project.provide('clusters', nodes ? await phase('clusters', () => Promise.all(BARE.map(running))) : [])
    project.provide('bin', BIN)
  } catch (error) {
    await teardown().catch(() => undefined)
    throw error
  }
  return teardown
}
