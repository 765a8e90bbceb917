// The command line as such: what there is, how each explains itself, and what a slip of the finger is told.

import { test } from 'tap';
import { commands } from '../../src/commands/index.ts';
import { version } from '../../src/version.ts';
import { assertPlain, run } from '../support/e2e-command.ts';

test('every command explains itself', async (t) => {
  for (const { name } of commands) {
    const { code, stdout, stderr } = await run(t, [name, '--help']);
    t.equal(code, 0);
    t.match(stdout, new RegExp(`^usage: postern ${name}\\b`));
    t.equal(stderr, '');
  }
});

test('help names every command; nothing at all gets it too, and the exit code of a mistake', async (t) => {
  const help = await run(t, ['--help']);
  t.equal(help.code, 0);
  for (const { name, summary } of commands) t.ok(help.stdout.includes(name) && help.stdout.includes(summary));
  const nothing = await run(t, []);
  t.equal(nothing.code, 2);
  t.equal(nothing.stdout, help.stdout);
});

test('the version', async (t) => {
  t.match(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

const mistakes: Record<string, [string[], RegExp]> = {
  'an unknown command': [['srve'], /there is no command "srve"/],
  'an unknown option': [['check', '--onlien'], /--onlien/],
  'an option without its value': [['check', '--config'], /--config/],
  'a configuration that is not there': [
    ['serve', '--config', 'nowhere.yaml'],
    /there is no configuration at nowhere\.yaml/,
  ],
  'one named by the environment': [['routes'], /there is no configuration at missing\.yaml/],
  'a log level that is none': [['serve', '--config', 'package.json', '--log-level', 'loud'], /"loud" is no log level/],
  'a request without a path': [['explain', '--config', 'package.json'], /PATH is missing/],
  'a header that is none': [['explain', '/x', '-H', 'nocolon', '--config', 'package.json'], /"nocolon" is no header/],
  'a request with a word too many': [
    ['explain', 'GET', '/x', '/y', '--config', 'package.json'],
    /"GET \/x \/y" is more than METHOD and PATH/,
  ],
  'a token for nobody': [['token'], /--sub is missing/],
};

test('a mistake is told in words, with how it is meant, and exit code 2', async (t) => {
  for (const [name, [args, says]] of Object.entries(mistakes)) {
    const ended = await run(t, args, { env: { POSTERN_CONFIG: 'missing.yaml' } });
    t.equal(ended.code, 2, name);
    t.match(ended.stderr, says, name);
    t.match(ended.stderr, /usage: postern/, name);
    t.equal(ended.stdout, '', name);
    assertPlain(t, ended);
  }
});
