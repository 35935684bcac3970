// Loaded before a program: kills it at its n-th rename, half of the time before and half of the time after it took effect.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const at = Number(process.env.KILL_AT);
const rename = fs.promises.rename;
let count = 0;

fs.promises.rename = async (from, to) => {
  count++;
  const isLast = Math.ceil(at / 2) === count;
  if (isLast && at % 2 === 1) process.kill(process.pid, 'SIGKILL');
  await rename(from, to);
  if (isLast) process.kill(process.pid, 'SIGKILL');
};
syncBuiltinESMExports();
