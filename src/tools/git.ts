import type { VerbName } from '../domain/verbs.ts'
import type { VerbTable } from './verb.ts'

/** git, read-only: what a repository holds now and in its history. */
export const git = {
  'git.root': { tool: 'git', argv: () => ['rev-parse', '--show-toplevel'], cwd: (a) => a.folder, seconds: 10 },
  'git.tracked': { tool: 'git', argv: () => ['ls-files', '-z'], cwd: (a) => a.folder, seconds: 30, maxBytes: 1 << 28 },
  'git.ignored': { tool: 'git', argv: () => ['check-ignore', '-z', '--stdin'], cwd: (a) => a.folder, seconds: 30 },
  // every object in one sequential pass, unreachable ones too: they are still in the repository that was pushed or copied
  'git.objects': {
    tool: 'git',
    argv: () => ['cat-file', '--batch-all-objects', '--unordered', '--batch-check=%(objectname) %(objecttype) %(objectsize)'],
    cwd: (a) => a.folder,
    seconds: 120,
  },
  'git.contents': { tool: 'git', argv: () => ['cat-file', '--batch', '--buffer'], cwd: (a) => a.folder, seconds: 600 },
  'git.whoBrought': {
    tool: 'git',
    argv: (a) => [
      'log',
      '--all',
      '--reverse',
      '--format=%h',
      '--name-only',
      '-z',
      `--find-object=${a.object}`,
      '--diff-filter=AM',
      '--max-count=20',
    ],
    cwd: (a) => a.folder,
    seconds: 60,
  },
} satisfies VerbTable<Extract<VerbName, `git.${string}`>>
