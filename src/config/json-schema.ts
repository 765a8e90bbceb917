// The configuration as JSON Schema, for editors and for the generated reference. Says what may be written, not what the
// code works with after parsing.

import * as z from 'zod';
import { configSchema } from './schema.ts';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** JSON Schema (draft 2020-12) of a configuration file. A placeholder is accepted wherever a text of some form is. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.pattern !== undefined) jsonSchema.pattern = `${jsonSchema.pattern}|\\$\\{(env|file):`;
    },
  });
  return {
    ...($schema !== undefined && { $schema }),
    title: 'Postern configuration',
    ...schema,
  };
}
