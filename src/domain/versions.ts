/**
 * What differs between Talos versions, in one place. A version that is not in the table is treated as the nearest known one
 * below it.
 * https://docs.siderolabs.com/talos/v1.14/getting-started/support-matrix
 */

export interface VersionFacts {
  /** `1.13`. */
  minor: string
  /** New configurations keep kernel parameters and the settings of Kubernetes in documents of their own. */
  documents: boolean
  /** etcd answers metrics and health over HTTP on 2383. */
  etcdHttpPort: boolean
  /** The API server answers the three health paths without a credential, because load balancers ask them. */
  anonymousHealth: boolean
}

const TABLE: VersionFacts[] = [
  { minor: '1.12', documents: false, etcdHttpPort: false, anonymousHealth: false },
  { minor: '1.13', documents: false, etcdHttpPort: false, anonymousHealth: false },
  { minor: '1.14', documents: true, etcdHttpPort: true, anonymousHealth: true },
]

/** Minors that the tests of this project run against real nodes. */
export const TRIED_VERSIONS = ['1.13', '1.14']

const minorNumber = (version: string): number => Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? Number.NaN)

/** Facts for a version such as `v1.13.9`, or undefined for one that is no Talos version or older than 1.12. */
export function factsFor(version: string): VersionFacts | undefined {
  const minor = minorNumber(version)
  return TABLE.findLast((row) => minorNumber(row.minor) <= minor)
}
