// The admin API as the engine sees it: a request that came through the socket, and a value to answer with.

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** Bounded by the socket; not yet parsed. */
  readonly body: Uint8Array;
  /** The operator's account, in the operator's own words. */
  readonly actor: string;
}

/** Answers with a value that JSON can hold, or throws a FairleadError. */
export type AdminHandler = (request: AdminRequest) => Promise<unknown>;
