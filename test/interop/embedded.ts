// The embedded issuer, as the suite sees an issuer.

import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { agentSecret, gateSecret, openai, qdrant, shortLife } from '../../scripts/interop/realm.ts';
import { startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import { embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { silentLog } from '../support/log.ts';
import { post } from '../support/sts-issuer.ts';
import type { InteropIssuer, SignIn } from './issuer.ts';

const gates = ['postern', 'postern-by-post', 'postern-with-key'];

const audiencesOf: Record<SignIn, readonly string[]> = {
  'for-planner': ['postern', 'agent:planner'],
  'short-lived': ['postern', 'agent:planner'],
  'for-nobody': ['postern'],
};

export interface EmbeddedIssuerUnderTest extends InteropIssuer {
  close(): Promise<void>;
}

export async function startEmbedded(): Promise<EmbeddedIssuerUnderTest> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = await exportPKCS8(privateKey);
  const may_exchange = true;
  const config = embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    clients: [
      { id: 'postern', secret: gateSecret, may_exchange },
      { id: 'postern-by-post', auth: 'client_secret_post', secret: gateSecret, may_exchange },
      { id: 'postern-with-key', auth: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] }, may_exchange },
      { id: 'planner', secret: agentSecret, sub: 'agent:planner', audiences: gates },
      { id: 'researcher', secret: agentSecret, sub: 'agent:researcher', audiences: gates },
    ],
    audiences: [
      { id: openai, scopes: ['model.invoke'] },
      { id: qdrant, scopes: ['vectors.read'] },
      { id: 'agent:researcher' },
    ],
  });
  const embedded = await startEmbeddedIssuer({ config, log: silentLog });
  const { issuer, jwksUri, tokenEndpoint, close } = embedded;
  const gate = { id: 'postern', secret: gateSecret };
  return {
    issuer,
    jwksUri,
    close,
    audiences: [...gates, 'agent:planner', 'agent:researcher'],
    workloadWhen: 'claims.sub_profile == "ai_agent"',
    alice: 'alice',
    agents: { planner: 'agent:planner', researcher: 'agent:researcher' },
    researcher: { audience: 'agent:researcher', scopes: [] },
    client(auth) {
      if (auth === 'client_secret_basic') return { auth, ...gate };
      if (auth === 'client_secret_post') return { auth, id: 'postern-by-post', secret: gateSecret };
      return { auth, id: 'postern-with-key', key, alg: 'ES256' };
    },
    async agent(id, audience = 'postern') {
      const form = { grant_type: 'client_credentials', audience };
      const { body } = await post(tokenEndpoint, form, { id, secret: agentSecret });
      return String(body['access_token']);
    },
    async user(signIn = 'for-planner') {
      const ttl = signIn === 'short-lived' ? shortLife : undefined;
      const token = await embedded.mint({ sub: 'alice', clientId: 'postern', audience: audiencesOf[signIn], ttl });
      return { token, revoke: async () => void (await post(`${tokenEndpoint}/revocation`, { token }, gate)) };
    },
  };
}
