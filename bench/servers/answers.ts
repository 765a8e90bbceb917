// What the upstream of a run answers: shapes and sizes of a model API. Text is filler; only its length matters.

/** Headers as a model API sends them. */
export const answerHeaders: readonly string[] = [
  'content-type: application/json',
  'cache-control: no-cache, must-revalidate',
  'openai-processing-ms: 412',
  'openai-version: 2020-10-01',
  'x-ratelimit-limit-requests: 10000',
  'x-ratelimit-remaining-requests: 9999',
  'x-request-id: req_5f1d7a90b4cc4e0e9f5ad1d3c0b9f1aa',
  'strict-transport-security: max-age=31536000',
  'server: upstream',
];

const completionLength = 1_013;

/** A chat completion of 1,013 bytes. */
export function completion(): string {
  const document = (content: string) =>
    JSON.stringify({
      id: 'chatcmpl-BqH4tqY2l0cVwq9C6',
      object: 'chat.completion',
      created: 1_760_000_000,
      model: 'gpt-4o-mini-2024-07-18',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 196, completion_tokens: 131, total_tokens: 327 },
    });
  return document('x'.repeat(completionLength - document('').length));
}

/** A chat request of `bytes` bytes, its model first as SDKs write it, or last. */
export function chatRequest(bytes: number, modelLast = false): string {
  const model = 'gpt-4o-mini';
  const document = (content: string) => {
    const messages =
      content
        .match(/.{1,1000}/g)
        ?.map((text, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content: text })) ?? [];
    return JSON.stringify(modelLast ? { messages, temperature: 0.2, model } : { model, messages, temperature: 0.2 });
  };
  const words = 'The quick brown fox jumps over the lazy dog, and says so. ';
  let text = words.repeat(Math.ceil(bytes / words.length)).slice(0, bytes);
  while (document(text).length > bytes) text = text.slice(0, text.length - (document(text).length - bytes));
  return document(text);
}

/** One event of a streamed completion, about 200 bytes; `at` is when it was sent, in microseconds of the machine's clock. */
export function event(at: number): string {
  return `data: {"id":"chatcmpl-BqH4tqY2l0cVwq9C6","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"at":${at.toFixed(0)}}\n\n`;
}

/** Microseconds of a clock all processes of this machine share. */
export function machineMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
