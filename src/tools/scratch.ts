import type { System } from '../system/ports.ts'

/** What a killed run left in the folder that the operator named for what finds no room in memory. */

const NAME = /^talos-preflight-(\d+)-(\d+)-\d+$/

/** A name that tells later whose it was. */
export function scratchName(system: System): string {
  const { pid, started } = system.processes.self()
  return `talos-preflight-${pid}-${started || '0'}-${system.clock.now().getTime()}`
}

export async function cleanScratch(system: System, folder: string): Promise<void> {
  for (const entry of await system.files.list(folder).catch(() => [])) {
    const [, pid, started] = NAME.exec(entry.name) ?? []
    if (!pid || system.processes.alive({ pid: Number(pid), started: started === '0' ? '' : (started ?? '') })) continue
    await system.files.remove(`${folder}/${entry.name}`)
  }
}
