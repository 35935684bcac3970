// People of an install are told what stands: once, again while it stands, across a restart, and nothing ever waits for it.
import { beforeEach, describe, expect, it } from 'vitest';
import type { NoticesConfig } from '../../../../agent/core/notice-mail.ts';
import {
  NOTHING_TOLD,
  noticesFile,
  noticesOf,
  type Sink,
  type Told,
  toldFile,
} from '../../../../agent/core/notices.ts';
import { renderTextfile } from '../../../../agent/core/textfile.ts';
import { createNotifier, testNotices } from '../../../../agent/engine/agent/notifier.ts';
import type { Notices } from '../../../../agent/ports/machine.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { StatusReply } from '../../../../shared/protocol/admin.ts';
import type { Blocker } from '../../../../shared/schema/decision.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const T0 = Date.parse('2026-11-29T12:00:00Z');

let now: number;
let status: StatusReply;
let config: NoticesConfig | null;
let sent: {
  readonly sink: Sink;
  readonly message: { readonly notices: readonly { readonly text: string; readonly since: string }[] };
}[];
let refuse: (sink: Sink) => string | null;
let files: string[];
let stored: Told | null;

beforeEach(() => {
  now = T0;
  status = statusOf();
  config = { schema: 'fairlead/notices@1', webhook: { url: 'https://pager.example/' } };
  [sent, files, stored] = [[], [], null];
  refuse = () => null;
});

function statusOf(alarms: readonly string[] = [], blockers: readonly Blocker[] = []): StatusReply {
  return {
    ...{ schema: 'fairlead/status@1', at: formatInstant(now), agentVersion: '0.1.0' },
    ...{ instance: { id: 'one', name: 'Oslo', server: 'https://releases.example' }, channel: 'manual' },
    ...{ track: 'stable', generation: null, manifest: null, components: [] },
    decision: { verdict: 'ask', target: null, blockers: [...blockers], exposed: [] },
    ...{ freshness: { state: 'fresh', expires: formatInstant(T0 + DAY_MS) }, contact: null, hold: null },
    ...{ inProgress: null, quarantine: [], unsentReports: 0, alarms: [...alarms] },
  } as StatusReply;
}

const blocker = (code: string, more: Partial<Blocker> = {}): Blocker => ({
  ...{ code, message: `${code} it is`, source: 'policy', owner: 'admin' },
  ...more,
});

const notices: Notices = {
  config: async () => config,
  send: async (sink, message) => {
    const problem = refuse(sink);
    if (problem === null) sent.push({ sink, message: message as never });
    return problem;
  },
  writeTextfile: async (_directory, text) => void files.push(text),
};

/** One that begins anew, as after a restart, with what is on disk. */
function start() {
  const notifier = createNotifier({
    notices,
    told: {
      read: async () => stored,
      write: async (document) => {
        stored = document;
      },
      damage: async () => null,
    },
    clock: { now: () => now, monotonic: () => now, sleep: async () => undefined },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    status: async () => ({ ...status, at: formatInstant(now) }),
  });
  return async () => {
    notifier.look();
    await notifier.settled();
  };
}

const texts = () => sent.flatMap(({ message }) => message.notices.map(({ text }) => text));

describe('what stands', () => {
  it('is told once, and again after a day, by an agent that was started anew meanwhile too', async () => {
    status = statusOf(['files were changed by hand in core/auth: see fairlead verify']);
    await start()();
    await start()();
    expect(texts()).toHaveLength(1);

    now += DAY_MS - 1;
    await start()();
    expect(texts()).toHaveLength(1);
    now += 2;
    await start()();

    expect(texts()).toHaveLength(2);
    expect(sent[1]?.message.notices[0]?.since).toBe(formatInstant(T0));
  });

  it('and was over is told at once when it comes back', async () => {
    const look = start();
    for (const alarms of [['it burns'], [], ['it burns']]) {
      status = statusOf(alarms);
      await look();
    }

    expect(texts()).toEqual(['it burns', 'it burns']);
  });

  it('is the same when only a number or a moment in its words has changed', async () => {
    const look = start();
    status = statusOf(['core/auth has been unhealthy since 2026-11-29T11:00:00Z: 3 failures']);
    await look();
    status = statusOf(['core/auth has been unhealthy since 2026-11-29T11:00:00Z: 17 failures']);
    await look();

    expect(texts()).toHaveLength(1);
  });

  it('is told again sooner where somebody said so', async () => {
    config = { ...(config as NoticesConfig), again: 'PT1H' };
    status = statusOf(['it burns']);
    const look = start();
    await look();
    now += HOUR_MS;
    await look();

    expect(texts()).toHaveLength(2);
  });

  it('is not silenced for ever by a clock that was ahead', async () => {
    now = T0 + 1_000 * DAY_MS;
    status = statusOf(['it burns']);
    await start()();
    now = T0;
    await start()();

    expect(texts()).toHaveLength(2);
  });
});

describe('one who cannot be told', () => {
  it('is told later, after growing pauses, and keeps nobody else from hearing', async () => {
    config = { ...(config as NoticesConfig), program: { exec: ['/bin/page'], user: 'nobody' } };
    let asked = 0;
    refuse = (sink) => (sink === 'webhook' && ++asked < 3 ? 'no connection' : null);
    status = statusOf(['it burns']);
    const look = start();
    for (let minute = 0; minute < 10; minute++) {
      await look();
      now += 60_000;
    }

    expect(sent.map(({ sink }) => sink)).toEqual(['program', 'webhook']);
    expect(asked).toBe(3);
  });

  it('is told by mail as well, once, by an agent whose predecessor knew none', async () => {
    const mail = {
      ...{ schema: 'fairlead/mail@1' as const, to: 'ops@example.org', from: 'fairlead@example.org' },
      smtp: 'smtp://mail.example.org',
    };
    status = statusOf(['it burns']);
    await start()();
    const { mail: _, ...before } = stored ?? NOTHING_TOLD;
    stored = toldFile.parse(before);
    config = { schema: 'fairlead/notices@1', webhook: { url: 'https://pager.example/' }, mail };
    await start()();
    await start()();

    expect(sent.map(({ sink }) => sink)).toEqual(['webhook', 'mail']);
    expect(texts()).toEqual(['it burns', 'it burns']);
  });

  it('holds nothing up', async () => {
    const network = createAgentNetwork();
    network.world.noticesFile = new Promise(() => undefined);
    network.publish(releaseOf('1.0.0'));
    await network.start();
    await network.world.clock.advance(60_000);
    const before = (await network.ask('GET', '/v1/status')) as StatusReply;
    await network.stop();

    expect(before.generation).not.toBeNull();
  });
});

describe('what waits for a person', () => {
  const told = (one: StatusReply, before: Told = NOTHING_TOLD) =>
    noticesOf(one, before).map(({ kind, text }) => [kind, text]);

  it('is told with the command that answers it', () => {
    const approval = blocker('approval-needed', {
      message: 'an approval is missing',
      clearWith: 'fairlead approve sha256:1',
    });

    expect(told(statusOf([], [approval]))).toEqual([
      ['request', 'an approval is missing: fairlead approve sha256:1'],
    ]);
  });

  it.each([
    ['a setting that is needed', blocker('settings-invalid'), 1],
    ['a pin that is needed', blocker('pin-needed'), 1],
    ['a hold, which somebody here has made', blocker('hold'), 0],
    ['a channel that somebody here has frozen', blocker('channel-frozen'), 0],
    ['what the vendor has to mend', blocker('withdrawn', { owner: 'vendor' }), 0],
    ['what time mends', blocker('rollout-wave', { owner: 'time' }), 0],
  ])('%s', (_what, one, count) => {
    expect(told(statusOf([], [one]))).toHaveLength(count);
  });

  const short = [blocker('window-short', { owner: 'time' }), blocker('windows-too-short')];
  it.each([
    ['alone', [], ['it is short']],
    ['beside another of windows', [blocker('window-closed', { owner: 'time' })], ['it is short']],
    ['not behind a hold', [blocker('hold')], []],
    ['not behind an approval, which is told', [blocker('approval-needed')], ['approval-needed it is']],
    ['not behind a wave', [blocker('rollout-wave', { owner: 'time' })], []],
  ])('is a window that is too short, now or ever, %s', (_, others, texts) => {
    for (const one of short) {
      const blockers = [...others, { ...one, message: 'it is short' }];
      expect(told(statusOf([], blockers)).map(([, text]) => text)).toEqual(texts);
    }
  });

  it('is a proposal, and a hole that is critical', () => {
    const one = statusOf();
    const exposed = [
      { advisory: 'FL-2026-0003', severity: 'critical', component: 'core/auth', version: '1.2.0' },
      { advisory: 'FL-2026-0004', severity: 'low', component: 'core/auth', version: '1.2.0' },
    ];

    const open = { ...one, proposals: 2, decision: { ...one.decision, exposed } };
    expect(told(open)).toEqual([
      ['alarm', 'core/auth 1.2.0 is open to FL-2026-0003 (critical)'],
      ['request', expect.stringContaining('fairlead proposals')],
    ]);
    // By these words an agent of another version knows that it was told.
    expect(noticesOf(open, NOTHING_TOLD).map(({ about }) => about)).toEqual([
      'exposed FL-2026-0003 core/auth 1.2.0',
      'proposals',
    ]);
  });
});

describe('a window that was missed', () => {
  const target = (digit: string) => {
    const plan = `sha256:${digit.repeat(64)}` as never;
    return { kind: 'desired' as const, manifest: plan, plan };
  };
  /** What waits; for the next opening, or in an open window for something else. */
  const waits = (clearsAt: number | null, digit = '1') => {
    const closed = { owner: 'time', clearsAt: formatInstant(clearsAt ?? 0) } as const;
    const one = statusOf([], clearsAt === null ? [] : [blocker('window-closed', closed)]);
    return { ...one, decision: { ...one.decision, target: target(digit) } };
  };
  const OPENED = [expect.stringMatching(/^a window opened at 2026-11-29T13:00:00.* was not applied/)];
  let look: () => Promise<void>;

  async function lookAt(hours: number, next: StatusReply) {
    now = T0 + hours * HOUR_MS;
    status = next;
    await look();
  }

  beforeEach(async () => {
    look = start();
    await lookAt(0, waits(T0 + HOUR_MS));
    expect(texts()).toEqual([]);
  });

  it('is told: it opened, and the same plan waits for the next', async () => {
    await lookAt(5, waits(T0 + DAY_MS));
    await lookAt(6, waits(T0 + DAY_MS));

    expect(texts()).toEqual(OPENED);
  });

  it('is none before that time has come, though the next is another one meanwhile', async () => {
    await lookAt(0.5, { ...waits(T0 + DAY_MS), alarms: ['it burns'] });
    await lookAt(6, { ...waits(T0 + DAY_MS), alarms: ['it burns'] });

    expect(texts()).toEqual(['it burns']);
  });

  it('is told by an agent that looked while it was open, and was started anew', async () => {
    await lookAt(2, waits(null));
    look = start();
    await lookAt(3, waits(null));
    expect(texts()).toEqual([]);
    await lookAt(5, waits(T0 + DAY_MS));

    expect(texts()).toEqual(OPENED);
  });

  it.each([
    ['what waited was applied in it', () => statusOf()],
    ['another plan came', () => waits(null, '2')],
  ])('is none where %s', async (_what, inTheWindow) => {
    await lookAt(2, inTheWindow());
    await lookAt(5, waits(T0 + DAY_MS, '2'));
    await lookAt(6, waits(T0 + DAY_MS));

    expect(texts()).toEqual([]);
  });

  it('is told to one who could not be told at first, and to nobody twice', async () => {
    config = { ...(config as NoticesConfig), program: { exec: ['/bin/page'], user: 'nobody' } };
    refuse = (sink) => (sink === 'webhook' ? 'no connection' : null);
    await lookAt(5, waits(T0 + DAY_MS));
    await lookAt(6, waits(T0 + DAY_MS));
    refuse = () => null;
    await lookAt(7, waits(T0 + DAY_MS));
    await lookAt(8, waits(T0 + DAY_MS));

    expect(sent.map(({ sink }) => sink)).toEqual(['program', 'webhook']);
    expect(texts()).toEqual([...OPENED, ...OPENED]);
  });
});

describe('where notices go', () => {
  const isTaken = (parts: object) =>
    noticesFile.safeParse({ schema: 'fairlead/notices@1', ...parts }).success;
  const url = 'https://pager.example/';
  const key = `${'aZ+/09'.repeat(5)}aZ`;

  it.each<[string, object]>([
    ['a webhook of https, signed or not', { webhook: { url } }],
    ['one of http', { webhook: { url: 'http://localhost:1/' } }],
    ['a secret of 24 bytes', { webhook: { url, secret: `whsec_${key}` } }],
    ['one that ends as base64 may', { webhook: { url, secret: `whsec_${key}aa==` } }],
    ['a directory', { textfile: '/var/lib/node_exporter' }],
    ['every five minutes', { again: 'PT5M' }],
  ])('may be said: %s', (_, parts) => {
    expect(isTaken(parts)).toBe(true);
  });

  it.each<[string, object]>([
    ['a webhook of another protocol', { webhook: { url: 'ftp://pager.example/' } }],
    ['one of a protocol with more in it', { webhook: { url: 'xhttp://pager.example/' } }],
    ['a URL without an end', { webhook: { url: url.padEnd(2_001, 'x') } }],
    ['a secret without its mark', { webhook: { url, secret: key } }],
    ['one behind something', { webhook: { url, secret: ` whsec_${key}` } }],
    ['one that is too short', { webhook: { url, secret: `whsec_${key.slice(1)}` } }],
    ['one that goes on behind its end', { webhook: { url, secret: `whsec_${key}===` } }],
    ['a directory that depends on another', { textfile: 'node_exporter' }],
    ['one without an end', { textfile: '/'.padEnd(4_001, 'x') }],
    ['a program without words', { program: { exec: [], user: 'nobody' } }],
    ['every four minutes', { again: 'PT4M59S' }],
    ['what nobody knows', { pager: url }],
  ])('may not be said: %s', (_, parts) => {
    expect(isTaken(parts)).toBe(false);
  });
});

describe('the file of numbers', () => {
  it('is written with each look, for node_exporter', async () => {
    config = { schema: 'fairlead/notices@1', textfile: '/var/lib/node_exporter' };
    await start()();

    expect(files).toHaveLength(1);
    expect(files[0]).toContain('fairlead_verdict{verdict="ask"} 1\n');
  });

  it('says verdict, exposure, freshness and versions, each line as Prometheus reads it', () => {
    const component = { component: 'core/"auth"', version: '1.2.0', health: 'healthy' } as never;
    const text = renderTextfile({ ...statusOf(['one', 'two']), components: [component] });
    const strange = text
      .trimEnd()
      .split('\n')
      .filter(
        (line) =>
          !/^(?:# (?:HELP|TYPE) fairlead_\w+ .+|fairlead_\w+(?:\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\})? -?\d+(?:\.\d+)?)$/.test(
            line,
          ),
      );

    expect(strange).toEqual([]);
    expect(text).toContain('fairlead_component_healthy{component="core/\\"auth\\"",version="1.2.0"} 1');
    expect(text).toContain(`fairlead_metadata_expires_timestamp_seconds ${(T0 + DAY_MS) / 1_000}`);
    expect(text).toContain('fairlead_alarms 2');
  });
});

describe('a test', () => {
  const everywhere: NoticesConfig = {
    ...{ schema: 'fairlead/notices@1', webhook: { url: 'https://pager.example/' } },
    ...{ program: { exec: ['/bin/page'], user: 'nobody' }, textfile: '/var/lib/node_exporter' },
  };
  const readStatus = async () => status;

  it('goes to everybody and says that it is one, and writes the numbers as they are', async () => {
    config = everywhere;

    const { tested } = await testNotices(notices, readStatus);

    expect(tested).toEqual({ webhook: null, program: null, textfile: null });
    expect(sent.map(({ sink }) => sink)).toEqual(['webhook', 'program']);
    expect(sent[0]?.message).toMatchObject({
      instance: { name: 'Oslo' },
      notices: [{ kind: 'test', since: formatInstant(T0) }],
    });
    expect(files).toEqual([renderTextfile(status)]);
    expect(stored).toBeNull();
  });

  it('says of each what was wrong with it, and what to do about a place', async () => {
    config = everywhere;
    refuse = (sink) => (sink === 'program' ? 'exit status 3' : null);
    const directory = everywhere.textfile ?? '';
    const refusal = new FairleadError('notify/read-only', { directory });
    const confined = { ...notices, writeTextfile: () => Promise.reject(refusal) };

    const { tested } = await testNotices(confined, readStatus);

    expect(tested).toEqual({
      ...{ webhook: null, program: 'exit status 3' },
      textfile: expect.stringContaining(`ReadWritePaths=${directory}`),
    });
  });

  it('goes to nobody where nobody is told anything', async () => {
    config = null;

    expect((await testNotices(notices, readStatus)).tested).toEqual({});
    expect((await testNotices(undefined, readStatus)).tested).toEqual({});
    expect(sent).toEqual([]);
  });
});
