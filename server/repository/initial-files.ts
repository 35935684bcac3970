// Small files that `init` leaves for people: each written once, whole, readable by the owner only.
import { utf8 } from '../../shared/encoding/bytes.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { readTextIfPresent } from '../../shared/node/read-file.ts';

/** The one line of the file; `make` gives it when there is no file yet. */
export async function readOrWriteLine(path: string, make: () => string): Promise<string> {
  const text = await readTextIfPresent(path);
  if (text !== null) return text.trim();
  const line = make();
  await writeDurably(path, utf8(`${line}\n`));
  return line;
}
