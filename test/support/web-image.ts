// An image that answers over HTTP, made of this machine's own perl, so that nothing has to be downloaded.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../shared/encoding/digest.ts';
import { type Image, json } from './image-forms.ts';

/** Says its version, its greeting and how often it was started upon its data; with `--check` whether it answers. */
const PROGRAM = `#!/usr/bin/perl
use strict; use warnings; use Socket;
my $address = sockaddr_in(80, INADDR_LOOPBACK);
if (@ARGV) {
  socket(my $asked, PF_INET, SOCK_STREAM, 0) or exit 1;
  exit(connect($asked, $address) ? 0 : 1);
}
my $starts = 0;
if (open(my $in, '<', '/data/starts')) { $starts = <$in>; }
open(my $out, '>', '/data/starts') or die $!; print $out ++$starts; close $out;
socket(my $door, PF_INET, SOCK_STREAM, 0); setsockopt($door, SOL_SOCKET, SO_REUSEADDR, 1);
bind($door, sockaddr_in(80, INADDR_ANY)) or die $!; listen($door, 16);
while (accept(my $client, $door)) {
  my $text = "$ENV{GREETING} from VERSION, start $starts\\n";
  sysread($client, my $asked, 4096) or next;
  print $client "HTTP/1.0 200 OK\\r\\nContent-Length: " . length($text) . "\\r\\n\\r\\n$text"; close $client;
}
`;

/** Versions of it share the layer that is large. */
export function webImage(directory: string, version: string): Image {
  const layers = [perlLayer(directory), programLayer(directory, version)];
  const config = json({
    ...{ architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' },
    config: { Env: ['PATH=/usr/bin'], Cmd: ['/usr/bin/web'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
  });
  return { config, layers };
}

function perlLayer(directory: string): Buffer {
  const run = (program: string, ...words: string[]) => execFileSync(program, words, { encoding: 'utf8' });
  const base = run('perl', '-e', 'print grep { m{/perl-base$} } @INC');
  const libraries = run('ldd', '/usr/bin/perl').match(/\/\S+/g) ?? [];
  const files = ['/usr/bin/perl', ...libraries, base];
  return tar(directory, '/', ['--dereference', '--exclude=unicore', ...files.map((path) => path.slice(1))]);
}

function programLayer(directory: string, version: string): Buffer {
  const root = join(directory, version);
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(join(root, 'usr/bin/web'), PROGRAM.replace('VERSION', version));
  chmodSync(join(root, 'usr/bin/web'), 0o755);
  return tar(directory, root, ['usr/bin/web']);
}

function tar(directory: string, from: string, words: readonly string[]): Buffer {
  const path = join(directory, 'layer.tar');
  execFileSync('tar', ['--create', `--directory=${from}`, `--file=${path}`, '--mtime=@0', ...words]);
  return readFileSync(path);
}
