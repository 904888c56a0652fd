import type { Block } from '../contract.ts'
import { isControlPlane } from './firewall-input.ts'
import type { Row, TruthTable } from './firewall-table.ts'
import type { Member } from './observations.ts'

/** The truth table as it is shown: nodes with equal answers in one row, and every change as a word. */

/** Widths that leave room for an indent at 80 columns. */
const WIDTHS = [17, 14, 15, 6, 6, 8]

const same = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((text, i) => text === b[i])

/** A cell on as many lines as it takes. */
function lines(text: string, cells: number): string[] {
  const out: string[] = []
  for (const word of text.split(' ')) {
    const last = out.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= cells) out[out.length - 1] = `${last} ${word}`
    else for (let at = 0; at < word.length || at === 0; at += cells) out.push(word.slice(at, at + cells))
  }
  return out
}

function nameNodes(row: Row, nodes: readonly Pick<Member, 'name' | 'type'>[]): string {
  if (row.at) return row.at
  const planes = nodes.filter(isControlPlane).map((n) => n.name)
  const workers = nodes.filter((n) => !isControlPlane(n)).map((n) => n.name)
  if (row.from === row.to.join(' ')) return row.to.length === 1 ? 'itself' : 'each other'
  if (row.to.length <= 3) return row.to.join(' ')
  if (
    same(
      row.to,
      nodes.map((n) => n.name),
    )
  )
    return 'every node'
  if (same(row.to, planes)) return 'control planes'
  return same(row.to, workers) ? 'workers' : `${row.to.slice(0, 2).join(' ')} and ${row.to.length - 2} more`
}

function markOf({ today, after, asks }: Row): string {
  if (asks) return 'ask ◀'
  if (today === after) return ''
  return after === 'open' ? 'opens ◀' : 'closes ◀'
}

/** The table as it is shown. */
export function tableBlock(table: TruthTable, nodes: readonly Pick<Member, 'name' | 'type'>[]): Block {
  const rows = table.rows.flatMap((row) => {
    const cells = [row.from, nameNodes(row, nodes), row.ports.join(' '), row.today, row.after, markOf(row)].map((c, i) =>
      lines(c, WIDTHS[i] ?? 80),
    )
    return Array.from({ length: Math.max(...cells.map((c) => c.length)) }, (_, i) => cells.map((c) => c[i] ?? ''))
  })
  return { type: 'table', head: ['from', 'to', 'port', 'today', 'after', ''], rows }
}
