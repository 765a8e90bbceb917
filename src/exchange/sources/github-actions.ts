// The OIDC token of a GitHub Actions job with `permissions: id-token: write`: the runner's own service mints one per request.
// GET $ACTIONS_ID_TOKEN_REQUEST_URL&audience=..., bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN, answer {"value": "<jwt>"}
// (docs.github.com, "OpenID Connect reference"; huggingface_hub/_oidc.py and fluxcd/pkg auth/actionsoidc do the same).

import * as z from 'zod';
import { isLoopback, secretValue } from '../../base/scalars.ts';
import { parseJson } from '../json.ts';
import { requestShape } from '../request-schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import { askPlatform, type PlatformQuestion } from './platform.ts';

export const source = 'github_actions';

/** The runner's URL carries a query of its own, which other URLs of the configuration may not. */
const requestUrl = z
  .string()
  .max(2_048)
  .refine(isRequestUrl, 'is not an https URL, such as ${env:ACTIONS_ID_TOKEN_REQUEST_URL}')
  .meta({ title: 'URL', examples: ['${env:ACTIONS_ID_TOKEN_REQUEST_URL}'] });

export const schema = z.strictObject({
  source: z.literal(source).describe('The identity of a GitHub Actions job that has the permission `id-token: write`.'),
  request_url: requestUrl.describe('The URL the runner gives the job: `${env:ACTIONS_ID_TOKEN_REQUEST_URL}`.'),
  request_token: secretValue.describe('The token the runner gives the job: `${env:ACTIONS_ID_TOKEN_REQUEST_TOKEN}`.'),
  audience: requestShape.audience.describe('Audience of the token, as the vendor was told to expect it.'),
});

export type Options = z.output<typeof schema>;

export function create(name: string, options: Options, ports: SourcePorts): SubjectSource {
  const url = new URL(options.request_url);
  url.searchParams.set('audience', options.audience);
  const question: PlatformQuestion = {
    name,
    url: url.href,
    bearer: options.request_token,
    pick: (answer) => tokenAnswer.safeParse(parseJson(answer)).data?.value,
  };
  return { name, read: () => askPlatform(question, ports) };
}

const tokenAnswer = z.object({ value: z.string() });

/** https, or this machine (self-hosted runners and tests): the request token is a credential. */
function isRequestUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}
