import { EXIT } from '../../engine/errors.ts'
import type { WizardHost } from '../host.ts'

/** What a program without a terminal gets instead of the wizard: what is here, and which command does what. */
export async function guidance(host: WizardHost, out: (text: string) => void, json: boolean): Promise<number> {
  const doors = await host.doors()
  if (json) {
    out(
      `${JSON.stringify({ schema: 'talos-preflight/guidance/v1', ...(host.straight ? { mode: 'practice' } : {}), place: doors.place, contexts: doors.contexts, problems: doors.problems }, null, 2)}\n`,
    )
    return EXIT.usage
  }
  const lines = [
    `${host.product} ${host.version}, ${doors.place}. The wizard needs a terminal, and there is none here.`,
    '',
    ...doors.contexts.map((c) => `found      ${c.name}, ${c.role}, ${c.ends} (${c.file})`),
    ...(doors.contexts.length === 0 ? [`found      ${host.words.noContexts.short}; ${host.words.noContexts.hint}`] : []),
    ...doors.problems.map((p) => `problem    ${p}`),
    '',
    `look       ${host.product} check${doors.contexts.length > 1 ? ' --context NAME' : ''}`,
    `try it     ${host.product} check --practice`,
    `mend       ${host.product} plan STEP, then apply STEP --yes`,
    `all else   ${host.product} --help`,
    '',
  ]
  out(lines.join('\n'))
  return EXIT.usage
}
