// Every command of the three programs that prints a document with `--json` declares it, and prints what it declares.
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FLEET } from '../../../server/vendor/cli/specs/fleet.ts';
import { answerOf } from '../../../shared/cli/command.ts';
import { createPrograms, leavesOf } from '../../docs/pages/programs.ts';
import { releaseOf } from '../../support/agent-network.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { settle } from '../../support/fake-clock.ts';
import { atTerminal } from '../../support/terminal.ts';
import { createVendor, sourcesOf } from '../../support/vendor.ts';

/** They print lines: a script, a log, what a server is doing. */
const PRINT_NO_DOCUMENT = ['fairlead completion', 'fairlead agent run'];
/** They change a whole machine: `test/agent/adapters/machine/agent-unit.test.ts` holds them to what they declare, on one booted for it. */
const NEED_A_MACHINE = [
  'fairlead agent install',
  'fairlead agent reinstall',
  'fairlead agent uninstall',
  'fairlead agent enroll',
  'fairlead agent move',
];
/** Asked of a repository in `test/docs/release-fairlead.test.ts`. */
const NEED_A_REPOSITORY = ['fairlead verify-download'];
/** Each is asked of a real server in `test/server/vendor/cli/fleet.test.ts`, which holds that none is left out. */
const NEED_A_FLEET = FLEET.map(({ name }) => `fairlead-vendor ${name}`);

const [agent, vendor, server] = createPrograms();
const commandsOf = (program = agent) => (program === undefined ? [] : leavesOf(program));

function nameOf(command: { name(): string; parent: unknown }): string {
  const parent = command.parent as Parameters<typeof nameOf>[0] | null;
  return parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

describe('commands', () => {
  it.each([agent, vendor].flatMap(commandsOf).map((command) => [nameOf(command), command] as const))(
    '%s declares what it prints',
    async (name, command) => {
      const answer = await answerOf(command);

      expect(answer === null).toBe(PRINT_NO_DOCUMENT.includes(name));
    },
  );

  it('of the server print lines for people', async () => {
    const answers = await Promise.all(commandsOf(server).map(answerOf));

    expect(new Set(answers)).toEqual(new Set([null]));
  });
});

it('every command of fairlead, asked in turn, prints what it declares', { timeout: 60_000 }, async () => {
  const { type, publish, world } = await atTerminal('manual', { passphrase: 'a passphrase for tests' });
  const directory = temporaryDirectory();
  const asked = new Set<string>();
  const run = async (...argv: readonly string[]) => {
    asked.add(argv.join(' '));
    return await type(...argv);
  };
  const why = ['--reason', 'a test'];

  await run('status');
  await run('sbom');
  await run('check');
  publish(releaseOf('1.1.0', { settings: { level: { type: 'string', default: 'info' } } }));
  await run('check');
  await run('settings', 'set', 'core/auth', 'level', 'debug', ...why);
  await run('settings', 'unset', 'core/auth', 'level', ...why);
  const plan = String((await run('explain')).decision.target?.plan);
  await run('plan');
  await run('plan', 'core/auth@1.1.0');
  await run('stage');
  await run('approve', plan, ...why);
  await settle();
  await run('approvals', 'list');
  publish(releaseOf('1.2.0'));
  await run('check');
  await run('apply', '--now', ...why);
  await run('changes');
  await run('change', '1');
  await run('logs', 'core/auth');
  await run('advisories');
  await run('rollback', '--rehearse', ...why);
  await run('rollback', ...why);
  await run('verify');
  await run('verify', '--repair', ...why);
  await run('quarantine', 'lift', 'core/auth', ...why);
  await run('channel', 'set', 'manual', ...why);
  await run('security', 'from', 'high', ...why);
  await run('policy', 'show');
  await run('policy', 'check');
  await run('settings', 'list');
  await run('allow', 'add', 'core/auth', 'devices', ...why);
  await run('allow', 'list');
  await run('allow', 'remove', 'core/auth', 'devices', ...why);
  await run('facts', 'set', 'database', 'postgresql:16,redis', ...why);
  await run('facts', 'list');
  await run('facts', 'unset', 'database', ...why);
  await run('pin', 'add', 'core/auth', '1.0.0', ...why);
  await run('pin', 'list');
  await run('pin', 'remove', 'core/auth', ...why);
  await run('hold', '4h', ...why);
  await run('release', ...why);
  await run('window', 'add', 'night', '--cron', '0 2 * * *', '--duration', '4h', ...why);
  await run('window', 'list');
  await run('window', 'remove', 'night', ...why);
  const key = join(directory, 'alice.json');
  await run('approver', 'create', 'alice', '--key', key);
  await run('approver', 'trust', 'alice', key, ...why);
  await run('approver', 'require', '1', ...why);
  await run('approver', 'list');
  const out = join(directory, 'receipt.json');
  publish(releaseOf('1.3.0'));
  const later = String((await run('check')).decision.target?.plan);
  await run('deny', later, ...why, '--key', key, '--out', out);
  await run('approvals', 'import', out);
  await run('approver', 'remove', 'alice', ...why);
  await run('remote', 'set', 'propose', ...why);
  for (const component of ['core/auth', 'core']) {
    world.vendor.propose({ kind: 'pin', component, version: '1.0.0' });
  }
  await run('check');
  await settle();
  await run('policy', 'adopt', 'careful', ...why);
  await run('proposals');
  await run('accept', '1', ...why);
  await run('decline', '2', ...why);
  await run('agent', 'network', '--direct', '10.0.0.0/8', '--mirrors', 'https://mirror.test/copy');
  await run('agent', 'notify', '--webhook', 'https://pager.test/x');
  await run('outbox');
  await run('reporting', 'set', 'off', ...why);
  await run('doctor');
  await run('audit', 'verify');
  await run('audit', 'export', join(directory, 'log.jsonl'));
  await run('audit', 'receipts', join(directory, 'receipts.jsonl'));

  expect(untold(agent, asked)).toEqual([]);
});

it('every command of fairlead-vendor, asked in turn, prints what it declares', {
  timeout: 120_000,
}, async () => {
  // `init` is the first of them.
  const bench = await createVendor();
  onTestFinished(() => bench.close());
  const asked = new Set(['init']);
  const run = async (...argv: readonly string[]) => {
    asked.add(argv.join(' '));
    return await bench.json(...argv);
  };
  const open = (version: string) =>
    run(
      'change',
      'open',
      '--component',
      'core/web',
      '--version',
      version,
      '--revision',
      'git:1',
      '--scope',
      'x',
    );
  const platformAbout = [
    '--component',
    'platform',
    '--version',
    '1.0.0',
    '--revision',
    'git:1',
    '--scope',
    'x',
  ];
  const offered = async (version: string) => {
    const text = `core/web@${version}`;
    const { id } = (await open(version)).change as { id: string };
    const sources = await sourcesOf(bench, text);
    await run('lint', text, ...sources);
    await run('build', text, '--change', id, ...sources);
    await run('verify', id);
    await run('release', id);
    return id;
  };

  const id = await offered('1.0.0');
  await run('rollout', 'start', id, '--waves', '100%');
  await run('rollout', 'pause', id);
  await run('rollout', 'resume', id);
  await run('rollout', 'guard', id, '--halt-over', '5%');
  await run('rollout', 'halt', id, '--reason', 'a test');
  await run('rollout', 'status', id);
  await run('trace', id);
  await run('proposals');
  bench.server.counts.set(id, { committed: 1, rolledBack: 0, inProgress: 0, failed: 0 });
  await run('change', 'complete', id);
  await run('promote', 'core/web@1.0.0', '--track', 'candidate');
  const bundle = (await run('statements', 'export', id)).file as string;
  await run('statements', 'verify', bundle);
  await run('withdraw', 'core/web@1.0.0');
  await offered('1.0.1');
  const advisory = [
    '--id',
    'FL-2026-0001',
    '--severity',
    'low',
    '--title',
    'a hole',
    '--cve',
    'CVE-2026-0001',
  ];
  await run('advisory', 'publish', ...advisory, '--affected', 'core/web:<1.0.1', '--fixed', 'core/web@1.0.1');
  const record = await bench.write('osv.json', {
    ...{ id: 'GHSA-jfh8-c2jp-5v3q', modified: '2026-01-01T00:00:00Z', summary: 'a hole' },
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N' }],
    affected: [{ package: { ecosystem: 'npm', name: 'web' }, versions: ['1.0.0'] }],
  });
  await run('advisory', 'import', record, '--package', 'npm:web=core/web', '--impact', 'reads mail');
  for (const format of ['osv', 'csaf']) {
    const publisher = ['--publisher', 'Example Ltd', '--namespace', 'https://example.com'];
    await run('advisory', 'export', 'FL-2026-0001', '--format', format, ...publisher);
  }
  await run('advisory', 'withdraw', 'FL-2026-0001');
  const { id: given } = (await open('9.0.0')).change as { id: string };
  await run('change', 'abandon', given, '--reason', 'a test');
  await run('change', 'show', given);
  await run('change', 'list');
  const platform = (await run('change', 'open', ...platformAbout)).change as { id: string };
  await run(
    'build',
    'platform@1.0.0',
    '--change',
    platform.id,
    '--from',
    await bench.write('platform.json', { suites: {} }),
  );
  await run('verify', platform.id);
  await run('release', platform.id);
  await run('support', 'platform@1.0.0', '--until', '2031-12-31T00:00:00Z');
  await run('enrolment', 'create', '--name', 'Example Ltd');
  await run('sign');
  await run('mirrors', 'set', 'eu=https://eu.example/repository');
  await run('mirrors', 'list');
  await run('mirrors', 'clear');
  await run('renew', 'releases');
  const key = join(bench.directory, 'anna.json');
  await run('key', 'create', key, '--role', 'releases', '--label', 'anna');
  await run('key', 'rotate', 'releases', '--add', key);
  await run('key', 'list');
  await run('publish');
  await run('status');
  await run('retention', 'set', '10');
  await run('retention', 'show');
  bench.clock.aheadMs = 12 * 366 * 86_400_000;
  await run('renew', 'root', 'targets', 'releases', 'security', 'halts');
  await run('retire', 'platform@1.0.0', '--reason', 'a test');
  await run('audit', 'verify');

  expect(untold(vendor, asked)).toEqual([]);
});

/** Commands of which nothing was asked. */
function untold(program: Command | undefined, asked: ReadonlySet<string>): readonly string[] {
  return commandsOf(program)
    .map((command) => nameOf(command))
    .filter(
      (name) =>
        ![...PRINT_NO_DOCUMENT, ...NEED_A_MACHINE, ...NEED_A_FLEET, ...NEED_A_REPOSITORY].includes(name),
    )
    .filter(
      (name) => ![...asked].some((words) => ` ${words} `.startsWith(`${name.slice(name.indexOf(' '))} `)),
    );
}
