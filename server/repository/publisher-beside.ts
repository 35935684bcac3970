// The publisher as the API knows it: in a thread of its own, which alone signs metadata and reads what publishers send.
import { stat } from 'node:fs/promises';
import type { OwnPath } from '../../shared/node/own-parts.ts';
import { startOnDemand, startThread } from '../../shared/node/thread.ts';
import type { PublicationReply } from '../../shared/protocol/publication.ts';
import type { DatabaseAddress } from '../core/database-address.ts';
import type { RepositoryAddress } from '../core/repository-address.ts';
import type { HaltOrder } from './halting.ts';
import type { Layout } from './layout.ts';
import { COMMIT, TIMESTAMP } from './names.ts';
import { isDue } from './online-metadata.ts';
import type { PassphraseSource } from './passphrase.ts';
import type { Pruned } from './prune.ts';
import type { Publisher } from './publisher.ts';
import type { Published } from './state.ts';
import type { RepositoryStore } from './store.ts';

/** What its thread needs in order to begin. */
export interface PublisherData {
  readonly layout: Layout;
  readonly database: DatabaseAddress;
  readonly repository: RepositoryAddress;
  readonly passphrase: PassphraseSource;
}

export type PublisherQuestion =
  | { readonly kind: 'open' }
  | { readonly kind: 'publish'; readonly file: string; readonly actor: string }
  | { readonly kind: 'halt'; readonly orders: readonly HaltOrder[] }
  | { readonly kind: 'resign' }
  | { readonly kind: 'prune' }
  | { readonly kind: 'follow' };

export type PublisherAnswer =
  | ({ readonly kind: 'open'; readonly published: Published } & Pick<
      Publisher,
      'onlineKeys' | 'receiptKey' | 'haltsKey'
    >)
  | { readonly kind: 'publish'; readonly reply: PublicationReply }
  | { readonly kind: 'halt'; readonly signed: number }
  | { readonly kind: 'resign'; readonly outcome: 'signed' | 'fresh' | 'empty' }
  | { readonly kind: 'prune'; readonly pruned: Pruned }
  | { readonly kind: 'follow' };

/** The largest publication takes half of it. A thread that wants more ends, and the next one finds what was committed. */
const HEAP_MB = 2_048;
/** With nothing to publish it ends and gives its memory back; the next one begins in a fraction of a second. */
const IDLE_MS = 60_000;
/** After a large publication at once. */
const LARGE_BYTES = 4 * 2 ** 20;

/** `onChange` is told when the repository serves something else. Errors: those of opening keys and database. */
export async function startPublisher(
  module: OwnPath,
  data: PublisherData,
  store: RepositoryStore,
  onChange: (published: Published) => void,
): Promise<Publisher> {
  let published: Published;
  // A publication that was committed and could not be made visible is finished by the next question.
  let isSettled = true;
  const onNews = (news: unknown) => {
    published = news as Published;
    onChange(published);
  };
  const thread = startOnDemand<PublisherQuestion, PublisherAnswer>(
    () => startThread(module, { data, onNews, limits: { maxOldGenerationSizeMb: HEAP_MB } }),
    IDLE_MS,
  );
  const ask = async <Kind extends PublisherQuestion['kind']>(
    question: PublisherQuestion & { readonly kind: Kind },
  ) => (await thread.ask(question)) as PublisherAnswer & { readonly kind: Kind };
  let seen = await look(store);
  const opened = await ask({ kind: 'open' });
  published = opened.published;
  return {
    onlineKeys: opened.onlineKeys,
    receiptKey: opened.receiptKey,
    haltsKey: opened.haltsKey,
    published: () => published,
    publishFile: async (file, actor) => {
      const { size } = await stat(file);
      isSettled = false;
      try {
        const { reply } = await ask({ kind: 'publish', file, actor });
        isSettled = true;
        return reply;
      } finally {
        if (size > LARGE_BYTES) void thread.stop();
      }
    },
    halt: async (orders) => {
      isSettled = false;
      const { signed } = await ask({ kind: 'halt', orders });
      isSettled = true;
      return signed;
    },
    resign: async () => {
      const { signed } = published;
      const due = signed === null ? null : isDue(signed, Date.now());
      if (isSettled && due !== null && !due.snapshot && !due.timestamp) return 'fresh';
      const { outcome } = await ask({ kind: 'resign' });
      isSettled = true;
      return outcome;
    },
    prune: async () => (await ask({ kind: 'prune' })).pruned,
    follow: async () => {
      // Nothing is asked of the thread, nor kept in memory for it, while the files stay what they are.
      const now = await look(store);
      if (now === seen) return;
      await ask({ kind: 'follow' });
      seen = now;
    },
    stop: () => thread.stop(),
  };
}

/** Another text whenever something was published, or waits to be finished. */
async function look(store: RepositoryStore): Promise<string> {
  const found = await Promise.all([TIMESTAMP, COMMIT].map((name) => store.tagOf(name)));
  return found.map((tag) => tag ?? '-').join(', ');
}
