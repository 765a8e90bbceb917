// AWS Signature Version 4, made with AWS's own signer, which is loaded when something is first signed. Signed are the method,
// the path, the query, the body and those headers whose meaning AWS takes from the request: host, content-type and `x-amz*`.
// Others are left out on purpose: the connection and proxies on the way may write them anew ("Create a signed AWS API
// request", docs.aws.amazon.com/IAM). Must never sign anything but what is sent: the canonical path is made of the path as
// it goes out, encoded once more, which is what AWS does with the path it receives.

import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { AwsKeys } from './aws-keys.ts';
import { Refusal } from './errors.ts';

/** A request exactly as it will be sent. */
export interface AwsRequest {
  readonly method: string;
  /** Scheme and authority; its host is the Host header. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Flat header lines (name, value, ...), without Host. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | string | undefined;
}

export interface SigningScope {
  /** Signing name, such as `bedrock`; not always the first part of the host. */
  readonly service: string;
  readonly region: string;
  /** Ms since the epoch. AWS takes a signature for five minutes around it. */
  readonly at: number;
}

/** Headers that are signed where they are sent. */
const signed = /^(?:content-type|x-amz.*)$/;

/** Values that signer and receiver make the same canonical form of: tabs and bytes beyond ASCII they fold or encode each their way. */
const plain = /^[\x20-\x7e]*$/;

/** Headers a signature adds, in the order they are sent. */
const added = ['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token'];

/**
 * @returns flat header lines to add to the request
 * @throws URIError for a query that cannot be signed as it is sent, Refusal `header_ambiguous` for such a header
 */
export async function signAws(request: AwsRequest, keys: AwsKeys, scope: SigningScope): Promise<readonly string[]> {
  const signer = await signerOf(keys, scope);
  const { headers } = await signer.sign(signable(request), { signingDate: new Date(scope.at) });
  return added.flatMap((name) => (headers[name] === undefined ? [] : [name, headers[name]]));
}

/**
 * Signs a request in its URL, for whoever is given the URL.
 * @param expiresIn seconds
 * @returns parameters of the query, to be encoded
 */
export async function presignAws(
  request: AwsRequest,
  keys: AwsKeys,
  scope: SigningScope & { readonly expiresIn: number },
): Promise<ReadonlyMap<string, string>> {
  const signer = await signerOf(keys, scope);
  const { expiresIn, at } = scope;
  const { query } = await signer.presign(signable(request), { expiresIn, signingDate: new Date(at) });
  return new Map(Object.entries(query ?? {}).map(([name, value]) => [name, String(value)]));
}

/** Loads the signer ahead of the first request, which would else wait for it (30 ms). */
export async function loadSigner(): Promise<void> {
  await library();
}

/** Most gates sign nothing; the signer with what it stands on is larger than the rest of forwarding. */
function library() {
  return import('@smithy/signature-v4');
}

async function signerOf({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys, { service, region }: SigningScope) {
  const { SignatureV4 } = await library();
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  return new SignatureV4({ service, region, credentials, sha256: Sha256 });
}

function signable({ method, origin, path, headers, body }: AwsRequest) {
  const { protocol, host, hostname } = new URL(origin);
  const mark = path.indexOf('?');
  return {
    method,
    protocol,
    hostname,
    path: mark === -1 ? path : path.slice(0, mark),
    query: mark === -1 ? {} : queryOf(path.slice(mark + 1)),
    headers: { host, ...signedLines(headers) },
    ...(body !== undefined && { body }),
  };
}

/** Lines of one name stand for one value, in their order (RFC 9110 section 5.3). */
function signedLines(lines: readonly string[]): Record<string, string> {
  const values = new Map<string, string>();
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]?.toLowerCase() ?? '';
    const value = lines[i + 1];
    if (value === undefined || !signed.test(name)) continue;
    if (!plain.test(value)) throw new Refusal('header_ambiguous', { detail: 'a header to sign is not plain ASCII' });
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(values);
}

function queryOf(text: string): Record<string, string | string[]> {
  const query = new Map<string, string[]>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const mark = pair.indexOf('=');
    const name = decodeURIComponent(mark === -1 ? pair : pair.slice(0, mark));
    const value = mark === -1 ? '' : decodeURIComponent(pair.slice(mark + 1));
    // The signer's maps are objects: it would leave this one out of what it signs.
    if (name === '__proto__') throw new URIError('a parameter that cannot be signed');
    query.set(name, [...(query.get(name) ?? []), value]);
  }
  return Object.fromEntries(query);
}

/** SHA-256, keyed where it is given a key: a class because the signer calls it with `new`. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(key));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new TypeError('a hash is used once');
  }
}

function bytesOf(key: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof key === 'string') return key;
  return ArrayBuffer.isView(key) ? new Uint8Array(key.buffer, key.byteOffset, key.byteLength) : new Uint8Array(key);
}
