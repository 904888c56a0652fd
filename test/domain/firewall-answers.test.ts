import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAddress, formatCidr } from '../../src/domain/cidr.ts'
import { firewallQuestions, networkOf, portsOf } from '../../src/domain/firewall-answers.ts'
import { addresses, networks } from '../support/networks.ts'

type Name = keyof typeof firewallQuestions
const read = (name: Name, text: string) => firewallQuestions[name].parse(text)
const error = (name: Name, text: string): string | undefined => {
  const found = read(name, text)
  return 'error' in found ? found.error : undefined
}
const shown = (name: Name, text: string): string => {
  const found = read(name, text)
  return 'value' in found ? firewallQuestions[name].format(found.value as never) : expect.fail(found.error)
}

describe('what is typed is kept in one spelling', () => {
  test.each<[Name, string, string]>([
    ['admins', '', ''],
    ['admins', 'NONE', 'none'],
    ['admins', '192.0.2.10, 10.9.0.0/24 2001:DB8::1', '192.0.2.10 10.9.0.0/24 2001:db8::1'],
    ['admins', '192.0.2.10/32', '192.0.2.10'],
    ['loadBalancers', 'none', 'none'],
    ['nodePorts', 'Anyone', 'anyone'],
    ['nodePorts', 'nodes', 'nodes'],
    ['nodePorts', '0.0.0.0/0', '0.0.0.0/0'],
    ['allow', '9100/TCP=10.0.7.0/24 9100/tcp=nodes', '9100/tcp=10.0.7.0/24 9100/tcp=nodes'],
    ['allow', '30000-32767/udp=anyone', '30000-32767/udp=anyone'],
    ['cut', '9100/tcp', '9100/tcp'],
    ['cut', '9100/tcp=10.0.7.20 22/tcp', '9100/tcp=10.0.7.20 22/tcp'],
    ['cut', '50000/tcp=10.0.7.20', '50000/tcp=10.0.7.20'],
    ['cniPorts', 'None', 'none'],
    ['cniPorts', '4789/udp 179/tcp 179/udp', '4789/udp 179/tcp 179/udp'],
  ])('%s: "%s"', (name, text, expected) => {
    expect(shown(name, text)).toBe(expected)
    expect(shown(name, expected)).toBe(expected)
  })

  test('any networks that lie apart', () => {
    fc.assert(
      fc.property(fc.uniqueArray(addresses, { maxLength: 5, selector: formatAddress }), (list) => {
        const text = list.map(formatAddress).join(' ')
        expect(shown('admins', text)).toBe(text)
      }),
    )
  })

  test('any network means afterwards what was typed', () => {
    fc.assert(
      fc.property(networks, (n) => {
        expect(networkOf(shown('nodePorts', formatCidr(n)))).toEqual(n)
      }),
    )
  })
})

describe('what cannot be meant is refused with its reason', () => {
  test.each<[Name, string, string]>([
    ['admins', '10.0.7.20/24', '"10.0.7.20/24" has host bits: write the network as 10.0.7.0/24, or the address as 10.0.7.20'],
    ['admins', 'bastion', '"bastion" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
    ['admins', '10.0.7.0/24 10.0.7.20', '"10.0.7.20" lies in 10.0.7.0/24 already: leave one of them out'],
    ['admins', '10.0.7.20 10.0.7.0/24', '"10.0.7.20" lies in 10.0.7.0/24 already: leave one of them out'],
    ['admins', '10.0.7.20 10.0.7.20/32', '"10.0.7.20" is given twice'],
    ['admins', 'none 10.0.7.20', '"none" stands alone, or is left out'],
    ['admins', '0.0.0.0/0', '"0.0.0.0/0" is everybody: name the networks that admins come from'],
    ['admins', '::/0', '"::/0" is everybody: name the networks that admins come from'],
    ['admins', '10.0.7.0/24 128.0.0.0/1', '"128.0.0.0/1" is more than any organisation has: name the networks that admins come from'],
    [
      'admins',
      '64.0.0.0/5 96.0.0.0/5',
      '"64.0.0.0/5 96.0.0.0/5" is more than any organisation has: name the networks that admins come from',
    ],
    ['loadBalancers', '0.0.0.0/0', '"0.0.0.0/0" is everybody: name the addresses that the load balancer connects from'],
    ['nodePorts', '', 'say anyone, nodes, or name networks'],
    ['nodePorts', 'anyone 10.0.0.1', '"anyone" stands alone, or is left out'],
    ['allow', '9100/tcp', '"9100/tcp" is not PORT/PROTOCOL=WHO, as in 9100/tcp=10.0.7.0/24'],
    ['allow', '9100/sctp=nodes', '"9100/sctp": the protocol is one of tcp, udp, because a rule of Talos knows no other'],
    ['allow', '32767-30000/tcp=nodes', '"32767-30000/tcp" runs backwards'],
    ['allow', '0/tcp=nodes', '"0/tcp" is not a port or a range of ports with its protocol, as in 9100/tcp or 30000-32767/udp'],
    ['allow', '65536/tcp=nodes', '"65536/tcp" is not a port or a range of ports with its protocol, as in 9100/tcp or 30000-32767/udp'],
    [
      'allow',
      '9100/tcp=everyone',
      '"everyone" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64, nor one of the words nodes, pods, anyone',
    ],
    ['allow', '9100/tcp=anyone 9100/tcp=nodes', '9100/tcp has "anyone": leave the others out'],
    ['cut', '9100/tcp 9100/tcp', '"9100/tcp" is given twice'],
    ['cut', '9100/tcp 9100/tcp=10.0.0.1', '"9100/tcp" is given twice'],
    ['cut', '50000/tcp', '"50000/tcp" is what the cluster itself needs: name only whom to cut, as in 50000/tcp=10.0.7.20'],
    ['cut', '2000-3000/tcp', '"2000-3000/tcp" is what the cluster itself needs: name only whom to cut, as in 2000-3000/tcp=10.0.7.20'],
    ['cniPorts', '4789/udp 4789/udp', '"4789/udp" is given twice'],
    ['cniPorts', '4000-5000/udp 4789/udp', '"4789/udp" overlaps 4000-5000/udp: name every port once'],
    ['cniPorts', 'none 4789/udp', '"none" is not a port or a range of ports with its protocol, as in 9100/tcp or 30000-32767/udp'],
  ])('%s: "%s"', (name, text, reason) => expect(error(name, text)).toBe(reason))

  test('ranges that overlap are refused wherever they meet, with both of them named', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 })).map(([a, n]) => [a, a + n] as const)
    fc.assert(
      fc.property(range, range, (a, b) => {
        const [one, two] = [a, b].map(([from, to]) => `${from}-${to}/tcp`) as [string, string]
        const meet = a[0] <= b[1] && b[0] <= a[1]
        const reason = error('allow', `${one}=nodes ${two}=pods`)
        if (one === two) return
        expect(reason === undefined).toBe(!meet)
        if (meet) expect([reason?.includes(one), reason?.includes(two)]).toEqual([true, true])
        expect(error('allow', `${one}=nodes ${two.replace('tcp', 'udp')}=pods`)).toBeUndefined()
      }),
    )
  })

  test('any network with host bits, and the sentence names one that is taken', () => {
    fc.assert(
      fc.property(addresses, fc.integer({ min: 1, max: 127 }), (a, bits) => {
        const text = `${formatAddress(a)}/${bits}`
        const reason = error('nodePorts', text)
        const named = reason && /^".*" has host bits: write the network as (\S+), /.exec(reason)?.[1]
        if (named) expect(error('nodePorts', named)).toBeUndefined()
      }),
    )
  })
})

test('the window is counted in seconds, within what Talos and a person can wait', () => {
  expect([error('window', '59'), error('window', '901')].every(Boolean)).toBe(true)
  expect(shown('window', '300')).toBe('300')
})

test('ports of an answer are those of its text', () => {
  expect(portsOf('30000-32767/udp')).toEqual({ protocol: 'udp', range: [30000, 32767] })
})
