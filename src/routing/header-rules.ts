// Which request headers may pass to the upstream: an allow-list of names and `prefix-*` rules, since agents can put a
// secret into a header of any name. Must never admit a header that frames the message, ends at this hop, carries a
// credential or belongs to the gate, whatever the configuration says.

// Hop-by-hop and framing: RFC 9110 sections 7.2, 7.6.1, 8.6 and 10.1.1. Method overrides would change what was inspected.
const neverForwarded = [
  ...['connection', 'keep-alive', 'te', 'trailer', 'trailers', 'transfer-encoding', 'upgrade', 'http2-settings'],
  ...['host', 'content-length', 'expect', 'forwarded', 'via', 'traceparent', 'tracestate', 'baggage'],
  ...[
    'authorization',
    'authentication',
    'x-authorization',
    'cookie',
    'cookie2',
    'x-api-key',
    'api-key',
    'x-goog-api-key',
  ],
  ...['dpop', 'workload-identity-token', 'workload-proof-token'],
  ...['x-amz-date', 'x-amz-content-sha256', 'x-amz-region-set'],
  ...['x-http-method', 'x-http-method-override', 'x-method-override'],
];
const neverForwardedPrefixes = ['proxy-', 'x-forwarded-', 'sec-websocket-', 'postern-', 'x-amz-security-', 'txn-'];

/** The gate writes these itself; a rule that names one would have no effect. */
const writtenByTheGate = ['accept-encoding', 'referer', 'max-forwards', 'x-request-id', 'mcp-session-id'];

/** Whether a rule, a name or `prefix-*`, could only admit headers that may pass. */
export function mayPass(rule: string): boolean {
  if (!rule.endsWith('*')) {
    const named = neverForwarded.includes(rule) || writtenByTheGate.includes(rule);
    return !named && !neverForwardedPrefixes.some((prefix) => rule.startsWith(prefix));
  }
  const prefix = rule.slice(0, -1);
  const overlaps = (name: string): boolean => name.startsWith(prefix) || prefix.startsWith(name);
  return !neverForwarded.some((name) => name.startsWith(prefix)) && !neverForwardedPrefixes.some(overlaps);
}

/** Whether one of the rules admits a header. @param name in lower case. */
export function admits(rules: readonly string[], name: string): boolean {
  return rules.some((rule) => (rule.endsWith('*') ? name.startsWith(rule.slice(0, -1)) : name === rule));
}
