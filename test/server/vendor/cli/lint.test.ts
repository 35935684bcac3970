// `lint`, and the same rules at `build` and `verify`: what is wrong is said early, and uses up no version.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRelease } from '../../../../server/vendor/core/manifest.ts';
import { readChange, refOfChange, writeChange } from '../../../../server/vendor/workspace/changes.ts';
import { writePack } from '../../../../server/vendor/workspace/pack-writer.ts';
import { readTree } from '../../../../server/vendor/workspace/tree-reader.ts';
import { buildFile, jsonBytes, writeJson } from '../../../../server/vendor/workspace/workspace.ts';
import { transition } from '../../../../shared/change/pipeline.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import { treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { tarOf } from '../../../support/image-archive.ts';
import { imageOf, newDocker } from '../../../support/image-forms.ts';
import { createBench, createVendor, sourcesOf, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
});
afterAll(() => vendor.close());

const open = async (component: string) => {
  const about = ['--component', component, '--version', '1.0.0', '--revision', 'git:1', '--scope', 'x'];
  return ((await vendor.json('change', 'open', ...about)).change as { id: string }).id;
};
const WRONG = { service: { driver: 'process', exec: ['./missing'] }, health: [{ tcp: '127.0.0.1:0' }] };

describe('lint', () => {
  it('tells everything that is wrong, without a change', async () => {
    const answer = await vendor.run('lint', ...(await sourcesOf(vendor, 'core/lint@1.0.0', WRONG)));

    expect(answer.status).toBe(4);
    expect(answer.err).toContain('service.exec.0');
    expect(answer.err).toContain('health.0.tcp');
    expect((await vendor.json('change', 'list')).changes).toEqual([]);
  });

  it('says that nothing is wrong', async () => {
    const sources = await sourcesOf(vendor, 'core/fine@1.0.0');

    expect((await vendor.run('lint', ...sources)).out).toContain('nothing wrong (capability, 1 file)');
    expect((await vendor.run('lint', 'core/fine@1.0.0', ...sources)).status).toBe(0);
  });

  it('needs no workspace', async () => {
    const elsewhere = createBench(join(vendor.directory, 'elsewhere'), vendor.server);

    expect((await elsewhere.run('lint', ...(await sourcesOf(elsewhere, 'core/fine@1.0.0')))).status).toBe(0);
  });

  it.each([
    ['suite', { capabilities: { none: '1.0.0' } }, 'unnamed/none'],
    ['platform', { suites: { none: '1.0.0' } }, 'none 1.0.0'],
  ])('tells a %s by its file, and what nothing released meets', async (kind, parts, missing) => {
    const file = await vendor.write(`${kind}.json`, parts);

    const answer = await vendor.run('lint', '--from', file);

    expect(answer.status).toBe(4);
    expect(answer.err).toContain(missing);
  });

  it.each([
    ['--from', ['--from', '/nowhere', '--kind', 'suite']],
    ['--manifest', ['--from', '/', '--manifest', '/nowhere.json']],
  ])('names %s when its file is not there', async (option, options) => {
    const answer = await vendor.run('lint', ...options);

    expect(answer.err).toContain(`named by ${option}`);
  });
});

describe('a build of what is wrong', () => {
  it('is refused and may be tried again under the same version', async () => {
    const id = await open('core/again');
    const text = 'core/again@1.0.0';

    const wrong = await sourcesOf(vendor, text, WRONG);
    expect(await vendor.refusal('build', text, '--change', id, ...wrong)).toBe('vendor/manifest-wrong');
    await vendor.json('build', text, '--change', id, ...(await sourcesOf(vendor, text)));

    expect(await vendor.json('verify', id)).toMatchObject({ change: { release: expect.any(String) } });
  });

  it('runs no command of --reproduce before it is known to be right', async () => {
    const id = await open('core/early');
    const text = 'core/early@1.0.0';
    const wrong = await sourcesOf(vendor, text, WRONG);

    expect(await vendor.refusal('build', text, '--change', id, ...wrong, '--reproduce', 'exit 3')).toBe(
      'vendor/manifest-wrong',
    );
  });
});

describe('verification', () => {
  it('refuses what an older program built', async () => {
    const id = await open('core/older');
    const from = join(vendor.directory, 'older');
    await vendor.write('older/serve', '#!/bin/sh\r\n');
    await chmod(join(from, 'serve'), 0o755);
    await buildUnchecked(id, from);

    const answer = await vendor.run('verify', id);

    expect(answer.status).toBe(4);
    expect(answer.err).toContain('CR LF');
    expect(await vendor.refusal('release', id)).toBe('vendor/stage-not-due');
  });
});

it('verification reads the images of an archive out of the pack', async () => {
  const id = await open('core/containers');
  const from = join(vendor.directory, 'containers');
  const [held, other] = [imageOf(['web', 'x'.repeat(9 << 20)]), imageOf(['db'])];
  await vendor.write('containers/c.yaml', { services: { web: { image: digestOf(other.config) } } });
  await writeFile(join(from, 'web.tar'), tarOf(newDocker(held)));
  const images = [{ archive: 'web.tar', digest: digestOf(other.config) }];
  await buildUnchecked(id, from, { driver: 'compose', file: 'c.yaml', images });

  const answer = await vendor.run('verify', id);

  expect(answer.status).toBe(4);
  expect(answer.err).toContain(`which holds ${digestOf(held.config)}`);
});

const SERVE = { driver: 'process', exec: ['./serve'] };

/** Stage 2 as it was before these rules. */
async function buildUnchecked(id: string, from: string, service: JsonObject = SERVE): Promise<void> {
  const directory = join(vendor.directory, 'workspace');
  const change = await readChange(directory, id);
  const index = await readTree(from);
  const tree = treeRefOf(index);
  const manifest = { service, health: [{ tcp: '127.0.0.1:1' }] };
  const at = new Date().toISOString().replace(/\.\d+/, '');
  const ref = refOfChange(change);
  const document = createRelease({ ref, change, builtAt: at, tree, manifest, source: 'it' });
  const pack = join(directory, packPath(hexOf(tree.digest)));
  await mkdir(dirname(pack), { recursive: true });
  await writePack(from, index, pack, () => undefined);
  await writeJson(buildFile(directory, id), document);
  const details = { release: digestOf(jsonBytes(document)), tree, reproduced: false };
  const event = { stage: 'build', outcome: 'passed', details, at, actor: 'it' } as const;
  await writeChange(directory, transition(change, event));
}
