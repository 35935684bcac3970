// Errors of trust: metadata or targets that the vendor's keys do not vouch for, or not any more.
import { count, EXIT, entry } from './entry.ts';

const RETRY = 'nothing was changed; ask the vendor if the next refresh says the same';

export const TRUST_ERRORS = {
  'trust/malformed': entry<{ readonly role: string; readonly problem: string }>({
    message: (d) => `the metadata of ${d.role} is malformed: ${d.problem}`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/threshold': entry<{
    readonly role: string;
    readonly signer: string;
    readonly needed: number;
    readonly valid: number;
  }>({
    message: (d) =>
      `the metadata of ${d.role} lacks signatures: ${d.signer} asks for ${count(d.needed, 'distinct key')}, ${d.valid} signed`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/expired': entry<{ readonly role: string; readonly expires: string; readonly reference: string }>({
    message: (d) => `the metadata of ${d.role} expired at ${d.expires}; the time is ${d.reference}`,
    hint: () => 'check this clock; if it is right, the vendor must sign fresh metadata',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/rollback': entry<{ readonly role: string; readonly trusted: number; readonly offered: number }>({
    message: (d) => `${d.role} went backwards: trusted version ${d.trusted}, offered ${d.offered}`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/version-mismatch': entry<{
    readonly role: string;
    readonly expected: number;
    readonly offered: number;
  }>({
    message: (d) => `${d.role} has the wrong version: expected ${d.expected}, got ${d.offered}`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/role-removed': entry<{ readonly role: string }>({
    message: (d) => `the new snapshot no longer lists ${d.role}, which the trusted one does`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/role-unlisted': entry<{ readonly role: string }>({
    message: (d) => `the trusted snapshot does not list ${d.role}`,
    hint: () => RETRY,
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/hash-mismatch': entry<{ readonly file: string; readonly problem: string }>({
    message: (d) => `${d.file} is not the file that was signed: ${d.problem}`,
    hint: () => 'a mirror or proxy may have damaged it; nothing of it was kept',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/length-mismatch': entry<{
    readonly file: string;
    readonly expected: number;
    readonly actual: number;
  }>({
    message: (d) => `${d.file} is ${d.actual} bytes long, ${d.expected} were signed`,
    hint: () => 'a mirror or proxy may have damaged it; nothing of it was kept',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/no-root': entry<{ readonly directory: string }>({
    message: (d) => `${d.directory} holds no valid root metadata to start trust from`,
    hint: () => 'enrol this instance again with an enrolment string from the vendor',
    http: 409,
    exit: EXIT.untrusted,
  }),
  'trust/misplaced': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} is signed but cannot be used: ${d.problem}`,
    hint: () => 'tell the vendor; everything else the vendor signed is used',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/not-released': entry<{ readonly file: string; readonly component: string }>({
    message: (d) => `${d.file} is no file of any release of ${d.component}`,
    hint: () => 'do not use it; fetch it again, and ask the vendor what it is released as',
    http: 422,
    exit: EXIT.untrusted,
  }),
  'trust/target-not-found': entry<{ readonly path: string }>({
    message: (d) => `no trusted role vouches for ${d.path}`,
    hint: () => 'check the spelling, and that the vendor has published it',
    http: 404,
    exit: EXIT.untrusted,
  }),
} as const;
