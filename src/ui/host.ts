import type { Call, SealAction } from '../contract.ts'
import type { Plan } from '../engine/plan.ts'
import type { Session } from '../engine/session.ts'

/** What the wizard needs of the program around it. It draws what it is given and knows no product. */

export interface StepInfo {
  id: string
  category: string
  title: string
  severity: string
  why: string
  references: { title: string; url: string; appliesTo?: string }[]
  questions: {
    name: string
    label: string
    hint: string
    value: (raw: string | undefined) => string
    parse: (text: string) => string | undefined
  }[]
  canMend: boolean
  canUndo: boolean
}

export interface HeaderInfo {
  cluster: string
  environment: string
  /** LIVE, GITOPS, OFFLINE or PRACTICE. */
  mode: string
  /** Role and days left. */
  as: string
}

export interface KeysInfo {
  identity: string
  recipients: string[]
  /** Nothing can be sealed yet. */
  missing: boolean
  /** Nobody but the operator can open what is sealed. */
  noRecovery: boolean
}

export type Door = 'practise' | 'check' | 'setup' | 'incident'

/** Sentences of the product, which the wizard says without knowing what they mean. */
export interface Words {
  doors: Record<Door, { what: string; time: string; about: string }>
  /** Shown behind a door that has nothing behind it yet. */
  notes: { setup: string[]; incident: string[] }
  lookingForContexts: string
  noContexts: { short: string; hint: string }
  keys: {
    nobody: string
    make: string
    withPassphrase: string
    noRecovery: string
    aboutRecovery: string
    recipient: string
    /** What a recipient may open, as choices: the words of the profile and how they are said. */
    opens: { value: string; name: string }[]
    wrong: (recipient: string) => string | undefined
    /** Whether something that was typed is, or begins like, what nobody but its owner may see. */
    holdsPrivateKey: (text: string) => boolean
  }
}

/** An opened cluster: its session and what surrounds it. */
export interface WizardWorld {
  session: Session
  steps: StepInfo[]
  header: HeaderInfo
  delivery: 'live' | 'gitops'
  workspace: string | undefined
  /** Where the workspace is, or would be made. */
  folder: string
  operator: string
  now: () => Date
  commandLine: (call: Call) => string
  /** What a person would type to seal the output of a call. */
  sealLine: (action: SealAction) => string
  keys: {
    info: () => Promise<KeysInfo>
    /** Makes the operator's own identity; says in one line what was made. */
    create: () => Promise<string>
    /** The same, protected with a passphrase that is asked for on the terminal. */
    protect: () => Promise<string>
    /** `opens` is `secrets`, `backups` or both with a comma between. */
    add: (name: string, recipient: string, opens: string) => Promise<string>
  }
  product: string
  /** Behind every command that is proposed, e.g. ` --practice=default`. */
  suffix: string
  /** What is to be agreed to beside the plan, a sentence each. */
  warnings: (plan: Plan) => string[]
  /** Lines for the normal screen after quitting. */
  closing: (plan: Plan | undefined, done: readonly string[]) => string[]
  exitCode: () => number
  close: (exitCode: number) => Promise<void>
}

export interface ContextInfo {
  name: string
  file: string
  role: string
  /** `ends in 11 days`, `expired 3 days ago`. */
  ends: string
  usable: boolean
}

export interface DoorsInfo {
  place: string
  contexts: ContextInfo[]
  problems: string[]
  /** There is a workspace here. */
  workspace?: boolean
  /** The context that a flag or the profile names: nobody need be asked for one. */
  named?: string
}

/** A check of what is named already: the program knows which, and for what. */
export const isNamed = ({ contexts, named }: DoorsInfo): boolean => contexts.some((c) => c.usable && c.name === named)

export type Choice = { kind: 'practice' } | { kind: 'check'; context?: string }

export interface WizardHost {
  product: string
  version: string
  /** Opens without doors, e.g. with a command that names the world. */
  straight?: Choice
  doors: () => Promise<DoorsInfo>
  open: (choice: Choice) => Promise<WizardWorld>
  /** Makes the folder at hand a workspace of the cluster that is open, and opens it again. */
  init: (world: WizardWorld, name: string, environment: string) => Promise<WizardWorld>
  words: Words
  env: Readonly<Record<string, string | undefined>>
  color: boolean
}
