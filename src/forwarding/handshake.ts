// The WebSocket opening handshake (RFC 6455 section 4), both halves of it: what the agent asks is checked before it is asked of
// the upstream, and what the upstream answers is checked before the agent is told.
// Must never echo a subprotocol or extension nobody offered: subprotocols are where credentials hide.

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../base/errors.ts';
import type { ArmedCall, RawHeaders } from '../call.ts';

/** RFC 6455 section 1.3. */
const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Sixteen bytes in base64. */
const keyForm = /^[A-Za-z0-9+/]{22}==$/;

/** Longest extension offer passed on, in characters. */
const maxExtensions = 1_024;

export interface Handshake {
  readonly key: string;
  readonly protocols: readonly string[];
  /**
   * The extension offer, passed on as it is: frames are spliced, not read, so compression is agreed between the two ends and
   * costs the gate nothing.
   */
  readonly extensions: string | undefined;
}

/** @throws Refusal `upgrade_not_allowed` for anything but WebSocket, `request_malformed` for a broken offer. */
export function readHandshake(call: ArmedCall): Handshake {
  const { rawHeaders } = call;
  if (call.method !== 'GET' || one(rawHeaders, 'upgrade')?.toLowerCase() !== 'websocket') {
    throw new Refusal('upgrade_not_allowed', { detail: 'only WebSocket upgrades are carried' });
  }
  if (call.body.kind !== 'none') throw new Refusal('request_malformed', { detail: 'an upgrade with a body' });
  const key = one(rawHeaders, 'sec-websocket-key');
  const version = one(rawHeaders, 'sec-websocket-version');
  if (key === undefined || !keyForm.test(key) || version !== '13') {
    throw new Refusal('request_malformed', { detail: 'the WebSocket offer needs version 13 and one key' });
  }
  const offered = all(rawHeaders, 'sec-websocket-extensions').join(', ');
  if (offered.length > maxExtensions) throw new Refusal('request_malformed', { detail: 'too many extensions' });
  return { key, protocols: call.subprotocols, extensions: offered === '' ? undefined : offered };
}

/** Header lines of the offer to the upstream. */
export function offerLines({ key, protocols, extensions }: Handshake): string[] {
  const lines = [
    'connection',
    'Upgrade',
    'upgrade',
    'websocket',
    'sec-websocket-version',
    '13',
    'sec-websocket-key',
    key,
  ];
  if (protocols.length > 0) lines.push('sec-websocket-protocol', protocols.join(', '));
  if (extensions !== undefined) lines.push('sec-websocket-extensions', extensions);
  return lines;
}

/**
 * Header lines of the 101 for the agent.
 * @throws Refusal `upstream_upgrade_failed` when the answer does not belong to the offer.
 */
export function acceptLines(handshake: Handshake, answer: IncomingMessage): string[] {
  const { headers } = answer;
  const accept = createHash('sha1')
    .update(handshake.key + acceptGuid)
    .digest('base64');
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw failed('the upstream switched to something else');
  if (headers['sec-websocket-accept'] !== accept) throw failed('sec-websocket-accept does not match the key');
  const lines = ['connection', 'Upgrade', 'upgrade', 'websocket', 'sec-websocket-accept', accept];
  const protocol = headers['sec-websocket-protocol'];
  if (protocol !== undefined) {
    if (!handshake.protocols.includes(protocol)) throw failed('a subprotocol that was not offered');
    lines.push('sec-websocket-protocol', protocol);
  }
  const extensions = headers['sec-websocket-extensions'];
  if (extensions !== undefined) {
    if (!offers(handshake.extensions ?? '', extensions)) throw failed('an extension that was not offered');
    lines.push('sec-websocket-extensions', extensions);
  }
  return lines;
}

function offers(offered: string, chosen: string): boolean {
  const names = new Set(extensionNames(offered));
  return extensionNames(chosen).every((name) => names.has(name));
}

function extensionNames(list: string): string[] {
  return list.split(',').map((item) => (item.split(';', 1)[0] ?? '').trim().toLowerCase());
}

function one(lines: RawHeaders, name: string): string | undefined {
  const found = all(lines, name);
  return found.length === 1 ? found[0] : undefined;
}

function all(lines: RawHeaders, name: string): string[] {
  const found: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const value = lines[i + 1];
    if (value !== undefined && lines[i]?.toLowerCase() === name) found.push(value);
  }
  return found;
}

function failed(detail: string): Refusal {
  return new Refusal('upstream_upgrade_failed', { detail });
}
