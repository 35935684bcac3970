// A thread in the place of the one that verifies: it says that there are targets, and has none when it is asked for them.
import type { VerifyAnswer, VerifyQuestion } from '../../agent/adapters/repository/verify-beside.ts';
import { answerQuestions } from '../../shared/node/thread.ts';

answerQuestions<VerifyQuestion, VerifyAnswer>(() => ({
  answer: ({ kind }) =>
    kind === 'part'
      ? { kind, targets: [] }
      : { kind, head: {} as (VerifyAnswer & { readonly kind: 'verify' })['head'], count: 1 },
}));
