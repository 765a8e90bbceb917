// What a process's heap holds once everything that can be collected is gone, asked for by its inspector: resident memory of a process
// that has been under load says what it once needed.

/** A full collection finds what the finalizers of the one before have let go of. */
const collections = 3;

/** @param port of the process's inspector (`--inspect`). @returns bytes of objects, and of the buffers they hold */
export async function heapBytes(port: number): Promise<number> {
  const [target] = (await fetch(`http://127.0.0.1:${port}/json`).then((answer) => answer.json())) as {
    webSocketDebuggerUrl: string;
  }[];
  const inspector = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve) => inspector.addEventListener('open', resolve, { once: true }));
  let asked = 0;

  function ask(method: string): Promise<Readonly<Record<string, unknown>>> {
    asked += 1;
    const id = asked;
    return new Promise((resolve) => {
      inspector.addEventListener('message', function answered({ data }) {
        const message = JSON.parse(String(data)) as { id?: number; result?: Record<string, unknown> };
        if (message.id !== id) return;
        inspector.removeEventListener('message', answered);
        resolve(message.result ?? {});
      });
      inspector.send(JSON.stringify({ id, method }));
    });
  }

  for (let i = 0; i < collections; i += 1) await ask('HeapProfiler.collectGarbage');
  const { usedSize, backingStorageSize } = await ask('Runtime.getHeapUsage');
  inspector.close();
  return Number(usedSize) + Number(backingStorageSize ?? 0);
}
