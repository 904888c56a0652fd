import type { SnapshotProblem } from '../../domain/snapshot.ts'

/** What is wrong with a file that should be a snapshot, and what to do about it, in sentences. */

export interface SnapshotRefusal {
  ok: false
  code: SnapshotProblem
  reason: string
  remedy?: string
}

const AGAIN = 'take a new snapshot with "talosctl etcd snapshot", and check the place where this one was kept'
const WHOLE = 'copy it again from where it was taken, or take a new snapshot with "talosctl etcd snapshot"'

const PROBLEMS: Record<SnapshotProblem, { reason: string; remedy?: string }> = {
  unreadable: { reason: 'the file could not be read' },
  stopped: { reason: 'stopped' },
  empty: { reason: 'the file is empty', remedy: WHOLE },
  foreign: {
    reason: 'the file is no etcd snapshot: no bbolt database begins in it',
    remedy: 'an encrypted or packed snapshot has to be opened first',
  },
  'cut-short': { reason: 'the file was cut short: its database says that it is longer', remedy: WHOLE },
  'raw-copy': {
    reason: 'the file is a database without the checksum that ends a snapshot: a copy of member/snap/db, or a snapshot that lost its end',
    remedy: 'take a snapshot with "talosctl etcd snapshot"; a copy of the database can be torn, and nothing in it would tell',
  },
  'no-trailer': { reason: 'the file does not end with the checksum that ends a snapshot: something was cut off or added', remedy: WHOLE },
  damaged: { reason: 'the file is damaged: its content does not have the checksum that was written at its end', remedy: WHOLE },
  'no-meta': { reason: 'the file is damaged: both of the pages that describe its database are', remedy: WHOLE },
  'page-outside': { reason: 'the database in the file is broken: it names a page that lies outside of it', remedy: AGAIN },
  'page-broken': { reason: 'the database in the file is broken: one of its pages is not what it has to be', remedy: AGAIN },
  'entry-broken': { reason: 'the database in the file is broken: an entry in it was not written by etcd', remedy: AGAIN },
  'no-keys': { reason: 'the file holds a database that is not of etcd: it has no bucket "key"' },
  'too-many-keys': { reason: 'the file holds more keys than can be told apart here; no cluster has as many' },
}

/** What is answered for a problem. @param detail stands behind the reason, such as the code of a system error */
export function problemOf(code: SnapshotProblem, detail?: string): SnapshotRefusal {
  const { reason, remedy } = PROBLEMS[code]
  return { ok: false, code, reason: detail ? `${reason}: ${detail}` : reason, ...(remedy ? { remedy } : {}) }
}
