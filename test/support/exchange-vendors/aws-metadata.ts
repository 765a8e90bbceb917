// Where a workload on AWS finds the keys of its role: the container credentials endpoint (its token as it is in
// `Authorization`) and the instance metadata service, version 2 (a session by PUT, its token in every GET), on one port.

import type { RoleSession } from './aws-account.ts';
import { startVendorServer, type VendorAnswer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface AwsMetadata extends VendorServer {
  readonly containerUrl: string;
  readonly containerToken: string;
}

/** @param session the role's, now */
export async function startAwsMetadata(session: () => RoleSession): Promise<AwsMetadata> {
  const containerToken = 'container-token-of-the-agent';
  const metadataToken = 'AQAEAmetadata==';
  const role = '/latest/meta-data/iam/security-credentials/';

  const server = await startVendorServer(({ method, path, headers }: VendorRequest): VendorAnswer => {
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, endsAt } = session();
    const keys = { AccessKeyId, SecretAccessKey, Token, Expiration: new Date(endsAt).toISOString() };
    if (path === '/v1/credentials') {
      const known = headers.authorization === containerToken;
      return known ? { status: 200, body: keys } : { status: 401, body: { Message: 'invalid token' } };
    }
    if (path === '/latest/api/token') {
      const ttl = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
      return method === 'PUT' && ttl > 0 ? text(200, metadataToken) : text(400, 'Bad Request');
    }
    if (method !== 'GET' || headers['x-aws-ec2-metadata-token'] !== metadataToken) return text(401, 'Unauthorized');
    if (path === role) return text(200, 'agents');
    return path === `${role}agents` ? text(200, JSON.stringify({ Code: 'Success', ...keys })) : text(404, 'Not Found');
  });
  return { ...server, containerUrl: `${server.url}/v1/credentials`, containerToken };
}

function text(status: number, body: string): VendorAnswer {
  return { status, body, headers: { 'content-type': 'text/plain' } };
}
