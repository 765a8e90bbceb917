// A large upload and a large download: what a mebibyte costs, and that memory does not grow with the body.

import { request } from 'node:http';
import { cpuMicroseconds, residentKib } from '../processes.ts';
import type { Variant } from '../variants.ts';
import type { World } from '../world.ts';
import { chatHeaders } from './posts.ts';

export interface TransferRow {
  readonly name: string;
  readonly direction: 'up' | 'down';
  readonly cpuPerMib: number;
  /** KiB of resident memory at most above what it was before. */
  readonly grownKib: number;
  readonly complete: boolean;
}

const mib = 1_048_576;
const block = Buffer.alloc(65_536, 'x');

export async function transfers(
  world: World,
  variants: readonly Variant[],
  mebibytes: number,
): Promise<readonly TransferRow[]> {
  const rows: TransferRow[] = [];
  for (const variant of variants) {
    for (const direction of ['up', 'down'] as const) {
      await transfer(world, variant, direction, 8 * mib); // once for the compiler and the buffers
      const before = residentKib(variant.pid);
      const cpu = cpuMicroseconds(variant.pid);
      let most = before;
      const watching = setInterval(() => {
        most = Math.max(most, residentKib(variant.pid));
      }, 20);
      const moved = await transfer(world, variant, direction, mebibytes * mib);
      clearInterval(watching);
      rows.push({
        name: variant.name,
        direction,
        cpuPerMib: (cpuMicroseconds(variant.pid) - cpu) / mebibytes,
        grownKib: most - before,
        complete: moved === mebibytes * mib,
      });
    }
  }
  return rows;
}

/** @returns bytes that arrived at the other end */
function transfer(world: World, variant: Variant, direction: 'up' | 'down', bytes: number): Promise<number> {
  const { authorization, 'postern-subject-token': subject } = chatHeaders(world);
  const headers = { authorization, 'postern-subject-token': subject };
  return new Promise((resolve, reject) => {
    const call = request(
      `${variant.url}/plain/${direction === 'up' ? 'up' : `down?bytes=${bytes}`}`,
      direction === 'up'
        ? {
            method: 'POST',
            headers: { ...headers, 'content-type': 'application/octet-stream', 'content-length': bytes },
          }
        : { method: 'GET', headers },
      (answer) => {
        let length = 0;
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (direction === 'up') text += chunk.toString('latin1');
        });
        answer.on('end', () => resolve(direction === 'up' ? Number(text) : length));
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    if (direction === 'down') {
      call.end();
      return;
    }
    let left = bytes;
    const push = () => {
      while (left > 0) {
        left -= block.length;
        if (!call.write(block)) {
          call.once('drain', push);
          return;
        }
      }
      call.end();
    };
    push();
  });
}
