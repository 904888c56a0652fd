import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearest } from '../domain/nearest.ts'
import { Refusal } from '../engine/errors.ts'

/** Commands and flags as data: parsing, help and the documentation pages all come from here. */

interface FlagSpec {
  value?: string
  many?: boolean
  help: string
}

const FLAGS = {
  talosconfig: { value: 'FILE', help: 'talosconfig to use' },
  context: { value: 'NAME', help: 'context of the talosconfig' },
  kubeconfig: { value: 'FILE', help: 'kubeconfig to use (no step needs it yet)' },
  'kube-context': { value: 'NAME', help: 'context of the kubeconfig (no step needs it yet)' },
  nodes: { value: 'LIST', help: 'nodes by address or name, separated by commas' },
  workspace: { value: 'FOLDER', help: 'folder of this cluster (default: here, if it has a preflight.yaml)' },
  practice: { value: 'SCENARIO', help: 'the simulated world: default or hardened' },
  output: { value: 'FORMAT', help: 'text or json' },
  plain: { help: 'line by line, no full screen' },
  'no-input': { help: 'ask nothing; what is not answered by a flag or the profile is refused' },
  yes: { help: 'consent to a plan that changes; answers no question, destroys nothing' },
  confirm: { value: 'NAME', help: 'consent to a plan that destroys, by the name of what it destroys (nothing destroys yet)' },
  'no-color': { help: 'no colours' },
  'dry-run': { help: 'show what would be done, change nothing' },
  'fail-on': { value: 'SEVERITY', help: 'lowest severity that counts for the exit code: low, medium (default), high, critical' },
  'allow-unknown': { help: 'exit 0 where something could not be looked at' },
  all: { help: 'every finding, passed ones too' },
  out: { value: 'FILE', help: 'write the plan to a file' },
  undo: { help: 'take back what was applied' },
  object: { value: 'KIND/NAME', help: 'one object only, as in node/cp1' },
  why: { value: 'TEXT', help: 'the reason, for whoever reads it later' },
  until: { value: 'DAY', help: 'the last day it counts, as in 2026-12-31' },
  by: { value: 'NAME', help: 'who says it (default: you)' },
  name: { value: 'NAME', help: 'name of the cluster' },
  environment: { value: 'ENV', help: 'production, staging or lab' },
  delivery: { value: 'HOW', help: 'live, or gitops: files and commands, nothing is touched' },
  role: { value: 'ROLE', help: 'of the holder: operator or recovery' },
  opens: { value: 'LIST', help: 'what it opens: secrets, backups (default: both)' },
  passphrase: { help: 'protect the identity with a passphrase, which age asks for' },
  identity: { value: 'FILE', help: 'age identity to use' },
  answer: { value: 'STEP.QUESTION=VALUE', many: true, help: 'answer a question of a step for this run' },
  'machine-config': { value: 'FILE', help: "a machine config that tells the form, where the nodes' own cannot be read" },
  reset: { help: 'empty the simulated world first' },
  help: { help: 'this text' },
  version: { help: 'name and version' },
} satisfies Record<string, FlagSpec>

type FlagName = keyof typeof FLAGS

const EVERYWHERE: FlagName[] = ['workspace', 'practice', 'output', 'plain', 'no-input', 'no-color', 'help']
const CLUSTER: FlagName[] = ['talosconfig', 'context', 'kubeconfig', 'kube-context', 'nodes']

export interface CommandSpec {
  name: string
  usage: string
  summary: string
  /** What it reads, changes and writes, in a few lines. */
  about: string[]
  flags: FlagName[]
  /** Fewest and most words behind the command. */
  words: [number, number]
  examples: string[]
}

export const COMMANDS: CommandSpec[] = [
  {
    name: 'check',
    usage: 'check [STEP..]',
    summary: 'look at the cluster and say what is missing, with the evidence',
    about: [
      'Changes nothing. Takes the least access that will do; what it may not see is unknown, with what would let it.',
      'With a workspace the observations, findings and a journal are kept in it; without one nothing is written.',
    ],
    flags: [...CLUSTER, 'fail-on', 'allow-unknown', 'all', 'answer'],
    words: [0, 99],
    examples: ['check', 'check INF-10 --output json', 'check --fail-on high --allow-unknown'],
  },
  {
    name: 'plan',
    usage: 'plan STEP..',
    summary: 'show what would make steps pass: commands, masked diff, undo',
    about: [
      'Changes nothing on the cluster; every change is tried on its node with a dry run first.',
      'The file that --out writes holds no secret and no time; apply takes it as long as it still holds.',
    ],
    flags: [...CLUSTER, 'out', 'undo', 'answer', 'machine-config'],
    words: [1, 99],
    examples: ['plan INF-10', 'plan INF-10 --out inf-10.json', 'plan INF-10 --undo'],
  },
  {
    name: 'apply',
    usage: 'apply STEP..|FILE',
    summary: 'carry out a plan, node by node, with a check after each',
    about: [
      'Shows the plan and asks, unless --yes is given. Needs a workspace and at least one recipient: before the first change to a node its config is sealed.',
      'The first failure stops the rest, which stays a plan. With delivery gitops it writes files and commands and touches nothing.',
      'After an interruption it says what was under way, finds out what became of it, and repeats nothing blindly.',
    ],
    flags: [...CLUSTER, 'yes', 'confirm', 'dry-run', 'undo', 'answer', 'machine-config', 'fail-on', 'allow-unknown'],
    words: [1, 99],
    examples: ['apply INF-10', 'apply inf-10.json --yes', 'apply INF-10 --undo'],
  },
  {
    name: 'attest',
    usage: 'attest STEP',
    summary: 'give your word for what no program can see, until a day',
    about: ['Covers only what is unknown. Kept in preflight.yaml with who, why and until when; after that day the verdict counts again.'],
    flags: [...CLUSTER, 'object', 'why', 'until', 'by'],
    words: [1, 1],
    examples: ['attest CRT-01 --object file/backup.img --why "image of another cluster, looked at by hand" --until 2026-12-31'],
  },
  {
    name: 'waive',
    usage: 'waive STEP',
    summary: 'decide to live with a failure, until a day',
    about: [
      'Covers only what fails; the verdict stays as it is and is counted apart. Kept in preflight.yaml with who, why and until when.',
    ],
    flags: [...CLUSTER, 'object', 'why', 'until', 'by'],
    words: [1, 1],
    examples: ['waive INF-10 --object node/w3 --why "appliance, replaced in May" --until 2027-05-31'],
  },
  {
    name: 'init',
    usage: 'init',
    summary: 'make this folder the workspace of a cluster',
    about: ['Writes preflight.yaml and .gitignore, and nothing that exists already. Asks the cluster who it is, if it can be reached.'],
    flags: [...CLUSTER, 'name', 'environment', 'delivery'],
    words: [0, 0],
    examples: ['init --name edge-prod --environment production'],
  },
  {
    name: 'doctor',
    usage: 'doctor',
    summary: 'look at this machine: tools, credentials, workspace, keys',
    about: ['Changes nothing and asks no node.'],
    flags: [...CLUSTER, 'identity'],
    words: [0, 0],
    examples: ['doctor'],
  },
  {
    name: 'practice',
    usage: 'practice [SCENARIO]',
    summary: 'the whole program on a simulated cluster; nothing real is touched',
    about: [
      'Scenarios: default (a cluster as it comes) and hardened. Other commands take --practice[=SCENARIO].',
      'The simulated world is kept in a folder of its own until --reset.',
    ],
    flags: ['reset', 'identity'],
    words: [0, 1],
    examples: ['practice', 'practice hardened', 'check --practice', 'practice --reset'],
  },
  {
    name: 'keys',
    usage: 'keys [create | use FILE | add NAME RECIPIENT | remove NAME]',
    summary: 'the age identities that open what is sealed',
    about: [
      'create makes your own identity (mode 0600, outside workspace and git); use takes an existing one. Both add its recipient to preflight.yaml.',
      "add takes the public half of somebody else's: the recovery identity is made by its holder, and its private half never comes here.",
    ],
    flags: ['role', 'opens', 'passphrase', 'identity', 'name'],
    words: [0, 3],
    examples: ['keys', 'keys create --passphrase', 'keys add safe age1… --role recovery', 'keys remove safe'],
  },
  {
    name: 'journal',
    usage: 'journal verify',
    summary: 'check the hash chains of the journals in the workspace',
    about: ['Exit code 0: every chain is whole; 1: something was changed, cut or taken away; it says what.'],
    flags: [],
    words: [1, 1],
    examples: ['journal verify'],
  },
]

export interface Parsed {
  command: CommandSpec | undefined
  words: string[]
  flags: {
    [K in FlagName]?: (typeof FLAGS)[K] extends { many: true } ? string[] : (typeof FLAGS)[K] extends { value: string } ? string : boolean
  }
}

/** Flags of a command with those that mean the same everywhere. The wizard takes what a check and an apply take. */
const flagsOf = (command: CommandSpec | undefined): FlagName[] => [
  ...new Set([...(command?.flags ?? [...CLUSTER, 'identity', 'machine-config', 'version', 'fail-on', 'allow-unknown']), ...EVERYWHERE]),
]

/**
 * Parses a command line.
 *
 * @throws Refusal for an unknown command or flag, or too many or too few words.
 */
export function parse(argv: readonly string[]): Parsed {
  const prepared = argv.map((word) => (word === '--practice' ? '--practice=default' : word))
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

const columns = (rows: [string, string][]): string[] => {
  const width = Math.max(...rows.map(([a]) => a.length))
  return rows.map(([a, b]) => `  ${a.padEnd(width)}  ${b}`)
}

export function helpFor(command: CommandSpec | undefined): string {
  if (!command) {
    return [
      'talos-preflight takes a Talos Linux cluster from "it boots" to "it is safe in production", and proves it.',
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
      'exit codes: 0 all wanted steps pass, are attested, waived or not applicable; 1 a failure; 2 usage or refusal, nothing changed;',
      '3 nothing failed, but something is unknown; 4 nothing could be looked at, or an action failed; 130 interrupted',
      '',
    ].join('\n')
  }
  return [
    `usage: talos-preflight ${command.usage} [FLAGS]`,
    '',
    `${command.summary}`,
    '',
    ...command.about,
    '',
    'flags',
    ...columns(flagsOf(command).map(flagLine)),
    '',
    'examples',
    ...command.examples.map((e) => `  talos-preflight ${e}`),
    '',
  ].join('\n')
}
