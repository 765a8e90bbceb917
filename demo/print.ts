// The demo's output for people: each hop from three sides, the delegation tree, the trace tree, the audit lines, the checks.

import type { Check } from './checks.ts';
import type { DecodedSpan } from './collector.ts';
import { type Hop, nameOf } from './hops.ts';

const paint = process.stdout.isTTY
  ? (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
  : () => (text: string) => text;
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);

export function heading(text: string): string {
  return `\n${bold(text)}\n`;
}

export function printHop(hop: Hop, index: number): string {
  const { record, received } = hop;
  const token = received?.hop;
  const lines = [
    `${bold(`${index + 1}. ${nameOf(hop)}`)}`,
    row('agent sent', record.stripped.join(', ')),
    row(
      'decision',
      record.decision === 'allow' ? `${green('allow')} by rule ${record.rule}` : `${red('deny')}: ${record.reason}`,
    ),
  ];
  if (token !== undefined) {
    lines.push(
      row('credential', record.cache === 'miss' ? 'exchanged for this hop' : `from the cache (${record.cache})`),
      row(
        'upstream got',
        `aud ${token.audiences.join(' ')}  scope ${token.scopes.join(' ') || '-'}  for ${token.lifetime} s`,
      ),
      row('', `sub ${token.sub}  act ${token.actors.join(' <- ')}`),
    );
  }
  return lines.join('\n');
}

/** subject, then every actor below the one it acts for. */
export function printDelegation(hops: readonly Hop[]): string {
  const paths = new Map<string, string[]>();
  for (const { record } of hops) {
    const chain = [record.subject?.sub ?? '?', ...(record.actors ?? []).map(({ sub }) => sub).reverse()];
    const refused = record.decision === 'allow' ? undefined : 'refused';
    const what = [record.route, record.tool ?? record.model ?? record.operation, refused].filter(Boolean).join(' ');
    const reached = paths.get(chain.join('\n')) ?? [];
    if (!reached.includes(what)) reached.push(what);
    paths.set(chain.join('\n'), reached);
  }
  const printed = new Set<string>();
  const lines: string[] = [];
  for (const [path, reached] of [...paths].sort(([a], [b]) => a.split('\n').length - b.split('\n').length)) {
    const chain = path.split('\n');
    for (const [depth, member] of chain.entries()) {
      const here = chain.slice(0, depth + 1).join('\n');
      if (!printed.has(here)) lines.push(`${'   '.repeat(depth)}${depth === 0 ? '' : '└─ '}${member}`);
      printed.add(here);
    }
    for (const what of reached) lines.push(`${'   '.repeat(chain.length)}${dim(`→ ${what}`)}`);
  }
  return indent(lines);
}

export function printTrace(spans: readonly DecodedSpan[]): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const start = Math.min(...spans.map((span) => span.start));
  const lines: string[] = [];
  const visit = (span: DecodedSpan, depth: number): void => {
    const actor = span.attributes['postern.delegation.actor'];
    const facts = [span.kind, actor, span.attributes['postern.token.cache.result']].filter(Boolean).join(' ');
    const took = `${(span.start - start).toFixed(0).padStart(5)} +${(span.end - span.start).toFixed(1)} ms`;
    lines.push(`${took.padEnd(18)}${'  '.repeat(depth)}${span.name}  ${dim(facts)}`);
    for (const child of childrenOf(spans, span.spanId)) visit(child, depth + 1);
  };
  for (const root of spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''))) visit(root, 0);
  return indent(lines);
}

/** Each check, and what they come to. */
export function printChecks(checks: readonly Check[]): string {
  const lines = checks.map(({ fact, holds }) => `${holds ? green('ok  ') : red('FAIL')} ${fact}`);
  const failed = checks.filter(({ holds }) => !holds).length;
  const all = failed === 0 ? `All ${checks.length} facts hold.` : `${failed} of ${checks.length} facts do not hold.`;
  return `${indent(lines)}\n\n${all}`;
}

export function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}

function childrenOf(spans: readonly DecodedSpan[], parent: string): readonly DecodedSpan[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === parent).sort((a, b) => a.start - b.start);
}

function row(name: string, value: string): string {
  return `   ${dim(name.padEnd(13))}${value}`;
}
