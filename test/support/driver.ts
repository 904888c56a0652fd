import { bytesOf, type Terminal } from './terminal.ts'

/** Presses only keys that the screen shows, in its footer or in its help, as somebody would who has never seen the program. */

/** What a footer shows for keys that come in pairs. */
const SHOWN_AS: Record<string, string[]> = {
  '↑↓': ['up', 'down'],
  'up/down': ['up', 'down'],
  '→': ['right'],
  '←': ['left'],
  '←→': ['left', 'right'],
  'left/right': ['left', 'right'],
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
    // a field with options tells of its keys in its hint
    const choosing = / left and right choose$/m.test(this.terminal.screen()) ? [{ keys: ['left', 'right'], label: 'choose' }] : []
    return [...keysOfFooter(footer), ...choosing, ...this.#helped]
  }

  /** @throws Error for a key that nothing on the screen tells of. */
  press(key: string): void {
    if (!this.shown().some((s) => s.keys.includes(key)))
      throw new Error(`the screen does not show the key "${key}":\n${this.terminal.screen()}`)
    this.#helped = []
    this.terminal.write(bytesOf(key))
  }

  /** Goes over the checklist to a step. */
  async choose(step: string, way: 'down' | 'up' = 'down'): Promise<void> {
    const picked = () => /[>❯] \S (\S+)/.exec(this.terminal.rows().find((row) => / > \S [A-Z0-9]+-\d+ /.test(row)) ?? '')?.[1] ?? ''
    while (picked() !== step) {
      const before = picked()
      this.press(way)
      await this.terminal.until(() => picked() !== before && picked() !== '', `a step behind ${before}, on the way to ${step}`)
    }
  }

  /** Types into the field at hand. @throws Error where no form is open that shows one. */
  type(text: string): void {
    const isForm = this.shown().some(({ label }) => label === 'next field' || label === 'done')
    if (!isForm || !this.terminal.rows().some((row) => / {1,2}> \S/.test(row)))
      throw new Error(`there is no field to type "${text}" into:\n${this.terminal.screen()}`)
    this.#helped = []
    this.terminal.write(text)
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

/** What a fresh practice cluster comes to. A new step changes it here, and in the frames. */
export const FRESH = { steps: 13, fail: 12, unknown: 1 }
export const FRESH_SAID = `0 of ${FRESH.steps} done, ${FRESH.fail} fail, ${FRESH.unknown} unknown.`

/** The checklist of a fresh practice cluster, looked at and at rest. */
export const RED = new RegExp(`looked at[\\s\\S]*${FRESH.fail} fail[\\s\\S]*${FRESH.unknown} unknown[\\s\\S]*enter open .*n next to do`)

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

  /** Picks a line of a list with the arrow, as far as it takes: a list goes round. */
  async choose(question: string, label: string): Promise<void> {
    await this.asked(question)
    const picked = () => this.terminal.rows().findLast((l) => l.startsWith('❯ ')) ?? ''
    const first = picked()
    let before = ''
    while (!picked().startsWith(`❯ ${label}`) && (before === '' || picked() !== first)) {
      before = picked()
      this.terminal.press('down')
      await this.terminal.until(() => picked() !== before && picked() !== '', `another line than ${before}`)
    }
    if (!picked().startsWith(`❯ ${label}`)) throw new Error(`there is no "${label}" to choose:\n${this.terminal.screen()}`)
    await this.#answer('')
  }

  /** The lines of a list that is open, also those that do not fit. */
  async choices(question: string): Promise<string[]> {
    await this.asked(question)
    const picked = () => this.terminal.rows().findLast((l) => l.startsWith('❯ ')) ?? ''
    const found = [picked()]
    for (;;) {
      const before = picked()
      this.terminal.press('down')
      await this.terminal.until(() => picked() !== before && picked() !== '', `another line than ${before}`)
      if (picked() === found[0]) return found.map((line) => line.slice(2).trim())
      found.push(picked())
    }
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
