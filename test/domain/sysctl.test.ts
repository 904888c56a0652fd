import { describe, expect, test } from 'vitest'
import { folderOf, foldersOf, nameKeys, notInEffect, refuseSysctl, sysctlForm, wantedSysctls } from '../../src/domain/sysctl.ts'

describe('the wanted keys', () => {
  test('close redirects and source routes on what is there and on what comes, and log what is impossible', () => {
    expect(wantedSysctls({ logMartians: true, alsoSet: {} })).toEqual({
      'net.ipv4.conf.all.accept_redirects': '0',
      'net.ipv4.conf.all.accept_source_route': '0',
      'net.ipv4.conf.all.log_martians': '1',
      'net.ipv4.conf.all.secure_redirects': '0',
      'net.ipv4.conf.all.send_redirects': '0',
      'net.ipv4.conf.default.accept_redirects': '0',
      'net.ipv4.conf.default.accept_source_route': '0',
      'net.ipv4.conf.default.log_martians': '1',
      'net.ipv4.conf.default.secure_redirects': '0',
      'net.ipv4.conf.default.send_redirects': '0',
      'net.ipv4.tcp_syncookies': '1',
      'net.ipv6.conf.all.accept_redirects': '0',
      'net.ipv6.conf.all.accept_source_route': '0',
      'net.ipv6.conf.default.accept_redirects': '0',
      'net.ipv6.conf.default.accept_source_route': '0',
    })
  })

  test('leave the log of impossible packets out where it is not wanted, and hold what the operator adds', () => {
    const wanted = wantedSysctls({ logMartians: false, alsoSet: { 'net.ipv4.tcp_rfc1337': '1' } })
    expect(Object.keys(wanted).filter((key) => key.includes('martians'))).toEqual([])
    expect(wanted['net.ipv4.tcp_rfc1337']).toBe('1')
  })

  test('hold nothing that belongs to somebody else', () => {
    const wanted = wantedSysctls({ logMartians: true, alsoSet: {} })
    expect(Object.entries(wanted).filter(([key, value]) => refuseSysctl(key, value))).toEqual([])
  })
})

describe('where the keys of a node belong', () => {
  const old = { documents: false }
  const recent = { documents: true }
  test.each([
    ['in the map, on a version without documents', {}, old, 'machine.sysctls'],
    ['in a document, on a version with documents', {}, recent, 'SysctlConfig'],
    ['in the map that is there already, on a version with documents', { machine: {} }, recent, 'machine.sysctls'],
    ['in the document that is there already', { document: {} }, recent, 'SysctlConfig'],
    ['in the document, which wins where both are there', { machine: { a: '1' }, document: {} }, recent, 'SysctlConfig'],
  ] as const)('%s', (_, config, version, form) => {
    expect(sysctlForm(config, version)).toBe(form)
  })
})

describe('a key that an operator wants to hold', () => {
  test.each([
    'dev.tty.ldisc_autoload',
    'dev.tty.legacy_tiocsti',
    'fs.protected_symlinks',
    'fs.protected_hardlinks',
    'fs.protected_fifos',
    'fs.protected_regular',
    'fs.suid_dumpable',
    'kernel.kptr_restrict',
    'kernel.dmesg_restrict',
    'kernel.perf_event_paranoid',
    'kernel.randomize_va_space',
    'kernel.yama.ptrace_scope',
    'kernel.unprivileged_bpf_disabled',
    'kernel.kexec_load_disabled',
    'user.max_user_namespaces',
    'net.core.bpf_jit_harden',
    'vm.unprivileged_userfaultfd',
  ])('%s is refused: it belongs to the kernel itself', (key) => {
    expect(refuseSysctl(key, '1')).toBe(`"${key}" belongs to the kernel's own protection, which Talos holds itself`)
  })

  test('is refused with a reason of its own where it is no network key, no key at all, another owner has it, or its value is none', () => {
    expect(refuseSysctl('vm.swappiness', '1')).toBe(
      '"vm.swappiness" is not a network key; write it with dots, as in net.ipv4.tcp_syncookies',
    )
    expect(refuseSysctl('net/ipv4/tcp_rfc1337', '1')).toMatch(/is not a network key/)
    expect(refuseSysctl('net.', '1')).toMatch(/is not a network key/)
    expect(refuseSysctl('net.ipv4.conf.all.rp_filter', '1')).toBe('"net.ipv4.conf.all.rp_filter" belongs to the network plugin')
    for (const value of ['', '1"\n'])
      expect(refuseSysctl('net.ipv4.tcp_rfc1337', value)).toBe(
        'the value of "net.ipv4.tcp_rfc1337" may hold letters, digits, spaces and , . _ - only',
      )
  })

  test('is taken where it is a network key with a plain value', () => {
    for (const [key, value] of [
      ['net.ipv4.tcp_rfc1337', '1'],
      ['net.core.somaxconn', '4096'],
      ['net.ipv4.tcp_congestion_control', 'bbr'],
      ['net.ipv4.ip_local_reserved_ports', '50000,50001'],
      ['net.ipv4.conf.eth0-1.proxy_arp', '0'],
    ] as const)
      expect(refuseSysctl(key, value)).toBeUndefined()
  })
})

describe('what is in effect', () => {
  test('tells keys of another value from keys that nobody manages', () => {
    const params = { a: { current: '1', unsupported: false }, b: { current: '1', unsupported: false } }
    expect(notInEffect({ a: '1', b: '0', c: '0' }, params)).toEqual([
      { key: 'b', value: '0', current: '1' },
      { key: 'c', value: '0', current: undefined },
    ])
  })

  test('is looked for in the folders of the keys, each once', () => {
    expect(folderOf('net.ipv4.conf.all.accept_redirects')).toBe('/proc/sys/net/ipv4/conf/all')
    expect(foldersOf(Object.keys(wantedSysctls({ logMartians: true, alsoSet: {} })))).toEqual([
      '/proc/sys/net/ipv4',
      '/proc/sys/net/ipv4/conf/all',
      '/proc/sys/net/ipv4/conf/default',
      '/proc/sys/net/ipv6/conf/all',
      '/proc/sys/net/ipv6/conf/default',
    ])
  })

  test('is named with the first keys and the number of the others', () => {
    expect(nameKeys(['a', 'b', 'c'])).toBe('a, b, c')
    expect(nameKeys(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more')
  })
})
