import { basename, dirname, join, relative, resolve } from 'node:path'
import { plainLine } from '../contract.ts'
import { PROFILE_FILE, type RecipientEntry } from '../domain/profile.ts'
import { ADD_RECOVERY, kindOfRecipient, refuseRecipients } from '../domain/recipients.ts'
import { EXIT, Failure, Refusal } from '../engine/errors.ts'
import { insideGit } from '../observe/inside-git.ts'
import type { CommandContext } from './command.ts'
import { fileProblem } from './file-problem.ts'
import { type Described, describeIdentity, recipientOf } from './identity.ts'
import type { Workspace } from './workspace.ts'
import { identityPath, needed, type World } from './world.ts'

/** The operator's own age identity, and the recipients that open what is sealed. */

/**
 * What the identity opens, by the recipients of the profile. Nothing is opened for that: each time a sealed secret is opened belongs
 * into the journal, and a protected identity would ask for its passphrase.
 */
function opensBy(world: World, identity: Described): string | undefined {
  const { workspace } = world
  if (!workspace || !identity.there) return undefined
  if (!identity.recipient) return 'unknown: the recipient of your identity cannot be read'
  const mine = (workspace.profile.recipients ?? []).filter((r) => r.recipient === identity.recipient)
  if (mine.length === 0) return 'nothing that is sealed from now on: yours is none of the recipients in preflight.yaml'
  return mine.map((r) => `${r.opens.join(' and ')}: yours is the recipient ${r.name}`).join('; ')
}

async function refuseUnsafePlace(world: World, path: string): Promise<void> {
  const { system } = world.place
  const real = async (at: string) => (await system.files.real(at)) ?? at
  const place = join(await real(dirname(await real(path))), basename(path))
  if (world.workspace && !relative(await real(world.workspace.path), place).startsWith('..'))
    throw new Refusal(
      'identity-in-workspace',
      `${path} is inside the workspace, which is meant for git`,
      'take a place outside: --identity FILE',
    )
  if (await insideGit(system, dirname(place)))
    throw new Refusal('identity-in-git', `${path} is inside a git work tree`, 'take a place outside: --identity FILE')
}

const entryFor = (world: World, name: string, recipient: string, role: string | undefined): RecipientEntry => {
  if (role !== 'operator' && role !== 'recovery')
    throw new Refusal(
      'usage',
      role === undefined ? 'a recipient needs the role of its holder' : `--role ${role} is not known`,
      '--role operator, or --role recovery: the one that is kept offline',
    )
  const opens = (world.flags.opens ?? 'secrets,backups').split(',').map((w) => w.trim())
  if (!opens.every((o): o is 'secrets' | 'backups' => o === 'secrets' || o === 'backups'))
    throw new Refusal('usage', `--opens ${world.flags.opens} is not known`, 'secrets, backups, or both: secrets,backups')
  return { name, role, recipient, opens }
}

function refuseEntry(workspace: Workspace, entry: RecipientEntry): void {
  const known = workspace.profile.recipients ?? []
  if (known.some((r) => r.name === entry.name))
    throw new Refusal(
      'name-taken',
      `there is a recipient "${entry.name}" already`,
      'take another name, or remove it first: talos-preflight keys remove NAME',
    )
  const wrong = refuseRecipients([...known, entry])
  if (wrong)
    throw new Refusal('bad-recipient', wrong, `see talos-preflight keys; one in ${PROFILE_FILE} goes by: talos-preflight keys remove NAME`)
}

async function addRecipient(context: CommandContext, entry: RecipientEntry): Promise<void> {
  refuseEntry(needed(context.world.workspace), entry)
  await context.world.session.changeRecipient('added', entry)
  context.out(
    `${entry.name} (${entry.role}, ${kindOfRecipient(entry.recipient)}) opens ${entry.opens.join(' and ')} from now on. Files sealed before are not changed.\n`,
  )
}

/** What brings the first recipient: an identity that is there is used, and without a workspace nobody could be a recipient of anything. */
function madeBy(world: World, identity: Described): string {
  const mine = identity.there ? 'talos-preflight keys use FILE' : 'talos-preflight keys create'
  return world.workspace ? mine : `talos-preflight init, then ${mine}`
}

async function create(context: CommandContext): Promise<number> {
  const { world, front, out } = context
  const { system } = world.place
  const workspace = needed(world.workspace)
  const path = world.flags.identity ? resolve(system.files.cwd, world.flags.identity) : await identityPath(system)
  if (await system.files.info(path))
    throw new Refusal('identity-exists', `there is an identity at ${path} already`, 'use it: talos-preflight keys use FILE')
  await refuseUnsafePlace(world, path)
  const name = world.flags.name ?? world.operator.split('@')[0] ?? 'operator'
  const hasAge = (await system.processes.find('age')) && (await system.processes.find('age-keygen'))
  if (world.flags.passphrase && !hasAge)
    throw new Refusal('no-age', 'a passphrase needs the age binary, which asks for it', 'install age: https://github.com/FiloSottile/age')
  if (world.flags.passphrase && front.kind === 'report')
    throw new Refusal('no-terminal', 'age asks for the passphrase on the terminal, and there is none', 'run it on a terminal')
  const { text, recipient } = await newIdentity(world, hasAge !== undefined && hasAge !== '')
  const entry = entryFor(world, name, recipient, world.flags.role ?? 'operator')
  refuseEntry(workspace, entry)
  await system.files.makeFolder(dirname(path), 0o700).catch((error) => fileProblem(error, dirname(path)))
  if (world.flags.passphrase) {
    const ran = await world.caller.run('age.protect', { output: path }, { input: text })
    if (!ran.ok) throw new Failure('not-protected', `age did not protect the identity: ${ran.reason}`, 'nothing was kept; run it again')
    // age writes it as the umask says
    await system.files.replace(path, await system.files.read(path), 0o600).catch((error) => fileProblem(error, path))
  } else await system.files.create(path, text, 0o600).catch((error) => fileProblem(error, path))
  out(`Your identity is at ${path} (mode 0600). Keep a copy of it: without it nothing that is sealed can be opened.\n`)
  await addRecipient(context, entry)
  if (!(workspace.profile.recipients ?? []).some((r) => r.role === 'recovery'))
    out(
      `Next: recovery identities, each made by whoever keeps it (age-keygen${world.flags['post-quantum'] ? ' -pq' : ''}), their public halves added here: ${ADD_RECOVERY}\n`,
    )
  return EXIT.ok
}

/** age-keygen of before 1.3 knows nothing of post-quantum, so those are made by the library. */
async function newIdentity(world: World, withAge: boolean): Promise<{ text: string; recipient: string }> {
  const postQuantum = world.flags['post-quantum'] === true
  if (withAge && !postQuantum) {
    const ran = await world.caller.run('age.keygen', {})
    const text = ran.stdout.toString('utf8')
    const recipient = /^# public key: (\S+)$/m.exec(text)?.[1]
    if (!ran.ok || !recipient) throw new Failure('no-identity-made', `age-keygen made no identity${ran.ok ? '' : `: ${ran.reason}`}`)
    return { text, recipient }
  }
  const { generateHybridIdentity, generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await (postQuantum ? generateHybridIdentity() : generateX25519Identity())
  const recipient = await identityToRecipient(identity)
  return { text: `# public key: ${recipient}\n${identity}\n`, recipient }
}

async function use(context: CommandContext, file: string): Promise<number> {
  const { world, out } = context
  const { system } = world.place
  needed(world.workspace)
  const path = resolve(system.files.cwd, file)
  const described = await describeIdentity(world, path)
  if (!(await system.files.info(path))) throw new Refusal('no-such-file', `there is no file ${path}`)
  if (!described.ok) throw new Refusal('bad-identity', described.text, described.hint)
  await refuseUnsafePlace(world, path)
  const recipient = await recipientOf(world, path)
  if (!recipient)
    throw new Refusal(
      'bad-identity',
      `the recipient of ${path} cannot be read: it is protected`,
      'add its public half by hand: talos-preflight keys add NAME RECIPIENT --role operator',
    )
  const pointer = join(system.files.env.XDG_CONFIG_HOME || join(system.files.home, '.config'), 'talos-preflight', 'identity-path')
  await addRecipient(
    context,
    entryFor(world, world.flags.name ?? world.operator.split('@')[0] ?? 'operator', recipient, world.flags.role ?? 'operator'),
  )
  await system.files.makeFolder(dirname(pointer), 0o700).catch((error) => fileProblem(error, pointer))
  await system.files.replace(pointer, `${path}\n`, 0o600).catch((error) => fileProblem(error, pointer))
  out(`Identity: ${plainLine(path)}\n`)
  return EXIT.ok
}

export async function keys(context: CommandContext): Promise<number> {
  const { world, out, words, json } = context
  const [verb, ...rest] = words
  switch (verb) {
    case undefined: {
      const identity = await describeIdentity(world, world.flags.identity ?? (await identityPath(world.place.system)))
      const recipients = world.workspace?.profile.recipients ?? []
      const opens = opensBy(world, identity)
      if (json)
        out(
          `${JSON.stringify({ schema: 'talos-preflight/keys/v1', mode: world.mode, identity: identity.text, recipients, opens: opens ?? null }, null, 2)}\n`,
        )
      else {
        out(`identity    ${identity.text}${identity.hint ? `\n            ${identity.hint}` : ''}\n`)
        for (const r of recipients)
          out(
            `recipient   ${r.name}, ${r.role}, opens ${r.opens.join(' and ')}, ${kindOfRecipient(r.recipient) ?? 'no age recipient'}, ${r.recipient.slice(0, 24)}…\n`,
          )
        if (opens) out(`opens       ${opens}\n`)
        if (recipients.length === 0) out(`recipient   none: nothing can be sealed\n            ${madeBy(world, identity)}\n`)
        else if (!recipients.some((r) => r.role === 'recovery'))
          out(`recipient   no recovery identity: if yours is lost, so is what was sealed\n            ${ADD_RECOVERY}\n`)
      }
      return EXIT.ok
    }
    case 'create':
      return create(context)
    case 'use':
      if (!rest[0]) throw new Refusal('usage', 'usage: talos-preflight keys use FILE')
      return use(context, rest[0])
    case 'add': {
      const [name, recipient] = rest
      if (!name || !recipient) throw new Refusal('usage', 'usage: talos-preflight keys add NAME RECIPIENT --role ROLE')
      await addRecipient(context, entryFor(world, name, recipient, world.flags.role))
      return EXIT.ok
    }
    case 'remove': {
      const workspace = needed(world.workspace)
      const gone = (workspace.profile.recipients ?? []).find((r) => r.name === rest[0])
      if (!gone)
        throw new Refusal(
          'no-such-recipient',
          `there is no recipient "${rest[0] ?? ''}"`,
          `recipients: ${(workspace.profile.recipients ?? []).map((r) => r.name).join(', ') || 'none'}`,
        )
      await world.session.changeRecipient('removed', gone)
      out(`${gone.name} is no recipient any more. What was sealed to it before it still opens.\n`)
      return EXIT.ok
    }
    default:
      throw new Refusal('usage', `there is no "keys ${verb}"`, 'talos-preflight keys --help')
  }
}
