// The APIs of the demo, one for each route of config/demo-federation.yaml: who gives its credentials, how long those may live,
// what it answers. No two share a server, so that what arrived anywhere was meant for there.

import type { Clock } from '../../src/base/ports.ts';
import type { RecordingIssuer } from '../recording-issuer.ts';
import * as answers from './answers.ts';
import { type Api, type ApiOptions, startApi } from './api.ts';
import { sessionOf } from './aws.ts';
import { tokenTtl } from './issuer.ts';
import * as lives from './lifetimes.ts';
import { boundBy, issuedBy, keyIn, type Logins, partnerTtl, signedBy } from './logins.ts';

export interface Vendor {
  /** Name of the route. */
  readonly route: string;
  /** As people call it. */
  readonly title: string;
  /** Long-lived key: the vendor has nothing else for this API. */
  readonly standing: boolean;
  /** How long its credentials may live; undefined for a standing key. */
  readonly lives: lives.LifeRule | undefined;
  /**
   * Whom the vendor gives its credential for: alice with the agent as her actor, alice alone, an application of the
   * organisation, or nobody at all. Who acted for whom is in the trace and the audit log all the same.
   */
  readonly shown: 'chain' | 'user' | 'application' | 'nobody';
  /** An API of the organisation's own: takes its issuer's tokens as they are. */
  readonly own: boolean;
  readonly api: Api;
}

interface Description extends Pick<Vendor, 'route' | 'title'>, Omit<ApiOptions, 'requestId'> {
  readonly lives?: lives.LifeRule;
  readonly shown?: Vendor['shown'];
  readonly own?: true;
  /** Absent where the vendor sends none that the gate would know. */
  readonly requestId?: string;
}

export interface StandingKeys {
  readonly gemini: string;
  readonly qdrant: string;
  readonly pinecone: string;
}

export async function startVendors(options: {
  readonly clock: Clock;
  readonly issuer: RecordingIssuer;
  readonly logins: Logins;
  readonly keys: StandingKeys;
}): Promise<readonly Vendor[]> {
  return Promise.all(
    [...federated(options), ...onBedrock(options), ...ownAndPartners(options), ...standing(options.keys)].map(
      async (description) => {
        const { route, title, knows, answer, requestId, lives: rule, own = false } = description;
        const isStanding = rule === undefined;
        const { shown = isStanding ? 'nobody' : 'chain' } = description;
        const api = await startApi({ knows, answer, requestId });
        return { route, title, lives: rule, standing: isStanding, shown, own, api };
      },
    ),
  );
}

function federated({ logins }: { readonly logins: Logins }): readonly Description[] {
  const { openai, anthropic, openrouter, huggingface, databricks, google, entra } = logins;
  const chat = answers.chatCompletion;
  const azure = { lives: lives.entra, knows: issuedBy(entra.tokens), requestId: 'apim-request-id' };
  return [
    {
      ...{ route: 'openai', title: 'OpenAI', lives: lives.openai },
      ...{ knows: issuedBy(openai.tokens), answer: chat, requestId: 'x-request-id' },
    },
    { ...azure, route: 'azure-openai', title: 'Azure OpenAI', answer: chat, shown: 'application' },
    { ...azure, route: 'azure-openai-user', title: 'Azure OpenAI, as the user', answer: chat, shown: 'user' },
    {
      ...{ route: 'anthropic', title: 'Anthropic', lives: lives.anthropic },
      ...{ knows: issuedBy(anthropic.tokens), answer: answers.message, requestId: 'request-id' },
    },
    {
      ...{ route: 'anthropic-vertex', title: 'Anthropic on Vertex AI', lives: lives.googleFederated },
      ...{ knows: issuedBy(google.federated), answer: answers.message },
    },
    {
      ...{ ...azure, route: 'anthropic-foundry', title: 'Anthropic on Foundry' },
      ...{ answer: answers.message, shown: 'application' },
    },
    {
      ...{ route: 'vertex', title: 'Gemini on Vertex AI', lives: lives.googleAccount },
      ...{ knows: issuedBy(google.tokens), answer: answers.content },
    },
    {
      ...{ route: 'openrouter', title: 'OpenRouter', lives: lives.openrouter },
      ...{ knows: issuedBy(openrouter.tokens), answer: chat, requestId: 'x-generation-id' },
    },
    {
      ...{ route: 'huggingface', title: 'Hugging Face', lives: lives.huggingface },
      ...{ knows: issuedBy(huggingface.tokens), answer: chat, requestId: 'x-request-id' },
    },
    {
      ...{ route: 'databricks', title: 'Databricks', lives: lives.databricks },
      ...{ knows: issuedBy(databricks.tokens), answer: chat, requestId: 'x-request-id' },
    },
  ];
}

function onBedrock({ clock, logins }: { clock: Clock; logins: Logins }): readonly Description[] {
  const bedrock = { lives: lives.aws, knows: sessionOf(clock, logins.aws.account), requestId: 'x-amzn-requestid' };
  return [
    { ...bedrock, route: 'bedrock', title: 'Amazon Bedrock', answer: answers.conversation },
    { ...bedrock, route: 'anthropic-bedrock', title: 'Anthropic on Bedrock', answer: answers.message },
  ];
}

/** The organisation's own APIs, and a partner's: they verify the exchanged token itself, with user and agent in it. */
function ownAndPartners(options: { clock: Clock; issuer: RecordingIssuer; logins: Logins }): readonly Description[] {
  const {
    clock,
    issuer,
    logins: { partner },
  } = options;
  const ours = (audience: string) => signedBy(clock, issuer.issuer, issuer.jwksUri, audience);
  const rule = lives.configured(tokenTtl);
  return [
    { route: 'mcp', title: 'MCP server', lives: rule, own: true, knows: ours('mcp-tools'), answer: answers.mcp },
    {
      ...{ route: 'tickets', title: 'Tickets (own API)', lives: rule, own: true, knows: ours('tickets') },
      ...{ answer: answers.titled, requestId: 'x-request-id' },
    },
    {
      ...{ route: 'orders', title: 'Orders (own API)', lives: rule, own: true, knows: boundBy(clock, ours('orders')) },
      ...{ answer: answers.titled, requestId: 'x-request-id' },
    },
    {
      ...{
        route: 'partner-mcp',
        title: "A partner's MCP server",
        lives: lives.configured(partnerTtl),
        answer: answers.mcp,
      },
      knows: signedBy(clock, partner.issuer, `${partner.url}/jwks`, 'https://mcp.partner.example'),
    },
  ];
}

function standing({ gemini, qdrant, pinecone }: StandingKeys): readonly Description[] {
  return [
    {
      ...{ route: 'gemini', title: 'Gemini Developer API', knows: keyIn('x-goog-api-key', gemini) },
      answer: answers.content,
    },
    { route: 'qdrant', title: 'Qdrant', knows: keyIn('api-key', qdrant), answer: answers.qdrantPoints },
    {
      ...{ route: 'pinecone', title: 'Pinecone', knows: keyIn('api-key', pinecone) },
      ...{ answer: answers.pineconeMatches, requestId: 'x-pinecone-request-id' },
    },
  ];
}
