// A process that does jobs until it is ended: it goes by a clock that the test sets, and waits in slow ones until it is let go on.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { pino } from 'pino';
import type { Context } from '../../server/context.ts';
import type { DatabaseAddress } from '../../server/core/database-address.ts';
import { openDatabase } from '../../server/db/database.ts';
import { createJobs } from '../../server/jobs/run.ts';

/** In its working directory: the clock, what each began, and who may go on. */
const [dir = '', name = '', address = ''] = process.argv.slice(2);
const database = JSON.parse(address) as DatabaseAddress;
const now = () => Number(readFileSync(join(dir, 'clock'), 'utf8'));
const say = (what: string) => appendFileSync(join(dir, 'said'), `${name} ${what}\n`);

const db = await openDatabase(database);
const log = pino({ level: 'silent' });
const context = { db, now, log, config: { database } } as Context;
const jobs = await createJobs(context, [
  {
    ...{ kind: 'once', everyMs: null, attempts: 5 },
    work: async (_context, { id, subject }) => {
      say(`began ${id}`);
      while (subject === 'slow' && !existsSync(join(dir, `go-${name}`))) await setTimeout(10);
      return async (trx) => {
        await sql`insert into effects values (${id}, ${name})`.execute(trx);
      };
    },
  },
]);
say('is ready');
for (;;) {
  if (existsSync(join(dir, `end-${name}`))) break;
  await jobs.look();
  await setTimeout(20);
}
await jobs.stop();
await db.destroy();
