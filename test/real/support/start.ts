import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import {
  BIN,
  CLUSTERS,
  environmentOf,
  type First,
  HERE,
  REAL,
  type RealCluster,
  type RealNode,
  runOf,
  SET,
  SHORT_RUN,
  type Wanted,
} from './cluster.ts'
import { procOf } from './inside.ts'

/** Starts clusters of real nodes in namespaces of this machine, waits until they are well, and takes every trace of them away. */

/** Milliseconds. Nodes are up after ten seconds, Kubernetes after a minute; a machine that is busy with something else may take longer. */
const HEALTHY_WITHIN = 300_000

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Groups of the scripts that still run. */
const running = new Set<number>()
function endScripts(): void {
  for (const pid of running)
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // it ended by itself
    }
}

/** Runs a script of ours; the last of its lines are the error where it fails. */
export function script(name: string, args: string[], options: { env?: Record<string, string>; shown?: boolean } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(HERE, name), args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // a Ctrl-C must not end the nodes halfway: teardown ends them
      detached: true,
    })
    const pid = child.pid
    if (pid) {
      if (running.size === 0) process.once('exit', endScripts)
      running.add(pid)
    }
    const lines: string[] = []
    const take = (chunk: Buffer) => {
      lines.push(chunk.toString())
      if (options.shown) process.stdout.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    // nodes inherit the pipes and keep them open, so the end of the script is what counts
    child.on('exit', (code) => {
      if (pid && running.delete(pid) && running.size === 0) process.off('exit', endScripts)
      child.stdout.destroy()
      child.stderr.destroy()
      if (code === 0) resolve()
      else reject(new Error(`test/real/${name} ${args.join(' ')} ended with ${code}:\n${lines.join('').split('\n').slice(-15).join('\n')}`))
    })
  })
}

/** The cluster as it will be, whether it runs or not. */
export function describeCluster(w: Wanted): RealCluster {
  const config = (file: string) => join(runOf(w.name), 'cfg', file)
  const node = (name: string, last: number, type: RealNode['type']): RealNode => ({
    name,
    address: `${w.net}.${last}`,
    type,
    config: config(`${type}.yaml`),
    pidFile: join(runOf(w.name), 'nodes', name, 'pid'),
    first: config(`first-${name}.json`),
  })
  return {
    version: w.version,
    name: w.name,
    net: w.net,
    gateway: `${w.net}.1`,
    talosctl: join(BIN, `talosctl-${w.version}`),
    talosconfig: config('contexts'),
    ...(w.kubernetes ? { kubeconfig: config('kubeconfig') } : {}),
    secrets: config('secrets.yaml'),
    nodes: [
      node('cp1', 2, 'controlplane'),
      ...(w.controlPlanes > 1 ? [node('cp2', 3, 'controlplane')] : []),
      ...(w.workers > 0 ? [node('w1', 101, 'worker')] : []),
    ],
  }
}

/** Starts it from nothing; what runs of it is ended first. */
export async function start(w: Wanted): Promise<RealCluster> {
  const env = environmentOf(w)
  await script('node', ['stopall', '--wipe'], { env })
  rmSync(runOf(w.name), { recursive: true, force: true })
  await script('node', ['up'], { env: { ...env, WORKERS: String(w.workers), LIMIT: String(HEALTHY_WITHIN / 1000) } })
  const cluster = describeCluster(w)
  for (const n of cluster.nodes.filter((n) => n.type === 'controlplane' && n.name !== 'cp1'))
    await script('node', ['start', n.name, n.address, n.config], { env })
  const admin = join(runOf(w.name), 'cfg', 'talosconfig')
  await healthy(cluster, admin)
  contexts(cluster, admin)
  for (const n of cluster.nodes) {
    const spec = ['get', 'machineconfigs.config.talos.dev', 'v1alpha1', '-o', 'jsonpath={.spec}']
    const first: First = { config: await talosctl(cluster, cluster.talosconfig, '--nodes', n.address, ...spec), proc: procOf(n) }
    if (first.config === '') throw new Error(`${n.name} does not give its config`)
    writeFileSync(n.first, JSON.stringify(first), { mode: 0o600 })
  }
  return cluster
}

/** What it printed, or nothing where it failed. Others go on meanwhile: a start may run beside tests. */
const said = (file: string, ...args: string[]): Promise<string> =>
  new Promise((resolve) => {
    const env = { ...process.env, ...SHORT_RUN }
    execFile(file, args, { encoding: 'utf8', env, timeout: 10_000, maxBuffer: 64 << 20 }, (error, stdout) => resolve(error ? '' : stdout))
  })
const talosctl = (cluster: RealCluster, talosconfig: string, ...args: string[]): Promise<string> =>
  said(cluster.talosctl, '--talosconfig', talosconfig, ...args)

/** Every control plane votes in etcd, everybody sees everybody, and every node answers; with Kubernetes every node is ready. */
export async function healthy(cluster: RealCluster, talosconfig: string): Promise<void> {
  const ask = (node: RealNode, ...args: string[]) => talosctl(cluster, talosconfig, '--nodes', node.address, ...args)
  const voters = cluster.nodes.filter((n) => n.type === 'controlplane').length
  const missing = async (): Promise<string | undefined> => {
    for (const node of cluster.nodes) {
      if (!(await ask(node, 'version', '--short')).includes('Server:')) return `${node.name} does not answer`
      const members = await ask(node, 'get', 'members')
      const unseen = cluster.nodes.find((n) => !members.includes(` ${n.name} `))
      if (unseen) return `${node.name} does not see ${unseen.name}`
      if (node.type === 'controlplane') {
        const voting = (await ask(node, 'etcd', 'members')).match(/ false$/gm)?.length ?? 0
        if (voting !== voters) return `etcd on ${node.name} has ${voting} voting members`
      }
    }
    if (!cluster.kubeconfig) return undefined
    const seen = await said(join(BIN, 'kubectl'), '--kubeconfig', cluster.kubeconfig, 'get', 'nodes')
    return cluster.nodes.filter((n) => !new RegExp(`^${n.name} +Ready `, 'm').test(seen)).map((n) => `${n.name} is not Ready`)[0]
  }
  const end = Date.now() + HEALTHY_WITHIN
  for (let why = await missing(); why; why = await missing()) {
    if (Date.now() > end)
      throw new Error(`${cluster.name} (Talos ${cluster.version}) is not healthy: ${why}; see ${join(runOf(cluster.name), 'nodes')}`)
    await sleep(2000)
  }
}

/** One talosconfig as an operator has it: an admin context and a reader's, every control plane as endpoint, no default nodes. */
function contexts(cluster: RealCluster, admin: string): void {
  const reader = `${admin}-reader`
  execFileSync(cluster.talosctl, ['--talosconfig', admin, 'config', 'new', '--roles', 'os:reader', '--crt-ttl', '24h', reader])
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
export function sweep(): void {
  endScripts()
  const run = join(REAL, 'run')
  for (const name of existsSync(run) ? readdirSync(run) : [])
    if (name.endsWith(`.turn${SET}`) || name.endsWith(`.turn${SET}-queue`)) rmSync(join(run, name), { recursive: true, force: true })
  for (const w of CLUSTERS) {
    const env = { ...process.env, ...environmentOf(w) }
    spawnSync(join(HERE, 'node'), ['stopall', '--wipe'], { env, stdio: 'ignore' })
    rmSync(runOf(w.name), { recursive: true, force: true })
  }
}

/** Network namespaces, links, processes and control groups that still bear the name of a cluster. */
export function leftovers(): string[] {
  const lines = (file: string, ...args: string[]) => spawnSync(file, args, { encoding: 'utf8' }).stdout.split('\n')
  const names = CLUSTERS.map((w) => w.name).join('|')
  return [
    ...lines('ip', 'netns').filter((l) => new RegExp(`^tp-(${names})-`).test(l)),
    ...lines('ip', '-br', 'link').filter((l) => new RegExp(`^(tp-(${names})|(${names})-)`).test(l)),
    ...lines('pgrep', '-af', `/run/(${names})/(nodes|registry)`).filter((l) => /node-init|minireg/.test(l)),
    ...lines('find', '/sys/fs/cgroup', '-maxdepth', '4', '-type', 'd', '-name', 'tp-*').filter((l) =>
      new RegExp(`/tp-(${names})-`).test(l),
    ),
  ].filter(Boolean)
}
