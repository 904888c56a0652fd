import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Whether what is in memory could reach a disk in plain: by swap that is active. What cannot be told counts as plain. */

/**
 * The first active swap that is neither compressed memory nor known to be encrypted.
 *
 * @param root where `/proc` and `/sys` are
 */
export async function plainSwap(root = '/'): Promise<string | undefined> {
  const lines = (await textOf(join(root, 'proc/swaps'))).trim().split('\n').slice(1)
  for (const line of lines) {
    const [path = '', kind] = line.split(/\s+/)
    const devices = kind === 'file' ? await devicesBelow(root, unescaped(path)) : [basename(path)]
    if (!(await everyone(devices, (device) => isSafe(root, device)))) return unescaped(path)
  }
  return undefined
}

const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
/** The kernel writes blanks in paths as octal numbers. https://man7.org/linux/man-pages/man5/fstab.5.html */
const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

async function everyone(devices: readonly string[], holds: (device: string) => Promise<boolean>): Promise<boolean> {
  if (devices.length === 0) return false
  for (const device of devices) if (!(await holds(device))) return false
  return true
}

/** Encrypted itself, or made of devices that all are: LVM or RAID on top of LUKS. */
async function isSafe(root: string, device: string): Promise<boolean> {
  if (/^zram\d+$/.test(device)) return true
  const about = join(root, 'sys/class/block', device)
  if ((await textOf(join(about, 'dm/uuid'))).startsWith('CRYPT-')) return true
  const below = await readdir(join(about, 'slaves')).catch(() => [])
  return everyone(below, (slave) => isSafe(root, slave))
}

/** Block devices that a file lies on, by the mount that holds it. */
async function devicesBelow(root: string, file: string): Promise<string[]> {
  const mounts = (await textOf(join(root, 'proc/self/mountinfo'))).trim().split('\n')
  const holding = mounts
    .map((line) => line.split(' '))
    .map(([, , numbers = '', , point = '']) => ({ numbers, point: unescaped(point) }))
    .filter(({ point }) => file === point || file.startsWith(point.endsWith('/') ? point : `${point}/`))
    // of two on the same point the later one is seen
    .reduce((found, mount) => (mount.point.length >= found.point.length ? mount : found), { numbers: '', point: '' })
  const device = await realpath(join(root, 'sys/dev/block', holding.numbers)).catch(() => undefined)
  return device && holding.numbers ? [basename(device)] : []
}
