// Addresses of repositories: what they may leave to the environment, what is refused, and that no secret is repeated.
import { describe, expect, it } from 'vitest';
import {
  environmentOfProfile,
  holdsSecret,
  isS3,
  parseS3Address,
  verifyPath,
} from '../../../server/core/repository-address.ts';
import { refusalOf } from '../../support/error-code.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'ID', AWS_SECRET_ACCESS_KEY: 'kanarienvogel' };

describe('an address of a bucket', () => {
  it.each([
    ['s3://releases', { bucket: 'releases', prefix: '', place: 's3://releases' }],
    ['s3://releases/', { prefix: '', place: 's3://releases' }],
    ['s3://releases/fleet', { prefix: 'fleet/', place: 's3://releases/fleet' }],
    ['s3://releases/a/b-1/', { prefix: 'a/b-1/', place: 's3://releases/a/b-1' }],
    [
      's3://releases?region=eu-central-1',
      { region: 'eu-central-1', endpoint: 'https://s3.eu-central-1.amazonaws.com' },
    ],
    ['s3://releases', { region: 'us-east-1', endpoint: 'https://s3.us-east-1.amazonaws.com' }],
    [
      's3://releases?endpoint=https://storage.example.com:9000/',
      { endpoint: 'https://storage.example.com:9000' },
    ],
    ['s3://releases?endpoint=http://127.0.0.1:9000', { endpoint: 'http://127.0.0.1:9000' }],
    ['s3://releases?endpoint=http://[::1]:9000', { endpoint: 'http://[::1]:9000' }],
    [
      's3://ID2:a%2Fb%2Bc@releases/x',
      { keys: { id: 'ID2', secret: 'a/b+c', session: null }, place: 's3://releases/x' },
    ],
  ])('%s is read', (text, expected) => {
    expect(parseS3Address(text, KEYS)).toMatchObject({ kind: 's3', ...expected });
  });

  it.each([
    [{ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'x' }, { region: 'eu-west-1' }],
    [{ AWS_DEFAULT_REGION: 'eu-west-2' }, { region: 'eu-west-2' }],
    [
      { AWS_ENDPOINT_URL: 'https://a.example', AWS_ENDPOINT_URL_S3: 'https://b.example' },
      { endpoint: 'https://b.example' },
    ],
    [{ AWS_ENDPOINT_URL: 'https://a.example' }, { endpoint: 'https://a.example' }],
    [
      { AWS_SESSION_TOKEN: 'of an hour' },
      { keys: { id: 'ID', secret: 'kanarienvogel', session: 'of an hour' } },
    ],
  ])('takes %j from the environment', (environment, expected) => {
    expect(parseS3Address('s3://releases', { ...KEYS, ...environment })).toMatchObject(expected);
  });

  it.each([
    's3:',
    's3://',
    's3:///prefix',
    's3://R',
    's3://UPPER_case/x',
    's3://releases/a b',
    's3://releases/../x/%2e%2e',
    's3://releases/a//b',
    's3://releases/.hidden',
    `s3://releases/${'a/'.repeat(20)}`,
    's3://releases#x',
    's3://releases?region=',
    's3://releases?region=a/b',
    's3://releases?endpoint=ftp://x',
    's3://releases?endpoint=nonsense',
    's3://releases?endpoint=http://storage.example.com',
    's3://releases?endpoint=https://u:kanarienvogel@storage.example.com',
    's3://releases?acl=public',
    's3://ID:kanarienvogel/17@releases',
    's3://ID:kanarienvogel%zz@releases',
    's4://releases',
  ])('%s is refused, and not repeated', (text) => {
    const refusal = refusalOf(() => parseS3Address(text, KEYS));

    expect(refusal.code).toBe('server/repository-address');
    expect(refusal.message + refusal.hint).not.toContain('kanarienvogel');
  });

  it.each([
    {},
    { AWS_ACCESS_KEY_ID: 'ID' },
    { AWS_SECRET_ACCESS_KEY: 'x' },
    { ...KEYS, AWS_ACCESS_KEY_ID: '' },
  ])('is refused where its keys are nowhere, as in %j', (environment) => {
    expect(refusalOf(() => parseS3Address('s3://releases', environment)).message).toContain('no key');
  });
});

it.each(['postgres://fairlead:canary@db/fleet', 'S3X:canary', 'https://canary.example'])(
  'a directory is none that looks like an address: %s',
  (text) => {
    const refusal = refusalOf(() => verifyPath(text));

    expect(refusal.code).toBe('server/repository-address');
    expect(refusal.message).not.toContain('canary');
    expect(verifyPath('/srv/s3:backup/./x')).toBeUndefined();
  },
);

it('what everybody can read holds no secret key', () => {
  const shown = ['s3://ID:x@releases', 's3://ID:kanarien/vogel@releases'];
  const fine = ['s3://releases', 's3://ID@releases', '/srv/s3:', 'dir', 's3-dir/x'];

  expect(shown.map(holdsSecret)).toEqual([true, true]);
  expect(fine.map(holdsSecret)).toEqual(fine.map(() => false));
  expect(fine.map(isS3)).toEqual([true, true, false, false, false]);
});

it('a credentials file gives the keys of one profile', () => {
  const text = `# ours
[default]
aws_access_key_id = ID
aws_secret_access_key=a/b+c
region = eu-west-1

[profile other]
AWS_ACCESS_KEY_ID = ID2
aws_secret_access_key = d
aws_session_token = e
`;

  expect(environmentOfProfile(text, 'default')).toEqual({
    AWS_ACCESS_KEY_ID: 'ID',
    AWS_SECRET_ACCESS_KEY: 'a/b+c',
  });
  expect(environmentOfProfile(text, 'other')).toEqual({
    ...{ AWS_ACCESS_KEY_ID: 'ID2', AWS_SECRET_ACCESS_KEY: 'd' },
    AWS_SESSION_TOKEN: 'e',
  });
  expect(environmentOfProfile(text, 'none')).toEqual({});
});
