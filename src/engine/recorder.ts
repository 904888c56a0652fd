import { timeInName } from './evidence.ts'
import { type Entry, hashOf, headsOf, type JournalFile, lineOf, readJournal } from './journal.ts'
import { digestOf } from './plan.ts'
import type { EnginePorts } from './ports.ts'

/** Writes the journal of one run: one line after the other, each on disk before the next thing happens. Without a workspace there is none. */
export interface Recorder {
  journal: (entry: Entry) => Promise<void>
  /** Reads every journal of the workspace again. */
  read: () => Promise<JournalFile[]>
  /** Whether this run has written anything. */
  begun: () => boolean
  /** Resolves when everything that was given to it is on disk. */
  settled: () => Promise<void>
}

export function createRecorder(
  ports: Pick<EnginePorts, 'clock' | 'processes' | 'workspace'>,
  opening: { tool: string; mode: string; operator: string; command: string },
  onHead: (head: string) => void,
): Recorder {
  const { workspace, clock } = ports
  let name: string | undefined
  let opened = 0
  let seq = 0
  let prev: string | null = null
  let writing: Promise<void> = Promise.resolve()

  const read = async (): Promise<JournalFile[]> => (workspace ? (await workspace.journals()).map((f) => readJournal(f.name, f.text)) : [])

  const append = async (file: string, entry: Entry): Promise<void> => {
    const line = lineOf(entry, { seq: seq + 1, at: clock.now(), prev })
    await workspace?.append(file, line)
    seq++
    prev = hashOf(line)
    onHead(prev)
  }

  /** The file's name is kept only once its first line is on disk, so that a failed attempt begins anew. */
  const open = async (): Promise<string> => {
    const self = ports.processes.self()
    const now = clock.now().toISOString()
    const file = `${timeInName(now)}-${digestOf([self, now, opened++]).slice(0, 6)}.jsonl`
    seq = 0
    prev = null
    await append(file, { kind: 'opened', ...opening, process: self, heads: headsOf(await read()) })
    return file
  }

  return {
    read,
    begun: () => name !== undefined,
    settled: () => writing,
    journal: (entry) => {
      if (!workspace) return Promise.resolve()
      const written = writing.then(async () => {
        name ??= await open()
        try {
          await append(name, entry)
        } catch (error) {
          // half of the line may be there: the next one begins a file of its own, and this one stays as a kill would leave it
          name = undefined
          throw error
        }
      })
      writing = written.catch(() => undefined)
      return written
    },
  }
}
