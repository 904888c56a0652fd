// The wizard with the plan of a big cluster: the real screens and the real plan, over a session that answers at once.

import { readFileSync } from 'node:fs'
import { WORDS } from '../../../src/cli/words.ts'
import { runWizard } from '../../../src/ui/tui/run.tsx'
import INF02 from '../../../steps/infrastructure/INF-02/step.ts'
import { reviewOf, sessionWith, worldWith } from '../../../test/ui/states.ts'
import { before, input } from './big-cluster.mjs'

const templates = process.argv[2]
const seen = (object, value) => ({ object, look: { ok: true, value, evidence: [] } })
const once = (value) => [seen({ kind: 'cluster', name: 'big' }, value)]
const eachNode = (value) => input.members.map((m, i) => seen({ kind: 'node', name: m.name }, value(m, i)))

function made() {
  const planes = input.members.filter((m) => m.type === 'controlplane')
  const config = (m, i) => ({ form: 'cluster.apiServer', firewall: before(m, i) })
  const sightings = {
    chain: eachNode(() => ({ blocks: false, rules: [] })),
    members: once(input.members),
    networks: once(input.networks),
    configs: eachNode((m, i) => ({
      active: config(m, i),
      persistent: config(m, i),
      versions: { active: '1', persistent: '1' },
      network: { endpoint: input.endpoint, kubespan: input.kubespan, talosApiFromPods: input.talosApiFromPods },
    })),
    operators: eachNode(() => ({ vips: input.vips, dhcp6: true })),
    sockets: eachNode((m) => input.sockets[m.name]),
    you: eachNode((m) => ({ reaches: m.type === 'controlplane', addresses: m.type === 'controlplane' ? input.you : [] })),
    server: eachNode(() => ({ absent: true })),
    pods: once([]),
    services: once([]),
    workloads: once([{ kind: 'DaemonSet', namespace: 'kube-system', name: 'cilium', replicas: 0, ready: 0, labels: {} }]),
    etcd: once(planes.map((m) => ({ id: m.name, name: m.name, learner: false, clientUrls: [], peerUrls: [] }))),
    owners: once([]),
  }
  const context = {
    cluster: { name: 'big', environment: 'bench' },
    delivery: 'live',
    mode: 'live',
    today: '2026-11-23',
    recipients: [],
    template: (path) => readFileSync(`${templates}/${path}`, 'utf8'),
  }
  const { parts, blocked } = INF02.remediate(sightings, input.answers, context)
  if (parts.length < 500 || blocked.length > 0) throw new Error(`${parts.length} parts, ${JSON.stringify(blocked.slice(0, 3))}`)
  const planned = parts.map((part) => ({ ...part, step: 'INF-02', digest: part.object.name }))
  return {
    plan: { stage: { kind: 'mend', steps: ['INF-02'] }, identity: {}, parts: planned, blocked: [] },
    reviews: planned.map((p) => reviewOf(p)),
  }
}

const { plan, reviews } = made()
let state = sessionWith({}, null)
const listeners = new Set()
const session = {
  state: () => state,
  subscribe: (listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
  open: async () => [],
  look: async () => {
    state = sessionWith()
    for (const listener of listeners) listener()
    return state.report
  },
  plan: async () => plan,
  review: async () => reviews,
  stop: () => undefined,
  lendTerminal: () => undefined,
  close: async () => undefined,
}
const host = {
  product: 'bench',
  version: '0',
  doors: async () => ({ place: '', contexts: [], problems: [] }),
  open: async () => worldWith({ session, close: async () => undefined }),
  straight: { kind: 'check' },
  words: WORDS,
  env: process.env,
  color: true,
}
const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, onSignal: () => () => undefined }
process.exit(await runWizard(host, io))
