import type { SnapshotProblem } from '../../domain/snapshot.ts'

/** A file that is not what it should be. */
export class Refused extends Error {
  readonly code: SnapshotProblem
  constructor(code: SnapshotProblem) {
    super(code)
    this.code = code
  }
}

/** Lets other work of the program in between. */
export interface Turn {
  /** Whether it is time to. */
  due: () => boolean
  /** @throws Refused with `stopped` */
  pause: () => Promise<void>
}
