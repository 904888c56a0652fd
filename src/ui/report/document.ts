import type { Finding, Severity, Verdict, Word } from '../../contract.ts'
import type { JudgedFinding, StepResult, Summary } from '../../engine/evaluate.ts'

/** The JSON of `check --output json`: a promise. Its schema is `schemas/check.schema.json`; every other format derives from it. */

export const CHECK_SCHEMA = 'talos-preflight/check/v1'

export interface CheckDocument {
  schema: typeof CHECK_SCHEMA
  mode: string
  tool: { name: string; version: string }
  tools: { name: string; version: string; path: string; sha256: string }[]
  operator: string
  access: { purpose: string; role: string; certificateSha256: string }[]
  startedAt: string
  finishedAt: string
  clockOffsetSeconds: number | null
  cluster: {
    name: string
    environment: string
    identity: Record<string, string> | null
    talosVersions: string[]
    kubernetesVersion: string | null
  } | null
  steps: DocumentStep[]
  summary: Summary
  journalHead: string | null
}

export interface DocumentStep {
  id: string
  category: string
  title: string
  severity: Severity
  verdict: Verdict
  findings: (Pick<Finding, 'object' | 'verdict' | 'reason' | 'evidence'> & { remedy: string | null; attestation?: Word; waiver?: Word })[]
}

const findingOf = (finding: JudgedFinding, mend: string | null): DocumentStep['findings'][number] => {
  const { object, verdict, reason, remedy, evidence, attestation, waiver } = finding
  return {
    object,
    verdict,
    reason,
    remedy: remedy ?? (verdict === 'fail' ? mend : null),
    evidence,
    ...(attestation ? { attestation } : {}),
    ...(waiver ? { waiver } : {}),
  }
}

/** `product` is the command that makes a plan where a finding says nothing of its own. */
export function stepsOf(results: readonly StepResult[], product: string): DocumentStep[] {
  return results.map(({ id, category, title, severity, verdict, findings, canMend }) => ({
    id,
    category,
    title,
    severity,
    verdict,
    findings: findings.map((f) => findingOf(f, canMend ? `${product} plan ${id}` : null)),
  }))
}
