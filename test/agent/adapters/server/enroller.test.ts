// Enrolment: one string, one key, and a second try that always works.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { enroll } from '../../../../agent/adapters/server/enroller.ts';
import { loadOrCreateIdentity, readEnrolment } from '../../../../agent/adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { createAuditFile } from '../../../../agent/adapters/state/audit-file.ts';
import { acquireStateLock } from '../../../../agent/adapters/state/state-directory.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { formatEnrolment } from '../../../../shared/protocol/enrolment.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { type EnrolmentServer, type Step, startEnrolmentServer } from '../../../support/enrolment-server.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const CLI = new URL('../../../../agent/cli/main.ts', import.meta.url).pathname;

function enrollWith(server: EnrolmentServer, stateDir: string, text = server.string) {
  const http = createHttpClient();
  onTestFinished(() => http.close());
  return enroll({ stateDir, text, http, actor: 'alice', name: 'host-1' });
}

describe('enrolment', () => {
  it('leaves a key, a policy and the pinned root, all owner-only', async () => {
    const server = await startEnrolmentServer();
    const stateDir = join(temporaryDirectory(), 'state');

    await enrollWith(server, stateDir);

    const file = await readEnrolment(stateDir);
    expect(file).toMatchObject({ server: server.url, name: 'first-customer' });
    expect(file?.root).toEqual({
      version: 3,
      digest: digestOf(server.rootBytes),
      bytes: Buffer.from(server.rootBytes).toString('base64'),
    });
    expect(server.redeemed[0]).toMatchObject({
      hostname: 'host-1',
      publicKey: (await loadOrCreateIdentity(stateDir)).x,
    });
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
    for (const name of ['identity.json', 'enrolment.json', 'settings.json']) {
      expect(statSync(join(stateDir, name)).mode & 0o777, name).toBe(0o600);
    }
  });

  it('is the first entry of the log: by whom, with which server, under which root', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();

    const file = await enrollWith(server, stateDir);

    expect(await createAuditFile(stateDir, systemClock).entries()).toMatchObject([
      {
        event: 'enrolled',
        actor: 'alice',
        details: { server: server.url, instance: file.instance, root: digestOf(server.rootBytes) },
      },
    ]);
  });

  it('does not happen where it cannot be written into the log', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();
    mkdirSync(join(stateDir, 'audit', 'log.jsonl'), { recursive: true });

    await rejectionOf(enrollWith(server, stateDir));

    expect(await readEnrolment(stateDir)).toBeNull();
  });

  it('keeps the code out of everything on disk', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();

    await enrollWith(server, stateDir);

    const code = server.redeemed[0]!.code;
    const files = readdirSync(stateDir).filter((name) => statSync(join(stateDir, name)).isFile());
    expect(files.filter((name) => readFileSync(join(stateDir, name), 'utf8').includes(code))).toEqual([]);
  });

  it('is done once: the same string again changes nothing and asks nobody', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();
    const first = await enrollWith(server, stateDir);

    const second = await enrollWith(server, stateDir);

    expect(second).toEqual(first);
    expect(server.redeemed).toHaveLength(1);
  });

  it('refuses another string on an enrolled instance', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();
    const first = await enrollWith(server, stateDir);
    const other = formatEnrolment({
      server: 'https://other.example',
      code: 'd'.repeat(32),
      root: { version: 1, digest: digestOf(utf8('another root')) },
    });

    const refusal = await rejectionOf(enrollWith(server, stateDir, other));

    expect(refusal.code).toBe('enrolment/exists');
    expect(await readEnrolment(stateDir)).toEqual(first);
  });

  it('does not spend the code at a server that shows another root', async () => {
    const server = await startEnrolmentServer();
    server.rootServed = utf8('{"signed":{"_type":"root","evil":true}}');
    const stateDir = temporaryDirectory();

    const refusal = await rejectionOf(enrollWith(server, stateDir));

    expect(refusal.code).toBe('enrolment/root-mismatch');
    expect(server.redeemed).toEqual([]);
    expect(existsSync(join(stateDir, 'enrolment.json'))).toBe(false);
  });

  it('says why when the server refuses the code', async () => {
    const server = await startEnrolmentServer();
    await enrollWith(server, temporaryDirectory());

    const refusal = await rejectionOf(enrollWith(server, temporaryDirectory()));

    expect(refusal.code).toBe('enrolment/refused');
    expect(refusal.message).toContain('this code was used');
    expect(refusal.hint).toContain('fairlead-vendor enrolment create');
  });

  it('waits for nobody: another agent on the directory is a clear refusal', async () => {
    const server = await startEnrolmentServer();
    const stateDir = temporaryDirectory();
    const lock = await acquireStateLock(stateDir);
    onTestFinished(() => lock.release());

    expect((await rejectionOf(enrollWith(server, stateDir))).code).toBe('agent/already-running');
  });

  it.each<[string, Step]>([
    ['while it fetches the root', 'root'],
    ['after the server took the code, before the answer arrived', 'redeem'],
  ])('killed %s, works on the second run with the same key', async (_when, step) => {
    const server = await startEnrolmentServer();
    const stateDir = join(temporaryDirectory(), 'state');
    server.losesAnswerAt = step;
    const child = spawn(process.execPath, [CLI, 'agent', 'enroll', '-', '--state-dir', stateDir], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const reached = server.lost();
    child.stdin.end(server.string);
    await reached;
    child.kill('SIGKILL');
    await once(child, 'exit');
    const key = (await loadOrCreateIdentity(stateDir)).x;

    server.losesAnswerAt = null;
    await enrollWith(server, stateDir);

    expect(server.redeemed.at(-1)?.publicKey).toBe(key);
    expect((await readEnrolment(stateDir))?.name).toBe('first-customer');
  });
});
