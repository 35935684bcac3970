// The publisher as the API knows it: in a thread of its own, which alone holds the online keys and reads what publishers send.
import { startOnDemand, startThread } from '../../shared/node/thread.ts';
import type { OnlineKeysReply, PublicationReply } from '../../shared/protocol/publication.ts';
import type { Layout } from './layout.ts';
import type { PassphraseSource } from './passphrase.ts';
import type { Publisher } from './publisher.ts';
import type { Published } from './state.ts';

/** What its thread needs in order to begin. */
export interface PublisherData {
  readonly layout: Layout;
  readonly database: string;
  readonly passphrase: PassphraseSource;
}

export type PublisherQuestion =
  | { readonly kind: 'open' }
  | { readonly kind: 'publish'; readonly file: string; readonly actor: string }
  | { readonly kind: 'resign' };

export type PublisherAnswer =
  | { readonly kind: 'open'; readonly onlineKeys: OnlineKeysReply; readonly published: Published }
  | { readonly kind: 'publish'; readonly reply: PublicationReply }
  | { readonly kind: 'resign'; readonly outcome: 'signed' | 'fresh' | 'empty' };

/** The largest publication takes half of it. A thread that wants more ends, and the next one finds what was committed. */
const HEAP_MB = 2_048;

/** `onChange` is told when the repository serves something else. Errors: those of opening keys and database. */
export async function startPublisher(
  module: URL,
  data: PublisherData,
  onChange: () => void,
): Promise<Publisher> {
  let published: Published;
  const onNews = (news: unknown) => {
    published = news as Published;
    onChange();
  };
  const thread = startOnDemand<PublisherQuestion, PublisherAnswer>(
    () => startThread(module, { data, onNews, limits: { maxOldGenerationSizeMb: HEAP_MB } }),
    null,
  );
  const ask = async <Kind extends PublisherQuestion['kind']>(
    question: PublisherQuestion & { readonly kind: Kind },
  ) => (await thread.ask(question)) as PublisherAnswer & { readonly kind: Kind };
  const opened = await ask({ kind: 'open' });
  published = opened.published;
  return {
    onlineKeys: opened.onlineKeys,
    published: () => published,
    publishFile: async (file, actor) => (await ask({ kind: 'publish', file, actor })).reply,
    resign: async () => (await ask({ kind: 'resign' })).outcome,
    stop: () => thread.stop(),
  };
}
