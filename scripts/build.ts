// Builds the programs as executables, one file each, and their packages: the same bytes from every checkout of one commit.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeArchive } from './packaging/archive.ts';
import { makeDeb } from './packaging/deb.ts';
import { makeExecutable } from './packaging/executable.ts';
import { collectLicenses, LICENSES_FILE } from './packaging/licenses.ts';
import { nodeFor } from './packaging/node.ts';
import { HOST, PROGRAMS, TARGETS, type Target } from './packaging/programs.ts';
import { readRelease } from './packaging/release.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');
const USAGE = `Usage: scripts/build [--out DIR] [--target TARGET]... [--program NAME]... [--executables-only]

Builds one executable of each program for each target, a package for Debian and an archive with install.sh of it;
beside them the licenses of what is in them, and SHA256SUMS. Whoever builds the same commit has the same sums.

  --out DIR           where they come to lie, in a folder for each target; dist/ of this checkout by default
  --target NAME       ${TARGETS.join(' or ')}; this machine's by default
  --program NAME      ${PROGRAMS.map(({ name }) => name).join(', ')}; all by default
  --executables-only  no packages
  --help              print this

Times in packages are $SOURCE_DATE_EPOCH, or else that of the commit.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(CHECKOUT, 'dist') },
      target: { type: 'string', multiple: true, default: [HOST] },
      program: { type: 'string', multiple: true, default: PROGRAMS.map(({ name }) => name) },
      'executables-only': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return void process.stdout.write(USAGE);
  const targets = values.target.map((name) => known(name, TARGETS));
  const all = PROGRAMS.map(({ name }) => name);
  const names = new Set(values.program.map((name) => known(name, all)));
  const work = await mkdtemp(join(tmpdir(), 'fairlead-build-'));
  try {
    for (const target of targets) {
      const building = { target, names, out: resolve(values.out, target), work };
      await buildFor({ ...building, hasPackages: !values['executables-only'] });
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Building {
  readonly target: Target;
  readonly names: ReadonlySet<string>;
  readonly out: string;
  readonly work: string;
  readonly hasPackages: boolean;
}

async function buildFor({ target, names, out, work, hasPackages }: Building): Promise<void> {
  const node = await nodeFor(CHECKOUT, target, work);
  const sums: string[] = [];
  const note = async (path: string, about: string) => {
    const bytes = await readFile(path);
    const digest = createHash('sha256').update(bytes).digest('hex');
    sums.push(`${digest}  ${basename(path)}\n`);
    console.log(`${digest}  ${(bytes.length / 1e6).toFixed(1).padStart(5)} MB  ${path}  ${about}`);
  };
  const inputs = new Set<string>();
  for (const program of PROGRAMS.filter(({ name }) => names.has(name))) {
    const { path, bundle } = await makeExecutable({ checkout: CHECKOUT, program, target, node, out, work });
    for (const input of bundle.inputs.keys()) inputs.add(input);
    await note(path, program.about);
    if (!hasPackages) continue;
    const licenses = await collectLicenses(CHECKOUT, bundle.inputs.keys());
    const packing = { ...{ program, target, executable: path, licenses, out, work } };
    const whole = { ...packing, ...(await readRelease(CHECKOUT, program.name, process.env)) };
    await note(await makeDeb(whole), 'its package for Debian');
    await note(await makeArchive(whole), 'its archive with install.sh');
  }
  await writeFile(join(out, LICENSES_FILE), await collectLicenses(CHECKOUT, inputs));
  await note(join(out, LICENSES_FILE), 'of what is in them');
  await writeFile(join(out, 'SHA256SUMS'), sums.join(''));
}

function known<Name extends string>(name: string, names: readonly Name[]): Name {
  const found = names.find((one) => one === name);
  if (found !== undefined) return found;
  console.error(`${name} is none of ${names.join(', ')}`);
  process.exit(2);
}

await main();
