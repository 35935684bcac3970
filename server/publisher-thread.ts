// The thread of the publisher: repository and a connection to the database that are nobody else's, and the keys for what is published.
import { workerData } from 'node:worker_threads';
import { answerQuestions, tellNews } from '../shared/node/thread.ts';
import { type BackupData, keepCommits } from './backup/published.ts';
import { findChange, recordPublication } from './db/changes.ts';
import { openDatabase } from './db/database.ts';
import { databaseClock, tellOthers } from './db/neighbours.ts';
import { inPublishingTurn } from './db/publishing.ts';
import { openOnlineKeys } from './repository/online-keys.ts';
import { openStore } from './repository/open-store.ts';
import { readPassphrase } from './repository/passphrase.ts';
import { createPublisher } from './repository/publisher.ts';
import type { PublisherAnswer, PublisherData, PublisherQuestion } from './repository/publisher-beside.ts';

const { layout, database, repository, passphrase, backup }: PublisherData & BackupData = workerData;

answerQuestions<PublisherQuestion, PublisherAnswer>(async () => {
  const keys = await openOnlineKeys(layout, await readPassphrase(layout, passphrase));
  const db = await openDatabase(database);
  const now = await databaseClock(db);
  const store = openStore(repository);
  const kept = backup === null ? null : keepCommits(backup, { layout, db, store, now });
  const publisher = await createPublisher({
    ...{ store, keys, now, onChange: tellNews },
    findChange: (id) => findChange(db, id),
    inTurn: (work) => inPublishingTurn(db, work),
    recordCommit: (commit, turn) => recordPublication(db, commit, turn.id, now()),
    announce: () => tellOthers(db, 'publication'),
    ...(kept === null ? {} : { keepCommit: kept.send }),
  });
  return {
    answer: async (question) => {
      switch (question.kind) {
        case 'open':
          return {
            ...{ kind: 'open', onlineKeys: publisher.onlineKeys, haltsKey: publisher.haltsKey },
            receiptKey: publisher.receiptKey,
            published: publisher.published(),
          };
        case 'publish':
          return { kind: 'publish', reply: await publisher.publishFile(question.file, question.actor) };
        case 'halt':
          return { kind: 'halt', signed: await publisher.halt(question.orders) };
        case 'resign':
          return { kind: 'resign', outcome: await publisher.resign() };
        case 'prune':
          return { kind: 'prune', pruned: await publisher.prune() };
        case 'follow':
          await publisher.follow();
          return { kind: 'follow' };
      }
    },
    close: async () => {
      await store.close();
      await kept?.close();
      await db.destroy();
    },
  };
});
