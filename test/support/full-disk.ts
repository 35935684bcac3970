// Loaded before a program (`--import`): what it writes to files, one call after the other, finds the disk full.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

function full(): never {
  throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
}

const { writeSync } = fs;
// Its standard output is none of the disk.
fs.writeSync = ((fd: number, text: string) => (fd > 2 ? full() : writeSync(fd, text))) as typeof writeSync;
fs.copyFileSync = full;
fs.linkSync = full;
syncBuiltinESMExports();
