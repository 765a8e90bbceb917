// Where the agents find their APIs: at the gate, one path each. To an agent this is nothing but a base URL.

export interface GatePaths {
  /** Base URL path of the openai SDK. */
  readonly openai: string;
  readonly anthropic: string;
  readonly qdrant: string;
  /** Path of the MCP endpoint itself. */
  readonly mcp: string;
  readonly researcher: string;
}

export const defaultPaths: GatePaths = {
  openai: '/openai/v1',
  anthropic: '/anthropic',
  qdrant: '/qdrant',
  mcp: '/mcp',
  researcher: '/researcher',
};

export interface GateOptions {
  /** Origin of the gate, such as http://127.0.0.1:8080. */
  readonly gate: string;
  readonly paths?: Partial<GatePaths>;
}

/** Full URL of each API behind the gate. */
export function gateUrls({ gate, paths }: GateOptions): GatePaths {
  const { openai, anthropic, qdrant, mcp, researcher } = { ...defaultPaths, ...paths };
  return {
    openai: `${gate}${openai}`,
    anthropic: `${gate}${anthropic}`,
    qdrant: `${gate}${qdrant}`,
    mcp: `${gate}${mcp}`,
    researcher: `${gate}${researcher}`,
  };
}

/** Headers an agent adds to every call: for whom it acts, and the trace it is part of. */
export function onBehalfOf(userToken: string, traceparent: string | undefined): Record<string, string> {
  return { 'Postern-Subject-Token': userToken, ...(traceparent === undefined ? {} : { traceparent }) };
}
