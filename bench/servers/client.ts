// The client of the gate at the issuer of a run. Not a secret: the issuer lives for one run, on loopback.

export const gateClient = { id: 'postern', secret: 'bench-only' };
