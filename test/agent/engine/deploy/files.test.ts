// The files of a deployment, call by call: what is mended how, from where, and what is said of what could not be.
import { describe, expect, it } from 'vitest';
import { secureFiles, verifyUndamaged } from '../../../../agent/engine/deploy/files.ts';
import type { TreeDeviation } from '../../../../agent/ports/state.ts';
import { AUTH, deployableOf, WEB } from '../../../support/deploy-releases.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

const CHANGED: TreeDeviation = { path: 'server.js', problem: 'changed' };
const ADDED: TreeDeviation = { path: 'cache', problem: 'unexpected' };
const GONE = new Error('no route');
const OLD = deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });
const NEW = deployableOf({ [AUTH]: '1.1.0', [WEB]: '1.0.0' });

function trees(kind = 'channel') {
  const clock = createFakeClock();
  const names = new Map(
    [OLD, NEW].flatMap(({ releases }) =>
      [...releases].map(
        ([key, { document }]) => [document.tree.digest, `${key}@${document.version}`] as const,
      ),
    ),
  );
  const found = new Map<string, readonly TreeDeviation[]>();
  const repairs: unknown[] = [];
  const looks: unknown[] = [];
  const warnings: unknown[] = [];
  const world = { lost: false, stubborn: false, hangs: false, signals: [] as (AbortSignal | undefined)[] };
  const nameOf = ({ tree }: { readonly tree: { readonly digest: string } }) =>
    names.get(tree.digest as never) ?? '';
  const yielded = new AbortController();
  const options = {
    clock,
    onWarning: (error: unknown) => void warnings.push(error),
    trees: {
      async verify(files: never, which?: string) {
        looks.push([nameOf(files), which]);
        return found.get(nameOf(files)) ?? [];
      },
      async repair(files: never, how: object, signal?: AbortSignal) {
        repairs.push([nameOf(files), how]);
        world.signals.push(signal);
        if (world.hangs)
          await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
        await settle();
        if (world.lost || world.hangs) throw GONE;
        if (!world.stubborn) found.delete(nameOf(files));
      },
    },
  };
  const run = {
    options,
    ...{
      target: { ...NEW, number: 2 },
      previous: { ...OLD, number: 1 } as object | null,
      acceptDrift: false,
    },
    plan: { start: [AUTH], stop: [AUTH], reason: { kind } },
    yielded: yielded.signal,
  };
  return {
    clock,
    run,
    found,
    looks,
    repairs,
    warnings,
    world,
    yielded,
    options,
    secure: () => secureFiles(run as never),
  };
}
type Made = ReturnType<typeof trees>;
const causeOf = (work: Promise<unknown>) =>
  rejectionOf(work.catch((error: Error) => Promise.reject(error.cause)));
const WHOLE = { added: 'remove', from: 'anywhere' };
const AROUND = { added: 'keep', from: 'anywhere' };

describe('the files of what is to start', () => {
  it('that are whole are left alone', async () => {
    const { repairs, looks, secure } = trees();

    expect(await secure()).toStrictEqual({ event: 'verified' });
    expect(repairs).toEqual([]);
    // What was hashed as it came is not read again.
    expect(looks).toEqual([
      ['core/auth@1.1.0', 'unknown'],
      ['core/auth@1.0.0', 'unknown'],
    ]);
  });

  it.each([CHANGED, ADDED])('become what was signed, whatever lies there: $problem', async (deviation) => {
    const { found, repairs, secure, world, yielded } = trees();
    found.set('core/auth@1.1.0', [deviation]);

    expect(await secure()).toStrictEqual({ event: 'verified' });
    expect(repairs).toEqual([['core/auth@1.1.0', WHOLE]]);
    expect(world.signals).toEqual([yielded.signal]);
  });

  it('that do not become it are refused by name, on behalf of their component', async () => {
    const { found, secure, world } = trees();
    found.set('core/auth@1.1.0', [CHANGED, ADDED]);
    world.stubborn = true;

    expect(dataOf(await causeOf(secure()), 'deploy/tree-damaged')).toEqual({ component: AUTH, ...CHANGED });
    await expect(secure()).rejects.toMatchObject({ component: AUTH });
  });

  it('are left alone where something runs from them', async () => {
    const { run, found, repairs, secure } = trees();
    run.plan.start = [WEB];
    run.plan.stop = [];
    found.set('core/web@1.0.0', [ADDED]);

    expect(await secure()).toMatchObject({ drift: [{ component: WEB, added: 1, mended: true }] });
    expect(repairs).toEqual([]);
  });
});

describe('the files of what is left', () => {
  const drift = (more: object) => ({ component: AUTH, added: 0, damaged: 1, example: 'server.js', ...more });

  it('are mended around what runs from them, and told', async () => {
    const { found, repairs, secure } = trees();
    found.set('core/auth@1.0.0', [CHANGED, ADDED]);

    expect(await secure()).toEqual({ event: 'verified', drift: [drift({ added: 1, mended: true })] });
    expect(repairs).toEqual([['core/auth@1.0.0', AROUND]]);
  });

  it('that have company alone are told, and touched by nobody', async () => {
    const { found, repairs, secure } = trees();
    found.set('core/auth@1.0.0', [ADDED]);

    expect(await secure()).toMatchObject({
      drift: [drift({ added: 1, damaged: 0, example: 'cache', mended: true })],
    });
    expect(repairs).toEqual([]);
  });

  it('that cannot be mended bar the way, and the refusal says of which file, and why', async () => {
    const { found, secure, world } = trees();
    found.set('core/auth@1.0.0', [ADDED, CHANGED]);
    world.lost = true;

    expect(dataOf(await rejectionOf(secure()), 'deploy/way-back-damaged')).toEqual({
      ...{ component: AUTH, path: 'server.js', problem: 'changed', because: 'no route' },
    });
  });

  it.each<[string, string, boolean]>([
    ['a person accepted it', 'channel', true],
    ['it is forced', 'forced', false],
    ['a person turns away from it', 'rollback', false],
  ])('that cannot be mended are told where %s', async (_what, kind, acceptDrift) => {
    const { run, found, secure, world } = trees(kind);
    run.acceptDrift = acceptDrift;
    found.set('core/auth@1.0.0', [CHANGED]);
    world.lost = true;

    expect(await secure()).toMatchObject({ drift: [drift({ mended: false })] });
  });

  it('are looked at once each, of what stops and what starts, and not where nothing was', async () => {
    const { run, found, secure } = trees();
    Object.assign(run.plan, { start: [WEB, AUTH], stop: [AUTH] });
    found.set('core/auth@1.0.0', [ADDED]);
    found.set('core/web@1.0.0', [ADDED]);
    expect((await secure()).drift?.map(({ component }) => component)).toEqual([AUTH, WEB]);

    run.previous = null;
    expect(await secure()).toStrictEqual({ event: 'verified' });
  });
});

describe('a mending that waits for a server', () => {
  const hanging = (kind: string): Made & { readonly secured: Promise<unknown> } => {
    const made = trees(kind);
    made.found.set('core/auth@1.0.0', [CHANGED]);
    made.world.hangs = true;
    return { ...made, secured: made.secure() };
  };

  it('keeps a forced patch for a minute, and no timer stays behind', async () => {
    const { clock, secured, world } = hanging('forced');
    await clock.advance(59_999);
    expect(world.signals[0]?.aborted).toBe(false);

    await clock.advance(1);
    expect(await secured).toMatchObject({ drift: [{ mended: false }] });
    expect(clock.nextWakeIn()).toBeNull();

    const quick = trees('forced');
    quick.found.set('core/auth@1.0.0', [CHANGED]);
    await quick.secure();
    await settle();
    expect(quick.clock.nextWakeIn()).toBeNull();
  });

  it.each(['forced', 'channel'])('ends where it is asked to give way: %s', async (kind) => {
    const { secured, yielded, world } = hanging(kind);
    await settle();
    yielded.abort();

    if (kind === 'forced') expect(await secured).toMatchObject({ drift: [{ mended: false }] });
    else expect((await rejectionOf(secured as Promise<never>)).code).toBe('deploy/way-back-damaged');
    expect(world.signals[0]?.aborted).toBe(true);
  });

  it('waits for as long as it takes where nothing forces it', async () => {
    const { clock, world } = hanging('channel');
    await clock.advance(3_600_000);

    expect(world.signals[0]?.aborted).toBe(false);
  });
});

describe('a tree that is to be whole', () => {
  it('is refused for the first file that is damaged, whatever was added, and not where there is none', async () => {
    const { options, found } = trees();
    const generation = { ...OLD, number: 1, healthy: true };
    found.set('core/auth@1.0.0', [ADDED]);
    await verifyUndamaged(options as never, generation, AUTH);
    found.set('core/auth@1.0.0', [ADDED, CHANGED]);

    const error = await rejectionOf(verifyUndamaged(options as never, generation, AUTH));

    expect(dataOf(error, 'deploy/tree-damaged')).toEqual({ component: AUTH, ...CHANGED });
    await verifyUndamaged(options as never, null, AUTH);
    await verifyUndamaged(options as never, generation, 'core/mail' as never);
  });
});
