import type { SessionState } from '../../engine/state.ts'
import type { WizardWorld, Words } from '../host.ts'
import { initialUi, type MadePlan, type Overlay, type Ui, type View } from './model.ts'

/** What is shown at the moment: the wizard's own state, the open cluster and its session. Tells whoever draws when one of them changed. */

interface Snapshot {
  view: View
  world: WizardWorld | undefined
}

export class WizardState {
  #words: Words
  #ui: Ui = initialUi
  #world: WizardWorld | undefined
  #session: SessionState | undefined
  #snapshot: Snapshot
  #listeners = new Set<() => void>()
  #unsubscribe: () => void = () => undefined
  /** What is on the screen: how far it scrolls, and the interruption that a person can see. */
  #drawn: { scrollMost: number; overlay: Overlay | undefined } = { scrollMost: 0, overlay: undefined }
  /** What the last run was for, for the lines that stay on the screen. */
  last: { made: MadePlan; done: string[] } | undefined

  constructor(words: Words) {
    this.#words = words
    this.#snapshot = this.#take()
  }

  get ui(): Ui {
    return this.#ui
  }
  get world(): WizardWorld | undefined {
    return this.#world
  }
  get session(): SessionState | undefined {
    return this.#session
  }
  get overlayDrawn(): Overlay | undefined {
    return this.#drawn.overlay
  }

  now = (): Date => this.#world?.now() ?? new Date()
  snapshot = (): Snapshot => this.#snapshot
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(ui: Ui): void {
    this.#ui = ui
    this.#changed()
  }
  /** Tells nobody: the change is seen together with the next one. */
  setQuietly(ui: Ui): void {
    this.#ui = ui
  }

  /** From here on this cluster is the one that is open. */
  enter(world: WizardWorld): void {
    this.#unsubscribe()
    this.#world = world
    this.#session = world.session.state()
    this.#unsubscribe = world.session.subscribe(() => {
      this.#session = world.session.state()
      this.#changed()
    })
  }

  /** Called when a screen is drawn. */
  drawn = (scrollMost: number, overlay: Overlay | undefined): void => {
    const changed = scrollMost !== this.#drawn.scrollMost
    this.#drawn = { scrollMost, overlay }
    if (changed) this.#snapshot = this.#take()
  }

  #take(): Snapshot {
    const today = this.now().toISOString().slice(0, 10)
    return {
      view: { ui: this.#ui, session: this.#session, today, scrollMost: this.#drawn.scrollMost, words: this.#words },
      world: this.#world,
    }
  }
  #changed(): void {
    this.#snapshot = this.#take()
    for (const listener of this.#listeners) listener()
  }
}
