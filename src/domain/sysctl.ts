/**
 * Kernel parameters in a Talos machine configuration.
 *
 * Up to 1.13 they live in `machine.sysctls`, from 1.14 in a document of kind `SysctlConfig`. Where a 1.14 node holds both, it
 * accepts them without a word and the document wins (seen on 1.14.1). Keys that nobody manages are in neither.
 * https://docs.siderolabs.com/talos/v1.14/reference/configuration/runtime/sysctlconfig
 */

/** Where the keys of one node are, or would be, configured. */
export type SysctlForm = 'machine.sysctls' | 'SysctlConfig'

/** What a node's machine configuration says of kernel parameters. */
export interface SysctlConfig {
  /** Values of `machine.sysctls`; absent where the map is absent. */
  machine?: Record<string, string>
  /** Values of the `SysctlConfig` document; absent where the document is absent. */
  document?: Record<string, string>
  /** What is active is not what is kept: somebody tries a change now, or one waits for a restart. */
  tried?: true
}

/** One kernel parameter as the node reports it. */
interface KernelParam {
  current: string
  /** The node says that its kernel does not have this key. */
  unsupported: boolean
}

/** Kernel parameters that someone manages on a node, by dotted key without the leading `proc.sys.`. */
export type KernelParams = Record<string, KernelParam>

/** Keys that the kernel of a node has, of the folders that were listed. */
export interface KernelKeys {
  folders: string[]
  keys: string[]
}

const OFF_PER_INTERFACE_4 = ['accept_redirects', 'secure_redirects', 'send_redirects', 'accept_source_route']
const OFF_PER_INTERFACE_6 = ['accept_redirects', 'accept_source_route']

/**
 * The keys that INF-10 holds. `all` acts at once, `default` on interfaces that come later; both are needed.
 * rp_filter is left to the network plugin, the kernel's self-protection keys are left to Talos.
 * https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html
 */
export function wantedSysctls(options: { logMartians: boolean; alsoSet: Record<string, string> }): Record<string, string> {
  const wanted: Record<string, string> = {}
  for (const scope of ['all', 'default']) {
    for (const key of OFF_PER_INTERFACE_4) wanted[`net.ipv4.conf.${scope}.${key}`] = '0'
    if (options.logMartians) wanted[`net.ipv4.conf.${scope}.log_martians`] = '1'
    for (const key of OFF_PER_INTERFACE_6) wanted[`net.ipv6.conf.${scope}.${key}`] = '0'
  }
  wanted['net.ipv4.tcp_syncookies'] = '1'
  return { ...wanted, ...options.alsoSet }
}

/**
 * Keys of the kernel's own protection that Talos sets itself; naming one in the configuration is logged as an override,
 * and removing it again lowers it. https://github.com/siderolabs/talos/blob/v1.13.9/pkg/kernel/kspp/kspp.go
 */
const SELF_PROTECTION =
  /^(dev\.tty\.(ldisc_autoload|legacy_tiocsti)|fs\.(protected_(symlinks|hardlinks|fifos|regular)|suid_dumpable)|kernel\.(kptr_restrict|dmesg_restrict|perf_event_paranoid|randomize_va_space|yama\.ptrace_scope|unprivileged_bpf_disabled|kexec_load_disabled)|user\.max_user_namespaces|net\.core\.bpf_jit_harden|vm\.unprivileged_userfaultfd)$/

/** Says what is wrong with a key and value that an operator wants to hold on top, or nothing. */
export function refuseSysctl(key: string, value: string): string | undefined {
  if (SELF_PROTECTION.test(key)) return `"${key}" belongs to the kernel's own protection, which Talos holds itself`
  if (!/^net\.[a-z0-9_]+(\.[A-Za-z0-9_-]+)+$/.test(key))
    return `"${key}" is not a network key; write it with dots, as in net.ipv4.tcp_syncookies`
  if (/\.rp_filter$/.test(key)) return `"${key}" belongs to the network plugin`
  const held = wantedSysctls({ logMartians: true, alsoSet: {} })[key]
  if (held !== undefined && held !== value) return `"${key}" is held at ${held}; where a node needs another value, waive INF-10 for it`
  if (!/^[A-Za-z0-9 ,._-]+$/.test(value)) return `the value of "${key}" may hold letters, digits, spaces and , . _ - only`
  return undefined
}

/** The folder of `/proc/sys` that holds a key. */
export const folderOf = (key: string): string => `/proc/sys/${key.split('.').slice(0, -1).join('/')}`

/** Folders to list so that it is known whether a kernel has the wanted keys. */
export const foldersOf = (keys: readonly string[]): string[] => [...new Set(keys.map(folderOf))].sort()

/** Where a node's keys belong: where it already has them, else where its version puts them. */
export function sysctlForm(config: SysctlConfig, version: { documents: boolean }): SysctlForm {
  if (config.document) return 'SysctlConfig'
  if (config.machine) return 'machine.sysctls'
  return version.documents ? 'SysctlConfig' : 'machine.sysctls'
}

/** Wanted keys that are not in effect, each with what is there instead (undefined: nobody manages it). */
export function notInEffect(
  wanted: Record<string, string>,
  params: KernelParams,
): { key: string; value: string; current: string | undefined }[] {
  return Object.entries(wanted)
    .filter(([key, value]) => params[key]?.current !== value)
    .map(([key, value]) => ({ key, value, current: params[key]?.current }))
}

/** What taking back our keys needs to know: what we set, where, and what the configuration said before. */
export interface SysctlRecord {
  [key: string]: SysctlForm | boolean | Record<string, string>
  form: SysctlForm
  set: Record<string, string>
  /** Earlier values of keys that the configuration already had. */
  before: Record<string, string>
  /** The document did not exist before us. */
  documentIsOurs: boolean
}

export const valuesOf = (config: SysctlConfig, form: SysctlForm): Record<string, string> =>
  (form === 'SysctlConfig' ? config.document : config.machine) ?? {}

/** What taking back comes to in one form. */
export interface TakeBack {
  form: SysctlForm
  /** Keys that still have the value we gave them. */
  ours: string[]
  /** How many somebody else has changed since; they stay. */
  theirs: number
  /** Of ours: keys that were not there before, and the earlier values of the others. */
  absent: string[]
  back: Record<string, string>
  /** The values that must not be held any more. */
  held: Record<string, string>
  dropsDocument: boolean
}

/** Works out what of our changes, oldest first, is still ours to take back. */
export function takeBack(form: SysctlForm, records: readonly SysctlRecord[], now: SysctlConfig): TakeBack {
  const same = records.filter((r) => r.form === form)
  const set: Record<string, string> = Object.assign({}, ...same.map((r) => r.set))
  const have = valuesOf(now, form)
  const ours = Object.keys(set).filter((key) => have[key] === set[key])
  // a later change of ours found the value that an earlier one had set, so the first one knows what was there before us
  const before = (key: string) => same.find((r) => Object.hasOwn(r.set, key))?.before[key]
  const absent = ours.filter((key) => before(key) === undefined)
  return {
    form,
    ours,
    theirs: Object.keys(set).length - ours.length,
    absent,
    back: Object.fromEntries(ours.flatMap((key) => (before(key) === undefined ? [] : [[key, before(key) as string]]))),
    held: Object.fromEntries(ours.map((key) => [key, set[key] as string])),
    dropsDocument: form === 'SysctlConfig' && same.some((r) => r.documentIsOurs) && Object.keys(have).every((key) => absent.includes(key)),
  }
}

/** Shortens `net.ipv4.conf.all.accept_redirects, net.ipv4.conf.default.accept_redirects` for a sentence. */
export function nameKeys(keys: readonly string[], most = 3): string {
  const shown = keys.slice(0, most).join(', ')
  return keys.length > most ? `${shown} and ${keys.length - most} more` : shown
}
