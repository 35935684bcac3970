// What one sender costs everybody else: turns of the release server's loop while it takes the largest and the worst inputs.
import { join } from 'node:path';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { headerOf, join as joinSections, sectionsOf } from '../agent/adapters/tree-store/pack-builder.ts';
import { HOSTILE_INDEXES } from '../support/hostile-indexes.ts';
import { hostileTargets } from '../support/hostile-metadata.ts';
import { advisoryOf, publicationOf, signRole } from '../support/publications.ts';
import { recordOf, reportOf } from '../support/reports.ts';
import { type Figures, formatMb, formatMs } from './figures.ts';
import { ask, INSTANCES, type Running, startServer, type Turns } from './running-server.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNS = 3;

type Input = readonly [name: string, send: (server: Running) => Promise<string>];

/** `root` is the checkout whose server is measured. */
export async function measureServer(work: string, root = ROOT): Promise<Figures> {
  const server = await startServer(join(work, 'server'), root);
  const rows: string[][] = [];
  try {
    await server.turns();
    rows.push(['before them all', '', '', '', formatMb(server.residentBytes('VmRSS'))]);
    for (const [name, send] of INPUTS) {
      const found: Turns[] = [];
      let outcome = '';
      for (let run = 0; run < RUNS; run++) {
        outcome = await send(server);
        found.push(await server.turns());
      }
      // Whatever else the machine does lengthens a turn, and nothing shortens it.
      const best = found.reduce((a, b) => (b.longest < a.longest ? b : a));
      const resident = formatMb(server.residentBytes('VmRSS'));
      rows.push([name, outcome, formatMs(best.longest), String(best.turns), resident]);
    }
    rows.push(['the most at any time', '', '', '', formatMb(server.residentBytes('VmHWM'))]);
  } finally {
    await server.stop();
  }
  return {
    title: 'One sender among many',
    note:
      `The release server with ${INSTANCES.toLocaleString('en')} instances, over loopback: the longest turn of its loop, in processor time of that ` +
      `thread, while it takes each input; the best of ${RUNS} runs. Before publications and large reports were read beside the loop and lists ` +
      'were cut, the publications took turns of 97 ms and 1.4 s, the reports 383 ms and 26 ms, the pages 49 ms and 77 ms; the list of advisories held the ' +
      'loop for 15.4 s and failed; 2.9 GB were resident in the end and 3.4 GB at most.',
    head: ['input', 'answer', 'longest turn', 'turns over 50 ms', 'resident after it'],
    rows,
  };
}

const INPUTS: readonly Input[] = [
  ['1,500 advisories published', (server) => publish(server, advisories())],
  [
    'a publication of 24 MiB of metadata that is not signed',
    (server) => publish(server, publicationOf([['releases', hostileTargets('honest targets', 24 << 20)]])),
  ],
  [
    'a pack whose index is 1 MiB of links through links',
    async (server) => {
      const index = HOSTILE_INDEXES[0]?.[1] ?? new Uint8Array();
      const digest = digestOf(index);
      const draft = { header: headerOf(digest, index, 0), indexBytes: index, units: [] };
      const pack = joinSections(sectionsOf({ ref: { digest, files: 0, bytes: 0 }, ...draft }));
      const path = `/api/v1/packs/${hexOf(digest)}/full.pack`;
      return ask(server, 'PUT', path, pack, 'application/octet-stream');
    },
  ],
  [
    'a report of 240 kB in which everything is wrong',
    (server) => report(server, { ...reportOf(1), components: Array(120_000).fill(1) }),
  ],
  ['a report of 1 MiB full of records', (server) => report(server, fullReport())],
  ['a page of 1,000 instances', (server) => ask(server, 'GET', '/api/v1/instances?limit=1000')],
  ['a page of 1,000 deployments', (server) => ask(server, 'GET', '/api/v1/deployments?limit=1000')],
  ['/security/patches', (server) => ask(server, 'GET', '/api/v1/security/patches')],
];

let version = 1;

function advisories() {
  version++;
  const documents = Array.from({ length: 1_500 }, (_, i) =>
    advisoryOf(`FL-2026-${1000 + i}`, { title: `the same again, ${version}` }),
  );
  return publicationOf([['security', signRole('security', version, documents)]], documents);
}

let sequence = 1;

function fullReport() {
  sequence++;
  const steps = Array.from({ length: 60 }, () => recordOf(1, 'committed').steps[0]);
  const records = Array.from({ length: 88 }, (_, i) => ({ ...recordOf(1, 'committed'), id: i + 1, steps }));
  return { ...reportOf(sequence), records };
}

function publish(server: Running, body: object): Promise<string> {
  return ask(server, 'POST', '/api/v1/publications', Buffer.from(JSON.stringify(body)));
}

async function report(server: Running, body: object): Promise<string> {
  const token = await server.agentToken();
  return ask({ ...server, token }, 'POST', '/api/v1/reports', Buffer.from(JSON.stringify(body)));
}
