import { type Look, plainLine, type Sighting } from '../contract.ts'
import type { KernelKeys, KernelParams, SysctlConfig } from '../domain/sysctl.ts'
import type { System } from '../system/ports.ts'
import { configLook } from './config-looks.ts'
import { AT_ONCE, lookAtNodes, type NodeRef, nodeObject, sideBySide } from './node-looks.ts'
import { bySpec, isMachineConfig, mapped, parseKernelParams, parseList, parseSysctlConfig, whetherTried } from './parse.ts'
import { evidenceSeen, hooks, type Taking } from './taking.ts'

/** Looks at kernel parameters: those in effect, those the kernel has, and those of the machine config. */

export const kernelParamsLook = (list: readonly NodeRef[], taking: Taking): Promise<Sighting<KernelParams>[]> =>
  lookAtNodes(list, {
    call: (a) => taking.caller.run('talosctl.kernelParams', { nodes: a }, hooks(taking)),
    split: (stdout) => mapped(bySpec(stdout), parseKernelParams),
  })

export const sysctlConfigLook = async (
  list: readonly NodeRef[],
  taking: Taking,
  file: string | undefined,
): Promise<Sighting<SysctlConfig>[]> => {
  const sightings = await configLook(list, taking, (texts) => ({ ...parseSysctlConfig(texts.active), ...whetherTried(texts) }))
  if (file) return Promise.all(sightings.map(async (s) => (s.look.ok ? s : { ...s, look: await formFromFile(taking.system, file) })))
  return sightings.map((s) =>
    s.look.ok || !s.look.remedy
      ? s
      : { ...s, look: { ...s.look, remedy: `${s.look.remedy}; where files are all you want: --machine-config FILE tells the form` } },
  )
}

const formFromFile = async (system: System, path: string): Promise<Look<SysctlConfig>> => {
  const bytes = await system.files.read(path).catch((error: NodeJS.ErrnoException) => plainLine(error.code ?? 'error'))
  if (typeof bytes === 'string') return { ok: false, reason: `${path} could not be read: ${bytes}`, evidence: [] }
  const text = bytes.toString('utf8')
  if (!isMachineConfig(text))
    return {
      ok: false,
      reason: `${path} is no machine config`,
      remedy: '--machine-config takes a whole controlplane.yaml or worker.yaml',
      evidence: [],
    }
  return { ok: true, value: parseSysctlConfig(text), evidence: [evidenceSeen(system, 'file', path, bytes)] }
}

export const kernelKeysLook = async (
  list: readonly NodeRef[],
  taking: Taking,
  folders: readonly string[],
): Promise<Sighting<KernelKeys>[]> => {
  const perFolder = await sideBySide(folders, AT_ONCE, (folder) =>
    lookAtNodes<string[]>(list, {
      call: (a) => taking.caller.run('talosctl.list', { nodes: a, path: folder }, hooks(taking)),
      split: (stdout, addresses) => parseList(stdout, addresses),
      // a kernel without IPv6 has no such folder: that is an answer
      accept: (ran) => (/no such file or directory/.test(ran.stderr.toString('utf8')) ? [] : undefined),
    }),
  )
  return list.map((node) => {
    const looks = perFolder.map((sightings) => sightings.find((s) => s.object.name === node.name)?.look as Look<string[]>)
    const evidence = looks.flatMap((l) => l.evidence)
    const failed = looks.find((l) => !l.ok)
    if (failed && !failed.ok) return { object: nodeObject(node), look: { ...failed, evidence } }
    const keys = looks.flatMap((l, i) =>
      l.ok ? l.value.map((file) => `${(folders[i] ?? '').replace('/proc/sys/', '').replaceAll('/', '.')}.${file}`) : [],
    )
    return { object: nodeObject(node), look: { ok: true, value: { folders: [...folders], keys }, evidence } }
  })
}
