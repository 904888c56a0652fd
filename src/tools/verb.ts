import type { NeededRole } from '../domain/roles.ts'
import type { VerbName, Verbs } from '../domain/verbs.ts'

/** A thin verb: what is run, and with what right. It holds no policy. */
export interface Verb<A> {
  tool: 'talosctl' | 'kubectl' | 'age' | 'age-keygen' | 'git'
  argv: (args: A) => string[]
  /** Time limit. */
  seconds: number
  /** The least Talos role that may do it. Absent: no node is asked. */
  needs?: NeededRole
  /** Addresses of the nodes that are asked. */
  nodes?: (args: A) => string[]
  /** Its output may hold secrets: it stays in memory and is never shown. */
  secret?: boolean
  changes?: (args: A) => boolean
  /** The child talks to the person on the terminal. */
  terminal?: boolean
  cwd?: (args: A) => string
  /** Most bytes of output, where the default does not fit. */
  maxBytes?: number
}

export type VerbTable<N extends VerbName> = { [K in N]: Verb<Verbs[K]> }
