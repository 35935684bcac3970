// Sends the example of a route to a real server, as a program would that has only read the documentation.
import { once } from 'node:events';
import { EXAMPLE_TAG, pathOf } from '../../server/http/openapi.ts';
import type { Route } from '../../server/http/route.ts';
import type { ExampleFleet } from './example-fleet.ts';
import { listenForHints } from './listening-agent.ts';

export interface Tried {
  readonly status: number;
  readonly headers: Headers;
  /** As the examples would say it. */
  readonly text: string;
}

export async function tryExample(fleet: ExampleFleet, route: Route): Promise<Tried> {
  const { method, example, access, ifMatch, raw, holds, status } = route;
  const { params = {}, query = {}, body } = fleet.toReal(example);
  const path = Object.entries(params).reduce(
    (address, [name, value]) => address.replace(name === '*' ? '{path}' : `{${name}}`, String(value)),
    pathOf(route),
  );
  const search = new URLSearchParams(
    Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]),
  );
  if (status === 101) return await listen(fleet);
  const bytes = raw === 'stream' && holds === undefined ? fleet.pack : undefined;
  const response = await fetch(`${fleet.url}${path}?${search}`, {
    method,
    headers: {
      ...(await credential(fleet, access)),
      ...(ifMatch === true ? { 'if-match': EXAMPLE_TAG } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(bytes === undefined ? {} : { body: new Uint8Array(bytes) }),
  });
  const { headers } = response;
  return { status: response.status, headers, text: fleet.toExample(await response.text()) };
}

/** Becomes a WebSocket, and waits for the first word. */
async function listen({ server, agent, url }: ExampleFleet): Promise<Tried> {
  const { websocket } = await listenForHints(url, await agent.token());
  const said = once(websocket, 'message');
  server.context.hub.tell([agent.instance], { proposals: true });
  const [text] = await said;
  websocket.terminate();
  return { status: 101, headers: new Headers(), text: String(text) };
}

async function credential({ server, agent }: ExampleFleet, access: Route['access']) {
  if (access === 'agent') return { authorization: `Bearer ${await agent.token()}` };
  return access === 'public' ? {} : await server.bearer('admin');
}
