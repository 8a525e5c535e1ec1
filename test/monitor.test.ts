/** The monitor over a whole Sojourn: whose calls count where, what is forgotten, what is logged. */
import { expect } from 'chai';
import { asleepMax, SessionMonitor } from '../src/advanced/monitor/session-monitor.js';
import { silentLog } from '../src/core/system.js';
import type { ISession } from '../src/types/client.js';
import type { ConfigInput } from '../src/types/config.js';
import type { ILog, LogFields } from '../src/types/ports.js';
import { DrivenClock } from './support/driven-clock.js';
import { codeOf, counter, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

/** A log that keeps what was slow. */
function slowLog() {
  const slow: LogFields[] = [];
  const info: ILog['info'] = (fields, message) => {
    if (message === 'slow operation') slow.push(fields);
  };
  const log: ILog = { ...silentLog, info, child: () => log };
  return { log, slow };
}

const callsOf = async (session: ISession) => {
  const { operations } = await session.metrics();
  return Object.fromEntries(operations.map(({ operation, callCount }) => [operation, callCount]));
};

describe('the monitor', () => {
  let world: World;
  const open = async (options: WorldOptions = {}) => {
    world = await openWorld(options);
    return world.client;
  };
  afterEach(() => world.close());

  describe('and its calls', () => {
    it('counts answers, errors by code and latencies by operation', async () => {
      const client = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 1');
      await session.execute('fail now');
      await codeOf(session.call('execute', { code: 1 }));
      await codeOf(session.execution(999));
      const metrics = await session.metrics();
      expect(metrics).to.deep.include({ errors: { execution_not_found: 1, invalid_params: 1 } });
      expect(metrics).to.include({ commandCount: 2, callCount: 4, errorCount: 2, foundLiveCount: 4 });
      const [execute] = metrics.operations;
      expect(execute).to.include({ operation: 'execute', callCount: 3, errorCount: 1, receivedBytes: 0 });
      expect(execute?.p50Ms).to.be.at.most(execute?.p95Ms ?? 0);
      expect(execute?.p99Ms).to.be.at.most(execute?.maxMs ?? 0);
      expect(metrics.series).to.equal(undefined);
      const all = await client.metrics();
      expect(all.transports).to.deep.equal([
        { transport: 'in-process', callCount: 6, receivedBytes: 0, sentBytes: 0 },
      ]);
      expect(all.operations.map(({ operation }) => operation)).to.include('create_session');
    });

    it('leaves what waits on purpose out of latencies and out of the log', async () => {
      const { log, slow } = slowLog();
      const clock = new DrivenClock();
      const client = await open({ clock, log });
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const { headSeq } = await session.info();
      const waiting = session.call('get_events', { since_seq: headSeq + 1, wait_s: 30 });
      let ended = false;
      void waiting.then(() => (ended = true));
      await until(async () => {
        clock.advance(31_000);
        return ended;
      });
      const metrics = await session.metrics();
      const events = metrics.operations.find(({ operation }) => operation === 'get_events');
      expect(events?.maxMs).to.be.at.least(30_000);
      expect(metrics.latency.maxMs).to.equal(0);
      expect(slow).to.deep.equal([]);
    });

    it('tells the queue and the running state of a busy session without waiting for it', async () => {
      const client = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const hanging = session.execute('hang');
      for await (const event of session.events()) if (event.type === 'stdout') break;
      const waiting = [session.execute('add 1'), session.execute('add 2')];
      expect((await session.metrics()).queueLength).to.equal(2);
      expect((await client.metrics()).queueLength).to.equal(2);
      await session.interrupt();
      await Promise.all([hanging, ...waiting]);
      expect((await session.metrics()).queueLength).to.equal(0);
    });
  });

  describe('and tenants', () => {
    it('shows a principal its own sessions and nothing else', async () => {
      const client = await open();
      const mine = await world.as('me').createSession({ ...counter, sessionId: 'mine' });
      const theirs = await world.as('them').createSession({ ...counter, sessionId: 'theirs' });
      for (let run = 0; run < 5; run += 1) await mine.execute('add 1');
      await theirs.execute('add 1');
      const own = await world.as('them').metrics({ series: true });
      expect(own).to.include({
        scope: 'own',
        totalSessions: 1,
        liveSessions: 1,
        totalCommands: 1,
        callCount: 1,
      });
      expect(own).to.deep.include({ kinds: [], transports: [], caches: [] });
      expect(own.series?.map(({ callCount }) => callCount)).to.deep.equal([1]);
      expect(await codeOf(world.as('them').session('mine').metrics())).to.equal('session_not_found');
      expect(await codeOf(world.as('them').call('get_prometheus_metrics'))).to.equal('forbidden');
      expect(await client.metrics()).to.include({ scope: 'server', totalSessions: 2, totalCommands: 6 });
      expect(await client.session('mine').metrics()).to.include({ commandCount: 5 });
      expect((await world.as('nobody').metrics()).totalSessions).to.equal(0);
    });

    it('does not tell an owner what strangers try on its session', async () => {
      await open();
      const mine = await world.as('me').createSession({ ...counter, sessionId: 'mine' });
      const stranger = world.as('them').session('mine');
      expect(await codeOf(stranger.execute('add 1'))).to.equal('session_not_found');
      expect(await codeOf(stranger.call('execute', { code: 1 }))).to.equal('invalid_params');
      const metrics = await mine.metrics();
      expect(metrics).to.deep.include({ errors: {}, operations: [] });
      expect(metrics.lastAccessed).to.equal(null);
    });
  });

  describe('and the life of sessions', () => {
    it('counts sleep and waking, and keeps what a sleeping session had', async () => {
      const client = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 1');
      await session.hibernate();
      const asleep = await session.metrics({ series: true });
      expect(asleep).to.include({ live: false, commandCount: 1, wakeCount: 0, hibernationCount: 1 });
      expect(asleep.series).to.deep.equal([]);
      expect((await session.info()).status).to.equal('hibernated');
      await session.execute('add 1');
      const woken = await session.metrics({ series: true });
      expect(woken).to.include({ live: true, commandCount: 2, wakeCount: 1, hibernationCount: 1 });
      // The first run and hibernate found it live; reading metrics and metadata of a sleeping one does not wake it.
      expect(woken.foundLiveCount).to.equal(2);
      expect(woken.series).to.have.lengthOf(1);
      const { kinds, wakeCount, hibernationCount } = await client.metrics();
      expect({ wakeCount, hibernationCount }).to.deep.equal({ wakeCount: 1, hibernationCount: 1 });
      expect(kinds).to.deep.equal([
        {
          kind: 'counter',
          liveSessions: 1,
          createdCount: 1,
          forkedCount: 0,
          wokenCount: 1,
          hibernatedCount: 1,
          deletedCount: 0,
        },
      ]);
    });

    it('forgets a deleted session; one of the same id begins from nothing', async () => {
      const client = await open();
      const first = await client.createSession({ ...counter, sessionId: 'a' });
      await first.execute('add 1');
      await first.delete();
      expect(await codeOf(first.metrics())).to.equal('session_not_found');
      expect(await client.metrics()).to.include({ totalSessions: 0, totalCommands: 0 });
      const second = await client.createSession({ ...counter, sessionId: 'a' });
      expect(await second.metrics()).to.include({ commandCount: 0, callCount: 0 });
      const all = await client.metrics();
      expect(all.operations.find(({ operation }) => operation === 'execute')?.callCount).to.equal(1);
    });

    it('begins with a fork, which has nothing of its source', async () => {
      const client = await open();
      const source = await client.createSession({ ...counter, sessionId: 'a' });
      await source.execute('add 1');
      const fork = await source.fork('b');
      expect(await callsOf(fork)).to.deep.equal({});
      expect(await callsOf(source)).to.deep.equal({ execute: 1, fork: 1 });
    });

    it('goes on with the same numbers after a restart of the live state', async () => {
      const client = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 1');
      await session.restart({ keepState: true });
      expect(await callsOf(session)).to.deep.equal({ execute: 1, restart: 1 });
    });

    it('remembers so many sleeping sessions, and gives up those not used for longest', () => {
      const monitor = new SessionMonitor(new DrivenClock());
      const change = (type: 'created' | 'hibernated', index: number) =>
        monitor.hear({ type, session_id: `s${index}`, kind: 'counter', owner: 'me' });
      for (let index = 0; index < asleepMax + 10; index += 1) {
        change('created', index);
        change('hibernated', index);
      }
      expect(monitor.getAggregateMetrics().totalSessions).to.equal(asleepMax);
      expect(monitor.getMetrics('s9')).to.equal(null);
      expect(monitor.getMetrics('s10')).to.not.equal(null);
      for (let index = 0; index < 2 * asleepMax; index += 1) monitor.recordCommandExecution(`x${index}`, 1);
      expect(monitor.getAllMetrics().size).to.equal(asleepMax);
    });

    it('looks at live sessions now and then, and no more when it is disposed', async () => {
      const clock = new DrivenClock();
      const client = await open({ clock });
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      for (let minute = 0; minute < 3; minute += 1) clock.advance(60_000);
      const { series = [] } = await session.metrics({ series: true });
      expect(series.map(({ at }) => at.slice(11, 16))).to.deep.equal(['00:01', '00:02', '00:03']);
      // The making of the session is no call of it.
      expect((await client.metrics({ series: true })).series).to.have.lengthOf(4);
    });
  });

  describe('and slow operations', () => {
    const slowWorld = async (monitor: ConfigInput['monitor']) => {
      const { log, slow } = slowLog();
      const clock = new DrivenClock();
      const client = await open({ clock, log, config: { monitor } });
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      return { client, clock, session, slow };
    };
    const slowRun = async (clock: DrivenClock, session: ISession, code: string) => {
      const running = session.execute(code);
      for await (const event of session.events()) if (event.type === 'stdout') break;
      clock.advance(1500);
      await session.interrupt();
      await running;
    };

    it('logs them with their time, and nothing of what was in them', async () => {
      const { clock, session, slow } = await slowWorld({});
      await session.execute('say secret-marker');
      await slowRun(clock, session, 'hang secret-marker');
      const [entry] = slow.filter(({ operation }) => operation === 'execute');
      expect(entry).to.include({ operation: 'execute', session_id: 'a', duration_ms: 1500 });
      expect(Object.keys(entry ?? {}).sort()).to.deep.equal([
        'duration_ms',
        'operation',
        'request_id',
        'session_id',
      ]);
      expect(JSON.stringify(slow)).not.to.include('secret-marker');
    });

    it('logs none below the setting, and none at all with 0', async () => {
      for (const slow_operation_ms of [2000, 0]) {
        const { clock, session, slow } = await slowWorld({ slow_operation_ms });
        await slowRun(clock, session, 'hang');
        expect(slow).to.deep.equal([]);
        if (slow_operation_ms > 0) await world.close();
      }
    });

    it('names no session that is not known, whatever was sent as its id', async () => {
      const { log, slow } = slowLog();
      const clock = new DrivenClock();
      await open({ clock, log });
      const asked = world.catalogue.call(
        'get_metrics',
        { session_id: 'evil\n{"level":60}' },
        { principal: { id: 'me', access: 'write' }, request_id: 'r' },
      );
      clock.advance(5000);
      expect(await codeOf(asked)).to.equal('invalid_params');
      expect(slow).to.deep.equal([
        { operation: 'get_metrics', request_id: 'r', duration_ms: 5000, code: 'invalid_params' },
      ]);
    });
  });
});
