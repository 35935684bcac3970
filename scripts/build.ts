// Builds the programs as executables: one file each, the same bytes from every checkout of one commit.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeExecutable } from './packaging/executable.ts';
import { collectLicenses, LICENSES_FILE } from './packaging/licenses.ts';
import { nodeFor } from './packaging/node.ts';
import { HOST, PROGRAMS, TARGETS, type Target } from './packaging/programs.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');
const USAGE = `Usage: scripts/build [--out DIR] [--target TARGET]... [--program NAME]...

Builds one executable of each program for each target; beside them the licenses of what is in them, and SHA256SUMS.
Whoever builds the same commit has the same sums.

  --out DIR       where they come to lie, in a folder for each target; dist/ of this checkout by default
  --target NAME   ${TARGETS.join(' or ')}; this machine's by default
  --program NAME  ${PROGRAMS.map(({ name }) => name).join(', ')}; all by default
  --help          print this
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(CHECKOUT, 'dist') },
      target: { type: 'string', multiple: true, default: [HOST] },
      program: { type: 'string', multiple: true, default: PROGRAMS.map(({ name }) => name) },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return void process.stdout.write(USAGE);
  const targets = values.target.map((name) => known(name, TARGETS));
  const names = values.program.map((name) =>
    known(
      name,
      PROGRAMS.map((program) => program.name),
    ),
  );
  const work = await mkdtemp(join(tmpdir(), 'fairlead-build-'));
  try {
    for (const target of targets) await buildFor(target, new Set(names), resolve(values.out, target), work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function buildFor(
  target: Target,
  names: ReadonlySet<string>,
  out: string,
  work: string,
): Promise<void> {
  const node = await nodeFor(CHECKOUT, target, work);
  const sums: string[] = [];
  const note = (name: string, bytes: Uint8Array) =>
    sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`);
  const inputs = new Set<string>();
  for (const program of PROGRAMS.filter(({ name }) => names.has(name))) {
    const { path, bundle } = await makeExecutable({ checkout: CHECKOUT, program, target, node, out, work });
    const bytes = await readFile(path);
    note(basename(path), bytes);
    for (const input of bundle.inputs.keys()) inputs.add(input);
    console.log(`${path}  ${(bytes.length / 1e6).toFixed(1)} MB  ${program.about}`);
  }
  const licenses = Buffer.from(await collectLicenses(CHECKOUT, inputs));
  note(LICENSES_FILE, licenses);
  await writeFile(join(out, LICENSES_FILE), licenses);
  await writeFile(join(out, 'SHA256SUMS'), sums.join(''));
}

function known<Name extends string>(name: string, names: readonly Name[]): Name {
  const found = names.find((one) => one === name);
  if (found !== undefined) return found;
  console.error(`${name} is none of ${names.join(', ')}`);
  process.exit(2);
}

await main();
