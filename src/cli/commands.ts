/** Commands and flags as data: parsing, help and the documentation pages all come from here. */

export interface FlagSpec {
  value?: string
  many?: boolean
  help: string
}

export const FLAGS = {
  talosconfig: { value: 'FILE', help: 'talosconfig to use' },
  context: { value: 'NAME', help: 'context of the talosconfig' },
  kubeconfig: { value: 'FILE', help: 'kubeconfig to use' },
  'kube-context': { value: 'NAME', help: 'context of the kubeconfig' },
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
  delivery: { value: 'HOW', help: 'live, or gitops: files, nothing is touched' },
  role: { value: 'ROLE', help: 'of the holder: operator or recovery' },
  opens: { value: 'LIST', help: 'what it opens: secrets, backups (default: both)' },
  'post-quantum': { help: 'make a post-quantum identity (age1pq1…); it cannot be mixed with recipients of other kinds' },
  passphrase: { help: 'protect the identity with a passphrase, which age asks for' },
  identity: { value: 'FILE', help: 'age identity to use' },
  'one-recipient': { help: 'seal to one recipient only, although its loss would be the loss of the file' },
  answer: { value: 'STEP.QUESTION=VALUE', many: true, help: 'answer a question of a step for this run' },
  'machine-config': { value: 'FILE', help: "a machine config that tells the form, where the nodes' own cannot be read" },
  scratch: { value: 'FOLDER', help: 'where a snapshot that finds no room in memory may lie in plain meanwhile' },
  'take-back': { help: 'take back what an interrupted run tried, never kept, and left there' },
  'leave-open': { value: 'WHY', help: 'go on although nothing can tell what became of an interrupted action; the reason is journalled' },
  reset: { help: 'empty the simulated world first' },
  help: { help: 'this text (also -h)' },
  version: { help: 'name and version' },
} satisfies Record<string, FlagSpec>

export type FlagName = keyof typeof FLAGS

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
      'Changes nothing on the cluster. Takes the least access that will do; what it may not see is unknown, with what would let it.',
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
      'The first failure stops the rest, which stays a plan. With delivery gitops it writes files and touches nothing.',
      'After an interruption it says what was under way, finds out what became of it, and repeats nothing blindly.',
    ],
    flags: [
      ...CLUSTER,
      'yes',
      'confirm',
      'dry-run',
      'undo',
      'answer',
      'machine-config',
      'identity',
      'one-recipient',
      'scratch',
      'take-back',
      'leave-open',
      'fail-on',
      'allow-unknown',
    ],
    words: [1, 99],
    examples: ['apply INF-10', 'apply inf-10.json --yes', 'apply INF-10 --undo'],
  },
  {
    name: 'secrets',
    usage: 'secrets seal|adopt',
    summary: 'seal the secrets bundle, the root of every key of a cluster',
    about: [
      'adopt takes the bundle out of the config of a control plane that runs. seal makes a new one for a cluster that is to be made, straight into the',
      'sealed file, and never where a bundle is or a cluster runs. Nothing lies in plain text anywhere. It is opened again with your identity, and its CA compared.',
    ],
    flags: [...CLUSTER, 'identity', 'one-recipient', 'dry-run', 'take-back', 'leave-open', 'fail-on', 'allow-unknown'],
    words: [1, 1],
    examples: ['secrets adopt', 'secrets seal', 'secrets adopt --dry-run'],
  },
  {
    name: 'backup',
    usage: 'backup create',
    summary: 'take a snapshot of etcd, check it, seal it and open it again',
    about: [
      'Changes nothing on the cluster. The snapshot is held in memory, read by our own reader, sealed into backups/ to the recipients that open backups, and',
      'opened again where there is an identity. Headless it is for a timer; --allow-unknown exits 0 where nothing could open it.',
    ],
    flags: [...CLUSTER, 'identity', 'one-recipient', 'scratch', 'dry-run', 'take-back', 'leave-open', 'fail-on', 'allow-unknown'],
    words: [1, 1],
    examples: ['backup create', 'backup create --output json --no-input --allow-unknown'],
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
    flags: ['role', 'opens', 'post-quantum', 'passphrase', 'identity', 'name'],
    words: [0, 3],
    examples: ['keys', 'keys create --passphrase', 'keys add safe age1… --role recovery --opens secrets', 'keys remove safe'],
  },
  {
    name: 'journal',
    usage: 'journal verify',
    summary: 'check the hash chains of the journals in the workspace, and the evidence that they name',
    about: ['Exit code 0: every chain is whole and no evidence was changed; 1: something was changed, cut or taken away; it says what.'],
    flags: [],
    words: [1, 1],
    examples: ['journal verify'],
  },
]

/** Flags of a command with those that mean the same everywhere. The wizard takes what a check and an apply take. */
export const flagsOf = (command: CommandSpec | undefined): FlagName[] => [
  ...new Set([...(command?.flags ?? [...CLUSTER, 'identity', 'machine-config', 'version', 'fail-on', 'allow-unknown']), ...EVERYWHERE]),
]
