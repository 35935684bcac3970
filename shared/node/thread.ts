// A thread beside the loop: questions to it and its answers in order, and what goes wrong there is the same error here.
import { parentPort, type ResourceLimits } from 'node:worker_threads';
import type { ErrorCode, ErrorData } from '../errors/catalogue.ts';
import { FairleadError, isFairleadError } from '../errors/error.ts';
import { createWorker, type OwnPath } from './own-parts.ts';

export interface Thread<Question, Answer> {
  /** What either holds is copied. Errors: what the thread throws, and that it ended. */
  ask(question: Question): Promise<Answer>;
  /** Answers once it has ended. What still waits is answered first. */
  stop(): Promise<void>;
  /** The same, in the middle of whatever it does: for work that counts for nothing before its end. */
  kill(): Promise<void>;
}

export interface ThreadOptions {
  /** What the thread finds as its `workerData`. */
  readonly data?: unknown;
  readonly limits?: ResourceLimits;
  /** What it says unasked. */
  readonly onNews?: (news: unknown) => void;
}

/** What a thread does with questions: one at a time, in their order. */
export interface Answering<Question, Answer> {
  answer(question: Question): Answer | Promise<Answer>;
  close?(): void | Promise<void>;
}

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

type Told =
  | { readonly news: unknown }
  | { readonly answer: unknown }
  /** It could not begin, and ends. */
  | { readonly failed: Failed }
  | Failed;

type Failed =
  | { readonly known: { readonly code: ErrorCode; readonly data: ErrorData<ErrorCode> } }
  | { readonly error: { readonly message: string; readonly code?: unknown; readonly errcode?: unknown } };

const ENDED = 'the thread has ended';

/** Runs the module there, which calls `answerQuestions`. A thread that nobody waits for keeps no program from ending. */
export function startThread<Question, Answer>(
  module: OwnPath,
  { data, limits, onNews }: ThreadOptions = {},
): Thread<Question, Answer> & { hasEnded(): boolean } {
  const worker = createWorker(module, {
    workerData: data,
    ...(limits === undefined ? {} : { resourceLimits: limits }),
  });
  const waiting: Waiting<Answer>[] = [];
  let failure: unknown = null;
  let isStopping = false;
  const fail = (error: unknown) => {
    failure ??= error;
    for (const one of waiting.splice(0)) one.reject(failure);
  };
  worker.on('message', (told: Told) => {
    if ('news' in told) return onNews?.(told.news);
    const first = waiting.shift();
    if (waiting.length === 0 && !isStopping) worker.unref();
    if ('answer' in told) first?.resolve(told.answer as Answer);
    else first?.reject(toError('failed' in told ? told.failed : told));
    if ('failed' in told) fail(new Error(ENDED));
  });
  worker.on('error', fail);
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('exit', () => fail(new Error(ENDED)));
  // Last: to listen for messages holds the program again.
  worker.unref();
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        waiting.push({ resolve, reject });
        worker.ref();
        worker.postMessage(question);
      }),
    stop: async () => {
      isStopping = true;
      worker.ref();
      worker.postMessage(null);
      await ended;
    },
    kill: async () => {
      await worker.terminate();
    },
    hasEnded: () => failure !== null,
  };
}

/** Started by the first question; ended when none came for so long, if it is said how long; begun anew after an end of any kind. */
export function startOnDemand<Question, Answer>(
  start: () => ReturnType<typeof startThread<Question, Answer>>,
  idleMs: number | null,
): Thread<Question, Answer> {
  let thread: ReturnType<typeof start> | null = null;
  let asked = 0;
  let timer: NodeJS.Timeout | undefined;
  let ending: Promise<void> = Promise.resolve();
  const stop = async () => {
    const old = thread;
    thread = null;
    if (old !== null) ending = ending.then(() => old.stop());
    await ending;
  };
  return {
    ask: async (question) => {
      clearTimeout(timer);
      asked++;
      try {
        // Never two at once: what one holds, a lock or a key, the next one wants too.
        await ending;
        if (thread === null || thread.hasEnded()) thread = start();
        return await thread.ask(question);
      } finally {
        if (--asked === 0 && idleMs !== null) timer = setTimeout(stop, idleMs).unref();
      }
    },
    stop: async () => {
      clearTimeout(timer);
      await stop();
    },
    kill: async () => {
      clearTimeout(timer);
      await thread?.kill();
      await ending;
    },
  };
}

/** Inside the thread. What `create` throws is the answer to the first question, and the thread's end. */
export function answerQuestions<Question, Answer>(
  create: () => Answering<Question, Answer> | Promise<Answering<Question, Answer>>,
): void {
  const answering = Promise.resolve().then(create);
  let last: Promise<unknown> = answering.catch(() => undefined);
  let isCreated = false;
  parentPort?.on('message', (question: Question | null) => {
    last = last.then(question === null ? close : () => answer(question));
  });

  async function answer(question: Question): Promise<void> {
    try {
      const created = await answering;
      isCreated = true;
      tell({ answer: await created.answer(question) });
    } catch (error) {
      const failed = toFailed(error);
      tell(isCreated ? failed : { failed });
      if (!isCreated) parentPort?.close();
    }
  }

  async function close(): Promise<void> {
    const { close } = await answering.catch(() => ({ close: undefined }));
    await close?.();
    parentPort?.close();
  }
}

/** Inside the thread: says something that nobody asked for. */
export function tellNews(news: unknown): void {
  tell({ news });
}

function tell(told: Told): void {
  parentPort?.postMessage(told);
}

/** What an error says of itself does not survive the way between threads by itself. */
function toFailed(error: unknown): Failed {
  if (isFairleadError(error)) return { known: { code: error.code, data: error.data } };
  const { message, code, errcode } = error as Error & { readonly code?: unknown; readonly errcode?: unknown };
  return { error: { message, code, errcode } };
}

function toError(failed: Failed): Error {
  if ('known' in failed) return new FairleadError(failed.known.code, failed.known.data);
  return Object.assign(new Error(failed.error.message), failed.error);
}
