// The shape of an error body in each client's own dialect, so that its SDK raises its own right exception type.
// Given only public facts: a status, a stable code, a message. Must never see the specific reason.

import type { Code } from '../base/errors.ts';
import type { Dialect } from '../call.ts';

export interface PublicError {
  readonly status: number;
  readonly code: Code;
  readonly message: string;
  readonly requestId: string;
  /** JSON text of the JSON-RPC request id, where it was read. */
  readonly rpcId: string | undefined;
  readonly rpcCode: number | undefined;
}

export interface ErrorBody {
  readonly contentType: string;
  readonly body: string;
}

const json = 'application/json';

/** JSON-RPC 2.0 section 5.1 reserves -32000..-32099 for servers; MCP clients show code and message. */
const rpcRefused = -32_000;

const writers: Record<Dialect, (error: PublicError) => ErrorBody> = {
  openai: ({ status, code, message }) => ({
    contentType: json,
    body: JSON.stringify({ error: { message, type: openaiType(status), param: null, code } }),
  }),
  anthropic: ({ status, code, message, requestId }) => ({
    contentType: json,
    body: JSON.stringify({
      type: 'error',
      error: { type: anthropicType(status), message, code },
      request_id: requestId,
    }),
  }),
  gemini: ({ status, code, message }) => ({
    contentType: json,
    body: JSON.stringify({
      error: { code: status, message, status: googleStatus(status), details: [{ reason: code }] },
    }),
  }),
  mcp: ({ code, message, rpcId, rpcCode }) => ({
    contentType: json,
    body: `{"jsonrpc":"2.0","id":${rpcId ?? 'null'},"error":${JSON.stringify({
      code: rpcCode ?? rpcRefused,
      message,
      data: { code },
    })}}`,
  }),
  problem: ({ status, code, message, requestId }) => ({
    contentType: 'application/problem+json',
    body: JSON.stringify({
      type: `urn:postern:error:${code}`,
      title: message,
      status,
      code,
      instance: `urn:uuid:${requestId}`,
    }),
  }),
};

export function errorBody(dialect: Dialect, error: PublicError): ErrorBody {
  return writers[dialect](error);
}

/** `error.type` of the OpenAI API; the SDK picks its class by status, people read the type. */
function openaiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

/** `error.type` as listed by the Anthropic API's error reference. */
function anthropicType(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 413:
      return 'request_too_large';
    case 503:
      return 'overloaded_error';
    case 504:
      return 'timeout_error';
    default:
      return status < 500 ? 'invalid_request_error' : 'api_error';
  }
}

/** google.rpc.Code name for an HTTP status. */
function googleStatus(status: number): string {
  switch (status) {
    case 401:
      return 'UNAUTHENTICATED';
    case 403:
      return 'PERMISSION_DENIED';
    case 404:
      return 'NOT_FOUND';
    case 502:
    case 503:
      return 'UNAVAILABLE';
    case 504:
      return 'DEADLINE_EXCEEDED';
    default:
      return status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL';
  }
}
