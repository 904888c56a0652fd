import { about, type Conclusion, eachFinding, fail, pass, step, unknown } from '../../../src/contract.ts'
import { type SecretPlace, secretsScan } from '../../../src/domain/observations.ts'

/** A credential that a tool looks for in this very file, readable by its owner alone and outside git, is where it belongs. */
const AT_HOME: SecretPlace['kind'][] = ['talosconfig', 'kubeconfig', 'age identity']

const octal = (mode: number | undefined): string =>
  mode === undefined ? 'unknown mode' : `mode 0${(mode & 0o777).toString(8).padStart(3, '0')}`

function judge(place: SecretPlace): Conclusion {
  const object = { kind: 'file', name: place.commit ? `${place.path} (commit ${place.commit})` : place.path }
  const article = /^[aeiou]/.test(place.kind) ? 'an' : 'a'
  if (place.where === 'git history') {
    return about(
      object,
      fail(
        `git history holds ${article} ${place.kind}: ${place.gives}`,
        'treat it as leaked: replace what it holds; removing it from the git history does not undo the leak',
      ),
    )
  }
  const closed = place.mode !== undefined && (place.mode & 0o077) === 0
  if (AT_HOME.includes(place.kind) && place.atDefaultPlace && !place.inGit) {
    return closed
      ? about(object, pass(`${article} ${place.kind} at its default place, ${octal(place.mode)}, outside git`))
      : about(
          object,
          fail(
            `${article} ${place.kind} that others on this machine can read (${octal(place.mode)}): ${place.gives}`,
            `chmod 600 ${place.path}`,
          ),
        )
  }
  const git = place.inGit ? (place.where === 'workspace' ? ', and git holds it or would take it in' : ', inside a git work tree') : ''
  const remedy = AT_HOME.includes(place.kind)
    ? `move it to its default place with mode 0600, or seal it: age -r RECIPIENT -o ${place.path}.age ${place.path}`
    : `seal it and remove the plain file: age -r RECIPIENT -r RECOVERY -o ${place.path}.age ${place.path}`
  return about(object, fail(`${article} ${place.kind} in plain text${git}: ${place.gives}`, remedy))
}

export default step({
  id: 'CRT-01',
  category: 'certificates',
  title: 'No plaintext secrets',
  severity: 'critical',
  why: 'Whoever reads a plain secrets bundle or machine config owns the cluster, and git keeps what was ever committed.',
  references: [
    {
      title: 'Talos security checklist, protect secrets',
      url: 'https://docs.siderolabs.com/talos/v1.13/security/talos-security-checklist',
    },
    {
      title: 'NSA/CISA Kubernetes Hardening Guide, Secrets',
      url: 'https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF',
    },
  ],
  observes: { scan: secretsScan },
  evaluate: ({ scan }) =>
    eachFinding({ scan }, ({ scan: seen }, machine) => {
      const judged = seen.places.map(judge)
      const looked = `${seen.files} files and ${seen.versions} versions in git history`
      const excluded = seen.excluded.length > 0 ? `; left out by preflight.yaml: ${seen.excluded.join(', ')}` : ''
      const rest =
        seen.leftOut.length > 0
          ? [
              unknown(
                `not everything was looked at: ${seen.leftOut.slice(0, 5).join('; ')}${seen.leftOut.length > 5 ? `; and ${seen.leftOut.length - 5} more` : ''}`,
                'look at these by hand, or attest them',
              ),
            ]
          : []
      const clean = judged.every((c) => c.verdict === 'pass')
        ? [pass(`${looked} looked at${judged.length > 0 ? '' : ', no plaintext secret'}${excluded}`)]
        : []
      return [...judged, ...rest, ...clean].map((c) => (c.object ? c : about(machine, c)))
    }),
})
