// The account behind a local command, for the record.
import { userInfo } from 'node:os';

/** `alice (sudo)` where somebody stands behind root. Their own word: good for a record, no authority for anything. */
export function accountName(): string {
  const sudoer = process.env.SUDO_USER;
  const name = process.getuid?.() === 0 && sudoer !== undefined ? `${sudoer} (sudo)` : passwdName();
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}

function passwdName(): string {
  try {
    return userInfo().username;
  } catch {
    // Containers run accounts that no passwd file knows.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
