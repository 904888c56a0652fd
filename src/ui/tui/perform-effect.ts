import { plain } from '../../contract.ts'
import { Refusal } from '../../engine/errors.ts'
import type { WizardHost, WizardWorld } from '../host.ts'
import { planCommands } from '../report/plan-text.ts'
import { handOver } from './hand-over.ts'
import { type Effect, nextWorthDoing, type Overlay, push, replaceTop } from './model.ts'
import type { WizardState } from './wizard-state.ts'

/** Performs one effect by calling the session, the host or the terminal, and shows what came of it. */

/** The screen, as far as an effect reaches it. */
export interface InkApp {
  exit: () => void
  suspendTerminal: (run: () => Promise<void>) => Promise<void>
}

export interface Around {
  host: WizardHost
  terminal: { stdin: { pause: () => unknown; resume: () => unknown; ref?: () => unknown }; write: (text: string) => void }
  app: () => InkApp | undefined
  leave: () => void
}

export async function performEffect(effect: Effect, state: WizardState, around: Around): Promise<void> {
  const { world } = state
  switch (effect.kind) {
    case 'open':
      return open(state, await around.host.open(effect.choice), around)
    case 'quit':
      return around.leave()
    case 'stop':
      world?.session.stop()
      return
    case 'forget': {
      const { [effect.draft]: _, ...drafts } = state.ui.drafts
      return state.set({ ...state.ui, drafts })
    }
    case 'copy': {
      const { made } = state.ui
      if (made && world)
        copy(
          around,
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
      return look(state, effect.steps)
    case 'plan': {
      const plan = await session.plan(effect.stage)
      const reviews = await session.review(plan)
      return state.set({ ...state.ui, made: { stage: effect.stage, plan, reviews } })
    }
    case 'apply':
      return apply(state, world)
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
      return showKeys(state, [])
    case 'keys.create':
      return showKeys(state, [await world.keys.create()])
    case 'keys.protect': {
      let said = ''
      await lend(around, async () => {
        said = await world.keys.protect()
      })
      return showKeys(state, [said])
    }
    case 'keys.add':
      return showKeys(state, [await world.keys.add(effect.name, effect.recipient, effect.opens)])
    case 'init':
      return open(state, await around.host.init(world, effect.name, effect.environment), around)
    case 'resume': {
      const found = await session.resume(effect.run, { takeBack: effect.takeBack === true })
      const overlay = state.ui.overlays.at(-1)
      if (overlay?.kind === 'unfinished') {
        const said = [
          ...overlay.said,
          `What became of it: ${found.result}. ${found.reason}.`,
          ...(found.back ? [`It would be taken back with: ${plain(world.commandLine(found.back))}`] : []),
        ]
        const open = found.result === 'cannot tell' ? { open: effect.run, back: found.back !== undefined } : {}
        state.set(replaceTop(state.ui, { kind: 'unfinished', said, ...open }))
      }
      return
    }
  }
}

/** Gives the terminal to a tool that asks for something. */
async function lend(around: Around, run: () => Promise<void>): Promise<void> {
  const app = around.app()
  if (!app) return
  await handOver((job) => app.suspendTerminal(job), around.terminal.stdin, run)
}

async function open(state: WizardState, world: WizardWorld, around: Around): Promise<void> {
  state.enter(world)
  world.session.lendTerminal((run) => lend(around, run))
  const first = world.steps[0]?.id ?? ''
  state.set({ ...state.ui, steps: world.steps, selected: state.ui.selected || first, opening: false })
  const left = await world.session.open()
  if (left.length > 0)
    state.set(
      push(state.ui, {
        kind: 'unfinished',
        said: left.map(
          (l) =>
            `The run of ${l.at.slice(0, 19).replace('T', ' ')} (${l.stage === 'undo' ? 'undo of ' : ''}${l.steps.join(', ')}) did not end by itself.${l.done.length > 0 ? ` Done: ${l.done.join(', ')}.` : ''} Not finished: ${l.left.join(', ')}.`,
        ),
      }),
    )
  else await look(state)
}

async function look(state: WizardState, steps?: string[]): Promise<void> {
  const { world } = state
  if (!world) return
  const first = !state.session?.report
  await world.session.look(steps)
  if (first && state.ui.selected === (world.steps[0]?.id ?? ''))
    state.set({ ...state.ui, selected: nextWorthDoing({ ...state.ui, selected: '' }, state.session) ?? state.ui.selected })
}

async function apply(state: WizardState, world: WizardWorld): Promise<void> {
  const { made } = state.ui
  if (!made) return
  const refused = made.reviews.find((r) => r.dryRun && !r.dryRun.ok)
  if (refused)
    throw new Refusal(
      'dry-run-refused',
      `${made.plan.parts.find((p) => p.digest === refused.part)?.object.name} would refuse the change: ${refused.dryRun?.text}`,
      'nothing was changed',
    )
  const result = await world.session.apply(made.plan, { how: 'enter on the review screen' }).catch((error) => {
    // what was carried out is no plan any more, whatever went wrong behind it
    if (state.session?.run?.plan === made.plan) state.setQuietly({ ...state.ui, made: undefined, tab: 'run' })
    else state.setQuietly({ ...state.ui, tab: 'plan' })
    throw error
  })
  state.last = { made, done: result.done.map((p) => p.object.name) }
  state.set({ ...state.ui, made: undefined, tab: 'run', scroll: 0 })
}

async function showKeys(state: WizardState, said: string[]): Promise<void> {
  const info = await state.world?.keys.info()
  const overlay = state.ui.overlays.at(-1)
  const shown: Overlay = { kind: 'keys', said, ...(info ? { info } : {}) }
  state.set(overlay?.kind === 'keys' ? replaceTop(state.ui, shown) : push(state.ui, shown))
}

/** Puts text on the clipboard of terminals that let programs do that. */
const copy = ({ terminal }: Around, text: string): void => terminal.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`)
