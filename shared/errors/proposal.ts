// Errors of proposals and of what they are made from: at the server that makes them, and at the install that answers.
import { EXIT, entry } from './entry.ts';

export const PROPOSAL_ERRORS = {
  'proposal/not-found': entry<{ readonly number: number }>({
    message: (d) => `there is no proposal ${d.number}`,
    hint: () => 'see those that are: fairlead proposals',
    http: 404,
    exit: EXIT.usage,
  }),
  'proposal/closed': entry<{ readonly number: number; readonly state: string }>({
    message: (d) => `proposal ${d.number} waits for nobody any more: it is ${d.state}`,
    hint: () => 'see what waits: fairlead proposals',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/declined': entry<{ readonly by: string; readonly reason: string }>({
    message: (d) => `${d.by} declined it: ${d.reason}`,
    hint: () => 'ask the customer',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/ignored': entry<{ readonly kind: string }>({
    message: (d) => `the policy of this install ignores proposals of the kind ${d.kind}`,
    hint: (d) => `on the install: fairlead remote set propose --kind ${d.kind} --reason "why"`,
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/expired': entry<{ readonly expires: string }>({
    message: (d) => `it was good until ${d.expires}, and nobody had answered`,
    hint: () => 'propose it again',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/withdrawn': entry<object>({
    message: () => 'the vendor withdrew it',
    hint: () => 'nothing is to be done',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/unreadable': entry<{ readonly problem: string }>({
    message: (d) => `this agent cannot read it: ${d.problem}`,
    hint: () => 'an agent of another version may; see the agent’s version in the fleet list',
    http: 400,
    exit: EXIT.failed,
  }),
  'proposal/leads-elsewhere': entry<{ readonly release: string; readonly why: string }>({
    message: (d) => `an update now would not bring ${d.release}: ${d.why}`,
    hint: (d) => `see what would: fairlead plan ${d.release}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/answered': entry<{ readonly id: string; readonly status: string }>({
    message: (d) => `proposal ${d.id} is ${d.status}: it can be neither changed nor withdrawn`,
    hint: () => 'make another one',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/too-many': entry<{ readonly limit: number; readonly where: string }>({
    message: (d) => `${d.where} has ${d.limit} proposals that nobody has answered`,
    hint: () => 'withdraw some of them first: DELETE /api/v1/proposals/ID',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/nobody': entry<{ readonly group: string }>({
    message: (d) => `the group ${d.group} has no instances`,
    hint: () => 'put some into it first: PUT /api/v1/groups/NAME',
    http: 409,
    exit: EXIT.refused,
  }),
  'proposal/policy-disabled': entry<{ readonly name: string }>({
    message: (d) => `the policy ${d.name} is disabled: it can be neither adopted nor proposed`,
    hint: () => 'enable it first: PUT /api/v1/policies/ID with "enabled": true',
    http: 409,
    exit: EXIT.refused,
  }),
  'name/taken': entry<{ readonly what: string; readonly name: string }>({
    message: (d) => `there is a ${d.what} named ${d.name} already`,
    hint: () => 'change that one, or choose another name',
    http: 409,
    exit: EXIT.refused,
  }),
} as const;
