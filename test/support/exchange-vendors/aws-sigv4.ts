// Signature Version 4 as AWS checks it, written from its description alone ("Create a signed AWS API request", IAM User Guide)
// and sharing no line with the signer the gate uses: canonical request, string to sign, derived key; headers or presigned URL.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface SignedMessage {
  readonly method: string;
  /** Path and query as received. */
  readonly path: string;
  /** Flat lines as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Signer {
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Ms since the epoch. */
  readonly endsAt: number;
}

export interface SigV4Check {
  readonly service: string;
  readonly region: string;
  /** Ms since the epoch. */
  readonly now: number;
  readonly signerOf: (accessKeyId: string) => Signer | undefined;
}

export type SigV4Failure =
  | 'MissingAuthenticationTokenException'
  | 'IncompleteSignatureException'
  | 'UnrecognizedClientException'
  | 'ExpiredTokenException'
  | 'InvalidSignatureException';

export type SigV4Verdict =
  | { readonly accessKeyId: string; readonly failure?: never }
  | { readonly failure: SigV4Failure; readonly message: string };

const skewMs = 5 * 60_000;

export function verifySigV4(message: SignedMessage, check: SigV4Check): SigV4Verdict {
  const values = grouped(message.rawHeaders);
  const authorization = values.get('authorization') ?? '';
  const parts = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  if (parts === null) return failed('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const [, credential = '', signedHeaders = '', signature = ''] = parts;
  const bodyHash = hex(createHash('sha256').update(message.body).digest());
  const claimed = values.get('x-amz-content-sha256');
  if (claimed !== undefined && claimed !== bodyHash) {
    return failed('InvalidSignatureException', 'The payload hash does not match the body.');
  }
  const names = signedHeaders.split(';');
  const needed = [...values.keys()].filter((name) => name === 'host' || name.startsWith('x-amz-'));
  if (needed.some((name) => !names.includes(name))) {
    return failed('InvalidSignatureException', `not all of ${needed} are signed`);
  }
  const [rawPath = '', query = ''] = split(message.path, '?');
  return verify(check, {
    credential,
    signature,
    date: values.get('x-amz-date') ?? '',
    token: values.get('x-amz-security-token') ?? '',
    goodFor: skewMs,
    canonical: [
      message.method,
      canonicalPath(rawPath),
      canonicalQuery(query),
      ...names.map((name) => `${name}:${(values.get(name) ?? '').trim().replace(/ +/g, ' ')}`),
      '',
      signedHeaders,
      bodyHash,
    ].join('\n'),
  });
}

/** @param url with scheme; only `host` is signed, the body is empty */
export function verifyPresigned(url: string, method: string, check: SigV4Check): SigV4Verdict {
  const { host, pathname, search } = new URL(url);
  const pairs = search
    .slice(1)
    .split('&')
    .filter((pair) => !/^(?:X-Amz-Signature|Version)=/.test(pair));
  const parameter = (name: string) => new URLSearchParams(search.replaceAll('+', '%2B')).get(name) ?? '';
  if (parameter('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256' || parameter('X-Amz-SignedHeaders') !== 'host') {
    return failed('IncompleteSignatureException', 'not presigned');
  }
  return verify(check, {
    credential: parameter('X-Amz-Credential'),
    signature: parameter('X-Amz-Signature'),
    date: parameter('X-Amz-Date'),
    token: parameter('X-Amz-Security-Token'),
    goodFor: Number(parameter('X-Amz-Expires')) * 1_000,
    canonical: [
      method,
      canonicalPath(pathname),
      canonicalQuery(pairs.join('&')),
      `host:${host}`,
      '',
      'host',
      hex(createHash('sha256').update('').digest()),
    ].join('\n'),
  });
}

interface Claimed {
  readonly credential: string;
  readonly signature: string;
  readonly date: string;
  readonly token: string;
  readonly goodFor: number;
  readonly canonical: string;
}

function verify(check: SigV4Check, claimed: Claimed): SigV4Verdict {
  const { credential, signature, date, token, goodFor, canonical } = claimed;
  const [accessKeyId = '', day = '', region, service, end] = credential.split('/');
  const signer = check.signerOf(accessKeyId);
  if (signer === undefined || signer.sessionToken !== token) {
    return failed('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (signer.endsAt <= check.now) {
    return failed('ExpiredTokenException', 'The security token included in the request is expired');
  }
  const time = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)?.slice(1).map(Number);
  const [year = 0, month = 1, dayOf = 0, hour, minute, second] = time ?? [];
  const at = Date.UTC(year, month - 1, dayOf, hour, minute, second);
  if (at > check.now + skewMs || check.now > at + goodFor) {
    return failed('InvalidSignatureException', `Signature expired: ${date} is not within its time`);
  }
  if (region !== check.region || service !== check.service || end !== 'aws4_request' || !date.startsWith(day)) {
    return failed('InvalidSignatureException', 'Credential should be scoped to a valid region.');
  }
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, hex(createHash('sha256').update(canonical).digest())].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${signer.secretAccessKey}`,
  );
  const expected = createHmac('sha256', key).update(toSign).digest();
  const right = timingSafeEqual(expected, Buffer.from(signature.padEnd(64, '0').slice(0, 64), 'hex'));
  return right
    ? { accessKeyId }
    : failed('InvalidSignatureException', 'The request signature we calculated does not match.');
}

function failed(failure: SigV4Failure, message: string): SigV4Verdict {
  return { failure, message };
}

/** Every service but S3: each segment as it came, encoded once more. */
function canonicalPath(path: string): string {
  return path.split('/').map(encoded).join('/') || '/';
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) => split(pair, '=').map((part) => encoded(decodeURIComponent(part))))
    .sort(([a = '', one = ''], [b = '', other = '']) => order(a, b) || order(one, other))
    .map(([name = '', value = '']) => `${name}=${value}`)
    .join('&');
}

/** By code point, as ASCII that is percent-encoded: names first, then values. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** RFC 3986: all but letters, digits, "-", ".", "_" and "~". */
function encoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function grouped(lines: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (let i = 0; i < lines.length; i += 2) {
    const name = (lines[i] ?? '').toLowerCase();
    const before = values.get(name);
    values.set(name, before === undefined ? (lines[i + 1] ?? '') : `${before},${lines[i + 1]}`);
  }
  return values;
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex');
}
