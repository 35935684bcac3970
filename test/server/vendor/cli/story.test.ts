// The whole way of a release through `fairlead-vendor`, and what is refused on it.
import { randomBytes } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { parseEnrolment } from '../../../../shared/protocol/enrolment.ts';
import { TOKEN } from '../../../support/release-server.ts';
import { createVendor, openAndBuild, PASSPHRASE, sourcesOf, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
});
afterAll(() => vendor.close());

const NONE = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };

function stagesOf(answer: Record<string, unknown>): readonly string[] {
  return (answer.change as { stages: { stage: string }[] }).stages.map(({ stage }) => stage);
}

describe('the seven stages', () => {
  it('lead from a change to a completed release, each refused before its turn', async () => {
    const text = 'core/auth@1.0.0';
    const about = [
      '--component',
      'core/auth',
      '--version',
      '1.0.0',
      '--revision',
      'git:1',
      '--scope',
      'first',
    ];
    const opened = await vendor.json('change', 'open', ...about);
    const id = (opened.change as { id: string }).id;

    for (const early of [
      ['verify', id],
      ['release', id],
      ['rollout', 'start', id],
      ['change', 'complete', id],
    ]) {
      expect(await vendor.refusal(...early)).toBe('vendor/stage-not-due');
    }
    await vendor.json('build', text, '--change', id, ...(await sourcesOf(vendor, text)));
    expect(await vendor.refusal('release', id)).toBe('vendor/stage-not-due');
    await vendor.json('verify', id);
    expect(await vendor.refusal('rollout', 'start', id)).toBe('vendor/stage-not-due');
    await vendor.json('release', id);
    await vendor.json('rollout', 'start', id, '--waves', '100%');
    expect(await vendor.refusal('change', 'complete', id)).toBe('vendor/not-settled');
    vendor.server.counts.set(id, { ...NONE, committed: 1 });
    const completed = await vendor.json('change', 'complete', id);

    expect(stagesOf(completed)).toEqual([
      'intake',
      'build',
      'verification',
      'release',
      'deploy',
      'post-deploy',
      'completion',
    ]);
    expect(completed.change).toMatchObject({ result: 'completed' });
    expect(vendor.server.changes.get(id)).toMatchObject({ result: 'completed' });
  });

  it('answer in a line or two what was done, and name the command that comes next', async () => {
    const text = 'core/brief@1.0.0';
    const id = await openAndBuild(vendor, text);

    const built = await vendor.run('build', text, '--change', id, ...(await sourcesOf(vendor, text)));
    const verified = await vendor.run('verify', id);
    const released = await vendor.run('release', id);
    const waves = '10%,100%@PT24H';
    const start = '2030-01-01T00:00:00Z';
    const offered = await vendor.run('rollout', 'start', id, '--waves', waves, '--start', start);

    expect(built.out.split('\n')).toHaveLength(3);
    expect(built.out).toContain(`\nnext: fairlead-vendor verify ${id}\n`);
    expect(verified.out.split('\n')).toHaveLength(3);
    expect(verified.out).toContain(`\nnext: fairlead-vendor release ${id}\n`);
    expect(released.out).toContain(`\nnext: fairlead-vendor rollout start ${id}\n`);
    expect(offered.out).toContain(
      'core/brief@1.0.0 is offered on the track stable: to 10% of the instances from 2030-01-01T00:00:00Z, ' +
        'to all from 2030-01-02T00:00:00Z',
    );
  });

  it('end as rolled back when an instance came back, and withdraw the rollout', async () => {
    const id = await vendor.release('core/auth@1.1.0');
    await vendor.json('rollout', 'start', id);
    vendor.server.counts.set(id, { ...NONE, committed: 40, rolledBack: 2 });

    const ended = await vendor.json('change', 'complete', id);

    expect(ended.change).toMatchObject({ result: 'rolled-back' });
    const { rollouts } = await vendor.json('rollout', 'status', id);
    expect(rollouts).toMatchObject([{ withdrawn: true }]);
    const before = await vendor.json('change', 'show', 'core/auth@1.0.0');
    expect(JSON.stringify(ended.change)).toContain((before.change as { release: string }).release);
  });

  it('record each act in the audit and show it in the trace', async () => {
    const trace = await vendor.json('trace', 'core/auth@1.0.0');

    const acts = (trace.acts as { action: string }[]).map(({ action }) => action);
    expect(acts).toEqual([
      'change open',
      'build',
      'verify',
      'release',
      'statements',
      'rollout start',
      'statements',
      'change complete',
      'change complete',
    ]);
    expect(trace.counts).toEqual({ ...NONE, committed: 1 });
  });
});

describe('the verdict on a fleet', () => {
  it('lets one power cut of a thousand installs be', async () => {
    const id = await vendor.release('core/thousand@1.0.0');
    await vendor.json('rollout', 'start', id);
    vendor.server.counts.set(id, { ...NONE, committed: 999, rolledBack: 1, environment: 1 });

    expect((await vendor.json('change', 'complete', id)).change).toMatchObject({ result: 'completed' });
  });

  it('waits for a person where many machines failed by themselves, and keeps the reason', async () => {
    const id = await vendor.release('core/outage@1.0.0');
    await vendor.json('rollout', 'start', id);
    vendor.server.counts.set(id, { ...NONE, committed: 9, failed: 1, environment: 1 });

    expect(await vendor.refusal('change', 'complete', id)).toBe('vendor/not-settled');
    expect(await vendor.refusal('change', 'complete', id, '--acknowledge')).toBe('vendor/option-invalid');
    const reason = 'the power was out in one hall';
    const answer = await vendor.json('change', 'complete', id, '--acknowledge', '--reason', reason);

    expect(answer.change).toMatchObject({ result: 'completed' });
    expect(JSON.stringify(answer.change)).toContain(`"acknowledged":"${reason}"`);
  });

  it('keeps the tolerance that the change was opened with', async () => {
    const about = ['--component', 'core/strict', '--version', '1.0.0', '--revision', 'git:1', '--scope', 'x'];
    const opened = await vendor.json('change', 'open', ...about, '--tolerance', '0%');
    const id = (opened.change as { id: string }).id;

    expect(opened.change).toMatchObject({ tolerance: '0%' });
    expect(await vendor.refusal('change', 'open', ...about, '--tolerance', '5%')).toBe(
      'vendor/version-taken',
    );
    expect(await vendor.refusal('change', 'open', ...about, '--tolerance', 'few')).toBe('usage');
    await vendor.json(
      'build',
      'core/strict@1.0.0',
      '--change',
      id,
      ...(await sourcesOf(vendor, 'core/strict@1.0.0')),
    );
    await vendor.json('verify', id);
    await vendor.json('release', id);
    await vendor.json('rollout', 'start', id);
    vendor.server.counts.set(id, { ...NONE, committed: 999, failed: 1 });

    expect((await vendor.json('change', 'complete', id)).change).toMatchObject({ result: 'rolled-back' });
  });
});

describe('the trace of an instance', () => {
  const instance = (id: string, name: string) => ({
    ...{ id, name, hostname: 'host', agentVersion: '0.1.0', enrolled: '2026-01-01T00:00:00Z' },
    ...{ lastSeen: null, channel: null, manifest: null, verdict: null },
  });

  it('is found by id or by a name that only one has', async () => {
    vendor.server.instances.push(instance('one', 'Oslo'), instance('two', 'Oslo'), instance('three', 'Rome'));

    const traced = [await vendor.json('trace', 'one'), await vendor.json('trace', 'Rome')];

    expect(traced).toMatchObject([{ instance: { id: 'one' } }, { instance: { id: 'three' } }]);
    expect(await vendor.refusal('trace', 'Oslo')).toBe('vendor/instance-not-found');
    expect(await vendor.refusal('trace', 'nobody')).toBe('vendor/instance-not-found');
  });
});

describe('a build', () => {
  it('is refused for another release than the change is about', async () => {
    const id = await openAndBuild(vendor, 'core/wrong@1.0.0');

    expect(
      await vendor.refusal(
        'build',
        'core/wrong@2.0.0',
        '--change',
        id,
        ...(await sourcesOf(vendor, 'core/wrong@2.0.0')),
      ),
    ).toBe('vendor/wrong-change');
  });

  it('never changes what was built, and repeats unchanged', async () => {
    const text = 'core/fixed@1.0.0';
    const id = await openAndBuild(vendor, text);
    const sources = await sourcesOf(vendor, text);

    await vendor.json('build', text, '--change', id, ...sources);
    await vendor.write('core-fixed-1.0.0/server.js', 'something else\n');

    expect(await vendor.refusal('build', text, '--change', id, ...sources)).toBe('vendor/immutable');
  });

  it('that does not reproduce is refused', async () => {
    const text = 'core/flaky@1.0.0';
    const about = ['--component', 'core/flaky', '--version', '1.0.0', '--revision', 'git:1', '--scope', 'x'];
    const id = ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
    const sources = await sourcesOf(vendor, text);
    const flaky = `echo $$ >> ${join(vendor.directory, 'core-flaky-1.0.0/stamp')}`;

    expect(await vendor.refusal('build', text, '--change', id, ...sources, '--reproduce', flaky)).toBe(
      'vendor/not-reproducible',
    );
    expect(await vendor.refusal('build', text, '--change', id, ...sources, '--reproduce', 'exit 3')).toBe(
      'vendor/command-failed',
    );
    const built = await vendor.json('build', text, '--change', id, ...sources, '--reproduce', 'true');
    expect(JSON.stringify(built)).toContain('"reproduced":true');
  });

  it('names the field of the manifest that is wrong', async () => {
    const about = ['--component', 'core/typo', '--version', '1.0.0', '--revision', 'git:1', '--scope', 'x'];
    const id = ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
    const sources = await sourcesOf(vendor, 'core/typo@1.0.0', { helth: [] });

    const answer = await vendor.run('build', 'core/typo@1.0.0', '--change', id, ...sources);

    expect(answer.status).toBe(2);
    expect(answer.err).toContain('helth');
  });

  it('of a version that another change has is refused at intake', async () => {
    const about = [
      '--component',
      'core/auth',
      '--version',
      '1.0.0',
      '--revision',
      'git:2',
      '--scope',
      'again',
    ];

    expect(await vendor.refusal('change', 'open', ...about)).toBe('vendor/version-taken');
  });
});

describe('a change that is given up', () => {
  it('frees its version, and stays on record with the reason', async () => {
    const text = 'core/freed@1.0.0';
    const first = await openAndBuild(vendor, text);
    const reason = 'built from the wrong directory';

    await vendor.json('change', 'abandon', first, '--reason', reason);
    await vendor.json('change', 'abandon', first, '--reason', 'again: nothing more happens');
    const second = await vendor.release(text, { notes: 'from the right one' });

    expect(second).not.toBe(first);
    expect((await vendor.json('change', 'show', text)).change).toMatchObject({ id: second });
    const given = await vendor.json('change', 'show', first);
    expect(stagesOf(given)).toEqual(['intake', 'build', 'abandonment']);
    expect(JSON.stringify(given)).toContain(reason);
    const acts = (await vendor.json('trace', first)).acts as { action: string }[];
    expect(acts.filter(({ action }) => action === 'change abandon')).toHaveLength(1);
    expect(vendor.server.changes.get(first)).toMatchObject({ result: 'abandoned' });
    expect(await vendor.refusal('build', text, '--change', first, ...(await sourcesOf(vendor, text)))).toBe(
      'vendor/change-closed',
    );
  });

  it('is not once its version is released', async () => {
    const id = await vendor.release('core/kept@1.0.0');

    expect(await vendor.refusal('change', 'abandon', id, '--reason', 'x')).toBe('vendor/released');
  });
});

describe('verification', () => {
  it('that fails blocks the release and may be repeated', async () => {
    const id = await openAndBuild(vendor, 'core/needy@1.0.0', { requires: { 'core/late': '^1.0.0' } });

    expect(await vendor.refusal('verify', id)).toBe('vendor/verification-failed');
    expect(await vendor.refusal('release', id)).toBe('vendor/stage-not-due');
    await vendor.release('core/late@1.0.0');

    expect(stagesOf(await vendor.json('verify', id))).toEqual([
      'intake',
      'build',
      'verification',
      'verification',
    ]);
  });

  it.each([
    ['cut short', 'core/cut@1.0.0', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['made longer', 'core/long@1.0.0', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    [
      'changed',
      'core/bent@1.0.0',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -9), Buffer.alloc(9)]),
    ],
    ['removed', 'core/lost@1.0.0', () => null],
  ])('finds a pack that was %s after the build', async (_how, text, change) => {
    const id = await openAndBuild(vendor, text);
    const record = JSON.parse(await vendor.read(`workspace/changes/${id}.json`));
    const hex = record.tree.digest.slice('sha256:'.length);
    const pack = join(vendor.directory, 'workspace', 'packs', hex, 'full.pack');
    const changed = change(await readFile(pack));
    await (changed === null ? rm(pack) : writeFile(pack, changed));

    const code = await vendor.refusal('verify', id);

    expect(code).toBe(changed === null ? 'vendor/file-unreadable' : 'vendor/verification-failed');
  });

  it('binds the release to the verified bytes', async () => {
    const id = await openAndBuild(vendor, 'core/swap@1.0.0');
    await vendor.json('verify', id);
    const file = `workspace/builds/${id}.json`;
    await writeFile(join(vendor.directory, file), (await vendor.read(file)).replace('server.js', 'other.js'));

    expect(await vendor.refusal('release', id)).toBe('vendor/digest-mismatch');
  });
});

describe('suites and platforms', () => {
  it('are released by what they ship, and fare as their capabilities do', async () => {
    const suite = await vendor
      .release('tools@1.0.0', { capabilities: { editor: '~1.0.0' } })
      .catch(() => null);
    expect(suite).toBeNull();

    const editor = await vendor.release('bench/editor@1.0.0');
    const released = await vendor.release('bench@1.0.0', { capabilities: { editor: '~1.0.0' } });
    const platform = await vendor.release('platform@1.0.0', { suites: { bench: '1.0.0' } });
    await vendor.json('rollout', 'start', platform);
    vendor.server.counts.set(editor, { ...NONE, committed: 3 });

    expect((await vendor.json('rollout', 'status', platform)).counts).toEqual({ ...NONE, committed: 3 });
    expect((await vendor.json('change', 'complete', platform)).change).toMatchObject({ result: 'completed' });
    expect(await vendor.refusal('change', 'complete', released)).toBe('vendor/stage-not-due');
  });
});

describe('a rollout', () => {
  it('pauses, halts, resumes and is withdrawn', async () => {
    const id = await vendor.release('core/roll@1.0.0');
    await vendor.json('rollout', 'start', id, '--waves', '10%,100%@PT1H');
    const look = () => vendor.json('rollout', 'status', id);

    await vendor.json('rollout', 'pause', id);
    expect((await look()).rollouts).toMatchObject([{ paused: true }]);
    await vendor.json('rollout', 'halt', id, '--reason', 'errors');
    expect((await look()).halt).toMatchObject({ reason: 'errors' });
    await vendor.json('rollout', 'resume', id);
    expect(await look()).toMatchObject({ halt: null, rollouts: [{ paused: false, withdrawn: false }] });
    await vendor.json('withdraw', 'core/roll@1.0.0', '--reason', 'it loses sessions');
    expect((await look()).rollouts).toMatchObject([{ withdrawn: true }]);
    const acts = (await vendor.json('trace', id)).acts as object[];
    expect(acts.at(-1)).toMatchObject({ action: 'withdraw', details: { reason: 'it loses sessions' } });
  });

  it('of another shape on the same track is refused, the same again is not', async () => {
    const id = await vendor.release('core/same@1.0.0');
    await vendor.json('rollout', 'start', id, '--waves', '10%,100%@PT1H');

    const again = await vendor.json('rollout', 'start', id, '--waves', '10%,100%@PT1H');

    expect(again.signed).toEqual([{ kind: 'unchanged' }]);
    expect(await vendor.refusal('rollout', 'start', id, '--waves', '100%')).toBe('vendor/already-offered');
  });

  it('is not proven while a wave has yet to open', async () => {
    const id = await vendor.release('core/waves@1.0.0');
    await vendor.json('rollout', 'start', id, '--waves', '10%,100%@PT1H');
    vendor.server.counts.set(id, { ...NONE, committed: 4 });

    expect(await vendor.refusal('change', 'complete', id)).toBe('vendor/not-settled');
    vendor.clock.aheadMs += 3_600_000;
    expect((await vendor.json('change', 'complete', id)).change).toMatchObject({ result: 'completed' });
  });

  it('goes to another track only after its change is completed', async () => {
    const id = await vendor.release('core/move@1.0.0');
    await vendor.json('rollout', 'start', id, '--track', 'candidate');
    expect(await vendor.refusal('promote', id, '--track', 'stable')).toBe('vendor/not-proven');
    vendor.server.counts.set(id, { ...NONE, committed: 1 });
    await vendor.json('change', 'complete', id);

    await vendor.json('promote', id, '--track', 'stable');

    const { rollouts } = await vendor.json('rollout', 'status', id);
    const offers = (rollouts as { track: string; digest: string }[]).toSorted((a, b) =>
      a.track < b.track ? -1 : 1,
    );
    expect(offers.map(({ track }) => track)).toEqual(['candidate', 'stable']);
    expect(new Set(offers.map(({ digest }) => digest)).size).toBe(1);
  });

  it('is halted by its guard once more go wrong than is tolerated, and only once', async () => {
    const id = await vendor.release('core/guarded@1.0.0');
    await vendor.json('rollout', 'start', id);
    const guard = ['rollout', 'guard', id];
    const halted = async () => (await vendor.json('rollout', 'status', id)).halt !== null;

    vendor.server.counts.set(id, { ...NONE, committed: 9, inProgress: 3, rolledBack: 1 });
    await vendor.json(...guard);
    const atTheThreshold = await halted();
    vendor.server.counts.set(id, { ...NONE, committed: 9, failed: 1, rolledBack: 3 });
    await vendor.json(...guard, '--halt-over', '40%');
    const overAnother = await halted();
    const first = await vendor.json(...guard);
    const again = await vendor.json(...guard);

    expect([atTheThreshold, overAnother, await halted()]).toEqual([false, false, true]);
    expect(first.signed).toMatchObject([{ kind: 'signed', role: 'halts' }]);
    expect(again.signed).toEqual([]);
    expect(await vendor.refusal('rollout', 'guard', id, '--halt-over', '110%')).toBe('usage');
  });

  it('halts for at most 72 hours', async () => {
    expect(
      await vendor.refusal('rollout', 'halt', 'core/move@1.0.0', '--reason', 'x', '--for', 'PT73H'),
    ).toBe('usage');
  });
});

describe('an advisory', () => {
  const critical = (id: string, fixed: string) => [
    ...['--id', id, '--severity', 'critical', '--deadline', '2099-01-01T00:00:00Z', '--title', 'Token reuse'],
    ...['--cve', 'CVE-2026-1234', '--affected', 'core/fix:<1.0.1', '--fixed', fixed],
  ];

  it('names only fixes that are released', async () => {
    expect(await vendor.refusal('advisory', 'publish', ...critical('FL-2026-1', 'core/fix@1.0.1'))).toBe(
      'vendor/not-released',
    );
  });

  it('deploys its fix without a rollout: the change passes the deploy stage', async () => {
    const id = await vendor.release('core/fix@1.0.1');

    await vendor.json('advisory', 'publish', ...critical('FL-2026-1', 'core/fix@1.0.1'));

    const { change } = await vendor.json('change', 'show', id);
    expect((change as { stages: object[] }).stages.at(-1)).toMatchObject({
      stage: 'deploy',
      details: { order: 'advisories/FL-2026-1.json' },
    });
  });

  it('is withdrawn by its id', async () => {
    const { advisory } = await vendor.json('advisory', 'withdraw', 'FL-2026-1');

    expect(advisory).toMatchObject({ withdrawn: true });
    expect(await vendor.refusal('advisory', 'withdraw', 'FL-2026-9')).toBe('vendor/advisory-not-found');
  });

  it('that is critical must have a deadline', async () => {
    const answer = await vendor.run(
      ...['advisory', 'publish', '--id', 'FL-2026-2', '--severity', 'critical', '--title', 'x'],
      ...['--affected', 'core/fix:<1.0.1'],
    );

    expect(answer.status).toBe(2);
    expect(answer.err).toContain('--deadline');
  });

  it('that contradicts itself is refused before it is signed, with the option to give', async () => {
    const answer = await vendor.run(
      ...['advisory', 'publish', '--id', 'FL-2026-2', '--severity', 'high', '--title', 'x'],
      ...['--affected', 'core/none:<1.0.1'],
    );

    expect(answer.status).toBe(2);
    expect(answer.err).toContain('--affected');
  });

  it.each([
    ['--title', ['--title', 'x'.repeat(400)]],
    ['--cve', ['--cve', 'CVE']],
    ['--notice', ['--notice', 'P99D']],
  ])('names %s when that is what is wrong, and signs nothing', async (flag, more) => {
    const before = vendor.server.publications();

    const answer = await vendor.run(
      'advisory',
      'publish',
      ...critical('FL-2026-3', 'core/fix@1.0.1'),
      ...more,
    );

    expect(answer.status).toBe(2);
    expect(answer.err).toMatch(new RegExp(`(?:^error: option '|\\n  )${flag}\\b`));
    expect(answer.err).toMatch(/expected|It must be/);
    expect(vendor.server.publications()).toBe(before);
  });

  it('may be corrected after its deadline, as long as that stays', async () => {
    const deadline = new Date(Date.now() + vendor.clock.aheadMs + 3_600_000)
      .toISOString()
      .replace(/\.\d+/, '');
    const text = (title: string) => [
      ...['--id', 'FL-2026-5', '--severity', 'critical', '--title', title, '--deadline', deadline],
      ...['--affected', 'core/fix:<1.0.1', '--fixed', 'core/fix@1.0.1'],
    ];
    await vendor.json('advisory', 'publish', ...text('first'));
    vendor.clock.aheadMs += 7_200_000;

    expect((await vendor.json('advisory', 'publish', ...text('second'))).advisory).toMatchObject({
      title: 'second',
    });
  });

  it('says before it is signed how many installs it hits, and what they will do', async () => {
    const summary = {
      hostname: 'host',
      agentVersion: '0.1.0',
      enrolled: '2026-01-01T00:00:00Z',
      lastSeen: null,
    };
    const hit = { id: 'hit', name: 'Hit', ...summary, channel: null, manifest: null, verdict: null };
    vendor.server.instances.push(hit);
    const tree = `sha256:${'a'.repeat(64)}`;
    vendor.server.reports.set('hit', {
      ...{ schema: 'fairlead/report@1', sequence: 1, at: '2026-01-01T00:00:00Z', agentVersion: '1' },
      ...{ channel: 'frozen', track: 'stable', manifest: null, decision: null },
      components: [{ component: 'core/fix', version: '1.0.0', tree, health: 'healthy' }],
    });

    const answer = await vendor.run('advisory', 'publish', ...critical('FL-2026-4', 'core/fix@1.0.1'));
    vendor.server.instances.splice(vendor.server.instances.indexOf(hit), 1);

    expect(answer.status).toBe(0);
    expect(answer.err).toMatch(/hits 1 of \d+ installs?/);
    expect(answer.err).toContain('1 install: core/fix 1.0.0 moves to 1.0.1, by force');
  });
});

describe('the command line', () => {
  it('says which option was meant before it asks for those that are missing', async () => {
    const answer = await vendor.run('change', 'open', '--component', 'core/x', '--versoin', '1.0.0');

    expect(answer.status).toBe(2);
    expect(answer.err).toContain('--version');
    expect(answer.err).toContain("unknown option '--versoin'");
  });

  it('asks for the options that are missing', async () => {
    const answer = await vendor.run('change', 'open', '--component', 'core/x');

    expect(answer.status).toBe(2);
    expect(answer.err).toContain("'--version <version>' not specified");
  });

  it.each([
    ['a refusal', ['change', 'show', 'CHG-999999'], 'vendor/change-not-found'],
    ['wrong usage', ['change', 'show'], 'usage'],
    ['a role that is none', ['renew', 'releases', 'kings'], 'usage'],
  ])('tells people of %s on standard error, and a program in JSON', async (_what, argv, code) => {
    const answer = await vendor.run(...argv, '--json');

    expect(answer.status).not.toBe(0);
    expect(answer.err).toMatch(/^error: .+\n {2}hint: /);
    expect(JSON.parse(answer.out)).toMatchObject({ schema: 'fairlead/error@1', error: { code } });
  });

  it('takes what all commands have in common before the command too', async () => {
    const answer = await vendor.run('--dir', join(vendor.directory, 'nowhere'), '--json', 'status');

    expect(JSON.parse(answer.out).error.code).toBe('vendor/no-workspace');
  });

  it.each([
    ['--component', 'Core/Auth'],
    ['--version', 'one'],
    ['--scope', ''],
    ['--revision', 'x'.repeat(301)],
    ['--tolerance', 'few'],
  ])('names %s when that is what is wrong with a change', async (flag, value) => {
    const about = new Map([
      ...Object.entries({ '--component': 'core/x', '--version': '1.0.0', '--revision': 'x', '--scope': 'x' }),
      [flag, value],
    ]);

    const answer = await vendor.run('change', 'open', ...[...about].flat());

    expect([answer.status, answer.err]).toEqual([2, expect.stringContaining(flag)]);
  });

  it('names --name when that is what is wrong with an enrolment', async () => {
    const answer = await vendor.run('enrolment', 'create', '--name', '');

    expect([answer.status, answer.err]).toEqual([2, expect.stringContaining("'--name <text>'")]);
  });

  it.each(['4h', 'PT4H', '3d'])('takes %s for how long a halt lasts', async (text) => {
    const id = await vendor.release(`core/span@1.0.${['4h', 'PT4H', '3d'].indexOf(text)}`);
    await vendor.json('rollout', 'start', id);

    await vendor.json('rollout', 'halt', id, '--reason', 'x', '--for', text);
  });
});

describe('the log of acts', () => {
  const log = () => join(vendor.directory, 'workspace', 'audit.jsonl');

  it('holds, and prints a checkpoint that a later log still holds', async () => {
    const first = await vendor.json('audit', 'verify');
    await vendor.release('core/logged@1.0.0');

    const later = await vendor.json('audit', 'verify', '--checkpoint', String(first.checkpoint));

    expect(Number(later.acts)).toBeGreaterThan(Number(first.acts));
  });

  it.each<[string, (lines: readonly string[]) => readonly string[]]>([
    ['its last line cut off', (lines) => lines.slice(0, -1)],
    ['nothing left of it', () => []],
    [
      'its last line exchanged',
      (lines) => [...lines.slice(0, -1), (lines.at(-1) ?? '').replace('"at"', ' "at"')],
    ],
  ])('is refused with %s, by every command that would go on from it', async (_name, tamper) => {
    const whole = await readFile(log(), 'utf8');
    await writeFile(
      log(),
      tamper(whole.trimEnd().split('\n'))
        .map((line) => `${line}\n`)
        .join(''),
    );

    const codes = [await vendor.refusal('audit', 'verify'), await vendor.refusal('status')];
    await writeFile(log(), whole);

    expect(codes).toEqual(['vendor/audit-broken', 'vendor/audit-broken']);
  });

  it('is refused where it is gone with its checkpoint', async () => {
    const files = [log(), join(vendor.directory, 'workspace', 'audit-head.json')];
    const contents = await Promise.all(files.map((file) => readFile(file)));
    await Promise.all(files.map((file) => rm(file)));

    const codes = [await vendor.refusal('audit', 'verify'), await vendor.refusal('status')];
    await Promise.all(files.map((file, at) => writeFile(file, contents[at] ?? '')));

    expect(codes).toEqual(['vendor/audit-broken', 'vendor/audit-broken']);
  });

  it('may be ahead of its checkpoint by what a kill left between the two', async () => {
    const head = join(vendor.directory, 'workspace', 'audit-head.json');
    const before = await readFile(head);
    await vendor.json(
      'change',
      'open',
      '--component',
      'core/ahead',
      '--version',
      '1.0.0',
      '--revision',
      'x',
      '--scope',
      'x',
    );
    await writeFile(head, before);

    expect((await vendor.run('audit', 'verify')).status).toBe(0);
  });

  it('is refused where it no longer holds a checkpoint from elsewhere', async () => {
    const other = `1:sha256:${'0'.repeat(64)}`;

    expect(await vendor.refusal('audit', 'verify', '--checkpoint', other)).toBe('vendor/audit-broken');
    expect(await vendor.refusal('audit', 'verify', '--checkpoint', 'yes')).toBe('usage');
  });
});

describe('enrolment', () => {
  it('carries the local root, whatever the server serves', async () => {
    const { enrolment } = await vendor.json('enrolment', 'create', '--name', 'Example Ltd');

    const root = await vendor.read('workspace/repository/metadata/1.root.json');
    expect(parseEnrolment(String(enrolment))).toMatchObject({
      server: vendor.server.url,
      root: { version: 1, digest: digestOf(Buffer.from(root)) },
    });
  });
});

describe('the server', () => {
  it('that is away loses nothing: publish sends it later', async () => {
    const id = await openAndBuild(vendor, 'core/offline@1.0.0');
    await vendor.json('verify', id);
    vendor.server.refusing = true;
    expect(await vendor.refusal('release', id)).toBe('vendor/server-refused');
    vendor.server.refusing = false;

    const { published } = await vendor.json('publish');

    expect(published).toMatchObject({ packs: 1, metadata: 1, targets: 1 });
    expect(vendor.server.changes.get(id)?.stages).toHaveLength(4);
  });

  it('gets every byte of a pack of many chunks', async () => {
    await vendor.write('core-large-1.0.0/noise', randomBytes(3_000_000).toString('base64'));

    const id = await vendor.release('core/large@1.0.0');

    const { change } = await vendor.json('change', 'show', id);
    const hex = (change as { tree: { digest: string } }).tree.digest.slice('sha256:'.length);
    const pack = await readFile(join(vendor.directory, 'workspace/packs', hex, 'full.pack'));
    expect(pack.length).toBeGreaterThan(1_000_000);
    expect(digestOf(vendor.server.files.get(`packs/${hex}/full.pack`)!)).toBe(digestOf(pack));
  });

  it('is told nothing with --no-publish', async () => {
    const id = await openAndBuild(vendor, 'core/quiet@1.0.0');
    await vendor.json('verify', id);
    const before = vendor.server.publications();

    const answer = await vendor.json('release', id, '--no-publish');

    expect(answer.published).toBeNull();
    expect(vendor.server.publications()).toBe(before);
    await vendor.json('publish');
  });
});

describe('passphrases', () => {
  it('that are wrong sign nothing', async () => {
    const file = await vendor.write('wrong', 'another passphrase\n');

    expect(await vendor.refusal('renew', 'halts', '--passphrase-file', file)).toBe('vendor/wrong-passphrase');
  });

  it('may come from a file', async () => {
    const file = await vendor.write('right', `${PASSPHRASE}\n`);

    expect((await vendor.json('renew', 'halts', '--passphrase-file', file)).signed).toMatchObject([
      { kind: 'signed', role: 'halts' },
    ]);
  });
});

describe('what a person types', () => {
  it.each([
    ['an unknown command', ['deploy']],
    ['a missing option', ['change', 'open', '--component', 'core/auth']],
    ['an unknown option', ['status', '--fast']],
  ])('with %s ends in status 2', async (_what, argv) => {
    expect((await vendor.run(...argv)).status).toBe(2);
  });

  it('in a directory without a workspace is told how to make one', async () => {
    const answer = await vendor.run('status', '--dir', join(vendor.directory, 'nowhere'));

    expect(answer.status).toBe(2);
    expect(answer.err).toContain('fairlead-vendor init');
  });

  it('asks nobody to publish where nothing was signed', async () => {
    const tokenFile = await vendor.write('typed.token', TOKEN);
    const where = ['--dir', join(vendor.directory, 'dead'), '--token-file', tokenFile];

    const { err } = await vendor.run('init', ...where, '--server', 'http://127.0.0.1:1');

    expect(err).toBe(
      'error: cannot reach http://127.0.0.1:1: ECONNREFUSED\n  hint: check the address and that the server runs, then run this again\n',
    );
  });

  it.each([
    ['an address that is no URL', 'usage', { server: 'ftp://x' }],
    ['an address where nobody answers', 'vendor/server-unreachable', { server: 'http://127.0.0.1:1' }],
    ['a token that is not the publisher’s', 'vendor/server-refused', { token: 'another' }],
    ['a server that publishes another repository', 'vendor/other-repository', {}],
  ])('writes no workspace for %s', async (_what, code, wrong: { server?: string; token?: string }) => {
    const tokenFile = await vendor.write('typed.token', wrong.token ?? TOKEN);
    const other = join(vendor.directory, 'other-workspace');

    const refused = await vendor.refusal(
      ...['init', '--dir', other, '--token-file', tokenFile],
      ...['--server', wrong.server ?? vendor.server.url],
    );

    expect(refused).toBe(code);
    await expect(access(join(other, 'vendor.json'))).rejects.toThrow();
  });

  it('names a directory to build that is not there', async () => {
    const about = ['--component', 'core/gone', '--version', '1.0.0', '--revision', 'git:1', '--scope', 'x'];
    const id = ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
    const from = join(vendor.directory, 'no-such-directory');

    const answer = await vendor.run(
      'build',
      'core/gone@1.0.0',
      '--change',
      id,
      '--from',
      from,
      '--manifest',
      from,
    );

    expect(answer.status).toBe(2);
    expect(answer.err).toContain(from);
  });
});

describe('a workspace somebody touched', () => {
  it('refuses a change record that was edited', async () => {
    const file = 'workspace/changes/CHG-1.json';
    const text = await vendor.read(file);
    await writeFile(join(vendor.directory, file), text.replace('"scope": "first"', '"scope": "later"'));

    expect(await vendor.refusal('change', 'show', 'CHG-1')).toBe('vendor/record-invalid');
    await writeFile(join(vendor.directory, file), text);
  });

  it('signs nothing while its audit does not verify', async () => {
    const file = 'workspace/audit.jsonl';
    const text = await vendor.read(file);
    const lines = text.split('\n');
    await writeFile(join(vendor.directory, file), [...lines.slice(0, 2), ...lines.slice(3)].join('\n'));

    expect(await vendor.refusal('renew', 'releases')).toBe('vendor/audit-broken');
    await writeFile(join(vendor.directory, file), text);
  });

  it('goes on after an audit line that a power cut tore', async () => {
    const file = join(vendor.directory, 'workspace/audit.jsonl');
    await writeFile(file, `${await vendor.read('workspace/audit.jsonl')}{"at":"2026-`);

    await vendor.json('renew', 'releases');

    expect((await vendor.json('status')).audited).toBeGreaterThan(10);
  });

  it('publishes nothing while a signed document is missing', async () => {
    await rm(join(vendor.directory, 'workspace/repository/targets/suites'), { recursive: true });

    expect(await vendor.refusal('status')).toBe('vendor/repository-invalid');
  });
});
