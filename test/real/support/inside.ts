import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { wantedSysctls } from '../../../src/domain/sysctl.ts'

/** Reads inside the namespaces of a node, past Talos and past our program. */

/** What INF-10 holds where nobody answered its questions. */
export const WANTED: Readonly<Record<string, string>> = wantedSysctls({ logMartians: true, alsoSet: {} })

export const initOf = (node: { pidFile: string }): string => readFileSync(node.pidFile, 'utf8').trim()

/** Values of kernel parameters as the kernel of the node has them. */
export function procOf(node: { pidFile: string }, keys: readonly string[] = Object.keys(WANTED)): Record<string, string> {
  const paths = keys.map((key) => `/proc/sys/${key.replaceAll('.', '/')}`)
  const busybox = ['-t', initOf(node), '-m', '-n', '/usr/libexec/busybox']
  const values = execFileSync('nsenter', [...busybox, 'cat', ...paths], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
  return Object.fromEntries(keys.map((key, i) => [key, values[i] ?? '']))
}
