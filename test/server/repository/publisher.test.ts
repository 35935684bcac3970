// Publishing: what is taken, what is refused, and that nothing in between is ever served.

import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadState } from '../../../server/repository/state.ts';
import type { ChangeRecord } from '../../../shared/change/change.ts';
import { digestOf, hexOf } from '../../../shared/encoding/digest.ts';
import type { PublicationRequest } from '../../../shared/protocol/publication.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  advisoryOf,
  capability,
  changeOf,
  digestOfText,
  documentOf,
  firstPublication,
  publicationOf,
  rolloutOf,
  signRole,
  signRoot,
  signTargets,
  testKey,
  VENDOR_KEYS,
  type VendorDocument,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

let server: TestServer;
let tree: TreeRef;

beforeEach(async () => {
  server = await startTestServer();
  tree = await addPack(server.store, 'console.log(1)');
});
afterEach(() => server.close());

describe('the first publication', () => {
  it('needs a root', async () => {
    const refusal = await rejectionOf(publish(publicationOf([])));

    expect(refusal.code).toBe('publication/no-root');
  });

  it('is served with a snapshot that lists every role', async () => {
    const reply = await publishFirst();

    const state = await loadState(server.store);
    expect(reply).toEqual({
      snapshot: state?.snapshot.content.version,
      timestamp: state?.timestamp.content.version,
    });
    expect([...(state?.snapshot.content.meta.keys() ?? [])].sort()).toEqual([
      'halts.json',
      'releases.json',
      'security.json',
      'targets.json',
    ]);
  });

  it.each([
    ['a root that names another timestamp key', { timestamp: testKey('thief').key.keyval.public }],
    ['a root that names another snapshot key', { snapshot: testKey('thief').key.keyval.public }],
  ])('refuses %s', async (_name, thief) => {
    const request = firstPublication({ ...server.context.publisher.onlineKeys, ...thief });

    expect((await rejectionOf(publish(request))).code).toBe('publication/unfit-root');
  });

  it('refuses a root without consistent snapshots', async () => {
    const root = signRoot(server.context.publisher.onlineKeys, { overrides: { consistent_snapshot: false } });

    expect((await rejectionOf(publish(replaceRole('root', root)))).code).toBe('publication/unfit-root');
  });

  it.each([
    ['root', 'trust/threshold', () => signRoot(online(), { signers: [testKey('thief')] })],
    ['targets', 'trust/threshold', () => signTargets(1, [testKey('thief')])],
    ['releases', 'trust/threshold', () => signRole('releases', 1, [], [VENDOR_KEYS.security])],
    ['root', 'trust/expired', () => signRoot(online(), { overrides: { expires: '2026-01-01T00:00:00Z' } })],
    [
      'halts',
      'trust/expired',
      () => signRole('halts', 1, [], [VENDOR_KEYS.halts], { expires: '2026-01-01T00:00:00Z' }),
    ],
  ])('refuses bad metadata of %s with %s', async (role, code, sign) => {
    expect((await rejectionOf(publish(replaceRole(role, sign())))).code).toBe(code);
    expect(server.context.publisher.state()).toBeNull();
  });

  it('refuses a delegation without metadata', async () => {
    const request = firstPublication(online());
    const metadata = request.metadata.filter(({ role }) => role !== 'halts');

    const refusal = await rejectionOf(publish({ ...request, metadata }));

    expect(refusal.code).toBe('publication/missing-metadata');
  });

  it.each(['snapshot', 'timestamp', 'unknown'])('refuses metadata of the role %s', async (role) => {
    const request = firstPublication(online());
    const extra = publicationOf([[role, signRole('releases', 1, [])]]).metadata;

    const refusal = await rejectionOf(publish({ ...request, metadata: [...request.metadata, ...extra] }));

    expect(refusal.code).toBe('publication/unknown-role');
  });
});

describe('a release', () => {
  beforeEach(publishFirst);

  it('is taken with its pack and its change, and its bytes are served under their digest', async () => {
    const document = capability('1.0.0', tree);

    await publish(releaseOf(document));

    const [name = ''] = await namesIn(server.store, 'repository/targets/capabilities/core/auth/');
    expect(name).toMatch(/auth\/[0-9a-f]{64}\.1\.0\.0\.json$/);
    expect((await server.store.read(name))?.bytes).toEqual(Buffer.from(document.bytes));
  });

  it('may be published twice: the second time changes nothing', async () => {
    const request = releaseOf(capability('1.0.0', tree));
    const first = await publish(request);
    server.now += 60_000;

    expect(await publish(request)).toEqual(first);
  });

  it('may be repeated after later publications: nothing goes back', async () => {
    const request = releaseOf(capability('1.0.0', tree));
    await publish(request);
    const document = capability('1.0.0', tree);
    const later = await publish(publicationOf([['releases', signRole('releases', 3, [document])]]));

    expect(await publish(request)).toEqual(later);
    expect(server.context.publisher.state()?.roles.get('releases')?.content.version).toBe(3);
  });

  it('refuses other content under a version that is taken', async () => {
    const document = capability('1.0.0', tree);
    await publish(releaseOf(document));
    const forged = signRole('releases', 2, []);

    const refusal = await rejectionOf(publish(publicationOf([['releases', forged]])));

    expect(refusal.code).toBe('publication/version-taken');
  });

  it('refuses a version that goes back', async () => {
    await publish(publicationOf([['releases', signRole('releases', 5, [])]]));

    const refusal = await rejectionOf(publish(publicationOf([['releases', signRole('releases', 4, [])]])));

    expect(refusal.code).toBe('publication/version-taken');
  });

  it('refuses a release that changed its content', async () => {
    await publish(releaseOf(capability('1.0.0', tree)));
    const changed = capability('1.0.0', tree, 'CHG-2');
    const change = changeOf(changed, '1.0.0', tree, 'release', 'CHG-2');

    const refusal = await rejectionOf(
      publish(publicationOf([['releases', signRole('releases', 3, [changed])]], [changed], [change])),
    );

    expect(refusal.code).toBe('publication/released-already');
  });

  it.each<[string, string, () => PublicationRequest]>([
    ['without its bytes', 'publication/missing-target', () => without('targets')],
    ['without its change', 'publication/change-missing', () => without('changes')],
    ['with other bytes than signed', 'publication/target-mismatch', otherBytes],
    ['without its pack', 'publication/missing-pack', withoutPack],
    ['without its bill of materials', 'publication/missing-sbom', withoutSbom],
    ['whose change is only verified', 'publication/change-unfit', () => atStage('verification')],
    ['whose change is only built', 'publication/change-unfit', () => atStage('build')],
    ['whose change released other bytes', 'publication/change-unfit', otherRelease],
    ['whose change record was edited', 'vendor/record-invalid', editedChange],
    ['with a key the schema does not know', 'document/invalid', () => releaseWith({ surprise: true })],
    [
      'whose path is another version’s',
      'publication/wrong-document',
      () => releaseWith({ version: '1.0.9' }),
    ],
    ['listed by the security role', 'publication/path-not-allowed', listedBySecurity],
    ['listed by the top-level role', 'publication/path-not-allowed', listedByTargets],
    ['with a document that nobody lists', 'publication/unlisted-target', unlisted],
  ])('is refused %s', async (_name, code, request) => {
    const before = server.context.publisher.state();

    const refusal = await rejectionOf(publish(request()));

    expect(refusal.code).toBe(code);
    expect(server.context.publisher.state()).toBe(before);
  });

  it.each([
    'capabilities/core/auth/../../../../../../tmp/x.json',
    'capabilities/core/auth/..',
    'capabilities/core/au\u0000th/1.0.0.json',
    'capabilities/core//1.0.0.json',
    '../keys/x/y',
  ])('is refused at the hostile path %j', async (path) => {
    const document = { ...capability('1.0.0', tree), path };
    const before = await listFiles();

    const refusal = await rejectionOf(publish(releaseOf(document)));

    expect(['publication/wrong-document', 'publication/path-not-allowed']).toContain(refusal.code);
    expect(await listFiles()).toEqual(before);
  });
});

describe('change records', () => {
  beforeEach(publishFirst);

  it('may move on by themselves, without new metadata', async () => {
    const document = capability('1.0.0', tree);
    await publish(publicationOf([], [], [changeOf(document, '1.0.0', tree, 'build')]));

    await publish(publicationOf([], [], [changeOf(document, '1.0.0', tree, 'verification')]));

    const response = await server.app.inject({
      url: '/api/v1/changes/CHG-1',
      headers: await server.bearer('viewer'),
    });
    expect(response.json().change.stages.map((event: { stage: string }) => event.stage)).toEqual([
      'intake',
      'build',
      'verification',
    ]);
  });

  it('stay as they are when an older copy comes late', async () => {
    const document = capability('1.0.0', tree);
    await publish(releaseOf(document));

    await publish(publicationOf([], [], [changeOf(document, '1.0.0', tree, 'build')]));

    const changes = await server.app.inject({
      url: '/api/v1/changes',
      headers: await server.bearer('viewer'),
    });
    expect(changes.json().changes[0].stages).toHaveLength(4);
  });

  it('are never rewritten', async () => {
    const other = changeOf(capability('1.0.0', tree, 'CHG-1', { reversible: 'no' }), '1.0.0', tree);
    await publish(publicationOf([], [], [changeOf(capability('1.0.0', tree), '1.0.0', tree)]));

    const refusal = await rejectionOf(publish(publicationOf([], [], [other])));

    expect(refusal.code).toBe('publication/change-rewritten');
  });
});

describe('rollouts, advisories and halts', () => {
  let document: VendorDocument;
  beforeEach(async () => {
    await publishFirst();
    document = capability('1.0.0', tree);
    await publish(releaseOf(document));
  });

  it('takes a rollout of what is released, and its replacement', async () => {
    for (const [version, paused] of [
      [3, false],
      [4, true],
    ] as const) {
      const rollout = rolloutOf(document, '1.0.0', { paused });
      await publish(
        publicationOf([['releases', signRole('releases', version, [document, rollout])]], [rollout]),
      );
    }

    expect(server.context.publisher.state()?.roles.get('releases')?.content.version).toBe(4);
  });

  it('refuses a rollout of bytes that nobody released', async () => {
    const rollout = rolloutOf(document, '1.0.0', { digest: digestOfText('other') });
    const request = publicationOf([['releases', signRole('releases', 3, [document, rollout])]], [rollout]);

    expect((await rejectionOf(publish(request))).code).toBe('publication/wrong-document');
  });

  it('takes an advisory from the security role and refuses it from releases', async () => {
    const advisory = advisoryOf('FL-2026-0001');
    const forged = publicationOf([['releases', signRole('releases', 3, [document, advisory])]], [advisory]);

    expect((await rejectionOf(publish(forged))).code).toBe('publication/path-not-allowed');
    await publish(publicationOf([['security', signRole('security', 2, [advisory])]], [advisory]));
    expect(server.context.publisher.state()?.roles.get('security')?.content.targets.size).toBe(1);
  });

  it.each(['2026-11-23T12:00:01Z', '2026-11-20T11:00:00Z'])(
    'refuses a halt until %s: the schema knows how long one may be',
    async (expires) => {
      const digest = digestOfText('release');
      const halt = documentOf(`halts/${digest.slice(7)}.json`, {
        schema: 'fairlead/halt@1',
        digest,
        reason: 'crashes',
        issued: '2026-11-20T12:00:00Z',
        expires,
      });

      const refusal = await rejectionOf(
        publish(publicationOf([['halts', signRole('halts', 2, [halt])]], [halt])),
      );

      expect(refusal.code).toBe('document/invalid');
    },
  );
});

describe('a new root', () => {
  beforeEach(publishFirst);

  it('is taken with the targets that its new key signed', async () => {
    const targetsKey = testKey('new targets');
    const root = signRoot(online(), { version: 2, targetsKey });

    await publish(
      publicationOf([
        ['root', root],
        ['targets', signTargets(2, [targetsKey])],
      ]),
    );

    expect(server.context.publisher.state()?.root.content.version).toBe(2);
  });

  it('is refused when the old targets no longer verify under it', async () => {
    const root = signRoot(online(), { version: 2, targetsKey: testKey('new targets') });

    expect((await rejectionOf(publish(publicationOf([['root', root]])))).code).toBe('trust/threshold');
  });

  it.each([
    ['skips a version', 3, VENDOR_KEYS.root, 'trust/version-mismatch'],
    ['is signed by another key', 2, testKey('thief'), 'trust/threshold'],
    ['repeats a version with other content', 1, VENDOR_KEYS.root, 'publication/version-taken'],
  ])('is refused when it %s', async (_name, version, signer, code) => {
    const root = signRoot(online(), { version, signers: [signer], overrides: { note: 'other' } });

    expect((await rejectionOf(publish(publicationOf([['root', root]])))).code).toBe(code);
  });
});

describe('a failure in the middle', () => {
  it('leaves the old publication served, wherever it strikes, and the retry succeeds', async () => {
    await publishFirst();
    const targetsKey = testKey('new targets');
    const document = capability('1.0.0', tree);
    const request = publicationOf(
      [
        ['root', signRoot(online(), { version: 2, targetsKey })],
        ['targets', signTargets(2, [targetsKey])],
        ['releases', signRole('releases', 2, [document])],
      ],
      [document],
      [changeOf(document, '1.0.0', tree)],
    );
    let failures = 0;

    for (let writes = 0; ; writes++) {
      const before = await served();
      server.failWriteAfter = writes;
      const outcome = await publish(request).catch(() => 'failed');
      if (outcome !== 'failed') break;
      failures++;
      // As after a kill: nobody finishes anything before the next start.
      const left = await served();
      server = await server.restart();
      const after = await served();
      expect([before, after]).toContain(left);
      if (after !== before) break;
    }

    expect(failures).toBeGreaterThan(4);
    await publish(request);
    expect(server.context.publisher.state()?.root.content.version).toBe(2);
    expect(server.context.publisher.state()?.roles.get('releases')?.content.targets.size).toBe(1);
    const audit = await server.app.inject({ url: '/api/v1/audit', headers: await server.bearer('viewer') });
    const accepted = audit
      .json()
      .entries.filter((e: { action: string }) => e.action === 'publication.accepted');
    expect(accepted).toHaveLength(2);
  });

  it('is finished by the next start once it was committed, the root and the roles together', async () => {
    await publishFirst();
    const targetsKey = testKey('new targets');
    const metadata = [
      ['root', signRoot(online(), { version: 2, targetsKey })],
      ['targets', signTargets(2, [targetsKey])],
    ] as const;
    // Targets metadata, snapshot and commit pass; the root's own file does not.
    server.failWriteAfter = 3;
    await publish(publicationOf(metadata)).catch(() => undefined);

    server = await server.restart();

    const state = server.context.publisher.state();
    expect(state?.root.content.version).toBe(2);
    expect(state?.roles.get('targets')?.content.version).toBe(2);
  });
});

function publish(request: PublicationRequest) {
  return server.context.publisher.publish(request, 'test');
}

function publishFirst() {
  return publish(firstPublication(online()));
}

function online() {
  return server.context.publisher.onlineKeys;
}

/** The first publication with one role's metadata exchanged. */
function replaceRole(role: string, bytes: Uint8Array): PublicationRequest {
  const request = firstPublication(online());
  const [replacement] = publicationOf([[role, bytes]]).metadata;
  return {
    ...request,
    metadata: request.metadata.map((one) => (one.role === role && replacement ? replacement : one)),
  };
}

function releaseOf(
  document: VendorDocument,
  change: ChangeRecord = changeOf(document, '1.0.0', tree),
): PublicationRequest {
  return publicationOf([['releases', signRole('releases', 2, [document])]], [document], [change]);
}

function without(part: 'targets' | 'changes'): PublicationRequest {
  return { ...releaseOf(capability('1.0.0', tree)), [part]: [] };
}

function otherBytes(): PublicationRequest {
  const document = capability('1.0.0', tree);
  const other = publicationOf([], [{ ...document, bytes: Buffer.from('{}') }]).targets;
  return { ...releaseOf(document), targets: other };
}

function withoutPack(): PublicationRequest {
  const elsewhere = { ...tree, digest: digestOfText('no such tree') };
  const document = capability('1.0.0', elsewhere);
  return releaseOf(document, changeOf(document, '1.0.0', elsewhere));
}

function withoutSbom(): PublicationRequest {
  const document = capability('1.0.0', tree);
  const custom = { sbom: { digest: digestOfText('no such bill'), bytes: 12 } };
  const { length } = document.bytes;
  const hashes = { sha256: hexOf(digestOf(document.bytes)) };
  const signed = signRole('releases', 2, [], undefined, {
    targets: { [document.path]: { length, hashes, custom } },
  });
  return publicationOf([['releases', signed]], [document], [changeOf(document, '1.0.0', tree)]);
}

function atStage(stage: 'build' | 'verification'): PublicationRequest {
  const document = capability('1.0.0', tree);
  return releaseOf(document, changeOf(document, '1.0.0', tree, stage));
}

function otherRelease(): PublicationRequest {
  const other = capability('1.0.0', tree, 'CHG-1', { reversible: 'no' });
  return releaseOf(capability('1.0.0', tree), changeOf(other, '1.0.0', tree));
}

function editedChange(): PublicationRequest {
  const document = capability('1.0.0', tree);
  return releaseOf(document, { ...changeOf(document, '1.0.0', tree), scope: 'something else' });
}

function releaseWith(overrides: object): PublicationRequest {
  const document = capability('1.0.0', tree, 'CHG-1', overrides);
  const request = releaseOf(document);
  return request;
}

function listedBySecurity(): PublicationRequest {
  const document = capability('1.0.0', tree);
  const change = changeOf(document, '1.0.0', tree);
  return publicationOf([['security', signRole('security', 2, [document])]], [document], [change]);
}

function listedByTargets(): PublicationRequest {
  const document = capability('1.0.0', tree);
  const entry = { length: document.bytes.length, hashes: { sha256: digestOfText('x').slice(7) } };
  const targets = signTargets(2, [VENDOR_KEYS.targets], { targets: { [document.path]: entry } });
  return publicationOf([['targets', targets]], [document]);
}

function unlisted(): PublicationRequest {
  const request = releaseOf(capability('1.0.0', tree));
  const extra = publicationOf([], [capability('9.9.9', tree)]).targets;
  return { ...request, targets: [...request.targets, ...extra] };
}

/** What a client would be given right now, by the files themselves. */
async function served(): Promise<string> {
  const state = await loadState(server.store);
  const roles = [...(state?.roles ?? [])].map(([role, { content }]) => `${role} ${content.version}`);
  return [`root ${state?.root.content.version}`, ...roles].sort().join(', ');
}

async function listFiles(): Promise<readonly string[]> {
  const around = (await readdir(server.layout.dir, { recursive: true })).filter(
    (path) => !path.includes('.db'),
  );
  return [...around, ...(await namesIn(server.store))].sort();
}
