import { isDay, type Word } from '../contract.ts'
import { EXIT, Refusal } from '../engine/errors.ts'
import type { CommandContext } from './command.ts'
import { needed } from './world.ts'

/** `attest` and `waive`: a human's word, kept with who, why and until when. */

async function sayWord({ world, out, words, json }: CommandContext, kind: 'attest' | 'waive'): Promise<number> {
  const { flags, session } = world
  const workspace = needed(world.workspace)
  const step = (words[0] ?? '').toUpperCase()
  if (!flags.why)
    throw new Refusal(
      'usage',
      `${kind} needs a reason`,
      `--why "${kind === 'attest' ? 'what you saw, and where' : 'why you live with it'}"`,
    )
  if (!flags.until) throw new Refusal('usage', `${kind} needs the last day it counts`, '--until 2026-12-31')
  if (!isDay(flags.until)) throw new Refusal('usage', `--until ${flags.until} is no day that there is`, 'as in 2026-12-31')
  const today = world.place.system.clock.now().toISOString().slice(0, 10)
  if (flags.until < today) throw new Refusal('usage', `--until ${flags.until} is in the past`, `today is ${today}`)
  if (flags.object && !/^[^/]+\/.+$/.test(flags.object))
    throw new Refusal('usage', `--object ${flags.object} is not KIND/NAME`, 'as in node/cp1')
  const report = await session.look([step])
  const findings = report.results[0]?.findings ?? []
  const covered = kind === 'attest' ? 'unknown' : 'fail'
  const meant = findings.filter((f) => f.verdict === covered && (!flags.object || `${f.object.kind}/${f.object.name}` === flags.object))
  if (meant.length === 0) {
    const open = findings.filter((f) => f.verdict === covered).map((f) => `${f.object.kind}/${f.object.name}`)
    throw new Refusal(
      'nothing-to-cover',
      `${step}${flags.object ? ` ${flags.object}` : ''} has nothing that is ${covered}: ${kind === 'attest' ? 'an attestation covers only what is unknown' : 'a waiver covers only what fails'}`,
      open.length > 0 ? `${covered}: ${open.join(', ')}` : `see talos-preflight check ${step} --all`,
    )
  }
  const word: Word = {
    step,
    ...(flags.object ? { object: flags.object } : {}),
    by: flags.by ?? world.operator,
    why: flags.why,
    on: today,
    until: flags.until,
  }
  await (kind === 'attest' ? session.attest(word) : session.waive(word))
  if (json) out(`${JSON.stringify({ schema: 'talos-preflight/word/v1', mode: world.mode, kind, word }, null, 2)}\n`)
  else
    out(
      `${step} ${kind === 'attest' ? 'attested' : 'waived'} until ${flags.until} by ${word.by}, for ${meant.map((f) => f.object.name).join(', ')}. Kept in ${workspace.path}/preflight.yaml.\n`,
    )
  return EXIT.ok
}

export const attest = (context: CommandContext): Promise<number> => sayWord(context, 'attest')
export const waive = (context: CommandContext): Promise<number> => sayWord(context, 'waive')
