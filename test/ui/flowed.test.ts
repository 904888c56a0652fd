import { expect, test } from 'vitest'
import { flowed } from '../../src/ui/report/text.ts'

/** Text for a terminal, line by line. */

test('is broken at spaces behind its indent and label; commands and diffs stay whole', () => {
  const command = '          $ talosctl --talosconfig /somewhere/config --nodes 10.0.0.1 patch'
  const text = [
    'A note that is rather longer than the forty columns which there are.',
    '   undo   puts the earlier values back, one after the other',
    command,
    '          + net.ipv4.conf.all.accept_redirects: a long value here',
    '',
  ]
  expect(flowed(text.join('\n'), 40).split('\n')).toEqual([
    'A note that is rather longer than the',
    'forty columns which there are.',
    '   undo   puts the earlier values back,',
    '          one after the other',
    command,
    text[3],
    '',
  ])
  expect(flowed(text.join('\n'), undefined)).toBe(text.join('\n'))
})
