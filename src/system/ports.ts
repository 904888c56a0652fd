/**
 * The six ports to the world, as types. Everything that has an effect goes through one of them; practice implements all but the
 * terminal a second time.
 */

export interface ProcessSpec {
  file: string
  args: readonly string[]
  input?: Buffer | string
  /** The whole environment of the child; nothing is inherited beside it. */
  env: Record<string, string>
  cwd?: string
  timeoutMs: number
  /** More output than this ends the child; the answer is then marked `truncated`. */
  maxBytes: number
  /** Takes standard output piece by piece instead of keeping it. Returning false ends the child. */
  onChunk?: (chunk: Buffer) => boolean | undefined
  /** The child gets the terminal: its input, output and signals. `input` then still goes to its standard input. */
  terminal?: boolean
  /** Outlives a Ctrl-C of ours: for calls that change something. */
  apart?: boolean
  signal?: AbortSignal
  onStart?: (child: { pid: number; started: string }) => Promise<void>
}

export type Exit =
  | { started: false; reason: 'missing' | 'denied' | 'other'; message: string }
  | {
      started: true
      exitCode: number | undefined
      signal: string | undefined
      stdout: Buffer
      stderr: Buffer
      timedOut: boolean
      truncated: boolean
      aborted: boolean
      durationMs: number
    }

export interface Processes {
  run: (spec: ProcessSpec) => Promise<Exit>
  /** The path that a bare name resolves to on PATH. */
  find: (name: string) => Promise<string | undefined>
  self: () => { pid: number; started: string }
  alive: (ref: { pid: number; started: string }) => boolean
}

export interface FileInfo {
  kind: 'file' | 'folder' | 'link' | 'other'
  size: number
  mode: number
  mtimeMs: number
}

export interface Files {
  home: string
  /** Where the program was started. */
  cwd: string
  env: Readonly<Record<string, string | undefined>>
  read: (path: string) => Promise<Buffer>
  /** Reads in pieces until `take` returns false. */
  readChunks: (path: string, take: (chunk: Buffer) => boolean) => Promise<void>
  info: (path: string) => Promise<FileInfo | undefined>
  /** Where links lead; undefined where they lead nowhere. */
  real: (path: string) => Promise<string | undefined>
  list: (path: string) => Promise<{ name: string; kind: FileInfo['kind'] }[]>
  /** A file that must not exist yet; on disk when it returns. */
  create: (path: string, bytes: Buffer | string, mode: number) => Promise<void>
  /** The whole file at once: readers see the old or the new one. */
  replace: (path: string, bytes: Buffer | string, mode: number) => Promise<void>
  append: (path: string, text: string) => Promise<void>
  remove: (path: string) => Promise<void>
  rename: (from: string, to: string) => Promise<void>
  makeFolder: (path: string, mode: number) => Promise<void>
}

export interface Network {
  /** Whether a TCP connection opens. */
  connect: (host: string, port: number, timeoutMs: number) => Promise<'open' | 'refused' | 'silent'>
}

/** A private folder in memory, for tools that insist on a file. */
export interface Memory {
  /** Why nothing secret may be put there, or undefined where it may. */
  problem: () => Promise<string | undefined>
  keep: (name: string, bytes: Buffer) => Promise<{ path: string; remove: () => Promise<void> }>
  /** Empties what ended runs left behind; says how many. */
  clean: () => Promise<number>
}

export interface Clock {
  now: () => Date
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

export interface System {
  processes: Processes
  files: Files
  network: Network
  memory: Memory
  clock: Clock
}
