// What the engine says and what was noted of it: rubbish in either is no port and no image, and ends nothing.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createImageRecords,
  type GivenImage,
} from '../../../../agent/adapters/drivers/compose/image-record.ts';
import { portsIn } from '../../../../agent/adapters/drivers/compose/published-ports.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';

describe('the ports of containers', () => {
  it.each<[string, string[]]>([
    ['fairlead_core_auth 127.0.0.1:8080->80/tcp', ['8080/tcp']],
    ['x 0.0.0.0:53->53/udp, [::]:53->53/udp', ['53/udp', '53/udp']],
    ['x [::]:9000-9002->9000-9002/tcp', ['9000/tcp', '9001/tcp', '9002/tcp']],
    ['x 80/tcp, 443/tcp', []],
    ['x', []],
    ['x 127.0.0.1:9002-9000->1/tcp', []],
    ['x :65535-4294967296->1-2/tcp', ['65535/tcp']],
    ['x :99999999999999999999999-1->1/tcp', []],
    ['x :80->80/sctp', []],
  ])('are in %s', (line, ports) => {
    expect(portsIn(line)).toEqual(ports);
  });

  it('are at most all there are, whatever a line says', () => {
    const line = fc.string({ unit: fc.constantFrom(...'0123456789:->/tcpudp, []') });
    fc.assert(
      fc.property(fc.oneof(line, fc.string()), (text) => {
        const ports = portsIn(`x ${text}`);

        expect(ports.length).toBeLessThanOrEqual(65_536 * (text.match(/->/g)?.length ?? 0));
        for (const port of ports) expect(port).toMatch(/^\d+\/(?:tcp|udp)$/);
      }),
    );
  });
});

const IMAGE: GivenImage = {
  ...{ digest: digestOf(Buffer.from('x')), config: digestOf(Buffer.from('x')) },
  ...{ isOurs: true, layers: [], id: null },
};

describe('what was noted of images', () => {
  function setUp(bytes: Uint8Array | string) {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, `${COMPONENT.replace('/', '.')}.images.json`), bytes);
    return createImageRecords(directory);
  }

  it('is read as it was written', async () => {
    const records = createImageRecords(temporaryDirectory());
    await records.write(COMPONENT, [IMAGE]);

    expect(await records.read(COMPONENT)).toEqual([IMAGE]);
    expect(await records.haveLoaded(IMAGE.config)).toBe(true);
  });

  it.each<[string, Uint8Array | string]>([
    ['nothing', ''],
    ['zeros', Buffer.alloc(4096)],
    ['no JSON', '{"images":['],
    ['null', 'null'],
    ['no list', '{"images":{}}'],
    ['an image that is none', '{"images":[null]}'],
    ['a digest that is none', canonicalize({ images: [{ ...IMAGE, layers: [], digest: 'sha256:x' }] })],
    ['a key of a later version', canonicalize({ images: [{ ...IMAGE, layers: [], later: 1 }] })],
    ['more than there can be', `{"images":[${'{},'.repeat(1001)}{}]}`],
  ])('is none where the file is %s, and is written anew', async (_, bytes) => {
    const records = setUp(bytes);

    const before = [await records.read(COMPONENT), await records.haveLoaded(IMAGE.config)];
    await records.write(COMPONENT, [IMAGE]);

    expect(before).toEqual([[], false]);
    expect(await records.read(COMPONENT)).toEqual([IMAGE]);
  });

  it('is none where a directory stands in its place', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, `${COMPONENT.replace('/', '.')}.images.json`));
    const records = createImageRecords(directory);

    expect([await records.read(COMPONENT), await records.haveLoaded(IMAGE.config)]).toEqual([[], false]);
  });
});
