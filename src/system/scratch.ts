import { join } from 'node:path'
import { stateFolder } from './files.ts'
import type { System } from './ports.ts'

/**
 * Folders for what finds no room in memory, where the operator names a place for them. Each is noted in the user's state folder
 * before it is made, so that the next start finds what a killed run left, wherever that was.
 */

const NAME = /^talos-preflight-(\d+)-(\d+)-\d+$/

const notesFolder = ({ files }: System): string => join(stateFolder(files), 'scratch')

/** A new folder below the place that the operator names. */
export async function makeScratch(system: System, place: string): Promise<{ folder: string; remove: () => Promise<void> }> {
  const { files, processes, clock } = system
  const { pid, started } = processes.self()
  const name = `talos-preflight-${pid}-${started || '0'}-${clock.now().getTime()}`
  const [folder, note] = [join(place, name), join(notesFolder(system), name)]
  await files.makeFolder(notesFolder(system), 0o700)
  await files.replace(note, place, 0o600)
  await files.makeFolder(folder, 0o700)
  return {
    folder,
    remove: async () => {
      await files.remove(folder)
      await files.remove(note)
    },
  }
}

/** Removes what killed runs left in noted places and in the one that is named now. A sentence for each. */
export async function cleanScratch(system: System, named: string | undefined): Promise<string[]> {
  const { files, processes } = system
  const leftIn = async (folder: string): Promise<string[]> => {
    const names = (await files.list(folder).catch(() => [])).map((entry) => entry.name)
    return names.filter((name) => {
      const [, pid, started] = NAME.exec(name) ?? []
      return pid !== undefined && !processes.alive({ pid: Number(pid), started: started === '0' ? '' : (started ?? '') })
    })
  }
  const said: string[] = []
  const remove = async (folder: string): Promise<boolean> => {
    if (!(await files.info(folder))) return true
    const failed = await files.remove(folder).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
    said.push(
      `${folder} was left in plain by a run that was killed; ${failed ? `it could not be removed (${failed}), so remove it` : 'it was removed'}`,
    )
    return !failed
  }
  for (const name of named ? await leftIn(named) : []) await remove(join(named ?? '', name))
  const notes = notesFolder(system)
  for (const name of await leftIn(notes)) {
    const place = await files.read(join(notes, name)).then(String, () => undefined)
    // a disk that is not there now may come back with what lies on it
    if (!place || !(await files.info(place))) continue
    if (await remove(join(place, name))) await files.remove(join(notes, name))
  }
  return said
}
