import { expect, test } from 'vitest'
import { type WantedPods, wantedPods } from '../../src/domain/api-server.ts'

/** When Talos is said to have rendered a change of an API server. */

const wants = (files: string, settings: string): WantedPods => ({
  pods: { 'kube-apiserver': { 'talos.dev/config-file-version': files }, 'kube-scheduler': { 'talos.dev/config-version': '1' } },
  settings,
})
const before = wants('1211', '12')
const rendered = (now: WantedPods, then = before) => wantedPods.predicates.rendered?.(now, then as never)

test('Talos renders a change where it wants another API server, made of what the node holds', () => {
  expect(rendered(wants('1311', '13'))).toBe(true)
})

test('it does not where nothing else is wanted', () => {
  expect(rendered(before)).toBe('Talos does not want another API server yet')
  // an audit policy that it cannot read
  expect(rendered(wants('1211', '13'))).toBe('Talos does not want another API server yet')
})

test('it does not where what the node holds is not seen', () => {
  expect(rendered(wants('1311', ''))).toBe('Talos wants another API server, not yet the one of this change')
})

test('it does not where another API server is wanted late, of an earlier change that went back', () => {
  expect(rendered(wants('1411', '15'), wants('1211', '14'))).toBe('Talos wants another API server, not yet the one of this change')
})
