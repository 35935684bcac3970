// Where agents listen for hints.
import { SUBSCRIBE_PATH } from '../../../shared/protocol/hint.ts';
import { speakerOf } from '../access.ts';
import { defineRawRoute, type Route } from '../route.ts';
import { takeOver } from '../upgrade.ts';

export const SUBSCRIBE_ROUTES: readonly Route[] = [
  defineRawRoute({
    method: 'GET',
    path: SUBSCRIBE_PATH,
    access: 'agent',
    tag: 'agents',
    summary:
      'A WebSocket over which the server says when there is something new; agents that cannot listen poll as before',
    quiet: true,
    status: 101,
    media: 'application/json',
    example: { excerpt: '"proposals":true' },
    respond: async ({ hub }, request, reply) => {
      const { instance } = speakerOf(request.caller);
      const { socket, head } = takeOver(request, reply);
      hub.accept(request.raw, socket, head, instance);
    },
  }),
];
