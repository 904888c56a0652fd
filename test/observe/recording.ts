import { readdirSync, readFileSync } from 'node:fs'

/** Real runs of the tools, kept with their secrets taken out: the command, its exit code and both streams. */

export interface Recording {
  args: string[]
  exitCode: number
  stdout: string
  stderr: string
}

const folder = new URL('../recordings/', import.meta.url)

export const VERSIONS = ['1.13', '1.14'] as const
export type Version = (typeof VERSIONS)[number]

/**
 * @param name `members`, or `kubectl/pods`
 * @throws Error for a file that is no recording.
 */
export function recording(version: Version, name: string): Recording {
  const text = readFileSync(
    new URL(`${name.replace(/^kubectl\//, '')}.txt`, new URL(`${name.startsWith('kubectl/') ? 'kubectl/' : ''}${version}/`, folder)),
    'utf8',
  )
  const match = /^\$ (?:talosctl|kubectl) (.*)\n--- exit code: (\d+) .*\n--- stdout\n([\s\S]*?)--- stderr\n([\s\S]*)$/.exec(text)
  if (!match) throw new Error(`${version}/${name} is no recording`)
  const [, args = '', exitCode, stdout = '', stderr = ''] = match
  return { args: args.split(' '), exitCode: Number(exitCode), stdout, stderr }
}

export const recordingsOf = (version: Version): string[] =>
  readdirSync(new URL(version, folder))
    .map((name) => name.replace(/\.txt$/, ''))
    .toSorted()
