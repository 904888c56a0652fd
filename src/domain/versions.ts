/**
 * What differs between Talos versions, in one place. A version that is not in the table is treated as the nearest known one
 * below it, and named as not tried.
 * https://docs.siderolabs.com/talos/v1.14/getting-started/support-matrix
 */

export interface VersionFacts {
  /** `1.13`. */
  minor: string
  /** New configurations keep kernel parameters in a `SysctlConfig` document. */
  documentsForSysctls: boolean
  /** Still gets security fixes (the two latest minors do). */
  supported: boolean
}

const TABLE: VersionFacts[] = [
  { minor: '1.12', documentsForSysctls: false, supported: false },
  { minor: '1.13', documentsForSysctls: false, supported: true },
  { minor: '1.14', documentsForSysctls: true, supported: true },
]

/** Minors that the tests of this project run against real nodes. */
export const TRIED_VERSIONS = ['1.13', '1.14']

const minorNumber = (version: string): number => Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? Number.NaN)

/** Facts for a version such as `v1.13.9`, or undefined for one that is no Talos version or older than 1.12. */
export function factsFor(version: string): VersionFacts | undefined {
  const minor = minorNumber(version)
  return TABLE.findLast((row) => minorNumber(row.minor) <= minor)
}
