import type { SecretsScan } from '../domain/observations.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import { MOST_PLACES, type ScanOptions } from './scan-options.ts'
import { defaultPlaces, scanFolder, scanUsualPlaces } from './secrets-in-files.ts'
import { scanRepository } from './secrets-in-git.ts'

/**
 * Looks for plaintext secrets in the workspace, in the history of its git repository and in the usual places of this machine.
 * Bounded in time; what it did not look at it says. Nothing of the content leaves the two files that do the looking.
 */

export async function scanSecrets(system: System, caller: Caller, options: ScanOptions): Promise<SecretsScan> {
  const scan: SecretsScan = { places: [], files: 0, bytes: 0, versions: 0, leftOut: [], excluded: [...options.exclude] }
  const end = Date.now() + options.seconds * 1000
  const late = () => Date.now() >= end || options.signal?.aborted === true
  const defaults = defaultPlaces(system, options)
  await scanFolder(system, options, scan, late, defaults)
  await scanUsualPlaces(system, options, scan, defaults)
  await scanRepository(system, caller, options, scan, late)
  if (scan.places.length > MOST_PLACES) {
    scan.leftOut.push(`${scan.places.length - MOST_PLACES} more places were found than are listed`)
    scan.places = scan.places.slice(0, MOST_PLACES)
  }
  scan.places.sort((a, b) => a.where.localeCompare(b.where) || a.path.localeCompare(b.path))
  return scan
}
