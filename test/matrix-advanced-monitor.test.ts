/** The acceptance row R-30: what the session monitor tells after commands. */
import { expect } from 'chai';
import { SessionMonitor } from '../src/advanced/monitor/session-monitor.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ICaller } from '../src/types/client.js';
import type { ISessionMonitor } from '../src/types/monitor.js';
import { DrivenClock } from './support/driven-clock.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { doors } from './support/server-doors.js';

describe('the session monitor', () => {
  let clock: DrivenClock;
  let monitor: ISessionMonitor;
  beforeEach(() => {
    clock = new DrivenClock();
    monitor = new SessionMonitor(clock);
  });

  it('R-30: after 3 commands it tells their count, average time, peak memory and the aggregate', () => {
    for (const ms of [10, 20, 60]) monitor.recordCommandExecution('a', ms);
    for (const bytes of [1000, 5000, 2000]) monitor.updateMemoryUsage('a', bytes);
    monitor.updateSessionSize('a', 777);
    expect(monitor.getMetrics('a')).to.deep.equal({
      commandCount: 3,
      averageExecutionTime: 30,
      peakMemoryUsage: 5000,
      lastAccessed: new Date(clock.now()),
      sessionSize: 777,
    });
    clock.advance(1000);
    monitor.recordCommandExecution('b', 110);
    monitor.updateMemoryUsage('b', 500);
    expect(monitor.getAggregateMetrics()).to.deep.equal({
      totalSessions: 2,
      totalCommands: 4,
      averageExecutionTime: 50,
      totalMemoryUsage: 5500,
    });
    expect([...monitor.getAllMetrics()].map(([id, { commandCount }]) => [id, commandCount])).to.deep.equal([
      ['a', 3],
      ['b', 1],
    ]);
    expect(monitor.getMetrics('b')?.lastAccessed).to.deep.equal(new Date(clock.now()));
  });

  it('R-30: the average is of the last 100 commands, the count of all', () => {
    for (let command = 0; command < 50; command += 1) monitor.recordCommandExecution('a', 1_000_000);
    for (let command = 0; command < 100; command += 1) monitor.recordCommandExecution('a', 5);
    expect(monitor.getMetrics('a')).to.include({ commandCount: 150, averageExecutionTime: 5 });
  });

  it('R-30: what is cleared is gone, and of an unknown session there is nothing', () => {
    for (const id of ['a', 'b', 'c']) monitor.recordCommandExecution(id, 1);
    monitor.clearMetrics('a');
    expect(monitor.getMetrics('a')).to.equal(null);
    expect(monitor.getAggregateMetrics()).to.include({ totalSessions: 2, totalCommands: 2 });
    monitor.clearAllMetrics();
    expect(monitor.getAllMetrics().size).to.equal(0);
    expect(monitor.getAggregateMetrics()).to.deep.equal({
      totalSessions: 0,
      totalCommands: 0,
      averageExecutionTime: 0,
      totalMemoryUsage: 0,
    });
  });
});

for (const door of doors) {
  describe(`the session monitor ${door.name}`, () => {
    let server: RunningServer;
    let caller: ICaller;
    before(function () {
      return needs.python(this);
    });
    beforeEach(async () => {
      server = await openServer();
      caller = door.open(server);
    });
    afterEach(async () => {
      await caller.dispose();
      await server.dispose();
    });

    it('R-30: after 3 commands of a Python session it tells the same', async () => {
      const sojourn = new Sojourn(caller);
      const session = await sojourn.createSession({ sessionId: 'a', kind: 'python' });
      for (const code of ['x = 1', 'x + 1', '1 / 0']) await session.execute(code);
      await session.variables();
      const metrics = await session.metrics();
      expect(metrics).to.include({ sessionId: 'a', kind: 'python', live: true, commandCount: 3 });
      expect(metrics.averageExecutionMs).to.be.greaterThan(0);
      expect(metrics.peakMemoryBytes).to.be.at.least(metrics.memoryBytes).and.greaterThan(0);
      expect(metrics.storedBytes).to.be.greaterThan(0);
      expect(metrics.operations.map(({ operation, callCount }) => [operation, callCount])).to.deep.equal([
        ['execute', 3],
        ['list_variables', 1],
      ]);
      const all = await sojourn.metrics({ series: true });
      expect(all).to.include({ scope: 'server', totalSessions: 1, liveSessions: 1, totalCommands: 3 });
      expect(all.averageExecutionMs).to.equal(metrics.averageExecutionMs);
      expect(all.totalMemoryBytes).to.be.at.least(metrics.peakMemoryBytes);
      expect(all.storedBytes).to.be.greaterThan(0);
      expect(all.series).to.not.be.empty;
    });
  });
}
