// Statements of stages: signed as a change goes on, read by a reader that shares no code with us, and found out when they were changed.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
let file: string;
beforeEach(async () => {
  vendor = await createVendor();
  file = join(vendor.directory, 'workspace/statements/CHG-1.intoto.jsonl');
});
afterEach(() => vendor.close());

interface Statement {
  readonly _type: string;
  readonly predicateType: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicate: { readonly [key: string]: unknown };
}

/** The public key of `releases` as the signed repository lists it: 64 hexadecimal digits. */
async function publicKey(): Promise<string> {
  const targets = JSON.parse(await vendor.read('workspace/repository/metadata/1.targets.json'));
  const role = targets.signed.delegations.roles.find((one: { name: string }) => one.name === 'releases');
  return targets.signed.delegations.keys[role.keyids[0]].keyval.public;
}

/** DSSE 1.0 and in-toto's Statement 1, by their specifications alone. */
function readIndependently(line: string, hex: string): Statement {
  const { payload, payloadType, signatures } = JSON.parse(line);
  const body = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `),
    body,
  ]);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(hex, 'hex')]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  expect(payloadType).toBe('application/vnd.in-toto+json');
  expect(verify(null, signed, key, Buffer.from(signatures[0].sig, 'base64'))).toBe(true);
  return JSON.parse(body.toString());
}

const linesOf = async () => (await readFile(file, 'utf8')).trimEnd().split('\n');

it('is made for each stage up to the release, over the digests of its files and its manifest, for a reader that knows nothing of us', async () => {
  const id = await vendor.release('core/auth@1.0.0');
  const { stages, release, tree } = (await vendor.json('change', 'show', id)).change as {
    stages: { stage: string }[];
    release: string;
    tree: { digest: string };
  };

  const hex = await publicKey();
  const statements = (await linesOf()).map((line) => readIndependently(line, hex));

  expect(stages.map(({ stage }) => stage)).toEqual(['intake', 'build', 'verification', 'release']);
  expect(statements.map(({ predicateType }) => predicateType)).toEqual([
    'urn:fairlead:stage:intake:v1',
    'https://slsa.dev/provenance/v1',
    'https://in-toto.io/attestation/test-result/v0.1',
    'urn:fairlead:stage:release:v1',
  ]);
  for (const { _type, subject } of statements) {
    expect(_type).toBe('https://in-toto.io/Statement/v1');
    expect(subject.map(({ digest }) => `sha256:${digest.sha256}`)).toEqual([tree.digest, release]);
  }
  const manifest = await readFile(join(vendor.directory, 'workspace/builds/CHG-1.json'));
  expect(release).toBe(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
  expect(statements[1]?.predicate).toMatchObject({
    buildDefinition: { externalParameters: { revision: 'git:9f1c2ab' } },
  });
  expect(statements[2]?.predicate).toMatchObject({ result: 'PASSED', failedTests: [] });
});

it('goes on with the rollout, is exported whole, and verified by its file and a public key alone', async () => {
  await vendor.release('core/auth@1.0.0');
  await vendor.json('rollout', 'start', 'CHG-1');
  expect(await linesOf()).toHaveLength(5);
  vendor.server.counts.set('CHG-1', { committed: 3, rolledBack: 0, inProgress: 0, failed: 0 });
  await vendor.json('change', 'complete', 'CHG-1');

  const exported = await vendor.json('statements', 'export', 'CHG-1');

  expect((exported.statements as { stage: string }[]).map(({ stage }) => stage).slice(4)).toEqual([
    'deploy',
    'post-deploy',
    'completion',
  ]);
  const hex = await publicKey();
  expect(await vendor.json('statements', 'verify', file, '--public-key', hex)).toEqual({
    ...exported,
    schema: 'fairlead-vendor/statements-verify@1',
  });
  expect(await vendor.refusal('statements', 'verify', file, '--public-key', 'ab'.repeat(32))).toBe(
    'vendor/statements-wrong',
  );
  expect(await vendor.refusal('statements', 'verify', file, '--public-key', '00'.repeat(32))).toBe(
    'vendor/option-invalid',
  );
});

it('is made of a lost file anew, with the same statements', async () => {
  await vendor.release('core/auth@1.0.0');
  const before = await readFile(file, 'utf8');
  await rm(file);

  await vendor.json('statements', 'export', 'CHG-1');

  expect(await readFile(file, 'utf8')).toBe(before);
});

it('names the bill of materials that the build made', async () => {
  await vendor.write('core-auth-1.0.0/package-lock.json', { lockfileVersion: 3, packages: {} });
  await vendor.release('core/auth@1.0.0');

  const [, build = ''] = await linesOf();

  expect(readIndependently(build, await publicKey()).predicate).toMatchObject({
    runDetails: {
      byproducts: [
        { name: 'bill of materials', digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      ],
    },
  });
});

it('signs the one that was lost anew, and the audit names that one', async () => {
  await vendor.release('core/auth@1.0.0');
  const [first = '', lost = '', ...rest] = await linesOf();
  await writeFile(file, [first, ...rest].map((line) => `${line}\n`).join(''));

  await vendor.json('statements', 'export', 'CHG-1');

  expect(await linesOf()).toEqual([first, lost, ...rest]);
  const { acts } = await vendor.json('trace', 'CHG-1');
  expect((acts as { details: object }[]).at(-1)?.details).toMatchObject({ stages: 'build' });
});

it('is refused where a line is no JSON', async () => {
  await vendor.release('core/auth@1.0.0');
  await writeFile(file, `no JSON\n${await readFile(file, 'utf8')}`);
  expect(await vendor.refusal('statements', 'verify', file)).toBe('json/invalid');
});

it.each<[string, (lines: readonly string[]) => readonly string[]]>([
  ['without one', (lines) => lines.filter((_, at) => at !== 1)],
  ['without the first', (lines) => lines.slice(1)],
  ['in another order', ([a = '', b = '', ...rest]) => [b, a, ...rest]],
  ['with one twice', ([a = '', ...rest]) => [a, a, ...rest]],
  [
    'with a changed byte',
    ([a = '', ...rest]) => [withPayload(a, (text) => text.replace('1.0.0', '1.0.9')), ...rest],
  ],
  ['signed as another kind of document', ([a = '', ...rest]) => [a.replace('in-toto', 'in_toto'), ...rest]],
  ['of nothing', () => []],
])('is refused %s', async (_name, change) => {
  await vendor.release('core/auth@1.0.0');
  await writeFile(
    file,
    change(await linesOf())
      .map((line) => `${line}\n`)
      .join(''),
  );

  expect(await vendor.refusal('statements', 'verify', file)).toBe('vendor/statements-wrong');
});

function withPayload(line: string, change: (text: string) => string): string {
  const envelope = JSON.parse(line);
  const text = change(Buffer.from(envelope.payload, 'base64').toString());
  return JSON.stringify({ ...envelope, payload: Buffer.from(text).toString('base64') });
}

it('is nothing before there is anything built, and says so', async () => {
  const about = [
    '--component',
    'core/auth',
    '--version',
    '1.0.0',
    '--revision',
    'git:1',
    '--scope',
    'a test',
  ];
  await vendor.json('change', 'open', ...about);

  expect(await vendor.refusal('statements', 'export', 'CHG-1')).toBe('vendor/statements-wrong');
});
