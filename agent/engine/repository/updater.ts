// The TUF client: brings the trusted metadata up to date, the roles below the snapshot among it, and finds out who speaks for a target.

import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { digestFromHex, digestOf } from '../../../shared/encoding/digest.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { nullIfOurs } from '../../../shared/errors/error.ts';
import { type Delegation, resolveTarget, TOP_LEVEL_TARGETS } from '../../../shared/trust/delegation.ts';
import { applyDifference, mayHaveDifference, statedVersion } from '../../../shared/trust/difference.ts';
import type { FileMeta, Root, Snapshot, TargetFile, Targets } from '../../../shared/trust/metadata.ts';
import { verifyNextTargets } from '../../../shared/trust/next-targets.ts';
import {
  delegateSigner,
  expectedTargets,
  type Signer,
  signerOf,
  verifyFresh,
  verifyTargets,
} from '../../../shared/trust/rules.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import { roleFile } from '../../core/repository-names.ts';
import type { VerifyTargets } from '../../ports/server.ts';
import type { TrustStore } from '../../ports/state.ts';
import { createMetadataSource, type MetadataSource } from './metadata-source.ts';
import { TopLevel, type TrustOptions } from './top-level.ts';

/** Not safe for concurrent calls. */
export class Updater {
  readonly #options: TrustOptions;
  readonly topLevel: TopLevel;
  #tree: TargetsTree | null = null;

  private constructor(options: TrustOptions, topLevel: TopLevel) {
    this.#options = options;
    this.topLevel = topLevel;
  }

  /** Loads what the disk holds, without the network. Errors: trust/no-root, disk/*. */
  static async open(options: TrustOptions): Promise<Updater> {
    return new Updater(options, await TopLevel.open(options));
  }

  /** The targets roles under the trusted root and snapshot; null until there is a snapshot to trust. */
  get tree(): TargetsTree | null {
    const { root, snapshot } = this.topLevel;
    if (snapshot === null) return null;
    if (this.#tree?.root !== root || this.#tree.snapshot !== snapshot) {
      this.#tree = new TargetsTree(this.#options, root, snapshot, this.#tree);
    }
    return this.#tree;
  }

  /** TUF §5.3 to §5.6.6. Errors: trust/*, transport/*, disk/*; trust that was reached stays. */
  async refresh(now: EpochMs): Promise<void> {
    await this.#durably(async () => {
      // Mostly nothing is new: what the disk has is verified while the network is waited for. What fails of it fails below.
      const known = this.tree?.loadCached(TOP_LEVEL_TARGETS).catch(() => null);
      await this.topLevel.refresh(now).finally(() => known);
      await this.tree?.load(TOP_LEVEL_TARGETS, this.topLevel.referenceAt(now));
    });
  }

  /**
   * Every delegated role, after a refresh. One that fails does not keep the others from being loaded: a release team's
   * mistake must not silence the security team. Returns the errors, as of refresh.
   */
  async refreshDelegates(now: EpochMs): Promise<readonly unknown[]> {
    const { tree } = this;
    const failures: unknown[] = [];
    const fail = (error: unknown) => {
      failures.push(error);
      return null;
    };
    const load = async (delegation: Delegation) =>
      (await tree?.load(delegation, this.topLevel.referenceAt(now)).catch(fail)) ?? null;
    await this.#durably(async () => await tree?.walk(load)).catch(fail);
    return failures;
  }

  /** TUF §5.6.7, after a refresh: null when nobody who may vouches for the path. Errors: as of refresh. */
  async findTarget(path: string, now: EpochMs): Promise<TargetFile | null> {
    const { tree } = this;
    if (tree === null) return null;
    for (;;) {
      const found = resolveTarget(path, tree.lookUp);
      if (found.kind !== 'needs') return found.kind === 'found' ? found.target : null;
      await this.#durably(() => tree.load(found.delegation, this.topLevel.referenceAt(now)));
    }
  }

  /** Nobody acts on what a power cut could take back, and what was reached before a failure stays: written together in the end. */
  async #durably(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } finally {
      await this.#options.store.flush();
    }
  }
}

/** A vendor may split its releases among teams; more delegations than this are an attack on the client's time. */
const MAX_DELEGATIONS = 64;

/** One root and one snapshot: with the next ones a new tree begins. */
export class TargetsTree {
  readonly #store: TrustStore;
  readonly #source: MetadataSource;
  readonly #verify: VerifyTargets;
  readonly root: Root;
  readonly snapshot: Snapshot;
  /**
   * Role → delegator → metadata. A role verified for one delegator says nothing to another, which may name other keys
   * for it: whoever holds the first ones could otherwise speak under the second delegation too.
   */
  readonly #verified = new Map<string, Map<string, Targets>>();
  /** What the tree before this one had, until this one has it. */
  readonly #before: Map<string, Map<string, Targets>>;

  /** What `earlier` verified under the same root is not verified again where the snapshot says of it what it said. */
  constructor(options: TrustOptions, root: Root, snapshot: Snapshot, earlier: TargetsTree | null = null) {
    this.#store = options.store;
    this.#source = createMetadataSource(options.source);
    this.#verify = options.verifyTargets ?? (async (...file) => verifyTargets(...file));
    this.root = root;
    this.snapshot = snapshot;
    this.#before = new Map(earlier === null ? [] : earlier.#verified);
    if (earlier?.root === root) this.#carryOver(earlier);
  }

  /** A role's metadata as this delegator trusts it, if it has been loaded. */
  readonly lookUp = ({ delegator, role }: Delegation): Targets | undefined =>
    this.#verified.get(role)?.get(delegator);

  /** From disk or else from the network; never expired at `reference`. Errors: trust/*, transport/*, disk/*. */
  async load(delegation: Delegation, reference: EpochMs): Promise<Targets> {
    const cached = await this.loadCached(delegation);
    if (cached === null) return await this.#fetch(delegation, reference);
    verifyFresh(delegation.role, cached.expires, reference);
    return cached;
  }

  /** From disk alone, expired or not; null when the disk does not hold what the snapshot lists. Error: disk/failed. */
  async loadCached(delegation: Delegation): Promise<Targets | null> {
    const known = this.lookUp(delegation);
    if (known !== undefined) return known;
    const { role } = delegation;
    const signer = this.#signerOf(delegation);
    const expected = this.snapshot.meta.get(`${role}.json`);
    const bytes = await this.#store.read(roleFile(role));
    if (bytes === null || expected === undefined) return null;
    // An answer that has come meanwhile goes first: whoever waits for it can ask the next question, and this is done beside that.
    await setImmediate();
    const targets = await this.#verify(role, signer, expected, bytes).catch(nullIfOurs);
    return targets === null ? null : this.#keep(delegation, targets);
  }

  /**
   * Loads the top-level role and all it delegates to, breadth first. Where `load` gives null, that branch ends.
   * Returns the delegations whose roles were loaded.
   */
  async walk(load: (delegation: Delegation) => Promise<Targets | null>): Promise<readonly Delegation[]> {
    const queue = [TOP_LEVEL_TARGETS];
    const seen = new Set<string>();
    const loaded: Delegation[] = [];
    for (const delegation of queue) {
      const edge = JSON.stringify([delegation.delegator, delegation.role]);
      if (seen.has(edge) || seen.size >= MAX_DELEGATIONS) continue;
      seen.add(edge);
      const targets = await load(delegation);
      if (targets === null) continue;
      loaded.push(delegation);
      queue.push(...delegationsOf(delegation.role, targets));
    }
    return loaded;
  }

  /** From the top: under a delegator that changed, everything may have other keys. */
  #carryOver(earlier: TargetsTree): void {
    const queue = [TOP_LEVEL_TARGETS];
    for (const delegation of queue) {
      const targets = earlier.lookUp(delegation);
      if (targets === undefined || this.lookUp(delegation) !== undefined) continue;
      const file = `${delegation.role}.json`;
      if (!isDeepStrictEqual(this.snapshot.meta.get(file), earlier.snapshot.meta.get(file))) continue;
      this.#keep(delegation, targets);
      queue.push(...delegationsOf(delegation.role, targets));
    }
  }

  async #fetch(delegation: Delegation, reference: EpochMs): Promise<Targets> {
    const { role } = delegation;
    const expected = expectedTargets(this.snapshot, role);
    const signer = this.#signerOf(delegation);
    const made = await this.#bringUpToDate(delegation, signer, expected).catch(nullIfOurs);
    const bytes = made?.bytes ?? (await this.#source.targets(role, expected, this.root.consistentSnapshot));
    const targets = made?.targets ?? (await this.#verify(role, signer, expected, bytes));
    verifyFresh(role, targets.expires, reference);
    await this.#store.write(roleFile(role), bytes);
    return this.#keep(delegation, targets);
  }

  /**
   * The file that the snapshot lists, made of the one that the disk has: null where there is no short way. Whatever it is made of,
   * it is nothing but these very bytes.
   */
  async #bringUpToDate(
    { role, delegator }: Delegation,
    signer: Signer,
    expected: FileMeta,
  ): Promise<{ readonly bytes: Uint8Array; readonly targets: Targets | null } | null> {
    const { length, hashes } = expected;
    if (length === null || hashes === null || !mayHaveDifference(length)) return null;
    const old = await this.#store.read(roleFile(role));
    const from = old === null ? null : statedVersion(old);
    if (old === null || from === null || from >= expected.version) return null;
    const difference = await this.#source.difference(role, from, { ...expected, length });
    if (difference === null) return null;
    const made = applyDifference(old, difference, length);
    verifyFile(made.bytes, expected, `${role}.json`);
    await setImmediate();
    const before = this.#before.get(role)?.get(delegator);
    if (before === undefined) return { bytes: made.bytes, targets: null };
    const sha256 = hashes.get('sha256');
    const digest = sha256 === undefined ? digestOf(made.bytes) : digestFromHex(sha256);
    const next = verifyNextTargets(role, signer, before, old, made, digest);
    return { bytes: made.bytes, targets: next?.version === expected.version ? next : null };
  }

  #signerOf({ delegator, role }: Delegation): Signer {
    if (role === TOP_LEVEL_TARGETS.role) return signerOf(this.root, 'targets');
    const [parent] = this.#verified.get(delegator)?.values() ?? [];
    const signer = parent === undefined ? null : delegateSigner(delegator, parent, role);
    if (signer === null) throw new Error(`${delegator} does not delegate to ${role}, or is not loaded`);
    return signer;
  }

  #keep({ delegator, role }: Delegation, targets: Targets): Targets {
    const byDelegator = this.#verified.get(role) ?? new Map<string, Targets>();
    this.#verified.set(role, byDelegator.set(delegator, targets));
    this.#before.delete(role);
    return targets;
  }
}

function delegationsOf(delegator: string, targets: Targets): readonly Delegation[] {
  return targets.delegations.map(({ name }) => ({ delegator, role: name }));
}
