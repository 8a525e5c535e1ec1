/** How sessions are, asked through REST while they sleep, idle, run and die. */
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import { UsageMeter } from '../src/core/usage-meter.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import { machineHealthSchema, responsivenessSchema, sessionHealthSchema } from '../src/types/health.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { gone } from './support/python-fates.js';
import { codeOf, counter, epochs } from './support/session-words.js';
import { openWorld } from './support/world.js';

const healthSchema = sessionHealthSchema.extend({ system: machineHealthSchema });
const health = async (session: ISession) => healthSchema.parse(await session.call('health'));
const responds = async (session: ISession, timeout_s?: number) =>
  responsivenessSchema.parse(
    await session.call('check_responsiveness', timeout_s === undefined ? {} : { timeout_s }),
  );

/** Begins an execution and resolves when it says `ready`. */
async function begin(session: ISession, code: string): Promise<{ done: Promise<unknown> }> {
  const done = session.execute(code).catch((error: unknown) => error);
  for await (const event of session.events()) if (event.type === 'stdout' && /ready/.test(event.text)) break;
  return { done };
}

const endless = `print('ready', flush=True)\nwhile True: pass`;

describe('the health of a Python session', () => {
  let server: RunningServer;
  let client: Sojourn;

  before(async function () {
    await needs.python(this);
    needs.linux(this);
    server = await openServer();
    client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
  });
  after(async () => {
    await client?.close();
    await server?.dispose();
  });

  it('tells the process, its memory, its processor time and its threads', async () => {
    const session = await client.createSession();
    const { output } = await session.execute('import os; big = bytearray(50_000_000); os.getpid()');
    const told = await health(session);
    expect(told).to.include({ status: 'healthy', error: null, pid: Number(output), epoch: 1, restarts: 0 });
    expect(told.memory.private_bytes).to.be.greaterThan(50_000_000);
    expect(told.memory.pss_bytes).to.be.greaterThan(50_000_000);
    expect(told.cpu_percent).to.be.at.least(0);
    expect(told.threads).to.be.at.least(1);
    expect(told.uptime_s).to.be.within(0, 60);
    expect(Date.now() - Date.parse(told.started_at ?? '')).to.be.within(0, 60_000);
  });

  it('counts executions and how long they took', async () => {
    const session = await client.createSession();
    expect(await health(session)).to.include({ executions: 0, last_execution_ms: null });
    const times: number[] = [];
    for (const code of ['1', 'sum(range(10 ** 6))']) times.push((await session.execute(code)).durationMs);
    const [first = 0, last = 0] = times;
    const told = await health(session);
    expect(told).to.include({ executions: 2, last_execution_ms: last });
    expect(told.average_execution_ms).to.be.closeTo((first + last) / 2, 0.001);
  });

  it('tells what the machine has left', async () => {
    const { system } = await health(await client.createSession());
    expect(system.memory_available_bytes).to.be.greaterThan(0);
    expect(system.cpu_percent).to.be.within(0, 100);
    expect(system.disk_free_bytes).to.be.greaterThan(0);
  });

  it('is told while code runs and others wait, and says that they do', async () => {
    const session = await client.createSession();
    const { done } = await begin(session, endless);
    const waiting = session.execute('2').catch((error: unknown) => error);
    while ((await health(session)).queue_length === 0);
    let told = await health(session);
    expect(told).to.include({ status: 'busy', queue_length: 1 });
    // Counted in hundredths of a second: a look right behind another one may find nothing.
    while (told.cpu_percent === 0) told = await health(session);
    expect(told.cpu_percent).to.be.greaterThan(0);
    await session.interrupt();
    await Promise.all([done, waiting]);
    expect(await health(session)).to.include({ status: 'healthy', executions: 2 });
  });

  it('does not wake a session that sleeps, and says that it does', async () => {
    const session = await client.createSession();
    await session.execute('x = 1');
    await session.hibernate();
    const told = await health(session);
    expect(told).to.include({
      status: 'hibernated',
      pid: null,
      cpu_percent: null,
      uptime_s: null,
      executions: 1,
    });
    expect(told.memory).to.deep.equal({ pss_bytes: null, private_bytes: null });
    expect((await session.info()).status).to.equal('hibernated');
  });

  it('says dead, and why, until a session that died twice in a row is used again', async () => {
    const session = await client.createSession();
    await session.execute('kept = 7');
    for (const exitCode of [3, 4])
      expect(await codeOf(session.execute(`import os; os._exit(${exitCode})`))).to.equal('kernel_died');
    const told = await health(session);
    expect(told).to.include({ status: 'dead', error: 'The kernel ended with exit code 4.', pid: null });
    expect((await responds(session)).responsive).to.equal(false);
    expect((await session.execute('kept')).output).to.equal('7\n');
    const back = await health(session);
    expect(back).to.include({ status: 'healthy', error: null });
    expect(back.restarts).to.equal((await epochs(session)).length);
  });

  it('is not for sessions that are not there', async () => {
    for (const operation of ['health', 'check_responsiveness'])
      expect(await codeOf(client.session('nobody').call(operation))).to.equal('session_not_found');
  });

  it('has an address of its own over REST', async () => {
    const session = await client.createSession();
    const headers = { Authorization: `Bearer ${server.token ?? ''}` };
    const answer = await fetch(`${server.url}/api/sessions/${session.id}/health`, { headers });
    expect(answer.status).to.equal(200);
    expect(healthSchema.parse(await answer.json()).status).to.equal('healthy');
    const query = `${server.url}/api/sessions/${session.id}/check_responsiveness?timeout_s=0.5`;
    const responsive = responsivenessSchema.parse(await (await fetch(query, { headers })).json());
    expect(responsive).to.include({ responsive: true, timeout_s: 0.5 });
  });
});

describe('the responsiveness of a Python session', () => {
  let server: RunningServer;
  let client: Sojourn;

  before(async function () {
    await needs.python(this);
    server = await openServer({ execution: { interrupt_grace_ms: 200 } });
    client = new Sojourn(new HttpCaller({ url: server.url, token: server.token }));
  });
  after(async () => {
    await client?.close();
    await server?.dispose();
  });

  it('is there while nothing runs, with the time it took', async () => {
    const told = await responds(await client.createSession());
    expect(told).to.include({ responsive: true, timeout_s: 5, status: 'healthy' });
    expect(told.response_time_s).to.be.within(0, 5);
  });

  it('is not there in a busy loop, and the loop does not notice', async () => {
    const session = await client.createSession();
    const { done } = await begin(
      session,
      `caught = []\ntry:\n    print('ready')\n    while True: pass
except BaseException as error: caught.append(type(error).__name__)`,
    );
    const told = await Promise.all(Array.from({ length: 20 }, () => responds(session, 0.2)));
    for (const one of told) {
      expect(one).to.include({ responsive: false, timeout_s: 0.2, status: 'busy' });
      expect(one.response_time_s).to.be.within(0.19, 5);
    }
    await session.interrupt();
    await done;
    expect((await session.execute('caught')).output).to.equal(`['KeyboardInterrupt']\n`);
    expect((await responds(session)).responsive).to.equal(true);
  });

  it('is there again for one who waits until the run has ended', async () => {
    const session = await client.createSession();
    const { done } = await begin(session, endless);
    const waiting = responds(session, 60);
    await session.execute('1', { onBusy: 'interrupt' });
    await done;
    expect((await waiting).responsive).to.equal(true);
  });

  it('is asked for without keeping a run from being stopped', async () => {
    const session = await client.createSession();
    // A task that holds up the main loop between two requests.
    const { done } = await begin(
      session,
      `import asyncio, time
async def block():
    await asyncio.sleep(0.05)
    print('ready', flush=True)
    while True: time.sleep(0.01)
task = asyncio.ensure_future(block())`,
    );
    await done;
    const told = await responds(session, 0.2);
    expect(told).to.include({ responsive: false, status: 'healthy' });
    const stopped = await session.execute('1 + 1', { timeoutS: 0.2 });
    expect(stopped.status).to.equal('timeout');
    expect((await responds(session)).responsive).to.equal(true);
    expect((await session.execute('1 + 1')).output).to.equal('2\n');
  });

  it('is asked for without counting as a use', async () => {
    const session = await client.createSession();
    const { lastActivity } = await session.info();
    await responds(session);
    await health(session);
    expect((await session.info()).lastActivity).to.equal(lastActivity);
  });

  it('is not there in a session that sleeps, which is not woken', async () => {
    const session = await client.createSession();
    await session.hibernate();
    expect(await responds(session)).to.deep.equal({
      responsive: false,
      response_time_s: null,
      timeout_s: 5,
      status: 'hibernated',
    });
    expect((await session.info()).status).to.equal('hibernated');
  });

  it('is not there when the kernel dies meanwhile', async () => {
    const session = await client.createSession();
    const pid = Number((await session.execute('import os; os.getpid()')).output);
    const { done } = await begin(session, endless);
    const waiting = responds(session, 60);
    process.kill(pid, 'SIGKILL');
    await Promise.all([gone(pid), done]);
    expect((await waiting).responsive).to.equal(false);
  });

  it('is asked for within bounds', async () => {
    const session = await client.createSession();
    for (const timeout_s of [-1, 301, 'soon'])
      expect(await codeOf(session.call('check_responsiveness', { timeout_s }))).to.equal('invalid_params');
  });
});

describe('the health of a session of another kind', () => {
  it('is told without a process where the engine has none', async () => {
    const world = await openWorld();
    const session = await world.client.createSession(counter);
    await session.execute('add 1');
    const told = await health(session);
    expect(told).to.include({ status: 'healthy', pid: null, executions: 1 });
    expect(await responds(session)).to.include({ responsive: true, status: 'healthy' });
    await world.close();
  });
});

describe('a usage meter', () => {
  it('measures from a look at least a second old', () => {
    const meter = new UsageMeter();
    const told = [
      [0, 0],
      [100, 200],
      [500, 1000],
      [510, 1010],
      [1000, 3000],
      [1000, 3001],
    ].map(([used = 0, at = 0]) => meter.percent(used, at));
    expect(told).to.deep.equal([null, 50, 50, 50.5, 25, 25]);
  });
});
