import { EXIT, Refusal } from '../../engine/errors.ts'
import type { WizardHost, WizardWorld } from '../host.ts'
import { explainError } from './explain-error.ts'
import { boundName, type KeyPress } from './input.ts'
import { commandOf } from './keys.ts'
import type { Command, Effect } from './model.ts'
import { type Around, type InkApp, performEffect } from './perform-effect.ts'
import { update } from './update.ts'
import { withDoors } from './updates/doors.ts'
import { edit, typeText } from './updates/field.ts'
import { WizardState } from './wizard-state.ts'

/** Turns keys into commands, commands into state and effects, and begins the effects; knows what is under way. */

/** Keys pressed in one breath do one of each of these at a time. */
const ONE_OF: Partial<Record<Effect['kind'], string>> = {
  resume: 'resume',
  init: 'init',
  'keys.create': 'identity',
  'keys.protect': 'identity',
}

export class Controller {
  readonly host: WizardHost
  #state: WizardState
  #around: Around
  #app: InkApp | undefined
  #working: Promise<void> = Promise.resolve()
  #changes = 0
  #underWay = new Set<string>()
  left = false
  /** Left with Ctrl-C: the exit code says so. */
  interrupted = false
  /** What to end with where nothing was looked at: not as if all were well, where it could not be opened. */
  withoutReport: number = EXIT.ok

  readonly subscribe: WizardState['subscribe']
  readonly snapshot: WizardState['snapshot']
  readonly now: WizardState['now']
  readonly drawn: WizardState['drawn']

  constructor(host: WizardHost, terminal: Around['terminal']) {
    this.host = host
    this.#state = new WizardState(host.words)
    this.#around = { host, terminal, app: () => this.#app, leave: () => this.leave() }
    this.subscribe = this.#state.subscribe
    this.snapshot = this.#state.snapshot
    this.now = this.#state.now
    this.drawn = this.#state.drawn
  }

  attach = (app: InkApp): (() => void) => {
    this.#app = app
    return () => {
      this.#app = undefined
    }
  }
  get world(): WizardWorld | undefined {
    return this.#state.world
  }
  get last(): WizardState['last'] {
    return this.#state.last
  }

  /** Looks for clusters; the first screen does not wait for it. */
  async begin(): Promise<void> {
    const state = this.#state
    if (this.host.straight) {
      state.set({ ...state.ui, opening: true })
      await this.#run([{ kind: 'open', choice: this.host.straight }])
      // what could not be opened leaves the doors, which need to know what is behind them
      if (this.left || state.world) return
    }
    const doors = await this.host.doors().catch((error: Error) => ({ place: '', contexts: [], problems: [error.message] }))
    const { ui, effects } = withDoors(state.ui, doors, this.host.words)
    state.set(ui)
    this.#begin(effects)
  }

  press = (press: KeyPress): void => {
    const state = this.#state
    const { view } = state.snapshot()
    const form = state.ui.overlays.at(-1)
    const name = boundName(press)
    const edited = form?.kind === 'form' ? edit(state.ui, name) : undefined
    if (name === 'ctrl+c') this.#command('interrupt')
    else if (form?.kind === 'form' && 'text' in press) state.set(typeText(view, press.text))
    else if (edited) state.set(edited)
    else {
      const command = commandOf(view, name)
      // keys that came in one burst must not agree to a change that was never on the screen
      if (command === 'enter' && form?.kind === 'review' && form !== state.overlayDrawn) return
      if (command) this.#command(command)
    }
  }

  paste = (text: string): void => this.#state.set(typeText(this.#state.snapshot().view, text))

  #command(command: Command): void {
    const { ui, effects } = update(this.#state.snapshot().view, command)
    if (command === 'interrupt' && effects.some((e) => e.kind === 'quit')) this.interrupted = true
    this.#state.set(ui)
    this.#begin(effects)
  }

  #begin(effects: readonly Effect[]): void {
    const before = this.#working
    this.#working = Promise.all([before, this.#run(effects)]).then(() => undefined)
  }

  /** Resolves when everything that was begun has ended, not just what the last key began. */
  settled = (): Promise<void> => this.#working

  /** Something is being changed, or is about to be: from consent to the look behind it. */
  get changing(): boolean {
    return this.#changes > 0
  }

  async #run(effects: readonly Effect[]): Promise<void> {
    for (const [index, effect] of effects.entries()) {
      const one = ONE_OF[effect.kind]
      if (one && this.#underWay.has(one)) continue
      if (one) this.#underWay.add(one)
      const changes = effect.kind === 'apply' || effect.kind === 'resume' ? 1 : 0
      this.#changes += changes
      try {
        await performEffect(effect, this.#state, this.#around)
      } catch (error) {
        if (effect.kind === 'open') this.withoutReport = error instanceof Refusal ? EXIT.usage : EXIT.broken
        if (this.left) return
        const explained = explainError(this.#state.ui, this.#state.world, error, effects.slice(index))
        this.#state.set(explained.ui)
        this.#begin(explained.effects)
        return
      } finally {
        if (one) this.#underWay.delete(one)
        this.#changes -= changes
      }
    }
  }

  /** Takes the screen down. What is under way is stopped after the object at hand. */
  leave(): void {
    this.left = true
    const { session, world } = this.#state
    if (session && session.activity.kind !== 'idle') world?.session.stop()
    this.#app?.exit()
  }
}
