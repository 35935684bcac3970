// Where the links of a tree lead: each followed once, as the kernel follows it, however many lead through it.

/** As many as Linux follows before it answers ELOOP. */
const MAX_HOPS = 40;

export interface LinkWalk {
  /** All of them, before the first question; none lies inside another. */
  add(path: string, target: string): void;
  /** Why the link leads out of the tree or round in a circle; null when it does not. */
  problemOf(path: string): string | null;
  /** How many parts of paths and targets have been looked at so far. */
  parts(): number;
  /** How many directories and links it knows. */
  nodes(): number;
}

/** A directory on the way to some link, or a link. Everything else is only ever a depth below one of these. */
interface Node {
  readonly id: number;
  readonly parent: Node | null;
  /** Of a link. */
  target: string | null;
  /** Where it leads; a text says what is wrong. */
  place: Place | string | null;
}

/** `below` counts the parts that lead on from the node to where no link is. */
interface Place {
  readonly node: Node;
  readonly below: number;
  readonly hops: number;
}

/**
 * Part by part, through every other link on the way: `a -> b/..` and `b -> c/d` stay inside only together. A target that
 * does not exist is allowed; it stays inside whatever is created there. What a link leads to is kept: followed anew
 * through each other link, a few hundred bytes took minutes.
 */
export function createLinkWalk(): LinkWalk {
  const tree = createNodes();
  let parts = 0;

  const follow = (link: Node, target: string, depth: number): Place | string => {
    // Also what a circle runs into: a link deeper than this has at least as many hops.
    if (depth > MAX_HOPS) return LOOP;
    link.place ??= walk({ node: link.parent ?? tree.root, below: 0, hops: 0 }, target, depth);
    return link.place;
  };
  const walk = (from: Place, target: string, depth: number): Place | string => {
    let { node, below, hops } = from;
    for (const part of target.split('/')) {
      parts++;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (below > 0) below--;
        else if (node.parent === null) return 'it leads out of the tree';
        else node = node.parent;
        continue;
      }
      const next = below > 0 ? undefined : tree.find(node, part);
      if (next === undefined) below++;
      else if (next.target === null) node = next;
      else {
        const place = follow(next, next.target, depth + 1);
        if (typeof place === 'string') return place;
        hops += 1 + place.hops;
        if (hops > MAX_HOPS) return LOOP;
        ({ node, below } = place);
      }
    }
    return { node, below, hops };
  };
  return {
    add(path, target) {
      let node = tree.root;
      for (const part of path.split('/')) {
        parts++;
        node = tree.find(node, part) ?? tree.add(node, part);
      }
      node.target = target;
    },
    problemOf(path) {
      const link = path
        .split('/')
        .reduce<Node | undefined>((at, part) => at && tree.find(at, part), tree.root);
      if (link?.target == null) return null;
      const place = follow(link, link.target, 0);
      return typeof place === 'string' ? place : null;
    },
    parts: () => parts,
    nodes: tree.size,
  };
}

const LOOP = 'it is part of a loop of links';

/** One table for all: a table in each of a million nodes would take gigabytes. */
function createNodes() {
  const root: Node = { id: 0, parent: null, target: null, place: null };
  const byName = new Map<string, Node>();
  return {
    root,
    size: () => byName.size,
    find: (at: Node, part: string) => byName.get(`${at.id}/${part}`),
    add(parent: Node, part: string): Node {
      const node: Node = { id: byName.size + 1, parent, target: null, place: null };
      byName.set(`${parent.id}/${part}`, node);
      return node;
    },
  };
}
