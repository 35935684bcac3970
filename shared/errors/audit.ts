// Errors of audit logs that are read: an entry that is another, and a log that is another than somebody was told of.
import { count, EXIT, entry } from './entry.ts';

export const AUDIT_ERRORS = {
  'audit/damaged': entry<{ readonly path: string; readonly line: number; readonly problem: string }>({
    message: (d) => `the audit log ${d.path} is damaged at line ${d.line}: ${d.problem}`,
    hint: () =>
      'keep the file for an investigation; an agent whose own log it is starts a new one once it is moved away; what was exported can be exported again',
    http: 500,
    exit: EXIT.untrusted,
  }),
  /** Whole by itself, and not what the other side keeps of it. */
  'audit/forked': entry<{
    readonly path: string;
    readonly entry: number;
    readonly at: string;
    readonly problem: string;
    readonly more: number;
  }>({
    message: (d) =>
      `${d.path} is not the log that was told of: ${d.problem}${d.more === 0 ? '' : `, and ${count(d.more, 'other')} too`}`,
    hint: () => 'keep both files as they are; docs/runbooks/audit.md says what to do',
    http: 500,
    exit: EXIT.untrusted,
  }),
  /** Also what an honest log does that was exported before the other side was asked. */
  'audit/behind': entry<{
    readonly path: string;
    readonly entries: number;
    readonly told: number;
    readonly at: string;
  }>({
    message: (d) => `${d.path} ends at entry ${d.entries}, and entry ${d.told} was told of on ${d.at}`,
    hint: () =>
      'export the log again, after the receipts or heads; where it ends there still, its end is gone: docs/runbooks/audit.md says what to do',
    http: 500,
    exit: EXIT.untrusted,
  }),
  'audit/unsigned': entry<{ readonly path: string; readonly line: number }>({
    message: (d) => `line ${d.line} of ${d.path} was not signed by the server`,
    hint: () =>
      'give the vendor’s root metadata of that time with --root; else the line was made by somebody else',
    http: 500,
    exit: EXIT.untrusted,
  }),
  'audit/empty': entry<{ readonly path: string }>({
    message: (d) => `there is no receipt and no head in ${d.path}`,
    hint: () =>
      'export it for the install that is meant, once it has reported; without --against the chain alone is checked',
    http: 400,
    exit: EXIT.usage,
  }),
  /** Held against nothing, it would pass for held. */
  'audit/unrelated': entry<{ readonly path: string }>({
    message: (d) => `nothing that was given with --against is about ${d.path}`,
    hint: () =>
      'an install’s log is held against receipts or heads of that install, a server’s against receipts of its installs',
    http: 400,
    exit: EXIT.usage,
  }),
} as const;
