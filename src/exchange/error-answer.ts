// What a token endpoint says when it refuses, in the shapes seen in the field, as one: code, description, and what a step-up
// asks for. Reads only; what it means for the call is token-error.ts.
// - RFC 6749 section 5.2: {error, error_description}. OpenRouter, Hugging Face, Databricks, Google's STS.
// - Entra: the same with error_codes (AADSTS numbers) and claims (MSAL.js#5491).
// - Anthropic: {type: "error", error: {type, message}} (WIF reference, "Errors"; claude-code#89095).
// - OpenAI: {error: {code, type, message}} beside the plain form (openai 7.57.0, src/internal/auth/x509-token-exchange.ts).
// - Google's other APIs: {error: {code: 403, status: "PERMISSION_DENIED", message}} (google.rpc.Status).

import * as z from 'zod';
import type { SendResponse } from '../base/ports.ts';
import { parseJson } from './json.ts';

/** Characters of RFC 6749 section 5.2, bounded; any other code is told as `unknown`. */
const printableCode = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}$/;

/** Numbers of Entra's own that are looked at: it sends one or two. */
const maxNumbers = 8;

const text = z.string().optional().catch(undefined);

/** An error told as a map: vendors differ in which member is the code people write about. */
const errorMap = z
  .object({ code: text, status: text, type: text, message: z.string().catch('') })
  .transform(({ code, status, type, message }) => ({ code: code ?? status ?? type, message }));

/** Without `error` it is not an issuer's decision but somebody's error page in JSON. */
const errorAnswer = z
  .object({
    error: z.union([z.string().transform((code) => ({ code, message: '' })), errorMap]),
    error_description: z.string().catch(''),
    error_codes: z.array(z.number().int()).catch([]),
    claims: z.unknown().optional(),
    acr_values: z.unknown().optional(),
    max_age: z.unknown().optional(),
  })
  .transform(({ error, error_description, error_codes, ...stepUp }) => ({
    ...stepUp,
    error: printableCode.test(error.code ?? '') ? (error.code ?? '') : 'unknown',
    description: error_description === '' ? error.message : error_description,
    numbers: error_codes.slice(0, maxNumbers).map(String),
  }));

export type ErrorAnswer = z.output<typeof errorAnswer>;

/** undefined for anything that is no error answer. */
export function readErrorAnswer(answer: SendResponse): ErrorAnswer | undefined {
  const json = parseJson(answer);
  if (typeof json === 'object' && json !== null && 'error' in json && isEmptyMap(json.error)) return undefined;
  return errorAnswer.safeParse(json).data;
}

/** A map that names no code at all (a list is one to JavaScript) decides nothing. */
function isEmptyMap(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  return Array.isArray(error) || errorMap.safeParse(error).data?.code === undefined;
}
