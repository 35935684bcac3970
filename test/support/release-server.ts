// A release server in memory for the vendor's program: takes publications as they come and signs snapshot and timestamp.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path/posix';
import { toHex } from '../../shared/encoding/bytes.ts';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { FleetDeployment, InstancesReply } from '../../shared/protocol/fleet.ts';
import type { ProposalModel } from '../../shared/protocol/fleet-proposals.ts';
import { publicationRequest } from '../../shared/protocol/publication.ts';
import { signingKeyFromSeed } from '../../shared/trust/key.ts';
import { parseEnvelope, signMetadata } from '../../shared/trust/metadata.ts';

export const TOKEN = 'publisher-token-for-tests';
const DAY_MS = 86_400_000;

export interface Counts {
  committed: number;
  rolledBack: number;
  inProgress: number;
  failed: number;
  environment?: number;
  silent?: number;
}

export interface ReleaseServer {
  readonly url: string;
  /** Everything below /repository/. */
  readonly files: Map<string, Uint8Array>;
  /** Change records as published, by id. */
  readonly changes: Map<string, JsonObject>;
  /** What the fleet reports about a change. */
  readonly counts: Map<string, Counts>;
  /** The fleet list. */
  readonly instances: InstancesReply['instances'];
  readonly proposals: ProposalModel[];
  /** Newest reports by instance. */
  readonly reports: Map<string, object>;
  readonly deployments: FleetDeployment[];
  /** Of installs’ logs, by the install; none is an earlier server. */
  readonly heads: Map<string, object[]>;
  /** Publications taken so far. */
  publications(): number;
  /** False as in an earlier version. */
  takesPatches: boolean;
  /** Packs that were fetched, each with the range that was asked for. */
  readonly fetched: { readonly path: string; readonly range: string | undefined }[];
  /** How packs are given; as they are where it is null. */
  givePack: ((path: string, response: ServerResponse) => void) | null;
  /** While true every request is answered with 503. */
  refusing: boolean;
  close(): Promise<void>;
}

export async function startReleaseServer(): Promise<ReleaseServer> {
  const keys = {
    snapshot: signingKeyFromSeed(new Uint8Array(32).fill(71)),
    timestamp: signingKeyFromSeed(new Uint8Array(32).fill(72)),
  };
  const files = new Map<string, Uint8Array>();
  const changes = new Map<string, JsonObject>();
  const counts = new Map<string, Counts>();
  const instances: InstancesReply['instances'] = [];
  const proposals: ProposalModel[] = [];
  const reports = new Map<string, object>();
  const deployments: FleetDeployment[] = [];
  const heads = new Map<string, object[]>();
  let publications = 0;
  let freshness = 0;

  const publish = (body: Uint8Array) => {
    const request = publicationRequest.parse(JSON.parse(Buffer.from(body).toString()));
    for (const { role, bytes } of request.metadata) {
      const content = Buffer.from(bytes, 'base64');
      const version = Number(parseEnvelope(content, role).signed.version);
      files.set(`metadata/${version}.${role}.json`, content);
    }
    for (const { path, bytes } of request.targets) {
      const content = Buffer.from(bytes, 'base64');
      const name = `${hexOf(digestOf(content))}.${basename(path)}`;
      files.set(join('targets', dirname(path), name), content);
    }
    for (const change of request.changes as JsonObject[]) changes.set(String(change.id), change);
    publications++;
    freshness++;
    signOnline();
    return { snapshot: freshness, timestamp: freshness };
  };

  const signOnline = () => {
    const expires = formatInstant(Date.now() + DAY_MS);
    const base = { spec_version: '1.0.31', version: freshness, expires };
    const meta = newestRoles(files);
    const snapshot = signMetadata({ _type: 'snapshot', ...base, meta }, [keys.snapshot]);
    files.set(`metadata/${freshness}.snapshot.json`, snapshot);
    const timestamp = { _type: 'timestamp', ...base, meta: { 'snapshot.json': { version: freshness } } };
    files.set('metadata/timestamp.json', signMetadata(timestamp, [keys.timestamp]));
  };

  const state: ReleaseServer = {
    url: '',
    files,
    changes,
    counts,
    instances,
    proposals,
    reports,
    deployments,
    heads,
    publications: () => publications,
    refusing: false,
    takesPatches: true,
    fetched: [],
    givePack: null,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };

  const api = (
    method: string,
    path: string,
    query: URLSearchParams,
    body: Uint8Array,
  ): { status: number; json?: object; headers?: Record<string, string> } => {
    if (path === '/online-keys') {
      const publicOf = (role: 'snapshot' | 'timestamp') => keys[role].key.keyval.public;
      return { status: 200, json: { snapshot: publicOf('snapshot'), timestamp: publicOf('timestamp') } };
    }
    if (path.startsWith('/packs/')) {
      if (path.includes('/patches/') && !state.takesPatches) return { status: 404, json: {} };
      if (method === 'PUT') files.set(path.slice(1), body);
      return { status: files.has(path.slice(1)) ? 200 : 404 };
    }
    if (path === '/publications') return { status: 200, json: publish(body) };
    if (path === '/enrolments') {
      const code = toHex(new Uint8Array(16).fill(5));
      return { status: 201, json: { code, name: 'first', expires: formatInstant(Date.now() + DAY_MS) } };
    }
    if (path === '/instances') {
      const named = query.get('named');
      const found = instances.filter(({ id, name }) => named === null || id === named || name === named);
      const [from, limit] = [Number(query.get('after') ?? 0), Number(query.get('limit') ?? 1_000)];
      const rest = found.length > from + limit ? `/api/v1${path}?limit=${limit}&after=${from + limit}` : null;
      return {
        ...{ status: 200, json: { instances: found.slice(from, from + limit) } },
        headers: rest === null ? {} : { link: `<${rest}>; rel="next"` },
      };
    }
    const about = instances.find(({ id }) => path === `/instances/${id}`);
    if (about !== undefined)
      return { status: 200, json: { ...about, report: reports.get(about.id) ?? null } };
    if (path === '/proposals') {
      const of = (one: ProposalModel) =>
        (query.get('instance') ?? one.instance_id) === one.instance_id &&
        (query.get('status') ?? one.status) === one.status;
      return { status: 200, json: { proposals: proposals.filter(of) } };
    }
    const ofLog = heads.get(/^\/instances\/([^/]+)\/heads$/.exec(path)?.[1] ?? '');
    if (ofLog !== undefined) return { status: 200, json: { heads: ofLog } };
    if (path === '/deployments')
      return {
        status: 200,
        json: { deployments: deployments.filter(({ instance }) => instance === query.get('instance')) },
      };
    const id = /^\/changes\/(CHG-\d+)$/.exec(path)?.[1];
    const change = id === undefined ? undefined : changes.get(id);
    if (id === undefined || change === undefined) return { status: 404 };
    const none = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
    return { status: 200, json: { change, counts: counts.get(id) ?? none, deployments } };
  };

  const give = (path: string, file: Uint8Array, { headers }: IncomingMessage, response: ServerResponse) => {
    const { range } = headers;
    state.fetched.push({ path: path.slice('/repository/'.length), range });
    if (state.givePack !== null) return state.givePack(path, response);
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const about = { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` };
    return response.writeHead(start === 0 ? 200 : 206, start === 0 ? {} : about).end(file.subarray(start));
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://local');
    if (state.refusing) return response.writeHead(503).end();
    if (path.startsWith('/repository/')) {
      const file = files.get(decodeURIComponent(path.slice('/repository/'.length)));
      if (file !== undefined && path.endsWith('.pack')) return give(path, file, request, response);
      return response.writeHead(file === undefined ? 404 : 200).end(file);
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(response);
    const route = path.replace('/api/v1', '');
    const { status, json, headers } = api(
      request.method ?? 'GET',
      route,
      searchParams,
      Buffer.concat(chunks),
    );
    return response.writeHead(status, headers).end(json === undefined ? undefined : JSON.stringify(json));
  };

  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return Object.assign(state, { url: `http://127.0.0.1:${port}` });
}

/** What a snapshot lists: the highest version of every role but root and the online ones. */
function newestRoles(files: ReadonlyMap<string, Uint8Array>): Record<string, { version: number }> {
  const newest: Record<string, { version: number }> = {};
  for (const path of files.keys()) {
    const [, version, role] = /^metadata\/(\d+)\.([a-z]+)\.json$/.exec(path) ?? [];
    if (role === undefined || role === 'root' || role === 'snapshot') continue;
    const known = newest[`${role}.json`]?.version ?? 0;
    newest[`${role}.json`] = { version: Math.max(known, Number(version)) };
  }
  return newest;
}

function refuse(response: ServerResponse): ServerResponse {
  const error = { code: 'access/denied', message: 'this token may not do that', hint: 'use another' };
  return response.writeHead(401).end(JSON.stringify({ error }));
}
