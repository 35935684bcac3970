// Errors of the operator's policy: approvals that do not count, policies nobody can satisfy, risks nobody accepted.
import { EXIT, entry } from './entry.ts';

interface OfPlan {
  readonly plan: string;
}

export const POLICY_ERRORS = {
  'approval/stranger': entry<{ readonly key: string; readonly by: string }>({
    message: (d) => `the receipt of ${d.by} is signed by key ${d.key}, which is no approver here`,
    hint: (d) => `see who is: fairlead approver list; admit one: fairlead approver trust NAME ${d.key}`,
    http: 403,
    exit: EXIT.untrusted,
  }),
  'approval/altered': entry<OfPlan & { readonly by: string }>({
    message: (d) => `the receipt of ${d.by} for plan ${d.plan} is not what was signed`,
    hint: () => 'do not use it; ask the approver for a new one: fairlead approve PLAN --key FILE --out FILE',
    http: 403,
    exit: EXIT.untrusted,
  }),
  'approval/other-instance': entry<{ readonly meant: string; readonly instance: string }>({
    message: (d) => `the receipt is for instance ${d.meant}, this is ${d.instance}`,
    hint: () => 'each instance needs its own: fairlead approve PLAN --key FILE',
    http: 409,
    exit: EXIT.refused,
  }),
  'approval/expired': entry<OfPlan & { readonly expires: string }>({
    message: (d) =>
      `the receipt for plan ${d.plan} is good until ${d.expires}, which is past or more than a week away`,
    hint: () => 'compare the clocks of both machines, then approve again: fairlead approve PLAN --key FILE',
    http: 409,
    exit: EXIT.refused,
  }),
  'approval/superseded': entry<OfPlan & { readonly now: string; readonly changed: string }>({
    message: (d) => `plan ${d.plan} is another one by now: ${d.changed}`,
    hint: (d) => `look again (fairlead plan), then: fairlead approve ${d.now} --reason "why"`,
    http: 409,
    exit: EXIT.refused,
  }),
  'approval/replayed': entry<OfPlan & { readonly by: string }>({
    message: (d) => `this receipt of ${d.by} for plan ${d.plan} was handed in before: it counts once`,
    hint: () => 'see what counts: fairlead approvals list',
    http: 409,
    exit: EXIT.refused,
  }),
  'approval/forgotten': entry<OfPlan & { readonly by: string; readonly until: string }>({
    message: (d) =>
      `the receipt of ${d.by} for plan ${d.plan} may have been used: which ones were is lost, for those signed before ${d.until}`,
    hint: () => 'sign it anew after that time: fairlead approve PLAN --key FILE',
    http: 409,
    exit: EXIT.refused,
  }),
  'file/exists': entry<{ readonly path: string }>({
    message: (d) => `${d.path} exists already: it was left alone`,
    hint: () => 'choose another name, or move that file away',
    http: 409,
    exit: EXIT.refused,
  }),
  'file/no-secret': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `there is no secret in ${d.path}: ${d.problem}`,
    hint: () => 'write it there alone, on one line',
    http: 503,
    exit: EXIT.usage,
  }),
  'file/missing': entry<{ readonly path: string }>({
    message: (d) => `there is no file ${d.path}`,
    hint: () => 'check the path',
    http: 404,
    exit: EXIT.usage,
  }),
  'hold/signature-needed': entry<{ readonly problem: string; readonly approvers: string }>({
    message: (d) => `holding forced patches is the approvers’ to order here (${d.approvers}): ${d.problem}`,
    hint: () => 'one of them signs it: fairlead hold 24h --emergency --key FILE --reason "why"',
    http: 403,
    exit: EXIT.refused,
  }),
  'time/unreadable': entry<{ readonly text: string }>({
    message: (d) => `"${d.text}" is no time`,
    hint: () => 'write "sat 02:00", "2026-03-07 02:00", "2026-03-07T01:00:00Z", or a span: 4h, 3d, PT30M',
    http: 400,
    exit: EXIT.usage,
  }),
  'time/one-end': entry<{ readonly given: string }>({
    message: (d) => `a hold needs one end; given: ${d.given}`,
    hint: () => 'fairlead hold 4h --reason "why", or: fairlead hold --until "mon 08:00" --reason "why"',
    http: 400,
    exit: EXIT.usage,
  }),
  'policy/no-such-window': entry<{ readonly name: string; readonly known: string }>({
    message: (d) => `there is no window ${d.name}; there are: ${d.known}`,
    hint: () => 'see them: fairlead window list',
    http: 404,
    exit: EXIT.usage,
  }),
  'policy/no-such-approver': entry<{ readonly name: string; readonly known: string }>({
    message: (d) => `there is no approver ${d.name}; there are: ${d.known}`,
    hint: () => 'see them: fairlead approver list',
    http: 404,
    exit: EXIT.usage,
  }),
  'policy/pin-in-vain': entry<{ readonly pin: string; readonly problem: string }>({
    message: (d) => `the pin ${d.pin} would protect nothing: ${d.problem}`,
    hint: () => 'nothing was changed; see what runs and what is on offer: fairlead status, fairlead check',
    http: 409,
    exit: EXIT.refused,
  }),
  'policy/unsatisfiable': entry<{ readonly problem: string }>({
    message: (d) => `nobody can satisfy this policy: ${d.problem}`,
    hint: () => 'nothing was changed; see the policy: fairlead policy show',
    http: 409,
    exit: EXIT.refused,
  }),
  'rollback/exposes': entry<{
    readonly generation: number;
    readonly advisories: string;
    readonly accept: string;
  }>({
    message: (d) => `generation ${d.generation} is open to ${d.advisories}`,
    hint: (d) =>
      `only when you accept that: fairlead rollback --to ${d.generation} ${d.accept} --reason "why"`,
    http: 409,
    exit: EXIT.refused,
  }),
} as const;
