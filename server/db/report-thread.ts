// The thread that reads large reports.
import { answerQuestions } from '../../shared/node/thread.ts';
import type { ReportQuestion } from './report-reader.ts';
import { type ReportRows, readReport } from './report-rows.ts';

answerQuestions<ReportQuestion, ReportRows>(() => ({
  answer: ({ bytes, received }) => readReport(bytes, received),
}));
