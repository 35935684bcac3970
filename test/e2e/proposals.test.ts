// Proposals from the vendor's API to an install and back: what the policy says, what a person says, and what the server then shows.
import { describe, expect, it } from 'vitest';
import type { DescribedProposal } from '../../shared/protocol/proposal.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import {
  committed,
  type Earlier,
  releaseAnew,
  startEarlier,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';

const PATIENCE_MS = 300_000;

interface Server {
  ask(method: string, path: string, body?: object): Promise<Record<string, never>>;
  /** The status of a proposal once it is one of these. */
  answered(id: string, ...statuses: readonly string[]): Promise<Record<string, never>>;
}

async function operatorOf({ run, port }: Earlier): Promise<Server> {
  const options = ['--dir', 'server', '--role', 'operator', '--name', 'fleet'];
  const token = (await run('fairlead-server', 'token', 'create', ...options)).trim();
  const ask: Server['ask'] = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, never>;
    if (!response.ok) throw new Error(JSON.stringify(json));
    return json;
  };
  return {
    ask,
    answered: (id, ...statuses) =>
      until(async () => {
        const found = await ask('GET', `proposals/${id}`);
        return statuses.includes(String(found.status)) ? found : null;
      }),
  };
}

describe('a vendor that proposes', { timeout: PATIENCE_MS }, () => {
  it('asks a frozen install, is ignored by another word of its policy, and obeyed by a third', async () => {
    const earlier = await unpackEarlier();
    const { run, json } = earlier;
    await startEarlier(earlier);
    const { editor } = createOfflineEdition();
    const { component } = editor;
    await run('fairlead', 'channel', 'set', 'frozen', '--reason', 'year end');
    await releaseAnew(earlier, editor, '1.3.8');
    const server = await operatorOf(earlier);
    const instance = (await json<{ instance: { id: string } }>('status')).instance.id;
    const to = { instance_id: instance, reason: 'certified' };

    // A policy of the earlier version says `propose`, and still does.
    const pin = (await server.ask('POST', 'versions/pin', {
      ...to,
      component,
      version: '~1.3',
    })) as never as {
      pins: { id: string }[];
    };
    const deploy = (await server.ask('POST', 'deployments', {
      ...to,
      release: `${component}@1.3.8`,
    })) as never as {
      deployments: { id: string }[];
    };
    const ids = [pin.pins[0]?.id ?? '', deploy.deployments[0]?.id ?? ''];
    const waiting = await until(async () => {
      const { proposals } = await json<{ proposals: DescribedProposal[] }>('proposals');
      return proposals.filter(({ state }) => state === 'waiting').length === 2 ? proposals : null;
    });
    for (const id of ids) await server.answered(id, 'queued');
    for (const { number } of waiting) await run('fairlead', 'accept', String(number), '--reason', 'agreed');

    expect(await server.answered(ids[0] ?? '', 'accepted')).toMatchObject({ answer: { answer: 'accepted' } });
    expect(await server.answered(ids[1] ?? '', 'accepted')).toMatchObject({ answer: { change: 8 } });
    await committed(json, 8);
    const policy = await json<{ policy: { pins: object[] } }>('policy', 'show');
    expect(policy.policy.pins).toMatchObject([{ name: component, version: '~1.3' }]);

    await run('fairlead', 'remote', 'set', 'ignore', '--reason', 'no calls today');
    const unpin = async () => {
      const made = await server.ask('POST', 'versions/unpin', { ...to, component });
      return (made as never as { pins: { id: string }[] }).pins[0]?.id ?? '';
    };
    expect(await server.answered(await unpin(), 'ignored')).toMatchObject({
      answer: { code: 'proposal/ignored' },
    });

    await run('fairlead', 'remote', 'set', 'accept', '--kind', 'unpin', '--reason', 'they may');
    await server.answered(await unpin(), 'accepted');
    expect((await json<{ policy: { pins: object[] } }>('policy', 'show')).policy.pins).toEqual([]);
    expect(await run('fairlead', 'audit', 'verify')).toContain('whole');
  });
});
