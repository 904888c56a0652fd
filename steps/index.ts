import type { AnyStep } from '../src/contract.ts'
import crt01 from './certificates/CRT-01/step.ts'
import crt04 from './certificates/CRT-04/step.ts'
import inf10 from './infrastructure/INF-10/step.ts'

/** The checklist, in the order in which it is shown. A new step is a folder and a line here. */
export const STEPS: readonly AnyStep[] = [inf10, crt01, crt04]
