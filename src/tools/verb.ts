import type { NeededRole } from '../domain/roles.ts'
import type { VerbName, Verbs } from '../domain/verbs.ts'

/** Most bytes of output that a call may give, where its verb says nothing else. */
export const MAX_BYTES = 64 << 20

/** A thin verb: what is run, and with what right. It holds no policy. */
export interface Verb<A> {
  tool: 'talosctl' | 'kubectl' | 'age' | 'age-keygen' | 'git'
  argv: (args: A) => string[]
  /** Time limit. */
  seconds: number
  /** The least Talos roles that may do it, each of which will do. Absent: no node is asked. */
  needs?: readonly NeededRole[]
  /** It is asked with the operator's kubeconfig. */
  kubernetes?: true
  /** The argument that names a file to be read: what a call before it gave. */
  reads?: string
  /** The argument that names a file that it writes: what it gives, instead of its standard output. */
  writes?: string
  /** Addresses of the nodes that are asked. */
  nodes?: (args: A) => string[]
  /** Its output may hold secrets: it stays in memory and is never shown. */
  secret?: boolean
  changes?: (args: A) => boolean
  /** It is what the profile names a context for backups for. */
  backup?: true
  /** What goes to its standard input. */
  input?: (args: A) => string
  /** The child talks to the person on the terminal. */
  terminal?: boolean
  /** It asks the person on the terminal where it has to, behind its own standard input and output. */
  mayAsk?: boolean
  cwd?: (args: A) => string
  /** Most bytes of output, where the default does not fit. */
  maxBytes?: number
}

export type VerbTable<N extends VerbName> = { [K in N]: Verb<Verbs[K]> }
