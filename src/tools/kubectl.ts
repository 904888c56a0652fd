import type { VerbName } from '../domain/verbs.ts'
import type { VerbTable } from './verb.ts'

export const kubectl = {
  'kubectl.clientVersion': { tool: 'kubectl', argv: () => ['version', '--client', '--output', 'json'], seconds: 10 },
} satisfies VerbTable<Extract<VerbName, `kubectl.${string}`>>
