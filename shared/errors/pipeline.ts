// Errors of the vendor's pipeline: a change, a build or a rollout that may not go on.
import { type DocumentIssue, formatIssue } from './document.ts';
import { EXIT, entry } from './entry.ts';

const REBUILD =
  'what was built never changes: fairlead-vendor change abandon frees a version that is not released, else take a new one';

export const PIPELINE_ERRORS = {
  'vendor/stage-not-due': entry<{
    readonly change: string;
    readonly stage: string;
    readonly due: string;
    readonly command: string;
  }>({
    message: (d) => `${d.change} cannot enter ${d.stage}: its next stage is ${d.due}`,
    hint: (d) => `run: ${d.command}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/statements-wrong': entry<{ readonly file: string; readonly problems: readonly string[] }>({
    message: (d) => `${d.file} is not the signed story of a change: ${d.problems.slice(0, 5).join('; ')}`,
    hint: () => 'have it made anew from the record: fairlead-vendor statements export CHANGE',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'vendor/support-shortened': entry<{
    readonly release: string;
    readonly until: string;
    readonly was: string;
  }>({
    message: (d) => `${d.release} was promised until ${d.was}, and would end at ${d.until}`,
    hint: () => 'say why with --reason: installs were told the later day',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/kept': entry<{ readonly release: string; readonly until: string | null }>({
    message: (d) =>
      d.until === null
        ? `${d.release} stays for good: no day was signed from which it may go`
        : `${d.release} stays available until ${d.until}: the policy of this vendor says so, and installs count on it`,
    hint: (d) =>
      d.until === null
        ? 'sign how long releases stay: fairlead-vendor retention set YEARS'
        : 'see fairlead-vendor retention show; to stop that it is installed anew: fairlead-vendor withdraw',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/still-needed': entry<{ readonly release: string; readonly by: string }>({
    message: (d) => `${d.release} is still needed: ${d.by}`,
    hint: () => 'withdraw what offers or names it first, or retire together what belongs together',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/change-closed': entry<{ readonly change: string; readonly stage: string; readonly result: string }>(
    {
      message: (d) => `${d.change} cannot enter ${d.stage}: it ended as ${d.result}`,
      hint: () => 'run: fairlead-vendor change open',
      http: 409,
      exit: EXIT.refused,
    },
  ),
  'vendor/digest-mismatch': entry<{
    readonly change: string;
    readonly stage: string;
    readonly expected: string;
    readonly found: string;
  }>({
    message: (d) => `${d.change} built ${d.expected}, but ${d.stage} names ${d.found}`,
    hint: () => REBUILD,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/released': entry<{ readonly change: string; readonly release: string }>({
    message: (d) => `${d.change} cannot be abandoned: ${d.release} is released, or signed in part`,
    hint: (d) => `a released version is never free again; run: fairlead-vendor withdraw ${d.release}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/outcome-mismatch': entry<{ readonly change: string; readonly verified: string }>({
    message: (d) =>
      `${d.change} cannot end otherwise than its post-deploy verification, which has ${d.verified}`,
    hint: (d) => `run: fairlead-vendor change complete ${d.change}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/record-invalid': entry<{ readonly change: string; readonly problem: string }>({
    message: (d) => `the record of ${d.change} is not what the pipeline wrote: ${d.problem}`,
    hint: () => 'restore the file from a backup of the workspace; records are written by the pipeline only',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'vendor/clock-behind': entry<{ readonly change: string; readonly at: string; readonly last: string }>({
    message: (d) => `${d.change} has an event at ${d.last}, later than this machine's ${d.at}`,
    hint: () => 'correct the clock of this machine',
    http: 409,
    exit: EXIT.failed,
  }),
  'vendor/change-not-found': entry<{ readonly change: string }>({
    message: (d) => `there is no ${d.change} in this workspace`,
    hint: () => 'run: fairlead-vendor change list',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/version-taken': entry<{ readonly release: string; readonly change: string }>({
    message: (d) => `${d.release} belongs to ${d.change} already`,
    hint: (d) =>
      `run: fairlead-vendor change show ${d.change}; change abandon frees a version of which nothing was released`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/wrong-change': entry<{
    readonly change: string;
    readonly expected: string;
    readonly found: string;
  }>({
    message: (d) => `${d.change} is about ${d.expected}, not ${d.found}`,
    hint: () => 'run: fairlead-vendor change list',
    http: 409,
    exit: EXIT.usage,
  }),
  'vendor/immutable': entry<{ readonly release: string; readonly expected: string; readonly found: string }>({
    message: (d) => `${d.release} was built as ${d.expected}; these files would make it ${d.found}`,
    hint: () => REBUILD,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/manifest-wrong': entry<{ readonly source: string; readonly issues: readonly DocumentIssue[] }>({
    message: (d) =>
      [
        `${d.source} would fail on every install:`,
        ...d.issues.map((issue) => `  ${formatIssue(issue)}`),
      ].join('\n'),
    hint: () => 'correct them all, then run again: nothing was recorded, and no version is used up',
    http: 422,
    exit: EXIT.refused,
  }),
  'vendor/not-reproducible': entry<{
    readonly release: string;
    readonly first: string;
    readonly second: string;
  }>({
    message: (d) => `two builds of ${d.release} differ: ${d.first}, then ${d.second}`,
    hint: () => 'remove timestamps, host names and unordered output from the build',
    http: 422,
    exit: EXIT.refused,
  }),
  'vendor/verification-failed': entry<{
    readonly change: string;
    readonly failed: string;
    readonly detail: string;
  }>({
    message: (d) => `${d.change} failed verification (${d.failed}): ${d.detail}`,
    hint: (d) =>
      `if the release itself is wrong: fairlead-vendor change abandon ${d.change} --reason TEXT, and begin again; else run: fairlead-vendor verify ${d.change}`,
    http: 422,
    exit: EXIT.refused,
  }),
  'vendor/incomplete': entry<{ readonly change: string; readonly detail: string }>({
    message: (d) => `${d.change} cannot be released like this: ${d.detail}`,
    hint: (d) => `name what it needs beside it: fairlead-vendor release ${d.change} CHANGE`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/trial-impossible': entry<{ readonly problem: string; readonly remedy: string }>({
    message: (d) => `it cannot be tried here: ${d.problem}`,
    hint: (d) => d.remedy,
    http: 409,
    exit: EXIT.usage,
  }),
  'vendor/not-released': entry<{ readonly release: string }>({
    message: (d) => `${d.release} is not released`,
    hint: () => 'run: fairlead-vendor status',
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/not-offered': entry<{ readonly release: string; readonly track: string }>({
    message: (d) => `${d.release} has no rollout on ${d.track}`,
    hint: (d) => `run: fairlead-vendor rollout start ${d.release}`,
    http: 404,
    exit: EXIT.usage,
  }),
  'vendor/already-offered': entry<{ readonly release: string; readonly track: string }>({
    message: (d) => `${d.release} has a rollout on ${d.track} already, with other waves`,
    hint: (d) =>
      `run: fairlead-vendor rollout status ${d.release}; pause, resume and withdraw are what may change it`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/halted-for-all': entry<{ readonly release: string; readonly until: string }>({
    message: (d) =>
      `${d.release} is halted for all until ${d.until}: a halt for a class would release the others`,
    hint: (d) => `if that is meant, end it first: fairlead-vendor rollout resume ${d.release}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/not-proven': entry<{ readonly release: string; readonly change: string; readonly result: string }>({
    message: (d) => `${d.release} may not go to another track: ${d.change} is ${d.result}, not completed`,
    hint: (d) => `run: fairlead-vendor change complete ${d.change}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/not-settled': entry<{ readonly change: string; readonly awaited: string }>({
    message: (d) => `${d.change} is not verified on the fleet yet: ${d.awaited}`,
    hint: (d) => `run again later, or watch: fairlead-vendor rollout status ${d.change}`,
    http: 409,
    exit: EXIT.failed,
  }),
  'vendor/advisory-contradicts': entry<{
    readonly advisory: string;
    readonly flag: string;
    readonly problem: string;
  }>({
    message: (d) => `${d.advisory} contradicts itself or what is released: ${d.problem}`,
    hint: (d) => `nothing was signed; give another ${d.flag}`,
    http: 422,
    exit: EXIT.usage,
  }),
  'vendor/not-agreed': entry<{ readonly what: string }>({
    message: (d) => `${d.what} was not signed: the question was answered with no`,
    hint: () => 'nothing was changed; a script says --yes',
    http: 409,
    exit: EXIT.refused,
  }),
  'vendor/import-unusable': entry<{
    readonly file: string;
    readonly field: string;
    readonly problem: string;
    readonly remedy: string;
  }>({
    message: (d) => `${d.file} cannot be imported: ${d.field}: ${d.problem}`,
    hint: (d) => `nothing was signed; ${d.remedy}`,
    http: 422,
    exit: EXIT.usage,
  }),
  'vendor/advisory-not-found': entry<{ readonly advisory: string }>({
    message: (d) => `advisory ${d.advisory} is not published`,
    hint: () => 'run: fairlead-vendor status',
    http: 404,
    exit: EXIT.usage,
  }),
} as const;
