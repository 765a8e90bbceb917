// One message to an issuer, a vendor or a metadata service: secrets are placed here, at the last moment, and taken out again
// of whatever the other side says about them. Never follows a redirect (it would carry the tokens away), never reads more
// than a bounded answer, never retries by itself.

import { type Send, SendFailure, type SendResponse } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Input } from './grant.ts';

/** Largest answer read, in bytes: a hostile or broken issuer must not fill the memory of the gate. */
const maxAnswerBytes = 64 * 1024;

/** Form (RFC 6749), or the same parameters as one JSON object, as some vendors want them. */
export type Encoding = 'form' | 'json';

/** Fields whose values are taken out of any answer beside every Secret that was placed: client authentication puts them in. */
const secretFields = ['client_secret', 'client_assertion', 'subject_token', 'actor_token', 'assertion'];

export const contentTypes: Readonly<Record<Encoding, string>> = {
  form: 'application/x-www-form-urlencoded;charset=UTF-8',
  json: 'application/json',
};

/** A message being put together; client authentication (oauth4webapi) writes into parameters and headers directly. */
export interface Draft {
  readonly parameters: URLSearchParams;
  readonly headers: Headers;
}

export interface Answer {
  readonly response: SendResponse;
  /** Takes out of a text what was sent in secret: some issuers quote the token they did not like. */
  readonly redact: (text: string) => string;
}

export interface Post {
  readonly url: string;
  readonly encoding: Encoding;
  readonly draft: Draft;
  /** Secrets placed by others than {@link draftOf}, to be taken out of the answer too. */
  readonly secrets?: readonly Secret[];
  readonly timeoutMs: number;
}

export function draftOf(
  inputs: readonly Input[],
  headers: Readonly<Record<string, string>>,
  traceparent: string | undefined,
): Draft {
  const parameters = new URLSearchParams();
  for (const [name, value] of inputs) parameters.append(name, value instanceof Secret ? value.reveal() : value);
  const draft = { parameters, headers: new Headers({ accept: 'application/json', ...headers }) };
  if (traceparent !== undefined) draft.headers.set('traceparent', traceparent);
  return draft;
}

/** Rejects with {@link SendFailure} only. */
export async function post(send: Send, { url, encoding, draft, secrets = [], timeoutMs }: Post): Promise<Answer> {
  const { parameters, headers } = draft;
  headers.set('content-type', contentTypes[encoding]);
  const response = await send({
    url,
    method: 'POST',
    headers: Object.fromEntries(headers),
    body: encoding === 'form' ? parameters.toString() : JSON.stringify(toObject(parameters)),
    maxBytes: maxAnswerBytes,
    timeoutMs,
  });
  const placed = [...secretFields.flatMap((name) => parameters.getAll(name)), ...secrets.map((one) => one.reveal())];
  return { response, redact: (text) => takeOut(placed, text) };
}

export interface BearerRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly bearer: Secret | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** A proof that is no bearer token, in the header of this name. */
  readonly proof?: { readonly header: string; readonly value: Secret } | undefined;
  /** Sent as JSON. Must hold no secret. */
  readonly body?: object;
  readonly traceparent?: string | undefined;
  readonly timeoutMs: number;
}

/** A message that proves itself by a bearer token alone. Rejects with {@link SendFailure} only. */
export async function ask(send: Send, request: BearerRequest): Promise<Answer> {
  const { url, method, bearer, proof, body, traceparent, timeoutMs } = request;
  const response = await send({
    url,
    method,
    headers: {
      accept: 'application/json',
      ...request.headers,
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer.reveal()}` }),
      ...(proof === undefined ? {} : { [proof.header]: proof.value.reveal() }),
      ...(body === undefined ? {} : { 'content-type': contentTypes.json }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    maxBytes: maxAnswerBytes,
    timeoutMs,
  });
  const placed = [bearer, proof?.value].flatMap((secret) => (secret === undefined ? [] : [secret.reveal()]));
  return { response, redact: (text) => takeOut(placed, text) };
}

/** Why no answer came, in one word for the operator; any other failure is not of this file and goes on. */
export function unsent(failure: unknown): SendFailure {
  if (failure instanceof SendFailure) return failure;
  throw failure;
}

/** A repeated parameter (`resource`) is a list. A null prototype, so that no name means anything to JavaScript. */
function toObject(parameters: URLSearchParams): object {
  const object: Record<string, string | string[]> = Object.create(null);
  for (const name of new Set(parameters.keys())) {
    const [first = '', ...more] = parameters.getAll(name);
    object[name] = more.length === 0 ? first : [first, ...more];
  }
  return object;
}

function takeOut(placed: readonly string[], text: string): string {
  return placed.reduce((rest, value) => (value === '' ? rest : rest.replaceAll(value, '[redacted]')), text);
}
