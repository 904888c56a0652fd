import type { AnyStep } from '../src/contract.ts'
import acc07 from './access/ACC-07/step.ts'
import bak02 from './backup/BAK-02/step.ts'
import bak03 from './backup/BAK-03/step.ts'
import crt01 from './certificates/CRT-01/step.ts'
import crt02 from './certificates/CRT-02/step.ts'
import crt04 from './certificates/CRT-04/step.ts'
import crt06 from './certificates/CRT-06/step.ts'
import inf02 from './infrastructure/INF-02/step.ts'
import inf10 from './infrastructure/INF-10/step.ts'
import k8s01 from './kubernetes/K8S-01/step.ts'
import k8s02 from './kubernetes/K8S-02/step.ts'
import k8s04 from './kubernetes/K8S-04/step.ts'
import mon01 from './monitoring/MON-01/step.ts'

/** The checklist, in the order in which it is shown. A new step is a folder and a line here. */
export const STEPS: readonly AnyStep[] = [inf02, inf10, crt01, crt02, crt04, crt06, acc07, k8s01, k8s02, k8s04, mon01, bak02, bak03]
