// What is typed on the command line of `fairlead-server`, read strictly; commander adds which option it was.
import { isIP } from 'node:net';
import { InvalidArgumentError } from '../../shared/cli/command.ts';
import { isRelease } from '../../shared/cli/values.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { parsePatchPath } from '../../shared/protocol/publication.ts';

export function parsePort(text: string): number {
  // Digits only: `Number` reads "" as 0, "0x50" as 80 and "8e3" as 8000.
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}

/** What is wrong with it is said later, and without the text: it may hold a password. */
export function parseDatabase(text: string): string {
  if (text !== '' && text === sanitizeLine(text)) return text;
  throw new InvalidArgumentError('It must be such as postgres://fairlead@db/fairlead.');
}

/** A directory or an address; what is wrong with it is said later, and without the text: it may hold a key. */
export function parsePlace(text: string): string {
  if (text !== '' && text === sanitizeLine(text)) return text;
  throw new InvalidArgumentError('It must be a directory, or such as s3://releases/fairlead.');
}

/** As `retention list` prints it. */
export function parseReleaseOrPack(text: string): string {
  if (isRelease(text) || /^packs\/[0-9a-f]{64}$/.test(text) || parsePatchPath(text) !== null) return text;
  throw new InvalidArgumentError(
    'It must be such as core/auth@1.0.1, or packs/ and the digest of a tree, or packs/TREE/FROM.patch.',
  );
}

/** Addresses or networks of either family, separated by commas. */
export function parseNetworks(text: string): readonly string[] {
  const networks = text.split(',').map((part) => part.trim());
  if (networks.every(isNetwork)) return networks;
  throw new InvalidArgumentError('It must be addresses or networks, such as 127.0.0.1,10.0.0.0/8.');
}

function isNetwork(text: string): boolean {
  const [address = '', bits = '0', ...rest] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)
  );
}

/** A name that resolves to one, too. */
export function parseHost(text: string): string {
  if (isIP(text) !== 0 || /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})$/.test(text)) return text;
  throw new InvalidArgumentError('It must be an address or a host name, such as 127.0.0.1, :: or localhost.');
}

/** What a command meets outside. */
export interface CliContext {
  readonly environment: NodeJS.ProcessEnv;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
