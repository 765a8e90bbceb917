// The messages of the SPIFFE Workload API that this gate sends and reads, by field number (spiffe/spiffe,
// standards/workloadapi.proto; stable parts of the JWT-SVID and X.509-SVID profiles). A mandatory field that is empty makes
// the message one to be discarded (SPIFFE_Workload_API.md section 4.5).
// Must never quote a field in an error: one of them is a private key, another a token.

import { Secret } from '../secret.ts';
import { WorkloadFailure } from './failure.ts';
import { type Field, ProtobufError, readFields, readText, writeTexts } from './protobuf.ts';

/** Most identities in one message; a workload has a handful. Stops one message from filling memory with certificates. */
const maxSvids = 64;

/** Longest SPIFFE ID, in bytes (SPIFFE-ID.md section 2.3). */
const maxIdLength = 2_048;

/** Longest JWT-SVID taken, in characters; what is longer fits no header and no form field either. */
const maxTokenLength = 16_384;

/** JWTSVIDRequest: audience = 1 (repeated), spiffe_id = 2. */
export function writeJwtSvidRequest(audience: string, spiffeId: string | undefined): Buffer {
  return writeTexts([[1, audience], ...(spiffeId === undefined ? [] : [[2, spiffeId] as const])]);
}

export interface ReceivedJwtSvid {
  readonly spiffeId: string;
  readonly token: Secret;
  /** Payload as it stands in the token; its signature is for those it is shown to. */
  readonly payload: unknown;
}

/** JWTSVIDResponse: svids = 1. JWTSVID: spiffe_id = 1, svid = 2, hint = 3. @throws WorkloadFailure */
export function readJwtSvidResponse(message: Buffer): readonly ReceivedJwtSvid[] {
  return understood(() =>
    svidsOf(message).map((fields) => {
      const token = readText(required(fields, 2, 'token'));
      if (token.length > maxTokenLength) throw new ProtobufError('has a token that is too long');
      return { spiffeId: idOf(fields), token: new Secret(token), payload: payloadOf(token) };
    }),
  );
}

export interface ReceivedX509Svid {
  readonly spiffeId: string;
  /** DER certificates one after the other, leaf first. */
  readonly chain: Buffer;
  /** Unencrypted PKCS#8 DER, told to whoever asks and to no inspector. */
  readonly key: () => Buffer;
}

/** X509SVIDResponse: svids = 1. X509SVID: spiffe_id = 1, x509_svid = 2, x509_svid_key = 3, bundle = 4. @throws WorkloadFailure */
export function readX509SvidResponse(message: Buffer): readonly ReceivedX509Svid[] {
  return understood(() =>
    svidsOf(message).map((fields) => {
      const key = required(fields, 3, 'key');
      return { spiffeId: idOf(fields), chain: required(fields, 2, 'certificate'), key: () => key };
    }),
  );
}

function svidsOf(message: Buffer): Field[][] {
  const svids = readFields(message).filter(({ number }) => number === 1);
  if (svids.length === 0) throw new ProtobufError('holds no identity');
  if (svids.length > maxSvids) throw new ProtobufError(`holds more than ${maxSvids} identities`);
  return svids.map(({ bytes }) => readFields(bytes));
}

function idOf(fields: readonly Field[]): string {
  const id = required(fields, 1, 'SPIFFE ID');
  if (id.length > maxIdLength) throw new ProtobufError('has a SPIFFE ID that is too long');
  return readText(id);
}

/** The last one of a number counts, as everywhere in protobuf. */
function required(fields: readonly Field[], number: number, what: string): Buffer {
  const found = fields.findLast((field) => field.number === number);
  if (found === undefined || found.bytes.length === 0) throw new ProtobufError(`has an identity without ${what}`);
  return found.bytes;
}

const compactJws = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

function payloadOf(token: string): unknown {
  const payload = compactJws.exec(token)?.[1];
  if (payload === undefined) throw new ProtobufError('has a token that is no signed JWT');
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    throw new ProtobufError('has a token that is no signed JWT');
  }
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (failure) {
    if (!(failure instanceof ProtobufError)) throw failure;
    throw new WorkloadFailure('malformed', `the answer of the Workload API ${failure.message}`);
  }
}
