// What manifest and files alone show to be wrong is refused with its place and its remedy; what is right is not.
import { describe, expect, it } from 'vitest';
import { findProblems } from '../../../../server/vendor/core/lint/lint.ts';
import { createRelease } from '../../../../server/vendor/core/manifest.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { type Digest, digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../../shared/encoding/json.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import { parseRef } from '../../../../shared/schema/release-ref.ts';
import { type TreeEntry, treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../../shared/tree/tree-rules.ts';
import { TREE, type TreeFixture, WRONG } from './wrong-manifests.ts';

/** Merged, filled, in short and long forms; what an operator may allow is not the vendor's to leave out. */
const CONTAINERS = `
name: ignored
x-base: &base
  image: "sha256:${'a'.repeat(64)}"
  init: true
  restart: unless-stopped
  logging: { driver: json-file, options: { max-size: 10m } }
services:
  web:
    <<: *base
    command: ["sh", "-c", "echo $$HOME"]
    ports: ["127.0.0.1:\${PORT}:8080"]
    volumes:
      - \${DATA}/www:/data
      - ./conf:/etc/conf:ro
      - cache:/cache
      - /anonymous
      - { type: bind, source: ./more, target: /more }
    environment: [ "A=\${B:-c}" ]
    depends_on: { db: { condition: service_started } }
    privileged: false
  db:
    <<: *base
    cap_add: [NET_ADMIN]
    devices: ["/dev/ttyUSB0"]
    network_mode: host
    volumes: ["/srv/media:/media"]
  mail:
    <<: *base
    profiles: [dev]
    privileged: true
    env_file: [{ path: ./local.env, required: false }, /etc/default/mail]
volumes: { cache: , named: { name: fairlead_core_auth_named } }
networks: { default: { driver: bridge } }
secrets: { s: { file: ./s.txt }, t: { environment: S } }
`;

const RIGHT = {
  service: { driver: 'process', exec: ['./serve'] },
  health: [{ http: 'http://127.0.0.1:8080/health' }],
};

function entryOf([path, what]: [string, TreeFixture[string]]): TreeEntry {
  if ('link' in what) return { kind: 'link', path, target: what.link };
  const bytes = utf8(what.text);
  const mode = what.runnable === true ? 0o755 : 0o644;
  return { kind: 'file', path, mode, size: bytes.length, digest: digestOf(bytes) };
}

function problemsOf(
  more: Record<string, JsonValue>,
  tree: TreeFixture = TREE,
  text = 'core/auth@1.0.0',
): readonly DocumentIssue[] {
  const ref = parseRef(text);
  const index = ref.kind === 'capability' ? createTreeIndex(Object.entries(tree).map(entryOf)) : null;
  const heads = new Map<Digest, Uint8Array>(
    Object.values(tree).flatMap((what) =>
      'link' in what ? [] : [[digestOf(utf8(what.text)), utf8(what.text)]],
    ),
  );
  const change = { id: 'CHG-1', revision: 'git:1', scope: 'x' };
  const parts = { ref, change, builtAt: '2026-01-01T00:00:00Z', source: 'manifest.json' };
  const manifest = ref.kind === 'capability' ? { ...RIGHT, ...more } : more;
  try {
    const release = createRelease({ ...parts, tree: index === null ? null : treeRefOf(index), manifest });
    return findProblems(release, index, heads);
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    return error.data.issues;
  }
}

describe('a wrong manifest', () => {
  it.each(WRONG)('$name is refused at its place, with a remedy', ({ manifest, tree, ref, path, remedy }) => {
    const issues = problemsOf(manifest, tree, ref);

    expect(issues.map((issue) => issue.path)).toContain(path);
    expect(issues.find((issue) => issue.path === path)?.remedy).toMatch(remedy);
  });

  it('is told everything at once', () => {
    const issues = problemsOf({
      service: { driver: 'process', exec: ['./missing'] },
      health: [{ tcp: '127.0.0.1:0' }],
      reversible: 'snapshot',
    });

    expect(issues.map(({ path }) => path)).toEqual([
      'service.exec.0',
      'health.0.tcp',
      'hooks.snapshot',
      'hooks.restore',
    ]);
  });
});

describe('a right manifest passes', () => {
  const port = { port: { type: 'integer', default: 8080 } };
  it.each<[string, Record<string, JsonValue>, TreeFixture?, string?]>([
    ['a script of the tree', {}],
    [
      'a program of the tree by its variable',
      { service: { driver: 'systemd', exec: ['${dir.tree}/serve'] } },
    ],
    [
      'a program through a link',
      { service: { driver: 'process', exec: ['./run'] } },
      { ...TREE, run: { link: 'bin/../serve' } },
    ],
    [
      'a program through a linked folder',
      { service: { driver: 'process', exec: ['./tools/ctl'] } },
      { ...TREE, tools: { link: 'bin' } },
    ],
    ['a program of the PATH', { service: { driver: 'process', exec: ['node', 'server.js'] } }],
    ['a script that node finds by its suffix', { service: { driver: 'process', exec: ['node', 'server'] } }],
    [
      'an option before the script',
      { service: { driver: 'process', exec: ['node', '--require', './x.js', 'y.js'] } },
    ],
    ['a module of python', { service: { driver: 'process', exec: ['python3', '-m', 'http.server'] } }],
    [
      'a program of the system',
      { service: { driver: 'process', exec: ['/usr/bin/env', 'node', 'server.js'] } },
    ],
    [
      'a program that an operator names',
      { service: { driver: 'process', exec: ['${settings.java}'] }, settings: { java: { type: 'string' } } },
    ],
    ['a program kept in the data directory', { service: { driver: 'process', exec: ['${dir.data}/tool'] } }],
    [
      'an escaped variable of a shell',
      { service: { driver: 'process', exec: ['sh', '-c', 'exec node server.js $${HOME:-/tmp}'] } },
    ],
    [
      'a script of bash with one option',
      { service: { driver: 'process', exec: ['./run'] } },
      { ...TREE, run: { text: '#!/bin/bash -e\n', runnable: true } },
    ],
    [
      'env with -S',
      { service: { driver: 'process', exec: ['./run'] } },
      { ...TREE, run: { text: '#!/usr/bin/env -S node -r x\n', runnable: true } },
    ],
    [
      'an interpreter of the tree',
      { service: { driver: 'process', exec: ['./run'] } },
      { ...TREE, run: { text: '#!./serve\n', runnable: true } },
    ],
    ['a port of the settings', { health: [{ http: 'http://127.0.0.1:${settings.port}/' }], settings: port }],
    [
      'a port that the operator gives',
      { health: [{ http: 'http://localhost:${settings.port}/' }], settings: { port: { type: 'integer' } } },
    ],
    ['a probe over IPv6', { health: [{ http: 'http://[::1]:8080/' }, { tcp: '[::1]:8080' }] }],
    [
      'a password of the operator',
      {
        health: [{ http: 'http://${settings.user}:${settings.key}@127.0.0.1/' }],
        settings: { user: { type: 'string' }, key: { type: 'string' } },
      },
    ],
    ['requirements on others', { requires: { platform: '>=1', core: '^1', 'core/api': '~2.0' } }],
    [
      'a snapshot with both hooks',
      {
        reversible: 'snapshot',
        hooks: { snapshot: [{ exec: ['./serve'] }], restore: [{ exec: ['bin/ctl'] }] },
      },
    ],
    [
      'containers by their digest',
      {
        service: {
          driver: 'compose',
          file: 'c.yaml',
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
        },
      },
      {
        'c.yaml': {
          text: `services:\n  w:\n    # image: web:1\n    image: "sha256:${'a'.repeat(64)}" # ours\n`,
        },
        'i.tar': { text: 'x' },
      },
    ],
    [
      'a container named by a setting',
      {
        service: {
          driver: 'compose',
          file: 'c.yaml',
          env: { I: '${settings.i}' },
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
        },
        settings: { i: { type: 'string' } },
      },
      { 'c.yaml': { text: 'services: { w: { image: "${I}" } }' }, 'i.tar': { text: 'x' } },
    ],
    [
      'containers as vendors write them',
      {
        service: {
          driver: 'compose',
          file: 'c.yaml',
          env: { PORT: '${settings.port}', DATA: '${dir.data}' },
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
        },
        settings: { port: { type: 'integer' } },
      },
      { 'c.yaml': { text: CONTAINERS }, 'i.tar': { text: 'x' }, 's.txt': { text: 'x' } },
    ],
    [
      'containers side by side, with a volume for both',
      {
        service: {
          ...{ driver: 'compose', file: 'c.yaml', env: { PORT: '${settings.port}' } },
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
          blueGreen: { public: 'port', slots: ['blue', 'green'], volumes: ['up'] },
        },
        health: [{ http: 'http://127.0.0.1:${settings.port}/' }],
        settings: {
          port: { type: 'integer', default: 80 },
          blue: { type: 'integer', default: 81 },
          green: { type: 'integer' },
        },
      },
      {
        'c.yaml': {
          text: `services: { w: { image: "sha256:${'a'.repeat(64)}", ports: ["\${PORT}:80", { target: 81 }], volumes: ["up:/up"] } }\nvolumes: { up: }\n`,
        },
        'i.tar': { text: 'x' },
      },
    ],
    [
      'a snapshot of volumes, without hooks',
      {
        service: {
          driver: 'compose',
          file: 'c.yaml',
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
          snapshot: ['data'],
        },
        reversible: 'snapshot',
      },
      {
        'c.yaml': {
          text: `services: { w: { image: "sha256:${'a'.repeat(64)}", volumes: ["data:/d"] } }\nvolumes: { data: }\n`,
        },
        'i.tar': { text: 'x' },
      },
    ],
    [
      'a migration with a limit of its own',
      {
        service: {
          driver: 'compose',
          file: 'c.yaml',
          images: [{ archive: 'i.tar', digest: `sha256:${'a'.repeat(64)}` }],
          once: { migrate: 'PT30M', warm: 'PT1M' },
        },
      },
      {
        'c.yaml': {
          text: `x: &x { image: "sha256:${'a'.repeat(64)}" }
services:
  migrate: { <<: *x, restart: on-failure }
  warm: *x
  web: { <<: *x, restart: always, depends_on: { migrate: { condition: service_completed_successfully } } }
`,
        },
        'i.tar': { text: 'x' },
      },
    ],
    [
      'a suite',
      { capabilities: { auth: '~1.0.0' }, requires: { platform: '>=1', 'other/api': '1' } },
      TREE,
      'core@1.0.0',
    ],
    ['a platform', { suites: { core: '1.0.0' } }, TREE, 'platform@1.0.0'],
  ])('%s', (_name, manifest, tree, text) => {
    expect(problemsOf(manifest, tree, text)).toEqual([]);
  });
});
