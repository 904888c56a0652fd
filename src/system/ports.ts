/**
 * The six ports to the world, as types. Everything that has an effect goes through one of them; practice implements all but the
 * terminal a second time.
 */

export interface ProcessSpec {
  file: string
  args: readonly string[]
  input?: Buffer | string
  /** A file whose descriptor is the child's standard input: its bytes do not pass through us. */
  inputFile?: string
  /** A new file (mode 0600) whose descriptor is the child's standard output; on disk when the child has ended. */
  outputFile?: string
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
  /** A Ctrl-C on our terminal does not reach it. `to its end`: it outlives us, for what changes something. `until we end`: it does not. */
  apart?: 'to its end' | 'until we end'
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

/** An open file that is read anywhere. */
export interface RandomAccess {
  /** Bytes, at the time it was opened. */
  size: number
  /**
   * Fills the whole buffer from this position. Synchronous: a database of a gigabyte is a quarter of a million pages, and a promise
   * for each costs more than the page. Whoever reads much lets other work in between.
   * @throws Error with code `EOF` where the file is shorter, else what the system says
   */
  read: (buffer: Uint8Array, position: number) => void
  close: () => Promise<void> | void
}

export interface Files {
  home: string
  /** Where the program was started. */
  cwd: string
  env: Readonly<Record<string, string | undefined>>
  read: (path: string) => Promise<Buffer>
  /** Reads in pieces until `take` returns false. A piece is good until then: whoever keeps one makes a copy. */
  readChunks: (path: string, take: (chunk: Buffer) => boolean) => Promise<void>
  /** Opens a plain file for reading; anything else is refused with code `ENOTFILE` and is not waited for. */
  open: (path: string) => Promise<RandomAccess>
  info: (path: string) => Promise<FileInfo | undefined>
  /** Where links lead; undefined where they lead nowhere. */
  real: (path: string) => Promise<string | undefined>
  list: (path: string) => Promise<{ name: string; kind: FileInfo['kind'] }[]>
  /** A file that must not exist yet; on disk when it returns. Readers see the whole of it or none, where the file system has hard links. */
  create: (path: string, bytes: Buffer | string, mode: number) => Promise<void>
  /** The same from a stream of pieces. */
  createFrom: (path: string, pieces: AsyncIterable<Uint8Array>, mode: number) => Promise<void>
  /** The whole file at once: readers see the old or the new one. */
  replace: (path: string, bytes: Buffer | string, mode: number) => Promise<void>
  append: (path: string, text: string) => Promise<void>
  remove: (path: string) => Promise<void>
  rename: (from: string, to: string) => Promise<void>
  makeFolder: (path: string, mode: number) => Promise<void>
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** `unclear`: it asked, and then neither refused a client without one nor went on. */
export type AsksForCertificate = 'no' | 'optional' | 'required' | 'unclear'

/**
 * No TLS came about. `silent`: no connection opened. `mute`: one did, and not a byte came on it. `not tls`: something else came,
 * half of a handshake, one by somebody who does not have the key of the certificate, or the `alert` (RFC 8446 6) by which a TLS
 * server refused to go on. `aborted`: we were told to stop.
 */
export interface NoTls {
  answer: 'refused' | 'silent' | 'mute' | 'not tls' | 'aborted'
  alert?: number
}

/** What a TLS server shows of itself to a client without a certificate. */
export type Handshake =
  | NoTls
  | {
      answer: 'tls'
      /** What it chose when it was offered all. */
      protocol: TlsVersion
      /** Every version that it makes a handshake in, oldest first. */
      accepts: TlsVersion[]
      /** Versions about which it did not say anything in time. */
      unclear: TlsVersion[]
      /** DER, exactly those that were sent, in that order: its own first. */
      certificates: Buffer[]
      asksForCertificate: AsksForCertificate
      /** The CAs that it names to clients, such as `O=talos`. */
      authorities: string[]
      alpn?: string
    }

/** `not http`: there is TLS, and no HTTP/1 in it. `certificate required`: the server ends a handshake without a client certificate. */
export type Got =
  | NoTls
  | { answer: 'not http' | 'certificate required' }
  /** `date` is the header of that name, as it came. */
  | { answer: 'status'; status: number; date?: string }

export interface Network {
  /** Whether a TCP connection opens. */
  connect: (host: string, port: number, timeoutMs: number) => Promise<'open' | 'refused' | 'silent'>
  /** Opens `count` connections side by side and keeps those that open until they are released. Nothing is sent. Never rejects. */
  hold: (host: string, port: number, count: number, timeoutMs: number) => Promise<{ open: number; release: () => void }>
  /**
   * Makes TLS handshakes and ends each connection behind it: no certificate is shown, none is judged, no application data is sent.
   * `timeoutMs` is for one connection, and there are two turns of them. `protocols` is offered as ALPN. Never rejects.
   */
  handshake: (
    host: string,
    port: number,
    options: { timeoutMs: number; protocols?: readonly string[]; signal?: AbortSignal },
  ) => Promise<Handshake>
  /**
   * Asks for an HTTPS page as nobody in particular: no credential, no redirect followed, the server's certificate not judged, the
   * body not read. `path` is percent-encoded. Never rejects.
   */
  get: (url: { host: string; port: number; path: string }, options: { timeoutMs: number; signal?: AbortSignal }) => Promise<Got>
}

/** A private folder in memory, for tools that insist on a file. */
export interface Memory {
  /** Why nothing secret may be put there, or undefined where it may. */
  problem: () => Promise<{ reason: string; remedy: string } | undefined>
  keep: (name: string, bytes: Buffer) => Promise<{ path: string; remove: () => Promise<void> }>
  /** A path in it where a tool may write a file of its own. */
  place: (name: string) => Promise<{ path: string; remove: () => Promise<void> }>
  /** Bytes that still find room in it; 0 where nothing may be put there. */
  room: () => Promise<number>
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
