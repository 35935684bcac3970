// `advisory`: the security role says which versions are affected and which are fixed, and takes it back.
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { type AdvisoryOptions, draftFrom, readDraft } from '../advisory-draft.ts';
import { type PublishingOptions, publishDraft, requireAdvisory, signAdvisory } from '../advisory-signing.ts';

interface PublishOptions extends AdvisoryOptions, PublishingOptions {
  readonly file?: string;
}

export async function publishAdvisory(session: Session, options: PublishOptions): Promise<void> {
  await openWorkspace(session.directory);
  const { file } = options;
  const draft = file === undefined ? draftFrom(options, session.now()) : await readDraft(file);
  await publishDraft(session, 'advisory-publish', draft, options);
}

export async function withdrawAdvisory(session: Session, id: string): Promise<void> {
  await openWorkspace(session.directory);
  const { advisory, details } = await requireAdvisory(session, id);
  await signAdvisory(session, 'advisory-withdraw', {
    advisory: { ...advisory, withdrawn: true },
    terms: null,
    details,
  });
}
