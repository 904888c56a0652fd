import { Failure, Interrupted, Refusal } from '../../engine/errors.ts'
import type { SessionState } from '../../engine/session.ts'
import type { WizardHost, WizardWorld } from '../host.ts'
import { planCommands } from '../report/text.ts'
import { handOver } from './hand-over.ts'
import { boundName, type KeyPress } from './input.ts'
import { commandOf } from './keys.ts'
import {
  type Effect,
  erase,
  field,
  initialUi,
  type MadePlan,
  nextWorthDoing,
  type Overlay,
  push,
  replaceTop,
  typeText,
  type Ui,
  update,
  type View,
  withDoors,
} from './model.ts'

/** Turns keys into commands, commands into state and effects, and effects into calls of the session. */

export interface Snapshot {
  view: View
  world: WizardWorld | undefined
}

interface InkApp {
  exit: () => void
  suspendTerminal: (run: () => Promise<void>) => Promise<void>
}

/** Keys pressed in one breath do one of each of these at a time. */
const ONE_OF: Partial<Record<Effect['kind'], string>> = {
  resume: 'resume',
  init: 'init',
  'keys.create': 'identity',
  'keys.protect': 'identity',
}

export class Controller {
  readonly host: WizardHost
  #ui: Ui = initialUi
  #world: WizardWorld | undefined
  #session: SessionState | undefined
  #snapshot: Snapshot
  #listeners = new Set<() => void>()
  #app: InkApp | undefined
  #stdin: { pause: () => unknown; resume: () => unknown; ref?: () => unknown }
  /** Puts text on the clipboard of terminals that let programs do that. */
  #copy: (text: string) => void
  #unsubscribe: () => void = () => undefined
  /** What the last run was for, for the lines that stay on the screen. */
  #last: { made: MadePlan; done: string[] } | undefined
  #working: Promise<void> = Promise.resolve()
  #changes = 0
  #underWay = new Set<string>()
  /** What is on the screen: how far it scrolls, and the interruption that a person can see. */
  #drawn: { scrollMost: number; overlay: Overlay | undefined } = { scrollMost: 0, overlay: undefined }
  left = false
  /** Left with Ctrl-C: the exit code says so. */
  interrupted = false

  constructor(host: WizardHost, terminal: { stdin: Controller['stdinType']; write: (text: string) => void }) {
    this.host = host
    this.#stdin = terminal.stdin
    this.#copy = (text) => terminal.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`)
    this.#snapshot = this.#take()
  }

  /** The type of the terminal's input, as far as it is handed over. */
  declare readonly stdinType: { pause: () => unknown; resume: () => unknown; ref?: () => unknown }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  snapshot = (): Snapshot => this.#snapshot
  now = (): Date => this.#world?.now() ?? new Date()
  attach = (app: InkApp): (() => void) => {
    this.#app = app
    return () => {
      this.#app = undefined
    }
  }
  get world(): WizardWorld | undefined {
    return this.#world
  }
  get last(): { made: MadePlan; done: string[] } | undefined {
    return this.#last
  }

  #take(): Snapshot {
    const today = (this.#world?.now() ?? new Date()).toISOString().slice(0, 10)
    return {
      view: { ui: this.#ui, session: this.#session, today, scrollMost: this.#drawn.scrollMost, words: this.host.words },
      world: this.#world,
    }
  }
  #changed(): void {
    this.#snapshot = this.#take()
    for (const listener of this.#listeners) listener()
  }
  #set(ui: Ui): void {
    this.#ui = ui
    this.#changed()
  }

  /** Looks for clusters; the first screen does not wait for it. */
  async begin(): Promise<void> {
    if (this.host.straight) {
      this.#set({ ...this.#ui, opening: true })
      await this.#run([{ kind: 'open', choice: this.host.straight }])
      return
    }
    const doors = await this.host.doors().catch((error: Error) => ({ place: '', contexts: [], problems: [error.message] }))
    const { ui, effects } = withDoors(this.#ui, doors, this.host.words)
    this.#set(ui)
    this.#begin(effects)
  }

  /** Called when a screen is drawn. */
  drawn = (scrollMost: number, overlay: Overlay | undefined): void => {
    const changed = scrollMost !== this.#drawn.scrollMost
    this.#drawn = { scrollMost, overlay }
    if (changed) this.#snapshot = this.#take()
  }

  press = (press: KeyPress): void => {
    const view = this.#snapshot.view
    const form = this.#ui.overlays.at(-1)
    const name = boundName(press)
    if (name === 'ctrl+c') this.#command('interrupt')
    else if (form?.kind === 'form' && 'text' in press) this.#set(typeText(this.#ui, press.text))
    else if (form?.kind === 'form' && name === 'backspace') this.#set(erase(this.#ui, 'character'))
    else if (form?.kind === 'form' && name === 'ctrl+u') this.#set(erase(this.#ui, 'line'))
    else {
      const command = commandOf(view, name)
      // keys that came in one burst must not agree to a change that was never on the screen
      if (command === 'enter' && form?.kind === 'review' && form !== this.#drawn.overlay) return
      if (command) this.#command(command)
    }
  }

  paste = (text: string): void => this.#set(typeText(this.#ui, text))

  #command(command: Parameters<typeof update>[1]): void {
    const { ui, effects } = update(this.#snapshot.view, command)
    if (command === 'interrupt' && effects.some((e) => e.kind === 'quit')) this.interrupted = true
    this.#set(ui)
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
    for (const effect of effects) {
      const one = ONE_OF[effect.kind]
      if (one && this.#underWay.has(one)) continue
      if (one) this.#underWay.add(one)
      const changes = effect.kind === 'apply' || effect.kind === 'resume' ? 1 : 0
      this.#changes += changes
      try {
        await this.#perform(effect)
      } catch (error) {
        if (this.left) return
        this.#explain(error)
        return
      } finally {
        if (one) this.#underWay.delete(one)
        this.#changes -= changes
      }
    }
  }

  /** An error as a screen; two of them have a better answer than a text. */
  #explain(error: unknown): void {
    this.#ui = { ...this.#ui, opening: false }
    const code = error instanceof Refusal || error instanceof Failure ? error.code : error instanceof Interrupted ? 'interrupted' : 'bug'
    if (code === 'interrupted') {
      this.#changed()
      return
    }
    if (code === 'cannot-seal') {
      this.#set(push(this.#ui, { kind: 'keys', said: [] }))
      this.#begin([{ kind: 'keys' }])
      return
    }
    if (code === 'no-workspace' && this.#world) {
      const environments = ['production', 'staging', 'lab']
      this.#set(
        push(this.#ui, {
          kind: 'form',
          form: 'init',
          title: 'A workspace is needed',
          about: [
            'Changes need a folder for the journal and the sealed configs. It is meant for git: no plaintext secret is put into it. Two files are written here: preflight.yaml and .gitignore.',
          ],
          fields: [
            field('name', 'Name of the cluster', 'as you call it', this.#world.header.cluster),
            field('environment', 'Environment', 'left and right choose', 'production', environments),
          ],
          at: 0,
        }),
      )
      return
    }
    const message = error instanceof Error ? error.message : String(error)
    const hint =
      error instanceof Refusal || error instanceof Failure
        ? (error.hint ?? '')
        : 'This is a fault of the program. Nothing is repeated by itself at the next start.'
    this.#set(push(this.#ui, { kind: 'error', code, message, hint }))
  }

  async #open(world: WizardWorld): Promise<void> {
    this.#unsubscribe()
    this.#world = world
    this.#session = world.session.state()
    this.#unsubscribe = world.session.subscribe(() => {
      this.#session = world.session.state()
      this.#changed()
    })
    const first = world.steps[0]?.id ?? ''
    this.#set({ ...this.#ui, steps: world.steps, selected: this.#ui.selected || first, opening: false })
    const left = await world.session.open()
    if (left.length > 0)
      this.#set(
        push(this.#ui, {
          kind: 'unfinished',
          said: left.map(
            (l) =>
              `The run of ${l.at.slice(0, 19).replace('T', ' ')} did not end by itself.${l.done.length > 0 ? ` Done: ${l.done.join(', ')}.` : ''} Not finished: ${l.left.join(', ')}.`,
          ),
        }),
      )
    else await this.#look()
  }

  async #look(steps?: string[]): Promise<void> {
    const world = this.#world
    if (!world) return
    const first = !this.#session?.report
    await world.session.look(steps)
    if (first && this.#ui.selected === (world.steps[0]?.id ?? ''))
      this.#set({ ...this.#ui, selected: nextWorthDoing({ ...this.#ui, selected: '' }, this.#session) ?? this.#ui.selected })
  }

  async #perform(effect: Effect): Promise<void> {
    const world = this.#world
    switch (effect.kind) {
      case 'open':
        return this.#open(await this.host.open(effect.choice))
      case 'quit':
        return this.leave()
      case 'stop':
        world?.session.stop()
        return
      case 'copy': {
        const { made } = this.#ui
        if (made && world)
          this.#copy(
            planCommands(made.plan, world)
              .flatMap((p) => [`# ${p.object}`, ...p.commands])
              .join('\n'),
          )
        return
      }
    }
    if (!world) return
    const { session } = world
    switch (effect.kind) {
      case 'look':
        return this.#look(effect.steps)
      case 'plan': {
        const plan = await session.plan(effect.stage)
        const reviews = await session.review(plan)
        return this.#set({ ...this.#ui, made: { stage: effect.stage, plan, reviews } })
      }
      case 'apply': {
        const made = this.#ui.made
        if (!made) return
        const refused = made.reviews.find((r) => r.dryRun && !r.dryRun.ok)
        if (refused)
          throw new Refusal(
            'dry-run-refused',
            `${made.plan.parts.find((p) => p.digest === refused.part)?.object.name} would refuse the change: ${refused.dryRun?.text}`,
            'nothing was changed',
          )
        const result = await session.apply(made.plan, { how: 'enter on the review screen' }).catch((error) => {
          this.#ui = { ...this.#ui, tab: 'plan' }
          throw error
        })
        this.#last = { made, done: result.done.map((p) => p.object.name) }
        return this.#set({ ...this.#ui, made: undefined, tab: 'run', scroll: 0 })
      }
      case 'word': {
        const today = world.now().toISOString().slice(0, 10)
        const word = {
          step: effect.step,
          ...(effect.object ? { object: effect.object } : {}),
          by: world.operator,
          why: effect.why,
          on: today,
          until: effect.until,
        }
        return effect.word === 'attest' ? session.attest(word) : session.waive(word)
      }
      case 'answer':
        return session.answer(effect.step, effect.question, effect.text)
      case 'keys':
        return this.#showKeys([])
      case 'keys.create':
        return this.#showKeys([await world.keys.create()])
      case 'keys.protect': {
        const app = this.#app
        if (!app) return
        const said = await handOver(
          (run) => app.suspendTerminal(run),
          this.#stdin,
          () => world.keys.protect(),
        )
        return this.#showKeys([said])
      }
      case 'keys.add':
        return this.#showKeys([await world.keys.add(effect.name, effect.recipient)])
      case 'init':
        return this.#open(await this.host.init(world, effect.name, effect.environment))
      case 'resume': {
        const found = await session.resume(effect.run)
        const overlay = this.#ui.overlays.at(-1)
        if (overlay?.kind === 'unfinished')
          this.#set(replaceTop(this.#ui, { ...overlay, said: [...overlay.said, `What became of it: ${found.result}. ${found.reason}.`] }))
        return
      }
    }
  }

  async #showKeys(said: string[]): Promise<void> {
    const info = await this.#world?.keys.info()
    const overlay = this.#ui.overlays.at(-1)
    const shown: Overlay = { kind: 'keys', said, ...(info ? { info } : {}) }
    this.#set(overlay?.kind === 'keys' ? replaceTop(this.#ui, shown) : push(this.#ui, shown))
  }

  /** Takes the screen down. What is under way is stopped after the object at hand. */
  leave(): void {
    this.left = true
    if (this.#session && this.#session.activity.kind !== 'idle') this.#world?.session.stop()
    this.#app?.exit()
  }
}
