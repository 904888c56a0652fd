import { bytesOf, type Terminal } from './terminal.ts'

/** Presses only keys that the screen shows, in its footer or in its help, as somebody would who has never seen the program. */

/** What a footer shows for keys that come in pairs. */
const SHOWN_AS: Record<string, string[]> = {
  '↑↓': ['up', 'down'],
  'up/down': ['up', 'down'],
  '→': ['right'],
  '←': ['left'],
}

export interface ShownKey {
  keys: string[]
  label: string
}

/** The keys of a footer: ` enter open   ↑↓ choose   page down page down`. */
export function keysOfFooter(footer: string): ShownKey[] {
  return footer
    .split(/ {3,}/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      const [, key = '', label = ''] = /^(page up|page down|\S+) (.*)$/.exec(part) ?? []
      return { keys: SHOWN_AS[key] ?? [key], label }
    })
}

/** The keys of the help: `   up, k              choose`. */
export function keysOfHelp(screen: string): ShownKey[] {
  const lines = screen.split('\n')
  const from = lines.findIndex((l) => /^ {2}Keys here$/.test(l))
  return lines
    .slice(from + 1)
    .filter((l) => /^ {3}\S/.test(l))
    .map((l) => /^ {3}(\S.*?) {2,}(\S.*)$/.exec(l) ?? /^ {3}(\S+(?:, \S+)*) (\S.*)$/.exec(l))
    .filter((m) => m !== null)
    .map((m) => ({ keys: (m[1] ?? '').split(', '), label: m[2] ?? '' }))
}

export class Driver {
  readonly terminal: Terminal
  #helped: ShownKey[] = []

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  /** What can be pressed now. */
  shown(): ShownKey[] {
    const footer = this.terminal.rows().at(-1) ?? ''
    return [...keysOfFooter(footer), ...this.#helped]
  }

  /** @throws Error for a key that nothing on the screen tells of. */
  press(key: string): void {
    if (!this.shown().some((s) => s.keys.includes(key)))
      throw new Error(`the screen does not show the key "${key}":\n${this.terminal.screen()}`)
    this.#helped = []
    this.terminal.write(bytesOf(key))
  }

  /** Opens the help, reads it and closes it again; its keys may be pressed next. */
  async readHelp(): Promise<ShownKey[]> {
    this.press('?')
    const screen = await this.terminal.until(/^ {2}Keys here$/m, 'the help')
    const helped = keysOfHelp(screen)
    this.press('enter')
    await this.terminal.until((s) => !/^ {2}Keys here$/m.test(s), 'the screen under the help')
    this.#helped = helped
    return helped
  }
}

/** The checklist of a fresh practice cluster, looked at and at rest. */
export const RED = /looked at[\s\S]*3 fail[\s\S]*enter open .*n next to do/

/** Answers the questions of line mode: each is waited for by its text, and told from the earlier ones by how many were answered. */
export class LineDriver {
  readonly terminal: Terminal

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  /** Waits for an open question. Answered ones begin with a tick. */
  async asked(question: string): Promise<void> {
    await this.terminal.untilSaid(
      (said) => (said.split('\n').findLast((l) => /^[?✔] /.test(l)) ?? '').startsWith(`? ${question}`),
      question,
    )
  }

  /** Picks a line of a list with the arrow, as far as it takes. */
  async choose(question: string, label: string): Promise<void> {
    await this.asked(question)
    const picked = () => this.terminal.rows().findLast((l) => l.startsWith('❯ ')) ?? ''
    for (let i = 0; i < 20 && !picked().startsWith(`❯ ${label}`); i++) {
      const before = picked()
      this.terminal.press('down')
      await this.terminal.until(() => picked() !== before && picked() !== '', `another line than ${before}`)
    }
    if (!picked().startsWith(`❯ ${label}`)) throw new Error(`there is no "${label}" to choose:\n${this.terminal.screen()}`)
    await this.#answer('')
  }

  /** The lines of a list that is open. */
  async choices(question: string): Promise<string[]> {
    await this.asked(question)
    const rows = this.terminal.rows()
    const from = rows.findLastIndex((l) => l.startsWith(`? ${question}`))
    return rows
      .slice(from + 1)
      .map((l) => /^[❯ ] (\S.*)$/.exec(l)?.[1] ?? '')
      .filter(Boolean)
  }

  async type(question: string, text: string): Promise<void> {
    await this.asked(question)
    await this.#answer(text)
  }

  async #answer(text: string): Promise<void> {
    const ticks = () => this.terminal.transcript().match(/^✔ /gm)?.length ?? 0
    const before = ticks()
    this.terminal.write(`${text}\r`)
    await this.terminal.untilSaid(() => ticks() > before, 'the answer is taken')
  }
}
