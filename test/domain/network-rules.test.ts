import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AllowRule, formatRule, parseRule, type RulePeer, type RulePort, rulesQuestion } from '../../src/domain/network-rules.ts'

const rule = (text: string): AllowRule => {
  const parsed = parseRule(text)
  if ('error' in parsed) throw new Error(parsed.error)
  return parsed.value
}

describe('a rule', () => {
  test('is typed as it is read', () => {
    expect(rule('in app=web 8080/tcp from ns=ingress')).toEqual({
      direction: 'in',
      pods: { app: 'web' },
      ports: [{ port: 8080, endPort: 0, protocol: 'tcp' }],
      peers: [{ kind: 'pods', namespace: 'ingress', labels: {} }],
    })
    expect(
      rule(
        'out app.kubernetes.io/name=web+tier=front 5432/tcp+8000-8010/udp+http/tcp to app=db ns=data/app=pg cluster ip=10.0.0.0/8!10.1.0.0/16',
      ),
    ).toEqual({
      direction: 'out',
      pods: { 'app.kubernetes.io/name': 'web', tier: 'front' },
      ports: [
        { port: 5432, endPort: 0, protocol: 'tcp' },
        { port: 8000, endPort: 8010, protocol: 'udp' },
        { port: 'http', endPort: 0, protocol: 'tcp' },
      ],
      peers: [
        { kind: 'pods', namespace: '', labels: { app: 'db' } },
        { kind: 'pods', namespace: 'data', labels: { app: 'pg' } },
        { kind: 'pods', namespace: '*', labels: {} },
        { kind: 'ip', cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] },
      ],
    })
    expect(rule('in * any from any')).toEqual({ direction: 'in', pods: {}, ports: [], peers: [{ kind: 'any' }] })
    expect(rule('out * 443/tcp to ip=203.0.113.7 ip=2001:db8::1').peers).toEqual([
      { kind: 'ip', cidr: '203.0.113.7/32', except: [] },
      { kind: 'ip', cidr: '2001:db8::1/128', except: [] },
    ])
    expect(rule('in * any from *').peers).toEqual([{ kind: 'pods', namespace: '', labels: {} }])
    expect(rule('in * any from ./ns=prod').peers).toEqual([{ kind: 'pods', namespace: '', labels: { ns: 'prod' } }])
    expect(rule('in * any from ns=*/app.kubernetes.io/name=prom').peers).toEqual([
      { kind: 'pods', namespace: '*', labels: { 'app.kubernetes.io/name': 'prom' } },
    ])
  })

  test.each([
    ['', '"" is neither in nor out, as in: in app=web 8080/tcp from ns=ingress'],
    ['both app=web 1/tcp from any', '"both" is neither in nor out, as in: in app=web 8080/tcp from ns=ingress'],
    ['in app=web 8080/tcp to any', '"in app=web 8080/tcp to any" does not say from whom, as in: in app=web 8080/tcp from ns=other'],
    ['out app=web 8080/tcp to', '"out app=web 8080/tcp to" does not say to whom, as in: out app=web 8080/tcp to ns=other'],
    ['in web 8080/tcp from any', '"web" is no label such as app=web'],
    ['in app=web+app=db 8080/tcp from any', '"app" is given twice'],
    ['in app=-x 8080/tcp from any', '"app=-x" is no label such as app=web'],
    ['in * 8080 from any', '"8080" is no port such as 8080/tcp, 8000-8010/tcp or http/tcp'],
    ['in * 8080/http from any', '"8080/http" is no port such as 8080/tcp, 8000-8010/tcp or http/tcp'],
    ['in * 0/tcp from any', '"0" is no port from 1 to 65535, no range of them and no name of one'],
    ['in * 90-80/tcp from any', '"90-80" is no port from 1 to 65535, no range of them and no name of one'],
    ['in * 70000/tcp from any', '"70000" is no port from 1 to 65535, no range of them and no name of one'],
    ['in * any from ns=Red', '"Red" is no name of a namespace'],
    ['in * any from any app=web', '"any" is everybody: nothing stands beside it'],
    ['in * any from ip=10.0.0.1/8', '"10.0.0.1/8" has host bits: write the network as 10.0.0.0/8, or the address as 10.0.0.1'],
    ['in * any from ip=10.0.0.0/8!11.0.0.0/16', '"11.0.0.0/16" does not lie inside "10.0.0.0/8"'],
    ['in * any from ip=10.0.0.0/8!10.0.0.0/8', '"10.0.0.0/8" does not lie inside "10.0.0.0/8"'],
    ['in * any from ip=home', '"home" is neither an address nor a network such as 10.0.7.0/24 or 2001:db8::/64'],
  ])('%s is refused', (text, error) => {
    expect(parseRule(text)).toEqual({ error })
  })
})

describe('the answer', () => {
  const question = rulesQuestion('Rules')
  test('is one rule a line, or with commas or semicolons between', () => {
    const both = [rule('in app=web 8080/tcp from any'), rule('out * any to cluster')]
    for (const between of [', ', '\n', ' ;\n ', ',,'])
      expect(question.parse(`in app=web 8080/tcp from any${between}out * any to cluster`)).toEqual({ value: both })
    expect(question.parse(' \n ')).toEqual({ value: [] })
    expect(question.parse('in * any from any, nonsense')).toEqual({ error: expect.stringMatching(/^"nonsense" is neither in nor out/) })
  })

  const key = fc.constantFrom('app', 'ns', 'ip', 'app.kubernetes.io/name', 'k8s-app', 'A_b.c')
  const value = fc.constantFrom('web', 'db-1', 'v1.2_x', '')
  const labels = fc.dictionary(key, value, { maxKeys: 3 })
  const protocol = fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const)
  const port: fc.Arbitrary<RulePort> = fc.oneof(
    fc.record({ port: fc.integer({ min: 1, max: 65535 }), endPort: fc.constant(0), protocol }),
    fc.record({ port: fc.integer({ min: 1, max: 100 }), endPort: fc.integer({ min: 101, max: 65535 }), protocol }),
    fc.record({ port: fc.constantFrom('http', 'web-1', '8a'), endPort: fc.constant(0), protocol }),
  )
  const peer: fc.Arbitrary<RulePeer> = fc.oneof(
    fc.record({ kind: fc.constant('pods' as const), namespace: fc.constantFrom('', '*', 'red', 'blue-1'), labels }),
    fc.constantFrom<RulePeer>(
      { kind: 'ip', cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.3.4/32'] },
      { kind: 'ip', cidr: '2001:db8::/32', except: [] },
      { kind: 'ip', cidr: '0.0.0.0/0', except: ['192.168.0.0/16'] },
    ),
  )
  const rules: fc.Arbitrary<AllowRule> = fc.record({
    direction: fc.constantFrom('in' as const, 'out' as const),
    pods: labels,
    ports: fc.array(port, { maxLength: 3 }),
    peers: fc.oneof(fc.constant<RulePeer[]>([{ kind: 'any' }]), fc.array(peer, { minLength: 1, maxLength: 3 })),
  })

  test('comes back from its own text, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 4 }), (all) => {
        expect(question.parse(question.format(all))).toEqual({ value: all })
        for (const one of all) expect(parseRule(formatRule(one))).toEqual({ value: one })
      }),
      { numRuns: 1000 },
    )
  })
})
