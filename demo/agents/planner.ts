// The planner: the agent a user talks to. It asks a model for a plan, hands the question to the researcher agent, and gives
// back what came of it. Written as any agent is; that the base URLs are the gate's is all it knows of the gate.

import OpenAI from 'openai';
import { type GateOptions, gateUrls, onBehalfOf } from './gate.ts';
import type { OwnToken } from './own-token.ts';
import { createTranscript, type Transcript } from './transcript.ts';

export interface PlannerOptions extends GateOptions {
  readonly ownToken: OwnToken;
  /** The user's token, as it came with the user's request. */
  readonly userToken: string;
  readonly question: string;
  readonly traceparent?: string;
  readonly model?: string;
}

/** @throws the SDK's error, or an Error with the researcher's status, when a call is refused. */
export async function runPlanner(options: PlannerOptions): Promise<Transcript> {
  const { question, userToken, traceparent, model = 'gpt-5-mini' } = options;
  const urls = gateUrls(options);
  const ownToken = await options.ownToken();
  const headers = onBehalfOf(userToken, traceparent);
  const transcript = createTranscript('planner');

  const openai = new OpenAI({ baseURL: urls.openai, apiKey: ownToken, defaultHeaders: headers, maxRetries: 0 });
  let plan = '';
  const stream = await openai.chat.completions.create({
    model,
    stream: true,
    messages: [{ role: 'user', content: `Plan the research for: ${question}` }],
  });
  for await (const chunk of stream) plan += chunk.choices[0]?.delta.content ?? '';
  transcript.tell('openai chat', plan);

  const response = await fetch(`${urls.researcher}/research`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${ownToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ question }),
  });
  if (!response.ok)
    throw new Error(`the researcher answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  const research = (await response.json()) as Transcript; // our own researcher's answer
  transcript.tell('researcher', research.answer);

  return { steps: [...transcript.steps(), ...research.steps], answer: research.answer };
}
