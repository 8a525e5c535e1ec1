import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { IdleStop, ServerActivity } from '../src/core/idle-stop.js';
import { loadConfig } from '../src/core/config.js';
import { DrivenClock } from './support/driven-clock.js';
import { needs, pythonExecutable } from './support/needs.js';
import { programPath, startServerProcess } from './support/server-process.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('a server that nobody asks', () => {
  let clock: DrivenClock;
  let activity: ServerActivity;
  let busy: boolean;
  let ended: number;
  let stop: IdleStop;

  const open = (timeoutS: number) => {
    clock = new DrivenClock();
    activity = new ServerActivity(clock);
    busy = false;
    ended = 0;
    stop = new IdleStop({
      timeoutMs: timeoutS * 1000,
      activity,
      clock,
      isBusy: () => busy,
      onIdle: () => (ended += 1),
    });
    stop.start();
  };
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) clock.advance(1000);
  };

  it('ends once, when the time is over', () => {
    open(8);
    pass(7);
    expect(ended).to.equal(0);
    pass(30);
    expect(ended).to.equal(1);
  });

  it('stays for whoever asks, and as long as an answer takes', () => {
    open(8);
    pass(6);
    activity.begin()();
    pass(7);
    const answered = activity.begin();
    pass(100);
    answered();
    pass(7);
    expect(ended).to.equal(0);
    pass(3);
    expect(ended).to.equal(1);
  });

  it('stays while a session works, also when its client has gone', () => {
    open(4);
    busy = true;
    pass(100);
    busy = false;
    pass(3);
    expect(ended).to.equal(0);
    pass(3);
    expect(ended).to.equal(1);
  });

  it('is looked at four times in its time, at least once a second and at most every ten', () => {
    const looks = (timeoutS: number, seconds: number) => {
      open(timeoutS);
      let count = 0;
      stop.dispose();
      const counting = new IdleStop({
        timeoutMs: timeoutS * 1000,
        activity,
        clock,
        isBusy: () => (count++, false),
        onIdle: () => undefined,
      });
      counting.start();
      pass(seconds);
      counting.dispose();
      return count;
    };
    expect(looks(2, 1)).to.equal(1);
    expect(looks(20, 19)).to.equal(3);
    expect(looks(3600, 100)).to.equal(10);
  });

  it('does not end any more once it is closed', () => {
    open(4);
    stop.dispose();
    pass(100);
    expect(ended).to.equal(0);
  });

  it('has its time in SOJOURN_IDLE_TIMEOUT, and sessions have theirs apart', () => {
    const env = { HOME: '/home/u', SOJOURN_IDLE_TIMEOUT: '7', SOJOURN_SESSION_TIMEOUT_S: '9' };
    const config = loadConfig({ env, file: null });
    expect([config.idle_timeout_s, config.session.timeout_s]).to.deep.equal([7, 9]);
  });
});

describe('sojourn serve', function () {
  this.timeout(60_000);
  before(function () {
    return needs.python(this);
  });

  const serve = async (dataDir: string, ...args: string[]) => {
    const child = spawn(process.execPath, [programPath, 'serve', '--data-dir', dataDir, ...args], {
      env: { PATH: process.env.PATH ?? '', HOME: dataDir, SOJOURN_PYTHON_EXECUTABLE: pythonExecutable },
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, out, err };
  };

  it('D-38: says where a Sojourn runs already that has the port, and how to go on', async () => {
    const folder = await temporaryFolder();
    const first = await startServerProcess(join(folder, 'one'));
    const { port } = new URL(first.url);
    try {
      for (const data of ['one', 'two']) {
        const second = await serve(join(folder, data), '--port', port);
        expect(second.code).to.equal(1);
        const lines = second.err.split('\n');
        expect(lines[0]).to.equal(`ERROR: A Sojourn server is already running on ${first.url}`);
        expect(second.err)
          .to.include(`--port ${Number(port) + 1}`)
          .and.include(`--url ${first.url}`);
      }
      const json = await serve(join(folder, 'two'), '--port', port, '--json');
      expect(JSON.parse(json.err)).to.have.nested.property('error.code', 'conflict');
    } finally {
      await first.stop();
    }
  });

  it('D-38: says that another program has the port', async () => {
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const refused = await serve(await temporaryFolder(), '--port', String(port));
    other.close();
    expect([refused.code, refused.err.split(';')[0]]).to.deep.equal([
      1,
      `sojourn: Port ${port} is already in use by another application on 127.0.0.1`,
    ]);
  });

  it('D-38: ends by itself when nobody has asked anything for --idle-timeout', async () => {
    const done = await serve(await temporaryFolder(), '--port', '0', '--idle-timeout', '1');
    expect(done.code).to.equal(0);
    expect(done.out.trimEnd().split('\n').at(-1)).to.equal('Server stopped.');
  });
});
