import { expect, test } from 'vitest'
import { chooseAccess } from '../../src/cli/access.ts'
import type { TalosContext } from '../../src/domain/observations.ts'

const contextOf = (name: string, role: string): TalosContext => ({
  name,
  file: '/t/config',
  current: name === 'reader',
  endpoints: ['10.0.0.1'],
  nodes: [],
  roles: [role],
  ca: 'ca',
  certificate: name,
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2027-01-01T00:00:00.000Z',
})
const CONTEXTS = [
  contextOf('reader', 'os:reader'),
  contextOf('backup', 'os:etcd:backup'),
  contextOf('admin', 'os:admin'),
  contextOf('spare', 'os:admin'),
]

test.each([
  ['nothing named: the current one looks', {}, ['observe reader']],
  ['the profile names one for each', { change: 'admin', backup: 'backup' }, ['observe reader', 'change admin', 'backup backup']],
  ['one for several purposes is there for each', { observe: 'admin', change: 'admin' }, ['observe admin', 'change admin']],
  ['the flag goes before the profile where it may', { flag: 'spare', change: 'admin', backup: 'backup' }, ['observe spare']],
  ['and the profile stays where the flag may not', { flag: 'reader', change: 'admin' }, ['observe reader', 'change admin']],
])('%s', (_, named, wanted) => {
  expect(chooseAccess(CONTEXTS, named).map((a) => `${a.purpose} ${a.context}`)).toEqual(wanted)
})
