import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kindIn } from '../../src/observe/secret-kinds.ts'
import { ROOT } from './source.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

test('every package has an exact version', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  )
  expect(loose).toEqual([])
})

test('the lockfile names no address, and stays so', () => {
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Record<string, unknown>> }
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
  expect(Object.entries(lock.packages).filter(([, entry]) => 'resolved' in entry)).toEqual([])
  expect(read('.npmrc').split('\n')).toContain('omit-lockfile-registry-resolved=true')
  expect(read('.npmrc')).not.toMatch(/registry\s*=|:\/\//)
})

test('the lockfile locks what the manifest asks for', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version?: string }> }
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version])
})

/** Files that git holds, or would take in. */
function filesOfGit(): { path: string; bytes: Buffer }[] {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  expect(listed.status).toBe(0)
  return listed.stdout
    .split('\0')
    .filter((path) => path !== '' && statSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile())
    .map((path) => ({ path, bytes: readFileSync(join(ROOT, path)) }))
}

/** Hosts that serve packages or images, and names that mean something in one network only. */
const PRIVATE_HOST =
  /https?:\/\/[a-z0-9.-]*(?:registry|artifactory|nexus|jfrog|mirror|proxy|npmjs|pypi|\.internal|\.local|\.lan|\.corp)\b[a-z0-9.-]*/i

test('no file that git holds names a path of one machine', () => {
  const places = [ROOT, `${homedir()}/`, ['', 'work', ''].join('/'), ['', 'root', ''].join('/')].filter((p) => p.split('/').length > 2)
  const names = (text: string, place: string): boolean =>
    // behind a name, a variable or a host it is a part of another path
    text.split(place).some((before, i, pieces) => i < pieces.length - 1 && !/[\w.$}@-]$/.test(before))
  const found = filesOfGit().flatMap(({ path, bytes }) => {
    const text = bytes.toString('latin1')
    return places.filter((place) => names(text, place)).map((place) => `${path}: ${place}`)
  })
  expect(found).toEqual([])
})

test('no file that git holds names a registry or a host of one network', () => {
  const found = filesOfGit().flatMap(({ path, bytes }) => {
    const host = PRIVATE_HOST.exec(bytes.toString('latin1'))
    return host ? [`${path}: ${host[0]}`] : []
  })
  expect(found).toEqual([])
})

test('no file that git holds has a secret in it', () => {
  const found = filesOfGit().flatMap(({ path, bytes }) => {
    const kind = kindIn(bytes, true)
    return kind ? [`${path}: ${kind}`] : []
  })
  expect(found).toEqual([])
})
