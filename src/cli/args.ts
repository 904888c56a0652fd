import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearest } from '../domain/nearest.ts'
import { Refusal } from '../engine/errors.ts'
import { wrapped } from '../ui/report/text.ts'
import { COMMANDS, type CommandSpec, FLAGS, type FlagName, type FlagSpec, flagsOf } from './commands.ts'

/** Reads a command line, and says how one is written. */

export interface Parsed {
  command: CommandSpec | undefined
  words: string[]
  flags: {
    [K in FlagName]?: (typeof FLAGS)[K] extends { many: true } ? string[] : (typeof FLAGS)[K] extends { value: string } ? string : boolean
  }
}

/**
 * Parses a command line.
 *
 * @throws Refusal for an unknown command or flag, or too many or too few words.
 */
export function parse(argv: readonly string[]): Parsed {
  const spelt = argv.map((word) => ({ '--practice': '--practice=default', '-h': '--help' })[word] ?? word)
  // `help COMMAND` is the command with --help
  const prepared = spelt[0] === 'help' ? [...spelt.slice(1), '--help'] : spelt
  const name = prepared.find((word, at) => !word.startsWith('-') && !takesValue(prepared[at - 1]))
  const command = COMMANDS.find((c) => c.name === name)
  if (name !== undefined && !command) {
    const near = nearest(
      name,
      COMMANDS.map((c) => c.name),
    )
    throw new Refusal(
      'unknown-command',
      `there is no command "${name}"`,
      near ? `did you mean "${near}"` : `commands: ${COMMANDS.map((c) => c.name).join(', ')}`,
    )
  }
  const known = flagsOf(command)
  const options: ParseArgsConfig['options'] = Object.fromEntries(
    known.map((flag) => {
      const spec: FlagSpec = FLAGS[flag]
      return [flag, { type: spec.value ? 'string' : 'boolean', ...(spec.many ? { multiple: true } : {}) }]
    }),
  )
  let values: Record<string, unknown>
  let words: string[]
  try {
    const parsed = parseArgs({ args: [...prepared], options, allowPositionals: true, strict: true })
    values = parsed.values
    words = command ? parsed.positionals.slice(1) : parsed.positionals
  } catch (error) {
    const flag = /'(--?[^' =]+)/.exec((error as Error).message)?.[1]
    const where = command ? ` of ${command.name}` : ''
    if ((error as { code?: string }).code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && flag) {
      const near = nearest(flag.replace(/^-+/, ''), known)
      throw new Refusal(
        'unknown-flag',
        `there is no flag ${flag}${where}`,
        near ? `did you mean --${near}` : `flags: ${known.map((f) => `--${f}`).join(' ')}`,
      )
    }
    throw new Refusal(
      'usage',
      `${(error as Error).message.split('.')[0]?.replaceAll("'", '') ?? 'bad arguments'}`.replace(/^./, (c) => c.toLowerCase()),
      `talos-preflight ${command ? `${command.name} ` : ''}--help`,
    )
  }
  if (command && !values.help && (words.length < command.words[0] || words.length > command.words[1]))
    throw new Refusal('usage', `usage: talos-preflight ${command.usage}`, `talos-preflight ${command.name} --help`)
  return { command, words, flags: values as Parsed['flags'] }
}

const takesValue = (word: string | undefined): boolean =>
  word?.startsWith('--') === true && !word.includes('=') && Boolean((FLAGS as Record<string, FlagSpec>)[word.slice(2)]?.value)

const flagLine = (flag: FlagName): [string, string] => {
  const spec: FlagSpec = FLAGS[flag]
  return [`--${flag}${spec.value ? (flag === 'practice' ? `[=${spec.value}]` : ` ${spec.value}`) : ''}`, spec.help]
}

/** What a help is wide at most, and the first of its two columns. */
const WIDE = 100
const FIRST = 30

const flow = (text: string): string[] => wrapped(text, '', WIDE)

/** What is too long for the first column stands on a line of its own. */
const columns = (rows: [string, string][]): string[] => {
  const width = Math.max(...rows.map(([a]) => a.length).filter((n) => n <= FIRST))
  return rows.flatMap(([a, b]) => {
    const own = a.length > width ? [`  ${a}`] : []
    return [...own, ...wrapped(b, `  ${(own.length > 0 ? '' : a).padEnd(width)}  `, WIDE)]
  })
}

export function helpFor(command: CommandSpec | undefined): string {
  if (!command) {
    return [
      ...flow('talos-preflight takes a Talos Linux cluster from "it boots" to "it is safe in production", and proves it.'),
      '',
      'usage: talos-preflight [COMMAND] [FLAGS]',
      '',
      'Without a command it opens the wizard. Nothing changes without a plan that was shown.',
      '',
      ...columns(COMMANDS.map((c) => [c.usage, c.summary])),
      '',
      'flags',
      ...columns(flagsOf(undefined).map(flagLine)),
      '',
      ...flow(
        'exit codes: 0 all wanted steps pass, are attested, waived or not applicable; 1 a failure; 2 usage, a refusal, or nothing of the plan can be done: nothing changed; 3 nothing failed, but something is unknown; 4 nothing of the cluster could be looked at, or an action failed; 130 interrupted',
      ),
      '',
    ].join('\n')
  }
  return [
    `usage: talos-preflight ${command.usage} [FLAGS]`,
    '',
    `${command.summary}`,
    '',
    ...flow(command.about.join(' ')),
    '',
    'flags',
    ...columns(flagsOf(command).map(flagLine)),
    '',
    'examples',
    ...command.examples.map((e) => `  talos-preflight ${e}`),
    '',
  ].join('\n')
}
