// The simulated server's guard: the product's own look at every offer, over what was published and reported here.
import { evidenceSince, type OwnHalt, stoppedBy } from '../../../server/core/guard.ts';
import { createHearing } from '../../../server/core/survey.ts';
import { type Looking, lookAtAll } from '../../../server/jobs/guard.ts';
import type { HaltOrder } from '../../../server/repository/halting.ts';
import { createOfferReader, type Offer, type Offers } from '../../../server/repository/offers.ts';
import { judgeRollout, toleranceOf } from '../../../shared/change/judge.ts';
import type { Catalog, ScopedHalt } from '../../../shared/compile/releases.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import { documentOf, publicationOf } from './publication.ts';
import type { Known, Reports } from './reports.ts';
import { haltOf } from './vendor.ts';

export interface Guard {
  /** The halts that are to be published now, each in the place of another of its release. */
  look(catalog: Catalog, installs: readonly Known[]): Promise<readonly ScopedHalt[]>;
  /** When it halted a release for the first time; null where it never did. */
  haltedAt(release: Digest): EpochMs | null;
}

/** As `change open` fixes it where nobody says another. */
const TOLERANCE = toleranceOf({});

export function createGuard(reports: Reports, now: () => EpochMs): Guard {
  /** By release, the newest first. */
  const own = new Map<Digest, readonly OwnHalt[]>();
  const readOffers = createOffers();
  const hearing = createHearing();

  function noteSigned({ digest, class: of }: HaltOrder, halt: ScopedHalt): void {
    const [issued, expires] = [instantMs(halt.issued), instantMs(halt.expires)];
    const signed = { document: documentOf(halt), class: of, issued, expires, lifted: null };
    own.set(digest, [signed, ...(own.get(digest) ?? [])]);
  }

  function noteLifted(digest: Digest, at: EpochMs): void {
    const [newest, ...others] = own.get(digest) ?? [];
    if (newest !== undefined) own.set(digest, [{ ...newest, lifted: at }, ...others]);
  }

  return {
    async look(catalog, installs) {
      hearing.note(Math.max(...installs.map(({ lastSeen }) => lastSeen)), now());
      const { published, read } = publicationOf(catalog);
      const looking: Looking = {
        ...{ store: { read }, published: () => published, now },
        listOwn: async ({ digest }) => own.get(digest) ?? [],
        async judge(offer, at) {
          const signed = own.get(offer.digest) ?? [];
          const asked = {
            ...{ since: evidenceSince(signed, offer.start), stopped: stoppedBy(signed, at) },
            isHearing: hearing.isSure(at),
          };
          const { fare, classes } = reports.survey({ ...offer.surveyed, ...asked }, installs, at);
          return judgeRollout(TOLERANCE, fare, classes);
        },
      };
      const { orders, lifted } = await lookAtAll(await readOffers(catalog), looking);
      for (const { digest, at } of lifted) noteLifted(digest, at);
      return orders.map((order) => {
        const halt = haltOf(order);
        noteSigned(order, halt);
        return halt;
      });
    },
    haltedAt: (release) => own.get(release)?.at(-1)?.issued ?? null,
  };
}

/** The same as long as nothing is published, and each install is asked for its place in the waves once. */
function createOffers(): (catalog: Catalog) => Promise<Offers> {
  let known: { readonly of: Catalog; readonly offers: Offers } | null = null;
  return async (catalog) => {
    if (known?.of === catalog) return known.offers;
    const { published, read } = publicationOf(catalog);
    const { all, ordered } = await createOfferReader({ read })(published);
    const offers = { ordered, all: all.map(remembering) };
    known = { of: catalog, offers };
    return offers;
  };
}

/** What an install is does not change here. */
function remembering(offer: Offer): Offer {
  const { surveyed } = offer;
  const places = new Map<string, EpochMs>();
  return {
    ...offer,
    surveyed: {
      ...surveyed,
      reaches(instance, facts) {
        const at = places.get(instance) ?? surveyed.reaches(instance, facts);
        places.set(instance, at);
        return at;
      },
    },
  };
}
