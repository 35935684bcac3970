// Errors of webhooks: where they may go, and what is asked of one.
import { EXIT, entry } from './entry.ts';

export const WEBHOOK_ERRORS = {
  'webhook/address-refused': entry<{ readonly problem: string }>({
    message: (d) => `no webhook goes to this address: ${d.problem}`,
    hint: () =>
      'give an address such as https://receiver.example/fairlead; a receiver in a network of your own needs --webhook-networks at the server',
    http: 422,
    exit: EXIT.usage,
  }),
} as const;
