// postern schema: the JSON Schema of the configuration, for editors and pipelines.
// Made from the same schema that `serve` uses, so that it cannot say anything else.

import { configJsonSchema } from '../config/json-schema.ts';

export const usage = `
usage: postern schema

Prints the JSON Schema of the configuration. Editors use it with this line at the top of the file:
  # yaml-language-server: $schema=./postern.schema.json
`;

export async function run(): Promise<number> {
  console.log(JSON.stringify(configJsonSchema(), null, 2));
  return 0;
}
