// Secrets planted in what programs are given, and looked for in all that they print, keep and send.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArgumentSpec, OptionSpec } from '../../shared/cli/command.ts';

export interface Canaries {
  /** 32 characters, as tokens and codes have them: nothing refuses it for its form. */
  plant(where: string): string;
  /** A secret that somebody else made. */
  know(where: string, secret: string): void;
  /** What of all that was planted a text shows: as it is, or as something that anybody can read back. */
  findIn(text: string): readonly string[];
}

/** How what was planted looks in hexadecimal, and in base64 wherever it begins. */
const MARKS = [
  'CANARY',
  Buffer.from('CANARY').toString('hex'),
  ...[0, 1, 2].map((before) => {
    const bits = Buffer.from(`${'-'.repeat(before)}CANARY`)
      .toString('base64')
      .replace(/=+$/, '');
    return bits.slice(before === 0 ? 0 : before + 1, bits.length - 1);
  }),
];

export function createCanaries(): Canaries {
  const planted = new Map<string, string>();
  return {
    plant: (where) => {
      const text = `CANARY${randomBytes(20).toString('base64url').replace(/[-_]/g, 'x')}`.slice(0, 32);
      planted.set(where, text);
      return text;
    },
    know: (where, secret) => void planted.set(where, secret),
    findIn: (text) => {
      const mark = MARKS.find((one) => text.includes(one));
      const shown = [...planted].filter(
        ([, secret]) => (mark !== undefined || !secret.startsWith('CANARY')) && text.includes(secret),
      );
      if (mark === undefined || shown.length > 0) return shown.map(([where]) => where);
      return [`something that was planted: ${text.slice(text.indexOf(mark), text.indexOf(mark) + 60)}`];
    },
  };
}

/** What a file may hold that somebody named by mistake, or whose text a reader finds fault with. */
export const FORMS: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `${secret}\n${secret}\n`,
  (secret) => `{"schema":"fairlead/x@1","secret":${secret}}`,
  (secret) => `{"kty":"OKP","crv":"Ed25519","d":"${secret}","roles":["${secret}"],"box":"${secret}"}`,
  (secret) => `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
];

interface Command {
  readonly name: string;
  readonly example?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
}

/** A place of a command line where a file or a text goes in. */
export interface Door {
  readonly command: string;
  /** `--key <file>`, or the name of an argument. */
  readonly door: string;
  /** What its value is: `file`, `text`. */
  readonly value: string;
  /** An option that many commands have is tried with everything at the first of them. */
  readonly isFirst: boolean;
  /** The command as its example has it, with this in the door; other files that it names are in this directory. */
  argv(given: string, dir: string): readonly string[];
}

/** Every door of these commands that takes a value; `isFirst` of all that look like it. */
export function doorsOf(commands: readonly Command[]): readonly Door[] {
  const known = new Set<string>();
  const doors = commands.flatMap((command) => [
    ...(command.arguments ?? []).map((argument, place) => doorOf(command, argument.name, place)),
    ...(command.options ?? [])
      .filter(({ flags }) => flags.includes('<'))
      .map(({ flags }) => doorOf(command, flags, null)),
  ]);
  return doors.map((door) => {
    const isFirst = !known.has(door.door);
    known.add(door.door);
    return { ...door, isFirst };
  });
}

function doorOf(command: Command, door: string, place: number | null): Omit<Door, 'isFirst'> {
  const example = wordsOf(command.example ?? command.name);
  const own = command.name.split(' ').length;
  return {
    command: command.name,
    door,
    value: /[<[]([^>\]]+)[>\]]$/.exec(door)?.[1]?.replace('...', '') ?? '',
    argv: (given, dir) => {
      const words = example.map((word) => (FILE.test(word) ? join(dir, word) : word));
      if (place !== null) return words.toSpliced(own + place, 1, given);
      const flag = door.split(' ')[0]?.replace(/,$/, '') ?? '';
      const at = words.indexOf(flag);
      return at === -1 ? [...words, flag, given] : words.toSpliced(at + 1, 1, given);
    },
  };
}

const FILE = /^[a-z-]+\.(?:json|jsonl|txt|token|pass)$/;

/** As a shell parts them; what comes after `<` is the shell's. */
function wordsOf(text: string): readonly string[] {
  const words = [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
  const redirected = words.findIndex((word) => word.startsWith('<'));
  return redirected === -1 ? words : words.slice(0, redirected);
}

/** Every environment variable that the sources in these folders name. */
export function variablesIn(...folders: readonly string[]): readonly string[] {
  const root = join(import.meta.dirname, '../..');
  const found = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => {
        const text = readFileSync(join(root, folder, path), 'utf8');
        return [...text.matchAll(/\b(?:env|environment)(?:\.|\['?)([A-Z][A-Z_]+)|\benv: '([A-Z_]+)'/g)].map(
          ([, read, declared]) => read ?? declared ?? '',
        );
      }),
  );
  return [...new Set(found)].sort();
}

/** Each file below a directory that shows something, with what. */
export function findInFiles(canaries: Canaries, dir: string): readonly (readonly [string, string])[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      return canaries.findIn(readFileSync(path, 'latin1')).map((where) => [path, where] as const);
    });
}
