// The commands about copies of the repository, from which installs fetch.
import { InvalidArgumentError } from '../../../../shared/cli/command.ts';
import { type ListedMirror, listedMirror } from '../../../../shared/schema/mirrors.ts';
import { type VendorCommand, WHY } from '../command.ts';

/** `https://copy.example/repository` for all, `eu,uk=https://eu.example/repository` for some. */
function parseMirror(text: string): ListedMirror {
  const [, regions, address = text] = /^([a-z0-9][a-z0-9._:,-]*)=(https:.*)$/.exec(text) ?? [];
  const url = address.replace(/\/$/, '');
  const parsed = listedMirror.safeParse({
    url,
    ...(regions === undefined ? {} : { regions: regions.split(',') }),
  });
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    'It must be an https address without account, ? and #, such as https://copy.example/repository, or for regions eu,uk=https://eu.example/repository.',
  );
}

export const MIRRORS: readonly VendorCommand[] = [
  {
    name: 'mirrors list',
    about: 'copies of the repository from which installs fetch, by region',
    example: 'mirrors list',
    kind: 'reads',
    load: async () => (await import('../commands/mirrors.ts')).list,
  },
  {
    name: 'mirrors set',
    about: 'sign which copies there are, nearest first, in place of the list before; with the targets key',
    example: 'mirrors set eu,uk=https://eu.example/repository https://copy.example/repository',
    kind: 'signs',
    arguments: [
      {
        name: '<url...>',
        about: 'https address of a copy, for all installs; or for those of its regions: eu,uk=URL',
        parse: parseMirror,
      },
    ],
    options: [WHY],
    load: async () => (await import('../commands/mirrors.ts')).set,
  },
  {
    name: 'mirrors clear',
    about: 'take the list back: installs fetch from the server, and from what their operators named',
    example: 'mirrors clear',
    kind: 'signs',
    options: [WHY],
    load: async () => (await import('../commands/mirrors.ts')).clear,
  },
];
