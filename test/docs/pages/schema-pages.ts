// The JSON Schemas of every document that people or other programs read and write.
import { z } from 'zod';
import { advisory } from '../../../shared/schema/advisory.ts';
import { advisoryDetails } from '../../../shared/schema/advisory-details.ts';
import { approvalReceipt } from '../../../shared/schema/approval.ts';
import { decision } from '../../../shared/schema/decision.ts';
import { deploymentManifest, deploymentRecord, plan } from '../../../shared/schema/deployment.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { orderTerms } from '../../../shared/schema/order-terms.ts';
import { pin } from '../../../shared/schema/pin.ts';
import { policy } from '../../../shared/schema/policy.ts';
import { capabilityRelease, platformRelease, suiteRelease } from '../../../shared/schema/release.ts';
import { halt, haltScope, rollout } from '../../../shared/schema/rollout.ts';
import { type Node, visitKeys } from './document-keys.ts';
import { DOCUMENTS } from './manifest-page.ts';

export const SCHEMAS = {
  capability: capabilityRelease,
  suite: suiteRelease,
  platform: platformRelease,
  rollout,
  halt,
  'halt-scope': haltScope,
  advisory,
  'advisory-details': advisoryDetails,
  'order-terms': orderTerms,
  instance: instanceConfig,
  policy,
  pin,
  approval: approvalReceipt,
  deployment: deploymentManifest,
  plan,
  record: deploymentRecord,
  decision,
} as const;

export function renderSchemas(): readonly (readonly [string, string])[] {
  return Object.entries(SCHEMAS).map(([name, schema]) => {
    const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    const words = DOCUMENTS.find(({ schemaFile }) => schemaFile === name)?.words ?? {};
    visitKeys(json as Node, '', (path, node) => {
      const about = words[path]?.about;
      if (about !== undefined) Object.assign(node, { description: about });
    });
    return [`docs/reference/schema/${name}.schema.json`, `${JSON.stringify(json, null, 2)}\n`] as const;
  });
}
