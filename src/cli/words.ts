import { holdsPrivateKey, refuseRecipients } from '../domain/recipients.ts'
import type { Words } from '../ui/host.ts'

/** What the wizard says of the product. */
export const WORDS: Words = {
  doors: {
    practise: {
      what: 'a simulated cluster, nothing real is touched',
      time: '2 minutes',
      about:
        'Runs the whole program to the end on a simulated cluster with five nodes: red findings, a plan, the change, green findings, sealed configs. It is kept in a folder of its own.',
    },
    check: {
      what: 'a cluster that runs, read-only',
      time: '1 minute',
      about:
        'Looks at a running cluster with the least access that will do and says what is missing, with the evidence. It changes nothing until you have seen a plan and agreed to it.',
    },
    setup: {
      what: 'fresh machines, to a hardened cluster',
      time: 'not there yet',
      about: 'Will take fresh machines to a hardened cluster. There is nothing behind this door yet; it says what to use meanwhile.',
    },
    incident: {
      what: 'a key leaked, a node is suspect, etcd is lost',
      time: 'not there yet',
      about:
        'Will lead through a leaked key, a suspect node, a compromised CA and a lost etcd. There is nothing behind this door yet; it says what to do by hand.',
    },
  },
  notes: {
    setup: [
      'This door will take fresh machines to a hardened cluster. There is nothing behind it yet.',
      '',
      'Meanwhile: bring the cluster up with talosctl gen config, apply-config and bootstrap, then take the door "Check". Practise shows what will be looked at.',
    ],
    incident: [
      'This door will lead through a leaked key, a suspect node, a compromised CA and a lost etcd. There is nothing behind it yet.',
      '',
      'Now, by hand: take a snapshot of etcd on every control plane first (talosctl etcd snapshot FILE). A leaked os:admin talosconfig cannot be revoked: it ends with its CA (talosctl rotate-ca, which prints private keys: keep its output off screens and logs). See the Talos documentation on CA rotation and disaster recovery.',
    ],
  },
  lookingForContexts: 'looking for talosconfig files',
  noContexts: { short: 'no talosconfig was found', hint: 'start again with --talosconfig FILE, or practise first' },
  keys: {
    nobody: 'Nobody yet. Before a config is changed it is sealed, so somebody has to be able to open it.',
    make: 'Make yours now (c), or with a passphrase that age asks for (p). It is kept outside the workspace and outside git, for you alone.',
    withPassphrase: 'Yes, with a passphrase that age asks for',
    noRecovery:
      'No recovery recipient: if yours is lost, so is everything that was sealed. Whoever keeps it makes it offline with age-keygen; add its public half here (r).',
    aboutRecovery: 'Made by whoever keeps it, offline: age-keygen. Only its public half comes here; it begins with age1.',
    recipient: 'the public half, age1…',
    opens: [
      { value: 'secrets', name: 'secrets: bundle and configs' },
      { value: 'backups', name: 'backups' },
      { value: 'secrets,backups', name: 'both' },
    ],
    wrong: (recipient) => refuseRecipients([{ name: 'this', recipient }]),
    // what is typed is on the screen letter by letter, so how a key begins is enough
    holdsPrivateKey: (text) => /AGE-SECRET-KEY-|-----BEGIN [A-Z0-9 ]*PRIVATE KEY/i.test(text) || holdsPrivateKey(text),
  },
}
