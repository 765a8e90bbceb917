// Forged checkpoints. Without the operator's key somebody signs with a key of their own, moves a genuine checkpoint to where it
// suits, takes the signature away, or names the algorithm that needs none; and hopes that whoever checks looks at the form only.

import { compactVerify, importSPKI } from 'jose';
import { test } from 'tap';
import { ed25519, p256, stranger } from '../support/audit-keys.ts';
import { check, rewrite, sealedAgain, writtenLog } from '../support/audit-trail.ts';

const keys = [ed25519.publicKey];

function changeCheckpoints(
  lines: readonly string[],
  change: (checkpoint: Record<string, unknown>) => object,
): string[] {
  const records = lines.map((line) => JSON.parse(line));
  return sealedAgain(
    records.map((record) =>
      record.checkpoint === undefined ? record : { ...record, checkpoint: change(record.checkpoint) },
    ),
  );
}

const partsOf = (checkpoint: Record<string, unknown>) => String(checkpoint['signature']).split('.');
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('another key: a log that somebody else wrote', async (t) => {
  const { file } = await writtenLog(t, { key: stranger.key });
  const { found } = await check(file, { keys });
  t.match(found[0], /^5 is a checkpoint that is signed with a key that is not among those given/);
  t.match(found.at(-1), /^no checkpoint is signed with a key that was given/);
});

test('another key under the name of the right one', async (t) => {
  const { file, lines } = await writtenLog(t, { key: { ...stranger.key, kid: ed25519.key.kid } });
  t.ok(lines.length > 0);
  t.match((await check(file, { keys })).found[0], /^5 is a checkpoint that has a signature that is not of this key/);
});

test('no signature, after others with one', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  // The first stays as it is; from the next on the log goes its own way.
  const records = lines.map((line) => JSON.parse(line));
  const { signature: _none, ...unsigned } = records[8].checkpoint;
  records[8].checkpoint = unsigned;
  rewrite(file, sealedAgain(records));
  t.match((await check(file, { keys })).found[0], '9 is a checkpoint without a signature, after others with one');
});

test('`alg: none`, another algorithm, another type, half a signature', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  const { kid } = ed25519.key;
  const header = { alg: 'EdDSA', kid, typ: 'postern-audit-checkpoint' };
  const forgeries: Record<string, (parts: string[]) => string> = {
    none: ([, payload]) => `${encode({ ...header, alg: 'none' })}.${payload}.`,
    'another algorithm': ([, payload, signature]) => `${encode({ ...header, alg: 'ES256' })}.${payload}.${signature}`,
    'another type': ([, payload, signature]) => `${encode({ ...header, typ: 'JWT' })}.${payload}.${signature}`,
    'half of it': ([head, payload, signature = '']) => `${head}.${payload}.${signature.slice(0, 40)}`,
    'no key named': ([, payload, signature]) => `${encode({ alg: 'EdDSA', typ: header.typ })}.${payload}.${signature}`,
    'four parts': (parts) => `${parts.join('.')}.x`,
    'no JWS': () => 'signed, the gate',
  };
  for (const [name, forge] of Object.entries(forgeries)) {
    rewrite(
      file,
      changeCheckpoints(lines, (checkpoint) => ({ ...checkpoint, signature: forge(partsOf(checkpoint)) })),
    );
    const { found, verdict } = await check(file, { keys });
    t.equal(verdict.lastTrusted, undefined, name);
    t.ok(found.length >= 4, name);
  }
});

test('a genuine one of another place', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key, records: 9 });
  const records = lines.map((line) => JSON.parse(line));
  records[8].checkpoint = { ...records[8].checkpoint, signature: records[4].checkpoint.signature };
  rewrite(file, sealedAgain(records));
  t.match(
    (await check(file, { keys })).found[0],
    '9 is a checkpoint that has a signature of something else: it was moved here',
  );
});

test('a genuine one, for anybody with another JWS library', async (t) => {
  for (const pair of [ed25519, p256]) {
    const { lines } = await writtenLog(t, { key: pair.key });
    const { checkpoint, prev, time } = JSON.parse(lines.at(-1) ?? '{}');
    const { payload, protectedHeader } = await compactVerify(
      checkpoint.signature,
      await importSPKI(pair.publicPem, pair.key.alg),
    );
    t.match(protectedHeader, { alg: pair.key.alg, kid: pair.key.kid, typ: 'postern-audit-checkpoint' });
    t.strictSame(JSON.parse(Buffer.from(payload).toString()), {
      segment: checkpoint.segment,
      seq: 8,
      hash: prev,
      time,
      reason: 'closed',
    });
  }
});
