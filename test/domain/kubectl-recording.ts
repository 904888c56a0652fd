import { readFileSync } from 'node:fs'

/** Real runs of kubectl 1.36.3 against a cluster on each version of Talos: the streams, and the exit code. */

export const TALOS = ['1.13', '1.14'] as const

/** @throws Error for a file that is no recording. */
export function kubectlRecording(talos: (typeof TALOS)[number], name: string): { exitCode: number; stdout: string; stderr: string } {
  const text = readFileSync(new URL(`../recordings/kubectl/${talos}/${name}.txt`, import.meta.url), 'utf8')
  const match = /^\$ kubectl .*\n--- exit code: (\d+) .*\n--- stdout\n([\s\S]*?)--- stderr\n([\s\S]*)$/.exec(text)
  if (!match) throw new Error(`${talos}/${name} is no recording`)
  const [, exitCode, stdout = '', stderr = ''] = match
  return { exitCode: Number(exitCode), stdout, stderr }
}
