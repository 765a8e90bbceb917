// One POST and its answer, over and over: what a call costs. Bodies of 1 KB, 16 KB and 256 KB, and a TLS upstream.

import type { Work } from '../load.ts';
import { measure, type RoundOptions, type Table } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';

/** Headers as a model API's SDK sends them. */
export function chatHeaders(world: World): Record<string, string> {
  return {
    authorization: `Bearer ${world.tokens.agent}`,
    'postern-subject-token': world.tokens.user,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'OpenAI/JS 7.57.0',
    'accept-language': '*',
    'x-stainless-lang': 'js',
    'x-stainless-runtime': 'node',
    'x-stainless-retry-count': '0',
  };
}

export interface PostOptions extends Omit<RoundOptions, 'workOf'> {
  readonly bytes: number;
  readonly modelLast?: boolean;
  /** First segment of the path in place of `/openai`. */
  readonly mount?: string;
  readonly subjects?: string;
}

export function posts(world: World, variants: readonly Variant[], options: PostOptions): Promise<Table> {
  const body = chatRequest(options.bytes, options.modelLast);
  const workOf = ({ url, chat, headers }: Variant): Work => ({
    url: `${url}${options.mount === undefined ? chat : chat.replace('/openai', options.mount)}`,
    headers: { ...chatHeaders(world), ...headers },
    body,
    ...(options.subjects === undefined ? {} : { subjects: options.subjects }),
  });
  return measure(world, variants, { ...options, workOf });
}
