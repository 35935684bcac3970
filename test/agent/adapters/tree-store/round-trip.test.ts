// From the vendor's directory to the agent's store: what was built is what lies there, byte for byte.
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { writePack } from '../../../../server/vendor/workspace/pack-writer.ts';
import { readTree } from '../../../../server/vendor/workspace/tree-reader.ts';
import type { FairleadError } from '../../../../shared/errors/error.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import { treeRefOf } from '../../../../shared/tree/tree-index.ts';
import {
  describeDirectory,
  patternedBytes,
  subdirectory,
  temporaryDirectory,
} from '../../../support/directories.ts';
import { dataOf } from '../../../support/error-code.ts';
import { createPackServer } from './pack-server.ts';

type Node =
  | { readonly kind: 'file'; readonly content: Uint8Array; readonly executable: boolean }
  | { readonly kind: 'link'; readonly climb: number; readonly to: string }
  | { readonly kind: 'directory'; readonly children: Readonly<Record<string, Node>> };

const name = fc.oneof(
  fc.constantFrom('a', 'b.js', 'package.json', '.hidden', 'Ünïcode 🙂', '\uff01', 'with space', 'quote\'"$'),
  fc
    .string({ unit: fc.constantFrom(...'abcxyz019-_.+@~ é'), minLength: 1, maxLength: 12 })
    .filter((text) => !/^\.{1,2}$/.test(text)),
);
const content = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom('one', 'two').map((seed) => patternedBytes(70_000, seed)),
);
const { root: tree } = fc.letrec<{ root: Record<string, Node>; node: Node }>((tie) => ({
  root: fc.dictionary(name, tie('node'), { maxKeys: 6, noNullPrototype: true }),
  node: fc.oneof(
    { maxDepth: 4 },
    fc.record({ kind: fc.constant('file' as const), content, executable: fc.boolean() }),
    fc.record({ kind: fc.constant('link' as const), climb: fc.nat(4), to: name }),
    fc.record({ kind: fc.constant('directory' as const), children: tie('root') }),
  ),
}));

function writeNodes(root: string, nodes: Readonly<Record<string, Node>>, depth = 0): void {
  for (const [childName, node] of Object.entries(nodes)) {
    const path = join(root, childName);
    switch (node.kind) {
      case 'file':
        writeFileSync(path, node.content);
        chmodSync(path, node.executable ? 0o755 : 0o644);
        break;
      case 'link':
        symlinkSync(`${'../'.repeat(Math.min(node.climb, depth))}${node.to}`, path);
        break;
      case 'directory':
        mkdirSync(path);
        writeNodes(path, node.children, depth + 1);
    }
  }
}

/** Sends a directory through a pack into a fresh store; answers where it lies there. */
async function ship(source: string, work: string): Promise<string> {
  const index = await readTree(source);
  const pack = join(work, 'pack');
  await writePack(source, index, pack);
  const server = createPackServer();
  const ref = treeRefOf(index);
  server.serve(ref.digest, readFileSync(pack));
  const store = createTreeStore({ stateDir: join(work, 'state'), fetchPack: server.fetchPack });
  await store.add(ref);
  expect(await store.verify({ tree: ref, writable: [] })).toEqual([]);
  return store.directoryOf(ref.digest);
}

/** Stored files are read-only: 644 becomes 444, 755 becomes 555. */
function asStored(description: Record<string, string>): Record<string, string> {
  const entries = Object.entries(description).map(([path, text]) => [
    path,
    text.replace(/^644/, '444').replace(/^755/, '555'),
  ]);
  return Object.fromEntries(entries);
}

describe('a tree', () => {
  it('arrives as it was built, whatever is in it', { timeout: 180_000 }, async () => {
    const work = temporaryDirectory();
    let run = 0;
    let loops = 0;
    await fc.assert(
      fc.asyncProperty(tree, async (nodes) => {
        const directory = subdirectory(work, `run-${run++}`);
        const source = subdirectory(directory, 'source');
        writeNodes(source, nodes);

        const refusal = await readTree(source).then(
          () => null,
          (error: unknown) => error as FairleadError,
        );
        if (refusal !== null) {
          // The only thing such a tree can have wrong: links that form a loop.
          const { path } = dataOf(refusal, 'tree/entry-refused');
          expect(lstatSync(join(source, path)).isSymbolicLink()).toBe(true);
          loops++;
          return;
        }
        const stored = await ship(source, directory);

        expect(describeDirectory(stored)).toEqual(asStored(describeDirectory(source)));
        rmSync(directory, { recursive: true });
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(loops).toBeLessThan(run / 4);
  });

  it('arrives whole at the sizes where files begin to be cut, copies included', {
    timeout: 180_000,
  }, async () => {
    const work = temporaryDirectory();
    const source = subdirectory(work, 'source');
    const sizes = [
      MAX_UNIT_BYTES - 1,
      MAX_UNIT_BYTES,
      MAX_UNIT_BYTES + 1,
      2 * MAX_UNIT_BYTES,
      2 * MAX_UNIT_BYTES + 5,
    ];
    for (const size of sizes) writeFileSync(join(source, `f${size}`), patternedBytes(size, `${size}`));
    writeFileSync(join(source, 'copy'), patternedBytes(MAX_UNIT_BYTES + 1, `${MAX_UNIT_BYTES + 1}`), {
      mode: 0o755,
    });
    writeFileSync(join(source, 'small'), 'x');

    const stored = await ship(source, work);

    expect(describeDirectory(stored)).toEqual(asStored(describeDirectory(source)));
  });

  it('without anything in it arrives too', async () => {
    const work = temporaryDirectory();

    const stored = await ship(subdirectory(work, 'source'), work);

    expect(describeDirectory(stored)).toEqual({});
  });
});
