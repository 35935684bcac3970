// One operation in a process of its own, to be killed: `node one-operation.ts OPERATION DIRECTORY`. What is acknowledged goes to standard output.
import './steady.ts';
import { writeSync } from 'node:fs';
import { END } from './operation-process.ts';
import { OPERATIONS, PROCESSES_OPERATION } from './operations.ts';
import { placeIn } from './places.ts';

const [, , name, directory] = process.argv;
const operation = [...OPERATIONS, PROCESSES_OPERATION].find((one) => one.name === name);
if (operation === undefined || directory === undefined) throw new Error('usage: OPERATION DIRECTORY');
process.umask(0o077);
await operation.perform(placeIn(directory), (fact) => void writeSync(1, `${JSON.stringify(fact)}\n`));
writeSync(1, END);
