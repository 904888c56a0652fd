import { holdsPrivateKey } from '../domain/recipients.ts'
import { Refusal } from '../engine/errors.ts'

/**
 * What an operator says is kept in preflight.yaml, in the journal and in the evidence, all of which is meant for git.
 *
 * @throws Refusal where a private key is in it, which it does not repeat.
 */
export function refusePrivateKey(...texts: readonly (string | undefined)[]): void {
  if (texts.some((text) => text !== undefined && holdsPrivateKey(text)))
    throw new Refusal(
      'private-key',
      'there is a private key in what was given, and nothing of it was kept',
      'say it without the key; take that key for leaked and make a new one, because a shell or a terminal may remember what was typed',
    )
}
