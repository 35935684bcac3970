// What an earlier version can read of what this one leaves on disk: its schemas of every stored document, as they were.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FORMATS = join(import.meta.dirname, '../vectors/earlier/formats');

/** Which files hold which document, below the directory that agent, server and vendor of a demo share. */
const PLACES = {
  'agent/audit/log.jsonl': 'audit-entry',
  'agent/audit/checkpoint.json': 'audit-head',
  'agent/decision.json': 'decision-record',
  'agent/enrolment.json': 'enrolment',
  'agent/generations/*/config.json': 'instance-config',
  'agent/generations/*/manifest.json': 'deployment-manifest',
  'agent/generations/*/plan.json': 'plan',
  'agent/generations/*/record.json': 'deployment-record',
  'agent/generations/*/releases/*/*.json': 'capability-release',
  'agent/instance.json': 'instance-config',
  'agent/outbox/state.json': 'outbox',
  'agent/quarantine.json': 'quarantine',
  'agent/records/[0-9].json': 'deployment-record',
  'agent/settings.json': 'policy',
  'agent/verification.json': 'verify-reply',
  'server/keys/*.json': 'key',
  'server/repository/targets/advisories/*.json': 'advisory',
  'server/repository/targets/capabilities/*/*/*.json': 'capability-release',
  'server/repository/targets/rollouts/**/*.json': 'rollout',
  'vendor/audit.jsonl': 'vendor-audit-entry',
  'vendor/changes/*.json': 'change-record',
  'vendor/keys/*.json': 'key',
  'vendor/published.json': 'published',
  'vendor/vendor.json': 'vendor-config',
} as const;

/**
 * A sentence for each thing that the earlier version would refuse, without numbers; also for a place where nothing is.
 * Refinements that a JSON schema cannot say are not looked at.
 */
export function findUnreadable(directory: string): readonly string[] {
  const problems = Object.entries(PLACES).flatMap(([place, name]) => {
    const schema = z.fromJSONSchema(JSON.parse(readFileSync(join(FORMATS, `${name}.json`), 'utf8')));
    const files = globSync(place, { cwd: directory });
    if (files.length === 0) return [`${place}: nothing there`];
    return files
      .flatMap((file) => problemsIn(schema, join(directory, file)))
      .map((text) => `${name}: ${text}`);
  });
  return [...new Set(problems)].sort();
}

function problemsIn(schema: z.ZodType, file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  const documents = file.endsWith('.jsonl') ? text.trim().split('\n') : [text];
  return documents.flatMap((document) => {
    const issues = schema.safeParse(JSON.parse(document)).error?.issues ?? [];
    return issues.map(({ path, message }) => `${path.join('.').replace(/\d+/g, 'N')} ${message}`.trim());
  });
}
