// Analytics over HTTP: what is no question, and which days are asked about where nobody says.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function ask(path: string) {
  const headers = await server.bearer('viewer');
  return server.app.inject({ url: `/api/v1/analytics/${path}`, headers });
}

it.each([
  ['a day that there is not', 'deployments?from=2026-02-30', 'from'],
  ['what is no day', 'fleet?kind=exposed&to=yesterday', 'to'],
  ['an end before the beginning', 'deployments?from=2026-11-20&to=2026-11-19', 'from'],
  ['what nothing is grouped by', 'deployments?by=component,customer', 'by'],
  ['more groups than are told', 'deployments?limit=501', 'limit'],
  ['a component longer than any', `deployments?component=${'x'.repeat(130)}`, 'component'],
  ['nothing to be told of', 'fleet', 'kind'],
  ['a kind of nothing', 'fleet?kind=weather', 'kind'],
  ['a key that means nothing', 'fleet?kind=exposed&since=P1D', 'since'],
])('refuses %s, and names it', async (_what, path, field) => {
  const { statusCode, body } = await ask(path);

  expect([statusCode, body]).toEqual([400, expect.stringContaining(field)]);
});

it.each(["core/auth' or '1'='1", '%', '../../x', '\u202e'])(
  'takes %s for a name that nothing has',
  async (name) => {
    const named = encodeURIComponent(name);
    const answers = [
      await ask(`deployments?component=${named}&version=${named}`),
      await ask(`fleet?kind=running&name=${named}`),
    ];

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(answers.map((answer) => answer.json())).toMatchObject([{ groups: [] }, { series: [] }]);
  },
);

it('tells of thirty days up to today where nobody says of which', async () => {
  const { from, to } = (await ask('deployments')).json() as { readonly from: string; readonly to: string };

  expect(to).toBe(new Date(server.now).toISOString().slice(0, 10));
  expect(Date.parse(to) - Date.parse(from)).toBe(30 * 86_400_000);
});
