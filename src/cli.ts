#!/usr/bin/env node

// The command line: finds the command, runs it, sets the exit code. Nothing else.
// A user's mistake gets one clear message and no stack trace; exit codes: 0 fine, 1 failed, 2 wrong usage.

import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { packageFolder } from './base/package-folder.ts';
import { commands } from './commands/index.ts';
import { version } from './version.ts';

// Compiled code is kept below the package itself (a third of a start): who can write there can change the code as well, which
// does not hold of a shared temporary folder, the default. Where nothing can be written, nothing is kept. Whatever is loaded
// has to be loaded after this line, by `import()`.
enableCompileCache(join(packageFolder, 'node_modules', '.cache', 'postern'));

const [name, ...args] = process.argv.slice(2);

process.exitCode = await main(name, args);

async function main(name: string | undefined, args: string[]): Promise<number> {
  if (name === '--version' || name === '-V') {
    console.log(version);
    return 0;
  }
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  const entry = commands.find((command) => command.name === name);
  if (entry === undefined) {
    console.error(`postern: there is no command "${name}"\n\n${overview()}`);
    return 2;
  }
  const command = await entry.load();
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.usage.trim());
    return 0;
  }
  try {
    return await command.run(args);
  } catch (failure) {
    const { describeFailure, isUsageError } = await import('./commands/failure.ts');
    console.error(describeFailure(failure));
    if (!isUsageError(failure)) return 1;
    console.error(`\n${command.usage.trim()}`);
    return 2;
  }
}

function overview(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`);
  return [
    "postern: the one gate an AI agent's calls leave by",
    '',
    'usage: postern <command> [options]',
    '',
    ...lines,
    '',
    'postern <command> --help tells more.',
  ].join('\n');
}
