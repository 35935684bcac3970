// Ten thousand agents as far as hints go, in one process: each listens and comes back by the agent's own code, and asks when it hears of news.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { listenTo } from '../../agent/adapters/server/listen.ts';
import { createHints } from '../../agent/engine/agent/hints.ts';
import { agentToken } from './agent-token.ts';

const [url = '', countText = '', keyFile = ''] = process.argv.slice(2);
const count = Number(countText);
const key = createPrivateKey(readFileSync(keyFile));
/** Not all at once: that is what is measured later. */
const FIRST_MS = 20_000;

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const kept = new Agent({ keepAlive: true, maxSockets: 64 });
/** Since when each listens; null while it does not. */
const since = new Array<number | null>(count).fill(null);
let polls = 0;
let refused = 0;

/** What a round asks first; most find that nothing is new. */
function poll(): void {
  const request = get(`${url}/repository/metadata/timestamp.json`, { agent: kept }, (response) => {
    response.resume();
    polls += 1;
    if (response.statusCode !== 200 && response.statusCode !== 304) refused += 1;
  });
  request.on('error', quiet);
}

for (let i = 0; i < count; i++) {
  const hints = createHints({
    channel: {
      listen: async (on, signal) => {
        const ended = await listenTo(
          url,
          () => agentToken(key, i),
          {
            ...on,
            onOpen: () => {
              since[i] = performance.timeOrigin + performance.now();
              on.onOpen();
            },
          },
          signal,
        );
        since[i] = null;
        return ended;
      },
    },
    ...{ clock: systemClock, log, chance: Math.random, onNews: poll, onProposals: quiet },
  });
  setTimeout(() => void hints.run(new AbortController().signal), Math.random() * FIRST_MS);
}

// Whoever measures asks with a line, and is answered with one.
process.stdin.on('data', () => {
  const times = since.filter((at) => at !== null);
  process.stdout.write(`${JSON.stringify({ listening: times.length, times, polls, refused })}\n`);
});
