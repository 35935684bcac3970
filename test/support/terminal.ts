// A terminal before a running agent: what commands print is kept, what they ask is answered.
import type { CliContext } from '../../agent/cli/context.ts';
import { createProgram } from '../../agent/cli/program.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { createStyle } from '../../shared/present/table.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import { DEFAULT_POLICY, type Policy } from '../../shared/schema/policy.ts';
import { createAgentNetwork, releaseOf } from './agent-network.ts';
import { holdToAnswer } from './declared-answers.ts';
import { settle } from './fake-clock.ts';

interface Overrides {
  readonly json?: boolean;
  readonly interactive?: boolean;
  readonly answer?: boolean;
  readonly passphrase?: string;
}

/** An agent on this channel with one release on offer, and a terminal in front of it. */
export async function atTerminal(channel: Policy['channel'], overrides: Overrides = {}) {
  const network = createAgentNetwork();
  network.world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel } };
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await network.world.clock.advance(1000);
  const printed: string[] = [];
  const asked: string[] = [];
  const shown: { step: string; done: number; total: number | null }[] = [];
  const context: CliContext = {
    stateDir: '/state',
    zone: 'UTC',
    passphrase: overrides.passphrase,
    askSecret: async () => '',
    json: overrides.json === true,
    interactive: overrides.interactive === true,
    style: createStyle(false),
    client: {
      async call(method, path, reply, body) {
        try {
          return parseDocument(
            reply,
            JSON.parse(JSON.stringify(await network.ask(method, path, body))),
            'answer',
          );
        } catch (error) {
          if (!isFairleadError(error) || error.code === 'document/invalid') throw error;
          const { code, message, hint, exit } = error;
          throw new FairleadError('agent/refused', { code, message, hint, exit });
        }
      },
    },
    clock: { ...network.world.clock, sleep: () => settle() },
    readLogsAtRest: () => Promise.reject(new Error('an agent runs here')),
    verifyDownload: () => Promise.reject(new Error('nothing is downloaded here')),
    print: (text) => void printed.push(text),
    progress: { show: (step, done, total) => void shown.push({ step, done, total }), clear: () => undefined },
    confirm: async (question) => {
      asked.push(question);
      return overrides.answer === true;
    },
  };
  const lines = () => printed.join('\n').split('\n');
  /** Runs a command as it is typed, with --json; answers its one document, and holds it to what it declares. */
  const type = async (...argv: readonly string[]) => {
    printed.length = 0;
    const program = createProgram({
      createContext: async () => ({ ...context, json: true }),
      runAgent: () => Promise.reject(new TypeError('an agent runs already')),
      exit: () => undefined,
    });
    await program.parseAsync([...argv, '--json'], { from: 'user' });
    const document = JSON.parse(printed.join('\n'));
    await holdToAnswer(program, argv, document);
    return document;
  };
  return {
    ...network,
    context,
    printed,
    asked,
    shown,
    lines,
    type,
    json: () => JSON.parse(printed.join('\n')),
  };
}
