// Addresses: what a health probe asks must be a place that a program on the install can listen at.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { fillKnown } from './filled.ts';
import { problem, quote } from './problem.ts';

const MAX_PORT = 65_535;
const URL_FORM = 'a URL such as "http://127.0.0.1:8080/health"';
const TCP_FORM = 'an address such as "127.0.0.1:8080" or "[::1]:8080"';

export function findAddressProblems({ health, settings }: CapabilityRelease): readonly DocumentIssue[] {
  return health.flatMap((probe, at) => {
    if ('exec' in probe) return [];
    const [key, text] = 'http' in probe ? (['http', probe.http] as const) : (['tcp', probe.tcp] as const);
    const place = `health.${at}.${key}`;
    const filled = fillKnown(text, settings);
    const wrong = key === 'http' ? literalCredentials(place, text) : [];
    if (wrong.length > 0 || filled === null) return wrong;
    return key === 'http' ? urlProblems(place, filled) : tcpProblems(place, filled);
  });
}

/** Whoever may fetch the release may read them. */
function literalCredentials(place: string, text: string): readonly DocumentIssue[] {
  const user = /^[a-z]+:\/\/([^/@?#]*)@/i.exec(text)?.[1];
  if (user === undefined || user.includes('${')) return [];
  const remedy =
    'declare settings for user and password, and write "http://${settings.user}:${settings.password}@…"';
  return [problem(place, quote(text), 'no user and password in a release, which everybody may read', remedy)];
}

function urlProblems(place: string, text: string): readonly DocumentIssue[] {
  const wrong = (expected: string, remedy: string) => [problem(place, quote(text), expected, remedy)];
  if (/[\s\p{Cc}]/u.test(text)) return wrong(URL_FORM, 'write it without blanks');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return wrong(URL_FORM, `write "http://" before it`);
  if (scheme !== 'http' && scheme !== 'https') {
    return wrong('the scheme "http" or "https"', 'use one of them, or a "tcp" probe');
  }
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  // Judged before the URL is parsed: that would only say "invalid" of a port, and take "127.1" for an address.
  const port = /:([^\]:]*)$/.exec(host)?.[1];
  const issues = port === undefined ? [] : portProblems(place, text, port);
  if (issues.length > 0) return issues;
  if (!URL.canParse(text)) return wrong(URL_FORM, 'correct its host');
  return hostProblems(place, text, new URL(text).hostname);
}

function tcpProblems(place: string, text: string): readonly DocumentIssue[] {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:[\]/@]+):([^:]*)$/i.exec(text) ?? [];
  if (host === undefined || port === undefined) {
    return [problem(place, quote(text), TCP_FORM, 'write host, colon and port; an IPv6 address in brackets')];
  }
  const issues = portProblems(place, text, port);
  return issues.length > 0 ? issues : hostProblems(place, text, host.toLowerCase());
}

function portProblems(place: string, text: string, port: string): readonly DocumentIssue[] {
  if (/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) <= MAX_PORT) return [];
  return [problem(place, quote(text), `a port from 1 to ${MAX_PORT}`, 'correct the port')];
}

/** Probes run on the install itself: no container's network, no wildcard to listen on. */
function hostProblems(place: string, text: string, host: string): readonly DocumentIssue[] {
  const isWildcard = host === '0.0.0.0' || host === '[::]';
  const isSingleWord = /^[^.:[\]]+$/.test(host) && host !== 'localhost';
  if (host !== '' && !isWildcard && !isSingleWord) return [];
  const expected = 'a host that the install itself reaches, such as "127.0.0.1"';
  return [
    problem(
      place,
      quote(text),
      expected,
      'probe the loopback address, over a published port for a container',
    ),
  ];
}
