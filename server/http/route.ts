// A route of the API, defined once: access, validation, limits, OpenAPI and the reference page all come from here.
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import type { Context } from '../context.ts';
import type { Mark } from '../db/once.ts';
import { type Access, actorOf, type Caller, customerOf, speakerOf } from './access.ts';
import { formatTag, markOf, requireTag, verifyTag } from './preconditions.ts';
import type { Speaker } from './speaker.ts';

export const TAGS = ['agents', 'publishing', 'fleet', 'proposals', 'operations'] as const;
export type Tag = (typeof TAGS)[number];

export const TAG_TEXTS: Readonly<Record<Tag, string>> = {
  agents: 'What agents call',
  publishing: 'What the vendor’s program calls to publish',
  fleet: 'The fleet, for people and programs',
  proposals: 'What the vendor wishes that installs did; local policy decides',
  operations: 'For those who run the server',
};

/** Of a body that names as many instances as one may. */
export const MEMBERS_BYTES = 512 * 1024;

type Schema = z.ZodType | undefined;
type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/** One request as its handler sees it: parsed, and from somebody who may ask. */
export interface Ask<Params, Query, Body> {
  readonly params: Output<Params>;
  readonly query: Output<Query>;
  readonly body: Output<Body>;
  readonly caller: Caller;
  /** How the audit log names whoever asks. */
  actor(): string;
  /** Whose instances alone the caller sees; undefined for all. */
  customer(): string | undefined;
  /** The agent that asks, by its credential. */
  speaker(): Speaker;
  /** The body of a route that reads it itself, whole or as it comes. Error: request/invalid. */
  bytes(): Uint8Array;
  stream(): Readable;
  /** RFC 8288: the address at which a list goes on; null at its end. */
  continueAt(cursor: string | null): void;
  /** What the header Idempotency-Key stands for; null without one. */
  readonly mark: Mark | null;
  /** Refuses where If-Match names another state than this one. Error: request/outdated. */
  match(revision: number): void;
  /** The state that was answered with, and where it stands. */
  tag(revision: number): void;
  created(path: string): void;
  header(name: string, value: string): void;
}

/** What every route says about itself. */
interface Facts {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for each parameter. */
  readonly path: string;
  readonly access: Access;
  /** Lets a customer's token in as well: the handler answers of its own instances only. */
  readonly ofCustomers?: true;
  /**
   * The handler's own transaction looks, in the row of the agent's instance, whether that is let in and has this key
   * still: nothing is asked of the database before.
   */
  readonly looksItself?: true;
  /** Counted for each instance beside everything that its agent asks. */
  readonly quota?: 'report' | 'heartbeat';
  readonly tag: Tag;
  readonly summary: string;
  /**
   * The handler reads the body itself, whole or as it comes: large JSON is parsed elsewhere than on the loop that serves
   * everybody. A stream holds JSON where the route says what, bytes of any kind where it does not. A form is a button of a
   * page, without fields.
   */
  readonly raw?: 'bytes' | 'stream' | 'form';
  /** What a body that the handler reads holds. */
  readonly holds?: z.ZodType;
  /** Largest body in bytes; 64 KiB unless given. */
  readonly maxBytes?: number;
  /** Requests a minute from one address; not limited unless given. */
  readonly perMinute?: number;
  /** Polls and probes leave no line in the log. */
  readonly quiet?: boolean;
  /** Of a success; 200 with a reply and 204 without one unless given. */
  readonly status?: 101 | 201;
  /** A POST honours Idempotency-Key: by the key, or because the same request has no second effect anyway. */
  readonly repeats?: 'by-key' | 'by-nature';
  /** What it takes away stays away: it is acknowledged only once it is at the place of the backups too, where there is one. */
  readonly keeps?: true;
  /** An update or a removal is of one state, named in If-Match. */
  readonly ifMatch?: true;
}

interface Definition<Params extends Schema, Query extends Schema, Body extends Schema, Reply extends Schema>
  extends Facts {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Without one the answer is 204 and empty, or 200 and empty to HEAD. */
  readonly reply?: Reply;
  readonly example: ExampleOf<Params, Query, Body, Reply>;
  answer(context: Context, ask: Ask<Params, Query, Body>): Promise<Output<Reply>>;
}

type PartOf<Name extends string, S> = S extends z.ZodType
  ? { readonly [Key in Name]: z.input<S> }
  : { readonly [Key in Name]?: undefined };

/**
 * A request and what it is answered, of the small fleet in examples.ts. A test sends each to a server on which that
 * fleet lives. `body` of a route that reads it itself is what it `holds`.
 */
type ExampleOf<Params, Query, Body, Reply> = PartOf<'params', Params> &
  Partial<PartOf<'query', Query>> &
  (Body extends z.ZodType ? { readonly body: z.input<Body> } : { readonly body?: object }) &
  PartOf<'reply', Reply>;

/** The same for an answer that is no JSON, of which lines are shown. */
interface RawExample {
  readonly params?: object;
  readonly query?: object;
  /** Stands in the answer to the letter. */
  readonly excerpt: string;
}

/** A route with its types worn off: what the server mounts and the documentation reads. */
export interface Route extends Facts {
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  readonly reply?: Schema;
  /** Media type of an answer that is no JSON. */
  readonly media?: string;
  readonly example: {
    readonly params?: object | undefined;
    readonly query?: object | undefined;
    readonly body?: object | undefined;
    readonly reply?: object | undefined;
    readonly excerpt?: string | undefined;
  };
  respond(context: Context, request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}

export function defineRoute<
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
  Reply extends z.ZodObject | undefined = undefined,
>(definition: Definition<Params, Query, Body, Reply>): Route {
  const { params, query, body, answer, ...rest } = definition;
  return {
    ...rest,
    params,
    query,
    body,
    respond: async (context, request, reply) => {
      if (rest.ifMatch === true) requireTag(request);
      const result = await answer(context, {
        params: parseWith<Params>(params, request.params, 'the address'),
        query: parseWith<Query>(query, { ...(request.query as object) }, 'the query'),
        body: parseWith<Body>(body, request.body ?? {}, 'the request body'),
        ...helpersOf(request, reply),
        mark: rest.repeats === 'by-key' ? markOf(request) : null,
      });
      if (rest.keeps === true) await context.backups?.keep();
      if (rest.status !== undefined) reply.status(rest.status);
      if (rest.reply !== undefined) return result;
      return reply.status(rest.method === 'HEAD' ? 200 : 204).send();
    },
  };
}

/** A route that answers with something else than JSON: its handler writes the answer itself. */
export function defineRawRoute(
  definition: Facts & Pick<Route, 'media' | 'query' | 'respond'> & { readonly example: RawExample },
): Route {
  return definition;
}

/** What is mounted of a route; all that a page is, which only a browser asks for: no operation of the API. */
export type Page = Omit<Facts, 'tag' | 'summary'> & Pick<Route, 'respond'>;

/** Errors: document/invalid, request/invalid. */
function parseWith<S extends Schema>(schema: S | undefined, value: unknown, name: string): Output<S> {
  if (schema === undefined) return undefined as Output<S>;
  const parsed = parseDocument(schema, value, name);
  // Also out of a cursor: PostgreSQL takes no NUL in a text, and a request that no text needs is nobody's failure but its own.
  if (holdsNul(parsed))
    throw new FairleadError('request/invalid', { problem: `a text in ${name} holds NUL` });
  return parsed as Output<S>;
}

function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNul);
}

function helpersOf(request: FastifyRequest, reply: FastifyReply) {
  return {
    caller: request.caller,
    actor: () => actorOf(request.caller),
    customer: () => customerOf(request.caller),
    speaker: () => speakerOf(request.caller),
    bytes: () => bytesOf(request),
    stream: () => streamOf(request),
    continueAt: (cursor: string | null) => {
      if (cursor === null) return;
      const next = new URL(request.url, 'http://server');
      next.searchParams.set('cursor', cursor);
      reply.header('link', `<${next.pathname}${next.search}>; rel="next"`);
    },
    match: (revision: number) => verifyTag(request, revision),
    tag: (revision: number) => void reply.header('etag', formatTag(revision)),
    created: (path: string) => void reply.header('location', path),
    header: (name: string, value: string) => void reply.header(name, value),
  };
}

function bytesOf({ body }: FastifyRequest): Uint8Array {
  if (body instanceof Uint8Array) return body;
  throw new FairleadError('request/invalid', { problem: 'send the document as application/json' });
}

function streamOf({ body, headers, routeOptions }: FastifyRequest): Readable {
  const limit = routeOptions.bodyLimit ?? 0;
  // Said beforehand, it need not be sent first.
  if (Number(headers['content-length']) > limit) throw new FairleadError('request/too-large', { limit });
  if (body instanceof Readable) return body;
  const type = routeOptions.config.streams ?? 'application/octet-stream';
  throw new FairleadError('request/invalid', { problem: `send the bytes as ${type}` });
}
