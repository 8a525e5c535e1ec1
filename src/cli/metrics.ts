/** `sojourn metrics`: what the monitor has counted of a session, or of the server. */
import type { Command } from 'commander';
import type { MetricsInfo, ServerMetricsInfo, SessionMetricsInfo } from '../types/client.js';
import { globalOptions, withClient } from './context.js';
import { printJson, printLine, printTable } from './output.js';

export function addMetrics(program: Command): void {
  program
    .command('metrics')
    .description('Show counts, latencies, errors, memory and traffic since the server started.')
    .argument('[id]', 'a session; the whole server when left out')
    .action(async (id: string | undefined, _own: unknown, command: Command) => {
      const options = globalOptions(command);
      await withClient(options, async (client) => {
        if (options.json === true) {
          const params = { series: true };
          printJson(
            await (id === undefined
              ? client.call('get_server_metrics', params)
              : client.session(id).call('get_metrics', params)),
          );
        } else if (id === undefined) printServer(await client.metrics());
        else printSession(await client.session(id).metrics());
      });
    });
}

function printSession(metrics: SessionMetricsInfo): void {
  const { sessionId, kind, live, commandCount, averageExecutionMs, memoryBytes, peakMemoryBytes } = metrics;
  printLine(`${sessionId}: ${kind}, ${live ? 'live' : 'asleep'}, ${metrics.queueLength} writes waiting`);
  printLine(`commands: ${commandCount}, ${milliseconds(averageExecutionMs)} on average`);
  const [now, peak, stored] = [memoryBytes, peakMemoryBytes, metrics.storedBytes].map(size);
  printLine(`memory: ${now ?? ''}, at most ${peak ?? ''}; stored: ${stored ?? ''}`);
  printLine(`woken ${metrics.wakeCount} times, put to sleep ${metrics.hibernationCount} times`);
  printCalls(metrics);
}

function printServer(metrics: ServerMetricsInfo): void {
  const { scope, since, totalSessions, liveSessions, totalCommands, averageExecutionMs } = metrics;
  printLine(`${scope === 'own' ? 'own sessions' : 'server'} since ${since}`);
  printLine(`sessions: ${liveSessions} live, ${totalSessions} known; ${metrics.queueLength} writes waiting`);
  printLine(`commands: ${totalCommands}, ${milliseconds(averageExecutionMs)} on average`);
  printLine(`memory: ${size(metrics.memoryBytes)}, stored: ${size(metrics.storedBytes)} (live sessions)`);
  printLine(
    `found live ${metrics.foundLiveCount} times, woken ${metrics.wakeCount}, put to sleep ${metrics.hibernationCount}`,
  );
  for (const { kind, cache, hitCount, missCount } of metrics.caches)
    printLine(`cache ${kind}.${cache}: ${hitCount} hits, ${missCount} misses`);
  printCalls(metrics);
}

function printCalls({ operations, errors }: MetricsInfo): void {
  if (operations.length > 0) {
    const rows = operations.map((one) => [
      one.operation,
      String(one.callCount),
      String(one.errorCount),
      ...[one.p50Ms, one.p95Ms, one.p99Ms, one.maxMs].map(milliseconds),
      size(one.receivedBytes),
      size(one.sentBytes),
    ]);
    printTable(['OPERATION', 'CALLS', 'ERRORS', 'P50', 'P95', 'P99', 'MAX', 'IN', 'OUT'], rows);
  }
  for (const [code, count] of Object.entries(errors)) printLine(`${code}: ${count}`);
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${Number(value.toPrecision(3))} ${units[unit] ?? ''}`;
}
