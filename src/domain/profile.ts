import { type Document, isMap, isNode, isSeq, parseDocument } from 'yaml'
import { isDay, type Word } from '../contract.ts'
import { privateKeyAt } from './recipients.ts'
import { answer, constant, list, object, oneOf, type Problem, readYaml, record, type Shape, type TypeOf, text } from './shape.ts'

/**
 * `preflight.yaml`: everything an operator decides about one cluster. It holds no secret and is meant for git. Edited by hand as
 * well as by us; comments and order survive every edit of ours.
 */

export const PROFILE_FILE = 'preflight.yaml'
const PROFILE_VERSION = 1
/** Held by the run that writes into a workspace. */
export const LOCK_FILE = '.preflight.lock'
/** What git ignores of a workspace: everything else in it is safe to commit. */
export const IGNORED = [LOCK_FILE, '*.part', '*.tmp', 'backups/']

const day = text('a day as in 2026-12-31', /^\d{4}-\d{2}-\d{2}$/, isDay)
const objectRef = text('an object as in node/cp1', /^[^/\s]+\/.+$/)

const profileShape = object(
  {
    version: constant(PROFILE_VERSION),
    cluster: object(
      {
        name: text('the name of the cluster'),
        environment: oneOf('production', 'staging', 'lab'),
        identity: object({ ca: text('the SHA-256 of the Talos CA, hex', /^[0-9a-f]{64}$/), id: text('the cluster id') }, ['ca', 'id']),
      },
      ['name', 'environment'],
    ),
    delivery: oneOf('live', 'gitops'),
    access: object({ observe: text('a context'), change: text('a context'), backup: text('a context') }, []),
    talosconfig: text('a path'),
    kubernetes: object({ kubeconfig: text('a path'), context: text('a context') }, []),
    nodes: list(text('an address')),
    recipients: list(
      object(
        {
          name: text('a name'),
          role: oneOf('operator', 'recovery'),
          recipient: text('an age recipient'),
          opens: list(oneOf('secrets', 'backups')),
        },
        ['name', 'role', 'recipient', 'opens'],
      ),
    ),
    steps: record(record(answer(), 'a question'), 'a step'),
    attestations: list(
      object({ step: text('a step'), object: objectRef, by: text('who says it'), why: text('why'), on: day, until: day }, [
        'step',
        'by',
        'why',
        'on',
        'until',
      ]),
    ),
    waivers: list(
      object({ step: text('a step'), object: objectRef, by: text('who decides it'), why: text('why'), on: day, until: day }, [
        'step',
        'by',
        'why',
        'on',
        'until',
      ]),
    ),
    scratch: text('a path'),
    scan: object({ exclude: list(text('a path')), seconds: answer() }, []),
  },
  ['version', 'cluster'],
)

export type Profile = TypeOf<typeof profileShape>
export type RecipientEntry = NonNullable<Profile['recipients']>[number]
/** The published schema, for editors. */
export function profileSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'talos-preflight profile',
    ...(profileShape as Shape<unknown>).schema,
  }
}

/**
 * Reads a profile.
 *
 * A newer version is a problem of its own, so that nothing newer is ever rewritten by an older program.
 */
export function readProfile(source: string): { profile: Profile } | { problems: Problem[]; newer?: number } {
  const secret = privateKeyAt(source)
  if (secret >= 0) {
    const before = source.slice(0, secret).split('\n')
    const message = 'a private key stands here, in a file that is meant for git: take it out, and make a new one'
    return { problems: [{ line: before.length, column: (before.at(-1)?.length ?? 0) + 1, path: '', message }] }
  }
  const version = /^version:\s*(\d+)/m.exec(source)?.[1]
  if (version && Number(version) > PROFILE_VERSION) {
    return {
      newer: Number(version),
      problems: [
        {
          line: source.slice(0, source.search(/^version:/m)).split('\n').length,
          column: 1,
          path: 'version',
          message: `version ${version} is newer than ${PROFILE_VERSION}, which this program knows`,
        },
      ],
    }
  }
  const read = readYaml(source, profileShape)
  return 'problems' in read ? read : { profile: read.value }
}

/** A new profile with comments that say what may be added. */
export function newProfile(given: {
  name: string
  environment: Profile['cluster']['environment']
  identity?: { ca: string; id: string }
  observe?: string
  delivery: 'live' | 'gitops'
}): string {
  return [
    '# What talos-preflight knows and has been told of this cluster. No secret belongs in here; it is safe to commit.',
    `version: ${PROFILE_VERSION}`,
    'cluster:',
    `  name: ${JSON.stringify(given.name)}`,
    `  environment: ${given.environment}   # production, staging or lab`,
    ...(given.identity
      ? [
          '  # Plans are bound to this cluster; another one that answers under the same name is refused.',
          '  identity:',
          `    ca: ${given.identity.ca}`,
          `    id: ${JSON.stringify(given.identity.id)}`,
        ]
      : []),
    `delivery: ${given.delivery}   # live: through the API; gitops: files, nothing is touched`,
    '# Contexts of your talosconfig. Changing takes "change", a snapshot "backup"; looking takes the weakest that will do.',
    ...(given.observe
      ? ['access:', `  observe: ${JSON.stringify(given.observe)}`, '  # change: NAME', '  # backup: NAME']
      : ['# access: {observe: NAME, change: NAME, backup: NAME}']),
    '# Public halves of the age identities that open what is sealed: yours, and one that is kept offline.',
    '# "talos-preflight keys" adds them.',
    'recipients: []',
    '',
  ].join('\n')
}

/** Parses, changes and prints a profile; comments and the order of keys stay. */
function edited(source: string, change: (doc: Document) => void): string {
  const doc = parseDocument(source)
  change(doc)
  return doc.toString({ lineWidth: 0 })
}

/** Sets what is at a path. Where nothing or an empty list stood, the comments beside it stand in front of what comes. */
const put = (doc: Document, path: readonly string[], value: unknown): void => {
  const old = doc.getIn(path, true)
  const node = doc.createNode(value)
  const comments = isNode(old) ? [old.commentBefore, old.comment].filter((c) => typeof c === 'string') : []
  if (comments.length > 0) node.commentBefore = comments.join('\n')
  doc.setIn(path, node)
}

const append = (doc: Document, key: string, item: unknown): void => {
  const list = doc.get(key)
  if (isSeq(list) && list.items.length > 0) list.add(doc.createNode(item))
  else put(doc, [key], [item])
}

export const withRecipient = (source: string, entry: RecipientEntry): string => edited(source, (doc) => append(doc, 'recipients', entry))

export const withoutRecipient = (source: string, name: string): string =>
  edited(source, (doc) => {
    const list = doc.get('recipients')
    if (isSeq(list)) list.items = list.items.filter((item) => !(isMap(item) && item.get('name') === name))
  })

export const withWord = (source: string, kind: 'attestations' | 'waivers', word: Word): string =>
  edited(source, (doc) => append(doc, kind, word))

export const withIdentity = (source: string, identity: { ca: string; id: string }): string =>
  edited(source, (doc) => {
    if (isMap(doc.getIn(['cluster', 'identity'])))
      for (const [key, value] of Object.entries(identity)) doc.setIn(['cluster', 'identity', key], value)
    else put(doc, ['cluster', 'identity'], identity)
  })

export const withAnswer = (source: string, step: string, question: string, value: string | number | boolean): string =>
  edited(source, (doc) => {
    for (const path of [['steps'], ['steps', step]]) if (!isMap(doc.getIn(path))) put(doc, path, {})
    doc.setIn(['steps', step, question], value)
  })
