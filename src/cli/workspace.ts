import { createHash } from 'node:crypto'
import { dirname, join, relative, resolve } from 'node:path'
import type { Word } from '../contract.ts'
import {
  IGNORED,
  LOCK_FILE,
  newProfile,
  PROFILE_FILE,
  type Profile,
  type RecipientEntry,
  readProfile,
  withAnswer,
  withIdentity,
  withoutRecipient,
  withRecipient,
  withWord,
} from '../domain/profile.ts'
import type { Problem } from '../domain/shape.ts'
import { Refusal } from '../engine/errors.ts'
import type { WorkspacePort } from '../engine/ports.ts'
import type { System } from '../system/ports.ts'
import { fileProblem } from './file-problem.ts'
import { type WorkspaceLock, workspaceLock } from './lock.ts'
import { refusePrivateKey } from './private-key.ts'

/** The operator's folder: its profile, journals, sealed files, and the lock that keeps two of us apart. */

const JOURNALS = 'evidence/journal'

/** A bad profile as a refusal that names every place. */
function profileRefusal(path: string, problems: readonly Problem[], newer?: number): Refusal {
  if (newer)
    return new Refusal(
      'newer-profile',
      `${path} has version ${newer}, which is newer than this program`,
      'use a newer talos-preflight; the file was not touched',
    )
  const [first, ...rest] = problems
  const say = (p: Problem) => `line ${p.line}, column ${p.column}${p.path ? ` (${p.path})` : ''}: ${p.message}`
  return new Refusal(
    'bad-profile',
    `${path}: ${first ? say(first) : 'cannot be read'}`,
    [...rest.slice(0, 9).map(say), 'the file was not touched'].join('\n'),
  )
}

export class Workspace implements WorkspacePort {
  readonly path: string
  profile: Profile
  #system: System
  #lock: WorkspaceLock
  #folders = new Set<string>()

  private constructor(system: System, path: string, profile: Profile) {
    this.#system = system
    this.path = path
    this.profile = profile
    this.#lock = workspaceLock(system, join(path, LOCK_FILE))
  }

  /** The workspace in a folder, or undefined where it has no profile. */
  static async open(system: System, folder: string): Promise<Workspace | undefined> {
    const path = resolve(folder)
    const file = join(path, PROFILE_FILE)
    if (!(await system.files.info(file))) return undefined
    const text = (await system.files.read(file).catch((error) => fileProblem(error, file))).toString('utf8')
    const read = readProfile(text)
    if ('problems' in read) throw profileRefusal(file, read.problems, read.newer)
    return new Workspace(system, path, read.profile)
  }

  /** Makes a folder a workspace. Never touches a file that is there. */
  static async create(system: System, folder: string, given: Parameters<typeof newProfile>[0]): Promise<Workspace> {
    refusePrivateKey(given.name)
    const path = resolve(folder)
    const file = join(path, PROFILE_FILE)
    if (await system.files.info(file))
      throw new Refusal('workspace-exists', `${file} exists already`, 'edit it, or take another folder: --workspace FOLDER')
    await system.files.makeFolder(path, 0o755).catch((error) => fileProblem(error, path))
    try {
      await system.files.create(file, newProfile(given), 0o644)
      const ignore = join(path, '.gitignore')
      if (!(await system.files.info(ignore))) await system.files.create(ignore, `${IGNORED.join('\n')}\n`, 0o644)
    } catch (error) {
      fileProblem(error, file)
    }
    return (await Workspace.open(system, path)) as Workspace
  }

  /** Takes the lock, or says who holds it. A lock whose holder is gone is taken over. */
  lock(): Promise<void> {
    return this.#lock.take()
  }

  unlock(): Promise<void> {
    return this.#lock.release()
  }

  /** The full path of something below the workspace; undefined where it is not below it, as one from a journal may be. */
  #below(path: string): string | undefined {
    const full = resolve(this.path, path)
    return relative(this.path, full).startsWith('..') ? undefined : full
  }

  async #inside(path: string): Promise<string> {
    const full = this.#below(path)
    if (!full) throw new Error(`${path} leaves the workspace`)
    const folder = dirname(full)
    if (!this.#folders.has(folder)) {
      await this.#system.files
        .makeFolder(folder, /^(secrets|backups)\//.test(path) ? 0o700 : 0o755)
        .catch((error) => fileProblem(error, folder))
      this.#folders.add(folder)
    }
    return full
  }

  /** The full path of something below the workspace, with its folder made. */
  place(path: string): Promise<string> {
    return this.#inside(path)
  }

  async append(journal: string, line: string): Promise<void> {
    const full = await this.#inside(`${JOURNALS}/${journal}`)
    await this.#system.files.append(full, `${line}\n`).catch((error) => fileProblem(error, full))
  }

  async journals(): Promise<{ name: string; text: string }[]> {
    const folder = join(this.path, JOURNALS)
    const names = (await this.filesIn(JOURNALS)).filter((name) => name.endsWith('.jsonl'))
    return Promise.all(
      names.map(async (name) => ({
        name,
        text: (await this.#system.files.read(join(folder, name)).catch((error) => fileProblem(error, join(folder, name)))).toString('utf8'),
      })),
    )
  }

  async write(path: string, content: string): Promise<string> {
    const full = await this.#inside(path)
    await this.#system.files.replace(full, content, 0o644).catch((error) => fileProblem(error, full))
    return createHash('sha256').update(content).digest('hex')
  }

  async read(path: string): Promise<string | undefined> {
    const full = this.#below(path)
    if (!full) return undefined
    return this.#system.files.read(full).then(
      (b) => b.toString('utf8'),
      () => undefined,
    )
  }

  /** Names of the files in a folder below the workspace, sorted. */
  async filesIn(folder: string): Promise<string[]> {
    const entries = await this.#system.files.list(join(this.path, folder)).catch(() => [])
    return entries
      .filter((e) => e.kind === 'file')
      .map((e) => e.name)
      .toSorted()
  }

  async has(path: string): Promise<boolean> {
    const full = this.#below(path)
    return full !== undefined && (await this.#system.files.info(full)) !== undefined
  }

  /** Changes the profile. What was edited by hand in the meantime is read first, so that nothing is lost. */
  async #edit(change: (text: string) => string): Promise<void> {
    const file = join(this.path, PROFILE_FILE)
    const now = (await this.#system.files.read(file).catch((error) => fileProblem(error, file))).toString('utf8')
    const before = readProfile(now)
    if ('problems' in before) throw profileRefusal(file, before.problems, before.newer)
    const text = change(now)
    const read = readProfile(text)
    if ('problems' in read) throw profileRefusal(file, read.problems, read.newer)
    await this.#system.files.replace(file, text, 0o644).catch((error) => fileProblem(error, file))
    this.profile = read.profile
  }

  saveIdentity = (identity: Record<string, string>): Promise<void> =>
    this.#edit((t) => withIdentity(t, { ca: identity.ca ?? '', id: identity.id ?? '' }))
  saveWord = (kind: 'attestations' | 'waivers', word: Word): Promise<void> => this.#edit((t) => withWord(t, kind, word))
  saveAnswer = (step: string, question: string, text: string): Promise<void> => this.#edit((t) => withAnswer(t, step, question, text))
  addRecipient = (entry: RecipientEntry): Promise<void> => this.#edit((t) => withRecipient(t, entry))
  removeRecipient = (name: string): Promise<void> => this.#edit((t) => withoutRecipient(t, name))
}
