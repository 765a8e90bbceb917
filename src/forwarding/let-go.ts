// Lets go of what it took to send a call, once its answer has begun: it cannot be sent again from there on, and a stream may run for
// an hour. With a prompt of 200 KB and 1,000 streams that is 200 MB; without one still 3 KB of each.
// Must never be called while the call may be sent again, nor take what the end of a call is recorded with. Nobody else may change
// what is known of a call.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Secret } from '../base/secret.ts';
import type { ArmedCall, PresentedCredential, RawHeaders } from '../call.ts';
import type { WholeRequest } from '../transport.ts';
import type { Attempt } from './outcome.ts';
import type { ResponseHead } from './response-headers.ts';

/** Shorter answers, in bytes, are over before anything would be collected. */
const shortAnswer = 65_536;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const noBytes = Buffer.alloc(0);
const noLines: RawHeaders = [];
const noFields: IncomingHttpHeaders = {};
const noSecret = new Secret('');

/** Streams, and answers that take their time. */
export function mayLast({ length }: ResponseHead): boolean {
  return length === undefined || length > shortAnswer;
}

/** The bodies, the header lines of both requests, and the agent's own tokens; the slots these were in are still told. */
export function letGo(attempt: Attempt): void {
  const call: Mutable<ArmedCall> = attempt.call;
  attempt.bytes = undefined;
  attempt.headers.length = 0;
  if (call.body.kind === 'buffered') {
    const body: Mutable<typeof call.body> = call.body;
    body.bytes = noBytes;
  }
  call.headers = noLines;
  const presented: readonly Mutable<PresentedCredential>[] = call.presented;
  for (const credential of presented) credential.value = noSecret;
  // In place: the arrival has the same lines.
  const request: Mutable<WholeRequest> | IncomingMessage = call.transport.request;
  request.rawHeaders.length = 0;
  if ('whole' in request) request.whole = noBytes;
  else request.headers = noFields;
}
