// Everything that an agent sends: each kind of request with its headers and the schema of its body. What is not named here does not leave.
import { z } from 'zod';
import { REDEEM_PATH, redeemRequest } from './enrolment.ts';
import { leaveRequest } from './instances.ts';
import { answersRequest } from './proposal.ts';
import { heartbeat, report } from './report.ts';

export const SENT_KINDS = [
  ...['metadata', 'document', 'pack', 'listen', 'report', 'heartbeat', 'proposals', 'answers'],
  ...['template', 'look', 'enrolment', 'leave'],
] as const;

export interface SentKind {
  readonly about: string;
  readonly when: string;
  readonly method: 'GET' | 'POST';
  /** Behind the server's address; a word in braces stands for anything but a question mark. */
  readonly path: string;
  /** In lower case. Those of HTTP itself are named too. */
  readonly headers: readonly string[];
  readonly body: z.ZodType | null;
  /** Whether it says which install this is. */
  readonly says: 'nobody' | 'who, where the server asks' | 'who';
  /** Whether it is sent with reporting off, too. */
  readonly always: boolean;
}

const HTTP = ['host', 'connection', 'accept-encoding'] as const;
const PROVED = [...HTTP, 'authorization', 'content-digest'] as const;
const POSTED = [...PROVED, 'content-type', 'content-length'] as const;

export const SENT: Readonly<Record<string, SentKind>> = {
  metadata: {
    about: 'signed metadata of the repository',
    when: 'at each poll',
    method: 'GET',
    path: '/repository/metadata/{file}',
    headers: [...HTTP, 'if-none-match'],
    body: null,
    says: 'nobody',
    always: true,
  },
  document: {
    about: 'a signed document that the metadata lists',
    when: 'once, when it is new',
    method: 'GET',
    path: '/repository/targets/{path}',
    headers: [...HTTP, 'authorization'],
    body: null,
    says: 'who, where the server asks',
    always: true,
  },
  pack: {
    about:
      'the files of a release, from where an earlier attempt stopped; or the list of the patches to it (`patches.json`), and the smallest that starts at a version on the disk, which its name says; or the bill of materials that was signed with it',
    when: 'before a deployment, for what is not on the disk; bills of materials when somebody types `fairlead plan`',
    method: 'GET',
    path: '/repository/packs/{name}',
    headers: [...HTTP, 'authorization', 'range'],
    body: null,
    says: 'who, where the server asks',
    always: true,
  },
  listen: {
    about:
      'the greeting of the connection over which the server tells of news (RFC 6455); nothing else is said over it',
    when: 'while the agent runs, again after each end of it',
    method: 'GET',
    path: '/api/v1/subscribe',
    headers: [
      ...['host', 'connection', 'upgrade', 'authorization', 'sec-websocket-version', 'sec-websocket-key'],
    ],
    body: null,
    says: 'who',
    always: false,
  },
  report: {
    about:
      'what runs, what was decided, deployments that the server has not heard of, and where the audit log ends (its count and digest, no entry)',
    when: 'when one of them changed, and once a day',
    method: 'POST',
    path: '/api/v1/reports',
    headers: POSTED,
    body: report,
    says: 'who',
    always: false,
  },
  heartbeat: {
    about: 'that the last report still holds',
    when: 'after each round that changed nothing',
    method: 'POST',
    path: '/api/v1/heartbeats',
    headers: POSTED,
    body: heartbeat,
    says: 'who',
    always: false,
  },
  proposals: {
    about: 'the question for proposals of the vendor',
    when: 'when the server says that there are some',
    method: 'GET',
    path: '/api/v1/proposals/mine{after}',
    headers: PROVED,
    body: null,
    says: 'who',
    always: false,
  },
  answers: {
    about: 'what became of proposals',
    when: 'when the policy or a person has decided',
    method: 'POST',
    path: '/api/v1/proposals/answers',
    headers: POSTED,
    body: answersRequest,
    says: 'who',
    always: false,
  },
  template: {
    about: 'the question for a template of a policy',
    when: 'when somebody types `fairlead policy adopt`',
    method: 'GET',
    path: '/api/v1/policies/offered?name={name}',
    headers: PROVED,
    body: null,
    says: 'who',
    always: false,
  },
  look: {
    about: 'a question that any release server refuses: whether one answers there at all',
    when: 'when somebody types `fairlead doctor`',
    method: 'GET',
    path: REDEEM_PATH,
    headers: HTTP,
    body: null,
    says: 'nobody',
    always: true,
  },
  enrolment: {
    about: 'the code of the enrolment string, the public key that was made here, and the name of this host',
    when: 'once, when somebody types `fairlead agent enroll`, `install --enroll` or `move`',
    method: 'POST',
    path: REDEEM_PATH,
    headers: [...HTTP, 'content-type', 'content-length'],
    body: redeemRequest,
    says: 'who',
    always: true,
  },
  leave: {
    about: 'where this install has gone, said to the server that it leaves',
    when: 'once, when somebody types `fairlead agent move`',
    method: 'POST',
    path: '/api/v1/instances/leave',
    headers: [...HTTP, 'authorization', 'content-type', 'content-length'],
    body: leaveRequest,
    says: 'who',
    always: true,
  },
};

/** Of the signature in `Authorization: Bearer`, a JSON Web Token (RFC 7519). */
export const SENT_CLAIMS: Readonly<Record<string, string>> = {
  iss: 'the id of the install, which the server gave it',
  aud: 'that it is meant for a release server',
  iat: 'when it was signed, by this machine’s clock',
  exp: 'two minutes later',
  boot: 'a random name of this start of the agent, by which a copied state directory is noticed; not with downloads',
  pass: 'a random public key, by which the server hands over the pass of the next hour',
};

/** The kind of a request; null for one that nobody named. `path` begins behind the server's address. */
export function sentKindOf(method: string, path: string): string | null {
  const found = Object.entries(SENT).find(
    ([, kind]) => kind.method === method && patternOf(kind.path).test(path),
  );
  return found?.[0] ?? null;
}

function patternOf(path: string): RegExp {
  const parts = path.split(/(\{\w+\})/).map((part) => {
    if (part === '{after}') return '(?:\\?after=[^?&]*)?';
    if (part.startsWith('{')) return '[^?]+';
    return part.replace(/[.?/]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}

/** GET /v1/sent: the bytes of each kind as they would leave now. */
export const sentReply = z.strictObject({
  schema: z.literal('fairlead/sent@1'),
  reporting: z.enum(['on', 'off']),
  requests: z.array(
    z.strictObject({
      kind: z.string(),
      /** It is owed: it leaves with the next occasion. Others leave each time that there is one. */
      waits: z.boolean(),
      /** Withheld while reporting is off. */
      leaves: z.boolean(),
      bytes: z.string(),
    }),
  ),
});
export type SentReply = z.output<typeof sentReply>;

/** PUT /v1/reporting */
export const reportingRequest = z.strictObject({
  reporting: z.enum(['on', 'off']),
  reason: z.string().min(1).max(300),
});
export const reportingReply = z.strictObject({
  schema: z.literal('fairlead/reporting@1'),
  reporting: z.enum(['on', 'off']),
});
export type ReportingRequest = z.output<typeof reportingRequest>;
export type ReportingReply = z.output<typeof reportingReply>;
