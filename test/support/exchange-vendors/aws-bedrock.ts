// The Bedrock runtime of one region: Converse and InvokeModel, streamed and not. Checks every request as AWS does, a
// signature (aws-sigv4.ts) or a Bedrock API key, then what the role session may do. Errors are JSON, their kind in
// x-amzn-errortype; streams are frames of application/vnd.amazon.eventstream.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../../src/base/ports.ts';
import { type AwsAccount, awsRegion, mayDo, type RoleSession } from './aws-account.ts';
import { eventFrame } from './aws-eventstream.ts';
import { type SignedMessage, type SigV4Verdict, verifyPresigned, verifySigV4 } from './aws-sigv4.ts';

export interface BedrockCall extends SignedMessage {
  readonly headers: IncomingMessage['headers'];
  readonly proof: 'signature' | 'key' | 'none';
  readonly session: RoleSession | undefined;
  readonly status: number;
  readonly errorType: string | undefined;
}

export interface BedrockVendor {
  readonly url: string;
  readonly calls: readonly BedrockCall[];
  /** From now on what is checked is this; without an argument, what came. */
  tamper(change?: (message: SignedMessage) => SignedMessage): void;
  /** From now on answered like this; without an argument, as Bedrock does again. */
  answerWith(raw?: (response: ServerResponse, message: SignedMessage) => void): void;
  close(): Promise<void>;
}

const operations: Readonly<Record<string, string>> = {
  converse: 'bedrock:InvokeModel',
  'converse-stream': 'bedrock:InvokeModelWithResponseStream',
  invoke: 'bedrock:InvokeModel',
  'invoke-with-response-stream': 'bedrock:InvokeModelWithResponseStream',
};

const words = ['Hello', ' from', ' Bedrock', ' \u00e4\u20ac'];

export async function startBedrock(options: { clock: Clock; account: AwsAccount }): Promise<BedrockVendor> {
  const { clock, account } = options;
  const calls: BedrockCall[] = [];
  let tampering = (message: SignedMessage) => message;
  let raw: ((response: ServerResponse, message: SignedMessage) => void) | undefined;

  function prove(message: SignedMessage, authorization = ''): { proof: BedrockCall['proof']; verdict: SigV4Verdict } {
    const signerOf = (id: string) => account.sessions.get(id);
    const check = { service: 'bedrock', region: awsRegion, now: clock.now(), signerOf };
    const key = /^Bearer bedrock-api-key-([A-Za-z0-9+/=]+)$/.exec(authorization)?.[1];
    if (key === undefined) {
      const verdict = verifySigV4(message, check);
      return { proof: authorization === '' ? 'none' : 'signature', verdict };
    }
    const url = Buffer.from(key, 'base64').toString('utf8');
    const known = url.startsWith('bedrock.amazonaws.com/?Action=CallWithBearerToken&') && url.endsWith('&Version=1');
    const unknown = { failure: 'UnrecognizedClientException', message: 'Authentication failed' } as const;
    return { proof: 'key', verdict: known ? verifyPresigned(`https://${url}`, 'POST', check) : unknown };
  }

  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const { method = '', url: path = '', rawHeaders, headers } = incoming;
    const message = { method, path, rawHeaders, body: Buffer.concat(chunks) };
    const { proof, verdict } = prove(tampering(message), headers.authorization);
    const session = verdict.failure === undefined ? account.sessions.get(verdict.accessKeyId) : undefined;
    const record = (status: number, errorType?: string) =>
      calls.push({ ...message, headers, proof, session, status, errorType });
    const refuse = (status: number, errorType: string, text: string) => {
      record(status, errorType);
      const id = {
        'x-amzn-requestid': 'bedrock-request-1',
        'x-amzn-errortype': `${errorType}:http://internal.amazon.com/`,
      };
      response.writeHead(status, { 'content-type': 'application/json', ...id }).end(JSON.stringify({ message: text }));
    };
    if (raw !== undefined) {
      record(0);
      return raw(response, message);
    }
    if (verdict.failure !== undefined) return refuse(403, verdict.failure, verdict.message);
    const [, model = '', operation = ''] = /^\/model\/([^/]+)\/([^/?]+)/.exec(path) ?? [];
    const action = operations[operation];
    if (action === undefined) return refuse(404, 'UnknownOperationException', 'Unknown operation');
    const name = decodeURIComponent(model);
    const resource = name.startsWith('arn:') ? name : `arn:aws:bedrock:${awsRegion}::foundation-model/${name}`;
    if (!mayDo(session?.policy, action, resource)) {
      return refuse(
        403,
        'AccessDeniedException',
        `User: ${session?.arn} is not authorized to perform: ${action} on resource: ${resource}`,
      );
    }
    record(200);
    serve(response, operation, message.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();

  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    calls,
    tamper(change = (message) => message) {
      tampering = change;
    },
    answerWith(next) {
      raw = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const usage = { inputTokens: 11, outputTokens: 4, totalTokens: 15 };
const counts = { 'x-amzn-bedrock-input-token-count': '11', 'x-amzn-bedrock-output-token-count': '4' };
const stream = 'application/vnd.amazon.eventstream';

function serve(response: ServerResponse, operation: string, body: Buffer): void {
  const text = words.join('');
  response.setHeader('x-amzn-requestid', 'bedrock-request-1');
  if (operation === 'converse') {
    const output = { message: { role: 'assistant', content: [{ text }] } };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ output, stopReason: 'end_turn', usage, metrics: { latencyMs: 7 } }));
  } else if (operation === 'invoke') {
    response.writeHead(200, { 'content-type': 'application/json', ...counts });
    response.end(JSON.stringify(message(text, JSON.parse(body.toString('utf8')))));
  } else {
    response.writeHead(200, { 'content-type': stream, 'x-amzn-bedrock-content-type': 'application/json' });
    const frames = operation === 'converse-stream' ? converseFrames() : invokeFrames();
    // In pieces that are no frames: what passes must not mind.
    const bytes = Buffer.concat(frames);
    for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
    response.end();
  }
}

/** As Anthropic's models answer InvokeModel. */
function message(text: string, asked: unknown): object {
  const content = [{ type: 'text', text }];
  const id = { id: 'msg_bdrk_1', type: 'message', role: 'assistant', model: 'claude-haiku-4-5', asked };
  return { ...id, content, stop_reason: 'end_turn', usage: { input_tokens: 11, output_tokens: 4 } };
}

function converseFrames(): Buffer[] {
  return [
    eventFrame('messageStart', { role: 'assistant' }),
    ...words.map((text) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })),
    eventFrame('contentBlockStop', { contentBlockIndex: 0 }),
    eventFrame('messageStop', { stopReason: 'end_turn' }),
    eventFrame('metadata', { usage, metrics: { latencyMs: 7 } }),
  ];
}

function invokeFrames(): Buffer[] {
  const events = [
    { type: 'message_start', message: { ...message('', undefined), content: [] } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...words.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } },
    { type: 'message_stop' },
  ];
  return events.map((event) => {
    const bytes = Buffer.from(JSON.stringify(event)).toString('base64');
    return eventFrame('chunk', { bytes, p: 'abcdefgh' });
  });
}
