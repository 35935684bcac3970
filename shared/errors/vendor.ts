// Errors of the vendor's side: the pipeline, the workspace, the keys, the way to the server.
import { type DocumentIssue, formatIssue } from './document.ts';
import { EXIT, entry } from './entry.ts';
import { PIPELINE_ERRORS } from './pipeline.ts';

export const VENDOR_ERRORS = {
  ...PIPELINE_ERRORS,
  'vendor/no-workspace': entry<{ readonly directory: string }>({
    message: (d) => `${d.directory} is not a vendor workspace`,
    hint: () =>
      'name one with --dir or FAIRLEAD_VENDOR_DIR, or run: fairlead-vendor init; about the fleet, --server and --token-file will do',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/workspace-busy': entry<{ readonly directory: string }>({
    message: (d) => `another fairlead-vendor command works in ${d.directory}`,
    hint: () => 'wait for it to end and run this again',
    http: 409,
    exit: EXIT.failed,
  }),
  'vendor/workspace-taken': entry<{
    readonly directory: string;
    readonly setting: string;
    readonly existing: string;
  }>({
    message: (d) => `${d.directory} is a workspace already, with ${d.setting} ${d.existing}`,
    hint: () => 'use another directory, or edit vendor.json in this one',
    http: 409,
    exit: EXIT.usage,
  }),
  'vendor/audit-broken': entry<{ readonly file: string; readonly line: number }>({
    message: (d) =>
      `${d.file} was changed by something else: line ${d.line} is missing, or not the one that was written`,
    hint: () => 'restore the file from a backup; nothing is signed until the audit verifies',
    http: 500,
    exit: EXIT.untrusted,
  }),
  'vendor/signatures-pending': entry<{
    readonly role: string;
    readonly version: number;
    readonly valid: number;
    readonly needed: number;
  }>({
    message: (d) =>
      `${d.role} version ${d.version} waits for signatures (${d.valid} of ${d.needed}) and cannot change meanwhile`,
    hint: () => 'run: fairlead-vendor sign --key FILE, or give it up: fairlead-vendor sign --discard',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/repository-invalid': entry<{ readonly role: string; readonly problem: string }>({
    message: (d) => `this workspace's repository would not verify: ${d.role}: ${d.problem}`,
    hint: () => 'run: fairlead-vendor status; a role whose keys changed must be signed by the new ones',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'vendor/nobody-named': entry<Record<never, never>>({
    message: () => 'a proposal is to one install or to one group',
    hint: () => 'add --instance NAME or --group NAME, and not both',
    http: 400,
    exit: EXIT.usage,
  }),
  'vendor/template-not-found': entry<{ readonly name: string }>({
    message: (d) => `the server has no policy template ${d.name}`,
    hint: () => 'see which there are: GET /api/v1/policies',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/evidence-changed': entry<{ readonly file: string; readonly problems: readonly string[] }>({
    message: (d) => `${d.file} is not as the server gave it out: ${d.problems.slice(0, 5).join('; ')}`,
    hint: () => 'export it again; the server’s audit log has the digest of each export',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'vendor/never-reported': entry<{ readonly instance: string }>({
    message: (d) => `${d.instance} has not reported yet: nobody here knows what runs there`,
    hint: () => 'wait for its first report, or ask on the install: fairlead sbom',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/instance-not-found': entry<{ readonly instance: string; readonly found: number }>({
    message: (d) =>
      `${d.found === 0 ? 'no instance has' : `${d.found} instances have`} the id or name ${d.instance}`,
    hint: () => 'name the instance by its id, as GET /api/v1/instances lists it; a change is CHG-n',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/webhook-not-found': entry<{ readonly webhook: string }>({
    message: (d) => `no webhook has the id or name ${d.webhook}`,
    hint: () => 'see fairlead-vendor webhooks',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/webhook-refused': entry<{ readonly webhook: string; readonly problem: string }>({
    message: (d) => `${d.webhook} did not take the message: ${d.problem}`,
    hint: () => 'look at the receiver; it has fifteen seconds to answer with any 2xx',
    http: 502,
    exit: EXIT.failed,
  }),
  'vendor/webhook-disabled': entry<{ readonly webhook: string; readonly why: string | null }>({
    message: (d) =>
      `${d.webhook} took the test, but it is disabled and told nothing else${d.why === null ? '' : `: ${d.why}`}`,
    hint: (d) => `fairlead-vendor webhooks enable ${d.webhook}`,
    http: 409,
    exit: EXIT.failed,
  }),
  'vendor/other-repository': entry<{ readonly server: string }>({
    message: (d) => `${d.server} publishes another repository than this workspace's`,
    hint: () => 'give each workspace a server of its own, or go on in the workspace that published there',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/no-halts-key': entry<{ readonly server: string }>({
    message: (d) => `${d.server} has no key to halt rollouts with`,
    hint: () =>
      'on the server’s machine: fairlead-server init again, which makes what is missing, then start it again',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/workspace-behind': entry<{
    readonly role: string;
    readonly local: number;
    readonly published: number;
  }>({
    message: (d) => `the server has ${d.role} version ${d.published}, this workspace only ${d.local}`,
    hint: () => 'fetch the newest copy of the workspace: two copies must not sign apart',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/signed-apart': entry<{ readonly role: string; readonly version: number }>({
    message: (d) => `the server has another ${d.role} version ${d.version} than this workspace`,
    hint: () =>
      'two copies of the workspace signed apart: fetch the one that was published, and do there again what was done here',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/no-key': entry<{ readonly role: string; readonly directory: string }>({
    message: (d) => `none of the key files in ${d.directory} may sign for ${d.role}`,
    hint: () => 'name the key file with --key FILE',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/wrong-passphrase': entry<{ readonly file: string }>({
    message: (d) => `the passphrase does not open ${d.file}`,
    hint: () => 'type it again, or name another with --passphrase-file or FAIRLEAD_PASSPHRASE',
    http: 401,
    exit: EXIT.usage,
  }),
  'vendor/key-damaged': entry<{ readonly file: string; readonly problem: string }>({
    message: (d) => `${d.file} is damaged: ${d.problem}`,
    hint: () => 'restore the key file from a backup',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'vendor/no-passphrase': entry<{ readonly problem: string }>({
    message: (d) => `no passphrase for the signing keys: ${d.problem}`,
    hint: () => 'name a file with --passphrase-file, set FAIRLEAD_PASSPHRASE, or run this on a terminal',
    http: 401,
    exit: EXIT.usage,
  }),
  'vendor/passphrase-short': entry<{ readonly least: number }>({
    message: (d) => `a passphrase that seals a key must have at least ${d.least} characters`,
    hint: () => 'choose a longer one: several words are easy to keep',
    http: 400,
    exit: EXIT.usage,
  }),
  'vendor/image-refused': entry<{
    readonly name: string;
    readonly source: string;
    readonly problem: string;
  }>({
    message: (d) => `the image "${d.name}" cannot be taken from ${d.source}: ${d.problem}`,
    hint: () =>
      'save it with docker save --output FILE NAME, or name it as its registry does; log in there with docker login; --platform says for which machines the release is',
    http: 422,
    exit: EXIT.refused,
  }),
  'vendor/file-unreadable': entry<{
    readonly path: string;
    readonly problem: string;
    /** The flag that named it. */
    readonly option?: string;
  }>({
    message: (d) =>
      `cannot read ${d.path}${d.option === undefined ? '' : `, named by ${d.option}`}: ${d.problem}`,
    hint: (d) => (d.option === undefined ? 'check the path and its permissions' : `correct ${d.option}`),
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/options-invalid': entry<{ readonly issues: readonly DocumentIssue[] }>({
    message: (d) =>
      ['these options do not go together:', ...d.issues.map((issue) => `  ${formatIssue(issue)}`)].join('\n'),
    hint: () => 'see --help',
    http: 400,
    exit: EXIT.usage,
  }),
  'vendor/option-invalid': entry<{ readonly option: string; readonly value: string; readonly form: string }>({
    message: (d) => (d.value === '' ? `${d.option} is missing` : `${d.option} cannot be "${d.value}"`),
    hint: (d) => `write ${d.form}`,
    http: 400,
    exit: EXIT.usage,
  }),
  'vendor/command-failed': entry<{ readonly command: string; readonly problem: string }>({
    message: (d) => `${d.command} failed: ${d.problem}`,
    hint: () => 'nothing was recorded; correct it and run this again',
    http: 422,
    exit: EXIT.failed,
  }),
  'vendor/server-unreachable': entry<{
    readonly server: string;
    readonly problem: string;
    /** What is left to do once it answers. */
    readonly next: string;
  }>({
    message: (d) => `cannot reach ${d.server}: ${d.problem}`,
    hint: (d) => `check the address and that the server runs, then ${d.next}`,
    http: 502,
    exit: EXIT.unreachable,
  }),
  'vendor/server-refused': entry<{
    readonly url: string;
    readonly status: number;
    readonly problem: string;
    readonly remedy: string;
  }>({
    message: (d) => `${d.url} answered ${d.status}: ${d.problem}`,
    hint: (d) => d.remedy,
    http: 502,
    exit: EXIT.refused,
  }),
} as const;
