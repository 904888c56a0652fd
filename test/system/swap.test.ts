import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { plainSwap } from '../../src/system/swap.ts'

/** Which active swap could let memory reach a disk in plain, by what the kernel shows below /proc and /sys. */

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'swap-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
const swaps = (...lines: string[]) => write('proc/swaps', `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${lines.join('\n')}\n`)
const partition = (path: string) => `${path}                               partition\t8388604\t\t0\t\t-2`
const inFile = (path: string) => `${path}                               file\t\t8388604\t\t0\t\t-2`
/** A block device, its device mapper id and what it is made of. */
function device(name: string, uuid: string | undefined, ...slaves: string[]): void {
  mkdirSync(join(root, 'sys/class/block', name), { recursive: true })
  if (uuid) write(`sys/class/block/${name}/dm/uuid`, `${uuid}\n`)
  for (const slave of slaves) mkdirSync(join(root, 'sys/class/block', name, 'slaves', slave), { recursive: true })
}
function mounts(...all: [numbers: string, point: string, device?: string][]): void {
  write('proc/self/mountinfo', all.map(([numbers, point]) => `29 1 ${numbers} / ${point} rw - ext4 /dev/x rw\n`).join(''))
  mkdirSync(join(root, 'sys/dev/block'), { recursive: true })
  for (const [numbers, , name] of all) if (name) symlinkSync(join(root, 'sys/class/block', name), join(root, 'sys/dev/block', numbers))
}

const LUKS = 'CRYPT-LUKS2-0123-swap'

describe('swap that is active', () => {
  test('is none', async () => {
    expect(await plainSwap(root)).toBeUndefined()
    swaps()
    expect(await plainSwap(root)).toBeUndefined()
  })

  test('is compressed memory, or encrypted', async () => {
    device('dm-0', LUKS)
    swaps(partition('/dev/zram0'), partition('/dev/dm-0'))
    expect(await plainSwap(root)).toBeUndefined()
  })

  test('is a partition', async () => {
    device('sda2', undefined)
    swaps(partition('/dev/zram0'), partition('/dev/sda2'))
    expect(await plainSwap(root)).toBe('/dev/sda2')
  })

  test('is a volume: it is what it is made of', async () => {
    device('dm-0', LUKS, 'sda3')
    device('dm-1', 'LVM-abc', 'dm-0')
    swaps(partition('/dev/dm-1'))
    expect(await plainSwap(root)).toBeUndefined()
    device('dm-1', 'LVM-abc', 'dm-0', 'sdb1')
    device('sdb1', undefined)
    expect(await plainSwap(root)).toBe('/dev/dm-1')
  })

  test('is a file: it is what the disk below it is', async () => {
    device('dm-0', LUKS)
    device('sda1', undefined)
    mounts(['8:1', '/', 'sda1'], ['253:0', '/var', 'dm-0'])
    swaps(inFile('/var/swap\\040file'))
    expect(await plainSwap(root)).toBeUndefined()
    swaps(inFile('/variable'))
    expect(await plainSwap(root)).toBe('/variable')
  })

  test('is on something that cannot be told', async () => {
    swaps(inFile('/swap file'.replace(' ', '\\040')))
    expect(await plainSwap(root)).toBe('/swap file')
    mounts(['0:42', '/'])
    expect(await plainSwap(root)).toBe('/swap file')
  })
})
