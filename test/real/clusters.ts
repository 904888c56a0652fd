import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { parseDocument } from 'yaml'
import { procOf } from './support/inside.ts'

/**
 * Real Talos clusters for `npm run test:real`, one per version: two control planes and a worker, in namespaces of this machine.
 * What is missing fails with a sentence and is never skipped; whatever happens, nothing is left behind.
 */

export interface RealNode {
  name: string
  address: string
  type: 'controlplane' | 'worker'
  /** What it was started with, for starting it again. */
  config: string
  /** Holds the process id of its init, as this machine sees it. */
  pidFile: string
  /** Its config and its kernel parameters as they were before any test, as JSON. */
  first: string
}

export interface RealCluster {
  version: '1.13' | '1.14'
  name: string
  net: string
  /** This machine's address on the bridge of the nodes. */
  gateway: string
  talosctl: string
  /** Contexts `admin@NAME` (current) and `reader@NAME`. */
  talosconfig: string
  /** The bundle with every CA of the cluster. */
  secrets: string
  nodes: RealNode[]
}

export interface First {
  config: string
  proc: Record<string, string>
}

declare module 'vitest' {
  export interface ProvidedContext {
    clusters: RealCluster[]
    /** Folder with the built tools. */
    bin: string
  }
}

const HERE = fileURLToPath(new URL('.', import.meta.url))
const REAL = process.env.REAL || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'talos-preflight-real')
const BIN = join(REAL, 'bin')
/** Names and networks are of the whole machine, whatever folder the tools are in. */
const LOCK = join(tmpdir(), 'talos-preflight-test-real.lock')
const VERSIONS = [
  { version: '1.13', name: 't13', net: '10.13.0' },
  { version: '1.14', name: 't14', net: '10.14.0' },
] as const
type Wanted = (typeof VERSIONS)[number]
const PARTS = ['age', 'etcd', 'node', 'talos-1.13', 'talos-1.14', 'kubectl']
/** Milliseconds. Nodes are up after ten seconds; a machine that is busy with something else may take longer. */
const HEALTHY_WITHIN = 180_000

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))
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

/** Runs a script of ours and shows its lines as they come; the last of them are the error where it fails. */
function script(name: string, args: string[], env: Record<string, string> = {}, quiet = false): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(HERE, name), args, {
      env: { ...process.env, REAL, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // a Ctrl-C must not end the nodes halfway: teardown ends them
      detached: true,
    })
    const lines: string[] = []
    const take = (chunk: Buffer) => {
      lines.push(chunk.toString())
      if (!quiet) process.stdout.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    // nodes inherit the pipes and keep them open, so the end of the script is what counts
    child.on('exit', (code) => {
      child.stdout.destroy()
      child.stderr.destroy()
      if (code === 0) resolve()
      else reject(new Error(`test/real/${name} ${args.join(' ')} ended with ${code}:\n${lines.join('').split('\n').slice(-15).join('\n')}`))
    })
  })
}

const environmentOf = (c: Wanted) => ({ CLUSTER: c.name, TALOS: c.version, NET: c.net, BARE: '1' })

function checkMachine(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') stop('Talos nodes are started on Linux on x86-64 only')
  if (process.getuid?.() !== 0) stop('Talos nodes in namespaces need root; run it as root, in a container or a virtual machine of its own')
  const needed: [string, string][] = [
    ['go', 'Go 1.26 or newer (https://go.dev/dl)'],
    ['ip', 'the package iproute2'],
    ['openssl', 'the package openssl'],
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

async function build(): Promise<void> {
  await script('build', PARTS)
  for (const { version } of VERSIONS) {
    const laid = join(REAL, `rootfs-${version}`, 'usr', 'bin', 'init')
    const built = readFileSync(join(BIN, `machined-${version}`))
    // other clusters may run from it, so it is left alone where it is the same
    if (!existsSync(laid) || !readFileSync(laid).equals(built)) await script('rootfs', [version])
  }
}

async function start(c: Wanted): Promise<RealCluster> {
  const env = environmentOf(c)
  await script('node', ['stopall', '--wipe'], env, true)
  const run = join(REAL, 'run', c.name)
  rmSync(run, { recursive: true, force: true })
  await script('node', ['up'], { ...env, WORKERS: '1' }, true)
  const config = (file: string) => join(run, 'cfg', file)
  await script('node', ['start', 'cp2', `${c.net}.3`, config('controlplane.yaml')], env, true)
  const node = (name: string, last: number, type: RealNode['type']): RealNode => ({
    name,
    address: `${c.net}.${last}`,
    type,
    config: config(`${type}.yaml`),
    pidFile: join(run, 'nodes', name, 'pid'),
    first: config(`first-${name}.json`),
  })
  const cluster: RealCluster = {
    version: c.version,
    name: c.name,
    net: c.net,
    gateway: `${c.net}.1`,
    talosctl: join(BIN, `talosctl-${c.version}`),
    talosconfig: config('contexts'),
    secrets: config('secrets.yaml'),
    nodes: [node('cp1', 2, 'controlplane'), node('cp2', 3, 'controlplane'), node('w1', 101, 'worker')],
  }
  await healthy(cluster, config('talosconfig'))
  contexts(cluster, config('talosconfig'))
  for (const n of cluster.nodes) {
    const spec = ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}']
    const first: First = { config: talosctl(cluster, cluster.talosconfig, '--nodes', n.address, ...spec), proc: procOf(n) }
    if (first.config === '') throw new Error(`${n.name} does not give its config`)
    writeFileSync(n.first, JSON.stringify(first), { mode: 0o600 })
  }
  return cluster
}

function talosctl(cluster: RealCluster, talosconfig: string, ...args: string[]): string {
  const ran = spawnSync(cluster.talosctl, ['--talosconfig', talosconfig, ...args], { encoding: 'utf8', timeout: 10_000 })
  return ran.status === 0 ? ran.stdout : ''
}

/** Both control planes vote in etcd, everybody sees everybody, and every node answers. */
async function healthy(cluster: RealCluster, talosconfig: string): Promise<void> {
  const ask = (node: RealNode, ...args: string[]) => talosctl(cluster, talosconfig, '--nodes', node.address, ...args)
  const missing = (): string | undefined => {
    for (const node of cluster.nodes) {
      if (!ask(node, 'version', '--short').includes('Server:')) return `${node.name} does not answer`
      const members = ask(node, 'get', 'members')
      const unseen = cluster.nodes.find((n) => !members.includes(` ${n.name} `))
      if (unseen) return `${node.name} does not see ${unseen.name}`
      if (node.type === 'controlplane') {
        const voting = ask(node, 'etcd', 'members').match(/ false$/gm)?.length ?? 0
        if (voting !== 2) return `etcd on ${node.name} has ${voting} voting members`
      }
    }
    return undefined
  }
  const end = Date.now() + HEALTHY_WITHIN
  for (let why = missing(); why; why = missing()) {
    if (Date.now() > end)
      throw new Error(`${cluster.name} (Talos ${cluster.version}) is not healthy: ${why}; see ${join(REAL, 'run', cluster.name, 'nodes')}`)
    await sleep(500)
  }
}

/** One talosconfig as an operator has it: an admin context and a reader's, both control planes as endpoints, no default nodes. */
function contexts(cluster: RealCluster, admin: string): void {
  const reader = `${admin}-reader`
  const made = spawnSync(cluster.talosctl, ['--talosconfig', admin, 'config', 'new', '--roles', 'os:reader', '--crt-ttl', '24h', reader], {
    encoding: 'utf8',
  })
  if (made.status !== 0) throw new Error(`no reader's talosconfig: ${made.stderr}`)
  const endpoints = cluster.nodes.filter((n) => n.type === 'controlplane').map((n) => n.address)
  const of = (file: string) => {
    const { context, contexts } = parseDocument(readFileSync(file, 'utf8')).toJS() as { context: string; contexts: Record<string, object> }
    return { ...contexts[context], endpoints, nodes: undefined }
  }
  const value = {
    context: `admin@${cluster.name}`,
    contexts: { [`admin@${cluster.name}`]: of(admin), [`reader@${cluster.name}`]: of(reader) },
  }
  writeFileSync(cluster.talosconfig, JSON.stringify(value), { mode: 0o600 })
}

/** Ends every node and takes its traces away; runs in one go, so that it also works while the process ends. */
function sweep(): void {
  for (const c of VERSIONS) {
    spawnSync(join(HERE, 'node'), ['stopall', '--wipe'], { env: { ...process.env, REAL, ...environmentOf(c) }, stdio: 'ignore' })
    rmSync(join(REAL, 'run', c.name), { recursive: true, force: true })
  }
  rmSync(LOCK, { force: true })
}

/** Network namespaces, links, processes and control groups that still bear the name of a cluster. */
function leftovers(): string[] {
  const lines = (file: string, ...args: string[]) => spawnSync(file, args, { encoding: 'utf8' }).stdout.split('\n')
  const names = VERSIONS.map((c) => c.name).join('|')
  return [
    ...lines('ip', 'netns').filter((l) => new RegExp(`^tp-(${names})-`).test(l)),
    ...lines('ip', '-br', 'link').filter((l) => new RegExp(`^(tp-(${names})|(${names})-)`).test(l)),
    ...lines('pgrep', '-af', `/run/(${names})/(nodes|registry)`).filter((l) => /node-init|minireg/.test(l)),
    ...lines('find', '/sys/fs/cgroup', '-maxdepth', '4', '-type', 'd', '-name', 'tp-*').filter((l) =>
      new RegExp(`/tp-(${names})-`).test(l),
    ),
  ].filter(Boolean)
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  checkMachine()
  takeLock()
  process.once('exit', sweep)
  const teardown = async () => {
    await phase('teardown', sweep)
    process.off('exit', sweep)
    const left = leftovers()
    if (left.length > 0) throw new Error(`test:real left something behind:\n${left.join('\n')}`)
  }
  try {
    await phase('build', build)
    const clusters = await phase('clusters', () => Promise.all(VERSIONS.map(start)))
    project.provide('clusters', clusters)
    project.provide('bin', BIN)
  } catch (error) {
    await teardown().catch(() => undefined)
    throw error
  }
  return teardown
}
