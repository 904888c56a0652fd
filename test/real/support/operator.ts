import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { parseDocument } from 'yaml'
import { type Size, Terminal } from '../../support/terminal.ts'
import { type RealCluster, SHORT_RUN } from './cluster.ts'
import { type Checked, checkedOf } from './document.ts'

/** A person at a machine of their own: a home, a workspace, the tools of one version on PATH, and the built program. */

const PROGRAM = fileURLToPath(new URL('../../../bin/talos-preflight.js', import.meta.url))
const CHILDREN = fileURLToPath(new URL('../children/', import.meta.url))
/** Milliseconds. The longest look at a cluster that hangs takes less. */
const LIMIT = 180_000

export interface Ran {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

interface TalosContext {
  endpoints: string[]
  nodes?: string[]
  ca: string
  crt: string
  key: string
}
export interface Talosconfig {
  context: string
  contexts: Record<string, TalosContext>
}

export const talosconfigOf = (cluster: RealCluster): Talosconfig => parseDocument(readFileSync(cluster.talosconfig, 'utf8')).toJS()

const operators = new Set<Operator>()

/** What operators made for themselves before they began, by what they had to make it with. */
const settled = new Map<string, { path: string; bytes: Buffer; mode: number }[]>()

/** Every file of a folder, by its path from there, without what lies below these. */
const filesOf = (folder: string, without: string[]): { path: string; bytes: Buffer; mode: number }[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !without.some((other) => path.startsWith(`${other}/`)))
    .map((path) => ({ path, bytes: readFileSync(join(folder, path)), mode: statSync(join(folder, path)).mode & 0o777 }))

/** For `afterEach`: ends what still runs and takes every folder away. */
export async function goHome(): Promise<void> {
  for (const operator of operators) await operator.leave()
  operators.clear()
}

export class Operator {
  readonly folder = mkdtempSync(join(tmpdir(), 'tp-real-'))
  readonly home = join(this.folder, 'home')
  readonly workspace = join(this.folder, 'workspace')
  readonly tools = join(this.folder, 'tools')
  readonly cluster: RealCluster
  /** Milliseconds that a run may take. */
  limit = LIMIT
  #children = new Set<ChildProcess>()
  #terminals = new Set<Terminal>()
  #mounted = false

  /** `as` is the current context of the talosconfig, which holds both. */
  constructor(cluster: RealCluster, as: 'admin' | 'reader' = 'admin') {
    this.cluster = cluster
    for (const folder of [this.home, this.workspace, this.tools]) mkdirSync(folder)
    const bin = inject('bin')
    this.tool('talosctl', cluster.talosctl)
    for (const name of ['age', 'age-keygen', 'kubectl']) this.tool(name, join(bin, name))
    this.tool('git', whereIs('git'))
    const { contexts } = talosconfigOf(cluster)
    this.talosconfig({ context: `${as}@${cluster.name}`, contexts })
    if (cluster.kubeconfig) this.kubeconfig(readFileSync(cluster.kubeconfig, 'utf8'))
    operators.add(this)
  }

  /** A tool on PATH, and nothing else is. */
  tool(name: string, path: string): void {
    const settings = Object.entries(SHORT_RUN).map(([key, value]) => `${key}=${value}`)
    this.script(name, `${settings.join(' ')} exec '${path}' "$@"`)
  }

  /** A shell script in place of a tool. */
  script(name: string, ...lines: string[]): void {
    rmSync(join(this.tools, name), { force: true })
    writeFileSync(join(this.tools, name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
  }

  talosconfig(value: Talosconfig): void {
    const folder = join(this.home, '.talos')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, 'config'), JSON.stringify(value), { mode: 0o600 })
  }

  kubeconfig(text: string): void {
    const folder = join(this.home, '.kube')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, 'config'), text, { mode: 0o600 })
  }

  withoutKubeconfig(): void {
    rmSync(join(this.home, '.kube'), { recursive: true, force: true })
  }

  /** One context alone. */
  onlyContext(name: string, context: TalosContext): void {
    this.talosconfig({ context: name, contexts: { [name]: context } })
  }

  get env(): Record<string, string> {
    return { HOME: this.home, PATH: this.tools, TZ: 'UTC', LANG: 'C.UTF-8' }
  }

  file(path: string): string {
    return readFileSync(join(this.workspace, path), 'utf8')
  }

  files(folder: string): string[] {
    const full = join(this.workspace, folder)
    return existsSync(full) ? readdirSync(full).toSorted() : []
  }

  /** Edits `preflight.yaml` as by hand. */
  edit(path: string[], value: unknown): void {
    const document = parseDocument(this.file('preflight.yaml'))
    document.setIn(path, document.createNode(value))
    writeFileSync(join(this.workspace, 'preflight.yaml'), document.toString({ lineWidth: 0 }))
  }

  start(file: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ran>; said: () => string } {
    const child = spawn(file, args, { cwd: this.workspace, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    const limit = setTimeout(() => child.kill('SIGKILL'), this.limit)
    const ended = new Promise<Ran>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        clearTimeout(limit)
        this.#children.delete(child)
        resolve({ code, signal, stdout, stderr })
      })
    })
    return { child, ended, said: () => stdout + stderr }
  }

  /** The built program, as a process. */
  run(...args: string[]): Promise<Ran> {
    return this.start(process.execPath, [PROGRAM, ...args]).ended
  }

  begin(...args: string[]): ReturnType<Operator['start']> {
    return this.start(process.execPath, [PROGRAM, ...args])
  }

  /** A program of `test/real/children`. */
  child(name: string, ...args: string[]): Promise<Ran> {
    return this.start(process.execPath, [join(CHILDREN, name), ...args]).ended
  }

  /** The program, or another one, on a terminal of its own. */
  terminal(args: string[], size: Size, run?: [string, ...string[]]): Terminal {
    const terminal = new Terminal({ args, size, env: this.env, home: this.home, cwd: this.workspace, ...(run ? { run } : {}) })
    this.#terminals.add(terminal)
    return terminal
  }

  /** A check as a document. Every finding is in it. */
  async check(...args: string[]): Promise<Checked> {
    const ran = await this.run('check', ...args, '--output', 'json')
    return checkedOf(ran)
  }

  /** Values of an observation, as the last look that took it keeps them in the workspace. */
  observed<T>(name: string): { object: string; value: T }[] {
    for (const run of this.files('evidence/runs').toReversed()) {
      const { observed } = JSON.parse(this.file(join('evidence/runs', run, 'observations.json')))
      const sightings: { object: { name: string }; look: { ok: boolean; value: T } }[] | undefined = observed[name]
      if (sightings) return sightings.filter((s) => s.look.ok).map((s) => ({ object: s.object.name, value: s.look.value }))
    }
    return []
  }

  /** Runs a command that must succeed. */
  async must(...args: string[]): Promise<Ran> {
    const ran = await this.run(...args)
    if (ran.code !== 0) throw new Error(`talos-preflight ${args.join(' ')} ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`)
    return ran
  }

  /** A recovery identity, as its holder makes it: with the real age-keygen, kept somewhere else. */
  recovery(name = 'recovery'): { file: string; recipient: string } {
    const file = join(this.folder, `${name}.txt`)
    if (!existsSync(file)) execFileSync(join(this.tools, 'age-keygen'), ['-o', file], { stdio: 'ignore' })
    return { file, recipient: execFileSync(join(this.tools, 'age-keygen'), ['-y', file], { encoding: 'utf8' }).trim() }
  }

  /** Workspace, own identity and recovery recipient: everything that a change needs. */
  settleIn(): Promise<void> {
    return this.#settle([], [{ name: 'safe', file: 'recovery', opens: [] }])
  }

  /** The same with a recovery recipient for each of secrets and backups, whose holders keep them apart. */
  settleApart(...init: string[]): Promise<void> {
    const holders = [
      { name: 'safe', file: 'safe', opens: ['--opens', 'secrets'] },
      { name: 'vault', file: 'vault', opens: ['--opens', 'backups'] },
    ]
    return this.#settle(init, holders)
  }

  /** The first one in a test file does it by hand. Whoever comes after it with the same credentials gets a copy of what that made. */
  async #settle(init: string[], holders: { name: string; file: string; opens: string[] }[]): Promise<void> {
    const credentials = ['.talos', '.kube'].map((folder) => join(this.home, folder, 'config')).filter((file) => existsSync(file))
    const key = JSON.stringify([init, holders, credentials.map((file) => readFileSync(file, 'utf8'))])
    const made = settled.get(key)
    for (const { path, bytes, mode } of made ?? []) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true })
      writeFileSync(join(this.folder, path), bytes, { mode })
    }
    if (made) return
    await this.must('init', '--environment', 'lab', ...init)
    await this.must('keys', 'create', '--name', 'me')
    for (const { name, file, opens } of holders)
      await this.must('keys', 'add', name, this.recovery(file).recipient, '--role', 'recovery', ...opens)
    settled.set(key, filesOf(this.folder, ['tools', 'home/.talos', 'home/.kube']))
  }

  /** The plaintext of a sealed file, by the real age. */
  open(path: string, identity = this.recovery().file): string {
    return execFileSync(join(this.tools, 'age'), ['--decrypt', '--identity', identity, join(this.workspace, path)], { encoding: 'utf8' })
  }

  openBytes(path: string, identity = this.recovery().file): Buffer {
    return execFileSync(join(this.tools, 'age'), ['--decrypt', '--identity', identity, join(this.workspace, path)], { maxBuffer: 1 << 30 })
  }

  /** Puts the workspace on a disk of its own, of this many bytes. */
  mountWorkspace(size: string): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', this.workspace])
    this.#mounted = true
  }

  /** Every line of every journal, oldest first. */
  journal(): ({ kind: string; at: string } & Record<string, unknown>)[] {
    return this.files('evidence/journal')
      .flatMap((name) => this.file(join('evidence/journal', name)).trimEnd().split('\n'))
      .map((line) => JSON.parse(line))
  }

  async leave(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const terminal of this.#terminals) await terminal.kill()
    if (this.#mounted) execFileSync('umount', ['--lazy', this.workspace])
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function whereIs(tool: string): string {
  const found = (process.env.PATH ?? '').split(delimiter).find((folder) => folder && existsSync(join(folder, tool)))
  if (!found) throw new Error(`${tool} is not on PATH`)
  return join(found, tool)
}
