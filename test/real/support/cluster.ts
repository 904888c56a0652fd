import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clusters of real nodes that the suite may start, where they lie, and what is known of one that runs. */

export type Version = '1.13' | '1.14'
export const VERSIONS: readonly Version[] = ['1.13', '1.14']

/** Folder of the scripts. */
export const HERE = fileURLToPath(new URL('../', import.meta.url))
export const REAL = process.env.REAL || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'talos-preflight-real')
export const BIN = join(REAL, 'bin')
/**
 * For the Go tools that a test starts by the thousand. What such a short run leaves in memory goes with it, so that collecting it, and
 * threads that do, are a third of what it takes of the processor, which everybody waits for.
 */
export const SHORT_RUN = { GOGC: 'off', GOMAXPROCS: '1' } as const
export const runOf = (name: string): string => join(REAL, 'run', name)

export interface Wanted {
  version: Version
  name: string
  net: string
  controlPlanes: 1 | 2
  workers: 0 | 1
  /** With kubelets, an API server and pods; without, etcd is all that runs beside Talos. */
  kubernetes: boolean
  /** Of the processor, for each node; 1024 where it does not say. */
  shares?: number
}

/** `SECOND=1` has clusters of its own, so that a second run can go on beside the first. */
export const SET = process.env.SECOND === '1' ? '-second' : ''

const both = (letter: string, net: number, of: Pick<Wanted, 'controlPlanes' | 'workers' | 'kubernetes' | 'shares'>): Wanted[] =>
  VERSIONS.map((version) => {
    const minor = Number(version.slice(2))
    return { version, name: `${SET ? 's' : ''}${letter}${minor}`, net: `10.${net + minor + (SET ? 100 : 0)}.0`, ...of }
  })

/** Started before the first test. */
export const BARE = both('t', 0, { controlPlanes: 2, workers: 1, kubernetes: false })
/** Started for the first test that wants one. */
export const WITH_KUBERNETES = both('q', 20, { controlPlanes: 1, workers: 1, kubernetes: true })
/**
 * Beside those, for changes that make an API server start again: two of them then wait at the same time. They take longest of all, so
 * they and their tests go before the others where the processor has too much to do.
 */
export const ALONE = both('p', 40, { controlPlanes: 1, workers: 0, kubernetes: true, shares: 4096 })

/** The clusters that test files share, by the function that they get theirs from. */
export const SHARED = { clusterOf: BARE, kubernetesOf: WITH_KUBERNETES, aloneOf: ALONE } as const
export type Shared = keyof typeof SHARED

/**
 * Which of them the test file with this text uses; none where it needs no node. A file uses one, so that it never keeps a cluster waiting
 * while it waits for another.
 */
export function usedBy(text: string): Shared | undefined {
  const [used, more] = (Object.keys(SHARED) as Shared[]).filter((name) => new RegExp(`\\b${name}\\(`).test(text))
  if (more) throw new Error(`a test file uses both ${used} and ${more}: make two of it`)
  return used
}

/**
 * The place of a test file among those of its cluster: the longest first, but what changes a cluster with Kubernetes behind what only
 * looks at it, and at the very end what leaves an API server behind that starts again after a while.
 */
export function placeOf(path: string, text: string): number {
  const group = path.includes('/changes-going-back') ? 3 : path.includes('/changes-') ? 2 : 1
  return group * 1_000_000 - text.length
}

/** Single nodes for tests that end with a node nobody can use any more. */
export const SPARE = both('s', 30, { controlPlanes: 1, workers: 0, kubernetes: false })
/** Every one whose traces are looked for in the end. */
export const CLUSTERS: readonly Wanted[] = [...BARE, ...WITH_KUBERNETES, ...ALONE, ...SPARE]

export const wantedOf = (list: readonly Wanted[], version: Version): Wanted => {
  const found = list.find((w) => w.version === version)
  if (!found) throw new Error(`no cluster of ${version}`)
  return found
}

/** What the script `node` has to be told of a cluster. */
export const environmentOf = (w: Wanted): Record<string, string> => ({
  REAL,
  CLUSTER: w.name,
  TALOS: w.version,
  NET: w.net,
  ...(w.kubernetes ? { KUBERNETES: '1' } : { BARE: '1' }),
  ...(w.shares ? { SHARES: String(w.shares) } : {}),
})

export interface RealNode {
  name: string
  address: string
  type: 'controlplane' | 'worker'
  /** What it was started with, for starting it again. */
  config: string
  /** Holds the process id of its init, as this machine sees it. */
  pidFile: string
  /** Its config and its kernel parameters as they were before any test, as JSON. */
  first: string
}

export interface RealCluster {
  version: Version
  name: string
  net: string
  /** This machine's address on the bridge of the nodes. */
  gateway: string
  talosctl: string
  /** Contexts `admin@NAME` (current) and `reader@NAME`. */
  talosconfig: string
  /** Of an admin; absent where it runs no Kubernetes. */
  kubeconfig?: string
  /** The bundle with every CA of the cluster. */
  secrets: string
  nodes: RealNode[]
}

export interface First {
  config: string
  proc: Record<string, string>
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Those without Kubernetes. */
    clusters: RealCluster[]
    /** Folder with the built tools. */
    bin: string
    /** Whose nodes the file is run with; absent for what needs none. */
    version: Version
  }
}
