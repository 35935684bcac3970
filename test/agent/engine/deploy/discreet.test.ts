// The door between services and what is told of them: through each port, in either direction, no secret passes, and all else does.
import { describe, expect, it } from 'vitest';
import { withDiscretion } from '../../../../agent/engine/deploy/discreet.ts';
import type { DeployerOptions } from '../../../../agent/engine/deploy/options.ts';
import type { Quarantined } from '../../../../agent/ports/deploy.ts';
import { createSecrets } from '../../../../shared/encoding/redact.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const SECRET = 'hunter2';
const TOLD = `it said ${SECRET}`;
const HIDDEN = 'it said •••';
const AT = '2026-03-01T10:00:00.000Z';
const UNIT = { component: AUTH } as never;
/** As thrown by a driver whose component has a name that a secret happens to be. */
const fault = (component: string = AUTH) =>
  new FairleadError('service/start-failed', { component, problem: TOLD }, { cause: new Error(SECRET) });

function behind(fails: unknown = null) {
  const kept: unknown[] = [];
  const keep = (name: string) => (value: unknown) => void kept.push([name, value]);
  const known: readonly Quarantined[] = [];
  const answer =
    <Value>(value: Value) =>
    async (): Promise<Value> => {
      if (fails !== null) throw fails;
      return value;
    };
  const secrets = createSecrets();
  secrets.learn(SECRET);
  const options = {
    secrets,
    readReference: async () => 'sesame-of-the-file',
    prober: { probe: async (probe: unknown) => ({ healthy: probe === 'well', detail: TOLD, starved: true }) },
    driver: {
      ...{ prepare: answer(undefined), keepOnly: answer(undefined), start: answer(undefined) },
      ...{
        stop: answer('killed'),
        runs: answer(true),
        exited: answer(undefined),
        maintain: answer(undefined),
      },
      status: answer({ kind: 'exited', detail: TOLD }),
      logs: answer(TOLD),
      ranOnce: answer([{ service: 'migrate', exitStatus: 0, ms: 1, limitMs: 2, log: TOLD }]),
    },
    volumes: {
      ...{ verifyCopyable: answer(1), verifyRoom: answer(1), save: answer(2), verifyRestorable: answer(3) },
      ...{ verifyWhole: answer(4), restore: answer(4), keepOnly: answer(5) },
    },
    journal: { append: async (entry: unknown) => keep('journal')(entry), read: async () => 'the journal' },
    store: {
      currentNumber: async () => 7,
      writeRecord: async (record: unknown) => keep('record')(record),
      writeEvidence: async (evidence: unknown) => keep('evidence')(evidence),
      changeQuarantine: async (change: (of: readonly Quarantined[]) => readonly Quarantined[]) =>
        keep('quarantine')(change(known)),
    },
    onRecord: keep('told'),
    onWarning: keep('warning'),
  } as unknown as DeployerOptions;
  return { discreet: withDiscretion(options), kept, known, secrets };
}

describe('volumes', () => {
  it.each([
    'verifyCopyable',
    'verifyRoom',
    'save',
    'verifyRestorable',
    'verifyWhole',
    'restore',
    'keepOnly',
  ] as const)('are handed on, and fail to %s without a secret', async (what) => {
    const well = await behind().discreet.volumes[what](UNIT as never, 1 as never);
    const error = await rejectionOf(behind(fault()).discreet.volumes[what](UNIT as never, 1 as never));

    expect(well).toEqual(expect.any(Number));
    expect(error.message).not.toContain(SECRET);
  });
});

describe('a driver', () => {
  it('tells the state and the log of a service without its secrets, and the rest as it is', async () => {
    const { driver } = behind().discreet;

    expect(await driver.status(AUTH)).toEqual({ kind: 'exited', detail: HIDDEN });
    expect(await driver.logs(AUTH, 1)).toBe(HIDDEN);
    expect(await driver.ranOnce(UNIT)).toMatchObject([{ service: 'migrate', log: HIDDEN }]);
    expect([await driver.stop(AUTH, 1), await driver.runs(UNIT)]).toEqual(['killed', true]);
    await Promise.all([driver.prepare(UNIT), driver.start(UNIT), driver.keepOnly(AUTH, null)]);
  });

  it('keeps the copies that it was told to', async () => {
    const told: unknown[] = [];
    const keepOnly = async (...words: readonly unknown[]) => void told.push(words);
    const { volumes } = withDiscretion({ ...behind().discreet, volumes: { keepOnly } as never });

    const needed = new Map([[AUTH, [2]]]);
    await volumes.keepOnly(needed, 5);

    expect(told).toEqual([[needed, 5]]);
  });

  it('hands each question on as it was put', async () => {
    const asked: unknown[] = [];
    const note =
      (name: string) =>
      async (...words: readonly unknown[]) => {
        asked.push([name, ...words]);
        return name === 'status' ? { kind: 'running', pid: 7 } : name;
      };
    const names = ['prepare', 'keepOnly', 'start', 'stop', 'status', 'runs', 'exited', 'logs', 'maintain'];
    const driver = Object.fromEntries(names.map((name) => [name, note(name)]));
    const { driver: discreet } = withDiscretion({ ...behind().discreet, driver: driver as never });
    const signal = new AbortController().signal;

    await discreet.prepare(UNIT, true, signal);
    await discreet.keepOnly(AUTH, UNIT);
    await discreet.start(UNIT);
    await discreet.stop(AUTH, 5);
    expect(await discreet.status(AUTH)).toEqual({ kind: 'running', pid: 7 });
    await discreet.runs(UNIT);
    await discreet.exited(AUTH, signal);
    await discreet.logs(AUTH, 6, 'start');
    await discreet.maintain(AUTH);

    expect(asked).toEqual([
      ...[
        ['prepare', UNIT, true, signal],
        ['keepOnly', AUTH, UNIT],
        ['start', UNIT],
        ['stop', AUTH, 5],
        ['status', AUTH],
      ],
      ...[
        ['runs', UNIT],
        ['exited', AUTH, signal],
        ['logs', AUTH, 6, 'start'],
        ['maintain', AUTH],
      ],
    ]);
  });

  it.each([
    ...(['prepare', 'keepOnly', 'start', 'stop', 'status', 'runs', 'exited', 'logs'] as const),
    ...(['ranOnce', 'maintain'] as const),
  ])('that fails to %s tells no secret, not even as a cause', async (what) => {
    const { driver } = behind(fault()).discreet;

    const error = await rejectionOf(driver[what](UNIT as never, 1 as never));

    expect([error.code, error.data]).toEqual(['service/start-failed', { component: AUTH, problem: HIDDEN }]);
    expect(error.cause).toBeUndefined();
    expect(error.message).not.toContain(SECRET);
  });

  it('keeps the name of its component, though it be the word that is secret, and what is no error of ours', async () => {
    const { component } = (await rejectionOf(behind(fault(SECRET)).discreet.driver.start(UNIT))).data as {
      component: string;
    };
    expect(component).toBe(SECRET);

    const bug = new TypeError('a bug');
    await expect(behind(bug).discreet.driver.start(UNIT)).rejects.toBe(bug);
    const full = new FairleadError('disk/full', { path: SECRET, needed: 1, free: 0 });
    expect((await rejectionOf(behind(full).discreet.driver.start(UNIT))).data).toStrictEqual({
      ...{ path: '•••', needed: 1, free: 0 },
    });
  });
});

describe('a probe', () => {
  it('is answered without a secret', async () => {
    const { prober } = behind().discreet;
    const { signal } = new AbortController();

    expect(await prober.probe('well' as never, signal)).toEqual({
      ...{ healthy: true, detail: HIDDEN, starved: true },
    });
    expect((await prober.probe('badly' as never, signal)).healthy).toBe(false);
  });
});

describe('a reference', () => {
  it('is a secret from the moment it is read', async () => {
    const { discreet, secrets } = behind();
    expect(secrets.redact('sesame-of-the-file')).toBe('sesame-of-the-file');

    expect(await discreet.readReference({ kind: 'file', name: '/a' } as never)).toBe('sesame-of-the-file');

    expect(secrets.redact('sesame-of-the-file')).toBe('•••');
  });
});

describe('what is written down', () => {
  const failure = { code: 'deploy/unhealthy', message: TOLD, component: AUTH, fault: 'release' as const };
  const hidden = { ...failure, message: HIDDEN };
  const position = { sequence: 1, at: AT };

  it('in the journal names no secret, whatever it enters, and steps as they are', async () => {
    const { discreet, kept } = behind();
    const entered = { kind: 'entered', state: 'rolling-back', ...position } as const;
    const intent = { kind: 'intent', step: { action: 'start', component: AUTH }, ...position } as const;

    await discreet.journal.append({ ...entered, failure });
    await discreet.journal.append(entered);
    await discreet.journal.append(intent);

    expect(kept).toEqual([
      ['journal', { ...entered, failure: hidden }],
      ['journal', entered],
      ['journal', intent],
    ]);
    expect(await discreet.journal.read()).toBe('the journal');
  });

  it('in a record, and told of it, names no secret, and nothing else is changed', async () => {
    const { discreet, kept } = behind();
    const whole = recordOf(1, ['rolled-back'], { note: SECRET });
    const failed = { ...whole, failure: { code: 'deploy/unhealthy', message: TOLD } };

    await discreet.store.writeRecord(failed);
    await discreet.store.writeRecord(whole);
    discreet.onRecord(failed);

    const clean = { ...failed, failure: { code: 'deploy/unhealthy', message: HIDDEN } };
    expect(kept).toEqual([
      ['record', clean],
      ['record', whole],
      ['told', clean],
    ]);
    expect(await discreet.store.currentNumber()).toBe(7);
  });

  it('as evidence names no secret, in the answer of a probe or in a log', async () => {
    const { discreet, kept } = behind();
    const one = { component: AUTH, status: 'running', health: TOLD, log: TOLD };

    await discreet.store.writeEvidence({ deployment: 2, at: AT, components: [one] });

    const clean = { ...one, health: HIDDEN, log: HIDDEN };
    expect(kept).toEqual([['evidence', { deployment: 2, at: AT, components: [clean] }]]);
  });

  it('in the quarantine names no secret, and is the very list where nothing was changed', async () => {
    const { discreet, kept, known } = behind();
    const entry = { component: AUTH, release: 'r', version: '1.0.0', since: AT, reason: TOLD, record: 1 };

    await discreet.store.changeQuarantine(() => [entry]);
    await discreet.store.changeQuarantine((list) => list);

    expect(kept[0]).toEqual(['quarantine', [{ ...entry, reason: HIDDEN }]]);
    expect((kept[1] as readonly unknown[])[1]).toBe(known);
  });

  it('as a warning names no secret', () => {
    const { discreet, kept } = behind();
    const bug = new TypeError('a bug');

    discreet.onWarning(fault());
    discreet.onWarning(bug);

    expect(kept).toMatchObject([
      ['warning', { data: { component: AUTH, problem: HIDDEN } }],
      ['warning', bug],
    ]);
  });
});
