/** What the server makes of the zygote's reports, however they come. */
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { silentLog, systemClock, systemFiles, systemIds } from '../src/core/system.js';
import { ZygoteProcess } from '../src/engines/python/zygote-process.js';
import type { ExitStatus, ISpawner } from '../src/types/ports.js';
import { testSandbox } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** A zygote that answers each order with the same words in one piece. */
function speaking(words: string): ISpawner {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  stdin.on('data', () => stdout.write(words));
  let resolveExit: (status: ExitStatus) => void = () => undefined;
  const exited = new Promise<ExitStatus>((resolve) => {
    resolveExit = resolve;
  });
  stdin.on('end', () => resolveExit({ code: 0, signal: null }));
  const child = { pid: 1, stdin, stdout, stderr: null, exited, kill: () => true, unref: () => undefined };
  return { spawn: () => child, signal: () => false };
}

describe('a zygote process', () => {
  it('is heard when it tells of a fork and of the end of the same kernel in one breath', async () => {
    const forked = JSON.stringify({ event: 'forked', id: 1, pid: 77 });
    const exit = JSON.stringify({ event: 'exit', pid: 77, code: 70, signal: null });
    const folder = await temporaryFolder();
    const zygote = new ZygoteProcess({
      executable: 'python3',
      preload: [],
      startTimeoutMs: 1000,
      interruptGraceMs: 1000,
      variableBytes: 1,
      sessionBytes: 1,
      runDir: folder,
      sandbox: testSandbox(folder),
      spawner: speaking(`${forked}\n${exit}\n`),
      clock: systemClock,
      ids: systemIds,
      files: systemFiles,
      log: silentLog,
    });
    // It never says that it is ready.
    const starting = zygote.start('lock', folder).catch((error: unknown) => error);
    const order = { kernel: 'k', socket: 's', secret: 'x', workspace: folder, seed: 'a', environment: {} };
    const { pid, exited } = await zygote.fork({ ...order, sandbox: null });
    expect(pid).to.equal(77);
    expect(await exited).to.deep.equal({ code: 70, signal: null });
    await zygote.dispose();
    expect(await starting).to.include({ code: 'engine_unavailable' });
  });
});
