// The thread that verifies large metadata of targets roles, and hands over what they list part by part.
import { answerQuestions } from '../../../shared/node/thread.ts';
import type { TargetFile } from '../../../shared/trust/metadata.ts';
import { verifyOutlined } from '../../../shared/trust/next-targets.ts';
import type { VerifyAnswer, VerifyQuestion } from './verify-beside.ts';

answerQuestions<VerifyQuestion, VerifyAnswer>(() => {
  let verified: readonly (readonly [string, TargetFile])[] = [];
  return {
    answer: (question) => {
      if (question.kind === 'part') {
        const { from, count } = question;
        return { kind: 'part', targets: verified.slice(from, from + count) };
      }
      const { role, signer, expected, bytes } = question;
      const { targets, ...head } = verifyOutlined(role, signer, expected, bytes);
      // In order: whoever brings the lists of several roles into one has it from here.
      verified = [...targets].sort(([a], [b]) => (a < b ? -1 : 1));
      return { kind: 'verify', head, count: verified.length };
    },
  };
});
