// Holds the headers of an MCP request against its body (MCP 2026-07-28, Streamable HTTP, "Server Validation"): a
// load balancer that routes by header and a server that executes the body must not be told two different things.
// Must never take a header's word for anything: facts come from the body, headers only have to agree.

import { isUtf8 } from 'node:buffer';
import { Refusal } from '../base/errors.ts';
import type { RawHeaders } from '../call.ts';
import { singleHeader } from './header-lines.ts';

/** HeaderMismatch: MCP 2026-07-28, basic/index, "Error Codes". */
const headerMismatchCode = -32_020;

/** Field of `params._meta` that repeats the MCP-Protocol-Version header (MCP 2026-07-28, "General fields"). */
export const protocolVersionKey = 'io.modelcontextprotocol/protocolVersion';

/**
 * Versions before header validation, in which Mcp-Method and Mcp-Name are not required. Any other version, also one
 * not known yet, is held to the rules of 2026-07-28.
 */
const legacyVersions = new Set(['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']);

/** A protocol version; a session id with the seal the gate put on it. */
const visibleAscii = /^[\x21-\x7e]{1,2048}$/;
const headerText = /^[\x20-\x7e\t]*$/;
const sentinel = /^=\?base64\?(.*)\?=$/s;

/** What the body says. */
export interface McpMessageNames {
  readonly method: string | undefined;
  /** `params.name` or `params.uri`, where the method has one that Mcp-Name repeats. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** Notifications and responses: the specification asks no headers of them. */
  readonly headersOptional: boolean;
}

/** @returns the protocol version both agree on. @throws Refusal mcp_header_mismatch with JSON-RPC code -32020. */
export function checkMcpHeaders(headers: RawHeaders, body: McpMessageNames): string | undefined {
  const version = singleToken(headers, 'mcp-protocol-version');
  if (body.version !== undefined && body.version !== version)
    throw mismatch('MCP-Protocol-Version differs from the body');
  const strict = version !== undefined && !legacyVersions.has(version);
  if (strict && body.version === undefined && !body.headersOptional)
    throw mismatch('the body names no protocol version');
  const required = strict && !body.headersOptional;
  compare('Mcp-Method', singleHeader(headers, 'mcp-method', mismatch), body.method, required);
  if (body.name !== undefined) {
    compare('Mcp-Name', decodeName(singleHeader(headers, 'mcp-name', mismatch)), body.name, required);
  }
  return version;
}

/** The legacy session id, or undefined. Bearer-like: must not be printed. */
export function sessionHeader(headers: RawHeaders): string | undefined {
  return singleToken(headers, 'mcp-session-id');
}

/** A header whose whole value is visible ASCII. */
export function singleToken(headers: RawHeaders, name: string): string | undefined {
  const value = singleHeader(headers, name, mismatch);
  if (value !== undefined && !visibleAscii.test(value)) throw mismatch(`${name} holds invalid characters`);
  return value;
}

function compare(name: string, header: string | undefined, body: string | undefined, required: boolean): void {
  if (header === undefined) {
    if (required) throw mismatch(`${name} is missing`);
    return;
  }
  if (header !== body) throw mismatch(`${name} differs from the body`);
}

/** Undoes the value encoding `=?base64?...?=`; only canonical base64 of UTF-8 has one reading. */
function decodeName(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!headerText.test(value)) throw mismatch('Mcp-Name holds invalid characters');
  const encoded = sentinel.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded || !isUtf8(bytes)) throw mismatch('Mcp-Name is not canonical base64');
  return bytes.toString('utf8');
}

function mismatch(detail: string): Refusal {
  return new Refusal('mcp_header_mismatch', { detail, rpcCode: headerMismatchCode });
}
