import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { Refusal } from '../engine/errors.ts'
import type { System } from '../system/ports.ts'
import { fileProblem } from './file-problem.ts'

/** Keeps two of us apart in one workspace, also where many start at once and where one of them was killed. */

export interface WorkspaceLock {
  /** @throws Refusal where somebody else holds it. */
  take: () => Promise<void>
  /** Lets go what is ours, and nothing else. */
  release: () => Promise<void>
}

interface Holder {
  pid: number
  started: string
  host: string
  at: string
}

/** How often it is begun anew where a lock went away between two looks at it. */
const ATTEMPTS = 20
/** A lock without a holder is still being written, or was cut: after so many looks it was cut. Milliseconds between them. */
const LOOKS = 10
const BETWEEN = 300

const CANNOT_WRITE =
  'take a workspace on a writable disk, such as a copy of this one: --workspace FOLDER\na check changes nothing on the cluster, but keeps its evidence and its journal there'

function holderIn(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

export function workspaceLock(system: System, file: string): WorkspaceLock {
  const { files, processes, clock } = system
  let mine: string | undefined

  const textIn = (path: string): Promise<string | undefined> =>
    files.read(path).then(
      (b) => b.toString('utf8'),
      () => undefined,
    )

  /** The text of a lock that nobody holds any more; undefined where there is none by now. */
  const deserted = async (path: string): Promise<string | undefined> => {
    for (let look = 0; ; look++) {
      const text = await textIn(path)
      if (text === undefined) return undefined
      const holder = holderIn(text)
      if (holder) refuseHeld(holder, path)
      if (holder || look === LOOKS) return text
      await clock.sleep(BETWEEN)
    }
  }

  const refuseHeld = (holder: Holder, path: string): void => {
    if (holder.host !== hostname())
      throw new Refusal(
        'workspace-busy',
        `another machine (${holder.host}) uses this workspace since ${holder.at}`,
        `if that is not so any more, remove ${path}`,
      )
    if (processes.alive(holder))
      throw new Refusal(
        'workspace-busy',
        `process ${holder.pid} uses this workspace since ${holder.at}`,
        'wait until it ends, or end it; two of us must not change the same cluster',
      )
  }

  /**
   * Makes the file with our text, for us alone. A deserted one is removed only by who holds the claim on just that text, which is a
   * lock of its own: else of two that saw it, the second would remove what the first has put in its place.
   */
  const claim = async (path: string, text: string): Promise<void> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        await files.create(path, text, 0o644)
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') fileProblem(error, path, CANNOT_WRITE)
      }
      const stale = await deserted(path)
      if (stale === undefined) continue
      const claimed = `${file}.${createHash('sha256').update(stale).digest('hex').slice(0, 16)}.tmp`
      await claim(claimed, text)
      try {
        if ((await textIn(path)) === stale) await files.remove(path)
      } finally {
        await files.remove(claimed)
      }
    }
    throw new Refusal('workspace-busy', 'somebody else takes the workspace at the same time', 'try again')
  }

  return {
    take: async () => {
      const text = JSON.stringify({
        ...processes.self(),
        host: hostname(),
        at: clock.now().toISOString(),
        of: randomBytes(8).toString('hex'),
      })
      await claim(file, text)
      mine = text
    },
    release: async () => {
      if (mine !== undefined && (await textIn(file)) === mine) await files.remove(file).catch(() => undefined)
      mine = undefined
    },
  }
}
