// Clients under way while something changes: some with a connection for each request, some that keep theirs.
import { Agent, type ClientRequest, get } from 'node:http';

export interface HttpLoad {
  stop(): Promise<{ readonly answers: readonly string[]; readonly failures: readonly string[] }>;
}

/** Clients of every patience, two of each: one keeps its connection. */
export function startLoad(port: number): HttpLoad {
  const answers: string[] = [];
  const failures: string[] = [];
  let stopped = false;
  const client = async (wait: number, agent: Agent | false) => {
    while (!stopped) {
      await ask(`http://127.0.0.1:${port}/?wait=${wait}`, agent).then(
        (text) => answers.push(text),
        (error: Error) => failures.push(error.message),
      );
    }
    if (agent !== false) agent.destroy();
  };
  const patiences = [20, 40, 80, 160];
  const clients = patiences.flatMap((wait) => [
    client(wait, false),
    client(wait, new Agent({ keepAlive: true, maxSockets: 1 })),
  ]);
  return {
    async stop() {
      stopped = true;
      await Promise.all(clients);
      return { answers, failures };
    },
  };
}

/** A kept connection may end in the moment it is used again: RFC 9112 §9.3.1 lets the client ask once more. */
async function ask(url: string, agent: Agent | false): Promise<string> {
  for (;;) {
    const asked: { request?: ClientRequest } = {};
    try {
      return await answerTo(url, agent, (request) => {
        asked.request = request;
      });
    } catch (error) {
      if (asked.request?.reusedSocket !== true) throw error;
    }
  }
}

function answerTo(url: string, agent: Agent | false, onRequest: (request: ClientRequest) => void) {
  return new Promise<string>((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    onRequest(request);
    request.on('error', reject);
  });
}
