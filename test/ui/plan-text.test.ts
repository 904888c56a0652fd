import { describe, expect, test } from 'vitest'
import type { RunAction } from '../../src/contract.ts'
import { planText } from '../../src/ui/report/plan-text.ts'
import { part, planOf } from './states.ts'

/** A plan as text: what is to be known of every change before anybody agrees. */

const change = (more: Partial<RunAction>): RunAction => ({
  kind: 'run',
  id: more.title ?? '',
  title: 'change',
  danger: 'change',
  call: { verb: 'tool.patch', args: {} },
  undo: { none: 'nothing takes it back' },
  cancel: 'after this object',
  restarts: 'nothing',
  ...more,
})
const condition = (sentence: string) => ({ observation: 'x', predicate: 'is', args: null, sentence })
const linesOf = (...actions: RunAction[]) => planText(planOf('mend', [part('w1', { actions })]), [], 'live').split('\n')

describe('a plan of several changes to one object', () => {
  const lines = linesOf(
    change({ title: 'shut the door', done: condition('the door is shut'), undo: { sentence: 'opens it', record: null } }),
    change({ title: 'lock it', cancel: 'not until done', restarts: 'api-server' }),
  )

  test('says of each what tells that it is done, or that nothing does', () => {
    expect(lines.filter((l) => l.includes('done when'))).toEqual([
      '          done when: the door is shut',
      '          done when: nothing tells, so it is never done again by itself',
    ])
  })

  test('says each way back and each way to cancel, with the changes that it is about', () => {
    expect(lines.filter((l) => /^ {3}(undo|cancel)/.test(l))).toEqual([
      '   undo   opens it (shut the door)',
      '   undo   nothing takes it back (lock it)',
      '   cancel after this object (shut the door)',
      '   cancel not until done (lock it)',
    ])
  })

  test('says what restarts, where anything does', () => {
    expect(lines[0]).toContain(' Restarts the API server. Danger: change.')
    expect(lines[0]).not.toContain('No restart')
    expect(linesOf(change({}))[0]).toContain(' No restart. Danger: change.')
  })

  test('says once what is the same of all of them', () => {
    expect(linesOf(change({ title: 'one' }), change({ title: 'two' })).filter((l) => /^ {3}(undo|cancel)/.test(l))).toEqual([
      '   undo   nothing takes it back',
      '   cancel after this object',
    ])
  })
})
