// Every generated page by its path; a test compares them with what is committed.
import { renderAnswers, renderCommands } from './commands-page.ts';
import { renderConfinement } from './confinement-page.ts';
import { renderErrors } from './errors-page.ts';
import { renderHttpApi, renderOpenApiFile } from './http-api-page.ts';
import { renderLimits } from './limits-page.ts';
import { renderManifest } from './manifest-page.ts';
import { renderMetricsPage } from './metrics-page.ts';
import { renderPolicy } from './policy-page.ts';
import { renderSchemas } from './schema-pages.ts';
import { renderSent } from './sent-page.ts';
import { renderStates } from './states-page.ts';

export async function renderReference(): Promise<ReadonlyMap<string, string>> {
  return new Map<string, string>([
    ['docs/reference/commands.md', await renderCommands()],
    ['docs/reference/schema/answers.schema.json', await renderAnswers()],
    ['docs/reference/confinement.md', renderConfinement()],
    ['docs/reference/errors.md', renderErrors()],
    ['docs/reference/http-api.md', renderHttpApi()],
    ['docs/reference/openapi.json', renderOpenApiFile()],
    ['docs/reference/limits.md', renderLimits()],
    ['docs/reference/manifest.md', renderManifest()],
    ['docs/reference/metrics.md', renderMetricsPage()],
    ['docs/reference/policy.md', renderPolicy()],
    ['docs/reference/sent.md', renderSent()],
    ['docs/reference/states.md', renderStates()],
    ...renderSchemas(),
  ]);
}
