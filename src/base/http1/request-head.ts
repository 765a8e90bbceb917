// Writes the head of a request (RFC 9112). Host and framing are written here and nowhere else.
// Must never write what could end a line or a head early: what was checked before is checked again.

import { byText } from '../by-text.ts';
import type { UpstreamRequest } from './exchange.ts';
import { Http1Fault } from './fault.ts';
import { toFieldValue } from './field-value.ts';
import { isToken } from './token.ts';

const target = /^\/[\x21-\x7e]*$/;

/** Names that are this file's to write. */
const framing = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
]);

/** Whether this client writes a header of this name by itself, and takes it from nobody. */
export function isFraming(name: string): boolean {
  return framing.has(name.toLowerCase());
}

const isOurs = byText((name) => isToken(name) && !isFraming(name));

/** Methods whose request says that it has no body (RFC 9110 section 8.6). */
const expectsBody = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

/** @param host of the upstream, with its port where that is not the scheme's own. @throws Http1Fault REQUEST_MALFORMED */
export function requestHead({ method, path, headers, checked, body }: UpstreamRequest, host: string): string {
  if (!isToken(method) || !target.test(path)) throw new Http1Fault('REQUEST_MALFORMED');
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (!isOurs(name)) throw new Http1Fault('REQUEST_MALFORMED');
    text += `${name}: ${value === checked ? value : toFieldValue(value)}\r\n`;
  }
  return `${text}${framingOf(method, body)}\r\n`;
}

function framingOf(method: string, body: UpstreamRequest['body']): string {
  if (body === undefined) return expectsBody.has(method) ? 'content-length: 0\r\n' : '';
  return body.length === undefined ? 'transfer-encoding: chunked\r\n' : `content-length: ${body.length}\r\n`;
}
