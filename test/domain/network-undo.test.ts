import { expect, test } from 'vitest'
import type { Blocked, Part } from '../../src/contract.ts'
import { type Manifest, manifestsFor, namesOf } from '../../src/domain/network-manifests.ts'
import type { PolicyRecord } from '../../src/domain/network-plan.ts'
import { type PolicySeen, readPolicy } from '../../src/domain/network-policy.ts'
import { type AllowRule, parseRule } from '../../src/domain/network-rules.ts'
import { undoPart } from '../../src/domain/network-undo.ts'

const rules = (...texts: string[]): AllowRule[] =>
  texts.map((text) => {
    const parsed = parseRule(text)
    if ('error' in parsed) throw new Error(parsed.error)
    return parsed.value
  })
const MANIFESTS = manifestsFor(
  'red',
  rules('in app=web 8080/tcp from any', 'in app=db 5432/tcp from app=web', 'out app=web 5432/tcp to app=db'),
)
const NAMES = namesOf(MANIFESTS)
const live = (manifests: Manifest[]): PolicySeen[] => manifests.map(readPolicy)
const recordOf = (manifests: Manifest[]): PolicyRecord => ({
  namespace: 'red',
  names: namesOf(manifests),
  specs: Object.fromEntries(manifests.map((m) => [namesOf([m])[0] ?? '', m.spec ?? null])),
})
const OLD: PolicyRecord = { namespace: 'red', names: NAMES }
const changing = (name: string, change: Partial<PolicySeen>): PolicySeen[] =>
  live(MANIFESTS).map((p) => (p.name === name ? { ...p, ...change } : p))

const isBlocked = (made: Part | Blocked): made is Blocked => 'reason' in made
/** The policies that it takes and what it says of others, or why it takes none. */
function undone(now: PolicySeen[], records: PolicyRecord[] = [recordOf(MANIFESTS)], namespace = 'red') {
  const made = undoPart(namespace, records, now, [])
  if (!made || isBlocked(made)) return made?.reason
  const [action] = made.actions
  return { takes: action?.kind === 'run' ? action.call.args.names : [], says: made.blocks?.map((b) => ('text' in b ? b.text : '')) ?? [] }
}
const rest = (name: string) => ['default-deny', ...NAMES.filter((n) => n !== 'default-deny').toSorted()].filter((n) => n !== name)

test('an undo takes what is as it was left, the one that denies first', () => {
  expect(undone(live(MANIFESTS))).toEqual({ takes: rest(''), says: [] })
  expect(undone(live(MANIFESTS).slice(1))).toEqual({ takes: rest('allow-dns'), says: [] })
  expect(undone(live(MANIFESTS), [OLD])).toEqual({ takes: rest(''), says: [] })
})

test('an undo leaves what is of another namespace or was never applied', () => {
  const others = [...live(manifestsFor('blue', [])), readPolicy({ metadata: { name: 'mine', namespace: 'red' }, spec: {} })]
  expect(undone([...others, ...live(MANIFESTS)])).toEqual({ takes: rest(''), says: [] })
  expect(undone(others)).toBeUndefined()
})

test('an undo goes by the last of several records', () => {
  const before = manifestsFor('red', rules('in app=web 80/tcp from any'))
  expect(undone(live(MANIFESTS), [recordOf(before), recordOf(MANIFESTS)])).toEqual({ takes: rest(''), says: [] })
  expect(undone(live(MANIFESTS), [recordOf(MANIFESTS), recordOf(before)])).toEqual({
    takes: rest('allow-in-web'),
    says: ['allow-in-web was changed since: left alone, and what it does goes on.'],
  })
  expect(undone(changing('allow-in-web', { ingress: [] }), [recordOf(MANIFESTS), OLD])).toEqual({ takes: rest(''), says: [] })
})

test('an undo leaves what somebody changed, or took for theirs, and names it', () => {
  const says = ['allow-in-web was changed since: left alone, and what it does goes on.']
  expect(undone(changing('allow-in-web', { ingress: [] }))).toEqual({ takes: rest('allow-in-web'), says })
  expect(undone(changing('allow-in-web', { labels: {} }))).toEqual({ takes: rest('allow-in-web'), says })
})

test('an undo takes nothing where what it would leave shuts what it would take', () => {
  const reason = (name: string, cut: string) => `${name} was changed since, and left alone would shut what ${cut} through`
  expect(undone(changing('default-deny', { types: ['Egress'] }))).toBe(reason('default-deny', 'allow-dns and allow-out-web let'))
  expect(undone(changing('allow-out-web', { egress: [] }))).toBe(reason('allow-out-web', 'allow-dns lets'))
  expect(undone(changing('allow-in-web', { podSelector: { matchLabels: {}, matchExpressions: [] } }))).toBe(
    reason('allow-in-web', 'allow-in-db lets'),
  )
})

test('an undo says so where all that is left was changed', () => {
  const changed = changing('default-deny', { types: ['Egress'] }).filter((p) => p.name === 'default-deny')
  expect(undone(changed)).toBe('default-deny was changed since, and nothing else of ours is left')
})
