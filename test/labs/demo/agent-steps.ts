// The operator's side of the story: enrolling an install, and seeing what a deployment did.
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Application } from './applications.ts';
import { readUrl } from './services.ts';
import { type Stage, writeInstanceConfig } from './stage.ts';

/** An agent whose fetch was cut short tries again after one minute, then after two. */
const DEPLOYMENT_PATIENCE_MS = 600_000;

export async function enrol(stage: Stage): Promise<void> {
  const { terminal } = stage;
  const created = await terminal.run(['fairlead-vendor', 'enrolment', 'create', '--name', 'first-customer']);
  const enrolment = /fairlead1_[\w-]+/.exec(created)?.[0] ?? '';
  await writeInstanceConfig(stage);
  terminal.say('# the operator wrote agent/instance.json: which products run here, and on which ports');
  await terminal.run(['fairlead', 'agent', 'enroll', '-'], { stdin: enrolment });
}

/** Lets the agent look for news at once and waits until it has committed `version`. */
export async function expectDeployed(
  stage: Stage,
  application: Application,
  version: string,
): Promise<DeploymentRecord> {
  const { terminal } = stage;
  await checkNow(stage);
  const record = await expectEnd(stage, application, version);
  terminal.check(
    `${application.component} ${version} is committed`,
    record.state === 'committed',
    record.state,
  );
  await expectAnswer(stage, application, version);
  return record;
}

/**
 * The record of the deployment that moves `application` to `version`, once it has ended. One that was abandoned touched
 * nothing and is tried again.
 */
export function expectEnd(
  stage: Stage,
  application: Application,
  version: string,
): Promise<DeploymentRecord> {
  const ended = new Set(['committed', 'rolled-back', 'inconsistent']);
  return stage.terminal.wait(
    `${application.component} ${version} deploys`,
    async () => {
      const records = await stage.changes();
      const moves = (record: DeploymentRecord) =>
        record.steps.some((step) => step.component === application.component && step.to === version);
      return records.find((record) => moves(record) && ended.has(record.state)) ?? null;
    },
    DEPLOYMENT_PATIENCE_MS,
  );
}

/** The application itself says which version runs. */
export async function expectAnswer(stage: Stage, application: Application, version: string): Promise<void> {
  const port = application === stage.edition.editor ? stage.ports.editor : stage.ports.registry;
  const url = application.url(port);
  const answer = await stage.terminal.wait(`${url} answers`, () => readUrl(url));
  const expected = application.expected(version);
  const at = answer.indexOf(expected);
  stage.terminal.say(
    `GET ${url}\n${at < 0 ? answer.trim().slice(0, 200) : `… ${answer.slice(at, at + expected.length)} …`}`,
  );
  stage.terminal.check(
    `${application.component} answers as version ${version}`,
    at >= 0,
    answer.slice(0, 200),
  );
}

/** `fairlead check` asks the server and explains: exit 0 nothing new, 10 available, 20 blocked. */
export function checkNow(stage: Stage): Promise<string> {
  return stage.terminal.run(['fairlead', 'check'], { exits: [0, 10, 20] });
}

/** The process a component runs as, to see that nobody restarted it. */
export async function processOf(stage: Stage, application: Application): Promise<string> {
  const { components } = await stage.status();
  return components.find((part) => part.component === application.component)?.service ?? 'absent';
}
