import type { VerbName } from '../domain/verbs.ts'
import { age } from './age.ts'
import { git } from './git.ts'
import { kubectl } from './kubectl.ts'
import { talosctl } from './talosctl.ts'
import type { VerbTable } from './verb.ts'

/** Every verb there is, in one place. */
export const REGISTRY: VerbTable<VerbName> = { ...talosctl, ...age, ...git, ...kubectl }
