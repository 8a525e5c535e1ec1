/** Runs without a session: what they answer, what they leave, and how they end. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import type { RunningServer } from '../src/server.js';
import type { ICaller } from '../src/types/client.js';
import { statelessResultSchema } from '../src/types/session.js';
import { needs, pythonExecutable } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { codeOf } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

describe('a run without a session', () => {
  let world: World;
  const made: string[] = [];
  const started: (() => void)[] = [];

  async function open(options: WorldOptions = {}): Promise<World> {
    world = await openWorld({
      ...options,
      hooks: {
        made: (_engine, { workspace }) => void made.push(workspace),
        ran: () => started.splice(0).forEach((tell) => tell()),
      },
    });
    return world;
  }
  const run = (code: string, more: Record<string, unknown> = {}) =>
    world.client.call('run_once', { kind: 'counter', code, ...more });
  const running = () => new Promise<void>((resolve) => started.push(resolve));
  const folders = async () =>
    (await readdir(join(world.dataDir, 'workspaces')).catch(() => [])).filter((name) =>
      name.startsWith('.once-'),
    );

  beforeEach(() => {
    made.length = 0;
  });
  afterEach(() => world.close());

  it('answers like an execution, without a place in any journal', async () => {
    await open();
    const answer = await run('add 3');
    expect(statelessResultSchema.strict().parse(answer)).to.deep.include({
      status: 'ok',
      output: '3\n',
      result: { 'text/plain': '3' },
      error: null,
    });
  });

  it('begins with nothing each time, in a folder of its own that is gone with the answer', async () => {
    await open();
    await run('add 3');
    expect(await run('add 4')).to.include({ output: '4\n' });
    expect(new Set(made).size).to.equal(2);
    for (const folder of made)
      expect(folder.startsWith(join(world.dataDir, 'workspaces', '.once-'))).to.equal(true);
    expect(await folders()).to.deep.equal([]);
    expect((await world.client.listSessions({ includeInactive: true })).totalSessions).to.equal(0);
  });

  it('is stopped when its time is up', async () => {
    await open();
    const answer = await run('hang', { timeout_s: 0.05 });
    expect(answer).to.deep.include({ status: 'timeout', stdout: 'hanging' });
    expect(await folders()).to.deep.equal([]);
  });

  it('ends when its client leaves, unless it may come back for the answer', async () => {
    await open();
    for (const idempotency_key of [undefined, 'key']) {
      const leaving = new AbortController();
      const params = { kind: 'counter', code: 'hang', timeout_s: 0.2 };
      const call = { principal: { id: 'local', access: 'admin' as const }, request_id: 'r' };
      const isRunning = running();
      const answer = world.catalogue.call(
        'run_once',
        { ...params, ...(idempotency_key ? { idempotency_key } : {}) },
        { ...call, signal: leaving.signal },
      );
      await isRunning;
      leaving.abort();
      expect(await answer).to.include({ status: idempotency_key ? 'timeout' : 'interrupted' });
    }
  });

  it('is refused when too many run at once, with the setting that allows more', async () => {
    await open({ config: { limits: { temporary_sessions: 1 } } });
    const isRunning = running();
    const first = run('hang', { timeout_s: 0.3 });
    await isRunning;
    const refused = await run('add 1').catch((error: unknown) => error);
    expect(refused).to.deep.include({ code: 'limit_exceeded' });
    expect(refused).to.have.nested.property('fields.setting', 'limits.temporary_sessions');
    await first;
    expect(await run('add 1')).to.include({ status: 'ok' });
  });

  it('says what became of an engine that died, and that a kind runs no code', async () => {
    await open();
    expect(await codeOf(run('die'))).to.equal('kernel_died');
    expect(await codeOf(run('add 1', { kind: 'none' }))).to.equal('invalid_params');
    expect(await codeOf(run('add 1', { options: { colour: 1 } }))).to.equal('invalid_params');
    expect(await folders()).to.deep.equal([]);
  });

  it('ends with the server, and what a crash left is gone at the next start', async () => {
    await open();
    const { dataDir, store } = world;
    const isRunning = running();
    const stopped = run('hang');
    await isRunning;
    await world.stateless.dispose();
    expect(await stopped).to.include({ status: 'interrupted' });
    expect(await codeOf(run('add 1'))).to.equal('closed');
    await mkdir(join(dataDir, 'workspaces', '.once-left'), { recursive: true });
    await writeFile(join(dataDir, 'workspaces', '.once-left', 'file'), 'x');
    await world.sessions.shutdown();
    await open({ dataDir, store });
    expect(await folders()).to.deep.equal([]);
  });
});

describe('a Python run without a session', () => {
  let server: RunningServer;
  let caller: ICaller;

  before(async function () {
    await needs.python(this);
    server = await openServer();
    caller = server.app.caller(() => Promise.resolve());
  });
  after(() => server?.dispose());

  const run = (code: string, more: Record<string, unknown> = {}) =>
    caller.call('run_once', { code, ...more });

  it('has its output, its error and its files, and leaves no process', async () => {
    const code = "import os\nopen('f', 'w').write('x')\nprint(os.getpid(), os.listdir())\n1/0";
    const answer = statelessResultSchema.parse(await run(code));
    const [, pid = '', files = ''] = /^(\d+) (.*)\n/.exec(answer.stdout) ?? [];
    expect(files).to.equal("['f']");
    expect(answer.error).to.include({ name: 'ZeroDivisionError' });
    expect(answer.output.endsWith(answer.error?.traceback ?? '?')).to.equal(true);
    expect(() => process.kill(Number(pid), 0)).to.throw('ESRCH');
  });

  it('is stopped with its time limit in the error, and a kernel that ends is told', async () => {
    const late = statelessResultSchema.parse(await run('while True: pass', { timeout_s: 0.2 }));
    expect([late.status, late.error?.message]).to.deep.equal(['timeout', 'It was stopped after 0.2 s.']);
    expect(await codeOf(run('import os; os._exit(3)'))).to.equal('kernel_died');
  });

  it('is answered once for one key', async () => {
    const params = { code: 'import random, time\nprint(time.time_ns())', idempotency_key: 'once' };
    const first = await caller.call('run_once', params);
    expect(await caller.call('run_once', params)).to.deep.equal(first);
  });

  it('runs beside others', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map((n) => run(`print(${n})`)));
    expect(answers.map((answer) => z.object({ stdout: z.string() }).parse(answer).stdout)).to.deep.equal([
      '1\n',
      '2\n',
      '3\n',
      '4\n',
    ]);
  });
});

describe('an analysis without pandas', () => {
  it('says what is missing', async function () {
    await needs.python(this);
    const executable = join(await temporaryFolder(), 'bare-python');
    // Without the folders of installed packages.
    await writeFile(executable, `#!/bin/sh\nexec ${pythonExecutable} -S "$@"\n`, { mode: 0o700 });
    const server = await openServer({ python: { executable } });
    const caller = server.app.caller(() => Promise.resolve());
    const answer = statelessResultSchema.parse(await caller.call('analyze_data', { data: 'a\n1\n' }));
    expect(answer.status).to.equal('error');
    expect(answer.error).to.include({ name: 'ImportError' });
    expect(answer.error?.message).to.match(/^analyze_data needs pandas, which this Python does not have/);
    const names = 'print(math.floor(2.5))\nprint(pd)';
    const once = await caller.call('run_once', { code: names, options: { policy: 'restricted' } });
    expect(once).to.include({ stdout: '2\n' });
    expect(once).to.have.nested.property('error.name', 'NameError');
    await server.dispose();
  });
});
