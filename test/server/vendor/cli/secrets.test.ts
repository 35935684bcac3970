// No secret leaves the vendor's program: one is planted behind every door of every command, and looked for in all it prints and keeps.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMON, toCommand } from '../../../../server/vendor/cli/command.ts';
import { CARE } from '../../../../server/vendor/cli/specs/care.ts';
import { FLEET } from '../../../../server/vendor/cli/specs/fleet.ts';
import { ROLLOUTS } from '../../../../server/vendor/cli/specs/rollouts.ts';
import { STAGES } from '../../../../server/vendor/cli/specs/stages.ts';
import {
  createCanaries,
  type Door,
  doorsOf,
  FORMS,
  findInFiles,
  variablesIn,
} from '../../../support/canary.ts';
import { TOKEN } from '../../../support/release-server.ts';
import { createVendor, PASSPHRASE, type Vendor } from '../../../support/vendor.ts';

const PATIENCE_MS = 120_000;
const canaries = createCanaries();
const COMMANDS = [...STAGES, ...ROLLOUTS, ...CARE, ...FLEET].map(toCommand);
const DOORS = doorsOf([...COMMANDS, { name: 'status', options: COMMON }]);

/** What a file holds may be a secret; an address may carry one. All other values are shown and kept on purpose. */
const SECRET = new Set(['file', 'url']);
const isSecret = ({ value }: Door) => SECRET.has(value);
const ADDRESSES = [
  (secret: string) => `https://ann:${secret}@127.0.0.1:1`,
  (secret: string) => `https://${secret}@127.0.0.1:1/`,
  (secret: string) => `ann:${secret}@127.0.0.1:1`,
];
const SHOWN = [
  ...['address', 'advisory-or-period', 'message', 'period', 'severity', 'webhook'],
  ...['change', 'change-or-release', 'change-or-release-or-instance', 'changes', 'checkpoint', 'command'],
  ...[
    'class',
    'component',
    'component:range',
    'customer',
    'day',
    'dir',
    'duration',
    'format',
    'group',
    'hex',
    'id',
    'install',
    'instant',
    'k',
    'keyid',
  ],
  ...[
    'kind',
    'level',
    'list',
    'n',
    'name',
    'name=source',
    'name=value',
    'package=component',
    'path',
    'percent',
    'platform',
    'release',
    'role',
    'role=k/n',
  ],
  ...[
    'roles',
    'share',
    'span',
    'standing',
    'status',
    'target',
    'template',
    'text',
    'vector',
    'version',
    'years',
  ],
];

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
  canaries.know('the passphrase of the keys', PASSPHRASE);
  canaries.know('the token', TOKEN);
}, PATIENCE_MS);
afterAll(() => vendor.close());

describe('the vendor’s program', () => {
  it('has no door that this test does not know', () => {
    const values = new Set(DOORS.map(({ value }) => value));

    expect([...values].filter((value) => !SECRET.has(value)).sort()).toEqual([...SHOWN].sort());
    expect(variablesIn('server/vendor')).toEqual([
      'FAIRLEAD_FLEET_TOKEN_FILE',
      'FAIRLEAD_PASSPHRASE',
      'FAIRLEAD_VENDOR_DIR',
      'PATH',
    ]);
  });

  it(
    'prints nothing of what it was given behind one',
    async () => {
      const shown: unknown[] = [];
      for (const [at, { command, door, value, isFirst, argv }] of DOORS.filter(isSecret).entries()) {
        const forms = value === 'url' ? ADDRESSES : FORMS;
        for (const [i, form] of forms.entries()) {
          if (!isFirst && i !== at % forms.length) continue;
          const text = form(canaries.plant(`${command} ${door}`));
          const file = join(vendor.directory, 'given');
          await writeFile(file, text);
          // Then people read it too, on standard error.
          const { out, err } = await vendor.run(
            ...argv(value === 'url' ? text : file, vendor.directory),
            '--json',
          );
          if (canaries.findIn(out + err).length > 0) shown.push([command, door, i, out + err]);
        }
      }

      expect(shown).toEqual([]);
    },
    PATIENCE_MS,
  );

  it('keeps nothing of it but in the files that were given', async () => {
    for (const name of ['given', 'publisher.token']) await writeFile(join(vendor.directory, name), '');

    expect(findInFiles(canaries, vendor.directory)).toEqual([]);
  });
});
