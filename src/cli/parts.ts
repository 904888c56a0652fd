import type { Observer } from '../observe/observer.ts'
import type { System } from '../system/ports.ts'
import type { Caller } from '../tools/caller.ts'
import type { Workspace } from './workspace.ts'

/** What the engine's ports are made of. */
export interface Parts {
  system: System
  mode: string
  caller: Caller
  observer: Observer
  /** The operator's age identity, whether it is there or not. */
  identity: string
  workspace?: Workspace
  /** Where what finds no room in memory may lie in plain. */
  scratch?: string
}
