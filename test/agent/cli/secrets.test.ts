// No secret leaves the agent's program: one is planted behind every door of every command, and looked for in all it prints and keeps.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createProgram } from '../../../agent/cli/program.ts';
import { ACTS } from '../../../agent/cli/specs/acts.ts';
import { APPROVALS } from '../../../agent/cli/specs/approvals.ts';
import { POLICY } from '../../../agent/cli/specs/policy.ts';
import { PROPOSALS } from '../../../agent/cli/specs/proposals.ts';
import { QUESTIONS } from '../../../agent/cli/specs/questions.ts';
import { SERVICE } from '../../../agent/cli/specs/service.ts';
import { TOOLS } from '../../../agent/cli/specs/tools.ts';
import { runProgram } from '../../../shared/cli/run.ts';
import { createCanaries, type Door, doorsOf, FORMS, findInFiles, variablesIn } from '../../support/canary.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { startEnrolmentServer } from '../../support/enrolment-server.ts';
import { atTerminal } from '../../support/terminal.ts';

const PATIENCE_MS = 120_000;
const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;
const RUN = { name: 'agent run', example: 'agent run', options: [{ flags: '--config <file>', about: '' }] };
const DOORS = doorsOf([
  ...[...QUESTIONS, ...ACTS, ...POLICY, ...APPROVALS, ...PROPOSALS, ...TOOLS, ...SERVICE],
  RUN,
]);

/** What a file holds may be a secret, and an enrolment string is one. */
const SECRET = new Set(['file', 'path', 'string']);
const isSecret = ({ value }: Door) => SECRET.has(value);
const FORMS_HERE = [...FORMS, (text: string) => `fairlead1_${text}${'x'.repeat(60)}`];
/** Shown and kept on purpose. What a setting of a component holds that is secret has tests of its own. */
const SHOWN = [
  ...['account', 'address', 'dir', 'url', 'words'],
  ...[
    'advisory',
    'channel',
    'component',
    'count',
    'duration',
    'expression',
    'fact',
    'hosts',
    'id',
    'key',
    'kind',
    'list',
    'name',
  ],
  ...[
    'number',
    'place',
    'plan',
    'reach',
    'reporting',
    'severity',
    'span',
    'standing',
    'target',
    'template',
    'text',
    'time',
    'urls',
    'value',
  ],
  ...['version', 'what', 'zone'],
];

describe('the agent’s program', () => {
  it('has no door that this test does not know', () => {
    const values = new Set(DOORS.map(({ value }) => value));

    expect([...values].filter((value) => !SECRET.has(value)).sort()).toEqual([...SHOWN].sort());
    expect(variablesIn('agent', 'shared')).toEqual([
      ...['CI', 'DOCKER_CONFIG', 'DOCKER_HOST', 'FAIRLEAD_PASSPHRASE', 'FAIRLEAD_STATE_DIR', 'HOME'],
      ...['NO_COLOR', 'NO_PROXY', 'PATH', 'RUNTIME_DIRECTORY', 'SUDO_USER', 'SUPERVISOR_VARIABLE', 'TERM'],
    ]);
  });

  it(
    'prints nothing of what it was given behind one',
    async () => {
      const canaries = createCanaries();
      const dir = temporaryDirectory();
      const passphrase = canaries.plant('the passphrase in the environment');
      const { context } = await atTerminal('auto', { passphrase });
      const printed: string[] = [];
      const streams = { write: (text: unknown) => printed.push(String(text)) > 0 };
      const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(streams.write);
      onTestFinished(() => stderr.mockRestore());
      const shown: unknown[] = [];
      for (const [at, { command, door, value, isFirst, argv }] of DOORS.filter(isSecret).entries()) {
        for (const [i, form] of FORMS_HERE.entries()) {
          if (!isFirst && i !== at % FORMS_HERE.length) continue;
          const text = form(canaries.plant(`${command} ${door}`));
          const file = join(dir, 'given');
          writeFileSync(file, text);
          const words = argv(value === 'string' ? text : file, dir);
          const others = door.startsWith('--enroll-file') ? ['--enroll', '-'] : [];
          const line = words.filter((word) => !others.includes(word));
          const program = createProgram({
            createContext: async (options) => ({
              ...context,
              json: options.json === true,
              print: (text) => void printed.push(text),
              stateDir: join(dir, 'state'),
            }),
            runAgent: async () => 0,
            exit: () => undefined,
          });
          const dry = command === 'agent install' ? ['--dry-run'] : [];
          await runProgram(program, [...line, ...dry, '--json'], { stdout: streams, stderr: streams });
          const told = printed.splice(0).join('\n');
          if (canaries.findIn(told).length > 0) shown.push([command, door, i, told]);
          writeFileSync(file, '');
        }
      }

      expect(shown).toEqual([]);
      expect(findInFiles(canaries, dir)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'shows and keeps nothing of its identity, of the code that it came with, or of its way out',
    async () => {
      const canaries = createCanaries();
      const dir = temporaryDirectory();
      const stateDir = join(dir, 'state');
      const { string } = await startEnrolmentServer();
      canaries.know('the enrolment string', string);
      canaries.know('its code', 'c'.repeat(32));
      const proxy = `http://ann:${canaries.plant('the password of the proxy')}@127.0.0.1:1`;
      const env = { ...process.env, HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: '' };
      const told: string[] = [];
      const type = async (given: string | null, around: NodeJS.ProcessEnv, ...argv: string[]) => {
        const child = execFile(process.execPath, [CLI, ...argv, '--state-dir', stateDir], { env: around });
        child.stdout?.on('data', (text) => told.push(text));
        child.stderr?.on('data', (text) => told.push(text));
        child.stdin?.end(given ?? '');
        const [status] = await once(child, 'close');
        return status;
      };
      expect(await type(string, env, 'agent', 'enroll', '-')).not.toBe(0);
      expect(await type(string, { ...env, NO_PROXY: '127.0.0.1' }, 'agent', 'enroll', '-')).toBe(0);
      const identity = JSON.parse(readFileSync(join(stateDir, 'identity.json'), 'utf8'));
      canaries.know('the key of its identity', identity.d);
      const agent = spawn(process.execPath, [CLI, 'agent', 'run', '--state-dir', stateDir], { env });
      onTestFinished(() => void agent.kill('SIGKILL'));
      agent.stdout.on('data', (text) => told.push(String(text)));
      const runs = new Promise<void>((resolve) => {
        agent.stderr.on('data', (text) => {
          told.push(String(text));
          if (String(text).includes('the agent runs')) resolve();
        });
      });
      await runs;

      for (const line of ['check', 'status']) await type(null, env, line, '--json');
      await type(null, env, 'doctor');
      await type(null, env, 'audit', 'export', join(dir, 'audit.jsonl'));
      told.push(readFileSync(`/proc/${agent.pid}/cmdline`, 'latin1'));
      agent.kill('SIGTERM');
      await once(agent, 'close');

      expect(told.join('')).toContain('the agent runs');
      expect(canaries.findIn(told.join('\n'))).toEqual([]);
      rmSync(join(stateDir, 'identity.json'));
      expect(findInFiles(canaries, dir)).toEqual([]);
    },
    PATIENCE_MS,
  );
});
