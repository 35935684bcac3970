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
  'auth/provider-unreachable': entry<{ readonly issuer: string; readonly problem: string }>({
    message: (d) => `the identity provider ${d.issuer} cannot be asked: ${d.problem}`,
    hint: () => 'tokens of this server count meanwhile: fairlead-server token create',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'enrolment/code-refused': entry<{ readonly problem: string }>({
    message: (d) => `the enrolment code is not accepted: ${d.problem}`,
    hint: () => 'ask the vendor for a new enrolment string: fairlead-vendor enrolment create',
    http: 403,
    exit: EXIT.refused,
  }),
} as const;
