import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type IPty, spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'

/** Whole runs of the program in a pseudo-terminal, seen through a terminal emulator. Waits are for content, never for time. */

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const PROGRAM = join(ROOT, 'bin', 'talos-preflight.js')

export interface Size {
  columns: number
  rows: number
}

export const SMALL: Size = { columns: 80, rows: 24 }
export const LARGE: Size = { columns: 120, rows: 40 }
export const SIZES: Size[] = [SMALL, LARGE]
export const sizeName = ({ columns, rows }: Size): string => `${columns}x${rows}`

/** How long content may take to come before the test fails with what was on the screen instead. */
const LIMIT = 25_000

const temporary = new Set<string>()

/** A folder of its own whose path always has the same length, so that frames that show it break their lines at the same place. */
export function temporaryFolder(): string {
  const folder = mkdtempSync('/tmp/tp-')
  temporary.add(folder)
  return folder
}

export function removeTemporaryFolders(): void {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true })
  temporary.clear()
}

export interface StartOptions {
  args?: string[]
  size?: Size
  /** On top of the clean environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>
  home?: string
  cwd?: string
  /** Another program than ours: its file and arguments. */
  run?: [file: string, ...args: string[]]
}

/** The environment of a person who has just logged in: a terminal, UTF-8, and nothing else that we look at. */
export function cleanEnvironment(home: string, more: Record<string, string | undefined> = {}): Record<string, string> {
  const given: Record<string, string | undefined> = {
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    PATH: join(home, 'bin'),
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...more,
  }
  return Object.fromEntries(Object.entries(given).filter((e): e is [string, string] => e[1] !== undefined))
}

/** Where a run with this home keeps its simulated world. */
export const practiceFolder = (home: string, scenario = 'default'): string => join(home, 'state', 'talos-preflight', 'practice', scenario)

/** Keys by the names that the footer and the help use for them. */
const KEYS: Record<string, string> = {
  enter: '\r',
  esc: '\u001b',
  escape: '\u001b',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  'page up': '\u001b[5~',
  'page down': '\u001b[6~',
  tab: '\t',
  'shift+tab': '\u001b[Z',
  backspace: '\u007f',
  space: ' ',
}

export function bytesOf(key: string): string {
  const ctrl = /^ctrl\+([a-z])$/.exec(key)?.[1]
  if (ctrl) return String.fromCharCode(ctrl.charCodeAt(0) - 96)
  const bytes = KEYS[key] ?? ([...key].length === 1 ? key : undefined)
  if (bytes === undefined) throw new Error(`there is no key "${key}"`)
  return bytes
}

type Wanted = RegExp | string | ((screen: string) => boolean)
const isThere = (wanted: Wanted, screen: string): boolean =>
  typeof wanted === 'function' ? wanted(screen) : typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen)

const framed = (screen: string): string => screen.replace(/^/gm, '  | ')

export class Terminal {
  readonly home: string
  readonly ended: Promise<{ exitCode: number; signal: number | undefined }>
  #pty: IPty
  #screen: InstanceType<typeof xterm.Terminal>
  #raw = ''
  #changes = new Set<() => void>()
  #end: { exitCode: number; signal: number | undefined } | undefined

  constructor(options: StartOptions = {}) {
    const { columns, rows } = options.size ?? SMALL
    this.home = options.home ?? temporaryFolder()
    const cwd = options.cwd ?? join(this.home, 'here')
    mkdirSync(cwd, { recursive: true })
    const [file, ...args] = options.run ?? [process.execPath, PROGRAM, ...(options.args ?? [])]
    this.#screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 5000 })
    const env = cleanEnvironment(this.home, options.env)
    this.#pty = spawn(file, args, { name: env.TERM ?? 'xterm-256color', cols: columns, rows, cwd, env })
    this.#pty.onData((data) => {
      this.#raw += data
      this.#screen.write(data, () => this.#changed())
    })
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        // what was written last is parsed first
        this.#screen.write('', () => {
          this.#end = { exitCode, signal: signal || undefined }
          running.delete(this)
          this.#changed()
          resolve(this.#end)
        })
      })
    })
    running.add(this)
  }

  #changed(): void {
    for (const change of [...this.#changes]) change()
  }

  get pid(): number {
    return this.#pty.pid
  }

  /** Every byte that came. */
  get raw(): string {
    return this.#raw
  }

  /** The visible rows, without the blanks at their ends. */
  rows(): string[] {
    const { active } = this.#screen.buffer
    return Array.from(
      { length: this.#screen.rows },
      (_, i) =>
        active
          .getLine(active.viewportY + i)
          ?.translateToString(true)
          .trimEnd() ?? '',
    )
  }

  screen(): string {
    return this.rows().join('\n').trimEnd()
  }

  /** Everything on the normal screen, what has scrolled away too; lines that the terminal broke are whole again. */
  transcript(): string {
    const { normal } = this.#screen.buffer
    let text = ''
    for (let i = 0; i < normal.length; i++) {
      const line = normal.getLine(i)
      text += `${line?.isWrapped ? '' : '\n'}${line?.translateToString(true) ?? ''}`
    }
    return text.trim()
  }

  get onAlternateScreen(): boolean {
    return this.#screen.buffer.active.type === 'alternate'
  }

  /** Waits until the screen shows it. Fails with what is shown instead, when the program has ended or the limit is over. */
  until(wanted: Wanted, label = String(wanted), look: () => string = () => this.screen()): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(limit)
        this.#changes.delete(check)
      }
      const fail = (why: string) => {
        stop()
        reject(new Error(`${label}: ${why}\n${framed(look())}`))
      }
      const check = () => {
        // a frame that is still being written is no screen
        if (this.#screen.modes.synchronizedOutputMode && !this.#end) return
        const screen = look()
        if (isThere(wanted, screen)) {
          stop()
          resolve(screen)
        } else if (this.#end) fail(`the program has ended with ${this.#end.exitCode}; the screen is`)
      }
      const limit = setTimeout(() => fail(`not there after ${LIMIT / 1000} s; the screen is`), LIMIT)
      this.#changes.add(check)
      check()
    })
  }

  /** Waits for text on the normal screen, scrolled away or not. */
  untilSaid(wanted: Wanted, label = String(wanted)): Promise<string> {
    return this.until(wanted, label, () => this.transcript())
  }

  /** Waits for the end; fails with the screen where it does not come. */
  async end(): Promise<{ exitCode: number; signal: number | undefined }> {
    if (!this.#end) await this.until(() => this.#end !== undefined, 'the program ends')
    return this.ended
  }

  /** Bytes as they are, in one write. */
  write(bytes: string): void {
    this.#pty.write(bytes)
  }

  press(...keys: string[]): void {
    for (const key of keys) this.write(bytesOf(key))
  }

  resize({ columns, rows }: Size): void {
    this.#screen.resize(columns, rows)
    this.#pty.resize(columns, rows)
  }

  signal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGKILL'): void {
    process.kill(this.#pty.pid, name)
  }

  /** Ends what still runs. */
  async kill(): Promise<void> {
    if (this.#end) return
    try {
      this.signal('SIGKILL')
    } catch {
      // it ended by itself, and its end is on the way
    }
    await this.ended
  }
}

/** Waits for a file that another process makes. */
export async function untilExists(path: string): Promise<void> {
  const end = Date.now() + LIMIT
  while (!existsSync(path)) {
    if (Date.now() > end) throw new Error(`there is no ${path} after ${LIMIT / 1000} s`)
    await delay(10)
  }
}

const running = new Set<Terminal>()

/** For `afterEach`: ends what a failed test left running and takes its folders away. */
export async function cleanUp(): Promise<void> {
  await Promise.all([...running].map((t) => t.kill()))
  removeTemporaryFolders()
}
