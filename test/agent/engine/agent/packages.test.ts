// Of which packages two versions differ: by the bills that were signed with them, and by nothing else that a server says.

import { describe, expect, it } from 'vitest';
import {
  createHttpSource,
  fetchSbom,
  repositoryUrls,
} from '../../../../agent/adapters/repository/http-source.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { plan } from '../../../../agent/cli/commands/plan.ts';
import type { CliContext } from '../../../../agent/cli/context.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { MAX_ADMIN_REQUEST_BYTES } from '../../../../shared/protocol/admin.ts';
import {
  MAX_COMPARED_BYTES,
  MOST_COMPARED,
  type PackagesReply,
} from '../../../../shared/protocol/packages.ts';
import { sentKindOf } from '../../../../shared/protocol/sent.ts';
import { refOf, releasePath } from '../../../../shared/schema/release-ref.ts';
import { formatSbom, type SbomRef } from '../../../../shared/schema/sbom.ts';
import type { TargetNotes } from '../../../../shared/trust/target-notes.ts';
import { releaseOf, runningAlone } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';
import { digestOfText } from '../../../support/publications.ts';

const billOf = (packages: Readonly<Record<string, string>>) =>
  formatSbom({
    ...{ metadata: {}, dependencies: [], compositions: [] },
    components: Object.entries(packages).map(([name, version]) => ({ type: 'library', name, version })),
  });

const OLD = billOf({ left: '1.0.0', gone: '3.0.0', same: '1.0.0' });
const NEW = billOf({ left: '1.1.0', come: '2.0.0', same: '1.0.0' });
const STEP = { component: 'core/auth', from: '1.0.0', to: '1.1.0' };

/** 1.0.0 runs, 1.1.0 is on offer, each with what is signed beside it. */
async function offering(before: SbomRef | null, after: SbomRef | null) {
  const network = await runningAlone();
  const { world, publish, ask } = network;
  const next = releaseOf('1.1.0');
  publish(next);
  const notesOf = (document: (typeof next)['document'], sbom: SbomRef | null): [string, TargetNotes][] =>
    sbom === null ? [] : [[releasePath(refOf(document)), { sbom }]];
  const notes = new Map([...notesOf(releaseOf('1.0.0').document, before), ...notesOf(next.document, after)]);
  world.catalog = { ...world.catalog, notes };
  const asked: string[] = [];
  world.bill = async (digest) => {
    asked.push(digest);
    return digest === OLD.ref.digest ? OLD.bytes : NEW.bytes;
  };
  await ask('POST', '/v1/check');
  const compare = async (steps: readonly object[] = [STEP]) =>
    (await ask('POST', '/v1/packages', { steps })) as PackagesReply;
  return { ...network, asked, compare };
}

describe('what a plan would fetch', () => {
  it('is said by step, as the server says it', async () => {
    const { compare, world } = await offering(null, null);
    world.weighs = { way: 'patch', bytes: 9_604 };

    expect((await compare()).steps).toMatchObject([{ ...STEP, fetch: { way: 'patch', bytes: 9_604 } }]);
  });

  it.each<[string, (world: Awaited<ReturnType<typeof offering>>['world']) => void]>([
    ['nobody says', () => undefined],
    [
      'it is on the disk',
      (world) => {
        world.weighs = { way: 'patch', bytes: 9_604 };
        world.fetched.push(releaseOf('1.1.0').document.tree.digest);
      },
    ],
  ])('is left out where %s', async (_what, given) => {
    const { compare, world } = await offering(null, null);
    given(world);

    expect((await compare()).steps[0]).not.toHaveProperty('fetch');
  });
});

describe('the packages of a plan', () => {
  it('are those that came, went, or have another version', async () => {
    const { compare } = await offering(OLD.ref, NEW.ref);

    expect((await compare()).steps).toEqual([
      {
        ...STEP,
        problem: null,
        difference: {
          added: [{ name: 'come', from: [], to: ['2.0.0'] }],
          removed: [{ name: 'gone', from: ['3.0.0'], to: [] }],
          changed: [{ name: 'left', from: ['1.0.0'], to: ['1.1.0'] }],
        },
      },
    ]);
  });

  it.each<[string, SbomRef | null, SbomRef | null, string]>([
    [
      'nothing was signed with the old version',
      null,
      NEW.ref,
      'no bill of materials was signed with core/auth@1.0.0',
    ],
    [
      'nothing was signed with the new one',
      OLD.ref,
      null,
      'no bill of materials was signed with core/auth@1.1.0',
    ],
    ['one is too large', OLD.ref, { ...NEW.ref, bytes: MAX_COMPARED_BYTES + 1 }, 'larger than 1 MiB'],
  ])('are unknown, and it is said, where %s', async (_name, before, after, problem) => {
    const { compare } = await offering(before, after);

    expect((await compare()).steps).toMatchObject([
      { difference: null, problem: expect.stringContaining(problem) },
    ]);
  });

  it('are unknown where the server gives something that is no bill', async () => {
    const { compare, world } = await offering(OLD.ref, NEW.ref);
    world.bill = async () => new TextEncoder().encode('[[[[');

    expect((await compare()).steps).toMatchObject([
      { difference: null, problem: expect.stringContaining('bill of materials') },
    ]);
  });

  it('are asked for once where nobody answers, however many steps there are', async () => {
    const { compare, world, asked } = await offering(OLD.ref, NEW.ref);
    world.bill = async (digest) => {
      asked.push(digest);
      throw new FairleadError('transport/unreachable', {
        url: 'https://vendor.test',
        problem: 'ECONNREFUSED',
      });
    };

    const { steps } = await compare([STEP, STEP, STEP]);

    expect(steps.map(({ problem }) => problem)).toEqual(
      Array(3).fill(expect.stringContaining('ECONNREFUSED')),
    );
    expect(asked).toHaveLength(1);
  });

  it('are not asked for at all where the last poll failed', async () => {
    const { compare, world, asked, ask } = await offering(OLD.ref, NEW.ref);
    world.serverError = new FairleadError('transport/unreachable', {
      url: 'https://vendor.test',
      problem: 'ECONNREFUSED',
    });
    await ask('POST', '/v1/check');

    expect((await compare()).steps[0]?.problem).toContain('not reached');
    expect(asked).toEqual([]);
  });

  it('are those of a bounded number of steps, and the others are named', async () => {
    const { compare, ask } = await offering(OLD.ref, NEW.ref);
    await expect(compare(Array(MOST_COMPARED + 1).fill(STEP))).rejects.toMatchObject({
      code: 'document/invalid',
    });

    const reply = (await ask('GET', '/v1/explanation')) as {
      readonly plan: { readonly steps: readonly object[] };
    };
    const steps = Array.from({ length: 500 }, () => reply.plan.steps[0]);
    const asked: number[] = [];
    const said: string[] = [];
    const client = {
      call: async (
        _method: string,
        path: string,
        _schema: unknown,
        body: { readonly steps: readonly object[] },
      ) => {
        if (path !== '/v1/packages') return { ...reply, plan: { ...reply.plan, steps } };
        asked.push(Buffer.byteLength(JSON.stringify(body)));
        return compare(body.steps);
      },
    };
    const print = (text: string) => void said.push(text);
    await plan({ client, json: true, print } as unknown as CliContext);

    expect(Math.max(...asked)).toBeLessThan(MAX_ADMIN_REQUEST_BYTES);
    const { packages } = JSON.parse(said.join(''));
    expect(packages).toHaveLength(500);
    expect(packages.at(-1).problem).toContain('not compared');
  });
});

describe('a bill of materials', () => {
  const tree = hexOf(digestOfText('tree'));
  const place = (bytes: Uint8Array | null) => ({ sbom: async () => bytes });

  it('is asked for by its digest beside its tree', async () => {
    const paths: string[] = [];
    const url = await serveHttp(async (request, response) => {
      paths.push(request.url ?? '');
      response.end(OLD.bytes);
    });
    const http = createHttpClient();
    const source = createHttpSource(repositoryUrls(url), http);

    expect(Buffer.from(await fetchSbom([source], tree, OLD.ref))).toEqual(Buffer.from(OLD.bytes));
    await http.close();
    expect(paths).toEqual([`/repository/packs/${tree}/${hexOf(OLD.ref.digest)}.cdx.json`]);
    expect(paths.map((path) => sentKindOf('GET', path))).toEqual(['pack']);
  });

  it('is that of the next place where a copy has none, or another', async () => {
    const places = [place(null), place(NEW.bytes), place(OLD.bytes)];

    expect(await fetchSbom(places, tree, OLD.ref)).toBe(OLD.bytes);
  });

  it.each<[string, Uint8Array | null, string]>([
    ['nobody has', null, 'transport/refused'],
    ['is not what was signed', NEW.bytes, 'trust/length-mismatch'],
    [
      'has one byte changed',
      Uint8Array.from(OLD.bytes, (byte, at) => (at === 9 ? byte ^ 1 : byte)),
      'trust/hash-mismatch',
    ],
  ])('that %s is refused', async (_name, bytes, code) => {
    const refusal = await rejectionOf(fetchSbom([place(bytes)], tree, OLD.ref));
    expect([code, 'trust/hash-mismatch']).toContain(refusal.code);
  });
});
