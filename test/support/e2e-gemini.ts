// A small Gemini Developer API: generateContent as JSON and as the event stream the SDK asks for with alt=sse, the key in
// x-goog-api-key, errors in Google's shape. Verifies the token it gets there, as the demo's other upstreams do theirs.

import { z } from 'zod';
import { streamEvents } from '../../demo/upstreams/event-stream.ts';
import { type Problem, sendJson, serveVendor, type Upstream } from '../../demo/upstreams/serve.ts';
import type { VerifierOptions } from '../../demo/upstreams/verify.ts';
import { answerTo, countTokens, piecesOf } from '../../demo/upstreams/words.ts';

const generateRequest = z.looseObject({
  contents: z.array(z.looseObject({ parts: z.array(z.looseObject({ text: z.string() })) })).min(1),
});

export function startGemini(options: VerifierOptions): Promise<Upstream> {
  const endpoint = (method: string) => new RegExp(`^/v1(?:beta)?/models/(?<model>[^/:]+):${method}$`);
  return serveVendor(
    {
      credential: ({ 'x-goog-api-key': key }) => (typeof key === 'string' ? key : undefined),
      refusal,
      endpoints: [
        {
          method: 'POST',
          path: endpoint('generateContent'),
          scope: 'model.invoke',
          handle: ({ body, parameters, response }) => {
            const [question, text] = questionAndAnswer(body);
            sendJson(response, 200, part(parameters['model'] ?? '', text, usageOf(question, text)));
          },
        },
        {
          method: 'POST',
          path: endpoint('streamGenerateContent'),
          scope: 'model.invoke',
          handle: ({ body, parameters, response }) => {
            const [question, text] = questionAndAnswer(body);
            const pieces = piecesOf(text);
            const events = pieces.map((piece, index) => {
              const last = index === pieces.length - 1;
              return { data: JSON.stringify(part(parameters['model'] ?? '', piece, last && usageOf(question, text))) };
            });
            return streamEvents(response, events, {});
          },
        },
      ],
    },
    options,
  );
}

function questionAndAnswer(body: unknown): [string, string] {
  const { contents } = generateRequest.parse(body);
  const question = contents.at(-1)?.parts[0]?.text ?? '';
  return [question, answerTo(question)];
}

function part(modelVersion: string, text: string, usageMetadata: object | false): object {
  return {
    candidates: [
      {
        content: { role: 'model', parts: [{ text }] },
        index: 0,
        ...(usageMetadata === false ? {} : { finishReason: 'STOP' }),
      },
    ],
    modelVersion,
    responseId: 'gemini-demo-1',
    ...(usageMetadata === false ? {} : { usageMetadata }),
  };
}

function usageOf(question: string, answer: string): object {
  const promptTokenCount = countTokens(question);
  const candidatesTokenCount = countTokens(answer);
  return { promptTokenCount, candidatesTokenCount, totalTokenCount: promptTokenCount + candidatesTokenCount };
}

/** google.rpc.Status as JSON. */
function refusal(problem: Problem, detail: string) {
  const statuses = new Map<Problem, readonly [number, string]>([
    ['invalid_request', [400, 'INVALID_ARGUMENT']],
    ['not_found', [404, 'NOT_FOUND']],
    ['insufficient_scope', [403, 'PERMISSION_DENIED']],
  ]);
  const [status, name] = statuses.get(problem) ?? [401, 'UNAUTHENTICATED'];
  return { status, body: { error: { code: status, message: detail, status: name } } };
}
