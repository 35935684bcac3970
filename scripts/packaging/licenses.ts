// The licenses of all that is in an executable beside our own code: who gives it away has to give these along.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST } from './programs.ts';

export const LICENSES_FILE = 'THIRD-PARTY-LICENSES';

const RULE = `\n${'='.repeat(80)}\n`;
/** A package may lie in another one; a scope is a part of its name. */
const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const TEXT = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/**
 * One text for executables that `inputs` went into (paths below the checkout), and for Node, in which they are put.
 * The same bytes from every checkout. Error: a package that neither brings a license nor names one.
 */
export async function collectLicenses(checkout: string, inputs: Iterable<string>): Promise<string> {
  const packages = new Set([...inputs].flatMap((path) => PACKAGE.exec(path)?.[0] ?? []));
  // Whichever of its packages is installed here: the text is the same in all.
  const node = await licenseOf(join(checkout, 'node_modules', `node-${HOST}`), 'node');
  const others = [...packages].toSorted().map((place) => licenseOf(join(checkout, place)));
  return [...new Set([node, ...(await Promise.all(others))])].join(RULE);
}

async function licenseOf(directory: string, called?: string): Promise<string> {
  const { name, version, license, author } = JSON.parse(
    await readFile(join(directory, 'package.json'), 'utf8'),
  );
  const files = (await readdir(directory)).filter((file) => TEXT.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  if (texts.length === 0 && typeof license !== 'string') throw new Error(`${name} names no license`);
  const by = typeof author === 'string' ? author : author?.name;
  const head = `${called ?? name} ${version}: ${license ?? 'see below'}`;
  if (texts.length === 0) return `${head}${by === undefined ? '' : `, ${by}`}\n`;
  return [head, ...texts.map((text) => text.trim())].join('\n\n').concat('\n');
}
