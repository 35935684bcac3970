// The thread that makes backups: it copies the database, compresses and seals, and holds up nobody.
import { workerData } from 'node:worker_threads';
import { answerQuestions } from '../shared/node/thread.ts';
import { createBackingUp } from './backup/back-up.ts';
import type { MakerData } from './backup/keeper.ts';
import type { Taken } from './backup/take.ts';
import { openDatabase } from './db/database.ts';
import { databaseClock } from './db/neighbours.ts';
import { openStore } from './repository/open-store.ts';

const { layout, database: address, repository, backup }: MakerData = workerData;

answerQuestions<'backup', Taken>(async () => {
  const db = await openDatabase(address);
  const store = openStore(repository);
  const backingUp = createBackingUp({ layout, address, db, store, now: await databaseClock(db) }, backup);
  return {
    answer: () => backingUp.backUp(),
    close: async () => {
      await backingUp.close();
      await store.close();
      await db.destroy();
    },
  };
});
