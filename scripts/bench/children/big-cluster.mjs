// A cluster of 500 nodes with two families, as INF-02 sees it: what is meant, what listens, who is connected.
const NODES = 500

const members = Array.from({ length: NODES }, (_, i) => {
  const type = i < 5 ? 'controlplane' : 'worker'
  const at = `${Math.floor(i / 200)}.${(i % 200) + 1}`
  const addresses = [`10.8.${at}`, `fd00:8::${i.toString(16)}`]
  return { name: `${type === 'worker' ? 'w' : 'cp'}${i}`, type, address: addresses[0], addresses, version: i % 2 ? 'v1.13.9' : 'v1.14.1' }
})

const listens = (port, program) => ({ protocol: 'tcp', local: { address: '::', port }, state: 'LISTEN', program })
const talks = (node, port, from) => ({
  protocol: 'tcp',
  local: { address: node.address, port },
  peer: { address: from, port: 41000 },
  state: 'ESTABLISHED',
  program: 'exporter',
})
const EXPORTERS = [9100, 9153, 9256, 9400, 9835]
const SCRAPERS = ['10.9.0.1', '10.9.0.2']

const socketsOf = (node) => [
  ...[50000, 10250, ...EXPORTERS, ...(node.type === 'worker' ? [] : [50001, 6443, 2379, 2380])].map((port) => listens(port, 'program')),
  ...EXPORTERS.flatMap((port) => SCRAPERS.map((from) => talks(node, port, from))),
]

const allow = Object.fromEntries(EXPORTERS.map((port) => [`${port}/tcp`, SCRAPERS]))
for (let i = 0; i < 8; i++) allow[`${7000 + i}/tcp`] = [`10.9.${i}.0/24`, `fd00:9:${i}::/48`]

/** What the rules are worked out from. */
export const input = {
  members,
  cni: 'cilium',
  networks: { pods: ['10.244.0.0/16', 'fd00:244::/48'], services: ['10.96.0.0/12', 'fd00:96::/112'] },
  endpoint: '10.8.250.1',
  apiServerPort: 6443,
  vips: ['10.8.250.1'],
  kubespan: true,
  talosApiFromPods: true,
  dhcp6: members.map((m) => m.name),
  you: ['192.0.2.10'],
  nodePorts: Array.from({ length: 20 }, (_, i) => ({ owner: `shop/service-${i}`, protocol: i % 2 ? 'udp' : 'tcp', port: 30000 + 7 * i })),
  hostPorts: [],
  sockets: Object.fromEntries(members.map((m) => [m.name, socketsOf(m)])),
  answers: {
    admins: ['198.51.100.0/24', 'fd00:77::/64'],
    loadBalancers: ['203.0.113.1', '203.0.113.2'],
    nodePorts: ['10.0.0.0/8', '172.16.0.0/12', 'fd00::/8'],
    allow,
    cut: {},
    cniPorts: [],
    window: 300,
  },
}

/** The firewall that a node has: some of it is the node's own, some was left by an older plan. */
export const before = (node, i) => ({
  ...(i % 3 === 0 ? {} : { ingress: i % 3 === 1 ? 'block' : 'accept' }),
  rules: [
    {
      name: 'bastion',
      protocol: 'tcp',
      ports: ['22', `${8000 + (i % 50)}`],
      ingress: [{ subnet: '10.9.0.0/16', except: `10.9.${i % 50}.0/24` }],
    },
    { name: 'preflight-apid', protocol: 'tcp', ports: ['50000'], ingress: [{ subnet: `${node.address}/32` }, { subnet: '192.0.2.0/24' }] },
  ],
})
