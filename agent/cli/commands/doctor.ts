// fairlead doctor: everything that could keep this install from updating, looked at in one go.
import { z } from 'zod';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { count, EXIT } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { describeOverride } from '../../../shared/present/status.ts';
import type { Style } from '../../../shared/present/table.ts';
import { describeExposed } from '../../../shared/present/verdict.ts';
import { auditReply, type StatusReply, statusReply } from '../../../shared/protocol/admin.ts';
import { type PolicyReply, policyReply } from '../../../shared/protocol/admin-policy.ts';
import { surveyReply } from '../../../shared/protocol/survey.ts';
import { compareVersions, isVersion } from '../../../shared/version/version.ts';
import { isUnknownToAgent } from '../../adapters/admin/admin-client.ts';
import { type CliContext, show } from '../context.ts';
import { lookWithoutAgent } from './doctor-at-rest.ts';
import { type Finding, machineFindings } from './doctor-machine.ts';
import { rootFound, wayFindings } from './doctor-ways.ts';

export const doctorAnswer = z.strictObject({
  schema: z.literal('fairlead/doctor@1'),
  /** A check without a problem found all well. */
  findings: z.array(
    z.strictObject({ check: z.string(), problem: z.string().nullable(), remedy: z.string() }),
  ),
});

/** Exits with 1 when something needs a person. Where no agent runs, it looks by itself. Error: enrolment/missing. */
export async function doctor(context: CliContext): Promise<number> {
  const findings = await askAgent(context).catch(async (error: unknown) => {
    if (!isFairleadError(error, 'agent/not-running')) throw error;
    return lookWithoutAgent(context.stateDir, context.clock.now());
  });
  show(context, { schema: 'fairlead/doctor@1', findings }, () => render(findings, context.style));
  return findings.every(({ problem }) => problem === null) ? EXIT.ok : EXIT.failed;
}

async function askAgent(context: CliContext): Promise<readonly Finding[]> {
  const status = await context.client.call('GET', '/v1/status', statusReply);
  const policy = await context.client.call('GET', '/v1/policy', policyReply);
  return [
    { check: `the agent answers${describeSlots(status)}`, problem: null, remedy: '' },
    ...trustFindings(status),
    ...policyFindings(policy),
    ...runningFindings(status),
    // Nothing is wrong with them; whoever asks for help has to know.
    ...(status.overrides ?? []).map((one) => ({ check: describeOverride(one), problem: null, remedy: '' })),
    await auditFinding(context),
    ...(await machineFindings(context.stateDir)),
    ...(await surveyFindings(context)),
  ];
}

/** The agent looks by itself: by its own proxy, its own certificates, from where it stands. */
async function surveyFindings({ client, clock }: CliContext): Promise<readonly Finding[]> {
  const seen = await client.call('GET', '/v1/survey', surveyReply).catch((error: unknown) => {
    if (!isUnknownToAgent(error)) throw error;
    return null;
  });
  if (seen === null) {
    const problem = 'the agent that runs is older than this program, and cannot look';
    return [{ check: 'the way to the server', problem, remedy: 'systemctl restart fairlead-agent.service' }];
  }
  const { endpoints, root } = seen;
  const found = root === null ? null : { version: root.version, expires: instantMs(root.expires) };
  return [rootFound(found, clock.now()), ...wayFindings(endpoints, clock.now())];
}

function trustFindings({
  freshness,
  contact,
  hints,
  unsentReports,
  instance,
  reporting,
}: StatusReply): readonly Finding[] {
  const { state, expires } = freshness;
  return [
    {
      check: 'the clock is right',
      problem: state === 'clock-behind' ? 'it is earlier than data the vendor has signed' : null,
      remedy: 'timedatectl set-ntp true',
    },
    {
      check: 'the vendor’s signed data is fresh',
      problem: state === 'expired' ? `it expired at ${expires}` : state === 'never' ? 'there is none' : null,
      remedy: 'fairlead check',
    },
    {
      check: `the server answered last, ${instance.proxy === undefined ? 'asked without a proxy' : `through ${instance.proxy}`}`,
      problem: contact?.failure?.message ?? null,
      remedy: contact?.failure?.hint ?? '',
    },
    {
      // Where it cannot, the agent polls: that costs time, and is nothing a person has to mend.
      check:
        reporting?.off === true
          ? 'reporting is off: updates go on, and nothing about this install leaves'
          : hints?.listening === true
            ? 'the server tells of news at once'
            : `news comes with the next question${hints?.problem == null ? '' : `: ${hints.problem}`}`,
      problem: null,
      remedy: '',
    },
    {
      check: 'the server has heard everything',
      problem: unsentReports === 0 ? null : `${count(unsentReports, 'deployment record')} not yet taken`,
      remedy: 'fairlead outbox',
    },
    {
      check: 'the server takes this install’s word',
      problem: reporting?.refusal?.message ?? null,
      remedy: 'ask the vendor; updates go on meanwhile. With a new enrolment string: fairlead agent move',
    },
    {
      check: 'nobody else speaks in its name',
      problem:
        reporting?.twinsHeard == null
          ? null
          : `another agent was heard at ${reporting.twinsHeard}: this state directory was copied`,
      remedy: 'on the copy, with a new enrolment string of the vendor: fairlead agent move --copy',
    },
  ];
}

/** Where it goes back to, if the next one does not prove itself. */
function describeSlots({ agentVersion, slots }: StatusReply): string {
  if (slots === undefined) return `, version ${agentVersion}`;
  const { current, versions, trial } = slots;
  const other = versions[current === 'a' ? 'b' : 'a'];
  const state = trial === null ? '' : `, on trial since ${trial.since}`;
  const back = other === null ? 'no other to return to' : `${sanitizeLine(other)} to return to`;
  return `, version ${agentVersion} in slot ${current}${state}, ${back}`;
}

function policyFindings({ problem, unsatisfiable, stale }: PolicyReply): readonly Finding[] {
  const remedy = 'fairlead policy check';
  return [
    { check: 'the policy can be read', problem, remedy },
    { check: 'the policy can be satisfied', problem: unsatisfiable.join('; ') || null, remedy },
    { check: 'the policy is tidy', problem: stale.join('; ') || null, remedy: 'fairlead policy show' },
  ];
}

function runningFindings({ components, decision, quarantine, alarms }: StatusReply): readonly Finding[] {
  const unhealthy = components.filter(({ health }) => health === 'unhealthy').map((one) => one.component);
  const isBlocked = decision.blockers.some(({ code }) => code === 'quarantined');
  // What is older than what runs is not waited for any more, nor are settings that have been changed since.
  const away = quarantine
    .filter(({ component, version }) => {
      const running = components.find((one) => one.component === component);
      if (!isVersion(version)) return isBlocked;
      return running === undefined || compareVersions(version, running.version) > 0;
    })
    .map(({ component, version }) => `${component} ${version}`);
  return [
    { check: 'what runs is healthy', problem: unhealthy.join(', ') || null, remedy: 'fairlead status' },
    { check: 'nothing is exposed', problem: describeExposed(decision), remedy: 'fairlead explain' },
    { check: 'nothing new is in quarantine', problem: away.join(', ') || null, remedy: 'fairlead status' },
    { check: 'no alarm is raised', problem: alarms.join('; ') || null, remedy: 'fairlead status' },
  ];
}

async function auditFinding({ client }: CliContext): Promise<Finding> {
  const finding = { check: 'the audit log is whole', remedy: 'fairlead audit verify' };
  try {
    await client.call('GET', '/v1/audit', auditReply);
    return { ...finding, problem: null };
  } catch (error) {
    if (!isFairleadError(error, 'agent/refused')) throw error;
    return { ...finding, problem: error.message };
  }
}

function render(findings: readonly Finding[], style: Style): readonly string[] {
  const bad = findings.filter(({ problem }) => problem !== null).length;
  const verdict =
    bad === 0 ? style.good('all is well') : style.bad(`${bad} of ${findings.length} need a look`);
  const lines = findings.flatMap(({ check, problem, remedy }) =>
    problem === null
      ? [`${style.good('ok')}  ${sanitizeLine(check, 500)}`]
      : [
          `${style.bad('NO')}  ${sanitizeLine(check, 500)}: ${sanitizeLine(problem, 500)}`,
          `      ${sanitizeLine(remedy, 500)}`,
        ],
  );
  return [style.bold(verdict), ...lines];
}
