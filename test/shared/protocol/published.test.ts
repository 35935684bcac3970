// What programs read of each other is published, and is what is parsed: a field that becomes optional, or stops being so, is seen.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  changeReply as adminChangeReply,
  changesReply as adminChangesReply,
  advisoriesReply,
  explanationReply,
  statusReply,
  verifyReply,
} from '../../../shared/protocol/admin.ts';
import { approvalsReply, policyReply } from '../../../shared/protocol/admin-policy.ts';
import { redeemReply, redeemRequest } from '../../../shared/protocol/enrolment.ts';
import {
  auditReply,
  changeReply,
  changesReply,
  instanceReply,
  instancesReply,
  patchesReply,
  patchReply,
} from '../../../shared/protocol/fleet.ts';
import { deploymentsList, proposalRequest, proposalsList } from '../../../shared/protocol/fleet-proposals.ts';
import { problem } from '../../../shared/protocol/problem.ts';
import {
  answersReply,
  answersRequest,
  minesReply,
  proposalsReply,
  verdictReply,
} from '../../../shared/protocol/proposal.ts';
import {
  enrolmentReply,
  enrolmentRequest,
  onlineKeysReply,
  publicationReply,
  publicationRequest,
} from '../../../shared/protocol/publication.ts';
import { report, reportReply } from '../../../shared/protocol/report.ts';
import { settingsReply } from '../../../shared/protocol/settings.ts';
import { logsReply, rehearsalReply, repairReply, stageReply } from '../../../shared/protocol/upkeep.ts';
import { wayReply } from '../../../shared/protocol/way.ts';

// biome-ignore lint/suspicious/noExplicitAny: any JSON Schema
type Json = any;
const readReference = (file: string): Json =>
  JSON.parse(readFileSync(new URL(`../../../docs/reference/${file}`, import.meta.url), 'utf8'));
const ANSWERS = readReference('schema/answers.schema.json').$defs;
const API = readReference('openapi.json');

/** As it goes over the wire, with everything that is said once written where it is meant, and without words for people. */
function inFull(schema: Json, parts: Json): Json {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((one) => inFull(one, parts));
  const { $ref, $schema: _, $defs: __, ...rest } = schema;
  if (typeof $ref === 'string') return inFull(parts[$ref.split('/').at(-1) ?? ''], parts);
  const facts = Object.entries(rest).filter(([key, one]) => key !== 'description' || typeof one === 'object');
  return Object.fromEntries(facts.map(([key, one]) => [key, inFull(one, parts)]));
}
const parsed = (schema: z.ZodType): Json => {
  const json: Json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return inFull(json, json.$defs ?? {});
};

describe('the answer of a command', () => {
  it.each<[string, z.ZodType]>([
    ['fairlead/status@1', statusReply],
    ['fairlead/explanation@1', explanationReply],
    ['fairlead/changes@1', adminChangesReply],
    ['fairlead/change@1', adminChangeReply],
    ['fairlead/verification@1', verifyReply],
    ['fairlead/advisories@1', advisoriesReply],
    ['fairlead/staged@1', stageReply],
    ['fairlead/approvals@1', approvalsReply],
    ['fairlead/policy-reply@1', policyReply],
    ['fairlead/proposals@1', proposalsReply],
    ['fairlead/proposal@1', verdictReply],
    ['fairlead/settings@1', settingsReply],
    ['fairlead/logs@1', logsReply],
    ['fairlead/rehearsal@1', rehearsalReply],
    ['fairlead/repair@1', repairReply],
    ['fairlead/way@1', wayReply],
  ])('is what is published: %s', (name, schema) => {
    expect(parsed(schema)).toEqual(inFull(ANSWERS[name], ANSWERS));
  });
});

describe('a request to the release server', () => {
  it.each<[string, z.ZodType]>([
    ['/api/v1/enrolments', enrolmentRequest],
    ['/api/v1/enrolments/redeem', redeemRequest],
    ['/api/v1/reports', report],
    ['/api/v1/proposals/answers', answersRequest],
    ['/api/v1/proposals', proposalRequest],
    ['/api/v1/publications', publicationRequest],
  ])('is what is published: %s', (path, schema) => {
    const { content } = API.paths[path].post.requestBody;

    expect(parsed(schema)).toEqual(inFull(content['application/json'].schema, API.components.schemas));
  });
});

describe('an answer of the release server', () => {
  it.each<[string, string, z.ZodType]>([
    ['post', '/api/v1/enrolments', enrolmentReply],
    ['post', '/api/v1/enrolments/redeem', redeemReply],
    ['post', '/api/v1/reports', reportReply],
    ['post', '/api/v1/publications', publicationReply],
    ['get', '/api/v1/online-keys', onlineKeysReply],
    ['get', '/api/v1/instances', instancesReply],
    ['get', '/api/v1/instances/{id}', instanceReply],
    ['get', '/api/v1/deployments', deploymentsList],
    ['get', '/api/v1/proposals', proposalsList],
    ['get', '/api/v1/proposals/mine', minesReply],
    ['post', '/api/v1/proposals/answers', answersReply],
    ['get', '/api/v1/security/patches', patchesReply],
    ['get', '/api/v1/security/patches/{advisory}', patchReply],
    ['get', '/api/v1/changes', changesReply],
    ['get', '/api/v1/changes/{id}', changeReply],
    ['get', '/api/v1/audit', auditReply],
  ])('is what is published: %s %s', (method, path, schema) => {
    const { content } = API.paths[path][method].responses[200];

    expect(parsed(schema)).toEqual(inFull(content['application/json'].schema, API.components.schemas));
  });

  it('that refuses is what is published', () => {
    expect(parsed(problem)).toEqual(inFull(API.components.schemas.Problem, API.components.schemas));
  });
});
