import { afterEach, describe, expect, test } from 'vitest'
import { Driver, RED } from '../support/driver.ts'
import { framesIn } from '../support/golden.ts'
import { cleanUp, SIZES, sizeName, Terminal } from '../support/terminal.ts'
import { framesOf, type Screen, walk } from '../support/walk.ts'

afterEach(cleanUp)

const at = (step: string): RegExp => new RegExp(`looked at[\\s\\S]*> . ${step} [\\s\\S]*enter open`)
const findings = (step: string): RegExp => new RegExp(`${step}.*fail.*\\[Findings\\][\\s\\S]*enter see the plan`)
const green = (step: string): RegExp => new RegExp(`${step}.*pass.*\\[Run\\][\\s\\S]*enter findings`)

/** From the checklist, with the step picked, to green and back to the checklist; only what is new on the way has a frame. */
const apiServer = (step: string, plan: RegExp): Screen[] => [
  ['enter', '', findings(step)],
  ['enter', `${step}-plan`, plan],
  ['enter', `${step}-review`, /Change 3 objects[\s\S]*Each is tried for 5 min[\s\S]*enter change 3 objects/],
  ['enter', `${step}-run`, green(step)],
  ['esc', '', at(step)],
]

const BACKUP: Screen[] = [
  ['down to BAK-02', '', at('BAK-02')],
  ['enter', '', findings('BAK-02')],
  ['enter', '', /Plan for BAK-02[\s\S]*enter go on to review/],
  ['enter', '', /enter begin with 1 object/],
  ['enter', '', green('BAK-02')],
  ['esc', '', at('BAK-02')],
]

const HARDEN: Screen[] = [
  ['enter', '', RED],
  ['enter', '', findings('INF-02')],
  ['enter', 'INF-02-asks', /Nothing can be done now\.[\s\S]*name a second way in[\s\S]*enter answer what it asks/],
  ['enter', 'INF-02-form', /Answers of INF-02[\s\S]*> Second way in[\s\S]*enter next field/],
  ['type none', '', /^ {5}none$/m],
  ['enter', '', /> From which addresses do load balancers/],
  ['enter', '', /> Who may reach the NodePorts/],
  ['enter', '', /> What else is let in/],
  ['type 9100/tcp=10.20.7.20', '', /^ {5}9100\/tcp=10\.20\.7\.20$/m],
  ['enter', '', /> What that is open now may be cut/],
  ['enter', '', /> Ports that the network plugin needs/],
  ['enter', 'INF-02-form-last', /> How long is it tried[\s\S]*enter done/],
  ['enter', 'INF-02-plan', /Plan for INF-02: 5 objects, one after the other[\s\S]*anyone else[\s\S]*closes[\s\S]*enter go on/],
  ['enter', 'INF-02-review', /Change 5 objects[\s\S]*Each is tried for 5 min[\s\S]*enter change 5 objects/],
  ['enter', 'INF-02-run', green('INF-02')],
  ['enter', 'INF-02-findings-green', /INF-02.*pass.*\[Findings\][\s\S]*blocked by default, 7 rules[\s\S]*enter checklist/],
  ['esc', '', at('INF-02')],

  // before the API server is restarted there has to be a way back to what etcd holds
  ['down to K8S-02', '', at('K8S-02')],
  ['enter', '', findings('K8S-02')],
  ['enter', 'K8S-02-wants-a-backup', /Nothing can be done now\.[\s\S]*no snapshot of etcd was taken and checked/],
  ['esc', '', at('K8S-02')],
  ...BACKUP,
  ['up to MON-01', '', at('MON-01')],
  ...apiServer('MON-01', /Plan for MON-01: 3 objects, one after the other\. Restarts the API server[\s\S]*set our audit policy/),

  ['up to K8S-04', '', at('K8S-04')],
  ['enter', '', findings('K8S-04')],
  ['enter', 'K8S-04-probe', /prove whether network policies are enforced[\s\S]*none is chosen[\s\S]*enter go on to review/],
  ['enter', '', /Change 1 object[\s\S]*Left out: practice[\s\S]*enter change 1 object/],
  ['enter', 'K8S-04-probe-run', /K8S-04.*fail.*\[Run\][\s\S]*Done on enforcement\.[\s\S]*enter findings/],
  ['enter', 'K8S-04-proved', /enforcement: a pod was cut off by a policy[\s\S]*enter see the plan/],
  ['enter', '', /Nothing can be done now\.[\s\S]*none is chosen[\s\S]*enter answer what it asks/],
  ['enter', '', /Answers of K8S-04[\s\S]*> Which namespace[\s\S]*enter next field/],
  ['type payments', '', /^ {5}payments$/m],
  ['enter', '', /> What does that namespace allow/],
  ['enter', '', /> Which image has busybox/],
  ['enter', '', /> For how many days[\s\S]*enter done/],
  ['enter', 'K8S-04-plan', /shut payments, and allow what 4 policies name[\s\S]*app=web[\s\S]*enter go on to review/],
  ['enter', '', /Change 1 object[\s\S]*On payments[\s\S]*enter change 1 object/],
  ['enter', 'K8S-04-run', green('K8S-04')],
  ['esc', '', at('K8S-04')],

  ['up to K8S-02', '', at('K8S-02')],
  ...apiServer('K8S-02', /Plan for K8S-02: 3 objects, one after the other\. Restarts the API server[\s\S]*hold namespaces/),
  ['up to INF-02', '', at('INF-02')],
  // what the new rules close to this machine is not known any more
  ['? r', 'checklist-green', /looked at[\s\S]* 6\/13 [\s\S]*> ✓ INF-02 [\s\S]*\? CRT-06 [\s\S]*enter open/],

  ['enter', '', /INF-02.*pass.*\[Findings\][\s\S]*u undo/],
  ['u', 'INF-02-undo-plan', /Take back INF-02: 5 objects[\s\S]*enter go on to review/],
  ['enter', '', /Take back 5 objects[\s\S]*enter take back 5 objects/],
  ['enter', 'INF-02-undo-run', /INF-02.*fail.*\[Run\][\s\S]*enter findings.*w waive/],
]

describe('what can hurt is mended with nothing but the keys that are shown', () => {
  test.each(SIZES.map((size) => [sizeName(size), size] as const))(
    'firewall, admission, audit policy and network policies, from the first door, at %s',
    async (_, size) => {
      const terminal = new Terminal({ size })
      await terminal.until(/no workspace in ~\/here[\s\S]*enter practise/, 'the doors')
      await walk(new Driver(terminal), size, 'harden', { before: 'doors', screens: HARDEN })
      expect(await terminal.ended).toEqual({ exitCode: 1, signal: undefined })
    },
    120_000,
  )

  test('every committed frame is one that is walked over', () => {
    for (const size of SIZES) expect(framesIn(`harden-${sizeName(size)}`)).toEqual(framesOf(HARDEN, 'doors'))
  })

  test('nothing is typed where no field is shown', async () => {
    const terminal = new Terminal()
    await terminal.until('enter practise')
    expect(() => new Driver(terminal).type('none')).toThrow('there is no field')
  })
})
