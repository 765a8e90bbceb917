// Brings a request target into its one canonical form, used alike for matching, for policy and for forwarding.
// Refuses every spelling that another parser could read as a different path: dot segments, encoded delimiters, double
// encoding, backslashes, path parameters, overlong or broken UTF-8. What is returned must never leave the upstream's base.

import { Refusal } from '../base/errors.ts';

/** A path in canonical form: RFC 3986 section 6.2.2, and data characters that need no encoding are not encoded. */
export interface CanonicalTarget {
  /** Starts with "/"; no dot segments, no empty segments but a last one. */
  readonly path: string;
  /** Segments of `path`, percent-decoded: what patterns match and facts are read from. */
  readonly segments: readonly string[];
  /** How many segments hold an encoded slash; each must be accounted for (slashes.ts). */
  readonly slashed: number;
  /** Query with its "?", unchanged; empty when absent. */
  readonly query: string;
}

/** Longest target accepted, in characters (RFC 9110 section 4.1 recommends at least 8000). Bounds the work per request. */
export const maxTargetLength = 8_192;

/** Most path segments accepted. */
const maxSegments = 64;

// RFC 3986 pchar without ";": path parameters are dropped by some servers before they match ("/..;/admin").
const pathText = /^[A-Za-z0-9\-._~!$&'()*+,=:@%/]*$/;
const queryText = /^[\x21-\x22\x24-\x7e]*$/;
const percentEscape = /%([0-9A-Fa-f]{2})?/g;

// Characters that mean the same encoded or not inside a segment. "+" stays as it came: some servers read it as a space.
const plainInSegment = /^[A-Za-z0-9\-._~!$&'()*,=:@]$/;

const control = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether `%2F` inside a segment is refused, or counted and left to whoever knows what the segment is. */
export type EncodedSlashes = 'refused' | 'counted';

/**
 * @param target path and query as received, credentials already removed.
 * @throws Refusal target_escapes_route when it tries to leave its place, target_malformed when it is not a plain target.
 */
export function canonicalTarget(target: string, slashes: EncodedSlashes = 'refused'): CanonicalTarget {
  const { rawPath, query } = splitTarget(target);
  return { ...canonicalPath(rawPath, slashes), query };
}

/**
 * Path as received, and the query with its "?", which stays as it came.
 * @throws Refusal target_malformed
 */
export function splitTarget(target: string): { readonly rawPath: string; readonly query: string } {
  if (target.length > maxTargetLength) throw malformed('is too long');
  const mark = target.indexOf('?');
  if (mark === -1) return { rawPath: target, query: '' };
  const query = target.slice(mark);
  if (!queryText.test(query)) throw malformed('has a query with characters that must be encoded');
  return { rawPath: target.slice(0, mark), query };
}

/** The path part alone; also proves an upstream's own base path canonical at load. */
export function canonicalPath(rawPath: string, slashes: EncodedSlashes = 'refused'): Omit<CanonicalTarget, 'query'> {
  if (rawPath.includes('\\')) throw escapes('holds a backslash');
  if (!rawPath.startsWith('/') || !pathText.test(rawPath)) throw malformed('holds characters that must be encoded');
  const raw = rawPath.slice(1).split('/');
  if (raw.length > maxSegments) throw malformed('has too many segments');
  const segments: string[] = [];
  let slashed = 0;
  let path = '';
  for (const [index, segment] of raw.entries()) {
    if (segment === '' && index < raw.length - 1) throw malformed('has an empty segment');
    const canonical = segment.includes('%') ? segment.replace(percentEscape, canonicalEscape) : segment;
    const decoded = decodedSegment(canonical, slashes);
    if (decoded.includes('/')) slashed += 1;
    segments.push(decoded);
    path += `/${canonical}`;
  }
  return { path, segments, slashed };
}

function canonicalEscape(written: string, hex: string | undefined): string {
  if (hex === undefined) throw malformed('has a broken escape');
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return plainInSegment.test(character) ? character : written.toUpperCase();
}

function decodedSegment(canonical: string, slashes: EncodedSlashes): string {
  if (!canonical.includes('%')) {
    if (canonical === '.' || canonical === '..') throw escapes('has a dot segment');
    return canonical;
  }
  const decoded = decode(canonical);
  if (control.test(decoded)) throw malformed('holds control characters');
  const parts = slashes === 'counted' ? decoded.split('/') : [decoded];
  for (const part of parts) {
    // A server that reads the slashes as separators must find no empty segment either.
    if (part.trim() === '' && parts.length > 1) throw escapes('has an encoded slash at an end');
    refuseTricks(part);
    // Compatibility forms ("／", "‥", "％") become delimiters, dots and escapes where a server normalises after it decodes.
    refuseTricks(part.normalize('NFKC'));
  }
  return decoded;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new Refusal('target_malformed', { detail: 'path has an escape that is not UTF-8', cause });
  }
}

/** Refuses what would end a segment, a path or an escape for a parser that decodes once more than it should. */
function refuseTricks(decoded: string): void {
  const trimmed = decoded.trim();
  if (trimmed === '.' || trimmed === '..') throw escapes('has a dot segment');
  if (/[/\\]/.test(decoded)) throw escapes('has an encoded slash');
  if (/%[0-9A-Fa-f]{2}/.test(decoded)) throw escapes('is encoded twice');
  if (/[?#;]/.test(decoded)) throw malformed('has an encoded delimiter');
}

function malformed(what: string): Refusal {
  return new Refusal('target_malformed', { detail: `path ${what}` });
}

/** The refusal for a path that could leave its place. */
export function escapes(what: string): Refusal {
  return new Refusal('target_escapes_route', { detail: `path ${what}` });
}
