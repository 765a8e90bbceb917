// A dry run of one call through the real stages, from strip to the plan of the exchange. Nothing is sent anywhere but to
// issuers for their public keys. What it returns names slots, rules and identities, never a credential.

import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { asRefusal } from '../base/errors.ts';
import { IncomingMessage, ServerResponse } from '../base/node-http.ts';
import type { Clock } from '../base/ports.ts';
import type {
  Arrival,
  KnownCall,
  Observation,
  ObservedCall,
  PermittedCall,
  RoutedCall,
  StrippedCall,
} from '../call.ts';
import type { Placement } from '../credential.ts';
import type { ExchangePlan } from '../exchange/plan.ts';
import type { RuleTrace } from '../policy/permit.ts';
import type { Gate } from './gate.ts';

export interface ExplainRequest {
  readonly method: string;
  readonly target: string;
  /** Flat: name, value, name, value ... */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/** How far the call came, and why no further. Each part is there once its stage has passed. */
export interface Explanation {
  readonly stripped?: { readonly slots: readonly string[] };
  readonly known?: {
    readonly caller: string;
    readonly subject: string;
    readonly binding: string;
    readonly actors: readonly string[];
  };
  readonly routed?: {
    readonly route: string;
    readonly upstream: string;
    readonly facts: RoutedCall['facts'];
  };
  readonly rules?: readonly RuleTrace[];
  readonly permitted?: { readonly rule: string; readonly policyVersion: string; readonly scopes: readonly string[] };
  readonly plan?: Omit<ExchangePlan, 'inputs' | 'key' | 'members'>;
  readonly placement?: Placement;
  readonly refusal?: {
    readonly reason: string;
    readonly code: string;
    readonly status: number;
    readonly detail?: string;
  };
}

export async function explainCall(gate: Gate, request: ExplainRequest, clock: Clock): Promise<Explanation> {
  let explanation: Explanation = {};
  try {
    const { stages } = gate;
    const stripped = stages.strip(toCall(request, clock));
    explanation = { ...explanation, stripped: describeStripped(stripped) };
    const known = await stages.identify(stripped);
    explanation = { ...explanation, known: describeKnown(known) };
    const routed = await stages.route(known);
    explanation = { ...explanation, routed: describeRouted(routed), rules: gate.permit.explain(routed) };
    const permitted = stages.permit(routed);
    return { ...explanation, ...describePlan(gate, permitted) };
  } catch (failure) {
    const { reason, code, status, detail } = asRefusal(failure);
    return { ...explanation, refusal: { reason, code, status, ...(detail === undefined ? {} : { detail }) } };
  }
}

function describeStripped({ presented }: StrippedCall): Explanation['stripped'] & object {
  return { slots: presented.map(({ slot }) => slot) };
}

function describeKnown({ caller, subject, binding, chain }: KnownCall): Explanation['known'] & object {
  const name = ({ iss, sub }: { iss: string | undefined; sub: string }) =>
    iss === undefined ? sub : `${sub} (${iss})`;
  return { caller: name(caller), subject: name(subject), binding, actors: chain.actors.map(name) };
}

function describeRouted({ route, upstream, facts }: RoutedCall): Explanation['routed'] & object {
  return { route: route.id, upstream: `${upstream.origin}${upstream.path.split('?', 1)[0]}`, facts };
}

function describePlan(gate: Gate, call: PermittedCall): Pick<Explanation, 'permitted' | 'plan' | 'placement'> {
  const { inputs, key, members, ...plan } = gate.broker.plan(call);
  const { id } = call.route;
  const placement = gate.broker.placement(id) ?? gate.routes.find(({ spec }) => spec.id === id)?.spec.placement;
  return {
    permitted: { ...call.decision, scopes: call.scopes },
    plan,
    ...(placement === undefined ? {} : { placement }),
  };
}

/** A request that came over no socket: the stages read its lines and its body, as they would any other. */
function toCall({ method, target, headers, body }: ExplainRequest, clock: Clock): ObservedCall {
  const request = new IncomingMessage(new Socket());
  const lines = ['host', 'localhost', ...headers];
  if (body !== undefined && body.length > 0) lines.push('content-length', String(body.length));
  request.method = method;
  request.url = target;
  request.rawHeaders = lines;
  for (let i = 0; i < lines.length; i += 2) request.headers[(lines[i] ?? '').toLowerCase()] = lines[i + 1];
  if (body !== undefined) request.push(body);
  request.push(null);
  const arrival: Arrival = {
    id: randomUUID(),
    at: clock.now(),
    method,
    target,
    rawHeaders: lines,
    peer: { address: '127.0.0.1', port: 0, spiffeId: undefined },
    transport: { kind: 'http', request, response: new ServerResponse(request) },
  };
  return { ...arrival, observation: silent };
}

const span = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
const unreachable = (): never => {
  throw new TypeError('a dry run sends nothing');
};

/** A dry run leaves no record; it never gets as far as an exchange or an upstream. */
const silent: Observation = {
  span,
  exchangeStarted: unreachable,
  attemptStarted: unreachable,
  replied: () => {},
  refused: () => {},
};
