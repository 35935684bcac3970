// How a release says it is run: four drivers, each with its own fields and defaults.
import { describe, expect, it } from 'vitest';
import { service } from '../../../shared/schema/drivers/drivers.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const images = [{ archive: 'images/web.tar', digest }];
const parse = (value: unknown) => parseDocument(service, value, 'the service');
const issueOf = (value: unknown) =>
  dataOf(
    refusalOf(() => parse(value)),
    'document/invalid',
  ).issues[0];

describe('a service', () => {
  it.each(['process', 'systemd'])('run by %s is one program', (driver) => {
    expect(parse({ driver, exec: ['serve'] })).toEqual({
      driver,
      exec: ['serve'],
      env: {},
      stopTimeout: 'PT30S',
    });
  });

  it('run by the vendor’s commands has three of them, each with a time limit', () => {
    const commands = { start: ['ctl', 'start'], stop: ['ctl', 'stop'], status: ['ctl', 'status'] };

    expect(parse({ driver: 'command', ...commands })).toEqual({
      driver: 'command',
      ...commands,
      env: {},
      startTimeout: 'PT1M',
      stopTimeout: 'PT30S',
      statusTimeout: 'PT10S',
    });
  });

  it('run by compose names its file and its images in the tree', () => {
    expect(parse({ driver: 'compose', file: 'compose.yaml', images })).toEqual({
      driver: 'compose',
      file: 'compose.yaml',
      images,
      env: {},
      startTimeout: 'PT5M',
      stopTimeout: 'PT30S',
    });
  });

  it.each(['process', 'systemd'])(
    'run by %s may stand beside its successor, half a minute by default',
    (driver) => {
      const blueGreen = { public: 'port', slots: ['blue', 'green'] };

      expect(parse({ driver, exec: ['serve'], blueGreen })).toMatchObject({
        blueGreen: { ...blueGreen, address: '127.0.0.1', drain: 'PT30S' },
      });
    },
  );

  it('of containers may stand beside its successor, and shares the volumes that are named', () => {
    const own = { driver: 'compose', file: 'compose.yaml', images };
    const blueGreen = {
      public: 'port',
      slots: ['blue', 'green'],
      volumes: ['uploads', 'a.b_c-9', '_data', '.cache', '-x'],
    };

    expect(parse({ ...own, blueGreen })).toMatchObject({ blueGreen: { ...blueGreen, drain: 'PT30S' } });
    expect(parse({ ...own, snapshot: blueGreen.volumes })).toMatchObject({ snapshot: blueGreen.volumes });
    expect(issueOf({ ...own, blueGreen: { ...blueGreen, volumes: ['a/b'] } })).toMatchObject({
      path: 'blueGreen.volumes.0',
    });
  });

  it('run by command cannot stand beside its successor, and says which could', () => {
    const own = { driver: 'command', start: ['a'], stop: ['a'], status: ['a'] };
    const blueGreen = { public: 'port', slots: ['blue', 'green'] };

    expect(issueOf({ ...own, blueGreen })).toMatchObject({
      path: 'blueGreen',
      expected: expect.stringContaining('"process", "systemd" or "compose"'),
    });
  });

  it('gives connections a day at most', () => {
    const blueGreen = { public: 'port', slots: ['blue', 'green'], drain: 'P1DT1S' };

    expect(issueOf({ driver: 'process', exec: ['serve'], blueGreen })).toMatchObject({
      path: 'blueGreen.drain',
    });
  });

  it.each([
    ['an unknown driver', { driver: 'docker' }, 'driver'],
    ['no driver', { exec: ['serve'] }, 'driver'],
    ['another driver’s field', { driver: 'systemd', exec: ['serve'], file: 'compose.yaml' }, 'file'],
    ['a command without its stop', { driver: 'command', start: ['a'], status: ['a'] }, 'stop'],
    ['no image', { driver: 'compose', file: 'compose.yaml', images: [] }, 'images'],
    [
      'an image without a digest',
      { driver: 'compose', file: 'a', images: [{ archive: 'a', digest: 'web:1' }] },
      'images.0.digest',
    ],
    ['containers with an account', { driver: 'compose', file: 'a', images, user: 'web' }, 'user'],
  ])('with %s is refused, and the field is named', (_what, value, path) => {
    expect(issueOf(value)?.path).toBe(path);
  });

  it.each([
    '/etc/compose.yaml',
    '../compose.yaml',
    'a/../b',
    './a',
    'a//b',
    'a/',
    '',
    'a\\b',
    'a\nb',
    'a/..',
  ])('keeps %j out: it is no path inside the tree', (file) => {
    expect(issueOf({ driver: 'compose', file, images })?.path).toBe('file');
  });

  it.each(['compose.yaml', 'deploy/.hidden/a b.yaml', '..a/b..c', 'ü/日本.yaml'])(
    'takes the path %j',
    (file) => {
      expect(parse({ driver: 'compose', file, images })).toMatchObject({ file });
    },
  );
});
