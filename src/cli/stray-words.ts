import { STEPS } from '../../steps/index.ts'
import { plainLine, type Word } from '../contract.ts'
import { PROFILE_FILE, type Profile } from '../domain/profile.ts'
import { aboutNothing, type StepResult } from '../engine/evaluate.ts'

/** Attestations and waivers that cover nothing, because a name in them is wrong or what they were about is gone. */

const saidIn = (profile: Profile | undefined): ['attestation' | 'waiver', readonly Word[]][] => [
  ['attestation', profile?.attestations ?? []],
  ['waiver', profile?.waivers ?? []],
]

const sentence = (kind: string, { step, by, object }: Word, why: string): string =>
  plainLine(`The ${kind} of ${step}${object ? ` ${object}` : ''} by ${by} in ${PROFILE_FILE} covers nothing: ${why}`, 300)

export const wordsOfNoStep = (profile: Profile | undefined): string[] =>
  saidIn(profile).flatMap(([kind, words]) =>
    words.filter((w) => !STEPS.some((s) => s.id === w.step)).map((w) => sentence(kind, w, 'there is no such step')),
  )

export const wordsOfNoObject = (profile: Profile | undefined, results: readonly StepResult[]): string[] =>
  saidIn(profile).flatMap(([kind, words]) =>
    aboutNothing(words, results).map((w) => sentence(kind, w, `${w.step} says nothing of ${w.object}`)),
  )
