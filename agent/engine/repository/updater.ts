// The TUF client: brings the trusted metadata up to date, then finds out who speaks for a target.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { resolveTarget, TOP_LEVEL_TARGETS } from '../../../shared/trust/delegation.ts';
import type { TargetFile } from '../../../shared/trust/metadata.ts';
import { TargetsTree } from './targets-tree.ts';
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
    await this.topLevel.refresh(now);
    await this.tree?.load(TOP_LEVEL_TARGETS, this.topLevel.referenceAt(now));
  }

  /**
   * Every delegated role, after a refresh. One that fails does not keep the others from being loaded: a release team's
   * mistake must not silence the security team. Returns the errors, as of refresh.
   */
  async refreshDelegates(now: EpochMs): Promise<readonly unknown[]> {
    const { tree } = this;
    const failures: unknown[] = [];
    await tree?.walk(async (delegation) => {
      try {
        return await tree.load(delegation, this.topLevel.referenceAt(now));
      } catch (error) {
        failures.push(error);
        return null;
      }
    });
    return failures;
  }

  /** TUF §5.6.7, after a refresh: null when nobody who may vouches for the path. Errors: as of refresh. */
  async findTarget(path: string, now: EpochMs): Promise<TargetFile | null> {
    const { tree } = this;
    if (tree === null) return null;
    for (;;) {
      const found = resolveTarget(path, tree.lookUp);
      if (found.kind !== 'needs') return found.kind === 'found' ? found.target : null;
      await tree.load(found.delegation, this.topLevel.referenceAt(now));
    }
  }
}
