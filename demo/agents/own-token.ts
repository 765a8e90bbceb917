// An agent's own identity token, by client_credentials: the only thing an agent holds. It opens no API; the gate takes it
// as proof of who is calling and obtains what the call needs.

export interface OwnTokenOptions {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export type OwnToken = () => Promise<string>;

/** @returns a function that fetches a token; it throws when the issuer refuses. */
export function createOwnToken({ tokenEndpoint, clientId, clientSecret }: OwnTokenOptions): OwnToken {
  const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return async function ownToken() {
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    const response = await fetch(tokenEndpoint, { method: 'POST', headers: { authorization }, body });
    const answer: unknown = await response.json();
    if (response.ok && typeof answer === 'object' && answer !== null && 'access_token' in answer) {
      return String(answer.access_token);
    }
    throw new Error(`the issuer refused ${clientId} a token (${response.status})`);
  };
}
