// The file behind the audit log: appended to, complete after close, and loud when it cannot be written.

import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'tap';
import { openAuditSink } from '../../src/telemetry/audit-sink.ts';
import { auditSchema } from '../../src/telemetry/schema.ts';
import { recordingLog, silentLog } from '../support/log.ts';

const toFile = (file: string) => auditSchema.parse({ sink: 'file', file });

test('records are appended in order, each on its line', async (t) => {
  const file = join(t.testdir({}), 'audit.jsonl');
  writeFileSync(file, '{"before":true}\n');
  const sink = openAuditSink({ audit: toFile(file), log: silentLog });
  for (let n = 0; n < 2_000; n += 1) sink.write(JSON.stringify({ n }));
  await sink.close();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 2_001);
  t.strictSame(
    lines.slice(1).map((line) => JSON.parse(line).n),
    Array.from({ length: 2_000 }, (_, n) => n),
  );
});

test('flush means written, more than once', async (t) => {
  const file = join(t.testdir({}), 'audit.jsonl');
  const sink = openAuditSink({ audit: toFile(file), log: silentLog });
  await sink.flush();
  sink.write('{"a":1}');
  await sink.flush();
  t.equal(readFileSync(file, 'utf8'), '{"a":1}\n');
  sink.write('{"b":2}');
  await sink.flush();
  t.equal(readFileSync(file, 'utf8'), '{"a":1}\n{"b":2}\n');
  t.equal(statSync(file).mode & 0o777, 0o600, 'for the owner only');
  await sink.close();
});

test('two gates can append to one file without tearing lines', async (t) => {
  const file = join(t.testdir({}), 'audit.jsonl');
  const sinks = ['a', 'b'].map((name) => ({
    name,
    sink: openAuditSink({ audit: toFile(file), log: silentLog }),
  }));
  for (let n = 0; n < 300; n += 1) for (const { name, sink } of sinks) sink.write(JSON.stringify({ name, n }));
  await Promise.all(sinks.map(({ sink }) => sink.close()));
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 600);
  for (const { name } of sinks) {
    const own = lines.map((line) => JSON.parse(line)).filter((record) => record.name === name);
    t.strictSame(
      own.map((record) => record.n),
      Array.from({ length: 300 }, (_, n) => n),
    );
  }
});

test('a file that cannot be opened stops the start', (t) => {
  t.throws(() => openAuditSink({ audit: toFile(t.testdir({})), log: silentLog }), { code: 'EISDIR' });
  t.end();
});

test('a full disk: told once, nothing thrown at the call, and the flush fails', async (t) => {
  const log = recordingLog();
  const sink = openAuditSink({ audit: toFile('/dev/full'), log });
  t.doesNotThrow(() => sink.write('{"a":1}'));
  await t.rejects(sink.flush(), { code: 'ENOSPC' });
  sink.write('{"b":2}');
  await t.rejects(sink.flush(), { code: 'ENOSPC' });
  t.equal(log.lines.filter((line) => line.level === 'error').length, 1);
});

test('what waits for a stuck disk is bounded: a record beyond it is refused', async (t) => {
  const sink = openAuditSink({ audit: toFile('/dev/full'), log: silentLog });
  const line = 'x'.repeat(1_048_575);
  for (let n = 0; n < 16; n += 1) sink.write(line);
  t.throws(() => sink.write('one more'), RangeError);
  await t.rejects(sink.close(), { code: 'ENOSPC' });
});

test('a process that exits without closing still writes what it has', async (t) => {
  const file = join(t.testdir({}), 'audit.jsonl');
  const program = `
    const { openAuditSink } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/telemetry/audit-sink.ts'))});
    const log = { error() {}, info() {} };
    const sink = openAuditSink({ audit: { sink: 'file', file: ${JSON.stringify(file)} }, log });
    for (let n = 0; n < 100; n += 1) sink.write(JSON.stringify({ n }));
    process.exit(0);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).n).sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test('standard output takes records too', async (t) => {
  const program = `
    const { openAuditSink } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/telemetry/audit-sink.ts'))});
    const sink = openAuditSink({ audit: { sink: 'stdout' }, log: { error() {}, info() {} } });
    for (let n = 0; n < 5000; n += 1) sink.write(JSON.stringify({ n, pad: 'x'.repeat(100) }));
    await sink.close();`;
  const options = { maxBuffer: 4 * 1_048_576 };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options);
  const lines = stdout.trimEnd().split('\n');
  t.equal(lines.length, 5_000);
  t.equal(JSON.parse(lines.at(-1) ?? '{}').n, 4_999);
});
