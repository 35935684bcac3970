// The thread that reads large reports.
import { answerQuestions } from '../../shared/node/thread.ts';
import { type ReportRows, readReport } from './records.ts';
import type { ReportQuestion } from './report-reader.ts';

answerQuestions<ReportQuestion, ReportRows>(() => ({
  answer: ({ bytes, received }) => readReport(bytes, received),
}));
