// An explanation as a person would want to read it: one line per stage, each rule with what it said, and the end of it.
// Prints what wiring/explain.ts found; must never find anything out itself.

import type { Placement } from '../credential.ts';
import type { RuleTrace } from '../policy/permit.ts';
import type { Explanation } from '../wiring/explain.ts';
import { table } from './table.ts';

export function printExplanation(explanation: Explanation): string {
  const rows: string[][] = [];
  const { stripped, known, routed, rules, permitted, plan, placement, refusal } = explanation;
  if (stripped) rows.push(['strip', stripped.slots.length === 0 ? 'nothing presented' : stripped.slots.join(', ')]);
  if (known) {
    rows.push(['identify', `caller   ${known.caller}`], ['', `subject  ${known.subject}`]);
    rows.push(['', `chain    ${known.actors.join(' <- ') || 'no actor: the caller acts for itself'}`]);
    rows.push(['', `bound by ${known.binding}`]);
  }
  if (routed) {
    rows.push(['route', `${routed.route} -> ${routed.upstream}`]);
    const facts = Object.entries(routed.facts).filter(([, value]) => value !== undefined);
    rows.push(['', facts.map(([name, value]) => `${name}=${String(value)}`).join(' ')]);
  }
  rows.push(...printRules(rules ?? []));
  if (permitted) rows.push(['', `allowed by ${permitted.rule}, policy ${permitted.policyVersion}`]);
  if (plan) {
    const asks = [
      plan.audience && `audience ${plan.audience}`,
      plan.scopes.length > 0 && `scope ${plan.scopes.join(' ')}`,
    ];
    const before = plan.via.map(({ exchange, grant, endpoint }) => `${exchange}: ${grant}, at ${endpoint}`);
    rows.push(...before.map((leg, index) => [index === 0 ? 'arm' : '', `first ${leg}`]));
    const where = plan.endpoint === plan.issuer ? `issuer ${plan.issuer}` : `at ${plan.endpoint}`;
    rows.push([
      before.length === 0 ? 'arm' : '',
      `${before.length === 0 ? '' : 'then '}${plan.exchange}: ${plan.grant}, ${where}`,
    ]);
    rows.push(['', asks.filter((part) => part).join(', ') || 'asks for nothing in particular']);
  }
  if (placement) rows.push(['forward', `credential in ${describePlacement(placement)}`]);
  if (refusal) {
    rows.push(['refused', `${refusal.reason}${refusal.detail === undefined ? '' : `: ${refusal.detail}`}`]);
    rows.push(['', `the client is told ${refusal.status} ${refusal.code}`]);
  }
  return table(rows);
}

/** The first line of a list that holds decides; those after it are not looked at. */
function printRules(rules: readonly RuleTrace[]): string[][] {
  const decided = new Set<string>();
  return rules.map(({ check, rule, outcome, detail }, index) => {
    const isList = check === 'allow' || check === 'scopes';
    const said = isList && decided.has(check) ? 'not reached' : outcome.replaceAll('_', ' ');
    if (outcome !== 'does_not_hold') decided.add(check);
    const what = [check, rule, said, said !== 'not reached' && detail && `(${detail})`].filter((part) => part);
    return [index === 0 ? 'permit' : '', what.join(' ')];
  });
}

function describePlacement(placement: Placement): string {
  switch (placement.kind) {
    case 'header':
      return `header ${placement.name}: ${placement.prefix}...`;
    case 'query':
      return `query parameter ${placement.name}`;
    case 'sigv4':
      return `a signature (SigV4, ${placement.service} in ${placement.region})`;
    case 'dpop':
      return 'header authorization: DPoP ..., and a proof of its key (DPoP)';
    case 'none':
      return 'no place: the upstream needs none';
  }
}
