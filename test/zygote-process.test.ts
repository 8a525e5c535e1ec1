/** What the server makes of the zygote's reports, however they come, and of its silence. */
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { silentLog, systemClock, systemFiles, systemIds } from '../src/core/system.js';
import { ZygoteProcess } from '../src/engines/python/zygote-process.js';
import type { ExitStatus, ISpawner } from '../src/types/ports.js';
import { testSandbox } from './support/python-world.js';
import { temporaryFolder } from './support/temporary-folder.js';

/** A zygote that the test plays: it says what the test says, and counts how often it was killed. */
class PlayedZygote {
  private readonly stdin = new PassThrough();
  private readonly stdout = new PassThrough();
  private end: (status: ExitStatus) => void = () => undefined;
  kills = 0;

  readonly spawner: ISpawner = {
    spawn: () => {
      const exited = new Promise<ExitStatus>((resolve) => {
        this.end = resolve;
      });
      this.stdin.resume().on('end', () => this.end({ code: 0, signal: null }));
      const kill = () => {
        this.kills += 1;
        this.end({ code: null, signal: 'SIGKILL' });
        return true;
      };
      const { stdin, stdout } = this;
      return { pid: 1, stdin, stdout, stderr: null, exited, kill, unref: () => undefined };
    },
    signal: () => false,
  };

  /** In one piece. */
  say(...reports: object[]): void {
    this.stdout.write(reports.map((report) => `${JSON.stringify(report)}\n`).join(''));
  }
}

describe('a zygote process', () => {
  const start = async () => {
    const folder = await temporaryFolder();
    const played = new PlayedZygote();
    const zygote = new ZygoteProcess({
      executable: 'python3',
      preload: [],
      startTimeoutMs: 1000,
      interruptGraceMs: 1000,
      zygoteLimitMs: 100,
      variableBytes: 1,
      sessionBytes: 1,
      runDir: folder,
      sandbox: testSandbox(folder),
      spawner: played.spawner,
      clock: systemClock,
      ids: systemIds,
      files: systemFiles,
      log: silentLog,
    });
    // It never says that it is ready.
    const starting = zygote.start('lock', folder).catch((error: unknown) => error);
    return { played, zygote, folder, starting };
  };

  it('is heard when it tells of a fork and of the end of the same kernel in one breath', async () => {
    const { played, zygote, folder, starting } = await start();
    const order = { kernel: 'k', socket: 's', secret: 'x', workspace: folder, seed: 'a', environment: {} };
    const forking = zygote.fork({ ...order, sandbox: null });
    played.say({ event: 'forked', id: 1, pid: 77 }, { event: 'exit', pid: 77, code: 70, signal: null });
    const { pid, exited } = await forking;
    expect(pid).to.equal(77);
    expect(await exited).to.deep.equal({ code: 70, signal: null });
    await zygote.dispose();
    expect(await starting).to.include({ code: 'engine_unavailable' });
  });

  it('is not taken for frozen while it works on many orders, and is when it says nothing more', async () => {
    const time = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { played, zygote } = await start();
      const answers = Array.from({ length: 10 }, () => zygote.signal(77, 1, 'SIGINT', true));
      for (let id = 1; id <= 9; id += 1) {
        time.tick(90);
        played.say({ event: 'signalled', id, sent: true });
        await turn();
      }
      expect(played.kills).to.equal(0);
      time.tick(90);
      expect(played.kills).to.equal(0);
      time.tick(20);
      expect(played.kills).to.equal(1);
      expect(await Promise.all(answers)).to.deep.equal([...Array.from({ length: 9 }, () => true), false]);
      await zygote.dispose();
    } finally {
      time.restore();
    }
  });
});
