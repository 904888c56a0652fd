import type { VerbName } from '../domain/verbs.ts'
import type { VerbTable } from './verb.ts'

/** age, https://github.com/FiloSottile/age. Plaintext goes in and comes out through pipes, never through a file. */
export const age = {
  'age.version': { tool: 'age', argv: () => ['--version'], seconds: 10 },
  'age.encrypt': { tool: 'age', argv: (a) => a.recipients.flatMap((r: string) => ['--recipient', r]), seconds: 120 },
  'age.decrypt': { tool: 'age', argv: (a) => ['--decrypt', '--identity', a.identity], seconds: 120, secret: true, mayAsk: true },
  'age.keygen': { tool: 'age-keygen', argv: () => [], seconds: 10, secret: true },
  'age.recipientOf': { tool: 'age-keygen', argv: (a) => ['-y', a.identity], seconds: 10, mayAsk: true },
  'age.protect': { tool: 'age', argv: (a) => ['--passphrase', '--armor', '--output', a.output], seconds: 600, terminal: true },
} satisfies VerbTable<Extract<VerbName, `age.${string}`>>
