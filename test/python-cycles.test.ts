/**
 * Many sessions come and go, in all the ways in which a session can: nothing of them stays. TEST_CYCLES=2000 runs the
 * whole campaign; without it fewer have to do.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import { createSojourn } from '../src/embedded.js';
import type { ISession, ISojourn } from '../src/types/client.js';
import { countAll, heapBytes, privateBytes } from './support/machine-counts.js';
import type { Counts, Machine } from './support/machine-counts.js';
import { needs, pythonExecutable } from './support/needs.js';
import { temporaryFolder } from './support/temporary-folder.js';

const cycles = Number(process.env.TEST_CYCLES ?? 300);
const warmUp = 60;
const atOnce = 8;
/** So few that a uid which is never given back is missed at the end. */
const uids = 16;
const heapBytesMax = 2 * 2 ** 20 + cycles * 1024;
/** Pages that it shared with its first session become its own one by one, and its allocator leaves gaps. */
const zygoteBytesMax = 4 * 2 ** 20 + cycles * 2048;

/** The ways of a session between its creation and its end. */
const ways: readonly ((session: ISession) => Promise<unknown>)[] = [
  (session) => session.execute('x = 40 + 2; x'),
  (session) => session.execute(`print('a' * 100_000)\nraise ValueError`),
  (session) => session.execute('open("file", "w").write("kept")').then(() => session.save()),
  (session) =>
    session
      .execute('x = 1')
      .then(() => session.hibernate())
      .then(() => session.execute('x')),
  (session) => session.execute('import os; os._exit(1)').catch(() => session.execute('1')),
  (session) =>
    session
      .execute('x = (i for i in range(3))')
      .then(() => session.save())
      .then(() => session.execute('next(x)'))
      .then(() => session.execute('import os; os._exit(1)'))
      .catch(() => session.execute('next(x)')),
  (session) => session.execute('x = 2').then(() => session.restart({ keepState: true })),
  (session) =>
    session.execute('import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()'),
  // Deleted while it runs.
  (session) => Promise.resolve(void session.execute('while True: pass').catch(() => undefined)),
];

async function cycle(sojourn: ISojourn, index: number): Promise<void> {
  const session = await sojourn.createSession();
  await ways[index % ways.length]?.(session);
  await session.call('health');
  await session.delete();
}

/** So many cycles, some of them at the same time. */
async function run(sojourn: ISojourn, count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await cycle(sojourn, next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What is still on its way out is waited for by asking again; what stays is told. */
async function settledCounts(machine: Machine, before?: Counts): Promise<Counts> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const counts = await countAll(machine);
    if (grown(before ?? counts, counts).length === 0 || performance.now() > deadline) return counts;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Fewer is no leak: the compiler's own service may end meanwhile. */
const grown = (before: Counts, after: Counts): string[] =>
  Object.entries(after)
    .filter(([name, count]) => count > (before[name] ?? 0))
    .map(([name, count]) => `${name}: ${before[name]} → ${count}`);

describe('sessions that come and go', function () {
  this.timeout(20_000 + cycles * 400);
  before(async function () {
    await needs.python(this);
    needs.linux(this);
  });

  it(`leave nothing behind, ${cycles} of them`, async function () {
    const dataDir = join(await temporaryFolder('cycles'), 'data');
    const firstUid = 300_000 + (process.pid % 1000) * 1024;
    const sojourn = await createSojourn({
      dataDir,
      python: { executable: pythonExecutable, preload: [], uidRange: [firstUid, firstUid + uids - 1] },
    });
    try {
      const anchor = await sojourn.createSession();
      const { output } = await anchor.execute('import os; os.getppid()');
      // What is kept warm of it is there from the beginning, and not at some moment in between.
      await anchor.save();
      const machine = { zygote: Number(output), dataDir };
      await run(sojourn, warmUp);
      const before = await settledCounts(machine);
      const bytesBefore = { heap: heapBytes(), zygote: await privateBytes(machine.zygote) };
      const started = performance.now();
      await run(sojourn, cycles);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const after = await settledCounts(machine, before);
      const heapGrowth = heapBytes() - bytesBefore.heap;
      const zygoteGrowth = (await privateBytes(machine.zygote)) - bytesBefore.zygote;
      process.stdout.write(
        `      ${cycles} in ${seconds} s; heap ${kilobytes(heapGrowth)}, zygote ${kilobytes(zygoteGrowth)}; ${JSON.stringify(after)}\n`,
      );
      expect(grown(before, after)).to.deep.equal([]);
      expect(heapGrowth, 'growth of the heap').to.be.below(heapBytesMax);
      expect(zygoteGrowth, 'growth of the zygote').to.be.below(zygoteBytesMax);
      // Every uid is free again but the anchor's.
      const all = await Promise.all(Array.from({ length: uids - 1 }, () => sojourn.createSession()));
      expect(all).to.have.length(uids - 1);
    } finally {
      await sojourn.close();
    }
  });
});

const kilobytes = (bytes: number) => `${bytes < 0 ? '' : '+'}${Math.round(bytes / 1024)} kB`;
