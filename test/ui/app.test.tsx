import { setTimeout as delay } from 'node:timers/promises'
import { cleanup, render } from 'ink-testing-library'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WORDS } from '../../src/cli/words.ts'
import type { Word } from '../../src/contract.ts'
import { Refusal } from '../../src/engine/errors.ts'
import type { Plan } from '../../src/engine/plan.ts'
import type { Session } from '../../src/engine/session.ts'
import type { SessionState } from '../../src/engine/state.ts'
import type { Choice, WizardHost, WizardWorld } from '../../src/ui/host.ts'
import { App } from '../../src/ui/tui/app.tsx'
import { Controller } from '../../src/ui/tui/controller.ts'
import { themeFor } from '../../src/ui/tui/theme.ts'
import { CONTEXTS, MADE, RUN_DONE, sessionWith, worldWith } from './states.ts'

afterEach(cleanup)

/** A cluster that does at once what it is told, and remembers what that was. */
class FakeSession {
  readonly told: unknown[] = []
  #state: SessionState
  #listeners = new Set<() => void>()
  refuses: Refusal | undefined

  constructor(state: SessionState) {
    this.#state = state
  }
  #set(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
  state = () => this.#state
  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  open = async () => this.#state.unfinished
  look = async (steps?: readonly string[]) => {
    this.told.push(['look', steps])
    const { report } = sessionWith()
    if (report) this.#set({ report })
    return report as never
  }
  plan = async (stage: unknown): Promise<Plan> => {
    this.told.push(['plan', stage])
    return MADE.plan
  }
  review = async () => [...MADE.reviews]
  apply = async (_: Plan, consent: { how: string }) => {
    if (this.refuses) throw this.refuses
    this.told.push(['apply', consent.how])
    this.#set({ run: RUN_DONE })
    return { done: MADE.plan.parts, left: [], stopped: false }
  }
  attest = async (word: Word) => void this.told.push(['attest', word])
  waive = async (word: Word) => {
    if (this.refuses) throw this.refuses
    this.told.push(['waive', word])
  }
  answer = async (step: string, question: string, text: string) => {
    this.told.push(['answer', step, question, text])
    this.#set({ answers: { ...this.#state.answers, [step]: { ...this.#state.answers[step], [question]: text } } })
  }
  stop = () => void this.told.push(['stop'])
  /** What the session may do while a tool asks for something. */
  lent: ((run: () => Promise<void>) => Promise<void>) | undefined
  lendTerminal = (lend: (run: () => Promise<void>) => Promise<void>) => {
    this.lent = lend
  }
  close = async () => undefined
}

interface Shown {
  frame: () => string
  /** Waits until the frame holds it; fails with the frame. */
  see: (what: string | RegExp) => Promise<void>
  type: (bytes: string) => void
  session: FakeSession
  opened: Choice[]
  /** Workspaces that were made: name and environment. */
  made: [string, string][]
}

/** `refused`: the world that a command names cannot be opened at first. */
async function start(
  options: { contexts?: typeof CONTEXTS; world?: Partial<WizardWorld>; refused?: string } = {},
): Promise<Shown & { controller: Controller }> {
  const session = new FakeSession(sessionWith({}, null))
  const world = worldWith({ session: session as unknown as Session, ...options.world })
  const opened: Choice[] = []
  const made: [string, string][] = []
  const host: WizardHost = {
    product: 'talos-preflight',
    version: '0.1.0',
    doors: async () => ({ place: 'here', contexts: options.contexts ?? CONTEXTS, problems: [] }),
    ...(options.refused ? { straight: { kind: 'practice' } as const } : {}),
    open: async (choice) => {
      if (options.refused && choice.kind === 'practice') throw new Refusal(options.refused, 'somebody else is at work')
      opened.push(choice)
      return world
    },
    init: async (_, name, environment) => {
      made.push([name, environment])
      return world
    },
    words: WORDS,
    env: {},
    color: false,
  }
  const controller = new Controller(host, { stdin: { pause: () => 0, resume: () => 0 }, write: () => undefined })
  const { lastFrame, stdin, frames } = render(<App controller={controller} theme={themeFor({ LANG: 'C.UTF-8' }, false)} />)
  void controller.begin()
  const frame = () => lastFrame() ?? ''
  const see = async (what: string | RegExp) => {
    for (const end = Date.now() + 10_000; Date.now() < end; await delay(2))
      if (typeof what === 'string' ? frame().includes(what) : what.test(frame())) return
    throw new Error(`${what} did not come after ${frames.length} frames:\n${frame()}`)
  }
  if (!options.refused) await see('here')
  return { frame, see, type: (bytes) => stdin.write(bytes), session, opened, made, controller }
}

const DOWN = '\u001b[B'
const LEFT = '\u001b[D'
const ESC = '\u001b'

describe('the wizard, by its keys', () => {
  test('a door is chosen with the arrows, and a context with them as well', async () => {
    const { see, type, opened } = await start()
    type(DOWN)
    await see('> c  Check')
    type('\r')
    await see('Which cluster?')
    type(DOWN)
    await see('> edge-reader')
    type('\r')
    await see(/looked at/)
    expect(opened).toEqual([{ kind: 'check', context: 'edge-reader' }])
  })

  test('a door is opened with its letter, and one usable context is not asked for', async () => {
    const { see, type, opened } = await start({ contexts: CONTEXTS.slice(0, 2) })
    type('c')
    await see(/looked at/)
    expect(opened).toEqual([{ kind: 'check', context: 'edge-prod' }])
  })

  test('a field takes letters where its cursor is, and gives them back', async () => {
    const { see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    type('w')
    await see('Waive INF-02')
    type('\r')
    await see('> Why')
    type('no fire')
    await see('no fire')
    for (let i = 0; i < 4; i++) type(LEFT)
    type('spare ')
    await see('no spare fire')
    type('\u007f')
    await see('no sparefire')
    type('\u0015')
    await see(/^ {5}fire$/m)
    type('\r')
    await see('> Until')
    type('\u00152027-05-31\r')
    await see(/looked at/)
    expect(session.told.at(-1)).toMatchObject(['waive', { step: 'INF-02', why: 'fire', until: '2027-05-31', by: 'ana@ops' }])
  })

  test('an object is chosen with left and right', async () => {
    const { see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    type('w')
    await see('< the whole step >')
    type('\u001b[C\u001b[C')
    await see('< node/cp2 >')
    type(LEFT)
    await see('< node/cp1 >')
    type('\r')
    await see('> Why')
    type('because\r\r')
    await see(/looked at/)
    expect(session.told.at(-1)).toMatchObject(['waive', { object: 'node/cp1', why: 'because' }])
  })

  test('a letter that is bound elsewhere is a letter in a field', async () => {
    const { frame, see, type } = await start()
    type('p')
    await see(/looked at/)
    type('/')
    await see('Words')
    type('qn?/')
    await see('qn?/')
    expect(frame()).toContain('Filter')
    type(ESC)
    await see(/looked at/)
    expect(frame()).not.toContain('qn?/')
  })

  test('from the plan over the review to the change, each with enter', async () => {
    const { see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    type('\r')
    await see('[Findings]')
    type('\r')
    await see('go on to review')
    type('\r')
    await see('Change 3 objects')
    expect(session.told.map((t) => (t as string[])[0])).not.toContain('apply')
    type('\r')
    await see('Done on w1, cp1, cp2.')
    expect(session.told.at(-1)).toEqual(['apply', 'enter on the review screen'])
  })

  test('esc on the review changes nothing', async () => {
    const { see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    type('\r\r')
    await see('go on to review')
    type('\r')
    await see('Change 3 objects')
    type(ESC)
    await see('go on to review')
    expect(session.told.map((t) => (t as string[])[0])).not.toContain('apply')
  })

  test('a refusal is a screen with its code and what to do, and the plan is still there behind it', async () => {
    const { see, type, session } = await start()
    session.refuses = new Refusal(
      'plan-stale',
      'the plan does not hold any more: cp1 needs another change now',
      'look at a fresh plan first',
    )
    type('p')
    await see('> ✗ INF-02')
    type('\r\r')
    await see('go on to review')
    type('\r')
    await see('Change 3 objects')
    type('\r')
    await see('plan-stale')
    await see('look at a fresh plan first')
    type('\r')
    await see('[Plan]')
  })

  test('what cannot be sealed leads to the keys, and back to the plan', async () => {
    const info = { identity: 'none', recipients: [], missing: true, noRecovery: true }
    const made = { ...info, identity: 'yours', recipients: ['you, operator, opens secrets'], missing: false }
    let created = false
    const { see, type, session } = await start({
      world: {
        keys: {
          info: async () => (created ? made : info),
          create: async () => {
            created = true
            return 'Your identity is at ~/identity.txt.'
          },
          protect: async () => '',
          add: async () => '',
        },
      },
    })
    session.refuses = new Refusal('cannot-seal', 'nobody could open what would be sealed')
    type('p')
    await see('> ✗ INF-02')
    type('\r\r')
    await see('go on to review')
    type('\r')
    await see('Change 3 objects')
    type('\r')
    await see('Nobody yet.')
    type('c')
    await see('Your identity is at ~/identity.txt.')
    session.refuses = undefined
    type('\r')
    await see('[Plan]')
  })

  test('where a workspace is needed it is made, by name and environment, and looked at again', async () => {
    const { see, type, session, made } = await start()
    session.refuses = new Refusal('no-workspace', 'changes need a workspace, and there is none here', 'talos-preflight init')
    type('p')
    await see('> ✗ INF-02')
    type('\r\r')
    await see('go on to review')
    type('\r')
    await see('Change 3 objects')
    type('\r')
    await see('A workspace is needed')
    await see('edge-prod')
    type('\r')
    await see('< production >')
    type('\u001b[C')
    await see('< staging >')
    type('\r')
    await see(/looked at/)
    expect(made).toEqual([['edge-prod', 'staging']])
    expect(session.told.at(-1)).toEqual(['look', undefined])
  })

  test('what was typed before a workspace was there is done once it is', async () => {
    const { see, type, session, made } = await start()
    session.refuses = new Refusal('no-workspace', 'words need a workspace, and there is none here', 'talos-preflight init')
    type('p')
    await see('> ✗ INF-02')
    type('w')
    await see('Waive INF-02')
    type('\u001b[Bno fire\u0013')
    await see('A workspace is needed')
    await see('in ~/infra/edge-prod')
    session.refuses = undefined
    type('\r\r')
    await see(/looked at/)
    await vi.waitFor(() => expect(session.told.at(-1)).toMatchObject(['waive', { step: 'INF-02', why: 'no fire' }]))
    expect(made).toEqual([['edge-prod', 'production']])
  })

  test('what is unknown is attested, and only that', async () => {
    const { frame, see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    expect(frame()).not.toContain('a attest')
    type('jj')
    await see('> ? INF-06')
    await see('a attest')
    type('a')
    await see('Attest INF-06')
    type('seen in the rack\r\r')
    await see(/looked at/)
    expect(session.told.at(-1)).toMatchObject(['attest', { step: 'INF-06', why: 'seen in the rack', until: '2027-02-21' }])
  })

  test('an answer is checked as it is typed in, and saved where it changed', async () => {
    const { see, type, session } = await start()
    type('p')
    await see('> ✗ INF-02')
    type('\r')
    await see('[Findings]')
    type(LEFT)
    await see('[Answers]')
    type('\r')
    await see('Answers of INF-02')
    type('\u0015perhaps\r\r')
    await see('"perhaps" is neither yes nor no')
    type('\u0015no\r\r')
    await see('[Answers]')
    await see(/^ {3}no\n {3}yes or no/m)
    expect(session.told.slice(-2)).toEqual([
      ['answer', 'INF-02', 'keepMetrics', 'no'],
      ['look', ['INF-02']],
    ])
  })

  test('where a world that was asked for cannot be opened, the doors know what is behind them, and the exit code says so', async () => {
    const { see, type, opened, controller } = await start({ contexts: CONTEXTS.slice(0, 1), refused: 'workspace-busy' })
    await see('workspace-busy')
    type('\r')
    await see('What do you want to do?')
    expect(controller.withoutReport).toBe(2)
    type('c')
    await see(/looked at/)
    expect(opened.at(-1)).toEqual({ kind: 'check', context: 'edge-prod' })
  })

  test('what keeps the cluster from being opened is a screen, and the doors are still there behind it', async () => {
    const { see, type, opened } = await start({ contexts: [] })
    type('c')
    await see('no talosconfig was found')
    type('\r')
    await see('What do you want to do?')
    expect(opened).toEqual([])
  })
})
