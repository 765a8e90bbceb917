// A name of its own for each worker where the operator named the instance: what several threads measure, each from its own
// beginning, must not arrive at a collector as one (OpenTelemetry resource conventions, service.instance.id).

import type { World } from '../world.ts';

type Environment = World['env'];

const named = /(^|,)(\s*service\.instance\.id\s*=[^,]*)/;

export function withOwnInstance(env: Environment, worker: number): Environment {
  const attributes = env['OTEL_RESOURCE_ATTRIBUTES'];
  if (attributes === undefined) return env;
  return { ...env, OTEL_RESOURCE_ATTRIBUTES: attributes.replace(named, `$1$2-${worker}`) };
}
