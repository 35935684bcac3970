// `statements export` and `statements verify`: what each stage did, signed, in the form that tools of the field read.
import { resolve } from 'node:path';
import { commandFor } from '../../../../shared/change/pipeline.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { readNamed } from '../../../../shared/node/named-file.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { loadKey } from '../../../../shared/trust/key.ts';
import type { OpenedStatement } from '../../core/statements.ts';
import { publicPart } from '../../workspace/keys.ts';
import { findChange } from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { bundleFile, releaseKeys, signStatements, verifyBundle } from '../../workspace/statements.ts';

/** Signs what is not signed yet, and proves the whole. Errors: vendor/no-key, vendor/statements-wrong. */
export async function exportStatements(session: Session, text: string): Promise<void> {
  const record = await findChange(session.directory, text);
  const file = bundleFile(session.directory, record.id);
  if (record.release === null || record.result === 'abandoned') {
    throw new FairleadError('vendor/statements-wrong', {
      file,
      problems: [
        record.result === 'abandoned'
          ? 'the change was abandoned'
          : `nothing is built yet; first run: ${commandFor(record, 'build')}`,
      ],
    });
  }
  const bytes = await signStatements(session, record);
  const opened = verifyBundle(bytes, file, (await releaseKeys(session.directory)).all);
  tell(session, 'statements-export', file, opened);
}

/** Of a file from anywhere: by the keys that the workspace has known, or by those that are given. Errors: vendor/statements-wrong, vendor/option-invalid. */
export async function verifyStatements(
  session: Session,
  path: string,
  { publicKey = [] }: { readonly publicKey?: readonly string[] },
): Promise<void> {
  const file = resolve(path);
  const given = publicKey.map((hex) => {
    const { keyid, key } = publicPart(hex);
    const loaded = loadKey({ ...key, public: key.keyval.public });
    if (loaded !== null) return [keyid, loaded] as const;
    const form = 'the 64 hexadecimal digits of an Ed25519 public key';
    throw new FairleadError('vendor/option-invalid', { option: '--public-key', value: hex, form });
  });
  const keys = publicKey.length > 0 ? new Map(given) : (await releaseKeys(session.directory)).all;
  tell(session, 'statements-verify', file, verifyBundle(await readNamed(file), file, keys));
}

function tell(session: Session, answer: string, file: string, opened: readonly OpenedStatement[]): void {
  const change = opened[0]?.change ?? '';
  const subjects = opened[0]?.subjects ?? [];
  const rows = opened.map(({ stage, at, keyid, predicateType }) => [
    stage,
    at,
    keyid.slice(0, 12),
    predicateType,
  ]);
  session.out.result(
    answer,
    [
      `${change}: ${count(opened.length, 'statement')}, each signed, one following the other`,
      ...subjects.map(({ name, sha256 }) => `${name}  sha256:${sha256}`),
      ...formatTable([['Stage', 'At', 'Key', 'What'], ...rows]),
      file,
    ],
    {
      ...{ change, file, subjects },
      statements: opened.map(({ stage, at, keyid, predicateType }) => ({ stage, at, keyid, predicateType })),
    },
  );
}
