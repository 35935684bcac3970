// The stand-in for docker, put before the real one on the PATH of the test.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const FAKE = new URL('fake-docker', import.meta.url).pathname;
const PATH = process.env.PATH;

/** Answers with the directory in which it keeps its state. */
export function useFakeDocker(stateDir: string): string {
  const engine = join(stateDir, 'engine', 'state');
  mkdirSync(join(engine, 'images'), { recursive: true });
  mkdirSync(join(engine, 'projects'));
  copyFileSync(FAKE, join(stateDir, 'engine', 'docker'));
  process.env.PATH = `${join(stateDir, 'engine')}:${PATH}`;
  return engine;
}
