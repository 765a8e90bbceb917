// Services that give a workload its identity: the runner of GitHub Actions, Google's metadata server, Azure's IMDS, on one
// port. Each insists on what the real one does: the bearer token, `Metadata-Flavor: Google`, `Metadata: true`.

import { startVendorServer, type VendorAnswer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface Platform extends VendorServer {
  readonly githubUrl: string;
  readonly githubToken: string;
}

/** @param mint makes the workload's token for an audience */
export async function startPlatform(mint: (audience: string) => Promise<string>): Promise<Platform> {
  const githubToken = 'gh-runner-request-token';

  async function serve({ path, headers }: VendorRequest): Promise<VendorAnswer> {
    const url = new URL(path, 'http://platform');
    const { searchParams: query } = url;
    if (url.pathname === '/actions/token') {
      if (headers.authorization !== `Bearer ${githubToken}`) return { status: 401, body: { message: 'Unauthorized' } };
      if (query.get('api-version') !== '2.0') return { status: 400, body: { message: 'api-version' } };
      return { status: 200, body: { value: await mint(query.get('audience') ?? '') } };
    }
    if (url.pathname === '/computeMetadata/v1/instance/service-accounts/default/identity') {
      if (headers['metadata-flavor'] !== 'Google') return text(403, 'Missing Metadata-Flavor:Google header.');
      return text(200, await mint(query.get('audience') ?? ''));
    }
    if (url.pathname === '/metadata/identity/oauth2/token') {
      if (headers['metadata'] !== 'true') return { status: 400, body: { error: 'invalid_request' } };
      if (query.get('api-version') !== '2018-02-01') return { status: 400, body: { error: 'invalid_request' } };
      const access_token = await mint(query.get('resource') ?? '');
      return { status: 200, body: { access_token, token_type: 'Bearer', expires_in: '3599' } };
    }
    return text(404, 'Not Found');
  }

  const server = await startVendorServer(serve);
  return { ...server, githubUrl: `${server.url}/actions/token?api-version=2.0`, githubToken };
}

function text(status: number, body: string): VendorAnswer {
  return { status, body, headers: { 'content-type': 'application/text' } };
}
