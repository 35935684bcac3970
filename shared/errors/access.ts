// Errors of access to the release server: tokens, sign-in, enrolment codes, and what is whose.
import { count, EXIT, entry } from './entry.ts';

export const ACCESS_ERRORS = {
  'auth/missing': entry<{ readonly route: string }>({
    message: (d) => `${d.route} needs a token`,
    hint: () => 'send it in the header: Authorization: Bearer TOKEN',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/refused': entry<{ readonly problem: string }>({
    message: (d) => `the token is not accepted: ${d.problem}`,
    hint: () => 'check which token the file holds; an admin makes a new one: fairlead-server token create',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/forbidden': entry<{ readonly role: string; readonly needed: string }>({
    message: (d) => `a token with the role ${d.role} may not do this; it takes ${d.needed}`,
    hint: (d) => `use a token made with: fairlead-server token create --role ${d.needed.split(' ')[0]}`,
    http: 403,
    exit: EXIT.refused,
  }),
  'auth/not-for-customers': entry<{ readonly route: string }>({
    message: (d) => `${d.route} is not for a customer's token: it sees its own instances and nothing else`,
    hint: () => 'ask for /api/v1/instances or /api/v1/deployments; what else is needed the vendor can tell',
    http: 403,
    exit: EXIT.refused,
  }),
  'customer/owned': entry<{ readonly instance: string }>({
    message: (d) => `instance ${d.instance} is another customer's`,
    hint: () => 'take it away from that customer first',
    http: 409,
    exit: EXIT.refused,
  }),
  'customer/has-instances': entry<{ readonly name: string; readonly count: number }>({
    message: (d) => `${d.name} has ${count(d.count, 'instance')}`,
    hint: () => 'take them away from the customer first: PUT with an empty list',
    http: 409,
    exit: EXIT.refused,
  }),
  'instance/isolated': entry<{ readonly since: string }>({
    message: (d) => `this install is isolated since ${d.since}: the vendor takes no word from it`,
    hint: () => 'what the vendor signs still counts, by this install’s own policy; ask the vendor why',
    http: 403,
    exit: EXIT.refused,
  }),
  'instance/retired': entry<{ readonly since: string }>({
    message: (d) => `this install is retired since ${d.since}: the vendor no longer counts on it`,
    hint: () => 'it comes back with a new enrolment string of the vendor: fairlead agent move',
    http: 403,
    exit: EXIT.refused,
  }),
  'instance/standing': entry<{ readonly id: string; readonly standing: string }>({
    message: (d) => `instance ${d.id} is ${d.standing} already`,
    hint: () => 'nothing is left to do',
    http: 409,
    exit: EXIT.refused,
  }),
  'auth/provider-unreachable': entry<{ readonly issuer: string; readonly problem: string }>({
    message: (d) => `the identity provider ${d.issuer} cannot be asked: ${d.problem}`,
    hint: () => 'tokens of this server count meanwhile: fairlead-server token create',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'auth/no-browser-sign-in': entry<Record<never, never>>({
    message: () => 'nobody signs in to this server with a browser',
    hint: () =>
      'an admin names the provider’s client under "browser" in the file of --oidc; tokens count without it',
    http: 404,
    exit: EXIT.refused,
  }),
  'auth/sign-in-refused': entry<{ readonly problem: string }>({
    message: (d) => `the sign-in came to no end: ${d.problem}`,
    hint: () => 'begin again at /auth/sign-in, in one browser and within ten minutes',
    http: 400,
    exit: EXIT.refused,
  }),
  'auth/no-role': entry<{ readonly name: string }>({
    message: (d) =>
      `the identity provider knows ${d.name}, and none of the groups it names holds a role here`,
    hint: () => 'an admin gives a group of yours a role in the file of --oidc',
    http: 403,
    exit: EXIT.refused,
  }),
  'auth/session-over': entry<Record<never, never>>({
    message: () => 'the sign-in is over',
    hint: () => 'sign in again: /auth/sign-in',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/pass-over': entry<Record<never, never>>({
    message: () => 'the pass is over, or this server knows nothing of it',
    hint: () => 'an agent signs the request with its own key instead, by itself, and is given another pass',
    http: 401,
    exit: EXIT.refused,
  }),
  'auth/cross-site': entry<{ readonly ours: string }>({
    message: () => 'a sign-in speaks only for pages of this server, and another site had this asked',
    hint: (d) => `go to ${d.ours} itself; programs bring a token in place of a cookie`,
    http: 403,
    exit: EXIT.refused,
  }),
  'enrolment/code-refused': entry<{ readonly problem: string }>({
    message: (d) => `the enrolment code is not accepted: ${d.problem}`,
    hint: () => 'ask the vendor for a new enrolment string: fairlead-vendor enrolment create',
    http: 403,
    exit: EXIT.refused,
  }),
} as const;
