import { expect, test } from 'vitest'
import { patch, tryPatch } from '../../src/practice/config.ts'
import { settled } from '../../src/practice/course.ts'
import { newState, type PracticeState } from '../../src/practice/state.ts'

/** As on real nodes: test/real/bad-input.test.ts. */

const NAME = 'w1'
const node = (state: PracticeState) => {
  const found = state.nodes.find((n) => n.name === NAME)
  if (!found) throw new Error(`no node ${NAME}`)
  return found
}
const patchOf = (key: string) => ['--patch', JSON.stringify({ machine: { sysctls: { [key]: '1' } } })]
const tried = (state: PracticeState, key: string, seconds: number): PracticeState =>
  tryPatch(state, node(state), ['--timeout', `${seconds}s`, ...patchOf(key)], true).state ?? state
const later = (state: PracticeState, seconds: number): PracticeState =>
  settled({ ...state, now: new Date(new Date(state.now).getTime() + seconds * 1000).toISOString() })
const active = (state: PracticeState) => Object.keys(node(state).machineSysctls ?? {})
const stays = (state: PracticeState) => Object.keys((node(state).kept ?? node(state)).machineSysctls ?? {})

test('what is tried goes back to what stays', () => {
  const state = tried(newState('default'), 'net.ipv4.tcp_rfc1337', 60)
  expect([active(state), stays(state)]).toEqual([['net.ipv4.tcp_rfc1337'], []])
  expect(node(later(state, 61))).toMatchObject({ machineSysctls: null, kept: null, tried: null, log: ['try', 'back'] })
})

test('a second try takes the way back of the first one away', () => {
  const first = tried(newState('default'), 'net.ipv4.tcp_rfc1337', 60)
  const state = later(tried(first, 'net.ipv4.ip_forward', 5), 120)
  expect([active(state), stays(state)]).toEqual([['net.ipv4.tcp_rfc1337'], []])
  expect(node(state)).toMatchObject({ tried: null, log: ['try', 'try', 'back'] })
  const kept = patch(state, node(state), patchOf('net.ipv4.tcp_rfc1337'), true)
  expect(kept.stderr).toContain('no changes detected')
  expect(stays(kept.state ?? state)).toEqual(['net.ipv4.tcp_rfc1337'])
})
