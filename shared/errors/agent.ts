// Errors of the agent around a deployment: enrolment, the network, the admin socket, what it keeps.
import { count, EXIT, entry, shellWord } from './entry.ts';

export const AGENT_ERRORS = {
  'reporting/off': entry<Record<string, never>>({
    message: () => 'reporting is off on this install, and this would tell the server about it',
    hint: () => 'fairlead reporting set on --reason "why"',
    http: 409,
    exit: EXIT.refused,
  }),
  'enrolment/invalid': entry<{ readonly problem: string }>({
    message: (d) => `the enrolment string cannot be used: ${d.problem}`,
    hint: () => 'copy the whole string the vendor sent, or ask for a new one',
    http: 400,
    exit: EXIT.usage,
  }),
  'enrolment/refused': entry<{ readonly server: string; readonly problem: string }>({
    message: (d) => `${d.server} does not take this enrolment string: ${d.problem}`,
    hint: () => 'ask the vendor for a new string: fairlead-vendor enrolment create --name NAME',
    http: 403,
    exit: EXIT.refused,
  }),
  'enrolment/missing': entry<{ readonly stateDir: string }>({
    message: (d) => `this instance is not enrolled: ${d.stateDir} holds no enrolment`,
    hint: (d) =>
      `run: fairlead agent enroll - --state-dir ${shellWord(d.stateDir)}   (paste the string the vendor sent)`,
    http: 409,
    exit: EXIT.refused,
  }),
  'enrolment/identity-lost': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `the key of this instance cannot be read (${d.path}): ${d.problem}`,
    hint: () =>
      'put the file back from a backup of this machine, or take a new key with a new enrolment string: fairlead agent move; updates go on without it',
    http: 409,
    exit: EXIT.failed,
  }),
  'enrolment/exists': entry<{ readonly stateDir: string; readonly server: string; readonly name: string }>({
    message: (d) => `${d.stateDir} is already enrolled as "${d.name}" with ${d.server}`,
    hint: () =>
      'to another server of the same vendor, or to part a copy from its original: fairlead agent move; nothing was changed',
    http: 409,
    exit: EXIT.refused,
  }),
  'enrolment/other-vendor': entry<{ readonly server: string; readonly problem: string }>({
    message: (d) => `${d.server} is not a server of the vendor that this install trusts: ${d.problem}`,
    hint: () =>
      'nothing was changed: an install keeps its vendor for good; for another one enrol in another --state-dir',
    http: 502,
    exit: EXIT.untrusted,
  }),
  'enrolment/root-mismatch': entry<{
    readonly server: string;
    readonly expected: string;
    readonly found: string;
  }>({
    message: (d) => `${d.server} serves another root of trust: expected ${d.expected}, found ${d.found}`,
    hint: () => 'do not go on: ask the vendor, over another channel, for a new enrolment string',
    http: 502,
    exit: EXIT.untrusted,
  }),
  'agent/already-running': entry<{ readonly stateDir: string }>({
    message: (d) => `another agent works on ${d.stateDir}`,
    hint: (d) => `see what it does: fairlead status --state-dir ${shellWord(d.stateDir)}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'agent/state-lost': entry<{ readonly stateDir: string }>({
    message: (d) => `${d.stateDir} was moved, removed or replaced while the agent worked on it`,
    hint: (d) => `put ${d.stateDir} back while no agent runs, then start the agent`,
    http: 500,
    exit: EXIT.failed,
  }),
  'agent/not-running': entry<{
    readonly socket: string;
    /** The command that starts it. */
    readonly start: string;
  }>({
    message: (d) => `the agent is not running: nobody answers on ${d.socket}`,
    hint: (d) => `start it: ${d.start}`,
    http: 503,
    exit: EXIT.unreachable,
  }),
  'agent/went-away': entry<{ readonly socket: string }>({
    message: (d) =>
      `the agent ended before it answered on ${d.socket}: whether it did what was asked is not known`,
    hint: () => 'see what it has done: fairlead status; fairlead changes',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'agent/silent': entry<{ readonly socket: string; readonly seconds: number }>({
    message: (d) => `the agent runs and has not answered on ${d.socket} for ${count(d.seconds, 'second')}`,
    hint: () =>
      'look at its log; restarting it stops no service and no deployment is lost: systemctl restart fairlead-agent.service',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'agent/no-access': entry<{ readonly socket: string }>({
    message: (d) => `this account may not use ${d.socket}`,
    hint: () => 'use an account of the group that owns the socket, or root',
    http: 403,
    exit: EXIT.refused,
  }),
  'agent/socket-path': entry<{ readonly path: string; readonly limit: number }>({
    message: (d) => `the socket path ${d.path} is longer than the ${d.limit} bytes a unix socket may have`,
    hint: () => 'choose a shorter --state-dir',
    http: 500,
    exit: EXIT.usage,
  }),
  /** What the agent answered a local command; code, message and hint are its own. */
  'agent/refused': entry<{
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly exit: number;
  }>({
    message: (d) => d.message,
    hint: (d) => d.hint,
    http: 500,
    exit: EXIT.failed,
  }),
  'agent/unknown-request': entry<{ readonly request: string }>({
    message: (d) => `the agent knows no request ${d.request}`,
    hint: () =>
      'this command is newer than the agent that runs, or not its own: update the agent, and compare fairlead --version with fairlead status',
    http: 404,
    exit: EXIT.usage,
  }),
  'notify/option-alone': entry<{ readonly option: string; readonly needed: string }>({
    message: (d) => `${d.option} says more of what ${d.needed} names, and nothing is named here`,
    hint: (d) => `give both: this, and ${d.needed}`,
    http: 400,
    exit: EXIT.usage,
  }),
  'notify/read-only': entry<{ readonly directory: string }>({
    message: (d) => `the agent may not write the numbers to ${d.directory}`,
    hint: (d) =>
      `let its unit write there: systemctl edit fairlead-agent.service, and below [Service] ReadWritePaths=${unitWord(d.directory)}`,
    http: 409,
    exit: EXIT.failed,
  }),
  'policy/unreadable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `the local policy ${d.path} cannot be read: ${d.problem}`,
    hint: (d) => `correct ${d.path}, or move it away and set a channel; until then the instance is frozen`,
    http: 409,
    exit: EXIT.refused,
  }),
  'policy/no-such-pin': entry<{ readonly component: string; readonly pinned: string }>({
    message: (d) => `${d.component} has no pin; pinned are: ${d.pinned}`,
    hint: () => 'see them: fairlead pin list',
    http: 404,
    exit: EXIT.usage,
  }),
  'approval/not-on-offer': entry<{ readonly plan: string }>({
    message: (d) => `plan ${d.plan} is not on offer`,
    hint: () => 'see what is, with its digest: fairlead plan',
    http: 409,
    exit: EXIT.refused,
  }),
  'approval/keys-needed': entry<{ readonly approvers: string }>({
    message: (d) =>
      `this policy wants signed approvals by ${d.approvers}: opening the socket approves nothing`,
    hint: () => 'one of them signs it, here or elsewhere: fairlead approve PLAN --key FILE --reason "why"',
    http: 403,
    exit: EXIT.refused,
  }),
  'plan/no-such-release': entry<{ readonly target: string; readonly known: string }>({
    message: (d) => `the vendor has released no ${d.target}; ${d.known}`,
    hint: () => 'ask the server for news: fairlead check',
    http: 404,
    exit: EXIT.usage,
  }),
  'apply/nothing': entry<{ readonly verdict: string }>({
    message: () => 'there is nothing to apply',
    hint: () => 'ask the server for news: fairlead check',
    http: 409,
    exit: EXIT.refused,
  }),
  'apply/blocked': entry<{ readonly blockers: string; readonly clearWith: string | null }>({
    message: (d) => `the plan cannot be applied: ${d.blockers}`,
    hint: (d) => d.clearWith ?? 'see every reason: fairlead explain',
    http: 409,
    exit: EXIT.refused,
  }),
  'apply/reason-needed': entry<{ readonly channel: string }>({
    message: (d) => `this apply, on channel ${d.channel}, needs a reason: it is recorded`,
    hint: () => 'fairlead apply --reason "why"',
    http: 400,
    exit: EXIT.usage,
  }),
  'apply/plan-changed': entry<{ readonly seen: string; readonly now: string }>({
    message: (d) => `the plan is another one by now: ${d.seen} was shown, ${d.now} would run`,
    hint: () => 'look again: fairlead plan',
    http: 409,
    exit: EXIT.refused,
  }),
  'change/no-log': entry<{ readonly change: number; readonly component: string }>({
    message: (d) => `change ${d.change} left no log of ${d.component}`,
    hint: (d) => `only a failed deployment leaves one; of what runs now: fairlead logs ${d.component}`,
    http: 404,
    exit: EXIT.refused,
  }),
  'change/not-found': entry<{ readonly change: number }>({
    message: (d) => `there is no change ${d.change}`,
    hint: () => 'list them: fairlead changes',
    http: 404,
    exit: EXIT.usage,
  }),
  'change/unreadable': entry<{ readonly change: number }>({
    message: (d) => `the record of change ${d.change} cannot be read any more`,
    hint: () => 'what is wrong with the file stands among the alarms: fairlead status',
    http: 500,
    exit: EXIT.failed,
  }),
  'change/failed': entry<{ readonly change: number; readonly state: string; readonly failure: string }>({
    message: (d) => `change ${d.change} ended as ${d.state}: ${d.failure}`,
    hint: (d) => `see what happened: fairlead change ${d.change}`,
    http: 500,
    exit: EXIT.failed,
  }),
  'setting/no-component': entry<{ readonly component: string; readonly components: string }>({
    message: (d) => `nothing of ${d.component} runs here or is on offer`,
    hint: (d) => (d.components === '' ? 'see what is: fairlead status' : `use one of ${d.components}`),
    http: 404,
    exit: EXIT.usage,
  }),
  'quarantine/not-found': entry<{ readonly component: string }>({
    message: (d) => `nothing of ${d.component} is in quarantine`,
    hint: () => 'see what is: fairlead status',
    http: 404,
    exit: EXIT.usage,
  }),
} as const;

/** One word of a unit file, whatever is in it: systemd parts them at spaces, and has a meaning for a percent sign. */
function unitWord(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%');
  return /[\s"'\\]/.test(text) ? `"${escaped}"` : escaped;
}
