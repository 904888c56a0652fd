import { helpFor, type Parsed, parse } from './cli/args.ts'
import type { CommandContext } from './cli/command.ts'
import { COMMANDS, type CommandSpec } from './cli/commands.ts'
import type { Io } from './cli/io.ts'
import { refusePrivateKey } from './cli/private-key.ts'
import { EXIT, Failure, Interrupted, Refusal } from './engine/errors.ts'
import type { System } from './system/ports.ts'
import { chooseFrontEnd, type FrontEnd } from './ui/front-end.ts'

/** The composition root: parses arguments, builds the world, chooses a front end, sets the exit code. Heavy things are imported where they are used. */

export interface Program {
  name: string
  version: string
  root: string
}

/** Replaces the real system, for tests that watch or break a port. Never set in production. */
export type WrapSystem = (system: System) => System

export async function main(argv: readonly string[], io: Io, program: Program, wrap: WrapSystem = (s) => s): Promise<number> {
  let json = argv.includes('--output=json') || argv.some((word, i) => word === '--output' && argv[i + 1] === 'json')
  let practises = argv.some((word) => /^--practice(=|$)/.test(word))
  try {
    // the journal begins with the command as it was typed
    refusePrivateKey(...argv)
    const parsed = parse(argv)
    practises ||= parsed.command?.name === 'practice'
    if (parsed.flags.version) {
      io.stdout.write(`${program.name} ${program.version}\n`)
      return EXIT.ok
    }
    if (parsed.flags.help) {
      io.stdout.write(helpFor(parsed.command))
      return EXIT.ok
    }
    const output = parsed.flags.output ?? 'text'
    if (output !== 'text' && output !== 'json') throw new Refusal('usage', `--output ${output} is not known`, 'text or json')
    json = output === 'json'
    return await run(parsed, argv, io, program, json, wrap)
  } catch (error) {
    return report(error, io, program, { json, practises })
  }
}

/** An error as one line, a hint and a stable code; a bug with its stack on standard error, so that it can be reported. */
export function report(
  error: unknown,
  io: Pick<Io, 'stdout' | 'stderr'>,
  program: Program,
  as: { json: boolean; practises: boolean },
): number {
  const known = error instanceof Refusal || error instanceof Failure
  const code = known ? error.code : error instanceof Interrupted ? 'interrupted' : 'bug'
  const message = error instanceof Error ? error.message : String(error)
  const hint = known
    ? error.hint
    : code === 'bug'
      ? 'this is a fault of the program; nothing is repeated by itself at the next start'
      : undefined
  if (as.json) {
    const mode = as.practises ? { mode: 'practice' } : {}
    io.stdout.write(`${JSON.stringify({ schema: 'talos-preflight/error/v1', ...mode, error: { code, message, hint: hint ?? null } })}\n`)
  }
  io.stderr.write(`${program.name}: ${message} (${code})\n`)
  for (const line of hint?.split('\n') ?? []) io.stderr.write(`  ${line}\n`)
  if (code === 'bug' && error instanceof Error) io.stderr.write(`${error.stack?.split('\n').slice(1, 6).join('\n') ?? ''}\n`)
  return error instanceof Refusal ? EXIT.usage : error instanceof Interrupted ? EXIT.interrupted : EXIT.broken
}

async function run(parsed: Parsed, argv: readonly string[], io: Io, program: Program, json: boolean, wrap: WrapSystem): Promise<number> {
  const kind = chooseFrontEnd({
    stdinIsTTY: io.stdin.isTTY === true,
    stdoutIsTTY: io.stdout.isTTY === true,
    env: io.env,
    plain: parsed.flags.plain === true,
    noInput: parsed.flags['no-input'] === true,
    json,
  })
  // the questions of line mode take their colours from the environment
  if (parsed.flags['no-color']) process.env.NO_COLOR = '1'
  const isWizard = !parsed.command || parsed.command.name === 'practice'
  const { openPlace } = await import('./cli/place.ts')
  const place = await openPlace(parsed, io, wrap)
  const command = ['talos-preflight', ...argv].join(' ')
  if (isWizard) {
    const { wizardHost } = await import('./cli/wizard.ts')
    const host = wizardHost({ parsed, io, program, place, wrap, command })
    if (kind === 'tui') return (await import('./ui/tui/run.tsx')).runWizard(host, io)
    if (kind === 'line') return (await import('./ui/line/wizard.ts')).lineWizard(host, io)
    return (await import('./ui/report/guidance.ts')).guidance(host, (text) => io.stdout.write(text), json)
  }
  const { openWorld } = await import('./cli/world.ts')
  const world = await openWorld(program, place, withImpliedAnswers(parsed), command)
  for (const note of world.notes) io.stderr.write(`${note}\n`)
  // nothing of ours reads the terminal while a tool asks on it
  if (io.stdin.isTTY && io.stdout.isTTY && !json && !parsed.flags['no-input']) world.session.lendTerminal((run) => run())
  const leaving = new AbortController()
  const front = await frontEnd(kind, io, { json, mode: world.mode }, parsed, leaving.signal)
  const off = watchSignals(io, () => {
    world.session.stop()
    leaving.abort()
  })
  const writes = ['check', 'apply', 'secrets', 'backup', 'attest', 'waive', 'keys'].includes(parsed.command?.name ?? '')
  let exitCode: number = EXIT.broken
  try {
    if (writes) await world.workspace?.lock()
    exitCode = await performCommand(parsed.command as CommandSpec, {
      world,
      front,
      json,
      out: (text) => io.stdout.write(text),
      note: (text) => io.stderr.write(text),
      words: parsed.words,
      leaving: leaving.signal,
      columns: io.stdout.isTTY ? io.stdout.columns : undefined,
    })
    return exitCode
  } catch (error) {
    exitCode = error instanceof Refusal ? EXIT.usage : error instanceof Interrupted ? EXIT.interrupted : EXIT.broken
    throw error
  } finally {
    off()
    await world.session.close(exitCode).catch(() => undefined)
    await world.workspace?.unlock()
  }
}

/** `secrets seal` and `secrets adopt` are two answers to one question. */
function withImpliedAnswers(parsed: Parsed): Parsed {
  if (parsed.command?.name !== 'secrets') return parsed
  const from = { seal: 'new', adopt: 'cluster' }[parsed.words[0] ?? '']
  if (!from) throw new Refusal('usage', `there is no "secrets ${parsed.words[0] ?? ''}"`, 'talos-preflight secrets seal, or secrets adopt')
  return { ...parsed, flags: { ...parsed.flags, answer: [...(parsed.flags.answer ?? []), `CRT-02.from=${from}`] } }
}

/** Each command is loaded only where it is run. */
async function performCommand(spec: CommandSpec, context: CommandContext): Promise<number> {
  switch (spec.name) {
    case 'check':
      return (await import('./cli/check.ts')).check(context)
    case 'plan':
      return (await import('./cli/change.ts')).plan(context)
    case 'apply':
      return (await import('./cli/change.ts')).apply(context)
    case 'secrets':
      return (await import('./cli/change.ts')).secrets(context)
    case 'backup':
      return (await import('./cli/change.ts')).backup(context)
    case 'attest':
      return (await import('./cli/word.ts')).attest(context)
    case 'waive':
      return (await import('./cli/word.ts')).waive(context)
    case 'init':
      return (await import('./cli/init.ts')).init(context)
    case 'journal':
      return (await import('./cli/journal.ts')).journal(context)
    case 'doctor':
      return (await import('./cli/doctor.ts')).doctor(context)
    case 'keys':
      return (await import('./cli/keys.ts')).keys(context)
    default:
      throw new Error(`no command ${spec.name} of ${COMMANDS.length}`)
  }
}

async function frontEnd(
  kind: FrontEnd['kind'],
  io: Io,
  as: { json: boolean; mode: string },
  parsed: Parsed,
  signal: AbortSignal,
): Promise<FrontEnd> {
  const out = (text: string) => void io.stdout.write(text)
  if (kind === 'report' || parsed.flags.yes) {
    const { reportFrontEnd } = await import('./ui/report/front-end.ts')
    return reportFrontEnd({ out, ...as, yes: parsed.flags.yes === true })
  }
  const { lineFrontEnd } = await import('./ui/line/front-end.ts')
  return lineFrontEnd({ out, streams: { input: io.stdin as NodeJS.ReadableStream, output: io.stdout as NodeJS.WritableStream }, signal })
}

/** The first signal finishes the object at hand, the second ends the waiting; neither ends a change under way. */
function watchSignals(io: Io, stop: () => void): () => void {
  let said = false
  return io.onSignal(() => {
    if (!said) io.stderr.write('stopping after the object at hand; once more to stop waiting\n')
    said = true
    stop()
  })
}
